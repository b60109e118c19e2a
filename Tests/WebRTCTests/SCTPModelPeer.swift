// SPDX-License-Identifier: Apache-2.0
import Base

@testable import WebRTC

/// A peer that behaves as a known stack was recorded to behave, where that differs from ours.
struct SCTPModelPeer {
    /// The habits of a stack.
    struct Habits {
        /// How long a lone packet's SACK waits.
        var sackDelay: Duration = .milliseconds(200)
        /// Whether the I bit makes it prompt.
        var isImmediateHonoured = true
        /// Whether duplicates are listed in SACKs, and acknowledged at once.
        var areDuplicatesListed = false
        /// FORWARD-TSN with every SACK, once a lossy message was sent.
        var forwardsWithEverySack = false
        /// Bytes of a DCEP acknowledgement.
        var acknowledgement: [UInt8] = [2]
        /// A sequence number on unordered DATA.
        var unorderedSequence: UInt16 = 0
        /// Parameters of INIT.
        var parameters: [SCTPParameter] = [
            .forwardTSNSupported, .supportedExtensions([0x82, 0xC0]),
        ]
        /// Whether SACK and DATA share packets.
        var bundlesSack = false

        /// pion/sctp 1.10.3, in livekit-server 1.13.3.
        static let pion = Habits(
            forwardsWithEverySack: true, acknowledgement: [2, 0, 0, 0], unorderedSequence: 1,
            parameters: [
                .supportedExtensions([0x82, 0xC0, 0x40, 0xC2]), .zeroChecksum(method: 1),
            ])
        /// dcsctp as Rust has it: the I bit does nothing.
        static let dcsctp = Habits(
            isImmediateHonoured: false, areDuplicatesListed: true, bundlesSack: true)
    }

    let habits: Habits
    let tag: UInt32 = 0x2222_2222
    private var nextTSN: UInt32 = 5000
    private var nextSequence: UInt16 = 0
    private var peerTag: UInt32 = 0
    /// All before it came.
    private(set) var expected: UInt32 = 0
    private var above: Set<UInt32> = []
    private var duplicates: [UInt32] = []
    private var unacknowledged = 0
    private(set) var sackDue: Instant?
    private var forwardPoint: UInt32?
    private var performedReset: UInt32?
    /// DATA chunks that came, copies included.
    private(set) var arrivals = 0
    /// Packets handed in.
    private(set) var packetsReceived = 0
    /// Payloads of whole user messages, in the order of arrival.
    private(set) var payloads: [[UInt8]] = []

    init(_ habits: Habits) {
        self.habits = habits
    }

    /// A lossy message with its own FORWARD-TSN habit.
    mutating func message(_ payload: [UInt8], stream: UInt16) -> SCTPPacket {
        defer { nextTSN &+= 1 }
        forwardPoint = nextTSN
        return packet(
            .data(
                SCTPDataChunk(
                    flags: [.begin, .end, .unordered], tsn: nextTSN, stream: stream,
                    streamSequence: habits.unorderedSequence, protocolIdentifier: 53,
                    payload: payload)))
    }

    /// Answers a packet.
    mutating func receive(_ packet: SCTPPacket, at now: Instant) -> [SCTPPacket] {
        packetsReceived += 1
        var replies: [SCTPPacket] = []
        var hasData = false
        var isUrgent = false
        for chunk in packet.chunks {
            switch chunk {
            case .initiation(let body):
                peerTag = body.initiateTag
                expected = body.initialTSN
                replies.append(
                    self.packet(
                        .initiationAck(
                            SCTPInitChunk(
                                initiateTag: tag, receiveWindow: 1 << 20, outboundStreams: 65_535,
                                inboundStreams: 65_535, initialTSN: nextTSN,
                                parameters: [.stateCookie([7, 7, 7, 7])] + habits.parameters))))
            case .cookieEcho: replies.append(self.packet(.cookieAck))
            case .data(let data):
                hasData = true
                arrivals += 1
                if data.flags.contains(.immediate), habits.isImmediateHonoured { isUrgent = true }
                if take(data, &replies) { isUrgent = isUrgent || habits.areDuplicatesListed }
            case .forwardTSN(let forward):
                while Int32(bitPattern: forward.newCumulativeTSN &- expected) >= 0 {
                    expected &+= 1
                }
                isUrgent = true
                hasData = true
            case .reconfiguration(let parameters): replies += reset(parameters)
            default: break
            }
        }
        if hasData {
            unacknowledged += 1
            if isUrgent || unacknowledged >= 2 || !above.isEmpty {
                replies.append(sack())
            } else if sackDue == nil {
                sackDue = now + habits.sackDelay
            }
        }
        return replies
    }

    /// The delayed SACK, when it is due.
    mutating func tick(at now: Instant) -> [SCTPPacket] {
        guard let due = sackDue, due <= now else { return [] }
        return [sack()]
    }

    /// Notes DATA; whether it is a duplicate.
    private mutating func take(_ data: SCTPDataChunk, _ replies: inout [SCTPPacket]) -> Bool {
        guard Int32(bitPattern: data.tsn &- expected) >= 0, above.insert(data.tsn).inserted
        else {
            if habits.areDuplicatesListed { duplicates.append(data.tsn) }
            return true
        }
        while above.remove(expected) != nil { expected &+= 1 }
        guard data.protocolIdentifier == 50 else {
            payloads.append(data.payload)
            return false
        }
        guard data.payload.first == 3 else { return false }
        replies.append(
            packet(
                .data(
                    SCTPDataChunk(
                        flags: [.begin, .end], tsn: nextTSN, stream: data.stream,
                        streamSequence: nextSequence, protocolIdentifier: 50,
                        payload: habits.acknowledgement))))
        nextTSN &+= 1
        return false
    }

    /// pion answers a reset, then asks for its own with 0 as response sequence.
    private mutating func reset(_ parameters: [SCTPParameter]) -> [SCTPPacket] {
        guard case .outgoingReset(let request) = parameters.first else { return [] }
        let answer = SCTPParameter.resetResponse(
            .init(responseSequence: request.requestSequence, result: .performed))
        guard performedReset != request.requestSequence else {
            return [packet(.reconfiguration([answer]))]
        }
        performedReset = request.requestSequence
        let own = SCTPParameter.outgoingReset(
            .init(
                requestSequence: 5000, responseSequence: 0, lastTSN: nextTSN &- 1,
                streams: request.streams))
        return [packet(.reconfiguration([answer])), packet(.reconfiguration([own]))]
    }

    private mutating func sack() -> SCTPPacket {
        sackDue = nil
        unacknowledged = 0
        let gaps = above.sorted { $0 &- expected < $1 &- expected }.map { tsn in
            let offset = UInt16(truncatingIfNeeded: tsn &- expected &+ 1)
            return SCTPSackChunk.GapBlock(start: offset, end: offset)
        }
        defer { duplicates = [] }
        var reply = packet(
            .sack(
                SCTPSackChunk(
                    cumulativeTSN: expected &- 1, receiveWindow: 1 << 20, gaps: gaps,
                    duplicates: duplicates)))
        if habits.forwardsWithEverySack, let forwardPoint {
            reply.chunks.append(
                .forwardTSN(
                    SCTPForwardTSNChunk(
                        newCumulativeTSN: forwardPoint,
                        skipped: [.init(stream: 1, streamSequence: 1)])))
        }
        return reply
    }

    private func packet(_ chunk: SCTPChunk) -> SCTPPacket {
        SCTPPacket(
            sourcePort: 5000, destinationPort: 5000, verificationTag: peerTag, chunks: [chunk])
    }
}

/// An association and a model peer on a wire with a delay.
struct SCTPModelWire {
    var association = SCTPAssociation(dtlsRole: .server, seed: 3)
    var peer: SCTPModelPeer
    var now = Instant(nanoseconds: 1_000_000_000)
    var delay: Duration
    var events: [SCTPAssociation.Output] = []
    private var wire: [(due: Instant, isToPeer: Bool, packet: SCTPPacket)] = []

    init(_ habits: SCTPModelPeer.Habits, delay: Duration) {
        peer = SCTPModelPeer(habits)
        self.delay = delay
        association.start(at: now)
    }

    /// Puts a packet of the peer's on the wire.
    mutating func peerSends(_ packet: SCTPPacket) { wire.append((now + delay, false, packet)) }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            drain()
            var next = soonest(association.deadline, peer.sackDue)
            next = soonest(next, wire.map(\.due).min())
            guard let next, next <= end else { break }
            now = max(now, next)
            if let index = wire.firstIndex(where: { $0.due <= now }) {
                let (_, isToPeer, packet) = wire.remove(at: index)
                if isToPeer {
                    for reply in peer.receive(packet, at: now) { peerSends(reply) }
                } else {
                    association.receive(packet.encoded(), at: now)
                }
            } else {
                association.tick(at: now)
                for packet in peer.tick(at: now) { peerSends(packet) }
            }
        }
        now = end
    }

    private mutating func drain() {
        while let output = association.poll() {
            if case .transmit(let bytes) = output {
                guard let packet = try? SCTPPacket(parsing: bytes) else { continue }
                wire.append((now + delay, true, packet))
            } else {
                events.append(output)
            }
        }
    }
}
