// SPDX-License-Identifier: Apache-2.0
import Foundation
import Speech
import Testing

@Suite struct LimiterTests {
    @Test func soundBelowTheCeilingPassesBitForBit() {
        let input = noise(10_000, seed: 1)
        #expect(limited(input, pieces: [10_000]) == input)
        #expect(limited(input, pieces: [1, 7, 480, 2_000, 7_512]) == input)
    }

    @Test func nothingComesOutAboveTheCeiling() {
        let input = noise(48_000, seed: 2).map { $0 * 6 }
        let output = limited(input, pieces: [48_000])
        #expect(output.count == input.count)
        #expect(output.map(abs).max() ?? 2 <= Limiter.defaultCeiling)
        #expect(rms(output) > 0.2)
    }

    @Test func piecesGiveTheSameAsTheWhole() {
        let input = noise(20_000, seed: 3).enumerated().map { $1 * ($0 / 3_000 % 2 == 0 ? 4 : 1) }
        let pieces = [1, 239, 240, 241, 3_000, 5_000, 11_279]
        #expect(limited(input, pieces: pieces) == limited(input, pieces: [20_000]))
    }

    @Test func theGainGlidesAndComesBack() {
        // A quiet tone with one loud click: the tone's gain dips smoothly around it.
        var input = tone(1_000, rate: 48_000, seconds: 2, amplitude: 0.25)
        input[24_000] = 3
        let output = limited(input, pieces: [96_000])
        #expect(abs(output[24_000]) <= Limiter.defaultCeiling)
        #expect(abs(output[24_000]) > Limiter.defaultCeiling * 0.98)
        let gains = zip(input, output).enumerated().compactMap { index, pair in
            abs(pair.0) > 0.1 && index != 24_000 ? (index, pair.1 / pair.0) : nil
        }
        for (before, after) in zip(gains, gains.dropFirst()) {
            let step = abs(after.1 - before.1) / Float(after.0 - before.0)
            #expect(step < 0.004)
        }
        #expect(output[..<23_000] == input[..<23_000])
        #expect(output[60_000...] == input[60_000...])
        let depth = gains.map(\.1).min() ?? 0
        #expect(abs(depth - Limiter.defaultCeiling / 3) < 0.02)
    }

    @Test func aFinishedLimiterStartsAnew() {
        var limiter = Limiter()
        let input = noise(1_000, seed: 5).map { $0 * 5 }
        let first = limiter.process(input) + limiter.finish()
        let second = limiter.process(input) + limiter.finish()
        #expect(first == second)
        #expect(limiter.finish().isEmpty)
    }

    private func limited(_ input: [Float], pieces: [Int]) -> [Float] {
        var limiter = Limiter()
        var output: [Float] = []
        var start = 0
        for count in pieces {
            output += limiter.process(Array(input[start..<start + count]))
            start += count
        }
        return output + limiter.finish()
    }
}
