// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LipSync
internal import LiveKit
public import Net
public import Room
public import Speech
internal import Telemetry

/// One avatar in one room: it speaks, moves its mouth, and tells how it stands.
///
/// An actor on the media loop. What it sends is decided by `Playout`; what it says is made by a voice
/// and prepared on the work pool; it only carries out. Ends by itself when its room ends, when nobody
/// is there for too long, and at the end of its life.
public actor AvatarSession {
    /// What a session is to be.
    public struct Request: Sendable {
        /// The room server as this program reaches it.
        public var url: String
        /// The agent's token.
        public var token: String
        /// The voice; nil for the configured one.
        public var voice: String?
        /// How far events run ahead of their audio, ms.
        public var lead: Int
        /// The longest life.
        public var lifetime: Duration
        /// Whether it ends when nobody listens; a single `connect` stays.
        public var endsWhenEmpty = true

        /// Joins the parts.
        public init(url: String, token: String, voice: String?, lead: Int, lifetime: Duration) {
            self.url = url
            self.token = token
            self.voice = voice
            self.lead = lead
            self.lifetime = lifetime
        }
    }

    /// What all sessions of a process share.
    public struct Environment: Sendable {
        /// Loop, sockets, names, certificate.
        public var room: Room.Environment
        /// Where speech is prepared.
        public var pool: WorkPool
        /// Who speaks.
        public var voices: any Voice
        /// The configuration.
        public var settings: AvatarSettings

        /// Joins the parts.
        public init(
            room: Room.Environment, pool: WorkPool, voices: any Voice,
            settings: AvatarSettings
        ) {
            self.room = room
            self.pool = pool
            self.voices = voices
            self.settings = settings
        }
    }

    /// How an utterance stands.
    public struct UtteranceRecord: Sendable, Equatable {
        /// Its number, from 1.
        public var id: Int
        /// Where it is.
        public var stage: Stage
        /// What went wrong.
        public var failure: UtteranceFailure?
        /// In words.
        public var message: String?

        /// Where an utterance is on its way.
        public enum Stage: String, Sendable {
            case queued, speaking, ended, interrupted, error
        }
    }

    /// How the session stands.
    public struct Status: Sendable {
        /// Whether it speaks now.
        public var isSpeaking: Bool
        /// The last utterances, oldest first.
        public var utterances: [UtteranceRecord]
        /// Its voice.
        public var voice: String
        /// Remote participants that are no agents and receive.
        public var listeners: Int
    }

    /// Why a session ended.
    public struct EndReason: Sendable, Equatable {
        /// One clause.
        public var text: String
        /// Whether it should not have.
        public var isFailure: Bool
    }

    /// Why an utterance was not taken.
    public enum SpeakError: Error, Sendable, Equatable {
        /// The session is over.
        case ended
        /// So many wait already.
        case queueFull
    }

    let environment: Environment
    private let request: Request
    let room: Room
    private let log: Logger
    /// Runs on the media loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        environment.room.loop.asUnownedSerialExecutor()
    }

    private var playout: Playout
    private var track: LocalAudioTrack?
    private var pacer: PacerToken?
    private var listeners: Set<String> = []
    private var hasHadListeners = false
    private var isSpeaking = false
    private var startedAt: Instant
    private var lastChange: Instant
    private var lifetime: DeadlineToken?
    private var records: [UtteranceRecord] = []
    private var lastUtterance = 0
    private var queue: [(id: Int, text: String, voice: String)] = []
    private var delivery: (id: Int, task: Task<Void, Never>)?
    /// Of the utterance that is delivered; nil while the pool has it.
    private var preparer: SpeechPreparer?
    private var roomWaiter: (id: Int, continuation: CheckedContinuation<Void, Never>)?
    private var reader: Task<Void, Never>?
    private var endReason: EndReason?
    /// The end is over: the room is left.
    private var hasLeft = false
    private var endWaiters: [CheckedContinuation<EndReason, Never>] = []
    private var quietWaiters: [CheckedContinuation<Void, Never>] = []
    private var lastState = ""
    private let poolKey = WorkPool.Key()
    /// A cut waits for no preparation, its own or another's.
    private let fadeKey = WorkPool.Key()

    // MARK: Life

    /// Joins the room, publishes the voice, and is ready to speak.
    ///
    /// - Throws: `RoomError`; then nothing is left behind. A task that is cancelled leaves at once.
    public static func start(
        _ request: Request, environment: Environment
    ) async throws(RoomError) -> AvatarSession {
        let room = try await Room.join(
            url: request.url, token: request.token, version: environment.settings.version,
            receivesData: false, environment: environment.room)
        let session = AvatarSession(request, room: room, environment: environment)
        do {
            try await session.beginUnlessCancelled()
        } catch {
            await session.end("the session could not begin")
            throw error
        }
        return session
    }

    private init(_ request: Request, room: Room, environment: Environment) {
        self.request = request
        self.room = room
        self.environment = environment
        log = environment.room.log.labelled("session")
        var random = SecureRandom()
        playout = Playout(
            rtp0: UInt32.random(in: .min ... .max, using: &random), lead: Double(request.lead),
            silence: OpusCut.silencePacket)
        startedAt = environment.room.loop.now
        lastChange = startedAt
    }

    private func beginUnlessCancelled() async throws(RoomError) {
        let result: Result<Void, RoomError> = await withTaskCancellationHandler {
            do throws(RoomError) { return .success(try await begin()) } catch {
                return .failure(error)
            }
        } onCancel: {
            // Whatever the beginning waits for ends with the room.
            Task { [room] in await room.leave() }
        }
        try result.get()
    }

    private func begin() async throws(RoomError) {
        reader = Task { [weak self, room] in
            for await event in room.events { await self?.happened(event) }
        }
        let track = try await room.publishAudio(name: "avatar")
        self.track = track
        try await room.update(
            metadata: constants(track).json, attributes: constants(track).attributes)
        pacer = environment.room.loop.joinPacer { [weak self] tick in
            self?.assumeIsolated { $0.paced(tick) }
        }
        renewLifetime()
        setState("listening")
    }

    /// The session's constants, for clients that look at attributes and for those that cannot.
    private func constants(
        _ track: LocalAudioTrack
    ) -> (attributes: [String: String], json: String) {
        let pairs = [
            ("avatar.rtp0", String(playout.rtp0)), ("avatar.track", track.sid),
            ("avatar.lead_ms", String(request.lead)),
        ]
        var json = JSONWriter()
        json.object { for (name, value) in pairs { $0.member(name, value) } }
        return (Dictionary(uniqueKeysWithValues: pairs), json.text)
    }

    /// From a cut to the departure: the faded frame goes out, and what tells of the cut may be lost
    /// once and sent again (SCTP repeats after 220 ms and a round trip). A server forgets one who
    /// leaves together with what is still on its way.
    private static let farewell = Duration.milliseconds(400)

    /// Ends the session: what is said stops, the room is left. Returns when it is done, also to
    /// those who come later.
    public func end(_ text: String) async {
        await end(EndReason(text: text, isFailure: false))
    }

    private func end(_ reason: EndReason) async {
        guard endReason == nil else {
            _ = await ended()
            return
        }
        endReason = reason
        log.info("session ends", ["reason": .of(reason.text)])
        if let lifetime { environment.room.loop.cancel(lifetime) }
        cancelDelivery()
        queue = []
        let isBusy = playout.isBusy
        playout.stop()
        carryOut()
        if isBusy, await room.end == nil { await sayFarewell() }
        if let pacer { environment.room.loop.leavePacer(pacer) }
        pacer = nil
        await room.leave()
        hasLeft = true
        reader?.cancel()
        for waiter in endWaiters { waiter.resume(returning: reason) }
        endWaiters = []
        tellQuiet()
    }

    /// The pacer goes on meanwhile.
    private func sayFarewell() async {
        let loop = environment.room.loop
        await withCheckedContinuation { continuation in
            loop.schedule(at: loop.now + Self.farewell) { continuation.resume() }
        }
    }

    private func endSoon(_ text: String, isFailure: Bool = false) {
        Task { await self.end(EndReason(text: text, isFailure: isFailure)) }
    }

    /// Waits until the session has ended, and tells why.
    public func ended() async -> EndReason {
        if hasLeft, let endReason { return endReason }
        return await withCheckedContinuation { endWaiters.append($0) }
    }

    /// Waits until everything that was taken is said, or the session has ended.
    public func spoken() async {
        guard endReason == nil, playout.isBusy else { return }
        await withCheckedContinuation { quietWaiters.append($0) }
    }

    private func tellQuiet() {
        guard endReason != nil || !playout.isBusy else { return }
        let waiting = quietWaiters
        quietWaiters = []
        for waiter in waiting { waiter.resume() }
    }

    private func renewLifetime() {
        guard endReason == nil else { return }
        if let lifetime { environment.room.loop.cancel(lifetime) }
        var due = startedAt + request.lifetime
        var reason = "its time is over"
        if listeners.isEmpty, request.endsWhenEmpty {
            let settings = environment.settings
            let limit = hasHadListeners ? settings.emptyLimit : settings.joinLimit
            if lastChange + limit < due {
                due = lastChange + limit
                reason = hasHadListeners ? "everybody has left" : "nobody joined"
            }
        }
        lifetime = environment.room.loop.schedule(at: due) { [weak self, reason] in
            self?.assumeIsolated { session in session.endSoon(reason) }
        }
    }

    // MARK: Speaking

    /// How the session stands.
    public var status: Status {
        var utterances = records
        for index in utterances.indices
        where utterances[index].stage == .queued && playout.isSpeaking(utterances[index].id) {
            utterances[index].stage = .speaking
        }
        return Status(
            isSpeaking: isSpeaking, utterances: utterances,
            voice: request.voice ?? environment.settings.voice, listeners: listeners.count)
    }

    /// Takes an utterance.
    ///
    /// - Parameters:
    ///   - text: what to say; text with nothing to say ends in `unspeakable_text`.
    ///   - bargeIn: stops what is being said, and what waits.
    ///   - voice: nil for the session's own.
    /// - Returns: its number, and how many are ahead of it.
    /// - Throws: `SpeakError`.
    public func speak(
        _ text: String, bargeIn: Bool = false, voice: String? = nil
    ) throws(SpeakError) -> (id: Int, queued: Int) {
        guard endReason == nil else { throw .ended }
        if bargeIn { stop() }
        let queued = playout.queueLength
        guard queued < AvatarSettings.queueMax else { throw .queueFull }
        lastUtterance += 1
        let id = lastUtterance
        records.append(UtteranceRecord(id: id, stage: .queued))
        if records.count > AvatarSettings.historyMax { records.removeFirst() }
        playout.enqueue(id, text: text)
        queue.append((id, text, voice ?? request.voice ?? environment.settings.voice))
        deliverNext()
        return (id, queued)
    }

    /// Stops what is being said and drops what waits.
    ///
    /// - Returns: the utterances that were stopped.
    @discardableResult
    public func stop() -> [Int] {
        cancelDelivery()
        queue = []
        let stopped = playout.stop()
        carryOut()
        return stopped
    }

    private func cancelDelivery() {
        delivery?.task.cancel()
        delivery = nil
        preparer = nil
        environment.pool.cancelAll(key: poolKey)
        roomWaiter?.continuation.resume()
        roomWaiter = nil
    }

    private func deliverNext() {
        guard delivery == nil, !queue.isEmpty else { return }
        let next = queue.removeFirst()
        let task = Task { await self.deliver(next.id, next.text, next.voice) }
        delivery = (next.id, task)
    }

    /// Samples that are prepared in one piece of work at most: half a second, about 2 ms.
    private static let pieceSamples = OpusFormat.sampleRate / 2
    /// Samples of an utterance that are prepared as they come, for the first sound; behind them a
    /// voice's small chunks are gathered, so that each costs no wake-up of the pool.
    private static let eagerSamples = OpusFormat.sampleRate / 4

    /// Has an utterance spoken by its voice, prepares it on the pool, hands it to the playout.
    private func deliver(_ id: Int, _ text: String, _ voice: String) async {
        guard delivery?.id == id else { return }
        do {
            preparer = try SpeechPreparer(
                settings: environment.settings.opus,
                language: environment.voices.voice(voice)?.language ?? "en",
                articulations: environment.settings.articulations,
                followsEnergy: environment.settings.followsEnergy)
            let stream = environment.voices.speak(text, voiceID: voice)
            var gathered = Gathered()
            while let chunk = try await stream.next() {
                try gathered.add(chunk)
                let isEager = gathered.total <= Self.eagerSamples
                guard isEager || gathered.samples.count >= Self.pieceSamples / 2 else { continue }
                try await deliver(gathered.take(), to: id)
            }
            try await deliver(gathered.take(), to: id)
            try Task.checkCancellation()
            try await prepare(id) { try $0.finish() }
        } catch {
            if !Task.isCancelled { fail(id, error) }
        }
        guard delivery?.id == id else { return }
        delivery = nil
        preparer = nil
        deliverNext()
    }

    private func deliver(_ gathered: Gathered, to id: Int) async throws {
        var (phones, words) = (gathered.phones, gathered.words)
        for start in stride(from: 0, to: gathered.samples.count, by: Self.pieceSamples) {
            await waitForRoom(id)
            try Task.checkCancellation()
            let end = min(start + Self.pieceSamples, gathered.samples.count)
            let sound = gathered.samples[start..<end]
            try await prepare(id) { [phones, words] in
                try $0.add(sound, phones: phones, words: words)
            }
            (phones, words) = ([], [])
        }
    }

    /// Has the pool do the next piece of an utterance, and hands it to the playout.
    private func prepare(
        _ id: Int, _ body: @escaping @Sendable (inout SpeechPreparer) throws -> PreparedSpeech
    ) async throws {
        guard delivery?.id == id, let mine = preparer else { throw CancellationError() }
        preparer = nil
        let (next, piece) = try await environment.pool.run(key: poolKey) {
            var preparer = mine
            let piece = try body(&preparer)
            return (preparer, piece)
        }
        guard delivery?.id == id else { throw CancellationError() }
        preparer = next
        playout.append(piece, to: id)
    }

    /// The voice is late. While the pool has the preparer, a piece comes anyway.
    private func hasten(_ id: Int, to needed: Double) {
        guard delivery?.id == id, let piece = preparer?.hasten(to: needed) else { return }
        playout.hasten(piece, of: id)
    }

    private func fail(_ id: Int, _ error: any Error) {
        let failure = (error as? VoiceError).map(UtteranceFailure.init) ?? .voiceFailed
        let message = (error as? VoiceError)?.description ?? "the voice failed"
        log.warning("utterance failed", ["u": .count(id), "reason": .error(error)])
        playout.fail(id, failure, message)
        carryOut()
    }

    private func waitForRoom(_ id: Int) async {
        while !playout.hasRoom(for: id), delivery?.id == id {
            await withCheckedContinuation { roomWaiter = (id, $0) }
        }
    }

    // MARK: The room

    private func happened(_ event: RoomEvent) {
        switch event {
        case .participantActive(let info):
            guard info.kind != .agent else { return }
            listeners.insert(info.identity)
            hasHadListeners = true
            playout.setListeners(listeners.count)
            playout.newcomer(info.identity)
            listenersChanged()
        case .participantLeft(let info):
            guard listeners.remove(info.identity) != nil else { return }
            playout.setListeners(listeners.count)
            listenersChanged()
        case .localTrackSubscribed:
            let isAlone = room.assumeIsolated { $0.participants.isEmpty }
            playout.subscribed(isByUnannounced: isAlone)
        case .disconnected(let end):
            endSoon(end.description, isFailure: end.isFailure)
        case .localTrackUnpublished:
            endSoon("the server took the track away", isFailure: true)
        case .requestFailed(_, let failure):
            log.warning("the server refused our attributes", ["reason": .of("\(failure)")])
        case .participantJoined, .participantUpdated, .trackPublished, .trackUnpublished,
            .localTrackMuteRequested, .dataReceived, .speakersChanged, .roomUpdated:
            break
        }
        carryOut()
    }

    private func listenersChanged() {
        lastChange = environment.room.loop.now
        renewLifetime()
    }

    // MARK: The playout

    private func paced(_ tick: PacerTick) {
        playout.tick(at: tick.slotTime, wall: Loop.wallClock)
        carryOut()
    }

    private func carryOut() {
        while true {
            let outputs = playout.drain()
            guard !outputs.isEmpty else { return }
            for output in outputs { carryOut(output) }
        }
    }

    private func carryOut(_ output: Playout.Output) {
        switch output {
        case .audio(let payload, let timestamp, let marker, let level):
            guard let track else { return }
            room.assumeIsolated {
                _ = $0.sendAudio(
                    payload, on: track, timestamp: timestamp, isMarked: marker, level: level)
            }
        case .data(let topic, let payload, let identity): send(payload, topic, identity)
        case .fade(let before, let next, let frame): fade(before, next, frame)
        case .finished(let id, let outcome): record(id, outcome)
        case .speakingChanged(let speaks):
            isSpeaking = speaks
            setState(speaks ? "speaking" : "listening")
        case .wantsMore(let id):
            guard let waiter = roomWaiter, waiter.id == id else { return }
            roomWaiter = nil
            waiter.continuation.resume()
        case .wantsMouth(let id, let needed): hasten(id, to: needed)
        }
    }

    private func send(_ payload: [UInt8], _ topic: Topic, _ identity: String?) {
        let isReliable = topic == .speech || !environment.settings.isLossy
        // Not a throwing closure: Swift 6.3 crashes on a typed one here.
        let refusal: DataError? = room.assumeIsolated { room in
            do throws(DataError) {
                try room.publishData(
                    payload, topic: topic.rawValue, isReliable: isReliable,
                    to: identity.map { [$0] } ?? [])
                return nil
            } catch {
                return error
            }
        }
        if let refusal {
            log.debug(
                "message not sent", ["topic": .of(topic.rawValue), "reason": .error(refusal)])
        }
    }

    /// The frame that would have come next, faded to silence on the pool; too late, silence goes out.
    private func fade(_ before: [[UInt8]], _ next: AudioFrame, _ frame: Int64) {
        let settings = environment.settings.opus
        let pool = environment.pool
        let key = fadeKey
        Task {
            let packet = try? await pool.run(key: key) {
                try OpusCut.fadedPacket(sent: before, next: next.payload, settings: settings)
            }
            guard let packet else { return }
            self.playout.faded(AudioFrame(payload: packet, level: next.level), frame: frame)
        }
    }

    private func record(_ id: Int, _ outcome: Playout.Outcome) {
        guard let index = records.firstIndex(where: { $0.id == id }) else { return }
        switch outcome {
        case .ended: records[index].stage = .ended
        case .interrupted: records[index].stage = .interrupted
        case .failed(let failure, let message):
            records[index].stage = .error
            records[index].failure = failure
            records[index].message = message
            // Given up by the playout, with a voice that may wait for room there.
            if delivery?.id == id {
                cancelDelivery()
                deliverNext()
            }
        }
        tellQuiet()
    }

    private func setState(_ state: String) {
        guard endReason == nil, state != lastState else { return }
        lastState = state
        room.assumeIsolated { room in
            // A refusal comes as an event; a room that has ended says so too.
            _ = try? room.update(attributes: ["lk.agent.state": state])
        }
    }
}

extension SessionEnd {
    /// Whether the room ended otherwise than by somebody's wish.
    var isFailure: Bool {
        switch cause {
        case .left, .dismissed(.roomDeleted), .dismissed(.roomClosed),
            .dismissed(.participantRemoved), .dismissed(.clientInitiated):
            false
        default: true
        }
    }
}

/// Chunks of a voice that wait to be prepared together.
private struct Gathered {
    var samples: [Float] = []
    var phones: [Phone] = []
    var words: [TimedText] = []
    /// Samples of the utterance so far.
    var total = 0

    mutating func add(_ chunk: VoiceChunk) throws {
        guard case .pcm(let sound) = chunk.sound else {
            throw VoiceError.failed("it delivers packets, which are not passed through yet")
        }
        samples += sound
        total += sound.count
        if case .phones(let known) = chunk.units { phones += known }
        words += chunk.words
    }

    mutating func take() -> Gathered {
        defer { (samples, phones, words) = ([], [], []) }
        return self
    }
}
