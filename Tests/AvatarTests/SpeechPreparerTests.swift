// SPDX-License-Identifier: Apache-2.0
import Foundation
import LipSync
import Speech
import Testing

@testable import Avatar

@Suite struct SpeechPreparerTests {
    /// Half a second of a voice-like tone between silences, with a click at its start.
    static let sound: [Float] = (0..<48_000).map { index in
        let t = Double(index) / 48_000
        guard (0.1..<0.8).contains(t) else { return 0 }
        return Float(
            (1...8).reduce(0.0) { $0 + sin(2 * .pi * 140 * Double($1) * t) / Double($1) } * 0.2)
    }
    /// A stretch of a tone without end.
    static func tone(milliseconds range: Range<Int>) -> ArraySlice<Float> {
        (range.lowerBound * 48..<range.upperBound * 48).map {
            Float(sin(2 * .pi * 140 * Double($0) / 48_000) * 0.2)
        }[...]
    }

    static let phones = [
        Phone("sil", start: 0, end: 100), Phone("M", start: 100, end: 200),
        Phone("AA1", start: 200, end: 500), Phone("P", start: 500, end: 600),
        Phone("IY1", start: 600, end: 800),
    ]
    static let words = [
        TimedText(text: "Mahpee.", range: 0..<7, start: 100, end: 800)
    ]

    /// The utterance in pieces of `step` samples.
    static func prepare(
        step: Int, sound: [Float] = sound, followsEnergy: Bool = false
    ) throws -> PreparedSpeech {
        var preparer = try SpeechPreparer(followsEnergy: followsEnergy)
        var whole = PreparedSpeech()
        func add(_ piece: PreparedSpeech) {
            whole.frames += piece.frames
            whole.keyframes += piece.keyframes
            whole.prosody += piece.prosody
            whole.speech += piece.speech
            whole.isLast = whole.isLast || piece.isLast
        }
        for start in stride(from: 0, to: sound.count, by: step) {
            let end = min(start + step, sound.count)
            let range = Double(start) / 48..<Double(end) / 48
            add(
                try preparer.add(
                    sound[start..<end], phones: phones.filter { range.contains($0.start) },
                    words: words.filter { range.contains($0.start) }))
        }
        add(try preparer.finish())
        return whole
    }

    @Test func theDecodedSoundStandsWhereTheMessagesSay() throws {
        let speech = try Self.prepare(step: 48_000)
        var decoder = try OpusDecoder()
        var decoded: [Float] = []
        for frame in speech.frames { decoded += try decoder.decode(frame.payload) }
        let onset = try #require(decoded.firstIndex { abs($0) > 0.0126 })
        guard case .start(let start)? = speech.speech.first else {
            Issue.record("the first message is no start")
            return
        }
        #expect(abs(Double(onset) / 48 - start) <= 2.5)
        // Look-ahead accounted for: the sound comes that much later than it went in.
        #expect(start > 100 + 2 && start < 100 + 8)
    }

    @Test func streamingChangesNothing() throws {
        let whole = try Self.prepare(step: 48_000)
        let pieces = try Self.prepare(step: 1_111)
        #expect(whole.frames == pieces.frames)
        #expect(whole.prosody == pieces.prosody)
        for time in stride(from: 0.0, to: 1100, by: 10) {
            #expect(shape(whole.keyframes, time).distance(to: shape(pieces.keyframes, time)) < 1e-9)
        }
    }

    @Test func aMouthThatFollowsTheEnergyIsTheFilesAndOpensByLoudness() throws {
        var open: [Double] = []
        for gain in [Float(0.1), 1] {
            let sound = Self.sound.map { $0 * gain }
            let pieces = try Self.prepare(step: 1_111, sound: sound, followsEnergy: true)
            #expect(
                pieces.keyframes
                    == (try Self.prepare(step: 48_000, sound: sound, followsEnergy: true)).keyframes
            )
            var analyzer = ProsodyAnalyzer()
            let frames = analyzer.add(sound) + analyzer.finish()
            let curve = MouthCurve(Self.phones, energies: frames.map(\.energy))
            let lookahead = pieces.keyframes[1].time.truncatingRemainder(
                dividingBy: Mouth.sampleInterval)
            for time in stride(from: 100.0, to: 900, by: 10) {
                let told = shape(pieces.keyframes, time + lookahead)
                #expect(told.distance(to: curve.shape(at: time)) <= 0.03, "at \(time)")
            }
            open.append(shape(pieces.keyframes, 400)[.ai])
        }
        #expect(open[1] > open[0] + 0.05, "\(open)")
    }

    @Test func everyPartIsThereAndInOrder() throws {
        let speech = try Self.prepare(step: 9_600)
        #expect(speech.isLast)
        // A second of sound and the tail, in whole frames.
        #expect(speech.frames.count == 63)
        #expect(speech.frames.first?.level == 127 && speech.frames[20].level < 30)
        #expect(speech.keyframes.first == Keyframe(time: 0, shape: .rest))
        #expect(speech.keyframes.last?.shape == .rest)
        #expect((speech.keyframes.last?.time ?? 0) <= Double(speech.frames.count * 20) + 40)
        #expect(
            zip(speech.keyframes, speech.keyframes.dropFirst()).allSatisfy { $0.time < $1.time })
        #expect(zip(speech.prosody, speech.prosody.dropFirst()).allSatisfy { $0.time < $1.time })
        #expect(speech.prosody.last?.isSpeaking == false)
        #expect(speech.prosody.contains { abs($0.pitch - 140) < 2 })
        let envelope = speech.speech.reduce(0) { sum, event in
            if case .envelope(_, 10, let levels) = event { sum + levels.count } else { sum }
        }
        #expect(envelope == 100)
        guard case .end(let end)? = speech.speech.last else {
            Issue.record("the last message is no end")
            return
        }
        #expect(end > 1000 && end < 1010)
    }

    @Test func aFirstClosureGetsTheTimeToClose() throws {
        var preparer = try SpeechPreparer()
        let phones = [
            Phone("P", start: 0, end: 38), Phone("L", start: 38, end: 90),
            Phone("IY1", start: 90, end: 400),
        ]
        var piece = try preparer.add(Self.sound[4800...], phones: phones, words: [])
        piece.keyframes += try preparer.finish().keyframes
        guard case .start(let start)? = piece.speech.first else {
            Issue.record("the first message is no start")
            return
        }
        // 81 ms of silence, and the encoder's look-ahead.
        #expect(start > 81 && start < 90)
        let peak =
            stride(from: 81.0, to: 125, by: 1)
            .map { shape(piece.keyframes, $0)[.mbp] }.max() ?? 0
        #expect(peak >= 0.9)
    }

    @Test func theMouthSpeaksTheLanguageOfItsVoice() throws {
        let phones = [Phone(ipa: "y", start: 100, end: 400), Phone("sil", start: 400, end: 800)]
        for (language, viseme) in [("de-DE", Viseme.u), ("en-US", .e)] {
            var preparer = try SpeechPreparer(language: language)
            var piece = try preparer.add(Self.sound[...], phones: phones, words: [])
            piece.keyframes += try preparer.finish().keyframes
            #expect(shape(piece.keyframes, 260)[viseme] > 0.5, "\(language)")
        }
    }

    private func shape(_ keyframes: [Keyframe], _ time: Double) -> MouthShape {
        var utterance = Utterance(id: 1, text: "")
        var piece = PreparedSpeech()
        piece.keyframes = keyframes
        utterance.append(piece)
        return utterance.keyframes.items.shape(at: time)
    }
}
