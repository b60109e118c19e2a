// SPDX-License-Identifier: Apache-2.0

/// A plan that hears how loud its sounds are.
struct VoicedPlan: Sendable {
    var plan: MouthPlan
    /// How loud the voice is, 0…1, every ``ProsodyAnalyzer/interval`` from time zero on; empty: all
    /// sounds alike. Behind the last one it stays as loud.
    var energies: [Double] = []

    mutating func shape(at time: Double) -> MouthShape {
        let shape = plan.shape(at: time)
        guard let last = energies.last else { return shape }
        let place = max(time / ProsodyAnalyzer.interval, 0)
        let index = Int(min(place, Double(energies.count)))
        let left = index < energies.count ? energies[index] : last
        let right = index + 1 < energies.count ? energies[index + 1] : last
        let energy = left + (right - left) * (place - place.rounded(.down))
        return shape.voiced(energy)
    }
}

extension MouthShape {
    /// The shape of a voice that is so loud, 0…1: softer vowels give up to three tenths of themselves
    /// to Rest, loud ones take of it what is there. Lips, teeth and rounded lips stay as they are.
    ///
    /// The gain is 0.7 + 0.45 × energy, the range of jaws over the loudness of vowels.
    func voiced(_ energy: Double) -> MouthShape {
        guard energy.isFinite else { return self }
        let gain = 0.7 + 0.45 * min(max(energy, 0), 1)
        let open = self[.ai] + self[.e] + self[.o]
        guard open > 0 else { return self }
        // What is given to Rest, or taken of it: never more than there is.
        let moved = max(open * (1 - gain), -self[.rest])
        var lanes = lanes
        for viseme in [Viseme.ai, .e, .o] { lanes[viseme.rawValue] *= 1 - moved / open }
        lanes[Viseme.rest.rawValue] += moved
        return MouthShape(lanes: lanes)
    }
}
