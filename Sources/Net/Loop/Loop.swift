// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux
internal import Glibc
internal import Synchronization
public import Telemetry

/// A thread of ours that waits for descriptors and deadlines, paces frames, and runs actors.
///
/// Level-triggered epoll, one absolute timer on CLOCK_BOOTTIME, one eventfd. An actor lives on a
/// loop by
///
///     nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
///
/// and then takes the loop's callbacks without a hop, by `assumeIsolated`.
///
/// Threads: `post`, `run`, `enqueue`, `start`, `stop`, `isCurrent` and the clocks may be used from
/// anywhere. Everything else (descriptors, deadlines, pacer, hooks) is for the loop's own thread
/// and stops the program elsewhere. Callbacks run on the loop's thread, outside of any lock; they
/// may register, cancel, leave as they like, and must not block.
///
/// One round, in this order: frames that are due, descriptors that are ready, jobs and posted work,
/// deadlines, hooks. Each part is bounded, what is left over comes in the next round.
public final class Loop: SerialExecutor,
    // SAFETY: `shared` is locked, `owner` atomic, descriptors constant; all else belongs to the
    // loop's thread, which `assertOnLoop` checks at each entry, or to `init` and `deinit`, when
    // there is no thread.
    @unchecked Sendable
{
    /// An interruption of our own: the process was stopped, suspended, starved, or a callback
    /// blocked.
    public struct Stall: Hashable, Sendable {
        /// When the loop ran again.
        public let end: Instant
        /// How late it was.
        public let length: Duration
    }

    enum Work {
        case job(UnownedJob)
        case body(@Sendable () -> Void)
    }

    enum Phase {
        case new
        case running
        /// The thread leaves as soon as no job is left.
        case stopping
        /// The thread is gone; a short-lived one runs what still comes.
        case ended
    }

    struct Shared {
        var phase = Phase.new
        var work: [Work] = []
        var isWakePending = false
        var isRevived = false
        var thread: pthread_t?
    }

    /// Events fetched in a round: more descriptors than are ready at once in the product, and few
    /// enough that a round stays short.
    ///
    /// The rest comes in the next round.
    static let maxEvents = 64
    /// Jobs run before descriptors are looked at again.
    static let maxJobsPerRound = 256
    /// Deadlines fired before descriptors are looked at again.
    static let maxDeadlinesPerRound = 256
    /// Rounds of reading alone after a stall, before deadlines fire: 64 × 64 ready sockets.
    static let maxReadingRounds = 64

    /// Where sockets and pipes read to before their bytes are copied out: 64 KiB in four reads.
    static let scratchSize = 16384

    static let timerData: UInt64 = 0
    static let wakeData: UInt64 = 1

    /// How late each frame of each pacer member was sent, in seconds against its nominal time.
    public let frameLateness = Histogram(
        bounds: [
            0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.2, 1,
        ])
    /// Stalls of more than the limit since the start.
    public let stalls = Counter()
    /// The name of the loop and its thread.
    public let name: String

    let stallLimit: Duration
    let epoll: Int32
    let timer: Int32
    let wakeUp: Int32
    let shared = Mutex(Shared())
    /// The `pthread_t` of the thread that is the loop now; 0 when none is.
    let owner = Atomic<UInt>(0)

    var table = DescriptorTable()
    var deadlines = DeadlineQueue()
    var pacer: Pacer
    var hooks: [(id: UInt64, body: () -> Bool)] = []
    private var lastHookID: UInt64 = 0
    var armed: Instant?
    var events = [epoll_event](repeating: epoll_event(), count: maxEvents)
    /// Shared by all ports: touched only for the length of a system call and a copy.
    var scratch = [UInt8](repeating: 0, count: scratchSize)
    var batch: [Work] = []
    var batchStart = 0
    var isAgainWanted = false
    var isOver = false
    /// Rounds run: what tells a loop at rest from one that spins.
    var rounds: UInt64 = 0
    var roundStart = Instant.zero
    var stall: Stall?

    /// Creates a loop that does not run yet; what is posted waits for `start`.
    ///
    /// - Parameters:
    ///   - name: of the thread; the kernel shows 15 bytes of it.
    ///   - stallLimit: the lateness from which on sockets are read before any deadline fires.
    /// - Throws: what the kernel refused: no descriptor left, most likely.
    public init(name: String, stallLimit: Duration = .seconds(1)) throws(SystemError) {
        self.name = name
        self.stallLimit = stallLimit
        pacer = Pacer(start: Self.now)
        let epoll = clinux_epoll_create()
        guard epoll >= 0 else { throw SystemError(call: "epoll_create1", code: -epoll) }
        let timer = clinux_timerfd()
        guard timer >= 0 else {
            close(epoll)
            throw SystemError(call: "timerfd_create", code: -timer)
        }
        let wakeUp = clinux_eventfd()
        guard wakeUp >= 0 else {
            close(epoll)
            close(timer)
            throw SystemError(call: "eventfd", code: -wakeUp)
        }
        self.epoll = epoll
        self.timer = timer
        self.wakeUp = wakeUp
        for (descriptor, data) in [(timer, Self.timerData), (wakeUp, Self.wakeData)] {
            let code = clinux_epoll_ctl(
                epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, data)
            guard code == 0 else { throw SystemError(call: "epoll_ctl", code: -code) }
        }
    }

    deinit {
        close(wakeUp)
        close(timer)
        close(epoll)
    }

    // MARK: Clocks

    /// The monotonic clock, CLOCK_BOOTTIME: suspend counts.
    ///
    /// From any thread.
    public static var now: Instant { Instant(nanoseconds: clinux_boottime_ns()) }

    /// The monotonic clock, read now.
    public var now: Instant { Self.now }

    /// Civil time, for reports and tokens.
    ///
    /// From any thread.
    public static var wallClock: WallClock { WallClock(unixMilliseconds: clinux_unix_ms()) }

    // MARK: Any thread

    /// Whether the calling thread is the loop.
    public var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Starts the thread.
    ///
    /// At most once.
    public func start() throws(SystemError) {
        let code = shared.withLock { shared in
            precondition(shared.phase == .new, "a loop starts once")
            var thread = pthread_t()
            // The thread holds the loop until it ends.
            let context = Unmanaged.passRetained(self).toOpaque()
            let code = clinux_thread_start(&thread, name, runLoop, context)
            if code == 0 {
                shared.thread = thread
                shared.phase = .running
            } else {
                Unmanaged<Loop>.fromOpaque(context).release()
            }
            return code
        }
        guard code == 0 else { throw SystemError(call: "pthread_create", code: code) }
    }

    /// Runs what is queued, lets go of all callbacks, ends the thread and waits for its end.
    ///
    /// Never on the loop itself; blocks for as long as the jobs take. Later calls do nothing.
    /// Descriptors registered stay open: they are their owners'. Jobs and posted work that come
    /// afterwards still run, one at a time, on short-lived threads that count as the loop's, so
    /// that no task hangs; but no descriptor is watched and no deadline fires any more.
    public func stop() {
        precondition(!isCurrent, "a loop cannot wait for its own end")
        let thread: pthread_t? = shared.withLock { shared in
            defer { shared.thread = nil }
            switch shared.phase {
            case .new:
                shared.phase = .ended
                if !shared.work.isEmpty { revive(&shared) }
            case .running: shared.phase = .stopping
            case .stopping, .ended: break
            }
            return shared.thread
        }
        guard let thread else { return }
        signal()
        pthread_join(thread, nil)
    }

    /// Runs `body` on the loop, after what was posted before; also when called on the loop.
    public func post(_ body: @escaping @Sendable () -> Void) {
        add(.body(body))
    }

    /// Runs `body` on the loop and returns what it returns.
    ///
    /// At once if the caller is on the loop.
    @discardableResult
    public func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        if isCurrent { return try body() }
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            post {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Takes an actor's job.
    public func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Stops the program unless the caller is on the loop: what `assumeIsolated` asks.
    public func checkIsolated() {
        precondition(isCurrent, "not on the loop \(name)")
    }

    /// Whether the caller is on the loop.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func add(_ work: Work) {
        let isWakeNeeded = shared.withLock { shared in
            shared.work.append(work)
            switch shared.phase {
            case .new: return false
            case .running, .stopping:
                guard !shared.isWakePending, !isCurrent else { return false }
                shared.isWakePending = true
                return true
            case .ended:
                revive(&shared)
                return false
            }
        }
        if isWakeNeeded { signal() }
    }

    private func signal() {
        var one: UInt64 = 1
        // It fails only when the counter is full, and then the loop wakes up anyway.
        _ = write(wakeUp, &one, 8)
    }

    /// Starts a detached thread that runs what is queued, unless there is one already.
    func revive(_ shared: inout Shared) {
        guard !shared.isRevived else { return }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        if clinux_thread_start(&thread, name, runRemainder, context) == 0 {
            pthread_detach(thread)
            shared.isRevived = true
        } else {
            // The next one who adds work tries again.
            Unmanaged<Loop>.fromOpaque(context).release()
        }
    }

    // MARK: On the loop: descriptors

    /// Stops the program unless the caller is on the loop.
    public func assertOnLoop() {
        precondition(isCurrent, "only on the loop \(name)")
    }

    /// Calls `handler` in every round in which the descriptor is ready, until `deregister`.
    ///
    /// Level-triggered: a handler that leaves data unread is called again, so read little at a
    /// time. The descriptor stays its owner's, who deregisters it before closing it. Throws when
    /// the kernel refuses (EEXIST: registered already; EPERM: a file), ECANCELED after `stop`.
    public func register(
        _ descriptor: Int32, for interest: Interest, handler: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Registration {
        assertOnLoop()
        guard !isOver else { throw SystemError(call: "epoll_ctl", code: ECANCELED) }
        let registration = table.next
        let code = clinux_epoll_ctl(
            epoll, EPOLL_CTL_ADD, descriptor, interest.events, registration.data)
        guard code == 0 else { throw SystemError(call: "epoll_ctl", code: -code) }
        return table.insert(descriptor, handler)
    }

    /// Changes what the handler is told.
    ///
    /// A stale registration is left alone.
    public func modify(_ registration: Registration, for interest: Interest) throws(SystemError) {
        assertOnLoop()
        guard let descriptor = table.descriptor(of: registration) else { return }
        let code = clinux_epoll_ctl(
            epoll, EPOLL_CTL_MOD, descriptor, interest.events, registration.data)
        guard code == 0 else { throw SystemError(call: "epoll_ctl", code: -code) }
    }

    /// Forgets the handler: it is not called again, not even for an event fetched already.
    ///
    /// Before the descriptor is closed; if it was closed already, nothing bad happens. A stale
    /// registration is left alone.
    public func deregister(_ registration: Registration) {
        assertOnLoop()
        guard let (owned, _) = table.remove(registration), let owned else { return }
        _ = clinux_epoll_ctl(epoll, EPOLL_CTL_DEL, owned, 0, 0)
    }

    // MARK: On the loop: deadlines

    /// Calls `body` once, in the first round at or after `time`.
    ///
    /// After `stop`: never.
    @discardableResult
    public func schedule(at time: Instant, _ body: @escaping () -> Void) -> DeadlineToken {
        assertOnLoop()
        // Nothing may be held for ever by a loop that is over.
        guard !isOver else { return DeadlineToken(id: 0) }
        return deadlines.schedule(at: time, body)
    }

    /// Takes a deadline back.
    ///
    /// One that fired or was cancelled is left alone.
    public func cancel(_ token: DeadlineToken) {
        assertOnLoop()
        _ = deadlines.cancel(token)
    }

    /// The last time the loop was later than its limit; nil before the first.
    public var lastStall: Stall? {
        assertOnLoop()
        return stall
    }

    // MARK: On the loop: pacer

    /// Calls `body` every 20 ms on the least filled of four slots, 5 ms apart, until `leavePacer`.
    public func joinPacer(_ body: @escaping (PacerTick) -> Void) -> PacerToken {
        assertOnLoop()
        guard !isOver else { return PacerToken(slot: 0, id: 0) }
        return pacer.join(at: now, body)
    }

    /// Ends the calls, also one that is due in this very round.
    public func leavePacer(_ token: PacerToken) {
        assertOnLoop()
        _ = pacer.leave(token)
    }

    /// Members in each of the four slots.
    public var pacerLoad: [Int] {
        assertOnLoop()
        return pacer.load
    }

    // MARK: On the loop: hooks

    /// Calls `body` at the end of every round, for libraries that want to run after each wake-up.
    ///
    /// - Parameter body: returns whether it wants another round at once, without waiting.
    /// - Returns: what `removeHook` takes.
    public func addHook(_ body: @escaping () -> Bool) -> UInt64 {
        assertOnLoop()
        lastHookID += 1
        if !isOver { hooks.append((lastHookID, body)) }
        return lastHookID
    }

    /// Ends the calls of a hook.
    public func removeHook(_ id: UInt64) {
        assertOnLoop()
        guard let place = hooks.firstIndex(where: { $0.id == id }) else { return }
        _ = hooks.remove(at: place)
    }
}
