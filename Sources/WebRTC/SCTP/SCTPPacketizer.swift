// SPDX-License-Identifier: Apache-2.0

/// Lays the chunks of one flush into packets of at most `SCTPSize.packetMax` bytes.
struct SCTPPacketizer {
    /// Packets that are full.
    private(set) var finished: [[UInt8]] = []
    private var open: SCTPPacketWriter?
    private let sourcePort: UInt16
    private let destinationPort: UInt16
    private let verificationTag: UInt32

    init(sourcePort: UInt16, destinationPort: UInt16, verificationTag: UInt32) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.verificationTag = verificationTag
    }

    /// Packets begun.
    var count: Int { finished.count + (open == nil ? 0 : 1) }

    /// Whether a chunk of `size` bytes fits the packet that is open; false without one.
    func hasRoom(for size: Int) -> Bool {
        guard let open else { return false }
        return open.count + size <= SCTPSize.packetMax
    }

    /// Whether any DATA was laid in.
    private(set) var hasData = false

    /// Lays a control chunk of `size` bytes in, in a new packet where it does not fit.
    mutating func append(_ chunk: SCTPChunk, size: Int) {
        makeRoom(for: size)
        open?.append(chunk)
    }

    /// Lays a DATA chunk in, in a new packet where it does not fit.
    mutating func append(_ chunk: SCTPOutstandingChunk) {
        makeRoom(for: chunk.wireSize)
        hasData = true
        let fragment = chunk.fragment
        open?.appendData(
            flags: fragment.flags, tsn: chunk.tsn.wire, stream: fragment.stream,
            streamSequence: fragment.streamSequence,
            protocolIdentifier: fragment.protocolIdentifier, message: fragment.message,
            range: fragment.range)
    }

    /// Asks for a prompt acknowledgement of the last DATA chunk laid in.
    mutating func markLastDataImmediate() { open?.markLastDataImmediate() }

    /// Closes the open packet.
    mutating func closePacket() {
        // Taken out, not copied: the packet's bytes must have one owner when the checksum goes in.
        if let writer = open.take() { finished.append(writer.finish()) }
    }

    private mutating func makeRoom(for size: Int) {
        if open != nil, !hasRoom(for: size) { closePacket() }
        if open == nil {
            open = SCTPPacketWriter(
                sourcePort: sourcePort, destinationPort: destinationPort,
                verificationTag: verificationTag)
        }
    }
}
