// SPDX-License-Identifier: Apache-2.0

/// The mouth drawings of Rhubarb Lip Sync and of Preston Blair's chart.
public enum RhubarbShape: String, CaseIterable, Sendable {
    case a = "A"
    case b = "B"
    case c = "C"
    case d = "D"
    case e = "E"
    case f = "F"
    case g = "G"
    case h = "H"
    case x = "X"

    init?(_ letter: Character) {
        self.init(rawValue: String(letter))
    }
}

/// Which drawings fit a sound: one set, or two after each other; by how long it is.
struct RhubarbRule: Sendable {
    var short: [[RhubarbShape]]
    /// Milliseconds from which on `long` holds.
    var limit: Double
    var long: [[RhubarbShape]]

    static let any = RhubarbRule(
        short: [RhubarbShape.allCases], limit: 0, long: [RhubarbShape.allCases])

    init(short: [[RhubarbShape]], limit: Double, long: [[RhubarbShape]]) {
        self.short = short
        self.limit = limit
        self.long = long
    }

    init(_ shapes: [MouthShape]) {
        long = shapes.map { [Self.letter($0.dominant)] }
        short = long
        limit = 0
    }

    init(_ first: RhubarbRule, then second: RhubarbRule) {
        long = Array((first.long + second.long).prefix(2))
        short = long
        limit = 0
    }

    func sets(_ duration: Double) -> [[RhubarbShape]] { duration < limit ? short : long }

    private static func letter(_ viseme: Viseme) -> RhubarbShape {
        switch viseme {
        case .rest: .x
        case .ai: .d
        case .e: .c
        case .o, .r: .e
        case .u, .wq: .f
        case .mbp: .a
        case .fv: .g
        case .l: .h
        case .ch, .th: .b
        }
    }
}

/// A drawing and when it comes up; it stays until the next.
public struct RhubarbCue: Sendable, Equatable {
    /// Milliseconds from the start of the input.
    public var time: Double
    /// The drawing.
    public var shape: RhubarbShape

    /// A drawing stays for at least this long, ms; two frames of film at 24 a second are 83.
    static let shortest = 70.0
    /// A closure that is shorter begins earlier by at most this, ms.
    static let earliest = 60.0
    /// A shorter pause, ms, keeps the drawing before it; one up to `longPause` relaxes it.
    static let shortPause = 120.0
    static let longPause = 350.0
    /// A drawing that fits anyway may come this long before the vowel that demands it, ms.
    static let anticipation = 200.0

    /// The drawings for a sequence of sounds; the first one at 0, the last one X.
    public static func sequence(
        of phones: [Phone], table: ArticulationTable = .english
    ) -> [RhubarbCue] {
        var cues = thinned(chosen(spans(phones, table)))
        if cues.first.map({ $0.time > 0 }) ?? true {
            cues.insert(RhubarbCue(time: 0, shape: .x), at: 0)
        }
        if let last = cues.last, last.shape != .x {
            cues.append(RhubarbCue(time: max(phones.last?.end ?? 0, last.time + 1), shape: .x))
        }
        return cues
    }

    /// A stretch of time and what may be drawn in it.
    private struct Span {
        var start: Double
        var letters: [RhubarbShape]
        var isFixed: Bool { letters.count == 1 }
    }

    private static func spans(_ phones: [Phone], _ table: ArticulationTable) -> [Span] {
        var spans: [Span] = []
        for (index, phone) in phones.enumerated() {
            if phone.isSilence {
                let isInside = index > 0 && index + 1 < phones.count
                guard phone.duration >= shortPause || !isInside else { continue }
                let isLong = phone.duration > longPause || !isInside
                spans.append(Span(start: phone.start, letters: isLong ? [.x] : [.b]))
                continue
            }
            let sound = table.sound(of: phone)
            let sets = sound.rhubarb.sets(phone.duration)
            // As in Rhubarb, the first half of a diphthong takes 60 %.
            let first = sets.count == 2 ? 0.6 : 1
            for (index, set) in sets.enumerated() {
                let start = phone.start + (index == 0 ? 0 : phone.duration * first)
                spans.append(Span(start: start, letters: set))
            }
            // The lips are let go before the sound ends: what follows may open them from there.
            if sets == [[.a]] {
                let held = phone.isLong ? 0.8 : 0.6
                spans.append(
                    Span(
                        start: phone.start + phone.duration * held,
                        letters: RhubarbShape.allCases.filter { $0 != .x }))
            }
        }
        return spans
    }

    private static func chosen(_ spans: [Span]) -> [RhubarbCue] {
        var cues: [RhubarbCue] = []
        for (index, span) in spans.enumerated() {
            var shape = span.letters[0]
            if !span.isFixed {
                let next = spans[index...].prefix(4).first { $0.isFixed }
                if let next, next.start - span.start <= anticipation,
                    span.letters.contains(next.letters[0]),
                    next.letters[0] != .a, next.letters[0] != .x
                {
                    shape = next.letters[0]
                } else if let last = cues.last?.shape, span.letters.contains(last), last != .x {
                    shape = last
                } else if span.letters.count == RhubarbShape.allCases.count {
                    shape = .c
                }
            }
            if cues.last?.shape != shape { cues.append(RhubarbCue(time: span.start, shape: shape)) }
        }
        return cues
    }

    /// Gives closures their time and drops what is too short to be seen.
    private static func thinned(_ cues: [RhubarbCue]) -> [RhubarbCue] {
        var kept: [RhubarbCue] = []
        for (index, cue) in cues.enumerated() {
            var cue = cue
            let end = index + 1 < cues.count ? cues[index + 1].time : .infinity
            let isClosure = cue.shape == .a || cue.shape == .g
            let missing = shortest - (end - cue.time)
            if missing > 0, !isClosure, cue.shape != .x { continue }
            if missing > 0, isClosure {
                cue.time = max(cue.time - min(missing, earliest), (kept.last?.time ?? -1) + 1)
            }
            if kept.last?.shape == cue.shape { continue }
            kept.append(cue)
        }
        return kept
    }
}
