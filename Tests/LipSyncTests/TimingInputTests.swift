// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

/// Input as it comes: files with much silence, marks between blanks, other alphabets' letters.
@Suite struct TimingInputTests {
    private static func tone(_ seconds: Double, amplitude: Float) -> [Float] {
        var phase: Float = 0
        return (0..<Int(seconds * 16_000)).map { index in
            phase += 0.055 + 0.01 * Float(index / 1_600 % 3)
            let folded = phase.truncatingRemainder(dividingBy: 2) - 1
            return amplitude * folded
        }
    }

    @Test func silenceIsNoSpeech() throws {
        var random = SeededRandom(seed: 5)
        let silences: [[Float]] = [
            [Float](repeating: 0, count: 16_000),
            (0..<16_000).map { _ in Float.random(in: -2...2, using: &random) / 32_768 },
        ]
        for silence in silences {
            let heard = try TimedPhones.resolve(.audio, sound: MonoSound(silence, rate: 16_000))
            #expect(heard.phones.filter { !$0.isSilence }.isEmpty)
        }
    }

    @Test func aWordInMuchSilenceIsAllThatIsHeard() throws {
        let sound =
            [Float](repeating: 0, count: 160_000) + Self.tone(0.7, amplitude: 0.2)
            + [Float](repeating: 0, count: 160_000)
        let words = [
            SpokenWord("maybe", phones: ["M", "EY1", "B", "IY0"]),
            SpokenWord("not", phones: ["N", "AA1", "T"]),
        ]
        for timing in [SpeechTiming.audio, .span(words, start: 0, end: 20_700)] {
            let timed = try TimedPhones.resolve(timing, sound: MonoSound(sound, rate: 16_000))
            let spoken = timed.phones.filter { !$0.isSilence }
            #expect(!spoken.isEmpty)
            #expect(spoken.allSatisfy { $0.start >= 9_950 && $0.end <= 10_750 }, "\(spoken)")
        }
    }

    @Test func noiseThatTouchesTheLevelOfAPauseTakesNoWord() throws {
        // Hum 33 dB below the voice, which rises a little three times before anybody speaks.
        var random = SeededRandom(seed: 8)
        var sound = (0..<40_000).map { _ in Float.random(in: -1...1, using: &random) * 0.0055 }
        for start in [800, 3_200, 5_200] {
            for index in start..<start + 900 { sound[index] *= 1.9 }
        }
        let voice = Self.tone(1.6, amplitude: 0.35)
        for (index, value) in voice.enumerated() { sound[8_000 + index] += value }
        let words = ["one", "two", "three", "four"].map {
            SpokenWord($0, phones: ["N", "AA1", "M", "IY0", "L"])
        }
        let timed = try TimedPhones.resolve(
            .span(words, start: 0, end: 2_500), sound: MonoSound(sound, rate: 16_000))
        let spoken = timed.phones.filter { !$0.isSilence }
        #expect(spoken.count == 20)
        #expect((spoken.first?.start ?? 0) > 440 && (spoken.last?.end ?? 9_999) < 2_200)
    }

    @Test func aMarkBetweenBlanksIsNoWord() throws {
        func word(_ text: String, _ phones: [String]) -> SpokenWord {
            SpokenWord(text, phones: phones)
        }
        let bonjour = word("Bonjour", ["b", "ɔ̃", "ʒ", "u", "ʁ"])
        let (ça, va) = (word("Ça", ["s", "a"]), word("va", ["v", "a"]))
        let marked = try TimedPhones.resolve(
            .span([bonjour, word("!", []), ça, va, word("?", [])], start: 0, end: 1_500),
            language: "fr")
        let plain = try TimedPhones.resolve(
            .span(
                [word("Bonjour!", bonjour.phones), ça, word("va?", va.phones)], start: 0, end: 1_500
            ),
            language: "fr")
        #expect(marked == plain && marked.quality == .approximate)
        let timed = try TimedPhones.resolve(
            .words([
                WordTiming("hello", phones: ["HH", "AH0", "L", "OW1"], start: 0, end: 400),
                WordTiming(",", phones: [], start: 400, end: 600),
                WordTiming("world", phones: ["W", "ER1", "L", "D"], start: 600, end: 1_000),
            ]))
        #expect(timed.quality == .full)
        #expect(
            timed.phones.map(\.symbol) == [
                "HH", "AH", "L", "OW", "sil", "W", "ER", "L", "D",
            ])
        #expect(throws: TimingError.empty) {
            try TimedPhones.resolve(.span([word("…", [])], start: 0, end: 500))
        }
    }

    @Test func lettersOfOnePieceAreThoseOfTwo() {
        let pairs = [
            "ʧ": "tʃ", "ʤ": "dʒ", "ʦ": "ts", "ʣ": "dz", "ʨ": "tɕ", "ʥ": "dʑ", "ä": "a", "ö": "o",
        ]
        for (one, two) in pairs {
            #expect(
                Phone(one, start: 0, end: 1) == Phone(two, start: 0, end: 1), "\(one)")
        }
        #expect(Phone("pcl", start: 0, end: 1).symbol == "P")
        #expect(Phone("<eps>", start: 0, end: 1).isSilence)
    }

    @Test func fewSoundsMayBeLongAndUnknownOnesOfAnyNumber() throws {
        func resolve(_ phones: [String], _ end: Double) throws -> TimedPhones {
            try TimedPhones.resolve(.words([WordTiming("x", phones: phones, start: 0, end: end)]))
        }
        #expect(try resolve(["OW1"], 1_200).phones.count == 1)
        #expect(try resolve([], 1_200).quality == .energy)
        #expect(
            try TimedPhones.resolve(.phones([Phone("AA1", start: 0, end: 1_300)])).phones.count == 1
        )
        #expect(throws: TimingError.wrongUnit) { _ = try resolve(["HH", "AH0", "L", "OW1"], 0.4) }
        #expect(throws: TimingError.wrongUnit) { try resolve(["OW1"], 6_400) }
    }

    @Test func aWrittenNumberKeepsAllItsSounds() throws {
        let phones = (0..<110).map { $0 % 2 == 0 ? "N" : "AY1" } + ["M"]
        let timed = try TimedPhones.resolve(
            .words([WordTiming("1,234,567,891", phones: phones, start: 0, end: 9_000)]))
        #expect(timed.phones.count == 111 && timed.phones.last?.symbol == "M")
    }

    @Test func piecesOfSeveralCharactersAreTakenApartAndNumbersKeepTheirMarks() {
        func words(_ pieces: [String]) -> [WordTiming] {
            WordTiming.words(
                of: pieces.enumerated().map {
                    CharacterTiming($1, start: Double($0) * 60, end: Double($0) * 60 + 60)
                })
        }
        let split = words(["Hel", "lo wor", "ld."])
        #expect(split.map(\.text) == ["Hello", "world"])
        #expect(split[0].end == 80 && split[1].start == 90)
        let numbers = words("3.5 km, $5, 10%. At 7:30, 1,000; a.b".map { String($0) })
        #expect(
            numbers.map(\.text) == ["3.5", "km", "$5", "10%", "At", "7:30", "1,000", "a", "b"])
    }
}
