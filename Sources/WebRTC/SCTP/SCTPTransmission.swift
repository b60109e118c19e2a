// SPDX-License-Identifier: Apache-2.0
internal import Base

/// The sending side of an association: what waits, what is on the wire, and when to send it again.
///
/// Loss is found four ways, the earliest wins: by time (a chunk sent a reordering window before
/// one that arrived), by three SACKs that miss it, by a probe after a silent tail, by the
/// retransmission timer. SACKs are taken in `SCTPTransmission+Acknowledgement`, giving up is in
/// `SCTPTransmission+PartialReliability`.
///
/// Invariant: anything outstanding means that `retransmissionDeadline` is set after `fill`.
struct SCTPTransmission: Sendable {
    var queue: SCTPSendQueue
    var outstanding = SCTPOutstanding()
    var roundTrip = SCTPRoundTrip()
    var congestion = SCTPCongestion()

    /// The TSN of the next new chunk.
    var nextTSN: SCTPTSN
    /// Everything up to here was acknowledged by the peer.
    var cumulative: SCTPTSN
    /// The peer's window as last announced.
    var peerWindow = 0
    /// Bytes of chunks in flight, with headers: neither lost nor acknowledged nor given up.
    var flight = 0
    /// Payload bytes that the peer may have to hold: in flight or lost.
    var outstandingPayload = 0
    /// Chunks to be sent again.
    var lostCount = 0
    /// Chunks acknowledged above a gap.
    var acknowledgedCount = 0

    /// T3: everything outstanding is taken for lost then.
    var retransmissionDeadline: Instant?
    /// The tail-loss probe.
    var probeDeadline: Instant?
    /// When a chunk that something newer overtook is taken for lost.
    var lossDeadline: Instant?
    /// No second probe before something new is acknowledged.
    var isProbeSpent = false
    var probeTSN: SCTPTSN?
    /// The chunk last sent as a probe, to know its duplicate by.
    var lastProbeTSN: SCTPTSN?
    /// Whether a probe proved premature: the peer delays SACKs although asked not to (some dcsctp).
    var isPeerSlow = false

    var reordering = SCTPReorderingWindow()
    /// The next round-trip sample comes from a chunk sent since the last one.
    var sampleTSN: SCTPTSN
    /// When the timer last ran out, until the answer shows whether that was premature.
    var lastTimeout: Instant?
    /// The last chunks that were sent again, to know their duplicates by.
    var resent: [SCTPTSN] = []

    /// Whether the peer takes FORWARD-TSN; without it every channel is reliable.
    var isPartialReliabilitySupported = false
    /// Everything up to here is acknowledged or given up.
    var forwardPoint: SCTPTSN
    var isForwardDue = false
    var lastForward: Instant?
    var abandonedCount = 0

    private var lastSent: Instant?
    private(set) var isWindowFull = false
    /// Chunks sent again, timeouts, probes, messages given up.
    var retransmissions = 0
    var timeouts = 0
    var probes = 0
    var messagesAbandoned = 0

    /// Chunks remembered in `resent`.
    static let resentMax = 16
    /// Added to the probe's two round trips: a peer's own delay and ours.
    static let probeSlack: Duration = .milliseconds(10)
    /// The same for a peer that delays SACKs by up to 200 ms whatever it is asked.
    static let probeSlackSlow: Duration = .milliseconds(210)
    /// The shortest two round trips that are believed.
    static let probeMin: Duration = .milliseconds(10)

    init(configuration: SCTPConfiguration, initialTSN: UInt32) {
        queue = SCTPSendQueue(configuration: configuration)
        nextTSN = SCTPTSN(initialTSN)
        cumulative = nextTSN - 1
        forwardPoint = cumulative
        sampleTSN = nextTSN
    }

    /// When `tick` is due.
    var deadline: Instant? {
        soonest(soonest(retransmissionDeadline, probeDeadline), lossDeadline)
    }

    /// The peer's parameters are known.
    mutating func established(_ peer: SCTPPeerParameters, roundTrip sample: Duration?) {
        peerWindow = Int(peer.receiveWindow)
        isPartialReliabilitySupported = peer.isPartialReliabilitySupported
        if let sample { roundTrip.sample(sample) }
    }

    /// The network path works again after an interruption, or is a new one.
    mutating func pathRestored(at now: Instant) {
        roundTrip.restart()
        guard !outstanding.isEmpty else { return }
        takeAllForLost(at: now)
        retransmissionDeadline = now + roundTrip.timeout
    }

    /// Fires what is due. The timers are independent of each other and idempotent.
    mutating func tick(at now: Instant) {
        if let due = retransmissionDeadline, due <= now { timedOut(at: now) }
        if let due = lossDeadline, due <= now { detectLossByTime(at: now) }
        if let due = probeDeadline, due <= now { probe(at: now) }
    }

    /// Whether `fill` would lay in DATA or FORWARD-TSN.
    mutating func hasWork(at now: Instant) -> Bool {
        if isForwardDue || probeTSN != nil || congestion.isFastRetransmitPending { return true }
        if lostCount > 0 { return flight == 0 || flight + SCTPSize.segment <= congestion.window }
        return mayBegin(at: now) != nil
    }

    /// Lays in what may leave now, and arms the timers.
    mutating func fill(_ packets: inout SCTPPacketizer, at now: Instant) {
        if outstanding.isEmpty, let lastSent, now - lastSent > roundTrip.timeout {
            congestion.becameIdle()
        }
        let burst = flight == 0 ? SCTPCongestion.burstInitialMax : SCTPCongestion.burstMax
        let limit = max(packets.count, 1) + burst - 1
        fillForward(&packets, at: now)
        fillProbe(&packets, at: now)
        fillLost(&packets, limit: limit, at: now)
        fillNew(&packets, limit: limit, at: now)
        if packets.hasData {
            packets.markLastDataImmediate()
            lastSent = now
            armProbe(at: now)
        }
        if outstanding.isEmpty {
            retransmissionDeadline = nil
            probeDeadline = nil
            lossDeadline = nil
        } else if retransmissionDeadline == nil {
            retransmissionDeadline = now + roundTrip.timeout
        }
    }

    /// Sends the probe's chunk, whatever the window says.
    private mutating func fillProbe(_ packets: inout SCTPPacketizer, at now: Instant) {
        guard let tsn = probeTSN else { return }
        probeTSN = nil
        guard let first = outstanding.first, tsn >= first.tsn, tsn < nextTSN else { return }
        let index = Int(tsn - first.tsn)
        guard outstanding[index].state == .inFlight else { return }
        probes += 1
        lastProbeTSN = tsn
        noteSentAgain(index, isPrompt: true, at: now)
        packets.append(outstanding[index])
    }

    /// Sends lost chunks again: within the window, but one packet at once after a fast detection.
    private mutating func fillLost(
        _ packets: inout SCTPPacketizer, limit: Int, at now: Instant
    ) {
        var isFree = congestion.isFastRetransmitPending
        congestion.isFastRetransmitPending = false
        var index = 0
        var last: Int?
        while lostCount > 0, index < outstanding.count {
            defer { index += 1 }
            guard outstanding[index].state == .lost else { continue }
            guard outstanding[index].mayBeSentAgain(at: now) || !isPartialReliabilitySupported
            else {
                abandonMessage(at: index, now: now)
                continue
            }
            let size = outstanding[index].wireSize
            if !packets.hasRoom(for: size) {
                if last != nil { isFree = false }
                guard packets.count < limit else { break }
            }
            guard isFree || flight == 0 || flight + size <= congestion.window else { break }
            outstanding[index].state = .inFlight
            lostCount -= 1
            flight += size
            noteSentAgain(index, isPrompt: false, at: now)
            packets.append(outstanding[index])
            if index == 0 { retransmissionDeadline = now + roundTrip.timeout }
            last = index
        }
        if let last { outstanding[last].isPrompt = true }
        advanceForwardPoint()
    }

    private mutating func noteSentAgain(_ index: Int, isPrompt: Bool, at now: Instant) {
        retransmissions += 1
        outstanding[index].transmissions += 1
        outstanding[index].sentAt = now
        outstanding[index].misses = 0
        outstanding[index].isPrompt = isPrompt
        outstanding[index].isReneged = false
        if resent.count == Self.resentMax { resent.removeFirst() }
        resent.append(outstanding[index].tsn)
    }

    /// Sends chunks for the first time, within both windows.
    private mutating func fillNew(
        _ packets: inout SCTPPacketizer, limit: Int, at now: Instant
    ) {
        var last: Int?
        while lostCount == 0, let size = mayBegin(at: now) {
            let wireSize = SCTPSize.dataChunk(payload: size)
            guard packets.hasRoom(for: wireSize) || packets.count < limit else { break }
            guard let fragment = queue.popFragment(tsn: nextTSN, at: now) else { break }
            let chunk = SCTPOutstandingChunk(fragment: fragment, tsn: nextTSN, sentAt: now)
            nextTSN += 1
            flight += wireSize
            outstandingPayload += size
            packets.append(chunk)
            outstanding.append(chunk)
            last = outstanding.count - 1
        }
        if let last { outstanding[last].isPrompt = true }
    }

    /// Payload bytes of the next new chunk, if it may leave.
    private mutating func mayBegin(at now: Instant) -> Int? {
        isWindowFull = false
        guard !queue.isEmpty, outstanding.count < SCTPOutstanding.countMax,
            let size = queue.nextFragmentSize(at: now)
        else { return nil }
        guard flight < congestion.window else {
            isWindowFull = true
            return nil
        }
        // With nothing outstanding one chunk goes out even into a closed window: the probe that
        // finds it open again (RFC 9260 section 6.1 A).
        guard outstandingPayload == 0 || outstandingPayload + size <= peerWindow else { return nil }
        return size
    }

    mutating func armProbe(at now: Instant) {
        guard !isProbeSpent, flight > 0, let smoothed = roundTrip.smoothed else { return }
        let slack = isPeerSlow ? Self.probeSlackSlow : Self.probeSlack
        let wait = max(smoothed * 2, Self.probeMin) + slack
        probeDeadline = wait < roundTrip.timeout ? now + wait : nil
    }

    /// The tail was silent for two round trips: its last chunk again brings a SACK, which shows
    /// what else is missing (RFC 8985 section 7).
    private mutating func probe(at now: Instant) {
        probeDeadline = nil
        isProbeSpent = true
        var index = outstanding.count - 1
        while index >= 0 {
            let chunk = outstanding[index]
            if chunk.state == .inFlight,
                chunk.mayBeSentAgain(at: now) || !isPartialReliabilitySupported
            {
                probeTSN = chunk.tsn
                return
            }
            index -= 1
        }
    }

    private mutating func timedOut(at now: Instant) {
        guard !outstanding.isEmpty else {
            retransmissionDeadline = nil
            return
        }
        timeouts += 1
        lastTimeout = now
        roundTrip.backOff()
        takeAllForLost(at: now)
        retransmissionDeadline = now + roundTrip.timeout
    }

    private mutating func takeAllForLost(at now: Instant) {
        congestion.timedOut()
        isProbeSpent = true
        probeDeadline = nil
        lossDeadline = nil
        for index in 0..<outstanding.count where outstanding[index].state == .inFlight {
            outstanding[index].isFastRetransmitted = false
            markLost(index, at: now)
        }
        advanceForwardPoint()
        isForwardDue = forwardPoint > cumulative
    }

    /// Takes a chunk in flight for lost, and gives its message up if it may not be sent again.
    mutating func markLost(_ index: Int, at now: Instant) {
        guard outstanding[index].state == .inFlight else { return }
        outstanding[index].state = .lost
        outstanding[index].misses = 0
        flight -= outstanding[index].wireSize
        lostCount += 1
        if isPartialReliabilitySupported, !outstanding[index].mayBeSentAgain(at: now) {
            abandonMessage(at: index, now: now)
        }
    }
}

/// How much later than its successors a chunk may arrive before it is taken for lost (RFC 8985).
struct SCTPReorderingWindow: Sendable {
    /// When the newest chunk that arrived was sent, and its TSN.
    var newestSent: Instant?
    var newestTSN: SCTPTSN = 0
    /// How long that one took.
    var newestRoundTrip: Duration = .zero
    /// Widens when the peer reports a chunk twice that we resent for nothing.
    private(set) var factor = 1
    private var recoveriesLeft = 0

    /// The narrowest window: the jitter of a loaded machine.
    static let narrowest: Duration = .milliseconds(2)
    /// Recoveries after which a widened window is forgotten (RFC 8985 section 7.1).
    static let recoveriesMax = 16
    static let factorMax = 64

    /// The window for the path as it is measured.
    func width(_ roundTrip: SCTPRoundTrip) -> Duration {
        let base = max((roundTrip.shortest ?? .zero) / 4, Self.narrowest)
        return max(min(base * factor, roundTrip.smoothed ?? base), Self.narrowest)
    }

    /// A chunk was resent for nothing.
    mutating func widen() {
        factor = min(factor + 1, Self.factorMax)
        recoveriesLeft = Self.recoveriesMax
    }

    /// A loss was real.
    mutating func recovered() {
        guard factor > 1 else { return }
        recoveriesLeft -= 1
        if recoveriesLeft <= 0 { factor = 1 }
    }
}
