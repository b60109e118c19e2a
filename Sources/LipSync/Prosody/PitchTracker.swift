// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.log2
#endif

/// Follows the pitch of a voice: normalised square difference over 32 ms, then an online Viterbi
/// search with 20 ms look-back, which keeps a creaky voice from halving.
///
/// Fed one hop of 160 samples at 16 kHz at a time; every answer is for the hop two before.
struct PitchTracker: Sendable {
    /// Samples a second.
    static let rate = 16_000.0
    /// Samples of one analysis window: 32 ms, two periods at 62.5 Hz.
    static let window = 512
    /// Samples between analyses: 10 ms.
    static let hop = 160
    /// Highest and lowest pitch, Hz.
    static let range = 60.0...400.0
    /// Cost of every octave below 400 Hz: prefers the higher of two equal peaks.
    static let octaveCost = 0.12
    /// What silence scores, and what more when the window is 35 dB below the loudest of late.
    static let unvoicedScore = 0.45
    static let quietBonus = 0.6
    /// Costs of a jump of an octave and of starting or stopping to voice.
    static let jumpCost = 0.5
    static let voicingCost = 0.14
    /// Most peaks of one window that are considered, and how high they must be.
    static let candidatesMax = 5
    static let heightMin: Float = 0.3
    /// Most samples at 16 kHz that a peak found at 4 kHz is moved by.
    static let climbMax = 6

    /// One hypothesis for one hop; zero hertz is unvoiced.
    private struct Candidate {
        var hertz: Double
        /// Octaves above 1 Hz.
        var octaves = 0.0
        var score: Double
        var total = 0.0
        var back = 0
    }

    private let cost: Double
    private var samples = [Float](repeating: 0, count: PitchTracker.window)
    /// Sums of squares of every eight samples of the window, and up to each of them.
    private var energies = [Float](repeating: 0, count: PitchTracker.window / 8)
    private var power = [Float](repeating: 0, count: PitchTracker.window / 8 + 1)
    private var coarse = CoarseDifference()
    /// The hypotheses of the last three hops, and how many of each.
    private var lattice = [Candidate](
        repeating: Candidate(hertz: 0, score: 0), count: 3 * (PitchTracker.candidatesMax + 1))
    private var counts = SIMD4<Int>.zero
    private var hops = 0
    private var loudest: Double = 1e-9

    /// - Parameter octaveCost: another than the default, for showing what it is there for.
    init(octaveCost: Double = PitchTracker.octaveCost) {
        cost = octaveCost
    }

    /// Takes the next hop and returns the pitch, Hz or 0, of the hop two before it.
    mutating func add(_ hop: ArraySlice<Float>) -> Double? {
        take(hop)
        let energy = Double(power[Self.window / 8]) / Double(Self.window)
        loudest = max(energy, loudest * 0.9995 * 0.9995)
        var unvoiced = Self.unvoicedScore
        // 35 dB below the running maximum.
        let isQuiet = energy < loudest * 3.16e-4 || energy < 1e-8
        if isQuiet { unvoiced += Self.quietBonus }
        let column = hops % 3
        counts[column] = 0
        push(Candidate(hertz: 0, score: unvoiced))
        if !isQuiet {
            let peaks = coarse.peaks(atMost: Self.candidatesMax, above: Self.heightMin)
            for index in 0..<peaks.count {
                push(refine(Int((peaks.lags[index] * 4).rounded())))
            }
        }
        // Totals would grow without end: only differences count.
        let range = nodes(column)
        var top = -Double.infinity
        for index in range { top = max(top, lattice[index].total) }
        for index in range { lattice[index].total -= top }
        hops += 1
        return hops >= 3 ? decide() : nil
    }

    private mutating func take(_ hop: ArraySlice<Float>) {
        samples.removeFirst(hop.count)
        samples.append(contentsOf: hop)
        let blocks = hop.count / 8
        energies.removeFirst(blocks)
        appendEnergies(samples, Self.window - 8 * blocks..<Self.window, to: &energies)
        var sum: Float = 0
        for index in energies.indices {
            sum += energies[index]
            power[index + 1] = sum
        }
        coarse.add(hop)
    }

    /// Where the hypotheses of a hop stand.
    private func nodes(_ column: Int) -> Range<Int> {
        let first = column * (Self.candidatesMax + 1)
        return first..<first + counts[column]
    }

    /// Adds a hypothesis of this hop with the best way to it.
    private mutating func push(_ candidate: Candidate) {
        let column = hops % 3
        guard counts[column] <= Self.candidatesMax else { return }
        var node = candidate
        node.total = node.score
        if hops > 0 {
            var best = -Double.infinity
            for index in nodes((hops + 2) % 3) {
                let total = lattice[index].total - Self.transition(lattice[index], node)
                if total > best {
                    best = total
                    node.back = index
                }
            }
            node.total += best
        }
        lattice[nodes(column).upperBound] = node
        counts[column] += 1
    }

    private static func transition(_ from: Candidate, _ to: Candidate) -> Double {
        if from.hertz == 0 && to.hertz == 0 { return 0 }
        if from.hertz == 0 || to.hertz == 0 { return voicingCost }
        return jumpCost * abs(to.octaves - from.octaves)
    }

    private func decide() -> Double {
        let newest = nodes((hops + 2) % 3)
        var best = newest.lowerBound
        for index in newest where lattice[index].total > lattice[best].total { best = index }
        return lattice[lattice[lattice[best].back].back].hertz
    }

    /// Climbs from a lag to the peak of the normalised square difference beside it.
    private func refine(_ start: Int) -> Candidate {
        var lag = start
        var values = difference(around: lag)
        for _ in 0..<Self.climbMax {
            if values[1] >= values[0], values[1] >= values[2] { break }
            if values[2] > values[0] {
                lag += 1
                values = SIMD4(values[1], values[2], difference(at: lag + 1), 0)
            } else {
                lag -= 1
                values = SIMD4(difference(at: lag - 1), values[0], values[1], 0)
            }
        }
        let (left, peak, right) = (Double(values[0]), Double(values[1]), Double(values[2]))
        let bend = left - 2 * peak + right
        let offset = bend < 0 ? min(max((left - right) / (2 * bend), -1), 1) : 0
        let hertz = Self.rate / (Double(lag) + offset)
        let height = peak - (left - right) * offset / 4
        let clamped = min(max(hertz, Self.range.lowerBound), Self.range.upperBound)
        let octaves = log2(clamped)
        return Candidate(
            hertz: clamped, octaves: octaves,
            score: height - cost * (Self.highestOctaves - octaves))
    }

    private static let highestOctaves = log2(range.upperBound)

    /// n(τ) = 2 Σ x[i]·x[i+τ] / Σ (x[i]² + x[i+τ]²) for a lag and its neighbours: 1 where the window
    /// repeats after τ samples.
    private func difference(around lag: Int) -> SIMD4<Float> {
        let size = Self.window
        guard lag >= 2, lag + 1 < size else { return .zero }
        // All three over the samples that the longest has, then what the shorter ones have more.
        let count = size - lag - 1
        var sums = products(samples, around: lag, count: count)
        sums[0] += samples[count] * samples[size - 2] + samples[count + 1] * samples[size - 1]
        sums[1] += samples[count] * samples[size - 1]
        let norms = SIMD4(norm(lag - 1), norm(lag), norm(lag + 1), 1)
        return 2 * sums / norms
    }

    private func difference(at lag: Int) -> Float {
        guard lag >= 1, lag < Self.window else { return 0 }
        return 2 * product(samples, lag: lag, count: Self.window - lag) / norm(lag)
    }

    private func norm(_ lag: Int) -> Float {
        let norm = squares(upTo: Self.window - lag) + power[Self.window / 8] - squares(upTo: lag)
        return max(norm, 1e-9)
    }

    private func squares(upTo end: Int) -> Float {
        var sum = power[end / 8]
        for index in end / 8 * 8..<end { sum += samples[index] * samples[index] }
        return sum
    }
}
