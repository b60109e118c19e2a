// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.cos
internal import func Glibc.sin
#endif

/// Thins a stream of samples to a whole part of its rate, behind a low-pass filter.
///
/// A windowed sinc that cuts at half the new rate: all its taps that lie a multiple of the factor
/// from the middle are zero and cost nothing. What it gives does not depend on how the stream is cut
/// into calls.
struct Decimator: Sendable {
    /// Results that are made at once: a few kilobytes, which stay in the nearest cache.
    private static let block = 160

    private let factor: Int
    /// The taps that are not zero, and where the samples of the first result lie for each.
    private let taps: [Float]
    private let places: [Int]
    /// The samples that a result needs.
    private let span: Int
    /// The latest samples, as `factor` streams of every `factor`-th sample, so that neighbours of a
    /// stream are neighbours in memory.
    private var streams: [Float]
    /// Length of a stream.
    private let length: Int
    /// Samples in the streams.
    private var filled: Int

    /// - Parameters:
    ///   - factor: input samples to one output sample, at least 2.
    ///   - reach: zeros of the sinc on each side; the filter spans `2 · factor · reach − 1` samples.
    ///   - isCentred: whether the first result stands for the first sample, so that the caller must
    ///     add `factor · reach − 1` zeros behind the last one; otherwise the results lag by so much.
    init(by factor: Int, reach: Int, isCentred: Bool = false) {
        self.factor = factor
        let half = factor * reach - 1
        span = 2 * half + 1
        length = Self.block + 2 * reach
        var taps: [Float] = []
        var places: [Int] = []
        for offset in -half...half where offset == 0 || offset % factor != 0 {
            let x = Double(offset)
            let angle = Double.pi * x / Double(factor)
            let sinc = offset == 0 ? 1 : sin(angle) / angle
            let window = 0.54 + 0.46 * cos(Double.pi * x / Double(half + 1))
            taps.append(Float(sinc * window / Double(factor)))
            places.append((offset + half) % factor * length + (offset + half) / factor)
        }
        self.taps = taps
        self.places = places
        streams = [Float](repeating: 0, count: factor * length)
        // Silence comes before the first sample.
        filled = isCentred ? half : span - factor
    }

    /// Takes the next samples and appends the results that they complete; what is not a number
    /// counts as zero.
    mutating func add(_ samples: ArraySlice<Float>, to output: inout [Float]) {
        var rest = samples
        while !rest.isEmpty {
            let taken = rest.prefix(factor * length - filled)
            deal(taken, to: &streams, streams: factor, length: length, filled: filled)
            filled += taken.count
            rest = rest.dropFirst(taken.count)
            guard filled >= span else { return }
            let count = (filled - span) / factor + 1
            filter(streams, taps: taps, offsets: places, count: count, to: &output)
            drop(count)
        }
    }

    /// Moves what the next result needs to the front.
    private mutating func drop(_ count: Int) {
        let (length, factor) = (length, factor)
        let kept = (filled + factor - 1) / factor - count
        filled -= count * factor
        var span = streams.mutableSpan
        for stream in 0..<factor {
            for index in stream * length..<stream * length + kept {
                span[index] = span[index + count]
            }
        }
    }
}
