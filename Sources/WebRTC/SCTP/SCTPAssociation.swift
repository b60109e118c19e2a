// SPDX-License-Identifier: Apache-2.0
public import Base

/// One SCTP association over DTLS and the data channels on it (RFC 8261, RFC 8831, RFC 8832).
///
/// A state machine without clock or socket: make one call, take outputs by `poll()` until nil, arm
/// one timer at `deadline`. Packets are gathered when `poll()` has nothing else left to give, so
/// several calls before a drain share packets, and an answer sent while draining carries the
/// acknowledgement of what it answers.
///
/// It ends by `abort(at:)` or by the peer alone. On pion either also closes the DTLS connection,
/// audio with it, so trouble of ours never aborts: a channel that breaks a rule is closed.
public struct SCTPAssociation: Sendable {
    /// Which side of the DTLS handshake we are: a client's channels have even ids, a server's odd
    /// ones (RFC 8832 section 6).
    public enum Role: Hashable, Sendable {
        /// We sent the ClientHello.
        case client
        /// We answered it.
        case server
    }

    /// How far the association got.
    public enum State: Hashable, Sendable {
        /// Not started; a peer that is ahead of us is answered all the same.
        case new
        /// The handshake runs.
        case connecting
        /// Messages flow.
        case connected
        /// Ended for good.
        case closed
    }

    /// What a call led to, in order.
    public enum Output: Hashable, Sendable {
        /// A packet of at most 1,188 bytes, for DTLS to encrypt.
        case transmit([UInt8])
        /// The association got further.
        case stateChanged(State)
        /// A channel of ours was accepted, or the peer opened one.
        case channelOpened(SCTPChannel)
        /// The peer began to close a channel: `send` refuses it from now on.
        case channelClosing(UInt16)
        /// A channel is closed both ways; its id may be used again.
        case channelClosed(UInt16)
        /// A whole message.
        case message(channel: UInt16, kind: SCTPMessageKind, bytes: [UInt8])
        /// What waits on a channel fell to its threshold.
        case bufferedAmountLow(UInt16)
        /// The association ended; `stateChanged(.closed)` came before.
        case closed(SCTPCloseReason)
    }

    /// How far the association got.
    public private(set) var state = State.new

    let configuration: SCTPConfiguration
    let role: Role
    var handshake: SCTPHandshake
    /// What came; nil until the peer's initial TSN is known.
    var tracker: SCTPReceiveTracker?
    var acknowledger = SCTPAcknowledger()
    var reassembly: SCTPReassembly
    var transmission: SCTPTransmission
    /// Stream resets; nil until the peer's initial TSN is known.
    var reset: SCTPStreamReset?
    var channels = SCTPChannelTable()
    var shutdown = SCTPShutdown()
    var replyLimits = SCTPReplyLimits()
    var counts = SCTPStatistics()
    var now = Instant.zero
    var isFlushDue = false
    private var outputs = OutputQueue<Output>()

    /// Creates an association that waits for `start`; tag, sequence numbers and the cookie's key
    /// come from `seed`.
    public init(dtlsRole: Role, seed: UInt64, configuration: SCTPConfiguration = .init()) {
        var random = SeededRandom(seed: seed)
        role = dtlsRole
        self.configuration = configuration
        handshake = SCTPHandshake(configuration: configuration, random: &random)
        reassembly = SCTPReassembly(configuration: configuration)
        transmission = SCTPTransmission(
            configuration: configuration, initialTSN: handshake.localTSN)
    }

    /// Begins the handshake: DTLS is up. Packets that came before are best handed in all the same.
    public mutating func start(at now: Instant) {
        advance(to: now)
        guard let chunk = handshake.start(at: self.now) else { return }
        if state == .new { become(.connecting) }
        transmitAlone(chunk, tag: 0)
    }

    /// Takes a packet that DTLS decrypted. Whatever makes no sense is dropped and counted.
    public mutating func receive(_ bytes: [UInt8], at now: Instant) {
        advance(to: now)
        counts.packetsReceived += 1
        guard state != .closed, let packet = try? SCTPPacket(parsing: bytes) else {
            counts.packetsRejected += 1
            return
        }
        guard packet.sourcePort == configuration.remotePort,
            packet.destinationPort == configuration.localPort, isTagRight(packet)
        else {
            counts.packetsRejected += 1
            return
        }
        process(packet)
        isFlushDue = true
    }

    /// Fires the timers that are due; calling it early or twice does no harm.
    public mutating func tick(at now: Instant) {
        advance(to: now)
        guard state != .closed, let due = timers, due <= self.now else { return }
        switch handshake.tick(at: self.now) {
        case .nothing: break
        case .send(let chunk): transmitHandshake(chunk)
        case .failed: end(.handshakeTimedOut)
        }
        acknowledger.tick(at: self.now)
        transmission.tick(at: self.now)
        reset?.tick(at: self.now)
        tickShutdown()
        isFlushDue = true
    }

    /// The network path works again after an interruption, or is a new one: what is outstanding is
    /// sent again at once, and the round trip is measured anew.
    public mutating func pathRestored(at now: Instant) {
        advance(to: now)
        transmission.pathRestored(at: self.now)
        isFlushDue = true
    }

    /// Ends the association and tells the peer. Only when leaving: see the type's comment.
    public mutating func abort(at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        if let peer = handshake.peer {
            let cause = SCTPErrorCause(code: SCTPErrorCause.Code.userAbort)
            transmitAlone(.abort(isTagReflected: false, causes: [cause]), tag: peer.tag)
        }
        end(.abortedLocally)
    }

    /// The next output; nil when drained.
    public mutating func poll() -> Output? {
        if outputs.isEmpty, isFlushDue { flush() }
        return outputs.next()
    }

    /// When to call `tick`; nil when nothing is awaited. Valid once drained.
    public var deadline: Instant? {
        isFlushDue || !outputs.isEmpty ? now : timers
    }

    private var timers: Instant? {
        let early = soonest(handshake.deadline, acknowledger.deadline)
        return soonest(
            soonest(early, transmission.deadline), soonest(reset?.deadline, shutdown.deadline))
    }

    /// Counts since the start.
    public var statistics: SCTPStatistics {
        var statistics = counts
        statistics.messagesSent = Int(clamping: transmission.queue.messagesSent)
        statistics.dataDropped += reassembly.discarded
        statistics.retransmissions = transmission.retransmissions
        statistics.timeouts = transmission.timeouts
        statistics.probes = transmission.probes
        statistics.messagesAbandoned =
            transmission.messagesAbandoned + transmission.queue.expired
        return statistics
    }

    /// The smoothed round trip to the peer; nil before the first measurement.
    public var roundTrip: Duration? { transmission.roundTrip.smoothed }

    mutating func emit(_ output: Output) { outputs.append(output) }

    mutating func become(_ next: State) {
        guard state != next else { return }
        state = next
        emit(.stateChanged(next))
    }

    mutating func end(_ reason: SCTPCloseReason) {
        guard state != .closed else { return }
        handshake.close()
        let silent = SCTPConfiguration()
        transmission = SCTPTransmission(configuration: silent, initialTSN: 0)
        reassembly = SCTPReassembly(configuration: silent)
        acknowledger = SCTPAcknowledger()
        tracker = nil
        reset = nil
        shutdown = SCTPShutdown()
        isFlushDue = false
        for id in channels.removeAll() { emit(.channelClosed(id)) }
        become(.closed)
        emit(.closed(reason))
    }

    /// Time never runs backwards in here.
    mutating func advance(to now: Instant) {
        if now > self.now { self.now = now }
    }

    /// Sends one chunk in a packet of its own: handshake, replies to the unusual, resets. Peers
    /// that cannot read it drop nothing else with it.
    mutating func transmitAlone(_ chunk: SCTPChunk, tag: UInt32) {
        var writer = SCTPPacketWriter(
            sourcePort: configuration.localPort, destinationPort: configuration.remotePort,
            verificationTag: tag)
        writer.append(chunk)
        transmit(writer.finish())
    }

    mutating func transmit(_ packet: [UInt8]) {
        counts.packetsSent += 1
        emit(.transmit(packet))
    }

    private mutating func transmitHandshake(_ chunk: SCTPChunk) {
        if case .initiation = chunk {
            transmitAlone(chunk, tag: 0)
        } else if let peer = handshake.peer {
            transmitAlone(chunk, tag: peer.tag)
        }
    }
}
