// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

/// The time on both clocks.
struct RoomTime: Sendable {
    let instant: Instant
    let wall: WallClock
}

/// What a room decides: who is in it, what they publish, who receives what, who is told what.
///
/// A value without sockets, clocks and peer connections: one call → drain ``poll()`` until nil →
/// one ``deadline``. Behaves like livekit-server 1.13 as far as clients can tell.
struct RoomState {
    /// Version and protocol number that clients are told: those of the server it behaves like.
    static let version = "1.13.3"
    static let signalProtocol: Int32 = 17
    /// Participants at most, whatever a token or a call allows.
    static let membersMax = 100
    /// Tracks of one participant, published or announced (what the real server allows to wait).
    static let tracksMax = 20
    /// Changes that only add or remove subscribers are told in batches (as the real server does).
    static let batchDelay = Duration.seconds(3)
    /// Who has no media connection by then is removed.
    static let joinLimit = Duration.seconds(60)

    /// What one participant may have all others told of it at once, and what a second brings back,
    /// bytes. Together with one more description of the longest there may be it fits the 1 MiB of
    /// messages that wait for a client at most, and it is more than the tracks of a tab that all
    /// change at once. What is beyond is told later, as it is by then, so that nobody's websocket
    /// breaks by what another one does.
    static let toldBytesBurst = 256 * 1024
    static let toldBytesPerSecond = 128 * 1024
    /// What a message costs beside its bytes: at most a quarter of the 1,024 messages that may wait
    /// for a client are about one participant.
    static let toldOverhead = 1024

    /// What the room wants done.
    enum Output: Sendable {
        /// A message to one participant.
        case send(SignalResponse, to: String)
        /// A new token for one participant.
        case refreshToken(String)
        /// Its data, ready to be sent.
        case sendData([UInt8], isReliable: Bool, to: String)
        /// From now on, or no longer, a track goes to a participant.
        case subscribe(track: String, publisher: String, subscriber: String)
        case unsubscribe(track: String, subscriber: String)
        /// A track's packets are passed on, or not, after a second of silence.
        case muteTrack(String, Bool)
        case disableTrack(String, Bool, subscriber: String)
        /// A track is about to end: 200 ms of silence to all who receive it.
        case fadeTrack(String)
        /// What the tracks' ways show is asked for: ``measured(_:cutOff:now:)``.
        case measure
        /// A participant is out: its connections end.
        case end(String, DisconnectReason)
        /// The room is over.
        case close
    }

    /// A track that is announced, or published.
    struct Track: Sendable {
        var info: TrackInfo
        let cid: String
        /// Its section was offered: others know of it.
        var isLive = false
        /// Its publisher was told that somebody receives it.
        var wasSubscribed = false
        /// When it goes, after its silence.
        var endsAt: Instant?
    }

    /// A section in which a participant sends.
    struct OfferedTrack: Sendable, Equatable {
        var mid: String
        var kind: TrackKind
        var cid: String?
    }

    /// Somebody in the room.
    struct Member: Sendable {
        let sid: String
        let claims: TokenClaims
        let client: ClientInfo
        let isSingleConnection: Bool
        let autoSubscribe: Bool
        let joinedAt: Instant
        /// Without the tracks, which `tracks` has.
        var info: ParticipantInfo
        var tracks: [Track] = []
        /// Tracks that it receives, or will when it is connected.
        var subscriptions: [String] = []
        /// Tracks that it asked for, or refused, against the rule of its join.
        var disabledTracks: Set<String> = []
        /// Sections without an announced track yet.
        var parked: [OfferedTrack] = []
        /// The last reliable packet.
        var lastSequence: UInt32 = 0
        /// Its media connection stands, or stood.
        var isAnnounced = false
        /// Others are to be told of it with the next batch.
        var isUpdateDue = false
        /// What the others may still be told of it, and whether something waits for that.
        var telling = Allowance(
            RoomState.toldBytesBurst, perSecond: RoomState.toldBytesPerSecond)
        var isUpdateHeld = false
        /// Whether it was told how good its connection is.
        var hasQuality = false

        var identity: String { claims.identity }
        var permission: ParticipantPermission { info.permission ?? ParticipantPermission() }
        /// Data goes down the subscriber connection, and that one makes it active.
        var isSubscriberPrimary: Bool {
            !isSingleConnection && permission.canSubscribe && client.signalProtocol >= 3
        }
        /// Does not keep a room open.
        var isDependent: Bool { info.kind == .agent || info.kind == .egress }

        /// What others are told of it.
        var described: ParticipantInfo {
            var result = info
            result.tracks = tracks.filter(\.isLive).map(\.info)
            return result
        }
    }

    var room: RoomInfo
    /// In the order of their coming.
    var members: [Member] = []
    var speakers = SpeakerBoard()
    var quality = QualityBoard()
    private var batchAt: Instant?
    private let createdAt: Instant
    /// When somebody left last who would keep it open; nil before the first such departure.
    private var departedAt: Instant?
    private(set) var isClosed = false
    private var random: any RandomNumberGenerator & Sendable
    private var outputs: [Output] = []
    private var outputsTaken = 0

    /// Opens a room.
    init(
        name: String, configuration: RoomConfiguration?, now: RoomTime,
        random: any RandomNumberGenerator & Sendable
    ) {
        self.random = random
        room = RoomInfo()
        room.name = name
        // The real server's own limits.
        room.emptyTimeout = configuration?.emptyTimeout ?? 0
        if room.emptyTimeout == 0 { room.emptyTimeout = 300 }
        room.departureTimeout = configuration?.departureTimeout ?? 0
        if room.departureTimeout == 0 { room.departureTimeout = 20 }
        room.maxParticipants = configuration?.maxParticipants ?? 0
        room.metadata = configuration?.metadata ?? ""
        room.creationTime = now.wall.unixSeconds
        room.creationTimeMilliseconds = now.wall.unixMilliseconds
        room.enabledCodecs = [CodecInfo(mime: "audio/opus")]
        createdAt = now.instant
        room.sid = newID("RM_")
    }

    // MARK: Outputs

    /// The next thing to do; nil when all is done.
    mutating func poll() -> Output? {
        guard outputsTaken < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            outputsTaken = 0
            return nil
        }
        defer { outputsTaken += 1 }
        return outputs[outputsTaken]
    }

    mutating func emit(_ output: Output) { outputs.append(output) }

    mutating func send(_ message: SignalResponse, to sid: String) {
        outputs.append(.send(message, to: sid))
    }

    /// `prefix` and twelve letters and digits.
    mutating func newID(_ prefix: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text = Array(prefix.utf8)
        for _ in 0..<12 {
            text.append(alphabet[Int(random.next(upperBound: UInt64(alphabet.count)))])
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Looking up

    func index(of sid: String) -> Int? { members.firstIndex { $0.sid == sid } }

    subscript(sid: String) -> Member? { members.first { $0.sid == sid } }

    func member(identity: String) -> Member? { members.first { $0.identity == identity } }

    /// The place of a track.
    func find(track sid: String) -> (member: Int, track: Int)? {
        for index in members.indices {
            if let place = members[index].tracks.firstIndex(where: { $0.info.sid == sid }) {
                return (index, place)
            }
        }
        return nil
    }

    /// Changes a member; nothing when it is gone.
    mutating func update(_ sid: String, _ change: (inout Member) -> Void) {
        guard let index = index(of: sid) else { return }
        change(&members[index])
    }

    mutating func updateTrack(_ sid: String, _ change: (inout Track) -> Void) {
        guard let place = find(track: sid) else { return }
        change(&members[place.member].tracks[place.track])
    }

    /// The room as clients see it.
    var described: RoomInfo {
        var info = room
        let shown = members.filter { $0.isAnnounced && !$0.permission.isHidden }
        info.participantCount = UInt32(shown.count)
        info.publisherCount = UInt32(shown.count { $0.info.isPublisher })
        return info
    }

    // MARK: Coming

    /// Why somebody is not let in.
    enum Refusal: Error, Equatable {
        case full
        case closed
    }

    /// Lets somebody in: who had the identity before goes, the newcomer is told what there is.
    ///
    /// - Returns: the newcomer's sid.
    mutating func join(_ ticket: JoinTicket, now: RoomTime) throws(Refusal) -> String {
        guard !isClosed else { throw .closed }
        let old = member(identity: ticket.claims.identity)
        let limit = min(
            Self.membersMax, room.maxParticipants == 0 ? .max : Int(room.maxParticipants))
        guard members.count - (old == nil ? 0 : 1) < limit else { throw .full }
        if let old {
            remove(old.sid, .duplicateIdentity, tells: .disconnect, isQuiet: true, now: now)
        }
        let member = newMember(ticket, now: now)
        members.append(member)
        send(.join(joinResponse(for: member)), to: member.sid)
        emit(.refreshToken(member.sid))
        update(member.sid) { $0.info.state = .joined }
        return member.sid
    }

    private mutating func newMember(_ ticket: JoinTicket, now: RoomTime) -> Member {
        let claims = ticket.claims
        let grant = claims.video ?? VideoGrant()
        var info = ParticipantInfo()
        info.sid = newID("PA_")
        info.identity = claims.identity
        info.name = claims.name
        info.metadata = claims.metadata
        info.attributes = claims.attributes
        if grant.canUpdateOwnMetadata ?? false {
            if !ticket.metadata.isEmpty { info.metadata = ticket.metadata }
            for (key, value) in ticket.attributes where !value.isEmpty {
                info.attributes[key] = value
            }
        }
        info.joinedAt = now.wall.unixSeconds
        info.joinedAtMilliseconds = now.wall.unixMilliseconds
        info.version = 1
        info.kind = claims.kind ?? (grant.agent ? .agent : .standard)
        info.permission = ParticipantPermission(grant)
        info.clientProtocol = ticket.client.clientProtocol
        info.capabilities = ticket.client.capabilities
        return Member(
            sid: info.sid, claims: claims, client: ticket.client,
            isSingleConnection: ticket.isSingleConnection, autoSubscribe: ticket.autoSubscribe,
            joinedAt: now.instant, info: info)
    }

    private mutating func joinResponse(for member: Member) -> JoinResponse {
        var response = JoinResponse()
        response.room = described
        response.participant = member.described
        response.otherParticipants = others(than: member.sid)
        response.serverVersion = Self.version
        response.isSubscriberPrimary = member.isSubscriberPrimary
        response.pingTimeout = 15
        response.pingInterval = 5
        response.serverInfo = Self.serverInfo
        response.sifTrailer = Array(newID("").utf8)
        response.enabledPublishCodecs = [CodecInfo(mime: "audio/opus")]
        response.isFastPublish = member.permission.canPublish
        return response
    }

    static var serverInfo: ServerInfo {
        var info = ServerInfo()
        info.version = version
        info.signalProtocol = signalProtocol
        info.nodeID = "ND_devserver"
        info.agentProtocol = 1
        return info
    }

    /// Those that a newcomer is shown.
    private func others(than sid: String) -> [ParticipantInfo] {
        members.filter { $0.sid != sid && $0.isAnnounced && !$0.permission.isHidden }
            .map(\.described)
    }

    /// Goes on with the session of an identity, over a new socket; nil when there is none.
    mutating func resume(_ ticket: JoinTicket) -> String? {
        guard !isClosed, let member = member(identity: ticket.claims.identity) else { return nil }
        var response = ReconnectResponse()
        response.serverInfo = Self.serverInfo
        response.lastMessageSequence = member.lastSequence
        send(.reconnect(response), to: member.sid)
        let shown = members.filter {
            $0.isAnnounced && (!$0.permission.isHidden || $0.sid == member.sid)
        }
        send(.update(shown.map(\.described)), to: member.sid)
        send(.roomUpdate(described), to: member.sid)
        emit(.refreshToken(member.sid))
        return member.sid
    }

    /// A participant's media connection stands.
    mutating func connected(_ sid: String, now: RoomTime) {
        guard let index = index(of: sid), !members[index].isAnnounced else { return }
        members[index].isAnnounced = true
        quality.begin(at: now.instant)
        members[index].info.state = .active
        if members[index].info.isPublisher {
            tellAll(about: sid, now: now)
        } else {
            members[index].isUpdateDue = true
            batchAt = batchAt ?? now.instant + Self.batchDelay
        }
        guard members[index].autoSubscribe else { return }
        for other in members where other.sid != sid {
            for track in other.tracks where track.isLive {
                subscribe(sid, to: track.info.sid)
            }
        }
    }

    // MARK: Going

    /// Takes somebody out.
    ///
    /// - Parameters:
    ///   - sid: who.
    ///   - reason: told to the one and to the others.
    ///   - action: what the one is told to do; nil says nothing, as the line is dead anyway.
    ///   - isQuiet: others are not told: they see the same identity again at once.
    ///   - now: the time.
    mutating func remove(
        _ sid: String, _ reason: DisconnectReason, tells action: LeaveAction?,
        isQuiet: Bool = false, now: RoomTime
    ) {
        guard let index = index(of: sid) else { return }
        if let action { send(.leave(LeaveRequest(reason: reason, action: action)), to: sid) }
        let member = members.remove(at: index)
        if !member.isDependent { departedAt = now.instant }
        for track in member.tracks { dropSubscriptions(to: track.info.sid) }
        for track in member.subscriptions { emit(.unsubscribe(track: track, subscriber: sid)) }
        var info = member.info
        info.state = .disconnected
        info.disconnectReason = reason
        info.version += 1
        if !isQuiet, member.isAnnounced, !member.permission.isHidden {
            for other in members { send(.update([info]), to: other.sid) }
        }
        emit(.end(sid, reason))
    }

    /// Ends the room for all.
    mutating func close(_ reason: DisconnectReason, now: RoomTime) {
        guard !isClosed else { return }
        isClosed = true
        for member in members {
            remove(member.sid, reason, tells: .disconnect, isQuiet: true, now: now)
        }
        emit(.close)
    }

    /// When it ends as nobody is there who would keep it open: after the last such departure, and
    /// by its age while it waits for the first to come, whether an agent waits too or not.
    private var closesAt: Instant? {
        guard !isClosed, members.allSatisfy(\.isDependent) else { return nil }
        if let departedAt { return departedAt + .seconds(Int64(room.departureTimeout)) }
        return createdAt + .seconds(Int64(room.emptyTimeout))
    }

    // MARK: Telling

    /// Tells all, the one too, how a participant is now, or as soon as they may be told of it again.
    mutating func tellAll(about sid: String, now: RoomTime) {
        guard let index = index(of: sid) else { return }
        members[index].isUpdateDue = false
        members[index].isUpdateHeld = !members[index].telling.isLeft(at: now.instant)
        guard !members[index].isUpdateHeld else { return }
        members[index].info.version += 1
        let message = SignalResponse.update([members[index].described])
        members[index].telling.spend(
            message.encoded.count + Self.toldOverhead, at: now.instant)
        let isHidden = members[index].permission.isHidden
        for other in members where !isHidden || other.sid == sid {
            send(message, to: other.sid)
        }
    }

    // MARK: Time

    /// When ``tick(now:)`` is due.
    var deadline: Instant? {
        var result = soonest(batchAt, closesAt)
        for member in members {
            if !member.isAnnounced { result = soonest(result, member.joinedAt + Self.joinLimit) }
            if member.isUpdateHeld { result = soonest(result, member.telling.readyAt) }
            for track in member.tracks { result = soonest(result, track.endsAt) }
        }
        return soonest(soonest(result, speakers.deadline), quality.deadline)
    }

    /// Does what is due.
    mutating func tick(now: RoomTime) {
        if let batchAt, batchAt <= now.instant {
            self.batchAt = nil
            for member in members where member.isUpdateDue { tellAll(about: member.sid, now: now) }
            for member in members { send(.roomUpdate(described), to: member.sid) }
            tellNewQualities()
        }
        for member in members
        where !member.isAnnounced && member.joinedAt + Self.joinLimit <= now.instant {
            remove(member.sid, .joinFailure, tells: .disconnect, now: now)
        }
        for member in members {
            for track in member.tracks {
                guard let end = track.endsAt, end <= now.instant else { continue }
                endTrack(track.info.sid, of: member.sid, now: now)
            }
        }
        for member in members where member.isUpdateHeld { tellAll(about: member.sid, now: now) }
        tickSpeakers(now)
        if let due = quality.deadline, due <= now.instant {
            quality.rearm(isNeeded: members.contains(where: \.isAnnounced), at: now.instant)
            emit(.measure)
        }
        if let closesAt, closesAt <= now.instant { close(.roomClosed, now: now) }
    }
}

extension ParticipantPermission {
    /// What a token's grant allows, with the real server's defaults.
    init(_ grant: VideoGrant) {
        self.init()
        canSubscribe = grant.canSubscribe ?? true
        canPublish = grant.canPublish ?? true
        canPublishData = grant.canPublishData ?? canPublish
        canPublishSources = grant.canPublishSources.compactMap { TrackSource(grantName: $0) }
        isHidden = grant.hidden
        isRecorder = grant.recorder
        canUpdateMetadata = grant.canUpdateOwnMetadata ?? false
        isAgent = grant.agent
        canSubscribeMetrics = grant.canSubscribeMetrics ?? false
        canManageAgentSession = grant.canManageAgentSession ?? false
    }

    /// Whether a track of this source may be published: a list stands above the flag.
    func allowsPublishing(_ source: TrackSource) -> Bool {
        canPublishSources.isEmpty ? canPublish : canPublishSources.contains(source)
    }
}

extension TrackSource {
    fileprivate init?(grantName: String) {
        switch grantName {
        case "camera": self = .camera
        case "microphone": self = .microphone
        case "screen_share": self = .screenShare
        case "screen_share_audio": self = .screenShareAudio
        default: return nil
        }
    }
}
