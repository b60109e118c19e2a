// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import Synchronization

/// Writes lines of one part of the program: a fixed message and fields.
///
/// A value, from any thread. Messages are fixed, so that lines can be counted and found; all that
/// changes goes into fields, which cost nothing when the level is off.
public struct Logger: Sendable {
    let writer: LogWriter?
    let label: StaticString
    let context: [LogFields]

    init(writer: LogWriter?, label: StaticString, context: [LogFields]) {
        self.writer = writer
        self.label = label
        self.context = context
    }

    /// A logger that writes nowhere.
    public static let none = Logger(writer: nil, label: "none", context: [])

    /// A logger whose lines all have these fields too.
    public func with(_ fields: LogFields) -> Logger {
        Logger(writer: writer, label: label, context: context + [fields])
    }

    /// A logger of another part of the program, with the same fields.
    public func labelled(_ label: StaticString) -> Logger {
        Logger(writer: writer, label: label, context: context)
    }

    /// Whether lines of this level are written: for what is dear to compute.
    public func isWritten(_ level: LogLevel) -> Bool {
        writer?.isWritten(level) ?? false
    }

    /// Writes a line.
    public func log(
        _ level: LogLevel, _ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard let writer, writer.isWritten(level) else { return }
        writer.append(
            LogRecord(
                time: WallClock(unixMilliseconds: clinux_unix_ms()), level: level, label: label,
                message: message, fields: context + [fields()]))
    }

    /// Writes a line about each packet or the like.
    public func trace(_ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.trace, message, fields())
    }

    /// Writes a line about what happens inside.
    public func debug(_ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.debug, message, fields())
    }

    /// Writes a line for the operator.
    public func info(_ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.info, message, fields())
    }

    /// Writes a line about what is not as it should be.
    public func warning(_ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.warning, message, fields())
    }

    /// Writes a line about what was not done.
    public func error(_ message: StaticString, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.error, message, fields())
    }

    /// Makes a line for what may happen a thousand times a second.
    public func tally(_ level: LogLevel, _ message: StaticString) -> LogTally {
        LogTally(logger: self, level: level, message: message)
    }
}

/// A line that is written at most once a second, with the number of times it was asked for.
///
/// From any thread. The first time is told at once; what follows within the second is told at its
/// end, by the writer's thread, with the fields of the first of them.
public final class LogTally: Sendable {
    /// Between two lines.
    static let interval = Duration.seconds(1)

    private struct State {
        var count: UInt64 = 0
        var fields: LogFields = [:]
        var lastLine: Instant?
        var isAwaited = false
    }

    private let logger: Logger
    private let level: LogLevel
    private let message: StaticString
    private let state = Mutex(State())

    init(logger: Logger, level: LogLevel, message: StaticString) {
        self.logger = logger
        self.level = level
        self.message = message
    }

    /// Counts one more time.
    public func add(_ amount: UInt64 = 1, _ fields: @autoclosure () -> LogFields = [:]) {
        guard let writer = logger.writer, writer.isWritten(level) else { return }
        let now = Instant(nanoseconds: clinux_boottime_ns())
        let (line, isToAwait) = state.withLock { state -> ((UInt64, LogFields)?, Bool) in
            if state.count == 0 { state.fields = fields() }
            state.count &+= amount
            if let line = Self.take(&state, at: now) { return (line, false) }
            defer { state.isAwaited = true }
            return (nil, !state.isAwaited)
        }
        if let line { write(line) }
        if isToAwait { writer.await(self) }
    }

    /// Tells what was gathered if it is time; else when it will be.
    func flush(at now: Instant) -> Instant? {
        let (line, due) = state.withLock { state -> ((UInt64, LogFields)?, Instant?) in
            guard state.count > 0 else {
                state.isAwaited = false
                return (nil, nil)
            }
            if let line = Self.take(&state, at: now) {
                state.isAwaited = false
                return (line, nil)
            }
            return (nil, state.lastLine.map { $0 + Self.interval })
        }
        if let line { write(line) }
        return due
    }

    private static func take(_ state: inout State, at now: Instant) -> (UInt64, LogFields)? {
        if let last = state.lastLine, now < last + interval { return nil }
        defer {
            state.lastLine = now
            state.count = 0
            state.fields = [:]
        }
        return (state.count, state.fields)
    }

    private func write(_ line: (count: UInt64, fields: LogFields)) {
        logger.with(line.fields).log(level, message, ["count": .count(line.count)])
    }
}
