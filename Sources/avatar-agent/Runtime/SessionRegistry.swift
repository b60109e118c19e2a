// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import Net
internal import Room
internal import Speech
internal import Telemetry
internal import TokenIssuer

/// The sessions of this process, by room: what the issuer asks, the sessions do.
///
/// An actor on the media loop, so that a call of the issuer hops there once and back once.
actor SessionRegistry: SessionControl {
    /// How long a session that has ended can still be looked up.
    private static let memory = Duration.seconds(600)
    /// How many of those are kept at most.
    private static let endedMax = 1000
    /// A call waits this long for the agent's join.
    static let joinLimit = Duration.seconds(5)
    /// What is said then.
    static let lateJoin = "The room server did not let us in within five seconds."

    private enum Phase {
        case starting
        case live(AvatarSession)
        case over(SessionStatus)
    }

    private struct Entry {
        var phase: Phase
        let voice: String
        let startedAt: WallClock
        let endsAt: WallClock
    }

    private let environment: AvatarSession.Environment
    private let url: String
    private let maxSessions: Int
    private let log: Logger
    /// Sessions asked for, those that did not come to be, and those that run. From any thread.
    nonisolated let started = Counter()
    nonisolated let failed = Counter()
    nonisolated let live = Gauge()
    private var isEnding = false
    private var entries: [String: Entry] = [:]
    /// Who waits for a join.
    private var joins: [String: CheckedContinuation<Result<Void, SessionRefusal>, Never>] = [:]
    /// Joins that are not over, also those for which nobody waits any more.
    private var beginnings: [String: Task<Void, Never>] = [:]
    private var beginningsWaiters: [CheckedContinuation<Void, Never>] = []
    private var ended: [(room: String, at: Instant)] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        environment.room.loop.asUnownedSerialExecutor()
    }

    init(_ environment: AvatarSession.Environment, url: String, maxSessions: Int, log: Logger) {
        self.environment = environment
        self.url = url
        self.maxSessions = maxSessions
        self.log = log
    }

    private var running: Int {
        entries.values.count { if case .over = $0.phase { false } else { true } }
    }

    /// Whether another session would be taken.
    var isReady: Bool { !isEnding && running < maxSessions }

    // MARK: SessionControl

    func start(_ plan: SessionPlan) async throws(SessionRefusal) {
        guard !isEnding else { throw Self.ending }
        guard running < maxSessions else {
            throw .overloaded("This process runs \(maxSessions) sessions already.")
        }
        let now = Loop.wallClock
        let voice =
            plan.voice
            ?? environment.voices.voiceID(
                for: plan.language, preferring: environment.settings.voice)
        entries[plan.room] = Entry(
            phase: .starting, voice: voice, startedAt: now,
            endsAt: WallClock(
                unixMilliseconds: now.unixMilliseconds + plan.lifetime.components.seconds * 1000))
        started.add()
        live.set(Double(running))
        let request = AvatarSession.Request(
            url: url, token: plan.token, voice: voice, lead: plan.lead,
            lifetime: plan.lifetime)
        do throws(SessionRefusal) {
            try await join(request, plan.room).get()
        } catch {
            recordFailure(plan.room, error)
            throw error
        }
    }

    func status(room: String) async -> SessionStatus? {
        forgetOld()
        guard let entry = entries[room] else { return nil }
        switch entry.phase {
        case .starting: return blank(entry, .starting)
        case .live(let session): return describe(session, entry, .live)
        case .over(let status): return status
        }
    }

    func speak(
        room: String, text: String, bargeIn: Bool, voice: String?
    ) async throws(SessionRefusal) -> AcceptedUtterance {
        switch take(text, bargeIn, voice, by: try live(room)) {
        case .success(let taken): return AcceptedUtterance(id: taken.id, queued: taken.queued)
        case .failure(.queueFull): throw .queueFull(AvatarSettings.queueMax)
        case .failure(.ended): throw .ended
        }
    }

    func stop(room: String) async throws(SessionRefusal) -> [Int] {
        stop(try live(room))
    }

    func end(room: String) async {
        guard let entry = entries[room] else { return }
        switch entry.phase {
        case .starting: finish(room, .ended, nil)
        case .live(let session): await session.end("deleted by a call")
        case .over: break
        }
    }

    func voices() async -> [VoiceEntry] {
        environment.voices.voices.map {
            VoiceEntry(id: $0.id, language: $0.language, name: $0.name, provider: $0.provider)
        }
    }

    /// Ends all sessions, at once and together, also those that still join.
    func endAll() async {
        isEnding = true
        for room in joins.keys.sorted() { settle(room, .failure(Self.ending)) }
        for beginning in beginnings.values { beginning.cancel() }
        let sessions = entries.values.compactMap { entry in
            if case .live(let session) = entry.phase { session } else { nil }
        }
        await withTaskGroup { group in
            for session in sessions { group.addTask { await session.end("the program ends") } }
        }
        await beginningsEnded()
    }

    /// Waits for what still joins to have left, for no longer than a call waits for its join.
    private func beginningsEnded() async {
        guard !beginnings.isEmpty else { return }
        let loop = environment.room.loop
        let limit = loop.schedule(at: loop.now + Self.joinLimit) { [weak self] in
            self?.assumeIsolated { $0.tellBeginningsWaiters() }
        }
        await withCheckedContinuation { beginningsWaiters.append($0) }
        loop.cancel(limit)
    }

    private func tellBeginningsWaiters() {
        let waiting = beginningsWaiters
        beginningsWaiters = []
        for waiter in waiting { waiter.resume() }
    }

    // MARK: Inside

    private static let ending = SessionRefusal.overloaded("The program ends.")

    /// Joins with a limit; a session that comes later is ended at once.
    private func join(
        _ request: AvatarSession.Request, _ room: String
    ) async -> Result<Void, SessionRefusal> {
        let loop = environment.room.loop
        _ = loop.schedule(at: loop.now + Self.joinLimit) { [weak self] in
            self?.assumeIsolated { registry in
                guard registry.settle(room, .failure(.unreachable(Self.lateJoin))) else { return }
                registry.beginnings[room]?.cancel()
            }
        }
        beginnings[room] = Task { await self.begin(request, room) }
        return await withCheckedContinuation { joins[room] = $0 }
    }

    private func begin(_ request: AvatarSession.Request, _ room: String) async {
        do throws(RoomError) {
            let session = try await AvatarSession.start(request, environment: environment)
            if !goLive(session, room) { await session.end("nobody waits for it any more") }
        } catch {
            settle(room, .failure(.unreachable(error.sentence)))
        }
        beginnings[room] = nil
        if beginnings.isEmpty { tellBeginningsWaiters() }
    }

    /// In one turn with the outcome: whoever ends all sessions finds it either joining or live.
    private func goLive(_ session: AvatarSession, _ room: String) -> Bool {
        guard joins[room] != nil else { return false }
        guard case .starting? = entries[room]?.phase else {
            // Deleted while it joined.
            settle(room, .failure(.ended))
            return false
        }
        entries[room]?.phase = .live(session)
        log.info("session live", ["room": .of(room)])
        watch(session, room)
        settle(room, .success(()))
        return true
    }

    /// The first outcome of a join wins.
    @discardableResult
    private func settle(_ room: String, _ outcome: Result<Void, SessionRefusal>) -> Bool {
        guard let continuation = joins.removeValue(forKey: room) else { return false }
        continuation.resume(returning: outcome)
        return true
    }

    private func recordFailure(_ room: String, _ refusal: SessionRefusal) {
        guard case .starting? = entries[room]?.phase else { return }  // deleted meanwhile
        let text: String
        switch refusal {
        case .unreachable(let reason), .overloaded(let reason): text = reason
        case .ended, .queueFull: return
        }
        log.warning("session failed", ["room": .of(room), "reason": .of(text)])
        failed.add()
        finish(room, .failed, text)
    }

    // Both actors live on the media loop: no hop.

    private func take(
        _ text: String, _ bargeIn: Bool, _ voice: String?, by session: AvatarSession
    ) -> Result<(id: Int, queued: Int), AvatarSession.SpeakError> {
        session.assumeIsolated { session in
            do throws(AvatarSession.SpeakError) {
                return .success(try session.speak(text, bargeIn: bargeIn, voice: voice))
            } catch {
                return .failure(error)
            }
        }
    }

    private func stop(_ session: AvatarSession) -> [Int] {
        session.assumeIsolated { $0.stop() }
    }

    private func live(_ room: String) throws(SessionRefusal) -> AvatarSession {
        guard case .live(let session)? = entries[room]?.phase else { throw .ended }
        return session
    }

    private func watch(_ session: AvatarSession, _ room: String) {
        Task {
            let reason = await session.ended()
            finish(room, session, reason)
        }
    }

    private func finish(_ room: String, _ session: AvatarSession, _ reason: AvatarSession.EndReason)
    {
        guard let entry = entries[room] else { return }
        var status = describe(session, entry, reason.isFailure ? .failed : .ended)
        status.error = reason.isFailure ? reason.text : nil
        remember(room, status)
    }

    private func finish(_ room: String, _ state: SessionStatus.State, _ error: String?) {
        guard let entry = entries[room] else { return }
        var status = blank(entry, state)
        status.error = error
        remember(room, status)
    }

    private func remember(_ room: String, _ status: SessionStatus) {
        entries[room]?.phase = .over(status)
        ended.append((room, environment.room.loop.now))
        live.set(Double(running))
        forgetOld()
    }

    private func forgetOld() {
        let now = environment.room.loop.now
        while let first = ended.first, ended.count > Self.endedMax || now - first.at > Self.memory {
            ended.removeFirst()
            entries[first.room] = nil
        }
    }

    private func blank(_ entry: Entry, _ state: SessionStatus.State) -> SessionStatus {
        SessionStatus(
            state: state, voice: entry.voice, startedAt: entry.startedAt, endsAt: entry.endsAt)
    }

    private func describe(
        _ session: AvatarSession, _ entry: Entry, _ state: SessionStatus.State
    ) -> SessionStatus {
        let inside = session.assumeIsolated { $0.status }
        var status = blank(entry, state)
        status.isSpeaking = inside.isSpeaking
        status.participants = inside.listeners
        status.utterances = inside.utterances.map { record in
            SessionStatus.Utterance(
                id: record.id, state: record.stage.rawValue,
                error: record.failure.map {
                    SessionStatus.Utterance.Failure(
                        code: $0.rawValue, message: record.message ?? "")
                })
        }
        return status
    }
}

extension RoomError {
    /// The description as a sentence for an API.
    var sentence: String {
        let text = description
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }
}
