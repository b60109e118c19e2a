// SPDX-License-Identifier: Apache-2.0
public import Base

/// One participant's session with a LiveKit server over two peer connections: what it says over
/// signalling, what it asks of its peer connections, and what it tells its owner.
///
/// A state machine without clock, socket or SDP. After every call the owner takes outputs with
/// `poll()` until nil, carries them out in their order, and sets one timer to `deadline`, at which
/// it calls `tick`. SDP passes through as text.
///
/// The order of a join: `signalOpened`, the server's join arrives by `frameReceived`, events and
/// offers follow. An ended session (`disconnected`) takes every further call and does nothing.
/// A lost connection ends it; what taking it up again needs is kept (`syncState`, `end`).
public struct ParticipantSession: ~Copyable {
    /// What the owner does next.
    public enum Output: Hashable, Sendable {
        /// Send this binary frame over signalling.
        case sendFrame([UInt8])
        /// Close signalling, after all frames went out.
        case closeSignal
        /// Make an offer of the publisher connection; hand it to `publisherOfferCreated`. No other
        /// is asked for before that: who cannot make one, leaves.
        case createPublisherOffer
        /// The server's answer to that offer.
        case applyPublisherAnswer(String)
        /// The server's offer; hand the answer to `subscriberAnswerCreated` with the same id.
        case applySubscriberOffer(String, id: UInt32)
        /// A candidate of the server, after the description that it belongs to.
        case addRemoteCandidate(TrickledCandidate, SignalTarget)
        /// Something happened.
        case event(SessionEvent)
    }

    /// How far a peer connection has come.
    public enum MediaState: Hashable, Sendable {
        case connecting
        case connected
        /// It may come back by itself.
        case disconnected
        case failed
    }

    /// What is counted, for a log line at the end.
    public struct Statistics: Hashable, Sendable {
        /// Messages that are newer than this code.
        public var unknownMessages = 0
        /// Messages that are passed over on purpose.
        public var ignoredMessages = 0
        /// Candidates that could not be read, or came in too large a number.
        public var droppedCandidates = 0
        /// Answers to offers that wait no more.
        public var staleAnswers = 0
        /// Refused messages that had no number: candidates, muting.
        public var refusedMessages = 0
        /// Reliable packets that had come before.
        public var duplicatePackets = 0
        /// Data messages that are no packets.
        public var malformedPackets = 0

        /// Nothing yet.
        public init() {}
    }

    /// The most candidates held back for one connection; a host has fewer than ten.
    static let maxHeldCandidates = 64
    /// The most tracks published at once (a server holds 20 announcements).
    public static let maxTracks = 20
    /// The most requests that wait for their answers.
    public static let maxRequests = 64

    enum Phase: Hashable {
        /// Signalling is not open yet.
        case opening
        /// Signalling is open, the join has not come.
        case joining(until: Instant)
        case joined
        case ended
    }

    /// A track of ours, from its announcement on.
    struct LocalTrack {
        var request: AddTrackRequest
        /// What the server said about it; nil before that.
        var info: TrackInfo?
        var announcedUntil: Instant?
        var isSubscribed = false
    }

    /// One of the two peer connections.
    struct Media {
        var isStarted = false
        var isConnected = false
        var hasRemoteDescription = false
        var deadline: Instant?
        /// It failed; until then the server may still say why.
        var failedUntil: Instant?
        var heldCandidates: [TrickledCandidate] = []
        var lastLocal: SignalDescription?
        var lastRemote: SignalDescription?
    }

    struct PendingRequest {
        var id: UInt32
        var deadline: Instant
    }

    let timeouts: SessionTimeouts
    let autoSubscribe: Bool
    var phase = Phase.opening
    var isSignalOpen = false
    var negotiation = PublisherNegotiation()
    var publisher = Media()
    var subscriber = Media()
    var liveness: SignalLiveness?
    var roster = ParticipantRoster()
    var tracks: [LocalTrack] = []
    var requests: [PendingRequest] = []
    var lastRequestID: UInt32 = 0
    var sequence = DataSequence()
    var speakers: [SpeakerInfo] = []
    var wantedTracks: Set<String> = []
    var dataChannels: [SyncState.DataChannelInfo] = []
    var outputs = OutputQueue<Output>()

    /// The room as last described; nil before the join.
    public internal(set) var room: RoomInfo?
    /// Ourselves as last described; nil before the join.
    public internal(set) var participant: ParticipantInfo?
    /// Whether the server sends data over the subscriber connection, and counts us active by it.
    public internal(set) var isSubscriberPrimary = false
    /// The newest token of the server, for a later connection.
    public internal(set) var refreshedToken: SecretText?
    /// How it ended; nil while it lives.
    public internal(set) var end: SessionEnd?
    /// What was counted.
    public internal(set) var statistics = Statistics()

    /// Creates a session whose signalling is about to be opened.
    ///
    /// - Parameters:
    ///   - autoSubscribe: what was said in the join's address.
    ///   - timeouts: its patience.
    public init(autoSubscribe: Bool = false, timeouts: SessionTimeouts = SessionTimeouts()) {
        self.autoSubscribe = autoSubscribe
        self.timeouts = timeouts
    }

    // MARK: Outputs

    /// The next thing to do; nil when there is none.
    public mutating func poll() -> Output? {
        outputs.next()
    }

    /// When `tick` is due; nil for never.
    public var deadline: Instant? {
        switch phase {
        case .opening, .ended: return nil
        case .joining(let until): return until
        case .joined: break
        }
        var next = soonest(liveness?.deadline, negotiation.deadline)
        next = soonest(next, soonest(publisher.deadline, subscriber.deadline))
        next = soonest(next, soonest(publisher.failedUntil, subscriber.failedUntil))
        for track in tracks { next = soonest(next, track.announcedUntil) }
        for request in requests { next = soonest(next, request.deadline) }
        return next
    }

    /// The other participants, in the order in which they joined.
    public var participants: [ParticipantInfo] { roster.participants }

    func isEnded() -> Bool { phase == .ended }

    mutating func emit(_ event: SessionEvent) { outputs.append(.event(event)) }

    mutating func emit(_ events: [SessionEvent]) {
        for event in events { emit(event) }
    }

    mutating func send(_ request: SignalRequest) {
        guard isSignalOpen else { return }
        outputs.append(.sendFrame(request.encoded))
    }

    // MARK: Signalling

    /// The websocket is open.
    public mutating func signalOpened(at now: Instant) {
        guard phase == .opening else { return }
        isSignalOpen = true
        phase = .joining(until: now + timeouts.join)
    }

    /// The websocket was not opened.
    public mutating func signalRefused(_ refusal: JoinRefusal) {
        finish(.refused(refusal), canReconnect: refusal.isRetryable)
    }

    /// The websocket could not be opened, or broke.
    ///
    /// - Parameter text: the transport's words; must hold no secret.
    public mutating func signalFailed(_ text: String) {
        isSignalOpen = false
        switch phase {
        case .opening: finish(.unreachable(text), canReconnect: true)
        case .joining: finish(.joinBroke(text), canReconnect: true)
        case .joined: finish(.signalClosed(code: nil), canResume: true, canReconnect: true)
        case .ended: break
        }
    }

    /// Whether the websocket is being opened.
    public var isOpening: Bool { phase == .opening }

    /// The owner's time for the join is over, however far it came.
    public mutating func joinTimedOut() {
        switch phase {
        case .opening:
            finish(.unreachable("the server did not answer in time"), canReconnect: true)
        case .joining: finish(.joinTimedOut, canReconnect: true)
        case .joined, .ended: break
        }
    }

    /// The server closed the websocket.
    public mutating func signalClosed(code: UInt16?) {
        isSignalOpen = false
        finish(.signalClosed(code: code), canResume: phase == .joined, canReconnect: true)
    }

    /// A binary frame came.
    public mutating func frameReceived(_ bytes: [UInt8], at now: Instant) {
        guard phase != .opening, !isEnded() else { return }
        guard let message = try? SignalResponse(decoding: bytes) else {
            finish(.protocolViolation, canReconnect: true)
            return
        }
        liveness?.frameReceived(at: now)
        handle(message, at: now)
    }

    // MARK: Time

    /// Time passed: does what is due.
    public mutating func tick(at now: Instant) {
        switch phase {
        case .opening, .ended: return
        case .joining(let until):
            if now >= until { finish(.joinTimedOut, canReconnect: true) }
            return
        case .joined: break
        }
        if liveness?.isDead(at: now) == true {
            return finish(.signalSilent, canResume: true, canReconnect: true)
        }
        if let overdue = negotiation.deadline, now >= overdue {
            return finish(.negotiationTimedOut, canReconnect: true)
        }
        for target in [SignalTarget.publisher, .subscriber] {
            if let over = self[target].failedUntil, now >= over {
                return finish(.mediaFailed(target), canResume: true, canReconnect: true)
            }
            if let overdue = self[target].deadline, now >= overdue {
                return finish(.mediaTimedOut(target), canReconnect: true)
            }
        }
        ping(at: now)
        giveUpOverdue(at: now)
    }

    mutating func ping(at now: Instant) {
        guard let timestamp = liveness?.ping(at: now), let liveness else { return }
        send(.pingRequest(timestamp: timestamp, roundTrip: liveness.roundTrip))
        // Older servers know this one alone.
        send(.ping(timestamp))
    }

    private mutating func giveUpOverdue(at now: Instant) {
        for track in tracks {
            guard let until = track.announcedUntil, now >= until else { continue }
            failPublication(of: track.request.cid, .timedOut)
        }
        for request in requests where now >= request.deadline {
            emit(.requestFailed(id: request.id, .timedOut))
        }
        requests.removeAll { now >= $0.deadline }
    }

    // MARK: The end

    /// Leaves the room: says so to the server and closes signalling.
    public mutating func leave() {
        finish(.left)
    }

    /// Ends the session. A server that still listens is told, or we would haunt the room.
    mutating func finish(
        _ cause: SessionEnd.Cause, canResume: Bool = false, canReconnect: Bool = false,
        regions: [RegionInfo] = []
    ) {
        guard !isEnded() else { return }
        if isSignalOpen {
            if case .dismissed = cause {
            } else {
                send(.leave(LeaveRequest(reason: .clientInitiated, action: .disconnect)))
            }
            outputs.append(.closeSignal)
        }
        isSignalOpen = false
        phase = .ended
        let end = SessionEnd(
            cause: cause, canResume: canResume, canReconnect: canReconnect, regions: regions)
        self.end = end
        emit(.disconnected(end))
    }

    subscript(target: SignalTarget) -> Media {
        get { target == .subscriber ? subscriber : publisher }
        set {
            if target == .subscriber { subscriber = newValue } else { publisher = newValue }
        }
    }
}
