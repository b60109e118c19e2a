// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
public import LiveKit
public import Net
public import Telemetry
internal import Transport
public import Web
public import WebRTC

/// A participant in a LiveKit room: signalling, two peer connections, and what is sent and received
/// over them.
///
/// An actor on the media loop. From another thread every call is a hop; from the loop itself, as in
/// a pacer's callback, `assumeIsolated` enters it without one. A lost connection ends it.
public actor Room {
    /// What all rooms of a process share.
    public struct Environment: Sendable {
        /// The media loop.
        public let loop: Loop
        /// Outgoing websockets.
        public let webSockets: WebSocketClient
        /// Name look-up.
        public let names: Names
        /// The certificate of all our peer connections.
        public let certificate: DTLSCertificate
        /// Where rooms log to.
        public let log: Logger
        /// Certificate authorities for wss, one PEM file.
        public var certificateAuthorities = WebSocketRequest.systemCertificateAuthorities
        /// UDP ports to bind; nil lets the kernel choose.
        public var portRange: ClosedRange<UInt16>?

        /// Joins the parts.
        public init(
            loop: Loop, webSockets: WebSocketClient, names: Names, certificate: DTLSCertificate,
            log: Logger
        ) {
            self.loop = loop
            self.webSockets = webSockets
            self.names = names
            self.certificate = certificate
            self.log = log
        }
    }

    /// Largest data packet in its envelope, bytes: what official senders allow themselves.
    public static let dataBytesMax = 64_000
    /// Unsent bytes beyond which reliable data is refused, and lossy data is dropped.
    static let reliableBufferMax = 1 << 20
    static let lossyBufferMax = 256 * 1024
    /// Packets that wait for the channels to open at most.
    static let pendingDataMax = 512
    /// From the call to the server's welcome: whoever waits five seconds, as a caller of HTTP does,
    /// is told the reason.
    static let joinLimit = Duration.milliseconds(4_800)
    /// After a stall of our own nobody's silence is judged for so long: frames come over another
    /// thread, which stood still with us and hands them over a moment later.
    static let hearingTime = Duration.milliseconds(500)
    /// STUN servers that are looked up at most; more would tell the same.
    static let stunServersMax = 4
    /// Events that wait for their reader at most; then the oldest are given up.
    static let eventsMax = 1024
    /// Packets of one remote track that wait for their reader: two seconds.
    static let audioMax = 100

    nonisolated let environment: Environment
    /// Whether user packets become events.
    nonisolated let receivesData: Bool
    /// Runs on the media loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        environment.loop.asUnownedSerialExecutor()
    }

    /// Events, from the join on; for one reader.
    public nonisolated let events: AsyncStream<RoomEvent>
    private let eventSink: AsyncStream<RoomEvent>.Continuation
    let log: Logger

    var session: ParticipantSession
    var socket: WebSocketConnection?
    var publisher: PeerDriver?
    var subscriber: PeerDriver?
    private var deadline: (time: Instant, token: DeadlineToken)?
    private var isPumping = false
    private var serverAddress: SocketAddress?
    private var stunServers: [SocketAddress] = []

    private var joining: CheckedContinuation<Result<Void, RoomError>, Never>?
    private var isGivenUp = false
    private var publishing:
        [String: CheckedContinuation<Result<LocalAudioTrack, RoomError>, Never>] = [:]
    private var leaving: [CheckedContinuation<Void, Never>] = []
    var localTracks: [(cid: String, sid: String, id: PeerTrackID)] = []
    var channels: [String: PeerChannelID] = [:]
    var openChannels: Set<PeerChannelID> = []
    var pendingData: [(message: [UInt8], isReliable: Bool)] = []
    var remoteTracks: [String: PeerRemoteTrack] = [:]
    var audioSinks: [String: AsyncStream<RemoteAudio>.Continuation] = [:]
    /// Lossy packets that were dropped because the network is slower than we.
    public private(set) var droppedData = 0

    init(_ environment: Environment, autoSubscribe: Bool, receivesData: Bool) {
        self.environment = environment
        self.receivesData = receivesData
        log = environment.log
        session = ParticipantSession(autoSubscribe: autoSubscribe)
        (events, eventSink) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.eventsMax))
    }

    /// A room that is let go without having left: its ports and deadlines end on their own loop, and
    /// the server sees the connection close.
    isolated deinit {
        socket?.close()
        if let deadline { environment.loop.cancel(deadline.token) }
        eventSink.finish()
        for sink in audioSinks.values { sink.finish() }
    }

    // MARK: Joining and leaving

    /// Joins a room and returns when the server has let us in.
    ///
    /// - Parameters:
    ///   - url: the server: ws, wss, http or https.
    ///   - token: opens the room; goes into a header, never into a log.
    ///   - version: of the program, for the server's log.
    ///   - autoSubscribe: whether all remote tracks come unasked.
    ///   - receivesData: whether `events` tells of user packets. Who does not read them says no:
    ///     anybody in the room may send thousands, and they would drive out what is read.
    ///   - environment: what rooms share.
    /// - Returns: the room.
    /// - Throws: `RoomError`, a sentence for whoever configured the server. A task that is cancelled
    ///   leaves as soon as the server hears it, with the cause `left`.
    public static func join(
        url: String, token: String, version: String, autoSubscribe: Bool = false,
        receivesData: Bool = true, environment: Environment
    ) async throws(RoomError) -> Room {
        let limit = environment.loop.now + joinLimit
        let address: SignalURL
        do { address = try SignalURL(url) } catch { throw .invalidURL(error) }
        let resolved: [IPAddress]
        do {
            resolved = try await environment.names.addresses(of: address.host)
        } catch {
            throw .unknownHost(address.host)
        }
        let room = Room(
            environment, autoSubscribe: autoSubscribe, receivesData: receivesData)
        let client = ClientDescription(version: version, autoSubscribe: autoSubscribe)
        var request = WebSocketRequest(
            isSecure: address.isSecure, host: address.host, port: address.port,
            addresses: resolved, target: address.joinTarget(client: client),
            headers: ["Authorization": "Bearer \(token)"])
        request.certificateAuthorities = environment.certificateAuthorities
        let server = resolved.first.map { SocketAddress($0, port: request.port) }
        try await room.open(toward: server, until: limit) { [request] handler in
            environment.webSockets.connect(request, on: environment.loop, handler: handler)
        }
        return room
    }

    /// Joins over a websocket that `connect` makes, whose events come on our loop.
    func open(
        toward server: SocketAddress?, until limit: Instant,
        connect: (@escaping @Sendable (WebSocketEvent) -> Void) -> WebSocketConnection
    ) async throws(RoomError) {
        serverAddress = server
        let token = environment.loop.schedule(at: limit) { [weak self] in
            self?.assumeIsolated { $0.joinTimedOut() }
        }
        defer { environment.loop.cancel(token) }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                joining = continuation
                socket = connect { [weak self] event in
                    // The handler runs on our executor.
                    guard let self else { return }
                    self.assumeIsolated { $0.signalled(event) }
                }
            }
        } onCancel: {
            // Behind what runs now, so that there is a join to be given up.
            environment.loop.post { [weak self] in self?.assumeIsolated { $0.giveUpJoin() } }
        }
        if case .failure(let error) = result {
            // Whoever gives up may be about to stop the threads that carry the farewell.
            if isGivenUp { await leave() }
            throw error
        }
        // A server may take a join back in its next word, which came before this was resumed.
        if let end = session.end { throw .ended(end) }
    }

    private func joinTimedOut() {
        guard joining != nil else { return }
        let isOpening = session.isOpening
        session.joinTimedOut()
        // One that is not open yet has nobody to say goodbye to.
        if isOpening { socket?.close() }
        pump()
    }

    /// Who asked for the join does not want it any more. The server may have let us in already, so
    /// it hears of that as soon as it can.
    private func giveUpJoin() {
        guard joining != nil else { return }
        isGivenUp = true
        guard !session.isOpening else { return }
        session.leave()
        pump()
    }

    /// Leaves the room: the server is told, the farewells go out. Returns when it is done, after two
    /// seconds at the latest. Later calls return at once.
    public func leave() async {
        guard session.end == nil || socket != nil else { return }
        session.leave()
        pump()
        guard socket != nil else { return }
        await withCheckedContinuation { continuation in leaving.append(continuation) }
    }

    /// How the session ended; nil while it lives.
    public var end: SessionEnd? { session.end }
    /// The room as last described.
    public var info: RoomInfo? { session.room }
    /// Ourselves as last described.
    public var localParticipant: ParticipantInfo? { session.participant }
    /// The others, in the order in which they joined.
    public var participants: [ParticipantInfo] { session.participants }

    // MARK: Changing ourselves

    /// Changes our metadata, name or attributes; `requestFailed` tells when the server refuses.
    @discardableResult
    public func update(
        metadata: String? = nil, name: String? = nil, attributes: [String: String] = [:]
    ) throws(RoomError) -> UInt32 {
        defer { pump() }
        do {
            return try session.update(
                metadata: metadata, name: name, attributes: attributes, at: environment.loop.now)
        } catch {
            throw refusal(error)
        }
    }

    /// Why a command is not taken: one that comes behind the end is told of the end.
    func refusal(_ error: CommandError) -> RoomError {
        session.end.map { .ended($0) } ?? .refused(error)
    }

    // MARK: Signalling

    private func signalled(_ event: WebSocketEvent) {
        let now = environment.loop.now
        switch event {
        case .opened:
            session.signalOpened(at: now)
            if isGivenUp { session.leave() }
        case .frame(.binary(let bytes)): session.frameReceived(bytes, at: now)
        // LiveKit answers binary frames with binary ones; text is none of its own.
        case .frame(.text): break
        case .closed(let code, _):
            socket = nil
            session.signalClosed(code: code)
        case .failed(.refused(let status, let body)):
            socket = nil
            session.signalRefused(JoinRefusal(status: status, body: body))
        case .failed(let error):
            socket = nil
            log.debug("signalling failed", ["reason": .error(error)])
            session.signalFailed(Self.words(error))
        }
        pump()
        if socket == nil { finishLeaving() }
    }

    private static func words(_ error: WebSocketError) -> String {
        switch error {
        case .invalidRequest(let part): "the address cannot be used (\(part))"
        case .unavailable: "too many connections are open"
        case .unreachable: "no address of the server takes the connection"
        case .timedOut: "the server did not answer in time"
        case .tls(.unknownIssuer): "the server's certificate comes from an unknown authority"
        case .tls(.selfSigned): "the server's certificate signs itself"
        case .tls(.expired): "the server's certificate has expired"
        case .tls(.notYetValid): "the server's certificate is not valid yet"
        case .tls(.wrongName): "the server's certificate is for another name"
        case .tls(.rejected(let code)): "the server's certificate was rejected (\(code))"
        case .tls(.noAuthorities): "the file of certificate authorities cannot be read"
        case .tls(.handshake): "the server does not speak TLS there"
        case .refused(let status, _): "the server answered with status \(status)"
        case .protocolError:
            "what answers at this address breaks the websocket protocol and is no LiveKit server"
        case .tooLarge: "the server sent too large a message"
        case .lost: "the connection to the server broke"
        case .silent: "the server fell silent"
        case .receiverTooSlow: "messages came faster than they were read"
        }
    }

    /// Carries out what the session wants, until it wants nothing more.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        while let output = session.poll() { carryOut(output) }
        isPumping = false
        arm()
    }

    private func carryOut(_ output: ParticipantSession.Output) {
        switch output {
        case .sendFrame(let bytes):
            do throws(WebSocketConnection.SendError) {
                try socket?.send(bytes)
            } catch {
                sendFailed(error)
            }
        case .closeSignal:
            socket?.close()
        case .createPublisherOffer: offer()
        case .applyPublisherAnswer(let sdp):
            apply(sdp, to: publisher, .publisher)
        case .applySubscriberOffer(let sdp, let id): answer(sdp, id: id)
        case .addRemoteCandidate(let candidate, let target):
            driver(target)?.update { connection, now in
                // What cannot be read is counted there; others will do.
                try? connection.addRemoteCandidate(
                    candidate.candidate, ufrag: candidate.usernameFragment, at: now)
            }
        case .event(let event): happened(event)
        }
    }

    private func sendFailed(_ error: WebSocketConnection.SendError) {
        switch error {
        // Its last event is on its way to us, behind what the server said at the end: the reason.
        case .closed: break
        case .full:
            session.signalFailed("the server does not take our messages")
            // The session takes it for gone: nobody else would close it.
            socket?.close()
        }
    }

    private func arm() {
        arm(at: session.deadline)
    }

    private func arm(at due: Instant?) {
        if let deadline {
            guard deadline.time != due else { return }
            environment.loop.cancel(deadline.token)
            self.deadline = nil
        }
        guard let due else { return }
        let token = environment.loop.schedule(at: due) { [weak self] in
            self?.assumeIsolated { $0.deadlineCame() }
        }
        deadline = (due, token)
    }

    private func deadlineCame() {
        deadline = nil
        let now = environment.loop.now
        // What is overdue may be an answer that has come.
        if let stall = environment.loop.lastStall, now < stall.end + Self.hearingTime {
            return arm(at: stall.end + Self.hearingTime)
        }
        session.tick(at: now)
        pump()
    }

    // MARK: Negotiation

    func driver(_ target: SignalTarget) -> PeerDriver? {
        target == .subscriber ? subscriber : publisher
    }

    private func offer() {
        guard let publisher else { return }
        // Inside the update, so that the candidates which it drains come after their description.
        let made = publisher.update { connection, now in
            guard let sdp = try? connection.createOffer(at: now) else { return false }
            session.publisherOfferCreated(sdp, at: now)
            return true
        }
        if !made { session.mediaStateChanged(.publisher, .failed, at: environment.loop.now) }
    }

    private func apply(_ sdp: String, to driver: PeerDriver?, _ target: SignalTarget) {
        do {
            try driver?.update { connection, now throws(PeerDescriptionError) in
                try connection.setRemoteDescription(sdp, at: now)
            }
        } catch {
            log.warning("the server's description is not usable", ["reason": .error(error)])
            session.mediaStateChanged(target, .failed, at: environment.loop.now)
        }
    }

    private func answer(_ sdp: String, id: UInt32) {
        guard let subscriber else { return }
        do {
            try subscriber.update { connection, now throws(PeerDescriptionError) in
                try connection.setRemoteDescription(sdp, at: now)
                session.subscriberAnswerCreated(try connection.createAnswer(at: now), id: id)
            }
        } catch {
            log.warning("the server's offer is not usable", ["reason": .error(error)])
            session.mediaStateChanged(.subscriber, .failed, at: environment.loop.now)
        }
    }

    private func connectMedia() {
        let addresses = Self.localAddresses(toward: serverAddress)
        var sending = PeerConfiguration()
        sending.receivesAudio = false
        publisher = makeDriver(.offerer, .publisher, sending)
        subscriber = makeDriver(.answerer, .subscriber, PeerConfiguration())
        openChannels(on: publisher)
        for driver in [publisher, subscriber] {
            driver?.openPorts(on: addresses, in: environment.portRange)
        }
    }

    /// Has STUN servers asked for our outer addresses. Nothing waits for it: the candidates trickle
    /// when their time comes, or never.
    private func lookUp(_ servers: [ICEServerInfo]) {
        let urls = servers.flatMap(\.urls).compactMap { STUNServerURL($0) }
        for url in urls.prefix(Self.stunServersMax) {
            Task { [weak self, environment] in
                do throws(Names.Failure) {
                    let found = try await environment.names.addresses(of: url.host)
                    await self?.ask(found, port: url.port)
                } catch {
                    environment.log.debug(
                        "no address of a STUN server",
                        ["host": .of(url.host), "reason": .error(error)])
                }
            }
        }
    }

    /// One address of each family is enough.
    private func ask(_ addresses: [IPAddress], port: UInt16) {
        let chosen = [addresses.first { !$0.isV6 }, addresses.first { $0.isV6 }].compactMap { $0 }
        stunServers += chosen.map { SocketAddress($0, port: port) }
        for driver in [publisher, subscriber] {
            driver?.update { connection, now in connection.setSTUNServers(stunServers, at: now) }
        }
    }

    private func makeDriver(
        _ role: PeerRole, _ target: SignalTarget, _ configuration: PeerConfiguration
    ) -> PeerDriver {
        let clock = NTPMapping(environment.loop.now, is: Loop.wallClock)
        let connection = PeerConnection(
            role: role, certificate: environment.certificate, clock: clock,
            random: SecureRandom(), configuration: configuration)
        return PeerDriver(connection, on: environment.loop) { [weak self] event in
            self?.assumeIsolated { $0.peerHappened(event, target) }
        }
    }

    /// The source that the route to the server gives, then one address for each other interface.
    private static func localAddresses(toward server: SocketAddress?) -> [IPAddress] {
        var addresses: [IPAddress] = []
        if let server, let route = UDPPort.localAddress(toward: server) { addresses.append(route) }
        for interface in Interface.all()
        where interface.isUp && interface.isRunning && !interface.isLoopback {
            let address = interface.address
            if address.isLinkLocal || addresses.contains(address) { continue }
            if addresses.count < 4 { addresses.append(address) }
        }
        return addresses
    }

    // MARK: What the session tells

    private func happened(_ event: SessionEvent) {
        switch event {
        case .joined(let join):
            connectMedia()
            lookUp(join.iceServers)
            joining?.resume(returning: .success(()))
            joining = nil
        case .disconnected(let end): ended(end)
        case .trackPublished(let cid, let track):
            guard let index = localTracks.firstIndex(where: { $0.cid == cid }) else { return }
            localTracks[index].sid = track.sid
            let published = LocalAudioTrack(cid: cid, sid: track.sid)
            publishing.removeValue(forKey: cid)?.resume(returning: .success(published))
        case .publishFailed(let cid, let failure):
            dropTrack(cid)
            publishing.removeValue(forKey: cid)?
                .resume(returning: .failure(.notPublished(failure)))
        case .dataReceived(let packet, let sender):
            guard receivesData, case .user(let user) = packet.value else { return }
            eventSink.yield(
                .dataReceived(
                    ReceivedData(payload: user.payload, topic: user.topic, sender: sender)))
        default:
            if let told = RoomEvent(event) { eventSink.yield(told) }
        }
    }

    func dropTrack(_ cid: String) {
        guard let index = localTracks.firstIndex(where: { $0.cid == cid }) else { return }
        let track = localTracks.remove(at: index)
        publisher?.update { connection, _ in connection.removeTrack(track.id) }
    }

    /// Announces a track and waits until the server has taken it.
    func announce(_ request: AddTrackRequest) async throws(RoomError) -> LocalAudioTrack {
        do {
            try session.publish(request, at: environment.loop.now)
        } catch {
            dropTrack(request.cid)
            throw refusal(error)
        }
        let result = await withCheckedContinuation { continuation in
            publishing[request.cid] = continuation
            pump()
        }
        return try result.get()
    }

    private func ended(_ end: SessionEnd) {
        publisher?.close()
        subscriber?.close()
        publisher = nil
        subscriber = nil
        let error = RoomError.ended(end)
        joining?.resume(returning: .failure(error))
        joining = nil
        let waiting = publishing
        publishing = [:]
        for continuation in waiting.values { continuation.resume(returning: .failure(error)) }
        for sink in audioSinks.values { sink.finish() }
        audioSinks = [:]
        eventSink.yield(.disconnected(end))
        eventSink.finish()
        if socket == nil { finishLeaving() }
    }

    private func finishLeaving() {
        let waiting = leaving
        leaving = []
        for continuation in waiting { continuation.resume() }
    }

    func countDroppedData() {
        droppedData += 1
    }
}

extension RoomEvent {
    /// What the owner of a room is told of a session's event; nil for what stays inside.
    init?(_ event: SessionEvent) {
        switch event {
        case .participantJoined(let info): self = .participantJoined(info)
        case .participantUpdated(let info): self = .participantUpdated(info)
        case .participantBecameActive(let info): self = .participantActive(info)
        case .participantLeft(let info, _): self = .participantLeft(info)
        case .remoteTrackPublished(let track, let info):
            self = .trackPublished(track, participant: info)
        case .remoteTrackUnpublished(let track, let info):
            self = .trackUnpublished(track, participant: info)
        case .trackSubscribed(_, let sid): self = .localTrackSubscribed(sid: sid)
        case .trackUnpublished(_, let sid): self = .localTrackUnpublished(sid: sid)
        case .muteRequested(_, let sid, let isMuted):
            self = .localTrackMuteRequested(sid: sid, isMuted: isMuted)
        case .speakersChanged(let speakers): self = .speakersChanged(speakers)
        case .roomUpdated(let room): self = .roomUpdated(room)
        case .requestFailed(let id, let failure): self = .requestFailed(id: id, failure)
        case .roomMoved(let room, _): self = .roomUpdated(room)
        case .joined, .disconnected, .trackPublished, .publishFailed, .dataReceived,
            .mediaConnected, .remoteTrackUpdated, .subscriptionFailed,
            .subscriptionPermissionChanged, .selfUpdated, .requestSucceeded,
            .connectionQualityChanged, .tokenRefreshed:
            return nil
        }
    }
}
