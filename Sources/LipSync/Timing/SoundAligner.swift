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
        let likelihoods = AcousticState.likelihoods(of: frames, in: range)
        // Sums up to each frame, so that any stretch costs two look-ups.
        var sums = [Float](repeating: 0, count: (count + 1) * states)
        for frame in 0..<count {
            for state in 0..<states {
                sums[(frame + 1) * states + state] =
                    sums[frame * states + state] + likelihoods[frame * states + state]
            }
        }
        var best = [Float](repeating: -.infinity, count: count + 1)
        best[0] = 0
        var back = [Int32](repeating: 0, count: (count + 1) * segments.count)
        for (index, segment) in segments.enumerated() {
            let remaining = segments.count - index - 1
            let longest = min(count, max(Self.framesMin, Int(segment.length * 2.5)))
            let prior = Self.prior(segment, longest)
            var next = [Float](repeating: -.infinity, count: count + 1)
            let isLast = remaining == 0
            for end in (isLast ? count : index + 1)...max(count - remaining, index + 1) {
                guard end <= count else { break }
                let upTo = sums[end * states + segment.state]
                for length in 1...max(min(longest, end - index), 1) {
                    let begin = end - length
                    guard begin >= 0, best[begin] > -.infinity else { continue }
                    let heard = upTo - sums[begin * states + segment.state]
                    let score = best[begin] + Self.weight * heard + prior[length]
                    if score > next[end] {
                        next[end] = score
                        back[index * (count + 1) + end] = Int32(length)
                    }
                }
            }
            best = next
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

    /// The logarithm of the density of lengths of 0…longest frames.
    private static func prior(_ segment: Segment, _ longest: Int) -> [Float] {
        let expected = log(segment.length)
        return (0...max(longest, 1)).map { length in
            guard length > 0 else { return -.infinity }
            let logarithm = log(Double(length))
            let distance = (logarithm - expected) / segment.spread
            return Float(-0.5 * distance * distance - logarithm)
        }
    }
}
