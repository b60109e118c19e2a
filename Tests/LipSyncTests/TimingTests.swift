// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

@Suite struct TimingTests {
    static func onsets(_ timed: TimedPhones) -> [Double] {
        timed.phones.filter { !$0.isSilence }.map(\.start)
    }

    static func symbols(_ timed: TimedPhones) -> [String] { timed.phones.map(\.symbol) }

    @Test func wordsBecomePhonesThatFillThem() throws {
        let timed = try TimedPhones.resolve(
            .words([
                WordTiming("maybe", phones: ["M", "EY1", "B", "IY0"], start: 200, end: 650),
                WordTiming("not", phones: ["N", "AA1", "T"], start: 660, end: 950),
            ]))
        #expect(
            Self.symbols(timed) == ["sil", "M", "EY", "B", "IY", "N", "AA", "T"])
        #expect(timed.rung == .words)
        #expect(timed.rung.number == 3)
        #expect(timed.quality == .full)
        for (left, right) in zip(timed.phones, timed.phones.dropFirst()) {
            #expect(left.end == right.start)
            #expect(right.duration >= TimedPhones.shortestPhone)
        }
        // The gap of 10 ms is no pause: the vowel runs on.
        #expect(abs(timed.phones[5].start - 660) < 1e-9)
        #expect(abs((timed.phones.last?.end ?? 0) - 950) < 1e-9)
    }

    @Test func theModelGivesTheSheetsLengths() {
        // BASE times every multiplier that applies, by hand: "spun" inside a phrase.
        let word = SpeechSound.word(["S", "P", "AH1", "N"], language: .english)
        let model = DurationModel(language: .stressTimed)
        let lengths = model.lengths(word, isBeforePause: false)
        let expected = [
            138 * 0.95 * 1.13 * 0.83 * 0.98,
            91 * 0.89 * 0.78 * 1.23 * 0.98 * 0.98,
            71 * 1.09 * 0.92 * 0.96 * 0.84 * 1.08,
            68 * 1.16 * 0.79 * 0.98,
        ]
        for (value, hand) in zip(lengths, expected) { #expect(abs(value - hand) < 0.01) }
        // Before a pause the rhyme is drawn out.
        let last = model.lengths(word, isBeforePause: true)
        #expect(abs(last[2] / lengths[2] - 1.90) < 0.001)
        #expect(abs(last[3] / lengths[3] - 1.77 * 1.10) < 0.001)
    }

    @Test func stretchReachesTheTotalAndScattersByVariance() {
        let stretched = DurationModel.stretch([100, 100], spreads: [0.2, 0.5], to: 300)
        #expect(abs(stretched[0] + stretched[1] - 300) < 1e-6)
        #expect(stretched[1] > stretched[0] + 50)
        for total in [0.0, 0.001, 1, 5_000, 3e6] {
            let lengths = DurationModel.stretch([80, 1, 400], spreads: [0.3, 0.4, 0.5], to: total)
            #expect(abs(lengths.reduce(0, +) - total) < max(1e-6, total * 1e-9))
            #expect(lengths.allSatisfy { $0 >= 0 })
        }
    }

    @Test func inherentLengthsAloneAreNotUsed() {
        // The trap of dictionaries of lengths: a vowel inside "banana" is no citation form.
        let word = SpeechSound.word(["B", "AH0", "N", "AE1", "N", "AH0"], language: .english)
        let lengths = DurationModel().expect(
            word, isBeforePause: false, isAfterPause: false
        ).lengths
        #expect(lengths[1] < 0.6 * lengths[3])
        #expect(lengths[5] < 0.7 * lengths[3])
    }

    @Test func stressMarksOfIPAReachTheirVowel() {
        let word = SpeechSound.word(["ˈm", "a", "mː", "a"], language: .syllableTimed)
        #expect(word.map(\.stress) == [0, 1, 0, 0])
        #expect(word[2].base == 76 * 1.9)
        #expect(SpeechSound("yː", language: .stressTimed).base == 72 * 1.5)
        #expect(SpeechSound("ɑ̃", language: .syllableTimed).isVowel)
        #expect(SpeechSound("tʃ", language: .english).symbol == "CH")
    }

    @Test func lettersOfBeautifulSpellItsSounds() {
        let sounds = SpeechSound.word(
            ["B", "Y", "UW1", "T", "AH0", "F", "AH0", "L"], language: .english)
        let pieces = LetterAlignment(letters: Array("beautiful"), sounds: sounds).pieces
        #expect(
            pieces.map(\.letters) == [0..<1, 1..<4, 4..<5, 5..<6, 6..<7, 7..<8, 8..<9])
        #expect(pieces.map(\.sounds) == [0..<1, 1..<3, 3..<4, 4..<5, 5..<6, 6..<7, 7..<8])
    }

    @Test(arguments: [
        ("knight", ["N", "AY1", "T"], "kn igh t"),
        ("phone", ["F", "OW1", "N"], "ph o n e"),
        ("box", ["B", "AA1", "K", "S"], "b o x"),
        ("thought", ["TH", "AO1", "T"], "th ough t"),
        ("little", ["L", "IH1", "T", "AH0", "L"], "l i tt le"),
        ("schön", ["ʃ", "øː", "n"], "sch ö n"),
        ("gnocchi", ["ɲ", "ɔ", "kː", "i"], "gn o cch i"),
    ])
    func spellingsAreFound(word: String, phones: [String], expected: String) {
        let letters = Array(word)
        let pieces = LetterAlignment(
            letters: letters, sounds: SpeechSound.word(phones, language: .english)
        ).pieces
        let text = pieces.map { String(letters[$0.letters]) }.joined(separator: " ")
        #expect(text == expected)
        #expect(pieces.flatMap { Array($0.sounds) } == Array(phones.indices))
    }

    @Test func measuredLettersMoveTheSoundsAndEvenOnesDoNot() throws {
        let phones = ["M", "AA1", "P", "S"]
        func word(_ bounds: [Double]) -> WordTiming {
            let letters = zip("maps", zip(bounds, bounds.dropFirst())).map {
                CharacterTiming(String($0), start: $1.0, end: $1.1)
            }
            return WordTiming("maps", phones: phones, start: 0, end: 400, letters: letters)
        }
        let even = try TimedPhones.resolve(.words([word([0, 100, 200, 300, 400])]))
        let plain = try TimedPhones.resolve(
            .words([WordTiming("maps", phones: phones, start: 0, end: 400)]))
        #expect(even == plain)
        let measured = try TimedPhones.resolve(.words([word([0, 60, 260, 300, 400])]))
        #expect(measured.rung == .characters)
        #expect(measured.rung.number == 1)
        // Half way between the letters' word and the model's.
        for (index, bound) in [60.0, 260, 300].enumerated() {
            let wanted = (bound + plain.phones[index + 1].start) / 2
            #expect(abs(measured.phones[index + 1].start - wanted) < 0.5)
        }
    }

    @Test func wordsOfCharactersKeepTheirLettersAndLosePunctuation() {
        var time = 0.0
        let characters = "“Don't” stop, naïve 3D!".map { character -> CharacterTiming in
            defer { time += 50 }
            return CharacterTiming(String(character), start: time, end: time + 50)
        }
        let words = WordTiming.words(of: characters)
        #expect(words.map(\.text) == ["Don't", "stop", "naïve", "3D"])
        #expect(words.map(\.start) == [50, 400, 700, 1000])
        #expect(words[0].letters.count == 5)
        #expect(WordTiming.words(of: []).isEmpty)
    }

    @Test func longGapsArePausesAndShortOnesAreNot() throws {
        func phones(gap: Double) throws -> [String] {
            Self.symbols(
                try TimedPhones.resolve(
                    .words([
                        WordTiming("a", phones: ["AH0"], start: 0, end: 100),
                        WordTiming("b", phones: ["B", "IY1"], start: 100 + gap, end: 400 + gap),
                    ])))
        }
        #expect(try phones(gap: 79) == ["AH", "B", "IY"])
        #expect(try phones(gap: 81) == ["AH", "sil", "B", "IY"])
    }

    @Test func aSpanIsLaidOutByTheModel() throws {
        let timed = try TimedPhones.resolve(
            .span(
                [
                    SpokenWord("I", phones: ["AY1"]),
                    SpokenWord("remember", phones: ["R", "IH0", "M", "EH1", "M", "B", "ER0"]),
                ], start: 100, end: 800))
        #expect(timed.rung == .span)
        #expect(timed.rung.number == 5)
        #expect(timed.quality == .approximate)
        let onsets = Self.onsets(timed)
        #expect(onsets.count == 8)
        #expect(abs(onsets[0] - 100) < 1e-9)
        #expect(abs((timed.phones.last?.end ?? 0) - 800) < 1e-6)
    }

    @Test func wordsNobodyCanSayFollowTheEnergyAndSaySo() throws {
        let word = WordTiming("😀", phones: [], start: 100, end: 700)
        let murmur = try TimedPhones.resolve(.words([word]))
        #expect(murmur.quality == .energy)
        #expect(murmur.rung == .audio)
        #expect(murmur.phones.count > 4)
        #expect(!murmur.phones.contains { ["M", "B", "P", "F", "V"].contains($0.symbol) })
        let mixed = try TimedPhones.resolve(
            .words([word, WordTiming("me", phones: ["M", "IY1"], start: 800, end: 1000)]))
        #expect(mixed.quality == .partial)
        #expect(mixed.rung == .words)
    }

    @Test func theRungsAreTheLaddersOfTheSheet() {
        #expect(TimingRung.allCases.map(\.number) == [1, 1, 2, 3, 4, 5, 6])
        #expect(Set(TimingRung.allCases.map(\.name)).count == TimingRung.allCases.count)
    }
}
