// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.exp
internal import func Glibc.exp2
internal import func Glibc.log2
#endif

/// Pitch as an animation wants it: without single wrong frames, without holes at every consonant,
/// moving like a brow and not like a needle.
///
/// Fed every frame of a ``ProsodyAnalyzer`` in order. Looks back only, so it adds no latency but the
/// filter's own 67 ms.
public struct PitchSmoother: Sendable {
    /// Smoothed pitch at one moment.
    public struct Value: Sendable, Equatable {
        /// Hz; 0 where there has been no voice for longer than `hold`.
        public var pitch: Double
        /// Octaves above the median of the last three seconds of voice; 0 where pitch is 0.
        public var delta: Double
    }

    /// An unvoiced gap up to this long, ms, keeps the pitch before it.
    public static let hold = 120.0
    /// Rate of the critically damped filter, 1/s.
    public static let rate = 30.0
    /// Voice that the median knows, in frames: three seconds.
    static let remembered = 300

    /// Octaves above 1 Hz of the last voiced frames, as a ring.
    private var recent: [Double] = []
    private var oldest = 0
    private var last: [Double] = []
    private var inner = 0.0
    private var output = 0.0
    private var target = 0.0
    private var isVoiced = false
    private var unvoiced = 0.0

    /// Starts without a voice.
    public init() {}

    /// Takes the next frame, 10 ms after the one before.
    public mutating func add(_ frame: ProsodyFrame) -> Value {
        if frame.pitch > 0, frame.pitch.isFinite {
            voiced(log2(frame.pitch))
        } else {
            unvoiced += ProsodyAnalyzer.interval
            if unvoiced > Self.hold { isVoiced = false }
        }
        guard isVoiced else { return Value(pitch: 0, delta: 0) }
        let x = Self.rate * ProsodyAnalyzer.interval / 1000
        let decay = exp(-x)
        output = target + ((output - target) + x * (inner - target)) * decay
        inner = target + (inner - target) * decay
        return Value(pitch: exp2(output), delta: output - median(recent))
    }

    private mutating func voiced(_ octaves: Double) {
        unvoiced = 0
        if isVoiced {
            last = last.suffix(2) + [octaves]
        } else {
            // A voice sets in where it is, it does not slide there.
            isVoiced = true
            last = [octaves]
            (inner, output) = (octaves, octaves)
        }
        target = median(last)
        if recent.count < Self.remembered {
            recent.append(octaves)
        } else {
            recent[oldest] = octaves
            oldest = (oldest + 1) % Self.remembered
        }
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let middle = sorted.indices.last.map({ $0 / 2 }) else { return 0 }
        // Of two the lower; of three, as of 300, the middle one.
        return sorted[middle]
    }
}
