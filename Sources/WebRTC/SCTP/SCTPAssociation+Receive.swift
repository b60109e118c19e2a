// SPDX-License-Identifier: Apache-2.0
internal import Base

/// What packets do.
extension SCTPAssociation {
    /// What the chunks of one packet add up to.
    private struct Arrival {
        var hasData = false
        /// Whether the SACK must not wait.
        var isUrgent = false
        /// Whether the rest of the packet is to be ignored.
        var isOver = false
    }

    /// INIT carries tag 0, everything else ours; ABORT and SHUTDOWN-COMPLETE may reflect the
    /// peer's own (RFC 9260 section 8.5).
    func isTagRight(_ packet: SCTPPacket) -> Bool {
        switch packet.chunks.first {
        case .initiation:
            return packet.verificationTag == 0
        case .abort(let isReflected, _), .shutdownComplete(let isReflected):
            if isReflected, let peer = handshake.peer, packet.verificationTag == peer.tag {
                return true
            }
            return packet.verificationTag == handshake.localTag
        default:
            return packet.verificationTag == handshake.localTag
        }
    }

    mutating func process(_ packet: SCTPPacket) {
        var arrival = Arrival()
        let hadGap = tracker?.hasGap ?? false
        for (index, chunk) in packet.chunks.enumerated() {
            process(chunk, isFirst: index == 0, &arrival)
            if arrival.isOver || state == .closed { break }
        }
        guard state != .closed, let tracker else { return }
        reassembly.cumulativeAdvanced(to: tracker.cumulative)
        if arrival.hasData {
            acknowledger.dataReceived(
                at: now, isUrgent: arrival.isUrgent || hadGap || tracker.hasGap)
        }
        deliverMessages()
        if let performed = reset?.cumulativeAdvanced(to: tracker.cumulative) {
            answer(performed)
        }
        for stream in reassembly.oversized { closeMisused(stream) }
        reassembly.oversized.removeAll()
    }

    private mutating func process(
        _ chunk: SCTPChunk, isFirst: Bool, _ arrival: inout Arrival
    ) {
        switch chunk {
        case .data(let data): dataReceived(data, &arrival)
        case .sack(let sack): sackReceived(sack)
        case .forwardTSN(let forward): forwardReceived(forward)
        case .reconfiguration(let parameters): reconfigurationReceived(parameters)
        case .heartbeat(let value): heartbeatReceived(value)
        case .initiation(let body): initReceived(body)
        case .initiationAck(let body): initAckReceived(body)
        case .cookieEcho(let cookie):
            if isFirst { cookieEchoReceived(cookie) }
        case .cookieAck:
            if handshake.cookieAckReceived() { established() }
        case .abort(_, let causes): end(.abortedByPeer(cause: causes.first?.code))
        case .shutdown(let tsn): shutdownReceived(tsn)
        case .shutdownAck: shutdownAckReceived()
        case .shutdownComplete:
            if shutdown.isAckSent { end(.shutDownByPeer) }
        case .error(let causes): errorReceived(causes)
        case .heartbeatAck: break
        case .interleavedData, .interleavedForwardTSN:
            // Never negotiated (RFC 8260): nothing of such a packet is taken.
            counts.packetsRejected += 1
            arrival.isOver = true
        case .unrecognized(let type, let flags, let value):
            unrecognizedReceived(type, flags, value, &arrival)
        }
    }

    // MARK: Handshake

    private mutating func initReceived(_ body: SCTPInitChunk) {
        guard let reply = handshake.initReceived(body, at: now) else { return }
        transmitAlone(reply, tag: body.initiateTag)
    }

    private mutating func initAckReceived(_ body: SCTPInitChunk) {
        guard let reply = handshake.initAckReceived(body, at: now), let peer = handshake.peer
        else { return }
        meet(peer)
        transmitAlone(reply, tag: peer.tag)
    }

    private mutating func cookieEchoReceived(_ cookie: [UInt8]) {
        let known = handshake.peer
        switch handshake.cookieEchoReceived(cookie, at: now) {
        case .dropped:
            counts.packetsRejected += 1
        case .stale(let excess, let tag):
            var writer = ByteWriter(capacity: 4)
            writer.uint32(UInt32(clamping: excess.nanoseconds / 1000))
            reportError(SCTPErrorCause.Code.staleCookie, writer.bytes, tag: tag)
        case .repeated:
            if let peer = handshake.peer { transmitAlone(.cookieAck, tag: peer.tag) }
        case .established:
            guard let peer = handshake.peer else { return }
            if known?.initialTSN != peer.initialTSN { meet(peer) }
            transmitAlone(.cookieAck, tag: peer.tag)
            established()
        }
    }

    /// The peer's numbers are known: DATA may come, even before its COOKIE-ACK.
    private mutating func meet(_ peer: SCTPPeerParameters) {
        tracker = SCTPReceiveTracker(initialTSN: peer.initialTSN)
        reassembly = SCTPReassembly(configuration: configuration)
        reset = SCTPStreamReset(localTSN: handshake.localTSN, peerTSN: peer.initialTSN)
    }

    private mutating func established() {
        guard let peer = handshake.peer else { return }
        transmission.established(peer, roundTrip: handshake.roundTrip)
        become(.connected)
    }

    private mutating func errorReceived(_ causes: [SCTPErrorCause]) {
        guard causes.contains(where: { $0.code == SCTPErrorCause.Code.staleCookie }),
            let chunk = handshake.cookieExpired(at: now)
        else { return }
        transmitAlone(chunk, tag: 0)
    }

    // MARK: Data

    private mutating func dataReceived(_ chunk: SCTPDataChunk, _ arrival: inout Arrival) {
        guard let cumulative = tracker?.cumulative else { return }
        guard !chunk.payload.isEmpty else {
            var writer = ByteWriter(capacity: 4)
            writer.uint32(chunk.tsn)
            reportError(SCTPErrorCause.Code.noUserData, writer.bytes)
            return
        }
        let tsn = SCTPTSN(unwrapping: chunk.tsn, near: cumulative)
        switch tracker?.verdict(on: tsn) {
        case .new:
            arrival.hasData = true
            if chunk.flags.contains(.immediate) { arrival.isUrgent = true }
            guard reassembly.hasRoom(for: chunk.payload.count, isNext: tsn == cumulative + 1)
            else {
                counts.dataDropped += 1
                arrival.isUrgent = true
                return
            }
            tracker?.insert(tsn)
            reassembly.insert(chunk, tsn: tsn)
        case .duplicate:
            arrival.hasData = true
            arrival.isUrgent = true
            counts.duplicatesReceived += 1
            tracker?.noteDuplicate(tsn)
        case .refused, nil:
            counts.dataDropped += 1
        }
    }

    private mutating func forwardReceived(_ forward: SCTPForwardTSNChunk) {
        guard let cumulative = tracker?.cumulative else { return }
        guard handshake.peer?.isPartialReliabilitySupported == true else {
            var writer = ByteWriter(capacity: 8)
            writer.uint8(SCTPChunkType.forwardTSN)
            writer.uint8(0)
            writer.uint16(8)
            writer.uint32(forward.newCumulativeTSN)
            reportError(SCTPErrorCause.Code.unrecognizedChunk, writer.bytes)
            return
        }
        let tsn = SCTPTSN(unwrapping: forward.newCumulativeTSN, near: cumulative)
        guard tsn <= cumulative + SCTPReceiveTracker.windowMax else {
            counts.packetsRejected += 1
            return
        }
        if tracker?.forward(to: tsn) == true {
            reassembly.forward(to: tsn, skipped: forward.skipped)
            acknowledger.require()
        } else {
            // pion sends one with every SACK: answered at once, the two would go on for ever.
            acknowledger.requireSoon(at: now)
        }
    }

    private mutating func sackReceived(_ sack: SCTPSackChunk) {
        guard state == .connected else { return }
        if !transmission.sackReceived(sack, at: now) { counts.packetsRejected += 1 }
    }

    // MARK: The rest

    private mutating func heartbeatReceived(_ value: [UInt8]) {
        guard let peer = handshake.peer, value.count <= SCTPReplyLimits.heartbeatSizeMax,
            replyLimits.mayAnswerHeartbeat(at: now)
        else { return }
        transmitAlone(.heartbeatAck(value), tag: peer.tag)
    }

    /// The type's two highest bits say what to do (RFC 9260 section 3.2).
    private mutating func unrecognizedReceived(
        _ type: UInt8, _ flags: UInt8, _ value: [UInt8], _ arrival: inout Arrival
    ) {
        switch type {
        case SCTPChunkType.pad, SCTPChunkType.explicitCongestionEcho,
            SCTPChunkType.congestionWindowReduced:
            return
        default:
            break
        }
        if type & 0x80 == 0 { arrival.isOver = true }
        if type & 0x40 != 0 {
            var writer = ByteWriter(capacity: value.count + 4)
            writer.uint8(type)
            writer.uint8(flags)
            writer.uint16(UInt16(clamping: value.count + 4))
            writer.append(value)
            reportError(SCTPErrorCause.Code.unrecognizedChunk, writer.bytes)
        }
    }

    /// Sends ERROR, rarely, and only to a peer we know.
    private mutating func reportError(_ code: UInt16, _ value: [UInt8], tag: UInt32? = nil) {
        guard let tag = tag ?? handshake.peer?.tag, replyLimits.mayReportError(at: now) else {
            return
        }
        let shown = Array(value.prefix(SCTPReplyLimits.errorSizeMax))
        transmitAlone(.error([SCTPErrorCause(code: code, value: shown)]), tag: tag)
    }
}

/// How often a peer may make us answer what no honest peer sends often.
struct SCTPReplyLimits: Sendable {
    private var lastError: Instant?
    private var heartbeatsSince: Instant?
    private var heartbeats = 0

    /// The shortest time between two ERROR chunks.
    static let errorInterval: Duration = .seconds(1)
    /// Bytes of an unknown chunk that are sent back.
    static let errorSizeMax = 256
    /// HEARTBEATs answered in a second; peers send one in 30 s.
    static let heartbeatsMax = 50
    /// A HEARTBEAT's value that still fits our packet.
    static let heartbeatSizeMax = SCTPSize.packetMax - 16

    mutating func mayReportError(at now: Instant) -> Bool {
        if let lastError, now - lastError < Self.errorInterval { return false }
        lastError = now
        return true
    }

    mutating func mayAnswerHeartbeat(at now: Instant) -> Bool {
        if let since = heartbeatsSince, now - since < .seconds(1) {
            heartbeats += 1
        } else {
            heartbeatsSince = now
            heartbeats = 1
        }
        return heartbeats <= Self.heartbeatsMax
    }
}
