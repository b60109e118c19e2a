// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import LipSync

@Suite struct PitchSmootherTests {
    static func run(_ pitches: [Double]) -> [PitchSmoother.Value] {
        var smoother = PitchSmoother()
        return pitches.enumerated().map { index, pitch in
            smoother.add(
                ProsodyFrame(
                    time: Double(index) * 10, pitch: pitch, energy: 0.5, isSpeaking: true,
                    level: -20))
        }
    }

    @Test func aVoiceSetsInWhereItIsAndHoldsThroughConsonants() {
        let values = Self.run(
            [0, 0] + [Double](repeating: 200, count: 10) + [Double](repeating: 0, count: 12)
                + [Double](repeating: 200, count: 5) + [Double](repeating: 0, count: 30))
        #expect(values[1].pitch == 0)
        #expect(abs(values[2].pitch - 200) < 1e-9)
        // 120 ms without voice are bridged, more are not.
        #expect(values[2..<29].allSatisfy { abs($0.pitch - 200) < 1e-9 })
        #expect(values[29 + 11].pitch > 0)
        #expect(values[29 + 12].pitch == 0 && values.last?.delta == 0)
    }

    @Test func oneWrongFrameDoesNotShow() {
        let steady = [Double](repeating: 120, count: 20)
        let values = Self.run(steady + [240] + steady)
        #expect(values.allSatisfy { abs($0.pitch - 120) < 1e-6 })
    }

    @Test func aLeapIsFollowedWithoutAStepAndMeasuredInOctaves() {
        let values = Self.run(
            [Double](repeating: 100, count: 200) + [Double](repeating: 200, count: 60))
        for (left, right) in zip(values.dropFirst(), values.dropFirst(2)) {
            // Rate/e of an octave a second: 0.11 in 10 ms.
            #expect(abs(right.delta - left.delta) < 0.12 || right.delta < left.delta)
        }
        #expect(abs((values.last?.pitch ?? 0) - 200) < 1)
        #expect((0.9...1.01).contains(values[240].delta))
    }

    @Test func theMedianForgetsAfterThreeSeconds() {
        let values = Self.run(
            [Double](repeating: 100, count: 300) + [Double](repeating: 200, count: 301))
        #expect(abs(values.last?.delta ?? 1) < 1e-6)
        #expect(Self.run([.nan, .infinity, -3]).allSatisfy { $0.pitch == 0 })
    }
}
