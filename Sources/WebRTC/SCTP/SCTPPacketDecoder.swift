// SPDX-License-Identifier: Apache-2.0
internal import Base

extension SCTPPacket {
    /// The largest packet that is read: peers stay below 1,300 bytes, a DTLS record below 16,384.
    static let receiveSizeMax = 8192
    /// The most chunks in one packet: 1,188 bytes of smallest chunks.
    static let chunksMax = 300
    /// The smallest window that an INIT may offer (RFC 9260 section 3.3.2).
    static let initWindowMin: UInt32 = 1500

    /// Reads a packet whole; a fault anywhere in it is a fault of all of it.
    init(parsing bytes: [UInt8]) throws(SCTPDecodeError) {
        guard bytes.count >= Self.headerSize else { throw .packetTooShort(bytes.count) }
        guard bytes.count <= Self.receiveSizeMax else { throw .packetTooLong(bytes.count) }
        var reader = ByteReader(bytes)
        guard let source = reader.uint16(), let destination = reader.uint16(),
            let tag = reader.uint32(), let wireChecksum = reader.uint32()
        else { throw .packetTooShort(bytes.count) }
        guard source != 0, destination != 0 else { throw .portZero }
        // The checksum is the one little-endian field.
        if SCTPChecksum.ofPacket(bytes) == wireChecksum.byteSwapped {
            checksum = .valid
        } else if wireChecksum == 0 {
            checksum = .absent
        } else {
            throw .checksumMismatch
        }
        sourcePort = source
        destinationPort = destination
        verificationTag = tag
        chunks = try Self.chunks(&reader)
        guard !chunks.isEmpty else { throw .noChunk }
        guard chunks.count == 1 || !chunks.contains(where: \.isInitiation) else {
            throw .initNotAlone
        }
    }

    private static func chunks(_ reader: inout ByteReader) throws(SCTPDecodeError) -> [SCTPChunk] {
        var chunks: [SCTPChunk] = []
        while !reader.isAtEnd {
            guard chunks.count < chunksMax else { throw .tooManyChunks }
            guard reader.remaining >= chunkHeaderSize else {
                throw .trailingBytes(reader.remaining)
            }
            guard let type = reader.uint8(), let flags = reader.uint8(),
                let length = reader.uint16()
            else { throw .trailingBytes(reader.remaining) }
            guard length >= 4, var value = reader.slice(Int(length) - 4) else {
                throw .chunkLengthInvalid(type: type, length: Int(length))
            }
            // A sender may leave the last chunk's padding out of the packet.
            _ = reader.skip(min(reader.remaining, (4 - Int(length) % 4) % 4))
            chunks.append(try SCTPChunk(type: type, flags: flags, value: &value))
        }
        return chunks
    }
}

extension SCTPChunk {
    fileprivate var isInitiation: Bool {
        switch self {
        case .initiation, .initiationAck: true
        default: false
        }
    }

    fileprivate init(
        type: UInt8, flags: UInt8, value: inout ByteReader
    ) throws(SCTPDecodeError) {
        switch type {
        case SCTPChunkType.data:
            self = .data(try SCTPDataChunk(flags, &value))
        case SCTPChunkType.initiation:
            self = .initiation(try SCTPInitChunk(type, &value))
        case SCTPChunkType.initiationAck:
            self = .initiationAck(try SCTPInitChunk(type, &value))
        case SCTPChunkType.sack:
            self = .sack(try SCTPSackChunk(&value))
        case SCTPChunkType.heartbeat:
            self = .heartbeat(value.rest())
        case SCTPChunkType.heartbeatAck:
            self = .heartbeatAck(value.rest())
        case SCTPChunkType.abort:
            self = .abort(isTagReflected: flags & 1 == 1, causes: try SCTPErrorCause.list(&value))
        case SCTPChunkType.shutdown:
            guard let tsn = value.uint32() else {
                throw .chunkTooShort(type: type, length: value.remaining)
            }
            self = .shutdown(cumulativeTSN: tsn)
        case SCTPChunkType.shutdownAck:
            self = .shutdownAck
        case SCTPChunkType.shutdownComplete:
            self = .shutdownComplete(isTagReflected: flags & 1 == 1)
        case SCTPChunkType.error:
            self = .error(try SCTPErrorCause.list(&value))
        case SCTPChunkType.cookieEcho:
            self = .cookieEcho(value.rest())
        case SCTPChunkType.cookieAck:
            self = .cookieAck
        case SCTPChunkType.interleavedData:
            self = .interleavedData(try SCTPInterleavedDataChunk(flags, &value))
        case SCTPChunkType.reconfiguration:
            self = .reconfiguration(try SCTPParameter.list(&value))
        case SCTPChunkType.forwardTSN:
            self = .forwardTSN(try SCTPForwardTSNChunk(&value))
        case SCTPChunkType.interleavedForwardTSN:
            self = try .interleavedForwardTSN(&value)
        default:
            self = .unrecognized(type: type, flags: flags, value: value.rest())
        }
    }

    private static func interleavedForwardTSN(
        _ value: inout ByteReader
    ) throws(SCTPDecodeError) -> SCTPChunk {
        let type = SCTPChunkType.interleavedForwardTSN
        guard let tsn = value.uint32() else {
            throw .chunkTooShort(type: type, length: value.remaining)
        }
        guard value.remaining % 8 == 0 else { throw .countMismatch(type: type) }
        var skipped: [SCTPInterleavedSkip] = []
        while let stream = value.uint16(), let flags = value.uint16(), let id = value.uint32() {
            skipped.append(
                SCTPInterleavedSkip(
                    stream: stream, isUnordered: flags & 1 == 1, messageIdentifier: id))
        }
        return .interleavedForwardTSN(newCumulativeTSN: tsn, skipped: skipped)
    }
}

extension SCTPDataChunk {
    fileprivate init(_ flags: UInt8, _ value: inout ByteReader) throws(SCTPDecodeError) {
        guard let tsn = value.uint32(), let stream = value.uint16(),
            let sequence = value.uint16(), let identifier = value.uint32()
        else { throw .chunkTooShort(type: SCTPChunkType.data, length: value.remaining) }
        self.init(
            flags: Flags(rawValue: flags & 0x0f), tsn: tsn, stream: stream,
            streamSequence: sequence, protocolIdentifier: identifier, payload: value.rest())
    }
}

extension SCTPInterleavedDataChunk {
    fileprivate init(_ flags: UInt8, _ value: inout ByteReader) throws(SCTPDecodeError) {
        guard let tsn = value.uint32(), let stream = value.uint16(), value.uint16() != nil,
            let message = value.uint32(), let word = value.uint32()
        else { throw .chunkTooShort(type: SCTPChunkType.interleavedData, length: value.remaining) }
        self.init(
            flags: SCTPDataChunk.Flags(rawValue: flags & 0x0f), tsn: tsn, stream: stream,
            messageIdentifier: message, protocolIdentifierOrFragment: word, payload: value.rest())
    }
}

extension SCTPInitChunk {
    fileprivate init(_ type: UInt8, _ value: inout ByteReader) throws(SCTPDecodeError) {
        guard let tag = value.uint32(), let window = value.uint32(), let outbound = value.uint16(),
            let inbound = value.uint16(), let tsn = value.uint32()
        else { throw .chunkTooShort(type: type, length: value.remaining) }
        guard tag != 0 else { throw .initTagZero }
        guard outbound != 0, inbound != 0 else { throw .initStreamsZero }
        guard window >= SCTPPacket.initWindowMin else { throw .initWindowTooSmall(window) }
        self.init(
            initiateTag: tag, receiveWindow: window, outboundStreams: outbound,
            inboundStreams: inbound, initialTSN: tsn, parameters: try SCTPParameter.list(&value))
    }
}

extension SCTPSackChunk {
    fileprivate init(_ value: inout ByteReader) throws(SCTPDecodeError) {
        let type = SCTPChunkType.sack
        guard let tsn = value.uint32(), let window = value.uint32(),
            let gapCount = value.uint16(), let duplicateCount = value.uint16()
        else { throw .chunkTooShort(type: type, length: value.remaining) }
        guard value.remaining == 4 * (Int(gapCount) + Int(duplicateCount)) else {
            throw .countMismatch(type: type)
        }
        var gaps: [GapBlock] = []
        gaps.reserveCapacity(Int(gapCount))
        for _ in 0..<gapCount {
            guard let start = value.uint16(), let end = value.uint16() else {
                throw .countMismatch(type: type)
            }
            gaps.append(GapBlock(start: start, end: end))
        }
        var duplicates: [UInt32] = []
        duplicates.reserveCapacity(Int(duplicateCount))
        while let duplicate = value.uint32() { duplicates.append(duplicate) }
        self.init(
            cumulativeTSN: tsn, receiveWindow: window, gaps: gaps, duplicates: duplicates)
    }
}

extension SCTPForwardTSNChunk {
    fileprivate init(_ value: inout ByteReader) throws(SCTPDecodeError) {
        let type = SCTPChunkType.forwardTSN
        guard let tsn = value.uint32() else {
            throw .chunkTooShort(type: type, length: value.remaining)
        }
        guard value.remaining % 4 == 0 else { throw .countMismatch(type: type) }
        var skipped: [Skip] = []
        skipped.reserveCapacity(value.remaining / 4)
        while let stream = value.uint16(), let sequence = value.uint16() {
            skipped.append(Skip(stream: stream, streamSequence: sequence))
        }
        self.init(newCumulativeTSN: tsn, skipped: skipped)
    }
}
