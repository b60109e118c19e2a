// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import Synchronization

/// Where log lines go: a bounded queue and one thread that renders and writes.
///
/// From any thread. Who logs never waits: a full pipe stops the writer's thread alone, then lines
/// are dropped, counted, and told as soon as there is room. Ends with `close`, which gives what is
/// queued a bounded time.
public final class LogWriter: Sendable {
    /// Lines that may wait: seconds of a busy debug log.
    static let capacity = 4096
    /// Of these, kept free for warnings and errors.
    static let reserve = 512
    /// Bytes rendered before they are written: one call for many lines.
    static let maxWrite = 65536

    private struct State {
        var queue = RingBuffer<LogRecord>(capacity: LogWriter.capacity)
        var dropped: UInt64 = 0
        var tallies: [LogTally] = []
        var isWakePending = false
        var isClosing = false
    }

    /// Lines dropped since the start, because the queue was full or the descriptor failed.
    public let droppedLines: Counter
    private let shared: Shared

    /// Starts the writer's thread.
    ///
    /// - Parameters:
    ///   - level: lines below it cost a comparison and nothing else.
    ///   - format: how lines look.
    ///   - descriptor: where they go; stays open.
    public init(level: LogLevel = .info, format: LogFormat = .text, descriptor: Int32 = 2) {
        shared = Shared(level: level, format: format, descriptor: descriptor)
        droppedLines = shared.droppedLines
        shared.start()
    }

    deinit {
        shared.requestClose()
    }

    /// The least level that is written.
    ///
    /// May be changed at any time.
    public var level: LogLevel {
        get { shared.currentLevel }
        set { shared.level.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// A logger that writes here.
    ///
    /// - Parameter label: the part of the program.
    /// - Returns: a value to pass around.
    public func logger(_ label: StaticString) -> Logger {
        Logger(writer: self, label: label, context: [])
    }

    /// Writes what is queued and ends the thread.
    ///
    /// - Parameter limit: how long to wait for whoever reads the other end.
    /// - Returns: whether all was written in time.
    @discardableResult
    public func close(within limit: Duration = .milliseconds(500)) -> Bool {
        shared.requestClose()
        return shared.awaitEnd(limit)
    }

    func isWritten(_ level: LogLevel) -> Bool {
        level.rawValue >= shared.level.load(ordering: .relaxed)
    }

    func append(_ record: LogRecord) {
        shared.append(record)
    }

    /// Has the thread ask the tally in a second.
    func await(_ tally: LogTally) {
        shared.await(tally)
    }

    /// What the thread holds: not the writer, so that it does not keep it.
    private final class Shared: Sendable {
        let droppedLines = Counter()
        let level: Atomic<Int>
        private let format: LogFormat
        private let descriptor: Int32
        private let wakeUp: Int32
        private let end: Int32
        private let state = Mutex(State())

        init(level: LogLevel, format: LogFormat, descriptor: Int32) {
            self.level = Atomic(level.rawValue)
            self.format = format
            self.descriptor = descriptor
            // A process that cannot have two descriptors at its start has no log; it says so by
            // counting every line as dropped.
            wakeUp = clinux_eventfd()
            end = clinux_eventfd()
        }

        deinit {
            if wakeUp >= 0 { CLinux.close(wakeUp) }
            if end >= 0 { CLinux.close(end) }
        }

        var currentLevel: LogLevel {
            LogLevel(rawValue: level.load(ordering: .relaxed)) ?? .info
        }

        func start() {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self)
            if wakeUp >= 0, end >= 0,
                clinux_thread_start(&thread, "log", runLogWriter, context.toOpaque()) == 0
            {
                pthread_detach(thread)
            } else {
                context.release()
                state.withLock { $0.isClosing = true }
            }
        }

        func append(_ record: LogRecord) {
            let isWakeNeeded = state.withLock { state -> Bool? in
                let limit = record.level >= .warning ? capacity : capacity - reserve
                guard !state.isClosing, state.queue.count < limit else {
                    state.dropped += 1
                    return nil
                }
                state.queue.append(record)
                defer { state.isWakePending = true }
                return !state.isWakePending
            }
            if isWakeNeeded == nil { droppedLines.add() }
            if isWakeNeeded == true { clinux_event_add(wakeUp, 1) }
        }

        func await(_ tally: LogTally) {
            let isWakeNeeded = state.withLock { state in
                guard !state.isClosing else { return false }
                state.tallies.append(tally)
                defer { state.isWakePending = true }
                return !state.isWakePending
            }
            if isWakeNeeded { clinux_event_add(wakeUp, 1) }
        }

        func requestClose() {
            let tallies = state.withLock { state in
                defer { state.tallies = [] }
                return state.tallies
            }
            // What was counted within the last second is told before the door shuts.
            for tally in tallies { _ = tally.flush(at: Instant(nanoseconds: .max)) }
            let isFirst = state.withLock { state in
                defer { state.isClosing = true }
                return !state.isClosing
            }
            if isFirst { clinux_event_add(wakeUp, 1) }
        }

        func awaitEnd(_ limit: Duration) -> Bool {
            let milliseconds = Int32(clamping: limit.nanoseconds / 1_000_000)
            guard clinux_event_wait(end, milliseconds) == 1 else { return false }
            // For whoever asks again.
            clinux_event_add(end, 1)
            return true
        }

        /// The thread.
        func run() {
            var isFailed = false
            while true {
                let (bytes, isOver) = nextBytes()
                if !bytes.isEmpty {
                    if isFailed || !write(bytes) {
                        isFailed = true
                        droppedLines.add(UInt64(bytes.count { $0 == UInt8(ascii: "\n") }))
                    }
                    continue
                }
                if isOver { break }
                let wait = askTallies()
                _ = clinux_event_wait(wakeUp, wait)
                state.withLock { $0.isWakePending = false }
            }
            clinux_event_add(end, 1)
        }

        /// Rendered lines up to a bound; empty when none is queued, and then whether to end.
        private func nextBytes() -> ([UInt8], isOver: Bool) {
            var bytes: [UInt8] = []
            var isOver = false
            while bytes.count < LogWriter.maxWrite {
                let (record, dropped) = state.withLock { state -> (LogRecord?, UInt64) in
                    defer { state.dropped = 0 }
                    if state.queue.isEmpty { isOver = state.isClosing }
                    return (state.queue.popFirst(), state.dropped)
                }
                if dropped > 0, !isOver {
                    let told = LogRecord(
                        time: WallClock(unixMilliseconds: clinux_unix_ms()), level: .warning,
                        label: "log", message: "log lines dropped",
                        fields: [["count": .count(dropped)]])
                    bytes += told.line(format)
                }
                guard let record else { break }
                bytes += record.line(format)
            }
            return (bytes, isOver)
        }

        /// Lets tallies tell what they gathered; milliseconds until the next one is due, or -1.
        private func askTallies() -> Int32 {
            let now = Instant(nanoseconds: clinux_boottime_ns())
            let tallies = state.withLock { state in
                defer { state.tallies = [] }
                return state.tallies
            }
            var next: Instant?
            var waiting: [LogTally] = []
            for tally in tallies {
                if let due = tally.flush(at: now) {
                    next = soonest(next, due)
                    waiting.append(tally)
                }
            }
            let (isClosing, isWorkThere) = state.withLock { state in
                state.tallies += waiting
                return (state.isClosing, !state.queue.isEmpty)
            }
            guard !isClosing, !isWorkThere else { return 0 }
            guard let next else { return -1 }
            return Int32(clamping: (next - now).nanoseconds / 1_000_000 + 1)
        }

        private func write(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { buffer in
                    // SAFETY: lent for the call, with its size.
                    clinux_write(descriptor, buffer.baseAddress, buffer.count)
                }
                switch written {
                case -Int(EINTR): continue
                case -Int(EAGAIN): clinux_wait_writable(descriptor)
                case ..<0: return false
                default: rest = rest.dropFirst(written)
                }
            }
            return true
        }
    }

    fileprivate static func run(_ context: UnsafeMutableRawPointer?) {
        guard let context else { return }
        // SAFETY: `start` retained it for this thread and passed it once.
        Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().run()
    }
}

private func runLogWriter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    LogWriter.run(context)
    return nil
}
