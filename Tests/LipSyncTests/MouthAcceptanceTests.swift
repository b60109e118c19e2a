// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport
import Testing

@testable import LipSync
@testable import avatar_bench

/// What the mouth must do on labelled speech: 36 utterances of as many speakers of the X-ray
/// microbeam database. The whole figures come from `avatar-bench lipsync --data`.
@Suite struct MouthAcceptanceTests {
    static func utterances() throws -> [LabelledUtterance] {
        let file = Fixtures.peers.appending(path: "lipsync/xrmb-excerpt.tsv")
        return XRMB.utterances(try String(contentsOf: file, encoding: .utf8))
    }

    private static func score(
        _ frames: (LabelledUtterance, Int) throws -> MouthFrames
    ) throws -> MouthScore {
        var score = MouthScore()
        for utterance in try utterances() {
            score.add(try frames(utterance, SystemMouths.count(utterance)), utterance)
        }
        return score
    }

    @Test func closuresAreReachedHeldAndReleasedFromWordTimes() throws {
        let score = try Self.score { utterance, count in
            let timed = try TimedPhones.resolve(.words(utterance.wordTimings))
            return SystemMouths.ours(timed.phones, count: count)
        }
        #expect(score.lips.of > 150)
        #expect(Double(score.lips.reached) >= 0.99 * Double(score.lips.of))
        #expect(Double(score.teeth.reached) >= 0.95 * Double(score.teeth.of))
        #expect(score.holds.quantile(0.5) >= 50)
        #expect((-75 ... -35).contains(score.onsets.quantile(0.5)))
        #expect(Double(score.falseFrames.closed) <= 0.002 * Double(score.falseFrames.of))
        #expect(score.largestStep <= 0.37)
        #expect(score.offSimplex == 0)
    }

    @Test func everyLabelledClosureIsReached() throws {
        let score = try Self.score { utterance, count in
            SystemMouths.ours(
                try TimedPhones.resolve(.phones(utterance.phones)).phones, count: count)
        }
        #expect(score.lips.reached == score.lips.of)
        #expect(Double(score.teethApart.reached) >= 0.97 * Double(score.teethApart.of))
        #expect(Double(score.reopened.open) >= 0.97 * Double(score.reopened.of))
    }

    @Test func smoothingWithoutGatesNeverCloses() throws {
        // The traps: a critically damped filter alone, with and without lead, and one pole.
        for rate in [15.0, 25] {
            for lead in [0, 2000 / rate] {
                let score = try Self.score { utterance, count in
                    SystemMouths.damped(
                        SystemMouths.steps(utterance.phones, count: count), rate: rate, lead: lead)
                }
                #expect(Double(score.lips.reached) < 0.2 * Double(score.lips.of))
            }
        }
        let onePole = try Self.score { utterance, count in
            SystemMouths.onePole(
                SystemMouths.steps(utterance.phones, count: count), factor: 0.208)
        }
        #expect(Double(onePole.lips.reached) < 0.2 * Double(onePole.lips.of))
        let steps = try Self.score { SystemMouths.steps($0.phones, count: $1) }
        #expect(steps.lips.reached == steps.lips.of)
        #expect(steps.largestStep == 1)
    }

    @Test func onsetsInsideWordsAreWithinTheirBound() throws {
        var (ours, even) = (OnsetErrors(), OnsetErrors())
        for utterance in try Self.utterances() {
            let timed = try TimedPhones.resolve(.words(utterance.wordTimings))
            ours.add(timed.phones.filter { !$0.isSilence }.map(\.start), utterance)
            even.add(
                utterance.words.flatMap { word in
                    word.phones.indices.map { index in
                        word.start + (word.end - word.start)
                            * Double(index - word.phones.lowerBound) / Double(word.phones.count)
                    }
                }, utterance)
        }
        #expect(ours.errors.count > 700)
        #expect(ours.errors.mean <= 25.5)
        #expect(even.errors.mean > 30)
    }

    private struct OnsetErrors {
        var errors: [Double] = []

        mutating func add(_ onsets: [Double], _ utterance: LabelledUtterance) {
            var next = 0
            for word in utterance.words {
                for (offset, index) in word.phones.enumerated() {
                    if offset > 0, next < onsets.count {
                        errors.append(abs(onsets[next] - utterance.phones[index].start))
                    }
                    next += 1
                }
            }
        }
    }

    @Test func keyframesAreFewAndTellTheWholeCurve() throws {
        for utterance in try Self.utterances().prefix(8) {
            let phones = try TimedPhones.resolve(.words(utterance.wordTimings)).phones
            let curve = MouthCurve(phones)
            let keyframes = curve.keyframes
            let seconds = curve.end / 1000
            #expect(Double(keyframes.count) <= 30 * seconds + 2)
            for (index, first) in keyframes.enumerated() where index + 60 < keyframes.count {
                #expect(keyframes[index + 60].time - first.time >= 990)
            }
            let drawn = SystemMouths.frames(of: keyframes, count: curve.samples.count - 1)
            let worst = zip(drawn, curve.samples).map { $0.distance(to: $1.shape) }.max() ?? 1
            #expect(worst <= 0.03)
        }
    }

    @Test func rampFollowsTheExactSolution() {
        // T = 10 t from rest, 50 ms at rate 60: u = .341631, y = .208156 in closed form.
        var filter = MouthFilter(.rest)
        let steps = 20_000
        for step in 0..<steps {
            let time = (Double(step) + 0.5) / Double(steps) * 0.05
            filter.step(
                toward: MouthShape([(.ai, 10 * time), (.rest, 1 - 10 * time)]),
                milliseconds: 50 / Double(steps), rate: 60)
        }
        #expect(abs(filter.inner[.ai] - 0.341631) < 1e-5)
        #expect(abs(filter.output[.ai] - 0.208156) < 1e-5)
    }

    @Test func anyStepEqualsItsParts() {
        var random = SeededRandom(seed: 21)
        for _ in 0..<2000 {
            let target = MouthShape(Viseme.allCases[Int.random(in: 0..<12, using: &random)])
            let (a, b) = (
                Double.random(in: 0.1...200, using: &random),
                Double.random(in: 0.1...200, using: &random)
            )
            let rate = Double.random(in: 20...120, using: &random)
            var whole = MouthFilter(.rest)
            var parts = whole
            whole.step(toward: target, milliseconds: a + b, rate: rate)
            parts.step(toward: target, milliseconds: a, rate: rate)
            parts.step(toward: target, milliseconds: b, rate: rate)
            #expect(whole.output.distance(to: parts.output) < 1e-12)
        }
    }

    @Test func theSoundMovesABoundaryToWhereItIs() throws {
        // "see": a hiss of 90 ms, then a voice; the model alone expects another border.
        var random = SeededRandom(seed: 9)
        let rate = 16_000.0
        func sound(_ border: Double) -> MonoSound {
            var last: Float = 0
            let samples = (0..<Int(0.7 * rate)).map { index -> Float in
                let time = Double(index) / rate * 1000
                guard time >= 200, time < 500 else { return 0 }
                guard time < 200 + border else {
                    let sum = [(140.0, 0.3), (280, 0.3), (2300, 0.1), (3000, 0.05)].reduce(0.0) {
                        $0 + $1.1 * sin(2 * .pi * $1.0 * time / 1000)
                    }
                    return Float(sum)
                }
                // Differences of noise have their energy at the top.
                let noise = Float.random(in: -0.15...0.15, using: &random)
                defer { last = noise }
                return noise - last
            }
            return MonoSound(samples, rate: rate)
        }
        let word = WordTiming("see", phones: ["S", "IY1"], start: 200, end: 500)
        let modelled = try TimedPhones.resolve(.words([word])).phones
        for border in [90.0, 130, 190] {
            let heard = try TimedPhones.resolve(.words([word]), sound: sound(border))
            #expect(heard.rung == .wordsAndSound)
            let onset = heard.phones.first { $0.symbol == "IY" }?.start ?? 0
            #expect(abs(onset - 200 - border) <= 12)
        }
        #expect(modelled.contains { $0.symbol == "IY" && $0.start > 200 })
        // Frames are not independent: a weight near one would drown the lengths.
        #expect((0.05...0.1).contains(SoundAligner.weight))
    }

    @Test func pausesInTheSoundPartASpan() throws {
        let rate = 16_000.0
        let samples = (0..<Int(2.0 * rate)).map { index -> Float in
            let time = Double(index) / rate
            let isSpeech = (0.2..<0.8).contains(time) || (1.2..<1.8).contains(time)
            return isSpeech ? Float(0.3 * sin(2 * .pi * 150 * time)) : 0
        }
        let words = ["one,", "two"].map { SpokenWord($0, phones: ["W", "AH1", "N"]) }
        let timed = try TimedPhones.resolve(
            .span(words, start: 0, end: 2000), sound: MonoSound(samples, rate: rate))
        #expect(timed.rung == .span)
        let starts = timed.phones.filter { $0.symbol == "W" }.map(\.start)
        #expect(starts.count == 2)
        #expect(abs((starts.first ?? 0) - 200) < 40)
        #expect(abs((starts.last ?? 0) - 1200) < 40)
        let alone = try TimedPhones.resolve(.audio, sound: MonoSound(samples, rate: rate))
        #expect(alone.quality == .energy)
        #expect(alone.phones.filter(\.isSilence).count == 3)
    }
}
