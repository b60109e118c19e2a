// SPDX-License-Identifier: Apache-2.0
internal import Base

/// How lines look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// For eyes: time, level, label, message, `key=value`.
    case text
    /// For machines: one JSON object a line.
    case json
}

/// One line, not rendered yet: that is the writer thread's work.
struct LogRecord: Sendable {
    /// Bytes of a value that are shown: a sentence of SDP is, a whole description is not.
    static let maxValueLength = 2048

    var time: WallClock
    var level: LogLevel
    var label: StaticString
    var message: StaticString
    /// The logger's own fields, outermost first, then the line's.
    var fields: [LogFields]

    func line(_ format: LogFormat) -> [UInt8] {
        switch format {
        case .text: textLine
        case .json: jsonLine
        }
    }

    private func forEachField(_ body: (String, LogValue) -> Void) {
        for group in fields {
            for (key, value) in group {
                let key = "\(key)"
                body(key, Redaction.isShown(key: key, level: level) ? value : .redacted)
            }
        }
    }

    private var textLine: [UInt8] {
        var line = CivilTime(time).description
        line += " " + level.name + String(repeating: " ", count: 7 - level.name.count)
        line += " \(label): \(message)"
        forEachField { key, value in
            line += " " + key + "="
            switch value {
            case .text(let text): line += Self.quoted(Self.cut(text))
            case .integer(let number): line += "\(number)"
            case .number(let number): line += "\(Self.rounded(number))"
            case .flag(let flag): line += "\(flag)"
            case .redacted: line += Redaction.mark
            }
        }
        return Array(line.utf8) + [UInt8(ascii: "\n")]
    }

    private var jsonLine: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.object { object in
            object.member("time", CivilTime(time).description)
            object.member("level", level.name)
            object.member("logger", "\(label)")
            object.member("message", "\(message)")
            forEachField { key, value in
                switch value {
                case .text(let text): object.member(key, Self.cut(text))
                case .integer(let number): object.member(key, number)
                case .number(let number): object.member(key, .double(Self.rounded(number)))
                case .flag(let flag): object.member(key, flag)
                case .redacted: object.member(key, Redaction.mark)
                }
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// Three decimals: microseconds of what is measured in milliseconds.
    private static func rounded(_ number: Double) -> Double {
        abs(number) < 1e12 ? (number * 1000).rounded() / 1000 : number
    }

    /// At most `maxValueLength` bytes, whole characters, and a mark where it was cut.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > maxValueLength else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: maxValueLength)
        while end.samePosition(in: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return text[..<end] + "…"
    }

    /// As it is if nobody can mistake it, else in quotes with escapes: a value never makes a line.
    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 && $0 != 61 && $0 != 92 }
        guard !isPlain else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\" + String(scalar)
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default:
                // Control characters steer terminals; so do U+0080 to U+009F and the separators.
                let isHidden =
                    scalar.value < 32 || (127...159).contains(scalar.value)
                    || scalar.properties.generalCategory == .format
                    || [0x2028, 0x2029].contains(scalar.value)
                quoted += isHidden ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
            }
        }
        return quoted + "\""
    }
}

/// A civil time as its digits, in UTC: RFC 3339 with milliseconds.
struct CivilTime: CustomStringConvertible {
    let description: String

    /// By the days-to-civil arithmetic of the Gregorian calendar: eras of 400 years, from March.
    init(_ time: WallClock) {
        let milliseconds = max(0, time.unixMilliseconds)
        let days = milliseconds / 86_400_000 + 719_468
        let rest = milliseconds % 86_400_000
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func digits(_ value: Int64, _ width: Int) -> String {
            let text = "\(value)"
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { digits($0, 2) }
        description = "\(date)T\(clock.joined(separator: ":")).\(digits(rest % 1000, 3))Z"
    }
}
