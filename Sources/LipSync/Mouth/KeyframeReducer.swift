// SPDX-License-Identifier: Apache-2.0

/// Thins samples of a moving mouth to the keyframes that straight lines between them need.
///
/// Greedy: a line from the last keyframe grows as long as every sample below it lies within the
/// tolerance; then the sample before the break becomes the next keyframe.
struct KeyframeReducer: Sendable {
    /// Largest error of any weight on the line: with two written decimals the client stays below .03.
    static let tolerance = 0.02
    /// Tolerance when the last second was full, so that the mean stays below 30 a second.
    static let busyTolerance = 0.04
    /// From how many keyframes in the last second on the wider tolerance counts.
    static let busyCount = 25
    /// Closest two keyframes may be, ms: 60 a second.
    static let shortestGap = 16.6
    /// Furthest two keyframes may be apart, ms (contract: at least every 200 ms while speaking).
    static let longestGap = 199.0

    private var last: Keyframe?
    /// The last sample taken, which no line has ended at yet.
    private var previous: Keyframe?
    /// The slopes of lines from the last keyframe that pass every sample since within the tolerance,
    /// weights a ms.
    private var least = SIMD16<Double>(repeating: -.infinity)
    private var most = SIMD16<Double>(repeating: .infinity)
    private var recent: [Double] = []

    init() {}

    /// Takes the next sample and returns a keyframe when one is due.
    mutating func add(_ sample: Keyframe) -> Keyframe? {
        guard let last else { return keep(sample) }
        defer { follow(sample) }
        guard let previous else { return nil }
        if previous.time - last.time >= Self.shortestGap,
            sample.time - last.time > Self.longestGap || !fits(last, sample)
        {
            return keep(previous)
        }
        return nil
    }

    /// Ends the line at the last sample, unless that is too close to its begin.
    mutating func flush() -> Keyframe? {
        guard let sample = previous, let last, sample.time - last.time >= Self.shortestGap
        else { return nil }
        return keep(sample)
    }

    /// Ends the curve: its last sample is always a keyframe.
    mutating func finish() -> Keyframe? {
        guard let sample = previous else { return nil }
        return keep(sample)
    }

    private mutating func keep(_ keyframe: Keyframe) -> Keyframe {
        last = keyframe
        previous = nil
        least = SIMD16(repeating: -.infinity)
        most = SIMD16(repeating: .infinity)
        recent.removeAll { $0 <= keyframe.time - 1000 }
        recent.append(keyframe.time)
        return keyframe
    }

    /// Narrows the lines to those that pass a sample.
    private mutating func follow(_ sample: Keyframe) {
        guard let last, sample.time > last.time else { return }
        previous = sample
        let tolerance = recent.count >= Self.busyCount ? Self.busyTolerance : Self.tolerance
        let pace = 1 / (sample.time - last.time)
        let way = sample.shape.lanes - last.shape.lanes
        let (low, high) = ((way - tolerance) * pace, (way + tolerance) * pace)
        least.replace(with: low, where: low .> least)
        most.replace(with: high, where: high .< most)
    }

    private func fits(_ start: Keyframe, _ end: Keyframe) -> Bool {
        let slope = (end.shape.lanes - start.shape.lanes) / (end.time - start.time)
        return all(slope .>= least) && all(slope .<= most)
    }
}
