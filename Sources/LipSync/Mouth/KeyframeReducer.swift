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
    private var pending: [Keyframe] = []
    private var recent: [Double] = []

    init() {}

    /// Takes the next sample and returns a keyframe when one is due.
    mutating func add(_ sample: Keyframe) -> Keyframe? {
        guard let last else { return keep(sample) }
        guard let previous = pending.last else {
            pending.append(sample)
            return nil
        }
        if previous.time - last.time >= Self.shortestGap,
            sample.time - last.time > Self.longestGap || !fits(last, sample)
        {
            let kept = keep(previous)
            pending.append(sample)
            return kept
        }
        pending.append(sample)
        return nil
    }

    /// Ends the line at the last sample, unless that is too close to its begin.
    mutating func flush() -> Keyframe? {
        guard let sample = pending.last, let last, sample.time - last.time >= Self.shortestGap
        else { return nil }
        return keep(sample)
    }

    /// Ends the curve: its last sample is always a keyframe.
    mutating func finish() -> Keyframe? {
        guard let sample = pending.last else { return nil }
        return keep(sample)
    }

    private mutating func keep(_ keyframe: Keyframe) -> Keyframe {
        last = keyframe
        pending.removeAll(keepingCapacity: true)
        recent.removeAll { $0 <= keyframe.time - 1000 }
        recent.append(keyframe.time)
        return keyframe
    }

    private func fits(_ start: Keyframe, _ end: Keyframe) -> Bool {
        let tolerance = recent.count >= Self.busyCount ? Self.busyTolerance : Self.tolerance
        let span = end.time - start.time
        return pending.allSatisfy { sample in
            let line = start.shape.blended(
                toward: end.shape, by: (sample.time - start.time) / span)
            return sample.shape.distance(to: line) <= tolerance
        }
    }
}
