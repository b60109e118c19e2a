// SPDX-License-Identifier: Apache-2.0
internal import func Glibc.log10

/// Integrated loudness of mono sound at 48 kHz by ITU-R BS.1770-4, in LUFS.
///
/// Measures voices once, for their calibrated gain; a mono channel counts as one front channel.
public struct LoudnessMeter: Sendable {
    /// Sums of squares of 100 ms each; a block of 400 ms is four of them.
    private var steps: [Double] = []
    private var sum = 0.0
    private var count = 0
    // BS.1770-4 annex 1, tables 1 and 2: the shelf and the high-pass for 48 kHz.
    private var shelf = Biquad(
        b: (1.535_124_859_586_97, -2.691_696_189_406_38, 1.198_392_810_852_85),
        a: (-1.690_659_293_182_41, 0.732_480_774_215_85))
    private var highPass = Biquad(
        b: (1, -2, 1), a: (-1.990_047_454_833_98, 0.990_072_250_366_21))
    private static let stepSamples = 4_800

    /// Starts without sound.
    public init() {}

    /// Hears samples in −1…1.
    public mutating func add(_ samples: [Float]) {
        for sample in samples {
            let weighted = highPass.filter(shelf.filter(Double(sample)))
            sum += weighted * weighted
            count += 1
            if count == Self.stepSamples {
                steps.append(sum)
                (sum, count) = (0, 0)
            }
        }
    }

    /// The gated loudness of what was heard; nil for less than 0.4 s above −70 LUFS.
    public var integrated: Double? {
        guard steps.count >= 4 else { return nil }
        let blocks = (3..<steps.count).map { end in
            steps[(end - 3)...end].reduce(0, +) / Double(4 * Self.stepSamples)
        }
        func mean(above loudness: Double) -> Double? {
            let loud = blocks.filter { Self.loudness($0) > loudness }
            return loud.isEmpty ? nil : loud.reduce(0, +) / Double(loud.count)
        }
        guard let absolute = mean(above: -70) else { return nil }
        return mean(above: Self.loudness(absolute) - 10).map(Self.loudness)
    }

    private static func loudness(_ power: Double) -> Double {
        -0.691 + 10 * log10(max(power, 1e-20))
    }
}

/// A second-order filter, direct form II transposed.
private struct Biquad: Sendable {
    let b: (Double, Double, Double)
    let a: (Double, Double)
    private var first = 0.0
    private var second = 0.0

    init(b: (Double, Double, Double), a: (Double, Double)) {
        self.b = b
        self.a = a
    }

    mutating func filter(_ x: Double) -> Double {
        let y = b.0 * x + first
        first = b.1 * x - a.0 * y + second
        second = b.2 * x - a.1 * y
        return y
    }
}
