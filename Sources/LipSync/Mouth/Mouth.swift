// SPDX-License-Identifier: Apache-2.0

/// The lip-sync engine of one utterance: phones with times in, keyframes out.
///
/// Deterministic and without a clock: the caller says how far the phones are known, and gets every
/// keyframe up to there. Continuous by construction: the target is a blend, the filter carries its
/// state over every change of plan, so nothing that is appended or cut later can make a step. All
/// times are milliseconds since the utterance's start.
///
/// ```swift
/// var mouth = Mouth()
/// mouth.append(phones)                    // as the voice delivers them
/// send(mouth.advance(to: knownUntil))     // what can no longer change
/// send(mouth.finish())                    // the rest, and home to Rest
/// ```
public struct Mouth: Sendable {
    /// The filter's rate while speaking, 1/s: 45…90 close reliably, lower ones cannot.
    public static let rate = 60.0
    /// The rate with which a mouth comes to rest after a cut: 90 % after 65 ms.
    public static let restRate = 60.0
    /// How far ahead of a moment its sounds must be known, ms, for a curve that later sounds cannot
    /// change: the reach of a sound and the filter's lead. From 200 ms on the change is below 0.12.
    public static let lookAhead = 450.0
    /// Between two samples, ms: 120 a second.
    public static let sampleInterval = 1000.0 / 120
    /// The mouth runs ahead of the sound by this much, ms, beyond the filter's own lag.
    static let advance = 10.0
    /// How far ahead of a moment the filter looks, ms: its own lag and the advance.
    static let lead = 2000 / rate + advance
    /// After the last sound the curve runs on this long, ms, to settle at rest.
    public static let settle = 240.0
    /// Longest utterance it follows, ms; a hostile phone time ends the curve there.
    static let longest = 600_000.0

    private var plan: VoicedPlan
    private let followsEnergy: Bool
    private var filter = MouthFilter(.rest)
    private var reducer = KeyframeReducer()
    private var ticks = 0
    private var isFinished = false

    /// Starts at rest, at time zero.
    ///
    /// - Parameters:
    ///   - table: what the mouth does for the sounds of the language that is spoken.
    ///   - followsEnergy: whether open mouths open further in loud vowels than in soft ones; the
    ///     energies then come by ``append(energies:)``.
    public init(_ table: ArticulationTable = .english, followsEnergy: Bool = false) {
        plan = VoicedPlan(plan: MouthPlan(table))
        self.followsEnergy = followsEnergy
    }

    /// The mouth as it was last computed.
    public var shape: MouthShape { filter.output }

    /// Time of the next sample, ms.
    public var time: Double { Double(ticks) * Self.sampleInterval }

    /// Adds sounds behind those it has. What is not a number, runs backwards or lies beyond ten
    /// minutes is clamped into order, so that any input gives a sane mouth.
    public mutating func append(_ phones: [Phone]) {
        var floor = plan.plan.end
        let sane = phones.compactMap { phone -> Phone? in
            guard phone.start.isFinite, phone.end.isFinite else { return nil }
            var phone = phone
            phone.start = min(max(phone.start, floor), Self.longest)
            phone.end = min(max(phone.end, phone.start), Self.longest)
            floor = phone.end
            return phone
        }
        plan.plan.append(sane)
    }

    /// Adds how loud the voice is, 0…1, every ``ProsodyAnalyzer/interval`` from time zero on. For a
    /// mouth that follows it; what is not a number counts as no change.
    public mutating func append(energies: [Double]) {
        guard followsEnergy else { return }
        let room = Int(Self.longest / ProsodyAnalyzer.interval) - plan.energies.count
        plan.energies += energies.prefix(max(room, 0))
    }

    /// Computes up to the moment whose look-ahead ends at `known`.
    ///
    /// - Parameter known: milliseconds up to which all sounds were appended.
    /// - Returns: the keyframes that are settled by that, in order.
    public mutating func advance(to known: Double) -> [Keyframe] {
        var limit = min(known, Self.longest) - Self.lookAhead
        // Sounds are often known before they are heard.
        if followsEnergy {
            let heard = Double(plan.energies.count - 1) * ProsodyAnalyzer.interval
            limit = min(limit, heard - Self.lead)
        }
        return run(until: limit)
    }

    /// Time up to which its sounds are known, ms.
    public var known: Double { plan.plan.end }

    /// Computes beyond what ``advance(to:)`` gives, for a voice that is so late that its mouth would
    /// be late too.
    ///
    /// What comes later bends the curve from there on, without a step; it only has less time to
    /// prepare. So ask for no more than is needed at once.
    ///
    /// - Parameter limit: milliseconds; no further than the sounds that are known reach.
    /// - Returns: the keyframes up to there, in order.
    public mutating func hasten(to limit: Double) -> [Keyframe] {
        var keyframes = run(until: min(limit, known - Self.lead))
        if let last = reducer.flush() { keyframes.append(last) }
        return keyframes
    }

    /// Computes the rest and the way home; the last keyframe is the mouth at rest.
    public mutating func finish() -> [Keyframe] {
        guard !isFinished else { return [] }
        isFinished = true
        var keyframes = run(until: known + Self.settle)
        if let last = reducer.finish() { keyframes.append(last) }
        keyframes.append(Keyframe(time: time + Self.sampleInterval, shape: .rest))
        return keyframes
    }

    private mutating func run(until limit: Double) -> [Keyframe] {
        var keyframes: [Keyframe] = []
        while time <= limit {
            if ticks > 0 {
                filter.step(
                    toward: plan.shape(at: time + Self.lead), milliseconds: Self.sampleInterval,
                    rate: Self.rate)
            }
            if let due = reducer.add(Keyframe(time: time, shape: filter.output)) {
                keyframes.append(due)
            }
            ticks += 1
        }
        return keyframes
    }

    /// From rest until a closure is reached, the mouth needs its target closed for this long, ms: the
    /// filter's way to 92 % at its rate.
    private static let closingTime = 67.0

    /// How much later the first sound of an utterance must begin for its closure to be reached.
    ///
    /// A mouth that starts at rest at time zero cannot close for a sound that ends a moment later.
    ///
    /// - Parameters:
    ///   - phone: the first sound.
    ///   - table: of the language that is spoken.
    /// - Returns: milliseconds, 0 for a sound that demands no closure; at most 110.
    public static func missingTime(
        toClose phone: Phone, in table: ArticulationTable = .english
    ) -> Double {
        guard table.articulation(of: phone).parts.first?.closure != nil, phone.start.isFinite,
            phone.end.isFinite
        else { return 0 }
        let release = phone.start + max(0.6 * phone.duration, 30)
        return min(max(closingTime + lead - release, 0), closingTime + lead)
    }

    /// The way home after a cut: keyframes from a shape to rest.
    ///
    /// - Parameters:
    ///   - shape: the mouth that the client shows at `start`.
    ///   - start: time of the cut, ms.
    /// - Returns: keyframes after `start`, Rest ≥ 0.9 within 70 ms of it, the last one at rest.
    public static func homing(from shape: MouthShape, at start: Double) -> [Keyframe] {
        var filter = MouthFilter(shape)
        var keyframes: [Keyframe] = []
        let interval = 2 * sampleInterval
        for tick in 1...8 {
            filter.step(toward: .rest, milliseconds: interval, rate: restRate)
            keyframes.append(
                Keyframe(time: start + Double(tick) * interval, shape: filter.output))
        }
        keyframes.append(Keyframe(time: start + 9 * interval, shape: .rest))
        return keyframes
    }
}
