// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import LipSync

/// The tracker on voices whose pitch is known because they are made here: pulses of a glottis
/// through the resonances of a mouth, hiss and silence between.
@Suite struct PitchAcceptanceTests {
    struct Voice {
        var samples: [Float] = []
        /// Pitch of every sample, Hz; 0 without voice.
        var pitch: [Double] = []

        static let rate = 16_000.0

        /// - Parameters:
        ///   - hertz: pitch over the seconds of the voice.
        ///   - creak: how much weaker every second pulse is, 0…1.
        mutating func speak(
            seconds: Double, creak: Double = 0, formants: [(Double, Double)], noise: Double,
            _ random: inout SeededRandom, hertz: (Double) -> Double
        ) {
            var phase = 0.0
            var isWeak = false
            let count = Int(seconds * Self.rate)
            var source = [Double](repeating: 0, count: count)
            for index in 0..<count {
                let f = hertz(Double(index) / Self.rate)
                pitch.append(f)
                phase += f / Self.rate
                if phase >= 1 {
                    phase -= 1
                    // Between two samples, so that the pitch is no whole number of samples.
                    let late = phase * Self.rate / f
                    let height = isWeak ? 1 - creak : 1
                    source[index] += height * (1 - late)
                    if index > 0 { source[index - 1] += height * late }
                    isWeak.toggle()
                }
                source[index] += noise * Double.random(in: -1...1, using: &random)
            }
            for (frequency, width) in formants {
                let radius = exp(-Double.pi * width / Self.rate)
                let turn = 2 * radius * cos(2 * Double.pi * frequency / Self.rate)
                var (last, before) = (0.0, 0.0)
                for index in source.indices {
                    let value = source[index] + turn * last - radius * radius * before
                    (before, last) = (last, value)
                    source[index] = value * (1 - radius)
                }
            }
            let loudest = source.map(abs).max() ?? 1
            samples += source.map { Float(0.5 * $0 / loudest) }
        }

        mutating func hiss(seconds: Double, level: Double, _ random: inout SeededRandom) {
            for _ in 0..<Int(seconds * Self.rate) {
                samples.append(Float(level * Double.random(in: -1...1, using: &random)))
                pitch.append(0)
            }
        }
    }

    static let formants = [
        [(700.0, 80.0), (1200, 90), (2500, 120)], [(300, 60), (2200, 100), (3000, 150)],
        [(450, 70), (900, 80), (2400, 120)],
    ]

    struct Errors {
        var gross = 0
        var voiced = 0
        var missed = 0
        var invented = 0
        var unvoiced = 0
        var cents: [Double] = []

        /// The spread of the fine errors.
        var spread: Double {
            let mean = cents.reduce(0, +) / Double(max(cents.count, 1))
            let squares = cents.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (squares / Double(max(cents.count, 1))).squareRoot()
        }
    }

    static func errors(_ voice: Voice, octaveCost: Double = PitchTracker.octaveCost) -> Errors {
        var tracker = PitchTracker(octaveCost: octaveCost)
        var errors = Errors()
        for (hop, start) in stride(from: 0, to: voice.samples.count - 160, by: 160).enumerated() {
            guard let found = tracker.add(voice.samples[start..<start + 160]) else { continue }
            // Two hops before, the middle of its window; where voice begins or ends nobody is right.
            let middle = (hop - 1) * 160 - PitchTracker.window / 2
            guard middle > 320, middle + 320 < voice.pitch.count else { continue }
            let around = voice.pitch[middle - 320..<middle + 320]
            let truth = voice.pitch[middle]
            if around.allSatisfy({ $0 > 0 }) {
                guard found > 0 else {
                    errors.missed += 1
                    continue
                }
                errors.voiced += 1
                if abs(found - truth) / truth > 0.2 {
                    errors.gross += 1
                } else {
                    errors.cents.append(1200 * log2(found / truth))
                }
            } else if around.allSatisfy({ $0 == 0 }) {
                errors.unvoiced += 1
                if found > 0 { errors.invented += 1 }
            }
        }
        return errors
    }

    @Test func pitchIsRightOnVoicesThatAreKnown() {
        var random = SeededRandom(seed: 12)
        var voice = Voice()
        for (index, base) in [85.0, 110, 140, 175, 210, 260, 330].enumerated() {
            for formants in Self.formants {
                // A sentence's fall with a trill of the voice on it.
                voice.speak(
                    seconds: 0.7, formants: formants, noise: 0.01, &random,
                    hertz: {
                        base * (1.15 - 0.4 * $0) * (1 + 0.02 * sin(2 * .pi * 5 * $0))
                    })
                voice.hiss(seconds: 0.2, level: index % 2 == 0 ? 0.1 : 0.001, &random)
            }
        }
        let errors = Self.errors(voice)
        #expect(errors.voiced > 900 && errors.unvoiced > 200)
        // Row 18: gross ≤ 1 %, fine ≤ 30 cents, voice where there is none ≤ 3 %.
        #expect(Double(errors.gross) <= 0.01 * Double(errors.voiced))
        #expect(errors.spread <= 30)
        #expect(Double(errors.invented) <= 0.03 * Double(errors.unvoiced))
        #expect(Double(errors.missed) <= 0.05 * Double(errors.voiced))
    }

    @Test func aCreakyVoiceIsNotHalvedAndWouldBeWithoutTheOctaveCost() {
        var random = SeededRandom(seed: 5)
        var voice = Voice()
        for formants in Self.formants {
            voice.speak(
                seconds: 1, creak: 0.2, formants: formants, noise: 0.005, &random,
                hertz: { 190 - 30 * $0 })
            voice.hiss(seconds: 0.1, level: 0.001, &random)
        }
        let errors = Self.errors(voice)
        #expect(errors.voiced > 200)
        #expect(Double(errors.gross) <= 0.05 * Double(errors.voiced))
        let careless = Self.errors(voice, octaveCost: 0.02)
        #expect(Double(careless.gross) > 0.2 * Double(careless.voiced))
    }

    @Test func smoothedPitchStandsInItsPlaceAndIsZeroWithoutVoice() {
        func frame(_ index: Int, _ pitch: Double) -> ProsodyFrame {
            ProsodyFrame(
                time: Double(index) * 10, pitch: pitch, energy: 0.5, isSpeaking: true, level: -20)
        }
        // A rise over half a second, a wrong octave in it, a gap, and a voice again.
        let pitches = (0..<120).map { index -> Double in
            if index < 10 || (60..<66).contains(index) || index >= 110 { return 0 }
            if index == 40 { return 320 }
            return 120 * exp2(Double(index) / 120)
        }
        var smoother = ProsodySmoother()
        var output: [ProsodyFrame] = []
        for (index, pitch) in pitches.enumerated() { output += smoother.add([frame(index, pitch)]) }
        #expect(output.count == 113)
        output += smoother.finish()
        #expect(output.map(\.time) == (0..<120).map { Double($0) * 10 })
        for (index, pitch) in pitches.enumerated() {
            #expect((output[index].pitch > 0) == (pitch > 0))
            guard pitch > 0 else { continue }
            // Within a third of a semitone of where the voice is: no lag, and no wrong octave.
            let truth = 120 * exp2(Double(index) / 120)
            let cents = 1200 * abs(log2(output[index].pitch / truth))
            #expect(cents < ((20..<103).contains(index) ? 35 : 90), "\(index): \(cents)")
        }
        #expect(smoother.finish().isEmpty)
    }
}
