// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

@Suite struct MouthTests {
    static let maybe = [
        Phone("sil", start: 0, end: 200), Phone("M", start: 200, end: 280),
        Phone("EY1", start: 280, end: 420), Phone("B", start: 420, end: 490),
        Phone("IY0", start: 490, end: 650), Phone("sil", start: 650, end: 1000),
    ]

    @Test func filterFollowsThePublishedStepAndPulse() {
        // A step of five ticks of 1/60 s at rate 60, then back: the sheet's table.
        let expected = [
            0.264241, 0.593994, 0.800852, 0.908422, 0.959572, 0.718408, 0.398711, 0.196129,
            0.090344,
            0.039928,
        ]
        var filter = MouthFilter(.rest)
        for (tick, value) in expected.enumerated() {
            filter.step(
                toward: MouthShape(tick < 5 ? .mbp : .rest), milliseconds: 1000 / 60, rate: 60)
            #expect(abs(filter.output[.mbp] - value) < 1e-6)
        }
    }

    @Test func filterStaysOnTheSimplexForRandomTargetsStepsAndRates() {
        var random = SeededRandom(seed: 7)
        var filter = MouthFilter(.rest)
        for _ in 0..<100_000 {
            let a = Double.random(in: 0...1, using: &random)
            let target = MouthShape([
                (Viseme.allCases[Int.random(in: 0..<12, using: &random)], a),
                (Viseme.allCases[Int.random(in: 0..<12, using: &random)], 1 - a),
            ])
            filter.step(
                toward: target, milliseconds: Double.random(in: 0.1...250, using: &random),
                rate: Double.random(in: 20...120, using: &random))
            #expect(filter.output.lanes.min() >= 0)
            #expect(abs(filter.output.sum - 1) <= 1e-9)
        }
    }

    @Test func twoHalfStepsEqualOne() {
        var whole = MouthFilter(.rest)
        var halves = MouthFilter(.rest)
        let target = MouthShape(.o)
        whole.step(toward: target, milliseconds: 30, rate: 60)
        halves.step(toward: target, milliseconds: 11, rate: 60)
        halves.step(toward: target, milliseconds: 19, rate: 60)
        #expect(whole.output.distance(to: halves.output) < 1e-12)
    }

    @Test func maybeClosesTwiceAndOpensBetween() {
        // The sheet's worked example, within the rounding of its table.
        let golden: [(Double, Viseme, Double)] = [
            (100, .rest, 0.708), (100, .mbp, 0.119), (150, .mbp, 0.607), (200, .mbp, 0.954),
            (216.667, .mbp, 0.971), (250, .mbp, 0.708), (300, .e, 0.746), (300, .mbp, 0.189),
            (400, .mbp, 0.879), (416.667, .mbp, 0.944), (450, .mbp, 0.881), (550, .e, 0.795),
            (700, .rest, 0.897), (800, .rest, 0.993),
        ]
        var mouth = Mouth()
        mouth.append(Self.maybe)
        let keyframes = mouth.finish()
        for (time, viseme, value) in golden {
            let shape = interpolate(keyframes, at: time)
            #expect(
                abs(shape[viseme] - value) < 0.035, "\(viseme.name) at \(time): \(shape[viseme])")
        }
    }

    @Test func keyframesAreOrderedThinAndReachEveryClosure() {
        var mouth = Mouth()
        mouth.append(Self.maybe)
        let keyframes = mouth.finish()
        #expect(keyframes.first == Keyframe(time: 0, shape: .rest))
        #expect(keyframes.last?.shape == .rest)
        for (left, right) in zip(keyframes, keyframes.dropFirst()) {
            #expect(right.time - left.time >= 8)
            #expect(right.time - left.time <= 200)
        }
        for phone in Self.maybe where ["M", "B"].contains(phone.symbol) {
            let peak =
                stride(from: phone.start, to: phone.end, by: 1)
                .map { interpolate(keyframes, at: $0)[.mbp] }.max() ?? 0
            #expect(peak >= 0.9)
        }
    }

    @Test func streamingGivesTheSameKeyframesAsTheWholeAtOnce() {
        var whole = Mouth()
        whole.append(Self.maybe)
        var streamed = Mouth()
        var keyframes: [Keyframe] = []
        for phone in Self.maybe {
            streamed.append([phone])
            keyframes += streamed.advance(to: phone.end)
        }
        keyframes += streamed.finish()
        let expected = whole.finish()
        for time in stride(from: 0.0, to: 1200, by: 5) {
            #expect(
                interpolate(keyframes, at: time).distance(to: interpolate(expected, at: time))
                    < 0.001)
        }
    }

    @Test func noStepIsLargerThanTheFilterAllows() {
        var mouth = Mouth()
        mouth.append(Self.maybe)
        let keyframes = mouth.finish()
        for time in stride(from: 0.0, to: 1200, by: 1000.0 / 60) {
            let step = interpolate(keyframes, at: time + 1000 / 60)
                .distance(to: interpolate(keyframes, at: time))
            #expect(step <= 0.37)
        }
    }

    @Test func hostilePhonesGiveASaneMouth() {
        var mouth = Mouth()
        mouth.append([
            Phone("M", start: .nan, end: 3), Phone("B", start: -500, end: -400),
            Phone("??", start: 100, end: 50), Phone("AA", start: 1e12, end: .infinity),
            Phone("F", start: 20, end: 1e300),
        ])
        let keyframes = mouth.finish()
        #expect(keyframes.allSatisfy { abs($0.shape.sum - 1) < 1e-9 && $0.shape.lanes.min() >= 0 })
        #expect(keyframes.last?.shape == .rest)
    }

    @Test func homingReachesRestInTime() {
        let keyframes = Mouth.homing(from: MouthShape(.ai), at: 1000)
        let rest = interpolate([Keyframe(time: 1000, shape: MouthShape(.ai))] + keyframes, at: 1075)
        #expect(rest[.rest] >= 0.9)
        #expect(keyframes.last?.shape == .rest)
    }

    @Test func hundredthsAlwaysAddUpToOne() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<2000 {
            let raw = (0..<12).map { _ in Double.random(in: 0...1, using: &random) }
            let sum = raw.reduce(0, +)
            let shape = MouthShape(zip(Viseme.allCases, raw).map { ($0, $1 / sum) })
            #expect(shape.hundredths.reduce(0) { $0 + $1.value } == 100)
            #expect(shape.hundredths.allSatisfy { $0.value > 0 })
        }
    }
}

/// Linear interpolation as a client does it.
func interpolate(_ keyframes: [Keyframe], at time: Double) -> MouthShape {
    guard let next = keyframes.firstIndex(where: { $0.time >= time }) else {
        return keyframes.last?.shape ?? .rest
    }
    guard next > 0 else { return keyframes[next].shape }
    let (left, right) = (keyframes[next - 1], keyframes[next])
    return left.shape.blended(
        toward: right.shape, by: (time - left.time) / (right.time - left.time))
}
