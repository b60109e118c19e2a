// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Builds one packet, chunk by chunk, and puts the checksum in last.
struct SCTPPacketWriter {
    private var writer: ByteWriter
    /// Where the flags of the last DATA chunk stand.
    private var lastDataFlags: Int?

    /// Starts a packet with its common header.
    init(
        sourcePort: UInt16, destinationPort: UInt16, verificationTag: UInt32,
        capacity: Int = SCTPPacketWriter.defaultCapacity
    ) {
        writer = ByteWriter(capacity: capacity)
        writer.uint16(sourcePort)
        writer.uint16(destinationPort)
        writer.uint32(verificationTag)
        writer.uint32(0)
    }

    /// Fits a SACK and one event of a talking avatar; longer packets grow once or twice.
    static let defaultCapacity = 320

    /// Bytes so far, padding included.
    var count: Int { writer.count }
    /// Whether nothing but the common header was written.
    var isEmpty: Bool { writer.count == SCTPPacket.headerSize }

    /// Whether the packet holds DATA.
    var hasData: Bool { lastDataFlags != nil }

    /// The packet with its checksum.
    consuming func finish() -> [UInt8] {
        let checksum = SCTPChecksum.ofPacket(writer.bytes)
        writer.setUInt32(checksum.byteSwapped, at: 8)
        return writer.bytes
    }

    /// Asks for a prompt acknowledgement of the last DATA chunk (RFC 7053).
    mutating func markLastDataImmediate() {
        guard let offset = lastDataFlags else { return }
        writer.bytes[offset] |= SCTPDataChunk.Flags.immediate.rawValue
    }

    /// Appends DATA whose payload is a part of `message`.
    mutating func appendData(
        flags: SCTPDataChunk.Flags, tsn: UInt32, stream: UInt16, streamSequence: UInt16,
        protocolIdentifier: UInt32, message: [UInt8], range: Range<Int>
    ) {
        lastDataFlags = writer.count + 1
        let start = begin(SCTPChunkType.data, flags.rawValue)
        writer.uint32(tsn)
        writer.uint16(stream)
        writer.uint16(streamSequence)
        writer.uint32(protocolIdentifier)
        writer.bytes.append(contentsOf: message[range])
        end(start)
    }

    /// Appends any chunk.
    mutating func append(_ chunk: SCTPChunk) {
        switch chunk {
        case .data(let data):
            appendData(
                flags: data.flags, tsn: data.tsn, stream: data.stream,
                streamSequence: data.streamSequence, protocolIdentifier: data.protocolIdentifier,
                message: data.payload, range: 0..<data.payload.count)
        case .initiation(let body): append(SCTPChunkType.initiation, body)
        case .initiationAck(let body): append(SCTPChunkType.initiationAck, body)
        case .sack(let sack): append(sack)
        case .heartbeat(let value): append(SCTPChunkType.heartbeat, 0, value)
        case .heartbeatAck(let value): append(SCTPChunkType.heartbeatAck, 0, value)
        case .abort(let isTagReflected, let causes):
            let start = begin(SCTPChunkType.abort, isTagReflected ? 1 : 0)
            SCTPErrorCause.write(causes, to: &writer)
            end(start)
        case .shutdown(let tsn):
            let start = begin(SCTPChunkType.shutdown)
            writer.uint32(tsn)
            end(start)
        case .shutdownAck: append(SCTPChunkType.shutdownAck, 0, [])
        case .shutdownComplete(let isTagReflected):
            append(SCTPChunkType.shutdownComplete, isTagReflected ? 1 : 0, [])
        case .error(let causes):
            let start = begin(SCTPChunkType.error)
            SCTPErrorCause.write(causes, to: &writer)
            end(start)
        case .cookieEcho(let cookie): append(SCTPChunkType.cookieEcho, 0, cookie)
        case .cookieAck: append(SCTPChunkType.cookieAck, 0, [])
        case .interleavedData(let data): append(data)
        case .reconfiguration(let parameters):
            let start = begin(SCTPChunkType.reconfiguration)
            SCTPParameter.write(parameters, to: &writer)
            end(start)
        case .forwardTSN(let forward): append(forward)
        case .interleavedForwardTSN(let tsn, let skipped): append(tsn, skipped)
        case .unrecognized(let type, let flags, let value): append(type, flags, value)
        }
    }

    private mutating func append(_ type: UInt8, _ flags: UInt8, _ value: [UInt8]) {
        let start = begin(type, flags)
        writer.append(value)
        end(start)
    }

    private mutating func append(_ type: UInt8, _ body: SCTPInitChunk) {
        let start = begin(type)
        writer.uint32(body.initiateTag)
        writer.uint32(body.receiveWindow)
        writer.uint16(body.outboundStreams)
        writer.uint16(body.inboundStreams)
        writer.uint32(body.initialTSN)
        SCTPParameter.write(body.parameters, to: &writer)
        end(start)
    }

    private mutating func append(_ sack: SCTPSackChunk) {
        let start = begin(SCTPChunkType.sack)
        writer.uint32(sack.cumulativeTSN)
        writer.uint32(sack.receiveWindow)
        writer.uint16(UInt16(truncatingIfNeeded: sack.gaps.count))
        writer.uint16(UInt16(truncatingIfNeeded: sack.duplicates.count))
        for gap in sack.gaps {
            writer.uint16(gap.start)
            writer.uint16(gap.end)
        }
        for duplicate in sack.duplicates { writer.uint32(duplicate) }
        end(start)
    }

    private mutating func append(_ data: SCTPInterleavedDataChunk) {
        let start = begin(SCTPChunkType.interleavedData, data.flags.rawValue)
        writer.uint32(data.tsn)
        writer.uint16(data.stream)
        writer.uint16(0)
        writer.uint32(data.messageIdentifier)
        writer.uint32(data.protocolIdentifierOrFragment)
        writer.append(data.payload)
        end(start)
    }

    private mutating func append(_ forward: SCTPForwardTSNChunk) {
        let start = begin(SCTPChunkType.forwardTSN)
        writer.uint32(forward.newCumulativeTSN)
        for skip in forward.skipped {
            writer.uint16(skip.stream)
            writer.uint16(skip.streamSequence)
        }
        end(start)
    }

    private mutating func append(_ tsn: UInt32, _ skipped: [SCTPInterleavedSkip]) {
        let start = begin(SCTPChunkType.interleavedForwardTSN)
        writer.uint32(tsn)
        for skip in skipped {
            writer.uint16(skip.stream)
            writer.uint16(skip.isUnordered ? 1 : 0)
            writer.uint32(skip.messageIdentifier)
        }
        end(start)
    }

    private mutating func begin(_ type: UInt8, _ flags: UInt8 = 0) -> Int {
        let start = writer.count
        writer.uint8(type)
        writer.uint8(flags)
        writer.uint16(0)
        return start
    }

    private mutating func end(_ start: Int) {
        writer.setUInt16(UInt16(truncatingIfNeeded: writer.count - start), at: start + 2)
        writer.pad(to: 4)
    }
}

extension SCTPPacket {
    /// The packet's bytes, with a checksum unless it was left out.
    func encoded() -> [UInt8] {
        var writer = SCTPPacketWriter(
            sourcePort: sourcePort, destinationPort: destinationPort,
            verificationTag: verificationTag)
        for chunk in chunks { writer.append(chunk) }
        var bytes = writer.finish()
        if checksum == .absent { bytes.replaceSubrange(8..<12, with: [0, 0, 0, 0]) }
        return bytes
    }
}
