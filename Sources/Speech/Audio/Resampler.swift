// SPDX-License-Identifier: Apache-2.0
internal import func Glibc.sin
internal import Synchronization

/// Changes the sample rate of a mono stream by a ratio of whole numbers, without a seam between
/// the pieces that it is given.
///
/// A windowed-sinc polyphase filter: flat to ±0.01 dB up to nine tenths of the lower of the two
/// Nyquist frequencies (7.2 kHz for 16 → 48 kHz), 80 dB down from that Nyquist frequency on. The
/// filter is symmetrical and its delay is taken out: output sample `n` is the sound at input time
/// `n · inputRate / outputRate` exactly. The last samples come with ``finish()``. A value; not
/// bound to a thread.
public struct Resampler: Sendable {
    /// Samples a second of what is put in.
    public let inputRate: Int
    /// Samples a second of what comes out.
    public let outputRate: Int
    /// Input samples that must have come after a sound before it comes out.
    public var lookaheadInputSamples: Int { kernel.isUnity ? 0 : kernel.taps / 2 }

    /// How large its filter is.
    var coefficientCount: Int { kernel.coefficients.count }

    private let kernel: Kernel
    /// Input that is still needed; `history[0]` is input sample `historyStart`.
    private var history: [Float] = []
    private var historyStart: Int
    /// Number of samples put in.
    private var received = 0
    /// Number of samples given out.
    private var produced = 0

    /// Creates a resampler.
    ///
    /// - Parameters:
    ///   - inputRate: samples a second, 8,000…192,000.
    ///   - outputRate: samples a second, 8,000…192,000.
    public init(from inputRate: Int, to outputRate: Int) {
        let range = 8_000...192_000
        precondition(range.contains(inputRate) && range.contains(outputRate), "no audio rate")
        self.inputRate = inputRate
        self.outputRate = outputRate
        kernel = Kernel.shared(from: inputRate, to: outputRate)
        historyStart = 0
        reset()
    }

    /// Forgets all input: the next sample is the first of a new stream.
    public mutating func reset() {
        let before = kernel.isUnity ? 0 : kernel.taps / 2 - 1
        history = [Float](repeating: 0, count: before)
        historyStart = -before
        received = 0
        produced = 0
    }

    /// Takes samples and returns those of the output that they complete.
    public mutating func process(_ input: [Float]) -> [Float] {
        received += input.count
        if kernel.isUnity {
            produced += input.count
            return input
        }
        history.append(contentsOf: input)
        return drain(upTo: Int.max)
    }

    /// Returns the rest of the output, ⌈input · L / M⌉ samples in all, and starts anew.
    public mutating func finish() -> [Float] {
        defer { reset() }
        guard !kernel.isUnity else { return [] }
        let total = (received * kernel.up + kernel.down - 1) / kernel.down
        history.append(contentsOf: repeatElement(0, count: kernel.taps / 2))
        return drain(upTo: total)
    }

    private mutating func drain(upTo total: Int) -> [Float] {
        let taps = kernel.taps
        let up = kernel.up
        let rows = kernel.rows
        let down = kernel.down
        // Output n stands at input ⌊n·down/up⌋ and needs half a filter beyond it.
        let lastBase = historyStart + history.count - taps / 2 - 1
        guard lastBase >= 0 else { return [] }
        let available = (lastBase * up + up - 1) / down + 1
        let count = min(available, total) - produced
        guard count > 0 else { return [] }
        let first = produced
        let offset = historyStart + taps / 2 - 1
        let output = [Float](unsafeUninitializedCapacity: count) { out, written in
            // SAFETY: for every n the first tap is input ⌊n·down/up⌋ − taps/2 + 1 ≥ historyStart
            // and the last ≤ the newest input by the choice of `available`; each phase row has
            // `taps` coefficients.
            history.withUnsafeBufferPointer { samples in
                kernel.coefficients.withUnsafeBufferPointer { table in
                    guard let x = samples.baseAddress, let h = table.baseAddress else { return }
                    for index in 0..<count {
                        let position = (first + index) * down
                        let base = position / up
                        let row = h + (position - base * up) * rows / up * taps
                        out[index] = Self.dot(row, x + (base - offset), taps)
                    }
                }
            }
            written = count
        }
        produced += count
        let needed = produced * down / up - (taps / 2 - 1)
        let spent = min(needed - historyStart, history.count)
        if spent > 0 {
            history.removeFirst(spent)
            historyStart += spent
        }
        return output
    }

    /// Sum of products; `count` is a multiple of 4.
    ///
    /// Four sums side by side make one vector in an optimised build, and a debug build is ten
    /// times faster with them than with SIMD types.
    @inline(__always)
    private static func dot(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
    ) -> Float {
        var sums: (Float, Float, Float, Float) = (0, 0, 0, 0)
        var index = 0
        while index < count {
            // SAFETY: the callers' pointers reach over `count` floats.
            sums.0 += a[index] * b[index]
            sums.1 += a[index &+ 1] * b[index &+ 1]
            sums.2 += a[index &+ 2] * b[index &+ 2]
            sums.3 += a[index &+ 3] * b[index &+ 3]
            index = index &+ 4
        }
        return (sums.0 + sums.2) + (sums.1 + sums.3)
    }
}

extension Resampler {
    /// The filter of one ratio: a row of coefficients for each of its `up` phases.
    ///
    /// Rates that share no factor, 47,999 and 48,000, have as many phases as samples in a second:
    /// then neighbours share the row of the phase in their midst, which is at most a 9,000th of a
    /// sample away. The output's times stay exact on the whole.
    fileprivate final class Kernel: Sendable {
        let up: Int
        let rows: Int
        let down: Int
        let taps: Int
        let coefficients: [Float]
        var isUnity: Bool { up == down }

        /// Kernels by their ratio and rates, made once: 22,050 → 48,000 has 35,000 coefficients.
        private static let cache = Mutex<[Int: Kernel]>([:])
        /// Most coefficients: 8 MB, a tenth of a second to make.
        private static let coefficientsMax = 2_000_000
        /// More ratios than any set of voices uses; beyond it kernels are made but not kept.
        private static let cacheMax = 16

        static func shared(from inputRate: Int, to outputRate: Int) -> Kernel {
            let key = inputRate << 20 | outputRate
            if let kernel = cache.withLock({ $0[key] }) { return kernel }
            let kernel = Kernel(from: inputRate, to: outputRate)
            cache.withLock { if $0.count < cacheMax { $0[key] = kernel } }
            return kernel
        }

        private init(from inputRate: Int, to outputRate: Int) {
            var divisor = inputRate
            var rest = outputRate
            while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
            up = outputRate / divisor
            down = inputRate / divisor
            guard up != down else {
                (taps, rows) = (0, 1)
                coefficients = []
                return
            }
            // Kaiser's design: β and length for 85 dB over a transition of a tenth of the lower
            // Nyquist frequency; the cut-off stands in its middle.
            let attenuation = 85.0
            let beta = 0.1102 * (attenuation - 8.7)
            let lower = Double(min(inputRate, outputRate)) / Double(inputRate)
            let transition = 0.1 * lower * Double.pi
            let length = (attenuation - 8) / (2.285 * transition)
            taps = (Int(length.rounded(.up)) + 7) / 8 * 8
            let cutoff = 0.95 * lower
            rows = min(up, Kernel.coefficientsMax / taps)
            // The middle of the phases that a row stands for.
            let shift = Double(up - rows) / Double(2 * up)
            coefficients = Kernel.table(
                count: rows, shift: shift, taps: taps, cutoff: cutoff, beta: beta)
        }

        private static func table(
            count: Int, shift: Double, taps: Int, cutoff: Double, beta: Double
        ) -> [Float] {
            var rows: [Float] = []
            rows.reserveCapacity(count * taps)
            let half = Double(taps / 2)
            let scale = 1 / besselI0(beta)
            for row in 0..<count {
                let phase = (Double(row) + shift) / Double(count)
                var values: [Double] = []
                for tap in 0..<taps {
                    let distance = half - 1 - Double(tap) + phase
                    let share = distance / half
                    let window = besselI0(beta * max(0, 1 - share * share).squareRoot()) * scale
                    values.append(sinc(cutoff * distance) * cutoff * window)
                }
                // Each phase passes a constant unchanged, else the differences would be a tone.
                let sum = values.reduce(0, +)
                rows += values.map { Float($0 / sum) }
            }
            return rows
        }

        private static func sinc(_ x: Double) -> Double {
            abs(x) < 1e-9 ? 1 : sin(Double.pi * x) / (Double.pi * x)
        }

        private static func besselI0(_ x: Double) -> Double {
            var term = 1.0
            var sum = 1.0
            var k = 1.0
            while term > sum * 1e-16 {
                term *= (x / (2 * k)) * (x / (2 * k))
                sum += term
                k += 1
            }
            return sum
        }
    }
}
