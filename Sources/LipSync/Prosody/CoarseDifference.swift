// SPDX-License-Identifier: Apache-2.0

/// Where the peaks of the normalised square difference are: at 4 kHz, over 30 ms, each product made
/// once and counted in three hops.
struct CoarseDifference: Sendable {
    /// Samples of a hop and of a window of three hops.
    private static let hop = 40
    private static let window = 3 * hop
    /// Lags whose products are made: 4000/71 = 56 Hz up to 500 Hz.
    private static let longest = 71
    private static let shortest = 8
    /// Vectors of products of one hop.
    private static let vectors = (longest - shortest + 1) / 8
    /// Lags of peaks: 60…400 Hz.
    private static let lags = 10...67

    /// What a sample more of lag costs a peak in the choice of the highest: about what an octave costs
    /// the tracker, so that a high voice is not crowded out by its own multiples.
    private static let lagCost: Float = 0.005

    /// The highest peaks of a curve, the highest first.
    struct Peaks {
        /// Samples at 4 kHz.
        private(set) var lags = SIMD8<Float>.zero
        private var heights = SIMD8<Float>.zero
        private(set) var count = 0

        mutating func add(_ lag: Float, _ height: Float, atMost most: Int) {
            var place = count
            while place > 0, heights[place - 1] < height { place -= 1 }
            guard place < min(most, 8) else { return }
            count = min(count + 1, min(most, 8))
            var moved = count - 1
            while moved > place {
                (lags[moved], heights[moved]) = (lags[moved - 1], heights[moved - 1])
                moved -= 1
            }
            (lags[place], heights[place]) = (lag, height)
        }
    }

    private var thinner = Decimator(by: 4, reach: 3)
    /// The window and what its longest lag reaches.
    private var samples = [Float](
        repeating: 0, count: CoarseDifference.window + CoarseDifference.longest)
    /// Sums of the products of the last three hops, the longest lag first.
    private var sums = [SIMD8<Float>](repeating: .zero, count: 3 * CoarseDifference.vectors)
    /// Which third of the sums is the oldest.
    private var oldest = 0

    /// Takes 10 ms at 16 kHz.
    mutating func add(_ hop: ArraySlice<Float>) {
        samples.removeFirst(Self.hop)
        thinner.add(hop, to: &samples)
        let range = samples.count - Self.hop..<samples.count
        for half in 0..<2 {
            let (a, b, c, d) = correlate(samples, range, longest: Self.longest - 32 * half)
            let place = oldest * Self.vectors + 4 * half
            (sums[place], sums[place + 1], sums[place + 2], sums[place + 3]) = (a, b, c, d)
        }
        oldest = (oldest + 1) % 3
    }

    /// The highest peaks of 2 Σ x[j]·x[j−τ] / Σ (x[j]² + x[j−τ]²).
    func peaks(atMost most: Int, above least: Float) -> Peaks {
        var peaks = Peaks()
        let start = samples.count - Self.window
        let end = samples.count
        let own = energy(samples, start..<end)
        // The sums of squares of the window and of the one that lies a lag before it.
        var norm = own + energy(samples, start - Self.longest..<end - Self.longest)
        var (longer, here) = (Float(0), Float(0))
        for vector in 0..<Self.vectors {
            let longest = Self.longest - 8 * vector
            // One sample later, for the lag that is one shorter.
            let gains = squaresGained(samples, at: end - longest, over: start - longest)
            var norms = SIMD8<Float>.zero
            for lane in 0..<8 {
                norms[lane] = norm
                norm += gains[lane]
            }
            let products =
                sums[vector] + sums[vector + Self.vectors] + sums[vector + 2 * Self.vectors]
            let values = (2 * products / norms).replacing(with: 0, where: norms .<= 1e-9)
            for lane in 0..<8 {
                let shorter = values[lane]
                // The value before this one may be a peak.
                if here > least, here >= shorter, here > longer,
                    Self.lags.contains(longest - lane + 1)
                {
                    let bend = shorter - 2 * here + longer
                    let offset =
                        bend < 0 ? min(max((shorter - longer) / (2 * bend), -0.5), 0.5) : 0
                    let lag = Float(longest - lane + 1) + offset
                    let height = here - (shorter - longer) * offset / 4
                    peaks.add(lag, height - Self.lagCost * lag, atMost: most)
                }
                (longer, here) = (here, shorter)
            }
        }
        return peaks
    }
}
