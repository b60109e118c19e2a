// SPDX-License-Identifier: Apache-2.0

/// Keeps every sample below a ceiling by turning the gain down smoothly before a peak comes.
///
/// Looks ahead: the gain falls over 5 ms to what the peak needs and rises over about 60 ms again,
/// so there is neither a step nor a clipped top. Sound below the ceiling passes bit for bit. The
/// delay is taken out: samples that went in first come out first, in the same number once
/// ``finish()`` was called. A value; not bound to a thread.
public struct Limiter: Sendable {
    /// −1 dBFS as an amplitude.
    public static let defaultCeiling: Float = 0.891_250_9

    /// The largest amplitude that comes out.
    public let ceiling: Float
    /// Samples by which the output lags the input until ``finish()``.
    public let lookahead: Int
    /// The share of the missing gain that comes back with each sample.
    private let release: Double

    /// Input that has not come out yet.
    private var delayed: [Float] = []
    /// The gains that the last `lookahead` moments needed, falling values only: index and gain.
    private var minima: [(index: Int, gain: Double)] = []
    private var minimaStart = 0
    /// The gains over which the mean is taken.
    private var recent: [Double]
    private var recentIndex = 0
    private var recentSum: Double
    private var envelope = 1.0
    private var index = 0
    /// Samples until the gain is 1 for sure and everything may pass untouched.
    private var active = 0

    /// Creates a limiter for sound at `sampleRate`.
    public init(ceiling: Float = defaultCeiling, sampleRate: Int = OpusFormat.sampleRate) {
        self.ceiling = ceiling
        lookahead = sampleRate / 200
        release = 1 / (0.06 * Double(sampleRate))
        recent = [Double](repeating: 1, count: lookahead + 1)
        recentSum = Double(lookahead + 1)
    }

    /// Takes samples and returns those whose gain is certain.
    public mutating func process(_ input: [Float]) -> [Float] {
        delayed.append(contentsOf: input)
        if active == 0, !exceeds(input) { return passed(input.count) }
        var output: [Float] = []
        output.reserveCapacity(max(0, delayed.count - lookahead))
        let first = delayed.count - input.count
        for position in first..<delayed.count {
            let gain = step(needing: delayed[position])
            guard position >= lookahead else { continue }
            let sample = delayed[position - lookahead]
            output.append(gain >= 1 ? sample : sample * Float(gain))
        }
        delayed.removeFirst(max(0, min(output.count, delayed.count)))
        return output
    }

    /// Returns the samples still held and starts anew.
    public mutating func finish() -> [Float] {
        let rest = delayed.count
        let output = process([Float](repeating: 0, count: lookahead))
        self = Limiter(copyOf: self)
        return Array(output.suffix(rest))
    }

    private func exceeds(_ samples: [Float]) -> Bool {
        // SAFETY: the pointer is used inside the call only, within its count.
        samples.withUnsafeBufferPointer { samples in
            var index = 0
            while index < samples.count {
                if samples[index] > ceiling || samples[index] < -ceiling { return true }
                index += 1
            }
            return false
        }
    }

    /// Sound that nothing has to be done to.
    private mutating func passed(_ count: Int) -> [Float] {
        index += count
        let ready = max(0, delayed.count - lookahead)
        let output = Array(delayed[..<ready])
        delayed.removeFirst(ready)
        return output
    }

    private init(copyOf other: Limiter) {
        ceiling = other.ceiling
        lookahead = other.lookahead
        release = other.release
        recent = [Double](repeating: 1, count: lookahead + 1)
        recentSum = Double(lookahead + 1)
    }

    /// The gain for the sample of `lookahead` ago, now that `sample` is known.
    ///
    /// The least gain of a window, held for its length, then averaged over the same length: the
    /// mean of values that are all at most what the sample needs.
    private mutating func step(needing sample: Float) -> Double {
        defer { index += 1 }
        let needed = abs(sample) > ceiling ? Double(ceiling / abs(sample)) * 0.999_999 : 1
        if needed < 1 { active = lookahead * 2 + Int(12 / release) }
        guard active > 0 else { return 1 }
        active -= 1
        if active == 0 { return settle() }
        while minima.count > minimaStart, let last = minima.last, last.gain >= needed {
            minima.removeLast()
        }
        minima.append((index, needed))
        while minima[minimaStart].index < index - lookahead { minimaStart += 1 }
        if minimaStart > 1_024 {
            minima.removeFirst(minimaStart)
            minimaStart = 0
        }
        envelope = min(minima[minimaStart].gain, envelope + (1 - envelope) * release)
        recentSum += envelope - recent[recentIndex]
        recent[recentIndex] = envelope
        recentIndex = recentIndex == lookahead ? 0 : recentIndex + 1
        return recentSum / Double(lookahead + 1)
    }

    /// Long after the last peak the gain is 1 but for rounding.
    private mutating func settle() -> Double {
        minima = []
        minimaStart = 0
        envelope = 1
        recent = [Double](repeating: 1, count: lookahead + 1)
        recentSum = Double(lookahead + 1)
        return 1
    }
}
