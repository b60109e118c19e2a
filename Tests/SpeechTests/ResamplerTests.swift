// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Speech

@Suite struct ResamplerTests {
    static let ratios = [
        (16_000, 48_000), (24_000, 48_000), (22_050, 48_000), (44_100, 16_000), (48_000, 16_000),
    ]

    @Test(arguments: ratios)
    func passesTonesBelowNineTenthsOfNyquistUnchanged(from: Int, to: Int) {
        let nyquist = Double(min(from, to)) / 2
        for share in [0.01, 0.2, 0.5, 0.8, 0.9] {
            let gain = toneGain(share * nyquist, from: from, to: to)
            #expect(abs(gain) < 0.1, "\(share) of Nyquist: \(gain) dB")
        }
    }

    @Test func suppressesImagesAndAliasesByEightyDecibels() {
        // Going up, a tone at f leaves images at k·16 kHz ± f: what is left beside the tone.
        for frequency in [100.0, 1_000, 3_000, 6_000, 7_200] {
            let input = tone(frequency, rate: 16_000, seconds: 0.5)
            let output = resampled(input, from: 16_000, to: 48_000)
            let rest = residual(output[4_800..<19_200], frequency: frequency, rate: 48_000)
            #expect(rest < -80, "\(frequency) Hz leaves \(rest) dB")
        }
        // Going down, a tone above the new Nyquist frequency vanishes.
        for frequency in [8_000.0, 9_000, 12_000, 20_000] {
            let input = tone(frequency, rate: 48_000, seconds: 0.5)
            let output = resampled(input, from: 48_000, to: 16_000)
            let level = decibels(rms(output[1_600..<6_400]) / 0.3536)
            #expect(level < -80, "\(frequency) Hz passes at \(level) dB")
        }
    }

    @Test func piecesOfAnySizeGiveTheSameSamplesAsTheWhole() {
        let input = noise(16_000, seed: 7)
        for (from, to) in Self.ratios {
            let whole = resampled(input, from: from, to: to)
            #expect(whole.count == (input.count * to + from - 1) / from)
            var resampler = Resampler(from: from, to: to)
            var pieces: [Float] = []
            var position = 0
            var size = 1
            while position < input.count {
                let end = min(position + size, input.count)
                pieces += resampler.process(Array(input[position..<end]))
                position = end
                size = size * 7 % 997 + 1
            }
            pieces += resampler.finish()
            #expect(pieces == whole)
        }
    }

    @Test func aClickComesOutAtItsTime() {
        for at in [0, 1, 500, 1_599] {
            var input = [Float](repeating: 0, count: 1_600)
            input[at] = 1
            let output = resampled(input, from: 16_000, to: 48_000)
            #expect(output.indices.max { output[$0] < output[$1] } == at * 3)
        }
    }

    @Test func aConstantStaysConstant() {
        let output = resampled([Float](repeating: 0.5, count: 4_410), from: 44_100, to: 48_000)
        for sample in output[500..<4_300] { #expect(abs(sample - 0.5) < 1e-5) }
    }

    @Test func aFinishedResamplerStartsAnew() {
        var resampler = Resampler(from: 16_000, to: 48_000)
        let input = noise(500, seed: 3)
        let first = resampler.process(input) + resampler.finish()
        let second = resampler.process(input) + resampler.finish()
        #expect(first == second)
        #expect(resampler.finish().isEmpty)
    }

    /// Their filters would have one row for each sample of a second.
    @Test(arguments: [(47_999, 48_000), (191_999, 48_000)])
    func ratesWithoutACommonFactorAreResampledByABoundedFilter(from: Int, to: Int) {
        for frequency in [100.0, 3_000, 15_000] {
            let input = tone(frequency, rate: from, seconds: 0.3)
            let output = resampled(input, from: from, to: to)
            #expect(output.count == (input.count * to + from - 1) / from)
            let middle = output[(to / 10)..<(to * 2 / 10)]
            #expect(abs(decibels(amplitude(middle, frequency: frequency, rate: to) / 0.5)) < 0.1)
            #expect(residual(middle, frequency: frequency, rate: to) < -75)
        }
    }

    @Test func noFilterIsLargerThanItsBound() {
        for (from, to) in [(191_999, 48_000), (47_999, 48_000), (8_001, 192_000), (44_100, 48_000)]
        {
            #expect((1...2_000_000).contains(Resampler(from: from, to: to).coefficientCount))
        }
    }

    @Test func equalRatesPassThrough() {
        let input = noise(100, seed: 1)
        #expect(resampled(input, from: 48_000, to: 48_000) == input)
    }

    private func toneGain(_ frequency: Double, from: Int, to: Int) -> Double {
        let output = resampled(tone(frequency, rate: from, seconds: 0.5), from: from, to: to)
        let middle = output[(to / 10)..<(to * 4 / 10)]
        return decibels(amplitude(middle, frequency: frequency, rate: to) / 0.5)
    }
}
