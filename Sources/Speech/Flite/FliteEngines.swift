// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
public import Telemetry

/// Counts of what the engines lived through. From any thread.
public struct FliteStatistics: Sendable {
    /// Engines started, first ones included.
    public let starts = Counter()
    /// Engines that ended without being told to.
    public let crashes = Counter()
    /// Engines killed because they said nothing for too long.
    public let hangs = Counter()
    /// Chunks spoken whole.
    public let chunks = Counter()

    init() {}
}

/// The engine processes and the chunks that wait for them.
///
/// An actor on a loop: pipes, deadlines and callers meet there without a lock. A chunk goes to the
/// engine that is free; first chunks of utterances go before all others, so that a new sentence
/// waits for no long one. An engine that dies or hangs takes its chunk's utterance with it and is
/// replaced.
actor FliteEngines {
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
        /// Time a chunk waits for an engine.
        var queueLimit = Duration.seconds(10)
        /// Chunks after which an idle engine is replaced: the library keeps a little of each.
        var chunksPerEngine = 50_000
    }

    nonisolated let loop: Loop
    nonisolated let statistics = FliteStatistics()
    private let settings: Settings
    private var slots: [Slot] = []
    /// Utterances whose next chunk waits for an engine: first chunks, and the others.
    private var firsts: [FliteUtterance] = []
    private var others: [FliteUtterance] = []
    /// Every utterance that is not over.
    private var utterances: [WorkPool.Key: FliteUtterance] = [:]
    private var lastID: UInt32 = 0
    private var isStopped = false

    /// Utterances at once; a process has some hundred sessions with a queue of 32 each, of which
    /// one speaks.
    private static let maxUtterances = 4_096

    /// One place for an engine.
    private final class Slot {
        let index: Int
        var child: ChildProcess?
        var isReady = false
        var job: (id: UInt32, utterance: FliteUtterance)?
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
        for utterance in utterances.values { utterance.fail(.failed("the voice was stopped")) }
        (utterances, firsts, others) = ([:], [], [])
        for slot in slots {
            if let watch = slot.watch { loop.cancel(watch) }
            slot.child?.stop(grace: .seconds(1))
        }
        slots = []
    }

    /// Numbers of the engines that run, for tests.
    var pids: [Int32] { slots.compactMap { $0.child?.pid } }

    /// Whether an engine is free and warm.
    var isReady: Bool { slots.contains { $0.isReady && $0.job == nil } }

    // MARK: Utterances

    func begin(_ utterance: FliteUtterance) {
        guard !isStopped, utterances.count < Self.maxUtterances else {
            return utterance.fail(.failed(isStopped ? "the voice was stopped" : "too many speak"))
        }
        utterances[utterance.key] = utterance
        request(utterance)
    }

    func cancel(_ key: WorkPool.Key) {
        guard let utterance = utterances.removeValue(forKey: key) else { return }
        utterance.isOver = true
        unqueue(utterance)
        for slot in slots where slot.job?.utterance === utterance {
            if let id = slot.job?.id { slot.child?.send(FliteWire.cancel(id: id)) }
        }
    }

    /// The reader has room again.
    func resume(_ key: WorkPool.Key) {
        guard let utterance = utterances[key], utterance.isPaused else { return }
        utterance.isPaused = false
        request(utterance)
    }

    private func request(_ utterance: FliteUtterance) {
        guard utterance.isOpen, !utterance.isOver else {
            utterances[utterance.key] = nil
            return
        }
        guard utterance.next < utterance.plan.chunks.count else {
            return finish(utterance, isCut: utterance.plan.isTruncated)
        }
        let chunk = utterance.plan.chunks[utterance.next]
        guard utterance.seconds + chunk.seconds < SpeechPlan.maxSeconds else {
            return finish(utterance, isCut: true)
        }
        guard utterance.next == 0 || utterance.wantsMore else { return }
        if let failure = slots.first?.failure, slots.allSatisfy({ $0.failure != nil }) {
            return fail(utterance, failure)
        }
        if utterance.next == 0 { firsts.append(utterance) } else { others.append(utterance) }
        let key = utterance.key
        utterance.deadline = loop.schedule(at: loop.now + settings.queueLimit) { [weak self] in
            self?.assumeIsolated { $0.waitedTooLong(key) }
        }
        dispatch()
    }

    private func waitedTooLong(_ key: WorkPool.Key) {
        guard let utterance = utterances[key] else { return }
        utterance.deadline = nil
        fail(utterance, .timedOut)
    }

    private func finish(_ utterance: FliteUtterance, isCut: Bool) {
        utterances[utterance.key] = nil
        utterance.finish(isCut: isCut)
    }

    private func fail(_ utterance: FliteUtterance, _ error: VoiceError) {
        utterances[utterance.key] = nil
        unqueue(utterance)
        utterance.fail(error)
    }

    private func unqueue(_ utterance: FliteUtterance) {
        if let deadline = utterance.deadline { loop.cancel(deadline) }
        utterance.deadline = nil
        firsts.removeAll { $0 === utterance }
        others.removeAll { $0 === utterance }
    }

    /// Gives work to engines that have none.
    private func dispatch() {
        for slot in slots where slot.isReady && slot.job == nil {
            guard let utterance = firsts.first ?? others.first else { return }
            unqueue(utterance)
            lastID &+= 1
            let line = FliteWire.speak(
                id: lastID, voice: utterance.voice, utterance.plan.chunks[utterance.next].units)
            slot.job = (lastID, utterance)
            slot.lastWord = loop.now
            guard slot.child?.send(line) == true else {
                // It is on its way out; the news will come.
                slot.job = nil
                slot.isReady = false
                fail(utterance, .failed("the engine does not listen"))
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
            environment: EmbeddedVoices.engineEnvironment())
        do throws(SystemError) {
            slot.child = try ChildProcess(on: loop, command, framing: FliteWire.framing) {
                [weak self, index = slot.index] event in
                self?.assumeIsolated { $0.told(index, event) }
            }
            slot.failure = nil
            statistics.starts.add()
            slot.child?.send(FliteWire.load(voice: settings.warmVoice))
        } catch {
            slot.failure = .failed("its engine cannot be started (\(error))")
            let failed = firsts + others
            if slots.allSatisfy({ $0.failure != nil }) {
                for utterance in failed { fail(utterance, .failed("its engine cannot be started")) }
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
            if let frame = FliteWire.Frame(bytes) { took(slot, frame) } else { slot.child?.kill() }
        case .outputEnded(let error):
            if error != nil { slot.child?.kill() }
        case .exited(let exit):
            ended(slot, exit)
        case .errorOutput, .inputDrained:
            break
        }
    }

    private func took(_ slot: Slot, _ frame: FliteWire.Frame) {
        switch frame {
        case .ready: return
        case .loaded:
            slot.isReady = true
            return dispatch()
        case .times, .audio:
            if let utterance = slot.job?.utterance, !utterance.isOver { utterance.took(frame) }
        case .end(let id, let status, let samples):
            guard let job = slot.job, job.id == id else { return }
            slot.job = nil
            slot.chunks += 1
            chunkEnded(job.utterance, status, samples)
            retire(slot)
            dispatch()
        }
    }

    private func chunkEnded(
        _ utterance: FliteUtterance, _ status: String, _ samples: Int
    ) {
        guard !utterance.isOver else {
            utterances[utterance.key] = nil
            return
        }
        guard status == "done" else {
            return fail(utterance, .failed("the engine said \(status)"))
        }
        statistics.chunks.add()
        let chunk = utterance.plan.chunks[utterance.next]
        utterance.seconds += Double(samples) / 16_000 + SpeechPlan.pause(after: chunk.mark)
        utterance.next += 1
        let key = utterance.key
        utterance.chunkEnded { [self] in
            loop.post { self.assumeIsolated { $0.chunkWasWorkedOff(key) } }
        }
        if utterance.isOver { utterances[key] = nil }  // the pool did not take it
    }

    private func chunkWasWorkedOff(_ key: WorkPool.Key) {
        if let utterance = utterances[key] { request(utterance) }
    }

    private func ended(_ slot: Slot, _ exit: ChildProcess.Exit) {
        if let watch = slot.watch { loop.cancel(watch) }
        (slot.watch, slot.child, slot.isReady) = (nil, nil, false)
        let isRetired = slot.chunks >= settings.chunksPerEngine
        slot.chunks = 0
        if let job = slot.job {
            slot.job = nil
            if job.utterance.isOver {
                utterances[job.utterance.key] = nil
            } else {
                fail(job.utterance, .failed("its engine died"))
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

    private func watch(_ slot: Slot) {
        guard slot.watch == nil else { return }
        slot.watch = loop.schedule(at: slot.lastWord + settings.hangLimit) {
            [weak self, index = slot.index] in
            self?.assumeIsolated { if !$0.isStopped { $0.look($0.slots[index]) } }
        }
    }

    private func look(_ slot: Slot) {
        slot.watch = nil
        guard let job = slot.job else { return }
        guard loop.now - slot.lastWord >= settings.hangLimit else { return watch(slot) }
        statistics.hangs.add()
        slot.job = nil
        slot.isReady = false
        if job.utterance.isOver {
            utterances[job.utterance.key] = nil
        } else {
            fail(job.utterance, .timedOut)
        }
        slot.child?.kill()
    }
}
