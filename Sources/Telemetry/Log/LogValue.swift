// SPDX-License-Identifier: Apache-2.0

/// How much a line matters.
public enum LogLevel: Int, CaseIterable, Comparable, Sendable {
    /// Each packet: for one's own machine.
    case trace
    /// What happens inside; may hold personal data under `pii.` keys.
    case debug
    /// What an operator wants to have seen: sessions, connections.
    case info
    /// Not as it should be, and dealt with.
    case warning
    /// Something was not done that was asked for.
    case error

    /// Whether the left one matters less.
    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The level of a name as configuration has it: `trace`, `debug`, `info`, `warning`, `error`.
    public init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    /// The name as configuration and log lines have it.
    public var name: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
}

/// Something that is never to be read by accident: prints as `<redacted>` wherever it turns up.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let text: String

    /// Wraps a secret.
    public init(_ text: String) {
        self.text = text
    }

    /// The secret itself, for the one place that needs it.
    public func reveal() -> String { text }

    /// Always `<redacted>`.
    public var description: String { Redaction.mark }
    /// Always `<redacted>`.
    public var debugDescription: String { Redaction.mark }
    /// Shows nothing: `dump` and interpolation walk over it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A value of a log line's field.
public enum LogValue: Hashable, Sendable {
    /// Text; long text is cut.
    case text(String)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction.
    case number(Double)
    /// Yes or no.
    case flag(Bool)
    /// Was not to be logged.
    case redacted

    /// Anything that describes itself: an address, an error.
    public static func of(_ value: some CustomStringConvertible & Sendable) -> LogValue {
        .text(value.description)
    }

    /// An error, by its own description.
    public static func error(_ error: any Error) -> LogValue {
        .text(String(describing: error))
    }

    /// A duration, in milliseconds: name the key `…_ms`.
    public static func milliseconds(_ duration: Duration) -> LogValue {
        let (seconds, attoseconds) = duration.components
        return .number(Double(seconds) * 1e3 + Double(attoseconds) / 1e15)
    }

    /// A URL without what may be secret in it: user information, query, fragment.
    public static func url(_ url: String) -> LogValue {
        .text(Redaction.url(url))
    }

    /// A number of any width; what does not fit is clamped.
    public static func count(_ value: some BinaryInteger) -> LogValue {
        .integer(Int64(clamping: value))
    }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    /// Makes a text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// Makes a whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Makes a number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Makes a flag.
    public init(booleanLiteral value: Bool) { self = .flag(value) }
}

/// The fields of a line, in the order written: `["took_ms": .number(3.2), "room": .text(name)]`.
///
/// Keys are lower case with underscores. A key that begins with `pii.` (names, identities,
/// addresses, spoken text) shows its value on the levels debug and trace alone.
public typealias LogFields = KeyValuePairs<StaticString, LogValue>
