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
    /// Most peaks of one window that are considered.
    static let candidatesMax = 5

    /// One hypothesis for one hop; zero hertz is unvoiced.
    private struct Candidate {
        var hertz: Double
        var score: Double
        var total = 0.0
        var back = 0
    }

    private var samples = [Float](repeating: 0, count: PitchTracker.window)
    private var lattice: [[Candidate]] = []
    private var loudest: Double = 1e-9

    init() {}

    /// Takes the next hop and returns the pitch, Hz or 0, of the hop two before it.
    mutating func add(_ hop: ArraySlice<Float>) -> Double? {
        samples.removeFirst(hop.count)
        samples.append(contentsOf: hop)
        let energy = Double(samples.reduce(0) { $0 + $1 * $1 }) / Double(Self.window)
        loudest = max(energy, loudest * 0.9995 * 0.9995)
        var unvoiced = Self.unvoicedScore
        // 35 dB below the running maximum.
        let isQuiet = energy < loudest * 3.16e-4 || energy < 1e-8
        if isQuiet { unvoiced += Self.quietBonus }
        var candidates = [Candidate(hertz: 0, score: unvoiced)]
        if !isQuiet { candidates += peaks() }
        push(candidates)
        guard lattice.count == 3 else { return nil }
        return decide()
    }

    private mutating func push(_ candidates: [Candidate]) {
        var column = candidates
        for index in column.indices {
            var best = -Double.infinity
            for (from, previous) in (lattice.last ?? []).enumerated() {
                let total = previous.total - transition(previous.hertz, column[index].hertz)
                if total > best {
                    best = total
                    column[index].back = from
                }
            }
            column[index].total = column[index].score + (best.isFinite ? best : 0)
        }
        // Totals would grow without end: only differences count.
        let top = column.map(\.total).max() ?? 0
        for index in column.indices { column[index].total -= top }
        lattice.append(column)
        if lattice.count > 3 { lattice.removeFirst() }
    }

    private func transition(_ from: Double, _ to: Double) -> Double {
        if from == 0 && to == 0 { return 0 }
        if from == 0 || to == 0 { return Self.voicingCost }
        return Self.jumpCost * abs(log2(to / from))
    }

    private func decide() -> Double {
        var index = 0
        for (candidate, node) in lattice[2].enumerated() where node.total > lattice[2][index].total
        {
            index = candidate
        }
        index = lattice[2][index].back
        index = lattice[1][index].back
        return lattice[0][index].hertz
    }

    /// The peaks of the normalised square difference: coarse at 8 kHz, refined at 16 kHz.
    private func peaks() -> [Candidate] {
        let half = stride(from: 0, to: Self.window, by: 2).map {
            (samples[$0] + samples[$0 + 1]) / 2
        }
        let longest = Int(Self.rate / Self.range.lowerBound)
        let shortest = Int(Self.rate / Self.range.upperBound)
        let coarse = SquareDifference(half)
        var found: [(lag: Int, value: Float)] = []
        var before = coarse.value(shortest / 2 - 1)
        var here = coarse.value(shortest / 2)
        for lag in shortest / 2...longest / 2 {
            let after = coarse.value(lag + 1)
            if here > 0.3, here >= before, here > after { found.append((lag, here)) }
            before = here
            here = after
        }
        found.sort { ($0.value, $1.lag) > ($1.value, $0.lag) }
        let fine = SquareDifference(samples)
        return found.prefix(Self.candidatesMax).map { refine(2 * $0.lag, fine) }
    }

    private func refine(_ lag: Int, _ difference: SquareDifference) -> Candidate {
        let values = (-3...3).map { difference.value(lag + $0) }
        var top = 1
        for index in 1...5 where values[index] > values[top] { top = index }
        let (left, peak, right) = (
            Double(values[top - 1]), Double(values[top]), Double(values[top + 1])
        )
        let bend = left - 2 * peak + right
        let offset = bend < 0 ? min(max((left - right) / (2 * bend), -1), 1) : 0
        let hertz = Self.rate / (Double(lag + top - 3) + offset)
        let height = peak - (left - right) * offset / 4
        let clamped = min(max(hertz, Self.range.lowerBound), Self.range.upperBound)
        return Candidate(
            hertz: clamped, score: height - Self.octaveCost * log2(Self.range.upperBound / clamped))
    }
}

/// n(τ) = 2 Σ x[i]·x[i+τ] / Σ (x[i]² + x[i+τ]²): 1 where a window repeats after τ samples.
private struct SquareDifference {
    private let samples: [Float]
    /// Sums of squares up to each sample.
    private let power: [Float]

    init(_ samples: [Float]) {
        self.samples = samples
        var sum: Float = 0
        var power: [Float] = [0]
        power.reserveCapacity(samples.count + 1)
        for sample in samples {
            sum += sample * sample
            power.append(sum)
        }
        self.power = power
    }

    func value(_ lag: Int) -> Float {
        let count = samples.count - lag
        guard lag >= 0, count > 0 else { return 0 }
        let norm = power[count] + power[samples.count] - power[lag]
        guard norm > 1e-9 else { return 0 }
        return 2 * product(samples, from: lag, samples, count: count) / norm
    }
}
