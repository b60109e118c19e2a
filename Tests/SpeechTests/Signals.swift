// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Speech

/// A tone of amplitude 0.5.
func tone(_ frequency: Double, rate: Int, seconds: Double, amplitude: Double = 0.5) -> [Float] {
    (0..<Int(seconds * Double(rate))).map {
        Float(amplitude * sin(2 * .pi * frequency * Double($0) / Double(rate)))
    }
}

/// White noise in −0.5…0.5.
func noise(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Float.random(in: -0.5...0.5, using: &random) }
}

func resampled(_ input: [Float], from: Int, to: Int) -> [Float] {
    var resampler = Resampler(from: from, to: to)
    return resampler.process(input) + resampler.finish()
}

func rms(_ samples: some Collection<Float>) -> Double {
    (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(samples.count, 1)))
        .squareRoot()
}

func decibels(_ ratio: Double) -> Double { 20 * log10(max(ratio, 1e-12)) }

/// Cosine and sine parts of one frequency, by least squares over the samples.
private func parts(
    _ samples: ArraySlice<Float>, frequency: Double, rate: Int
) -> (Double, Double) {
    var (cc, cs, ss, xc, xs) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (index, sample) in samples.enumerated() {
        let angle = 2 * .pi * frequency * Double(index) / Double(rate)
        let (c, s) = (cos(angle), sin(angle))
        cc += c * c
        cs += c * s
        ss += s * s
        xc += Double(sample) * c
        xs += Double(sample) * s
    }
    let determinant = cc * ss - cs * cs
    return ((xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant)
}

/// The amplitude of one frequency.
func amplitude(_ samples: ArraySlice<Float>, frequency: Double, rate: Int) -> Double {
    let (a, b) = parts(samples, frequency: frequency, rate: rate)
    return (a * a + b * b).squareRoot()
}

/// What is left beside one frequency, in decibels against it.
func residual(_ samples: ArraySlice<Float>, frequency: Double, rate: Int) -> Double {
    let (a, b) = parts(samples, frequency: frequency, rate: rate)
    let rest = samples.enumerated().map { index, sample in
        let angle = 2 * .pi * frequency * Double(index) / Double(rate)
        return Float(Double(sample) - a * cos(angle) - b * sin(angle))
    }
    return decibels(rms(rest) / ((a * a + b * b) / 2).squareRoot())
}
