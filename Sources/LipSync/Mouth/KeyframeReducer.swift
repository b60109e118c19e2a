// SPDX-License-Identifier: Apache-2.0

/// Thins samples of a moving mouth to the keyframes that straight lines between them need.
///
/// A line from the last keyframe grows as long as one slope passes every sample below it within the
/// tolerance; where none does any more, it ends at the sample before. A keyframe need not lie on the
/// curve: it lies where the longest line put it, at most the tolerance beside, which makes lines by
/// two fifths longer than those that are drawn from sample to sample. It is rounded here, so that what
/// follows begins where the client really is: the contract's hundredths with a sum of one.
struct KeyframeReducer: Sendable {
    /// Largest distance of any weight from the line where the mouth is slow, and where it is so quick
    /// that more than the contract's 30 keyframes a second would be the mean. With what rounding costs
    /// a client stays below .03.
    static let tolerances = 0.015...0.022
    /// Keyframes of the last half second at which the first one counts, and the second.
    static let paces = 4.0...9.0
    /// The half second, ms.
    static let paceWindow = 500.0
    /// Keyframes a ms that become free: 40 a second. Speech that is known ahead takes 20 of them; a
    /// mouth that must be told as it comes ends its lines early and takes more.
    static let pace = 0.04
    /// Keyframes that are free at most: with those that become so, 60 in any second.
    static let freeMax = 20.0
    /// Furthest two keyframes may be apart, ms (contract: at least every 200 ms while speaking).
    static let longestGap = 199.0

    private var last: Keyframe?
    /// The last sample taken, which no line has ended at yet.
    private var previous: Keyframe?
    /// The slopes of lines from the last keyframe that pass every sample since within the tolerance,
    /// weights a ms.
    private var slopes = Slopes()
    /// Times of the keyframes of the last half second.
    private var recent: [Double] = []
    /// Keyframes that were free behind the last one.
    private var free = Self.freeMax

    init() {}

    /// Takes the next sample and returns a keyframe when one is due.
    mutating func add(_ sample: Keyframe) -> Keyframe? {
        guard let last else { return keep(sample) }
        guard sample.time > last.time else { return nil }
        let narrowed = slopes.narrowed(to: sample, from: last, within: tolerance)
        guard let previous, free(at: previous.time) >= 1,
            sample.time - last.time > Self.longestGap || !narrowed.isPassable
        else {
            self.previous = sample
            slopes = narrowed
            return nil
        }
        let keyframe = keep(previous)
        self.previous = sample
        slopes = Slopes().narrowed(to: sample, from: keyframe, within: tolerance)
        return keyframe
    }

    /// Ends the line at the last sample, unless no keyframe is free.
    mutating func flush() -> Keyframe? {
        guard let sample = previous, free(at: sample.time) >= 1 else { return nil }
        return keep(sample)
    }

    /// Ends the curve: its last sample is always a keyframe, and lies on it.
    mutating func finish() -> Keyframe? {
        guard let sample = previous else { return nil }
        slopes = Slopes()
        return keep(sample)
    }

    /// The tolerance of the line that begins at the last keyframe.
    private var tolerance: Double {
        let (few, many) = (Self.paces.lowerBound, Self.paces.upperBound)
        let share = min(max((Double(recent.count) - few) / (many - few), 0), 1)
        let (least, most) = (Self.tolerances.lowerBound, Self.tolerances.upperBound)
        return least + (most - least) * share
    }

    private func free(at time: Double) -> Double {
        min(free + (time - (last?.time ?? time)) * Self.pace, Self.freeMax)
    }

    /// Ends the line at the time of a sample, with the weights that its slopes allow.
    private mutating func keep(_ sample: Keyframe) -> Keyframe {
        let start = last ?? sample
        let pace = sample.time - start.time
        let keyframe = Keyframe(
            time: sample.time,
            shape: sample.shape.inHundredths(
                from: start.shape.lanes + slopes.least * pace,
                to: start.shape.lanes + slopes.most * pace))
        free = free(at: sample.time) - 1
        last = keyframe
        previous = nil
        slopes = Slopes()
        recent.removeAll { $0 <= keyframe.time - Self.paceWindow }
        recent.append(keyframe.time)
        return keyframe
    }

    /// A range of slopes for each weight.
    private struct Slopes {
        /// Steeper than any mouth.
        var least = SIMD16<Double>(repeating: -1_000)
        var most = SIMD16<Double>(repeating: 1_000)

        /// Whether a line is left.
        var isPassable: Bool { all(least .<= most) }

        /// Those that also pass a sample.
        func narrowed(
            to sample: Keyframe, from start: Keyframe, within tolerance: Double
        ) -> Slopes {
            let pace = 1 / (sample.time - start.time)
            let way = sample.shape.lanes - start.shape.lanes
            let (low, high) = ((way - tolerance) * pace, (way + tolerance) * pace)
            var slopes = self
            slopes.least.replace(with: low, where: low .> least)
            slopes.most.replace(with: high, where: high .< most)
            return slopes
        }
    }
}

extension MouthShape {
    /// The shape in whole hundredths that add up to one: as near to this one as bounds allow, and
    /// beyond the bounds by no more than the sum demands.
    ///
    /// Where the bounds of a weight cross, for want of a keyframe before, there are none: a line from
    /// curve to curve is never steeper than the curve.
    fileprivate func inHundredths(
        from lowest: SIMD16<Double>, to highest: SIMD16<Double>
    ) -> MouthShape {
        let isCrossed = lowest .> highest
        let low = lowest.replacing(with: lanes, where: isCrossed).clamped(
            lowerBound: .zero, upperBound: .one)
        let high = highest.replacing(with: lanes, where: isCrossed).clamped(
            lowerBound: .zero, upperBound: .one)
        let wanted = lanes.clamped(lowerBound: low, upperBound: high)
        var units = (wanted * 100).rounded(.toNearestOrAwayFromZero)
        // The hundredth within the bounds, where there is one, before the nearest.
        let (first, last) = ((low * 100).rounded(.up), (high * 100).rounded(.down))
        let inside = units.clamped(lowerBound: first, upperBound: last)
        units.replace(with: inside, where: first .<= last)
        var missing = 100 - units.sum()
        // Half a unit a weight and what clamping took: a few turns, of one unit each.
        while abs(missing) >= 0.5 {
            let step = missing > 0 ? 1.0 : -1.0
            var best = 0
            var least = Double.infinity
            // A weight of nothing stays so: it may be none of the system's.
            for index in 0..<16 where lanes[index] > 0 {
                let value = (units[index] + step) / 100
                guard value >= 0, value <= 1 else { continue }
                let beyond = max(low[index] - value, value - high[index], 0)
                // A unit within the bounds, near to the curve, before one beyond.
                let cost = beyond * 100 + abs(value - lanes[index])
                if cost < least { (best, least) = (index, cost) }
            }
            guard least < .infinity else { break }
            units[best] += step
            missing -= step
        }
        return MouthShape(lanes: units / 100)
    }
}
