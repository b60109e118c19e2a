// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// All that is counted in a process, and its text for Prometheus.
///
/// From any thread. Instruments are made once and kept by who uses them; asking for the same name
/// and labels again gives the same one.
public final class Metrics: Sendable {
    /// The labels of one series, in the order they are written.
    public typealias Labels = KeyValuePairs<String, String>

    /// Series in all.
    ///
    /// Labels come from our own code, never from a peer; this is for the day that someone forgets
    /// it.
    public static let maxSeries = 2000

    private enum Instrument: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case reading(@Sendable () -> Double)
        case histogram(Histogram)

        var kind: String {
            switch self {
            case .counter: "counter"
            case .gauge, .reading: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family: Sendable {
        let help: String
        let kind: String
        var series: [(labels: [(name: String, value: String)], instrument: Instrument)] = []
    }

    private struct State: Sendable {
        var families: [String: Family] = [:]
        /// By name and labels, parted by what no label of ours holds.
        var instruments: [String: Instrument] = [:]
        var refused: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Makes an empty registry.
    public init() {}

    /// A counter; its name ends in `_total`.
    public func counter(_ name: String, help: String, labels: Labels = [:]) -> Counter {
        let made = add(name, help, labels, .counter(Counter()))
        if case .counter(let counter) = made { return counter }
        return Counter()
    }

    /// A gauge that is set.
    public func gauge(_ name: String, help: String, labels: Labels = [:]) -> Gauge {
        let made = add(name, help, labels, .gauge(Gauge()))
        if case .gauge(let gauge) = made { return gauge }
        return Gauge()
    }

    /// A gauge that is read when the text is written, on the thread that writes it.
    public func gauge(
        _ name: String, help: String, labels: Labels = [:],
        reading: @escaping @Sendable () -> Double
    ) {
        _ = add(name, help, labels, .reading(reading))
    }

    /// A histogram; in seconds or bytes, as its name says.
    public func histogram(
        _ name: String, help: String, labels: Labels = [:], bounds: [Double]
    ) -> Histogram {
        let made = add(name, help, labels, .histogram(Histogram(bounds: bounds)))
        if case .histogram(let histogram) = made { return histogram }
        return Histogram(bounds: bounds)
    }

    /// Shows a counter that someone else made.
    public func show(_ counter: Counter, as name: String, help: String, labels: Labels = [:]) {
        _ = add(name, help, labels, .counter(counter))
    }

    /// Shows a histogram that someone else made.
    public func show(_ histogram: Histogram, as name: String, help: String, labels: Labels = [:]) {
        _ = add(name, help, labels, .histogram(histogram))
    }

    /// All series, in Prometheus' text format 0.0.4, sorted by name.
    public var text: String {
        let (families, refused) = state.withLock { ($0.families, $0.refused) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(Self.escaped(family.help, quotes: false))\n"
            text += "# TYPE \(name) \(family.kind)\n"
            for (labels, instrument) in family.series {
                Self.write(name, labels, instrument, to: &text)
            }
        }
        if refused > 0 {
            text += "# TYPE avatar_series_refused_total counter\n"
            text += "avatar_series_refused_total \(refused)\n"
        }
        return text
    }

    private func add(
        _ name: String, _ help: String, _ labels: Labels, _ instrument: Instrument
    ) -> Instrument {
        precondition(Self.isName(name) && name.hasPrefix("avatar_"), "a metric of ours is avatar_…")
        precondition(labels.allSatisfy { Self.isName($0.key) }, "label names are identifiers")
        let labels = labels.map { (name: $0.key, value: $0.value) }
        let identity = ([name] + labels.flatMap { [$0.name, $0.value] }).joined(separator: "\0")
        return state.withLock { state in
            let kind = state.families[name]?.kind ?? instrument.kind
            precondition(kind == instrument.kind, "\(name) is a \(kind)")
            if let old = state.instruments[identity] { return old }
            guard state.instruments.count < Self.maxSeries else {
                state.refused += 1
                return instrument
            }
            state.instruments[identity] = instrument
            state.families[name, default: Family(help: help, kind: kind)].series
                .append((labels, instrument))
            return instrument
        }
    }

    private static func isName(_ name: String) -> Bool {
        let rest = name.utf8.allSatisfy {
            $0 == 95 || (48...57).contains($0) || (97...122).contains($0) || (65...90).contains($0)
        }
        return rest && !(name.utf8.first.map { (48...57).contains($0) } ?? true)
    }

    private static func write(
        _ name: String, _ labels: [(name: String, value: String)], _ instrument: Instrument,
        to text: inout String
    ) {
        func line(_ suffix: String, _ more: [(name: String, value: String)], _ value: String) {
            let all = (labels + more).map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
            let braces = all.isEmpty ? "" : "{" + all.joined(separator: ",") + "}"
            text += "\(name)\(suffix)\(braces) \(value)\n"
        }
        switch instrument {
        case .counter(let counter): line("", [], "\(counter.value)")
        case .gauge(let gauge): line("", [], number(gauge.value))
        case .reading(let read): line("", [], number(read()))
        case .histogram(let histogram):
            let snapshot = histogram.snapshot
            var sum: UInt64 = 0
            for (bound, count) in zip(snapshot.bounds + [.infinity], snapshot.counts) {
                sum &+= count
                line("_bucket", [("le", number(bound))], "\(sum)")
            }
            line("_sum", [], number(snapshot.sum))
            line("_count", [], "\(sum)")
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
