// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
internal import Telemetry

/// How many lines a second are written of one kind: some at once, then as many as time brings back.
///
/// A value without a clock: what clients cause, a thousand times a second if they like, must not
/// fill a disk.
struct LineLimit {
    /// Lines of a burst: a class of students that joins at once is told one by one.
    static let burst = 30
    /// Between two lines for as long as the burst is used up.
    static let interval = Duration.milliseconds(500)

    /// Lines that may still be written, as of `since`.
    private var left = burst
    private var since: Instant?

    /// Whether one more is written.
    mutating func admits(at now: Instant) -> Bool {
        let start = since ?? now
        let gained = max(0, (now - start).nanoseconds / Self.interval.nanoseconds)
        if Int64(left) + gained >= Int64(Self.burst) {
            left = Self.burst
            since = now
        } else {
            left += Int(gained)
            since = start + Self.interval * Int(gained)
        }
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}

/// What the room server tells of its clients: line by line while they come at a human pace, by
/// count and once a second beyond that. Media loop only.
final class RoomLog {
    /// What is told.
    enum Event: Int, CaseIterable {
        case roomOpened, roomClosed, joined, resumed, left, mediaFailed, notReading, notAnswering
        case flooding, offerRefused, answerRefused

        fileprivate var message: StaticString {
            switch self {
            case .roomOpened: "room opened"
            case .roomClosed: "room closed"
            case .joined: "joined"
            case .resumed: "resumed"
            case .left: "left"
            case .mediaFailed: "a participant's media connection failed"
            case .notReading: "a participant does not read its data"
            case .notAnswering: "a participant does not answer an offer"
            case .flooding: "a participant asks for too much: its websocket is closed"
            case .offerRefused: "offer refused"
            case .answerRefused: "answer refused"
            }
        }

        fileprivate var level: LogLevel {
            switch self {
            case .roomOpened, .roomClosed, .joined, .resumed, .left, .mediaFailed: .info
            case .notReading, .notAnswering, .flooding: .warning
            case .offerRefused, .answerRefused: .debug
            }
        }
    }

    private let loop: Loop
    private let log: Logger
    private var limits = [LineLimit](repeating: LineLimit(), count: Event.allCases.count)
    private let tallies: [LogTally]

    init(_ log: Logger, on loop: Loop) {
        self.log = log
        self.loop = loop
        tallies = Event.allCases.map { log.tally($0.level, $0.message) }
    }

    /// Tells of something, or counts it.
    func note(_ event: Event, _ fields: @autoclosure () -> LogFields) {
        guard log.isWritten(event.level) else { return }
        if limits[event.rawValue].admits(at: loop.now) {
            log.log(event.level, event.message, fields())
        } else {
            tallies[event.rawValue].add(1, fields())
        }
    }
}
