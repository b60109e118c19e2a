// SPDX-License-Identifier: Apache-2.0

/// The mouth of a whole recording: 120 samples a second from its start to rest.
///
/// Where ``Mouth`` follows a voice that is still speaking, this has all sounds before it begins, and so
/// moves at time zero already as if it had been watched before.
public struct MouthCurve: Sendable {
    /// Longest recording, ms: an hour.
    public static let longest = TimedPhones.longest
    /// How long before zero the mouth is set in motion, ms: until then every start is forgotten.
    private static let approach = 250.0

    /// The samples, from time zero on, in order; never empty.
    public let samples: [Keyframe]

    /// Computes the curve.
    ///
    /// - Parameters:
    ///   - phones: all sounds, in order; what is not a number is left out, what lies beyond an hour
    ///     is cut off.
    ///   - table: of the language that is spoken.
    ///   - end: the recording's end, ms, when it goes on after the last sound.
    ///   - energies: how loud the voice is, 0…1, every ``ProsodyAnalyzer/interval`` from time zero on:
    ///     open mouths open further in loud vowels than in soft ones. Empty: all alike.
    public init(
        _ phones: [Phone], table: ArticulationTable = .english, until end: Double = 0,
        energies: [Double] = []
    ) {
        samples = Self.samples(phones, table, .classes, until: end, energies: energies)
    }

    static func samples(
        _ phones: [Phone], _ table: ArticulationTable, _ system: MouthPlan.System,
        until end: Double, energies: [Double] = []
    ) -> [Keyframe] {
        var plan = VoicedPlan(plan: MouthPlan(table, system: system), energies: energies)
        plan.plan.append(Self.ordered(phones))
        let lead = 2000 / Mouth.rate + Mouth.advance
        var filter = MouthFilter(plan.shape(at: lead - approach))
        let before = (approach / Mouth.sampleInterval).rounded(.up)
        var time = -before * Mouth.sampleInterval
        for _ in 0..<Int(before) {
            time += Mouth.sampleInterval
            filter.step(
                toward: plan.shape(at: time + lead), milliseconds: Mouth.sampleInterval,
                rate: Mouth.rate)
        }
        var samples = [Keyframe(time: 0, shape: filter.output)]
        let wanted =
            end.isFinite ? max(plan.plan.end + Mouth.settle, end) : plan.plan.end + Mouth.settle
        let count = Int((min(wanted, longest) / Mouth.sampleInterval).rounded(.up))
        samples.reserveCapacity(count + 1)
        for tick in 1...max(count, 1) {
            time = Double(tick) * Mouth.sampleInterval
            filter.step(
                toward: plan.shape(at: time + lead), milliseconds: Mouth.sampleInterval,
                rate: Mouth.rate)
            samples.append(Keyframe(time: time, shape: filter.output))
        }
        samples.append(Keyframe(time: time + Mouth.sampleInterval, shape: .rest))
        return samples
    }

    /// Finite, in order, without overlap, and with silence before the first.
    private static func ordered(_ phones: [Phone]) -> [Phone] {
        var floor = 0.0
        var ordered: [Phone] = []
        for phone in phones where phone.start.isFinite && phone.end.isFinite {
            var phone = phone
            phone.start = min(max(phone.start, floor), longest)
            phone.end = min(max(phone.end, phone.start), longest)
            if ordered.isEmpty, phone.start > 1 {
                ordered.append(Phone(Phone.silence, start: 0, end: phone.start))
            }
            floor = phone.end
            ordered.append(phone)
        }
        return ordered
    }

    /// The end of the curve, ms.
    public var end: Double { samples.last?.time ?? 0 }

    /// The mouth at a time, ms; before and after the curve its first and last.
    public func shape(at time: Double) -> MouthShape {
        Self.shape(samples, at: time)
    }

    static func shape(_ samples: [Keyframe], at time: Double) -> MouthShape {
        guard let first = samples.first, let last = samples.last else { return .rest }
        let place = time / Mouth.sampleInterval
        guard place > 0 else { return first.shape }
        guard place < Double(samples.count - 1) else { return last.shape }
        let index = Int(place)
        return samples[index].shape.blended(
            toward: samples[index + 1].shape, by: place - Double(index))
    }

    /// The few samples between which straight lines are enough; the last one is at rest.
    public var keyframes: [Keyframe] { Self.keyframes(samples) }

    static func keyframes(_ samples: [Keyframe]) -> [Keyframe] {
        var reducer = KeyframeReducer()
        var keyframes = samples.compactMap { reducer.add($0) }
        if let last = reducer.finish() { keyframes.append(last) }
        return keyframes
    }
}

/// The same curve with Oculus's fifteen visemes, made from the sounds themselves.
public struct OculusCurve: Sendable {
    private let samples: [Keyframe]

    /// Computes the curve; the parameters are those of ``MouthCurve``.
    public init(_ phones: [Phone], table: ArticulationTable = .english, until end: Double = 0) {
        samples = MouthCurve.samples(phones, table, .oculus, until: end)
    }

    /// The end of the curve, ms.
    public var end: Double { samples.last?.time ?? 0 }

    /// The mouth at a time, ms.
    public func shape(at time: Double) -> OculusShape {
        OculusShape(lanes: MouthCurve.shape(samples, at: time).lanes)
    }

    /// The few samples between which straight lines are enough.
    public var keyframes: [(time: Double, shape: OculusShape)] {
        MouthCurve.keyframes(samples).map { ($0.time, OculusShape(lanes: $0.shape.lanes)) }
    }
}
