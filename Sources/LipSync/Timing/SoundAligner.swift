// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: log is not in the standard library.
internal import func Glibc.log
#endif

/// Finds the sounds of a word in its sound: a hidden semi-Markov model, whose lengths are those of
/// the duration model and whose states are nine broad sorts of sound.
struct SoundAligner {
    /// How much the frames count against the lengths: neighbouring frames tell the same twice, so far
    /// less than one (0.05…0.1 good, 0.4 harmful; measured).
    static let weight: Float = 0.05
    /// Lengths scatter at least this much (logarithm), else the model would overrule the sound.
    static let spreadMin = 0.3
    /// Parts of a sound (closure, burst) scatter more than the whole.
    static let partSpread = 1.3
    /// Most frames of one state: 60, or two and a half times what is expected.
    static let framesMin = 60
    /// Most frames × states of one stretch; above it the stretch keeps its modelled times.
    static let cellsMax = 400_000

    /// A stretch of sound and what is said in it.
    private struct Segment {
        var state: Int
        var sound: Int
        var length: Double
        var spread: Double
    }

    let frames: SpectralFrames

    /// Refines the lengths of sounds in a stretch whose ends are known.
    ///
    /// - Parameters:
    ///   - sounds: what is said in it.
    ///   - lengths: the lengths expected, ms, adding up to the stretch.
    ///   - start: ms.
    /// - Returns: better lengths with the same sum, or nil where the sound does not reach or the
    ///   stretch has no room.
    func refine(_ sounds: [SpeechSound], lengths: [Double], start: Double) -> [Double]? {
        let end = start + lengths.reduce(0, +)
        let first = frames.index(at: start)
        let last = frames.index(at: end)
        let segments = Self.segments(sounds, lengths)
        guard sounds.count > 1, last - first >= segments.count,
            start >= frames.start - SpectralFrames.interval,
            end <= frames.start + Double(frames.count + 2) * SpectralFrames.interval,
            (last - first) * segments.count <= Self.cellsMax
        else { return nil }
        let ends = search(segments, first..<last)
        guard ends.count == segments.count else { return nil }
        var bounds: [Double] = []
        for (index, segment) in segments.enumerated()
        where index + 1 == segments.count || segments[index + 1].sound != segment.sound {
            bounds.append(frames.start + Double(first + ends[index]) * SpectralFrames.interval)
        }
        bounds[bounds.count - 1] = end
        var previous = start
        return bounds.map { bound in
            let next = min(max(bound, previous), end)
            defer { previous = next }
            return next - previous
        }
    }

    private static func segments(_ sounds: [SpeechSound], _ lengths: [Double]) -> [Segment] {
        sounds.indices.flatMap { index -> [Segment] in
            let parts = AcousticState.sequence(of: sounds[index])
            let spread = max(spreadMin, sounds[index].spread)
            return parts.map { part in
                Segment(
                    state: part.state.rawValue, sound: index,
                    length: max(lengths[index] * part.share / SpectralFrames.interval, 0.5),
                    spread: parts.count > 1 ? spread * partSpread : spread)
            }
        }
    }

    /// The best ends of all segments, in frames from the start of the range.
    private func search(_ segments: [Segment], _ range: Range<Int>) -> [Int] {
        let count = range.count
        let states = AcousticState.allCases.count
        // Sums up to each frame, so that any stretch costs two look-ups.
        let sums = AcousticState.likelihoodSums(of: frames, in: range)
        var best = [Float](repeating: -.infinity, count: count + 1)
        best[0] = 0
        var next = best
        // The best way to each frame, without what the segment's own frames add.
        var before = best
        var back = [Int32](repeating: 0, count: (count + 1) * segments.count)
        for (index, segment) in segments.enumerated() {
            let remaining = segments.count - index - 1
            let longest = min(count, max(Self.framesMin, Int(segment.length * 2.5)))
            let prior = prior(segment, longest)
            for frame in 0...count {
                before[frame] =
                    best[frame] - Self.weight * sums[frame * states + segment.state]
                next[frame] = -.infinity
            }
            let isLast = remaining == 0
            for end in (isLast ? count : index + 1)...max(count - remaining, index + 1) {
                guard end <= count else { break }
                // Lengths from the longest down to 1: begins from the first on.
                let most = max(min(longest, end - index), 1)
                guard
                    let found = largestSum(
                        before, from: end - most, prior, offset: longest - most, count: most)
                else { continue }
                next[end] =
                    found.value + Self.weight * sums[end * states + segment.state]
                back[index * (count + 1) + end] = Int32(most - found.index)
            }
            swap(&best, &next)
        }
        guard best[count] > -.infinity else { return [] }
        var ends: [Int] = []
        var end = count
        for index in segments.indices.reversed() {
            ends.append(end)
            end -= Int(back[index * (count + 1) + end])
        }
        return end == 0 ? ends.reversed() : []
    }

    /// The logarithm of the density of lengths of `longest` frames down to one.
    private func prior(_ segment: Segment, _ longest: Int) -> [Float] {
        let expected = log(segment.length)
        let precision = 1 / segment.spread
        return (0..<longest).map { index in
            let length = longest - index
            let logarithm =
                length < Self.logarithms.count ? Self.logarithms[length] : log(Double(length))
            let distance = (logarithm - expected) * precision
            return Float(-0.5 * distance * distance - logarithm)
        }
    }

    /// Logarithms of the lengths that occur, frames.
    private static let logarithms = (0..<256).map { log(Double(max($0, 1))) }
}
