// SPDX-License-Identifier: Apache-2.0
import Base

@testable import WebRTC

/// An association with a peer played by hand: the test says what the peer sends, chunk by chunk.
struct SCTPHandPeer {
    var association: SCTPAssociation
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the association told its application.
    var events: [SCTPAssociation.Output] = []
    /// What it sent since `takeChunks`.
    private var packets: [SCTPPacket] = []
    /// The peer's numbers.
    let tag: UInt32 = 0x1111_1111
    let initialTSN: UInt32 = 1000
    var extensions: [SCTPParameter] = [.forwardTSNSupported, .supportedExtensions([0x82, 0xC0])]
    var window: UInt32 = 1 << 20
    /// The association's tag and initial TSN, from its INIT.
    private(set) var localTag: UInt32 = 0
    private(set) var localTSN: UInt32 = 0

    init(role: SCTPAssociation.Role = .client, configuration: SCTPConfiguration = .init()) {
        association = SCTPAssociation(dtlsRole: role, seed: 7, configuration: configuration)
    }

    /// The peer's INIT or INIT-ACK body.
    func initBody(_ parameters: [SCTPParameter] = []) -> SCTPInitChunk {
        SCTPInitChunk(
            initiateTag: tag, receiveWindow: window, outboundStreams: 65_535,
            inboundStreams: 65_535, initialTSN: initialTSN, parameters: parameters + extensions)
    }

    /// Starts the association and answers its INIT and COOKIE-ECHO.
    mutating func connect() {
        association.start(at: now)
        drain()
        for case .initiation(let body) in takeChunks() {
            localTag = body.initiateTag
            localTSN = body.initialTSN
        }
        now += .milliseconds(10)
        feed(.initiationAck(initBody([.stateCookie([1, 2, 3, 4])])))
        now += .milliseconds(10)
        feed(.cookieAck)
        _ = takeChunks()
    }

    /// Hands a packet in and drains.
    mutating func feed(_ chunks: SCTPChunk..., tag: UInt32? = nil, isZeroChecksum: Bool = false) {
        let packet = SCTPPacket(
            sourcePort: 5000, destinationPort: 5000, verificationTag: tag ?? localTag,
            chunks: chunks, checksum: isZeroChecksum ? .absent : .valid)
        association.receive(packet.encoded(), at: now)
        drain()
    }

    /// Lets time pass, timers firing when due.
    mutating func wait(_ duration: Duration) {
        drain()
        let end = now + duration
        while let due = association.deadline, due <= end {
            now = max(now, due)
            association.tick(at: now)
            drain()
        }
        now = end
    }

    mutating func drain() {
        while let output = association.poll() {
            guard case .transmit(let bytes) = output else {
                events.append(output)
                continue
            }
            if let packet = try? SCTPPacket(parsing: bytes) { packets.append(packet) }
        }
    }

    /// The packets sent since the last call.
    mutating func takePackets() -> [SCTPPacket] {
        drain()
        defer { packets = [] }
        return packets
    }

    /// Their chunks.
    mutating func takeChunks() -> [SCTPChunk] { takePackets().flatMap(\.chunks) }

    /// A DATA chunk of the peer; `offset` counts from its initial TSN.
    func data(
        _ offset: UInt32, _ payload: [UInt8], stream: UInt16 = 1, sequence: UInt16 = 0,
        flags: SCTPDataChunk.Flags = [.begin, .end], identifier: UInt32 = 53
    ) -> SCTPChunk {
        .data(
            SCTPDataChunk(
                flags: flags, tsn: initialTSN &+ offset, stream: stream,
                streamSequence: sequence, protocolIdentifier: identifier, payload: payload))
    }

    /// The peer opens a channel with its TSN at `offset`.
    mutating func openByPeer(
        _ label: String = "x", stream: UInt16 = 1, offset: UInt32 = 0, ordered: Bool = true
    ) {
        let opening = SCTPChannelControl.Opening(
            label: label, subprotocol: "", isOrdered: ordered, reliability: .reliable)
        feed(
            data(
                offset, SCTPChannelControl.open(opening).encoded(), stream: stream,
                identifier: 50))
    }

    /// A SACK of the peer for everything before the association's TSN at `next`.
    func sack(
        _ next: UInt32, gaps: [SCTPSackChunk.GapBlock] = [], duplicates: [UInt32] = [],
        window: UInt32 = 1 << 20
    ) -> SCTPChunk {
        .sack(
            SCTPSackChunk(
                cumulativeTSN: localTSN &+ next &- 1, receiveWindow: window, gaps: gaps,
                duplicates: duplicates))
    }

    /// Messages told to the application.
    var messages: [[UInt8]] { events.compactMap(\.messageBytes) }
}

extension SCTPChunk {
    var asData: SCTPDataChunk? {
        if case .data(let data) = self { return data }
        return nil
    }

    var asSack: SCTPSackChunk? {
        if case .sack(let sack) = self { return sack }
        return nil
    }

    var asForward: SCTPForwardTSNChunk? {
        if case .forwardTSN(let forward) = self { return forward }
        return nil
    }

    var asReset: SCTPOutgoingReset? {
        if case .reconfiguration(let list) = self, case .outgoingReset(let reset) = list.first {
            return reset
        }
        return nil
    }

    var asResponse: SCTPResetResponse? {
        if case .reconfiguration(let list) = self, case .resetResponse(let answer) = list.first {
            return answer
        }
        return nil
    }
}
