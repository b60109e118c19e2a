// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import LipSync
@testable import avatar_bench

/// The ways to get a mouth wrong that look right: each is shown to fail, and ours beside it not to.
@Suite struct MouthTrapTests {
    @Test func oneRateForEachClassBreaksTheSum() {
        // Closures quicker than vowels, as a filter a class invites to.
        var (lips, vowel, ours) = (MouthFilter(.rest), MouthFilter(.rest), MouthFilter(.rest))
        var worst = (each: 0.0, ours: 0.0)
        for tick in 0..<60 {
            let target = MouthShape(tick % 20 < 8 ? .mbp : .ai)
            lips.step(toward: target, milliseconds: 1000 / 120, rate: 90)
            vowel.step(toward: target, milliseconds: 1000 / 120, rate: 30)
            ours.step(toward: target, milliseconds: 1000 / 120, rate: 60)
            let sum = lips.output[.mbp] + vowel.output[.ai] + vowel.output[.rest]
            worst.each = max(worst.each, abs(sum - 1))
            worst.ours = max(worst.ours, abs(ours.output.sum - 1))
        }
        #expect(worst.each > 0.2)
        #expect(worst.ours < 1e-12)
    }

    @Test func theLargerOfOldAndNewInflatesTheSum() {
        // weights = max(new, old × .85), sound by sound.
        var weights = [Double](repeating: 0, count: Viseme.count)
        var largest = 0.0
        for viseme in [Viseme.mbp, .ai, .l, .e, .fv, .o, .ch, .u, .r, .wq] {
            for index in weights.indices {
                weights[index] = max(weights[index] * 0.85, index == viseme.rawValue ? 1 : 0)
            }
            largest = max(largest, weights.reduce(0, +))
        }
        #expect(largest > 3)
        var mouth = Mouth()
        mouth.append(
            ["M", "AA1", "L", "EH1", "F", "OW1", "CH", "UW1", "R", "W"].enumerated().map {
                Phone($1, start: Double($0) * 80, end: Double($0 + 1) * 80)
            })
        for keyframe in mouth.finish() { #expect(abs(keyframe.shape.sum - 1) < 1e-9) }
    }

    @Test func onePoleDependsOnHowOftenItIsCalled() {
        // α = 1 − e^(−ω dt) with a fixed dt, called once a sound: it gets a fifth of the way.
        let alpha = 1 - exp(-14 * 0.0167)
        let once = SystemMouths.onePole([.rest, MouthShape(.mbp)], factor: alpha)
        #expect(once[1][.mbp] < 0.25)
        var (whole, parts) = (MouthFilter(.rest), MouthFilter(.rest))
        whole.step(toward: MouthShape(.mbp), milliseconds: 80, rate: 60)
        for _ in 0..<8 { parts.step(toward: MouthShape(.mbp), milliseconds: 10, rate: 60) }
        #expect(whole.output.distance(to: parts.output) < 1e-12)
        #expect(whole.output[.mbp] > 0.9)
    }

    @Test func shortVowelsDoNotReachTheirShape() {
        func opening(_ duration: Double) -> Double {
            let curve = MouthCurve([
                Phone("S", start: 200, end: 300), Phone("AA1", start: 300, end: 300 + duration),
                Phone("S", start: 300 + duration, end: 400 + duration),
            ])
            return stride(from: 280, through: 320 + duration, by: 2)
                .map { curve.shape(at: $0)[.ai] }.max() ?? 0
        }
        let openings = [20.0, 30, 45, 60, 90].map(opening)
        #expect(zip(openings, openings.dropFirst()).allSatisfy { $0 < $1 })
        #expect(openings[0] < 0.3)
        #expect(openings[4] > 0.6)
    }

    @Test func softVowelsOpenLessAndClosuresStayClosed() {
        let phones = MouthTests.maybe
        func curve(_ energy: Double) -> MouthCurve {
            MouthCurve(phones, energies: [Double](repeating: energy, count: 120))
        }
        let (soft, plain, loud) = (curve(0.1), MouthCurve(phones), curve(1))
        var fewer = 0
        for ((left, middle), right) in zip(zip(soft.samples, plain.samples), loud.samples) {
            #expect(abs(left.shape.sum - 1) < 1e-9 && left.shape.lanes.min() >= 0)
            #expect(abs(right.shape.sum - 1) < 1e-9 && right.shape.lanes.min() >= 0)
            #expect(abs(left.shape[.mbp] - middle.shape[.mbp]) < 1e-9)
            #expect(left.shape[.e] <= middle.shape[.e] + 1e-9)
            #expect(right.shape[.e] >= middle.shape[.e] - 1e-9)
            if left.shape[.e] < middle.shape[.e] - 0.1 { fewer += 1 }
        }
        #expect(fewer > 10)
        #expect(MouthShape(.ai).voiced(.nan) == MouthShape(.ai))
        #expect(MouthShape(.mbp).voiced(0) == MouthShape(.mbp))
    }

    @Test func pausesHoldThenHalveThenRest() {
        func rest(_ duration: Double, after symbol: String = "AA1") -> Double {
            let curve = MouthCurve([
                Phone(symbol, start: 200, end: 350),
                Phone("sil", start: 350, end: 350 + duration),
                Phone("AA1", start: 350 + duration, end: 500 + duration),
            ])
            return stride(from: 350, through: 350 + duration, by: 2)
                .map { curve.shape(at: $0)[.rest] }.max() ?? 0
        }
        #expect(rest(100) < 0.05)
        #expect((0.3...0.55).contains(rest(250)))
        #expect(rest(500) > 0.85)
        // Behind closed lips the mouth opens to rest, it does not stay half closed.
        #expect(rest(250, after: "P") > 0.6)
    }

    @Test func noSecondHasMoreThanSixtyKeyframes() {
        // A mouth that no voice has: another shape every sample.
        var reducer = KeyframeReducer()
        var times: [Double] = []
        for tick in 0..<1_200 {
            let shape = MouthShape(Viseme.allCases[tick * 7 % Viseme.count])
            if let due = reducer.add(
                Keyframe(time: Double(tick) * Mouth.sampleInterval, shape: shape))
            {
                times.append(due.time)
            }
        }
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 200 })
        #expect(zip(times, times.dropFirst(60)).allSatisfy { $1 - $0 >= 996 })
    }

    @Test func keyframesKeepTheirBoundsOnLabelledSpeech() throws {
        // Row 13: ≤ 30 a second, ≤ 60 in any, ≤ 90 bytes; what a client draws is within .03.
        var (count, bytes, seconds) = (0, 0, 0.0)
        var (worst, step) = (0.0, 0.0)
        for utterance in try MouthAcceptanceTests.utterances() {
            let phones = try TimedPhones.resolve(.words(utterance.wordTimings)).phones
            let curve = MouthCurve(phones)
            let keyframes = curve.keyframes
            for keyframe in keyframes {
                let written = keyframe.shape.hundredths
                #expect(
                    keyframe.shape.distance(
                        to: MouthShape(written.map { ($0.viseme, Double($0.value) / 100) })) < 1e-9,
                    "a client gets another shape")
                let weights = written.map { "\"\($0.viseme.name)\":\(Double($0.value) / 100)" }
                bytes +=
                    "{\"t_ms\":\(Int(keyframe.time)),\"weights\":{\(weights.joined(separator: ","))}}"
                    .utf8.count
            }
            count += keyframes.count
            seconds += curve.end / 1000
            for (index, first) in keyframes.enumerated() where index + 60 < keyframes.count {
                #expect(keyframes[index + 60].time - first.time >= 990)
            }
            let drawn = SystemMouths.frames(of: keyframes, count: curve.samples.count - 1)
            worst = zip(drawn, curve.samples).reduce(worst) {
                max($0, $1.0.distance(to: $1.1.shape))
            }
            // Two samples are 16.7 ms.
            step = zip(drawn, drawn.dropFirst(2)).reduce(step) { max($0, $1.0.distance(to: $1.1)) }
        }
        print(
            "keyframes: \(Double(count) / seconds) a second, \(bytes / count) bytes, error \(worst), step \(step)"
        )
        #expect(Double(count) <= 30 * seconds)
        #expect(Double(bytes) <= 90 * Double(count))
        #expect(worst <= 0.03)
        #expect(step <= 0.37)
    }
}
