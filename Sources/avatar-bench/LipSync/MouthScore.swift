// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// A mouth, 120 shapes a second from time zero.
typealias MouthFrames = [MouthShape]

/// What a mouth did on labelled speech; every system is scored by the same code.
struct MouthScore {
    static let rate = 120.0
    /// A closure counts from this weight on, within so many ms of its sound.
    static let closed = 0.9
    static let window = 40.0
    static let held = 0.85

    private(set) var lips = (reached: 0, of: 0)
    private(set) var teeth = (reached: 0, of: 0)
    /// Without lip-to-teeth contacts whose sound lies within 60 ms of a closure of the lips.
    private(set) var teethApart = (reached: 0, of: 0)
    private(set) var holds: [Double] = []
    private(set) var onsets: [Double] = []
    private(set) var falseFrames = (closed: 0, of: 0)
    private(set) var reopened = (open: 0, of: 0)
    private(set) var sorts = (exact: 0, near: 0, of: 0)
    private(set) var largestStep = 0.0
    /// Sums of the squared third differences of each class, and how many.
    private var thirds = (squares: SIMD16<Double>.zero, count: 0)
    private(set) var offSimplex = 0
    /// What was not reached, a line each.
    private(set) var misses: [String] = []

    private static let bilabials: Set<String> = ["P", "B", "M"]
    private static let labiodentals: Set<String> = ["F", "V"]

    mutating func add(_ frames: MouthFrames, _ utterance: LabelledUtterance) {
        let known = utterance.words.flatMap { Array($0.phones) }
        let phones = utterance.phones
        let closures = phones.filter { Self.bilabials.contains($0.symbol) }
        for index in known {
            let phone = phones[index]
            if Self.bilabials.contains(phone.symbol) { closure(phone, frames) }
            if let name = Self.closing(phone), peak(name, phone, frames) < Self.closed {
                let around = phones[max(index - 3, 0)..<min(index + 4, phones.count)].map {
                    $0.start == phone.start ? "[\($0.symbol)]" : $0.symbol
                }
                misses.append(
                    "\(utterance.id) \(fixed(phone.start, 0)) ms"
                        + " \(around.joined(separator: " ")): \(fixed(phone.duration, 0)) ms,"
                        + " \(name.name) \(fixed(peak(name, phone, frames), 2))")
            }
            if Self.labiodentals.contains(phone.symbol) {
                let isReached = peak(.fv, phone, frames) >= Self.closed
                teeth = (teeth.reached + (isReached ? 1 : 0), teeth.of + 1)
                let isApart = !closures.contains {
                    $0.start < phone.end + 60 && $0.end > phone.start - 60
                }
                if isApart {
                    teethApart = (teethApart.reached + (isReached ? 1 : 0), teethApart.of + 1)
                }
            }
        }
        reopenings(utterance.id, closures, frames)
        speech(known.map { phones[$0] }, closures, frames)
        motion(frames)
    }

    private static func closing(_ phone: Phone) -> Viseme? {
        bilabials.contains(phone.symbol) ? .mbp : labiodentals.contains(phone.symbol) ? .fv : nil
    }

    private func range(_ start: Double, _ end: Double, _ frames: MouthFrames) -> Range<Int> {
        let first = Int((start * Self.rate / 1000).rounded(.up))
        let last = Int((end * Self.rate / 1000).rounded(.down)) + 1
        let low = min(max(first, 0), frames.count)
        return low..<min(max(last, low), frames.count)
    }

    private func peak(_ viseme: Viseme, _ phone: Phone, _ frames: MouthFrames) -> Double {
        range(phone.start - Self.window, phone.end + Self.window, frames)
            .map { frames[$0][viseme] }.max() ?? 0
    }

    private mutating func closure(_ phone: Phone, _ frames: MouthFrames) {
        let range = range(phone.start - Self.window, phone.end + Self.window, frames)
        let weights = range.map { frames[$0][.mbp] }
        let top = weights.max() ?? 0
        lips = (lips.reached + (top >= Self.closed ? 1 : 0), lips.of + 1)
        holds.append(Double(weights.count { $0 >= Self.held }) * 1000 / Self.rate)
        guard top > 0.5, let at = range.first(where: { frames[$0][.mbp] == top }) else { return }
        var frame = at
        while frame > 0, frames[frame - 1][.mbp] >= 0.5 { frame -= 1 }
        let crossing: Double
        if frame > 0 {
            let (before, after) = (frames[frame - 1][.mbp], frames[frame][.mbp])
            crossing = Double(frame - 1) + (0.5 - before) / max(after - before, 1e-9)
        } else {
            crossing = 0
        }
        let onset = crossing * 1000 / Self.rate - phone.start
        // A closure that a neighbouring sound began says nothing about this one.
        if onset > -250 { onsets.append(onset) }
    }

    private mutating func reopenings(
        _ id: String, _ closures: [Phone], _ frames: MouthFrames
    ) {
        for (left, right) in zip(closures, closures.dropFirst()) {
            let gap = right.start - left.end
            guard gap >= 60, gap <= 250 else { continue }
            let least = range(left.start, right.end, frames).map { frames[$0][.mbp] }.min() ?? 0
            reopened = (reopened.open + (least < 0.5 ? 1 : 0), reopened.of + 1)
            if least >= 0.5 {
                misses.append(
                    "\(id) \(fixed(left.start, 0)) ms, \(left.symbol) … \(right.symbol):"
                        + " \(fixed(gap, 0)) ms between, open to \(fixed(least, 2))")
            }
        }
    }

    private mutating func speech(
        _ phones: [Phone], _ closures: [Phone], _ frames: MouthFrames
    ) {
        var next = 0
        for (index, phone) in phones.enumerated() where !phone.isSilence {
            let sort = Self.sort(SystemMouths.dominant(phone))
            for frame in range(phone.start, phone.end - 1e-6, frames) {
                let time = Double(frame) * 1000 / Self.rate
                while next < closures.count, closures[next].end < time - 100 { next += 1 }
                let isNear = next < closures.count && closures[next].start < time + 100
                if !isNear {
                    let isClosed = frames[frame][.mbp] > 0.5
                    falseFrames = (falseFrames.closed + (isClosed ? 1 : 0), falseFrames.of + 1)
                }
                let shown = Self.sort(Self.dominant(frames[frame]))
                sorts.of += 1
                if shown == sort {
                    sorts.exact += 1
                    sorts.near += 1
                } else if Self.nearby(phones, index, time).contains(shown) {
                    sorts.near += 1
                }
            }
        }
    }

    /// The sorts of the sounds within 40 ms.
    private static func nearby(_ phones: [Phone], _ index: Int, _ time: Double) -> Set<Int> {
        var sorts: Set<Int> = []
        for other in max(index - 3, 0)..<min(index + 4, phones.count)
        where phones[other].start < time + 40 && phones[other].end > time - 40 {
            sorts.insert(sort(SystemMouths.dominant(phones[other])))
        }
        return sorts
    }

    private mutating func motion(_ frames: MouthFrames) {
        for frame in frames.indices {
            let lanes = frames[frame].lanes
            if lanes.min() < 0 || abs(frames[frame].sum - 1) > 1e-6 { offSimplex += 1 }
            if frame >= 3 {
                let change = lanes - frames[frame - 3].lanes
                let inner = frames[frame - 1].lanes - frames[frame - 2].lanes
                let third = change - 3 * inner
                thirds.squares += third * third
                thirds.count += 1
            }
            if frame >= 2 {
                largestStep = max(largestStep, frames[frame].distance(to: frames[frame - 2]))
            }
        }
    }

    private static func dominant(_ shape: MouthShape) -> Viseme {
        Viseme.allCases.max { shape[$0] < shape[$1] } ?? .rest
    }

    /// Rest · AI E · O U WQ · MBP · FV · L R CH TH
    private static func sort(_ viseme: Viseme) -> Int {
        switch viseme {
        case .rest: 0
        case .ai, .e: 1
        case .o, .u, .wq: 2
        case .mbp: 3
        case .fv: 4
        case .l, .r, .ch, .th: 5
        }
    }

    static let titles = [
        "system", "MBP %", "of", "FV %", "of", "FV apart %", "onset50 ms", "hold ms", "false %",
        "reopen %", "of", "class %", "±40 ms %", "max step",
        "jerk /s³",
    ]

    /// The mean over the classes of the root mean square of the third derivative.
    var jerk: Double {
        let roots = (thirds.squares / Double(max(thirds.count, 1))).squareRoot()
        return roots.sum() / Double(Viseme.count) * Self.rate * Self.rate * Self.rate
    }

    func cells(_ name: String) -> [String] {
        [
            name, percent(lips.reached, lips.of, 2), "\(lips.of)",
            percent(teeth.reached, teeth.of, 2), "\(teeth.of)",
            percent(teethApart.reached, teethApart.of, 2), fixed(onsets.quantile(0.5), 0),
            fixed(holds.quantile(0.5), 0), percent(falseFrames.closed, falseFrames.of, 2),
            percent(reopened.open, reopened.of), "\(reopened.of)", percent(sorts.exact, sorts.of),
            percent(sorts.near, sorts.of), fixed(largestStep, 2), fixed(jerk, 0),
        ]
    }
}

/// How far the onsets of sounds inside words are from their labels.
struct OnsetScore {
    private var errors: [Double] = []
    private var labial: [Double] = []
    private static let labials: Set<String> = ["P", "B", "M", "F", "V"]

    mutating func add(_ timed: [Phone], _ utterance: LabelledUtterance) {
        var next = 0
        let spoken = timed.filter { !$0.isSilence }
        for word in utterance.words {
            for (offset, index) in word.phones.enumerated() {
                guard next < spoken.count else { return }
                defer { next += 1 }
                guard offset > 0, !utterance.openOnsets.contains(index) else { continue }
                let phone = utterance.phones[index]
                let error = abs(spoken[next].start - phone.start)
                errors.append(error)
                if Self.labials.contains(phone.symbol) { labial.append(error) }
            }
        }
    }

    static let titles = [
        "phone onsets from", "n", "MAE ms", "median", "P90", "≤ 20 ms %", "≤ 40 ms %", "labial MAE",
        "labial n",
    ]

    func cells(_ name: String) -> [String] {
        [
            name, "\(errors.count)", fixed(errors.mean, 2), fixed(errors.quantile(0.5), 1),
            fixed(errors.quantile(0.9), 1),
            percent(errors.count { $0 <= 20 }, errors.count),
            percent(errors.count { $0 <= 40 }, errors.count), fixed(labial.mean, 2),
            "\(labial.count)",
        ]
    }
}
