// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: exp is not in the standard library.
internal import func Glibc.exp
#endif

/// Where the mouth wants to be at every moment: the dominance blend of all sounds, overridden by
/// the closures that must be reached.
struct MouthPlan: Sendable {
    /// Anticipation spreads further than carry-over (measured on lips): on × 1.6, off ÷ 1.6.
    static let asymmetry = 1.6
    /// A sound further away than this does not count, ms: its dominance is below 1 %.
    static let reach = 400.0
    /// Milliseconds in which a closure closes.
    static let closingRamp = 70.0
    /// Milliseconds in which it opens again.
    static let openingRamp = 56.0
    /// A vowel between two closures stays free of them for at least this long, ms.
    static let vowelFree = 30.0
    /// What a lip-to-teeth contact beside a closure of the lips gets for itself, ms.
    static let teethOwn = 48.0

    /// Dominance of lips that close twice in a row so quickly that ramps are shortened: the vowel
    /// between them shall be seen, and the closures are reached without it.
    static let hurriedStrength = 0.3
    /// Two closures of the lips are told apart when what lies between lasts this long, ms.
    static let separable = 30.0
    /// No ramp is shorter than this, ms: a filter at our rate would not follow.
    static let shortestRamp = 20.0
    /// The teeth meet earlier than their sound by at most this where the lips follow at once, ms.
    static let teethEarlier = 30.0

    /// A pause shorter than this holds the mouth, one shorter than the second brings it half the way to
    /// rest, ms.
    static let heldPause = 120.0
    static let restingPause = 350.0
    /// A vowel shorter than this does not reach its shape: its dominance falls with its length, ms.
    static let fullVowel = 60.0

    /// One held shape of one sound.
    private struct Target {
        var low: Double
        var high: Double
        var shape: SIMD16<Double>
        var strength: Double
        var onset: Double
        var offset: Double
    }

    /// One closure: opens from `start − ramp` to `start`, holds to `release`, ends `opening` later.
    struct Closure: Sendable, Equatable {
        var kind: Articulation.Closure.Kind
        /// How much of the mouth it takes at most, 0…1.
        var peak = 1.0
        var start: Double
        var release: Double
        var closing = MouthPlan.closingRamp
        var opening = MouthPlan.openingRamp
        var phoneEnd: Double
        /// Index of the sound's first held shape.
        var target = 0

        /// How long a closure must be held, ms, for the filter to get 93 % of the way there: what the
        /// ramps do not give (fitted to the filter's own response at ``Mouth/rate``, ±3 ms).
        static func holdNeeded(closing: Double, opening: Double) -> Double {
            74 - 0.5 * closing - 0.15 * opening
        }

        /// Holds long enough for the ramps it has.
        mutating func hold() {
            let needed = Self.holdNeeded(closing: closing, opening: opening)
            release = max(release, start + needed)
        }

        func weight(at time: Double) -> Double {
            if time < start { return peak * smoothstep((time - start + closing) / closing) }
            return peak * smoothstep((release + opening - time) / opening)
        }
    }

    /// Whose shapes are planned.
    enum System: Sendable {
        /// Our twelve classes.
        case classes
        /// Oculus's fifteen visemes.
        case oculus

        var lips: Int { self == .classes ? Viseme.mbp.rawValue : OculusViseme.pp.rawValue }
        var teeth: Int { self == .classes ? Viseme.fv.rawValue : OculusViseme.ff.rawValue }
    }

    private let table: ArticulationTable
    private let system: System
    private var targets: [Target] = []
    private(set) var closures: [Closure] = []
    private var firstTarget = 0
    private var firstClosure = 0
    /// A held shape that is still to come and shall be weak.
    private var hurried: Int?
    /// Milliseconds to the end of the last sound.
    private(set) var end = 0.0

    init(_ table: ArticulationTable, system: System = .classes) {
        self.table = table
        self.system = system
    }

    /// Adds sounds behind those it has; times must not run backwards.
    mutating func append(_ phones: [Phone]) {
        for phone in phones {
            let sound = table.sound(of: phone)
            var start = phone.start
            for part in sound.mouth.parts {
                let length = phone.duration * part.share
                if let closure = part.closure {
                    addClosure(closure, start: start, length: length, isLong: phone.isLong)
                }
                start += length
            }
            end = max(end, phone.end)
            // So short a sound is mute: the neighbours have the mouth.
            guard phone.duration >= sound.mouth.shortest else { continue }
            if phone.isSilence, !targets.isEmpty, phone.duration < Self.restingPause {
                // A moment: the mouth holds. A breath: it goes half the way to rest.
                guard phone.duration >= Self.heldPause else { continue }
                if let half = halfRest(at: phone.start, sound.mouth) {
                    addTarget(half, start: phone.start, length: phone.duration, sound.mouth)
                    continue
                }
            }
            var articulation = sound.mouth
            if phone.duration < Self.fullVowel, SpeechSound(phone.symbol).isVowel {
                articulation.strength *= phone.duration / Self.fullVowel
            }
            start = phone.start
            switch system {
            case .classes:
                for part in sound.mouth.parts {
                    let length = phone.duration * part.share
                    addTarget(part.shape.lanes, start: start, length: length, articulation)
                    start += length
                }
            case .oculus:
                for (share, shape) in sound.oculus {
                    let length = phone.duration * share
                    addTarget(shape.lanes, start: start, length: length, articulation)
                    start += length
                }
            }
        }
    }

    /// Half way from the last shape to rest; nil behind closed lips or teeth, which open.
    private func halfRest(at start: Double, _ articulation: Articulation) -> SIMD16<Double>? {
        if let closure = closures.last, closure.phoneEnd > start - 1 { return nil }
        guard let last = targets.last else { return nil }
        let rest = articulation.parts.first?.shape.lanes ?? MouthShape.rest.lanes
        return 0.5 * (last.shape + rest)
    }

    private mutating func addTarget(
        _ shape: SIMD16<Double>, start: Double, length: Double, _ articulation: Articulation
    ) {
        defer {
            if let hurried, hurried < targets.count {
                hurry(hurried)
                self.hurried = nil
            }
        }
        targets.append(
            Target(
                low: start + length * 0.2, high: start + length * 0.8, shape: shape,
                strength: articulation.strength,
                onset: articulation.onset * Self.asymmetry,
                offset: articulation.offset / Self.asymmetry))
    }

    private mutating func addClosure(
        _ contact: Articulation.Closure, start: Double, length: Double, isLong: Bool
    ) {
        // A geminate is held almost to its end; a single consonant lets go earlier.
        var closure: Closure
        switch contact.kind {
        case .lips:
            closure = Closure(
                kind: .lips, peak: contact.peak, start: start,
                release: start + max((isLong ? 0.8 : 0.6) * length, 30), phoneEnd: start + length)
        case .teeth:
            closure = Closure(
                kind: .teeth, peak: contact.peak, start: start,
                release: start + max((isLong ? 0.85 : 0.75) * length, 45),
                phoneEnd: start + length)
        }
        closure.target = targets.count
        guard let last = closures.last else {
            closures.append(closure)
            return
        }
        let gap = closure.start - last.phoneEnd
        if last.kind == closure.kind, last.peak == closure.peak, gap < 10 {
            // "pop man": one long closure, not two.
            closures[closures.count - 1].release = closure.release
            closures[closures.count - 1].phoneEnd = closure.phoneEnd
            return
        }
        var next = closure
        if last.kind == .lips, next.kind == .lips, gap >= Self.separable {
            separate(&next)
        } else if last.kind != next.kind, gap < 60 {
            giveTeethTheirOwn(&next)
        }
        closures.append(next)
    }

    /// Shortens the ramps on both sides of a vowel until it is free of them for a moment.
    private mutating func separate(_ next: inout Closure) {
        let index = closures.count - 1
        closures[index].hold()
        let room = next.start - closures[index].release - Self.vowelFree
        let ramps = closures[index].opening + next.closing
        guard room < ramps else { return }
        hurry(closures[index].target)
        hurried = next.target
        let scale = max(room, 0) / ramps
        closures[index].opening = max(closures[index].opening * scale, Self.shortestRamp)
        next.closing = max(next.closing * scale, Self.shortestRamp)
        next.hold()
    }

    private mutating func hurry(_ target: Int) {
        guard targets.indices.contains(target) else { return }
        targets[target].strength = min(targets[target].strength, Self.hurriedStrength)
    }

    /// Lips and teeth in a row ("of my"): the teeth keep a moment that the lips do not cover.
    private mutating func giveTeethTheirOwn(_ next: inout Closure) {
        let index = closures.count - 1
        if next.kind == .lips {
            // Teeth first: the lips may close only in what is left of the ramp, and before them the
            // teeth meet a little earlier if their sound is short.
            let latest = next.start - Self.shortestRamp - Self.teethOwn
            let earlier = min(max(closures[index].start - latest, 0), Self.teethEarlier)
            let floor = index > 0 ? closures[index - 1].release + Self.shortestRamp : -.infinity
            closures[index].start = max(
                closures[index].start - earlier, min(floor, closures[index].start))
            let free = closures[index].start + Self.teethOwn
            next.closing = min(next.closing, max(next.start - free, Self.shortestRamp))
            next.hold()
        } else {
            // Lips first: they let go early enough for the teeth.
            let release = min(closures[index].release, next.start - 10)
            closures[index].release = max(release, closures[index].start + 30)
            closures[index].opening = min(closures[index].opening, 30)
            // The teeth are seen from then on: their time counts from there.
            let seen = max(next.start, closures[index].release + closures[index].opening)
            let needed = Closure.holdNeeded(
                closing: closures[index].opening, opening: next.opening)
            next.release = max(next.release, seen + needed)
        }
    }

    /// Replaces everything after `time` by silence: the rest of a cut utterance.
    mutating func cut(at time: Double) {
        targets.removeAll { $0.low >= time }
        closures.removeAll { $0.start - $0.closing >= time }
        for index in closures.indices {
            closures[index].release = min(closures[index].release, max(time, closures[index].start))
        }
        for index in targets.indices { targets[index].high = min(targets[index].high, time) }
        end = time
    }

    /// The shape wanted at `time` (ms); times asked for must not run backwards by more than the
    /// reach of a sound.
    mutating func shape(at time: Double) -> MouthShape {
        while firstTarget < targets.count, targets[firstTarget].high < time - 2 * Self.reach {
            firstTarget += 1
        }
        while firstClosure < closures.count,
            closures[firstClosure].release + closures[firstClosure].opening < time - Self.reach
        {
            firstClosure += 1
        }
        var sum = SIMD16<Double>.zero
        var weight = 0.0
        var index = firstTarget
        while index < targets.count {
            let (low, high) = (targets[index].low, targets[index].high)
            if low - time > Self.reach { break }
            defer { index += 1 }
            let distance: Double
            if time < low {
                distance = (low - time) / targets[index].onset
            } else if time > high {
                distance = (time - high) / targets[index].offset
            } else {
                distance = 0
            }
            // Less than a hundred thousandth of itself: not worth its exponential.
            if distance > 12 { continue }
            let dominance = targets[index].strength * exp(-distance)
            sum += targets[index].shape * dominance
            weight += dominance
        }
        // Silence without end lies before the first sound and behind the last one.
        let outside = max(time - end, 0)
        if targets.isEmpty || outside > 0 {
            let dominance = targets.isEmpty ? 1 : 1 - exp(-outside / 60)
            sum += MouthShape.rest.lanes * dominance
            weight += dominance
        }
        guard weight > 1e-12 else { return .rest }
        var blend = sum / weight
        let (lips, teeth) = gates(at: time)
        blend *= 1 - lips - teeth
        blend[system.lips] += lips
        blend[system.teeth] += teeth
        return MouthShape(lanes: blend)
    }

    private func gates(at time: Double) -> (lips: Double, teeth: Double) {
        var lips = 0.0
        var teeth = 0.0
        for closure in closures[firstClosure...] {
            if closure.start - closure.closing > time { break }
            let weight = closure.weight(at: time)
            if closure.kind == .lips {
                lips = max(lips, weight)
            } else {
                teeth = max(teeth, weight)
            }
        }
        return (lips, teeth * (1 - lips))
    }
}

/// 3x² − 2x³ between 0 and 1, level at both ends.
private func smoothstep(_ x: Double) -> Double {
    let clamped = min(max(x, 0), 1)
    return clamped * clamped * (3 - 2 * clamped)
}
