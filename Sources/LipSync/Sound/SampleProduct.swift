// SPDX-License-Identifier: Apache-2.0

// Where filters and correlations spend their time: a few loops over samples, eight lanes at a time,
// without a check for every load. Every function checks its bounds once, before the first; from then
// on no index can overflow.

/// Samples whose loads are checked in debug builds alone.
@safe private struct UncheckedSamples {
    private let base: UnsafePointer<Float>
    private let count: Int

    /// Nil where there are no samples. Must not outlive the buffer's closure.
    @inline(__always)
    init?(_ samples: UnsafeBufferPointer<Float>) {
        guard let base = samples.baseAddress else { return nil }
        // SAFETY: the functions below, its only users, keep it within the buffer's closure.
        unsafe self.base = base
        count = samples.count
    }

    /// Eight samples from an index on; the caller has checked that they are there.
    @inline(__always)
    func eight(_ index: Int) -> SIMD8<Float> {
        assert(index >= 0 && index + 8 <= count)
        // SAFETY: the caller's check, which the assertion repeats.
        return unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<Float>.self)
    }

    /// Four samples, as above.
    @inline(__always)
    func four(_ index: Int) -> SIMD4<Float> {
        assert(index >= 0 && index + 4 <= count)
        // SAFETY: the caller's check, which the assertion repeats.
        return unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD4<Float>.self)
    }

    /// Four samples from `start + index` on, zero where there are none.
    @inline(__always)
    func row(_ start: Int32, _ index: Int) -> SIMD4<Float> {
        let place = Int(start) &+ index
        if place >= 0, place &+ 4 <= count { return four(place) }
        var edge = SIMD4<Float>.zero
        for offset in 0..<4 where place + offset >= 0 && place + offset < count {
            edge[offset] = one(place + offset)
        }
        return edge
    }

    /// One sample; the caller has checked that it is there.
    @inline(__always)
    func one(_ index: Int) -> Float {
        assert(index >= 0 && index < count)
        // SAFETY: the caller's check, which the assertion repeats.
        return unsafe base[index]
    }
}

/// Σ samples[i] · samples[i + lag] over `count` samples from the first on, for the lag and its two
/// neighbours: lag − 1, lag, lag + 1.
///
/// Zeros where the samples do not reach so far.
func products(_ samples: [Float], around lag: Int, count: Int) -> SIMD4<Float> {
    guard lag >= 1, count > 0, lag + 1 + count <= samples.count else { return .zero }
    return unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return .zero }
        var (low, middle, high) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
        var index = 0
        while index + 8 <= count {
            // In reach: index + lag + 1 + 8 ≤ count + lag + 1 ≤ samples.count.
            let own = view.eight(index)
            low += own * view.eight(index &+ lag &- 1)
            middle += own * view.eight(index &+ lag)
            high += own * view.eight(index &+ lag &+ 1)
            index &+= 8
        }
        var sums = SIMD4(low.sum(), middle.sum(), high.sum(), 0)
        while index < count {
            sums +=
                view.one(index)
                * SIMD4(
                    view.one(index + lag - 1), view.one(index + lag), view.one(index + lag + 1), 0)
            index += 1
        }
        return sums
    }
}

/// Σ samples[i] · samples[i + lag] over `count` samples from the first on; zero where the samples do
/// not reach so far.
func product(_ samples: [Float], lag: Int, count: Int) -> Float {
    guard lag >= 0, count > 0, lag + count <= samples.count else { return 0 }
    return unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return 0 }
        var (even, odd) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var index = 0
        while index + 16 <= count {
            // In reach: index + lag + 16 ≤ count + lag ≤ samples.count.
            even += view.eight(index) * view.eight(index &+ lag)
            odd += view.eight(index &+ 8) * view.eight(index &+ lag &+ 8)
            index &+= 16
        }
        var sum = (even + odd).sum()
        while index < count {
            sum += view.one(index) * view.one(index + lag)
            index += 1
        }
        return sum
    }
}

/// Σ samples[i]² over a range; zero where the samples do not reach so far.
func energy(_ samples: [Float], _ range: Range<Int>) -> Float {
    guard range.lowerBound >= 0, range.upperBound <= samples.count else { return 0 }
    return unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return 0 }
        var sums = SIMD8<Float>.zero
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            let eight = view.eight(index)
            sums += eight * eight
            index &+= 8
        }
        var sum = sums.sum()
        while index < range.upperBound {
            sum += view.one(index) * view.one(index)
            index += 1
        }
        return sum
    }
}

/// Appends Σ samples[i]² of each eight neighbours of a range.
func appendEnergies(_ samples: [Float], _ range: Range<Int>, to output: inout [Float]) {
    guard range.lowerBound >= 0, range.upperBound <= samples.count else { return }
    unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return }
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            let eight = view.eight(index)
            output.append((eight * eight).sum())
            index &+= 8
        }
    }
}

/// samples[i]² of eight neighbours minus samples[j]² of eight others; zero out of reach.
func squaresGained(_ samples: [Float], at index: Int, over other: Int) -> SIMD8<Float> {
    guard index >= 0, other >= 0, max(index, other) + 8 <= samples.count else { return .zero }
    return unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return .zero }
        let (come, gone) = (view.eight(index), view.eight(other))
        return come * come - gone * gone
    }
}

/// Adds Σ samples[j] · samples[j − lag] over a range of samples to the sums of 32 lags: lane 0 of
/// the first holds the longest, `longest`, lane 7 of the last `longest − 31`.
func correlate(
    _ samples: [Float], _ range: Range<Int>, longest: Int
) -> (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>) {
    var (a, b, c, d) = (
        SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero
    )
    guard longest >= 31, range.lowerBound >= longest, range.upperBound <= samples.count else {
        return (a, b, c, d)
    }
    unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else { return }
        var index = range.lowerBound
        while index < range.upperBound {
            // In reach: the loads span index − longest ≥ 0 up to index − longest + 31 ≤ index.
            let own = SIMD8<Float>(repeating: view.one(index))
            a += own * view.eight(index &- longest)
            b += own * view.eight(index &- longest &+ 8)
            c += own * view.eight(index &- longest &+ 16)
            d += own * view.eight(index &- longest &+ 24)
            index += 1
        }
    }
    return (a, b, c, d)
}

/// Σ taps[k] · samples[offsets[k] + i] for `count` results from i = 0 on, appended to the output.
///
/// The order of the sum is the same for every result, so that it does not matter how a signal is
/// cut into calls.
func filter(
    _ samples: [Float], taps: [Float], offsets: [Int], count: Int, to output: inout [Float]
) {
    guard taps.count == offsets.count, let first = offsets.min(), let last = offsets.max(),
        first >= 0, count > 0, last + count <= samples.count
    else { return }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: count))
    unsafe samples.withUnsafeBufferPointer { source in
        unsafe output.withUnsafeMutableBufferPointer { target in
            unsafe taps.withUnsafeBufferPointer { factors in
                guard let view = unsafe UncheckedSamples(source),
                    let factors = unsafe UncheckedSamples(factors), let base = target.baseAddress
                else { return }
                var index = 0
                while index + 32 <= count {
                    var sums = (
                        SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero,
                        SIMD8<Float>.zero
                    )
                    for (tap, offset) in offsets.enumerated() {
                        // In reach: index + offset + 32 ≤ last + count ≤ samples.count.
                        let factor = factors.one(tap)
                        sums.0 += factor * view.eight(index &+ offset)
                        sums.1 += factor * view.eight(index &+ offset &+ 8)
                        sums.2 += factor * view.eight(index &+ offset &+ 16)
                        sums.3 += factor * view.eight(index &+ offset &+ 24)
                    }
                    // SAFETY: index + 32 ≤ count, which were appended behind start.
                    unsafe store(sums.0, base + start + index)
                    unsafe store(sums.1, base + start + index + 8)
                    unsafe store(sums.2, base + start + index + 16)
                    unsafe store(sums.3, base + start + index + 24)
                    index &+= 32
                }
                while index + 8 <= count {
                    var sum = SIMD8<Float>.zero
                    for (tap, offset) in offsets.enumerated() {
                        sum += factors.one(tap) * view.eight(index &+ offset)
                    }
                    // SAFETY: index + 8 ≤ count.
                    unsafe store(sum, base + start + index)
                    index &+= 8
                }
                while index < count {
                    var sum: Float = 0
                    for (tap, offset) in offsets.enumerated() {
                        sum += factors.one(tap) * view.one(index + offset)
                    }
                    // SAFETY: index < count.
                    unsafe base[start + index] = sum
                    index += 1
                }
            }
        }
    }
}

/// Deals samples out to `count` streams in turn, the first to `turn`, each behind the `filled`
/// samples that all streams together hold; what is not a number becomes zero.
///
/// Stream `s` stands at `s · length` of the output. The samples must fit: it is a fault of the
/// caller's if they do not, and nothing is written.
func deal(
    _ samples: ArraySlice<Float>, to output: inout [Float], streams: Int, length: Int, filled: Int
) {
    let count = samples.count
    guard streams > 0, filled >= 0, filled + count <= streams * length,
        streams * length <= output.count
    else { return }
    unsafe samples.withUnsafeBufferPointer { source in
        unsafe output.withUnsafeMutableBufferPointer { target in
            guard let view = unsafe UncheckedSamples(source), let base = target.baseAddress else {
                return
            }
            var from = 0
            var (stream, to) = (filled % streams, filled / streams)
            func one() {
                // SAFETY: stream < streams and to < length, for filled + from < streams · length.
                unsafe base[stream * length + to] = finite(view.one(from))
                from += 1
                stream += 1
                if stream == streams { (stream, to) = (0, to + 1) }
            }
            while from < count, stream != 0 { one() }
            if streams == 3 {
                // 48 to 16 kHz: twelve at a time.
                while from + 12 <= count {
                    let a = finite(view.four(from))
                    let b = finite(view.four(from + 4))
                    let c = finite(view.four(from + 8))
                    // SAFETY: to + 4 ≤ length, for filled + from + 12 ≤ 3 · length.
                    unsafe store(SIMD4(a[0], a[3], b[2], c[1]), base + to)
                    unsafe store(SIMD4(a[1], b[0], b[3], c[2]), base + length + to)
                    unsafe store(SIMD4(a[2], b[1], c[0], c[3]), base + 2 * length + to)
                    from += 12
                    to += 4
                }
            }
            if streams == 4 {
                // 16 to 4 kHz: sixteen at a time.
                while from + 16 <= count {
                    let (a, b, c, d) = transposed(
                        finite(view.four(from)), finite(view.four(from + 4)),
                        finite(view.four(from + 8)), finite(view.four(from + 12)))
                    // SAFETY: to + 4 ≤ length, for filled + from + 16 ≤ 4 · length.
                    unsafe store(a, base + to)
                    unsafe store(b, base + length + to)
                    unsafe store(c, base + 2 * length + to)
                    unsafe store(d, base + 3 * length + to)
                    from += 16
                    to += 4
                }
            }
            while from < count { one() }
        }
    }
}

@inline(__always)
private func finite(_ four: SIMD4<Float>) -> SIMD4<Float> {
    four.replacing(with: 0, where: (four - four) .!= 0)
}

@inline(__always)
private func finite(_ sample: Float) -> Float { sample.isFinite ? sample : 0 }

@inline(__always)
private func store<Lanes: SIMD>(_ lanes: Lanes, _ place: UnsafeMutablePointer<Float>)
where Lanes.Scalar == Float {
    // SAFETY: the callers have room for so many samples there.
    unsafe UnsafeMutableRawPointer(place).storeBytes(of: lanes, as: Lanes.self)
}

/// Four neighbouring samples, from `index` on, of four windows that start somewhere in a signal:
/// each of them as four lanes, one a window, times the window's own four factors. Zero outside the
/// signal.
func fourOfFour(
    _ samples: [Float], _ starts: SIMD4<Int32>, _ index: Int, _ factors: SIMD4<Float>
) -> (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
    unsafe samples.withUnsafeBufferPointer { buffer in
        guard let view = unsafe UncheckedSamples(buffer) else {
            return (.zero, .zero, .zero, .zero)
        }
        return transposed(
            factors * view.row(starts[0], index), factors * view.row(starts[1], index),
            factors * view.row(starts[2], index), factors * view.row(starts[3], index))
    }
}

@inline(__always)
private func transposed(
    _ a: SIMD4<Float>, _ b: SIMD4<Float>, _ c: SIMD4<Float>, _ d: SIMD4<Float>
) -> (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
    (
        SIMD4(a[0], b[0], c[0], d[0]), SIMD4(a[1], b[1], c[1], d[1]),
        SIMD4(a[2], b[2], c[2], d[2]), SIMD4(a[3], b[3], c[3], d[3])
    )
}

/// The largest first[from + i] + second[offset + i] of `count` values, and its i; nil where there
/// is none. Of equals the first.
func largestSum(
    _ first: [Float], from: Int, _ second: [Float], offset: Int, count: Int
) -> (value: Float, index: Int)? {
    guard from >= 0, offset >= 0, count > 0, from + count <= first.count,
        offset + count <= second.count
    else { return nil }
    return unsafe first.withUnsafeBufferPointer { left in
        unsafe second.withUnsafeBufferPointer { right in
            guard let left = unsafe UncheckedSamples(left),
                let right = unsafe UncheckedSamples(right)
            else { return nil }
            var best = (value: -Float.infinity, index: 0)
            var index = 0
            if count >= 8 {
                var values = SIMD8<Float>(repeating: -.infinity)
                var places = SIMD8<Int32>.zero
                while index + 8 <= count {
                    // In reach: from + index + 8 ≤ from + count, and the same of the other.
                    let sums = left.eight(from &+ index) + right.eight(offset &+ index)
                    let isLarger = sums .> values
                    values.replace(with: sums, where: isLarger)
                    places.replace(with: Int32(truncatingIfNeeded: index), where: isLarger)
                    index &+= 8
                }
                for lane in 0..<8 {
                    let place = Int(places[lane]) + lane
                    if values[lane] > best.value
                        || (values[lane] == best.value && place < best.index)
                    {
                        best = (values[lane], place)
                    }
                }
            }
            while index < count {
                let sum = left.one(from + index) + right.one(offset + index)
                if sum > best.value { best = (sum, index) }
                index += 1
            }
            return best.value > -.infinity ? best : nil
        }
    }
}
