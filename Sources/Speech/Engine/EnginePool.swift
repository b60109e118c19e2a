// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
public import Telemetry

/// Counts of what the engines lived through. From any thread.
public struct EngineStatistics: Sendable {
    /// Engines started, first ones included.
    public let starts = Counter()
    /// Engines that ended without being told to.
    public let crashes = Counter()
    /// Engines killed because they said nothing for too long.
    public let hangs = Counter()
    /// Chunks spoken, and lists of words looked up, whole.
    public let chunks = Counter()

    init() {}
}

/// The processes of one engine and the jobs that wait for them.
///
/// An actor on a loop: pipes, deadlines and callers meet there without a lock. A job goes to the
/// engine that is free; urgent ones go before all others, so that a new sentence waits for no long
/// one. An engine that dies or hangs takes its job with it and is replaced.
actor EnginePool {
    struct Settings: Sendable {
        /// The engine's path.
        var path: String
        /// How many.
        var count: Int
        /// The voice that each makes ready at its start.
        var warmVoice: String
        /// Time without a word from a busy engine after which it hangs. Its slowest silence is
        /// the analysis of a chunk: 40 ms, on a machine ten times overloaded half a second.
        var hangLimit = Duration.seconds(5)
        /// The same for one that makes its voice ready: 20 ms, but what it reads may come from a
        /// slow disk, and on a small machine all of them start at once.
        var loadLimit = Duration.seconds(20)
        /// Time a job waits for an engine.
        var queueLimit = Duration.seconds(10)
        /// Chunks after which an idle engine is replaced: the library keeps a little of each.
        var chunksPerEngine = 50_000
    }

    nonisolated let loop: Loop
    nonisolated let statistics = EngineStatistics()
    private let settings: Settings
    private var slots: [Slot] = []
    /// Jobs that wait for an engine: the urgent ones, and the others.
    private var firsts: [any EngineJob] = []
    private var others: [any EngineJob] = []
    /// Every job that is not over.
    private var jobs: [WorkPool.Key: any EngineJob] = [:]
    private var lastID: UInt32 = 0
    private var isStopped = false

    /// Jobs at once; a process has some hundred sessions with a queue of 32 each, of which
    /// one speaks.
    private static let maxJobs = 4_096

    /// One place for an engine.
    private final class Slot {
        let index: Int
        var child: ChildProcess?
        var isReady = false
        var job: (id: UInt32, of: any EngineJob)?
        /// When it last said something, or was given work.
        var lastWord = Instant.zero
        var watch: DeadlineToken?
        var chunks = 0
        /// When it was started lately, oldest first; what bounds how often that is done.
        var starts: [Instant] = []
        /// Why it has no engine.
        var failure: VoiceError?

        init(index: Int) {
            self.index = index
        }
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(on loop: Loop, _ settings: Settings) {
        self.loop = loop
        self.settings = settings
    }

    // MARK: Life

    func start() {
        guard slots.isEmpty, !isStopped else { return }
        slots = (0..<max(1, settings.count)).map { Slot(index: $0) }
        for slot in slots { spawn(slot) }
    }

    func stop() {
        isStopped = true
        for job in jobs.values { job.fail(.failed("the voice was stopped")) }
        (jobs, firsts, others) = ([:], [], [])
        for slot in slots {
            unwatch(slot)
            slot.child?.stop(grace: .seconds(1))
        }
        slots = []
    }

    /// Numbers of the engines that run, for tests.
    var pids: [Int32] { slots.compactMap { $0.child?.pid } }

    /// Whether an engine is free and warm.
    var isReady: Bool { slots.contains { $0.isReady && $0.job == nil } }

    // MARK: Jobs

    func begin(_ job: any EngineJob) {
        guard !isStopped, jobs.count < Self.maxJobs else {
            return job.fail(.failed(isStopped ? "the voice was stopped" : "too many speak"))
        }
        jobs[job.key] = job
        advance(job)
    }

    func cancel(_ key: WorkPool.Key) {
        guard let job = jobs.removeValue(forKey: key) else { return }
        job.isOver = true
        unqueue(job)
        for slot in slots where slot.job?.of === job {
            if let id = slot.job?.id { slot.child?.send(EngineWire.cancel(id: id)) }
        }
    }

    /// The reader has room again.
    func resume(_ key: WorkPool.Key) {
        guard let job = jobs[key], job.isPaused else { return }
        advance(job)
    }

    private func advance(_ job: any EngineJob) {
        switch job.step() {
        case .over: jobs[job.key] = nil
        case .waits: break
        case .asks: queue(job)
        }
    }

    private func queue(_ job: any EngineJob) {
        if let failure = slots.first?.failure, slots.allSatisfy({ $0.failure != nil }) {
            return fail(job, failure)
        }
        if job.isUrgent { firsts.append(job) } else { others.append(job) }
        let key = job.key
        job.deadline = loop.schedule(at: loop.now + settings.queueLimit) { [weak self] in
            self?.assumeIsolated { $0.waitedTooLong(key) }
        }
        dispatch()
    }

    private func waitedTooLong(_ key: WorkPool.Key) {
        guard let job = jobs[key] else { return }
        job.deadline = nil
        fail(job, .timedOut)
    }

    private func fail(_ job: any EngineJob, _ error: VoiceError) {
        jobs[job.key] = nil
        unqueue(job)
        job.fail(error)
    }

    private func unqueue(_ job: any EngineJob) {
        if let deadline = job.deadline { loop.cancel(deadline) }
        job.deadline = nil
        firsts.removeAll { $0 === job }
        others.removeAll { $0 === job }
    }

    /// Gives work to engines that have none.
    private func dispatch() {
        for slot in slots where slot.isReady && slot.job == nil {
            guard let job = firsts.first ?? others.first else { return }
            unqueue(job)
            lastID &+= 1
            slot.job = (lastID, job)
            slot.lastWord = loop.now
            guard slot.child?.send(job.request(id: lastID)) == true else {
                // It is on its way out; the news will come.
                slot.job = nil
                slot.isReady = false
                fail(job, .failed("the engine does not listen"))
                continue
            }
            watch(slot)
        }
    }

    // MARK: Engines

    private func spawn(_ slot: Slot) {
        let now = loop.now
        slot.starts = slot.starts.filter { now - $0 < .seconds(10) } + [now]
        // Nothing of our environment: it holds keys.
        let command = ChildProcess.Command(
            path: settings.path, arguments: ["--memory-mb", "512", "--quiet"],
            environment: EngineProfile.environment())
        do throws(SystemError) {
            slot.child = try ChildProcess(on: loop, command, framing: EngineWire.framing) {
                [weak self, index = slot.index] event in
                self?.assumeIsolated { $0.told(index, event) }
            }
            slot.failure = nil
            statistics.starts.add()
            slot.child?.send(EngineWire.load(voice: settings.warmVoice))
            slot.lastWord = now
            watch(slot)
        } catch {
            slot.failure = .failed("its engine cannot be started (\(error))")
            if slots.allSatisfy({ $0.failure != nil }) {
                for job in firsts + others { fail(job, .failed("its engine cannot be started")) }
            }
            respawn(slot)
        }
    }

    /// Starts another engine: at once after a rare death, ever later after many.
    private func respawn(_ slot: Slot) {
        guard !isStopped else { return }
        let recent = slot.starts.count
        let delay: Duration =
            recent <= 3 ? .zero : .milliseconds(100 * (1 << min(recent - 4, 6)))
        if delay == .zero, slot.failure == nil { return spawn(slot) }
        loop.schedule(at: loop.now + max(delay, .milliseconds(100))) {
            [weak self, index = slot.index] in
            self?.assumeIsolated { if !$0.isStopped { $0.spawn($0.slots[index]) } }
        }
    }

    private func told(_ index: Int, _ event: ChildProcess.Event) {
        guard slots.indices.contains(index) else { return }
        let slot = slots[index]
        switch event {
        case .output(let bytes):
            slot.lastWord = loop.now
            if let frame = EngineWire.Frame(bytes) { took(slot, frame) } else { slot.child?.kill() }
        case .outputEnded(let error):
            if error != nil { slot.child?.kill() }
        case .exited(let exit):
            ended(slot, exit)
        case .errorOutput, .inputDrained:
            break
        }
    }

    private func took(_ slot: Slot, _ frame: EngineWire.Frame) {
        switch frame {
        case .ready: return
        case .loaded:
            slot.isReady = true
            unwatch(slot)  // its next silence is judged by another limit
            return dispatch()
        case .times, .audio, .phones:
            if let job = slot.job?.of, !job.isOver { job.took(frame) }
        case .end(let id, let status, let samples):
            guard let job = slot.job, job.id == id else { return }
            slot.job = nil
            slot.chunks += 1
            ended(job.of, status, samples)
            retire(slot)
            dispatch()
        }
    }

    private func ended(_ job: any EngineJob, _ status: String, _ samples: Int) {
        guard !job.isOver else {
            jobs[job.key] = nil
            return
        }
        guard status == "done" else { return fail(job, .failed("the engine said \(status)")) }
        statistics.chunks.add()
        let key = job.key
        job.wasSpoken(samples: samples) { [self] in
            loop.post { self.assumeIsolated { $0.wasWorkedOff(key) } }
        }
        if job.isOver { jobs[key] = nil }  // the pool did not take it
    }

    private func wasWorkedOff(_ key: WorkPool.Key) {
        if let job = jobs[key] { advance(job) }
    }

    private func ended(_ slot: Slot, _ exit: ChildProcess.Exit) {
        unwatch(slot)
        (slot.child, slot.isReady) = (nil, false)
        let isRetired = slot.chunks >= settings.chunksPerEngine
        slot.chunks = 0
        if let job = slot.job {
            slot.job = nil
            if job.of.isOver {
                jobs[job.of.key] = nil
            } else {
                fail(job.of, .failed("its engine died"))
            }
        }
        guard !isStopped else { return }
        if !isRetired || exit != .code(0) { statistics.crashes.add() }
        respawn(slot)
    }

    /// Lets an engine go that has spoken much; another takes its place.
    private func retire(_ slot: Slot) {
        guard slot.chunks >= settings.chunksPerEngine else { return }
        slot.isReady = false
        slot.child?.stop(grace: .seconds(1))
    }

    // MARK: Hangs

    /// How long it may be silent now; nil when nothing is expected of it.
    private func patience(with slot: Slot) -> Duration? {
        if slot.job != nil { return settings.hangLimit }
        return slot.child == nil || slot.isReady ? nil : settings.loadLimit
    }

    private func watch(_ slot: Slot) {
        guard slot.watch == nil, let limit = patience(with: slot) else { return }
        slot.watch = loop.schedule(at: slot.lastWord + limit) {
            [weak self, index = slot.index] in
            self?.assumeIsolated { if !$0.isStopped { $0.look($0.slots[index]) } }
        }
    }

    private func unwatch(_ slot: Slot) {
        if let watch = slot.watch { loop.cancel(watch) }
        slot.watch = nil
    }

    private func look(_ slot: Slot) {
        slot.watch = nil
        guard let limit = patience(with: slot) else { return }
        guard loop.now - slot.lastWord >= limit else { return watch(slot) }
        statistics.hangs.add()
        slot.isReady = false
        if let job = slot.job {
            slot.job = nil
            if job.of.isOver {
                jobs[job.of.key] = nil
            } else {
                fail(job.of, .timedOut)
            }
        }
        slot.child?.kill()
    }
}
