// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

/// Times that nobody can have spoken at: refused in one sentence, or mended to a sane order.
@Suite struct TimingHostileTests {
    static func word(_ start: Double, _ end: Double) -> WordTiming {
        WordTiming("me", phones: ["M", "IY1"], start: start, end: end)
    }

    static func error(_ timing: SpeechTiming, sound: MonoSound? = nil) -> TimingError? {
        do {
            _ = try TimedPhones.resolve(timing, sound: sound)
            return nil
        } catch {
            return error
        }
    }

    @Test func nonsenseIsRefusedByName() {
        let w = Self.word
        #expect(Self.error(.words([w(.nan, 100)])) == .notFinite)
        #expect(Self.error(.words([w(0, .infinity)])) == .notFinite)
        #expect(Self.error(.words([w(-500, 100)])) == .negative)
        #expect(Self.error(.words([w(200, 100)])) == .reversed)
        #expect(Self.error(.words([w(500, 700), w(100, 300)])) == .reversed)
        #expect(Self.error(.words([w(0.1, 0.4), w(0.4, 0.7)])) == .wrongUnit)
        #expect(Self.error(.words([w(0, 9_600), w(9_600, 20_000)])) == .wrongUnit)
        #expect(Self.error(.words([w(0, 200), w(36_000_000, 36_000_200)])) == .tooLong)
        #expect(Self.error(.words([])) == .empty)
        #expect(Self.error(.span([], start: 0, end: 100)) == .empty)
        #expect(
            Self.error(.span([SpokenWord("a", phones: ["AH0"])], start: 3, end: 3)) == .wrongUnit)
        #expect(
            Self.error(.span([SpokenWord("a", phones: ["AH0"])], start: 9, end: 3)) == .reversed)
        #expect(Self.error(.audio) == .empty)
        #expect(Self.error(.phones([])) == .empty)
        #expect(Self.error(.phones([Phone("M", start: .nan, end: 1)])) == .notFinite)
        #expect(
            Self.error(.words([w(0, 200)]), sound: MonoSound([0, 0], rate: 50)) == .badRate)
        #expect(
            Self.error(.words([w(0, 200)]), sound: MonoSound([0], rate: 16_000, start: .nan))
                == .notFinite)
        let letters = [CharacterTiming("m", start: 0, end: .nan)]
        #expect(
            Self.error(
                .words([WordTiming("m", phones: ["M"], start: 0, end: 90, letters: letters)]))
                == .notFinite)
        for error in [
            TimingError.notFinite, .negative, .reversed, .wrongUnit, .tooLong, .badRate, .empty,
        ] {
            #expect(error.description.hasSuffix("."))
            #expect(!error.description.dropLast().contains(". "))
        }
    }

    @Test func aBillionWordsAreRefusedBeforeTheyAreRead() {
        let words = [WordTiming](
            repeating: Self.word(0, 200), count: TimedPhones.wordsMax + 1)
        #expect(Self.error(.words(words)) == .tooLong)
        let phones = [Phone](
            repeating: Phone("M", start: 0, end: 1), count: 4 * TimedPhones.wordsMax + 1)
        #expect(Self.error(.phones(phones)) == .tooLong)
    }

    @Test func smallFaultsAreMended() throws {
        // Overlapping, duplicate, without length, a hair before zero.
        let words = [
            Self.word(-5, 180), Self.word(150, 420), Self.word(400, 400), Self.word(400, 640),
            Self.word(640, 640), Self.word(700, 900), Self.word(700, 900),
        ]
        let timed = try TimedPhones.resolve(.words(words))
        Self.expectSane(timed.phones)
        let spoken = timed.phones.filter { !$0.isSilence }
        // The word without length got the gap behind it.
        #expect(spoken.count == 14)
        #expect(abs((spoken.last?.end ?? 0) - 900) < 1e-6)
    }

    @Test func overlappingPhonesAreOrderedAndHolesFilled() throws {
        let timed = try TimedPhones.resolve(
            .phones([
                Phone("M", start: 50, end: 150), Phone("AA", start: 120, end: 200),
                Phone("P", start: 300, end: 380), Phone("P", start: 380, end: 380),
            ]))
        #expect(timed.phones.map(\.symbol) == ["sil", "M", "AA", "sil", "P"])
        #expect(timed.phones.map(\.start) == [0, 50, 120, 200, 300])
        Self.expectSane(timed.phones)
    }

    @Test func anythingRandomEndsInAnErrorOrASaneMouth() {
        var random = SeededRandom(seed: 11)
        let symbols = ["M", "AA1", "ˈøː", "", "??", "\u{0301}", "sil", "TH", "B", "x", "tʃ"]
        let specials = [Double.nan, .infinity, -.infinity, -1, 0, 1e300, 1e-300, 3_600_000.1]
        func time(_ near: Double) -> Double {
            Int.random(in: 0..<40, using: &random) == 0
                ? specials[Int.random(in: 0..<specials.count, using: &random)]
                : near + Double.random(in: -20...400, using: &random)
        }
        var (sane, refused) = (0, 0)
        for _ in 0..<400 {
            var at = 0.0
            let words = (0..<Int.random(in: 0..<6, using: &random)).map { _ -> WordTiming in
                let start = time(at)
                let end = time(start)
                at = start.isFinite ? max(at, start) : at
                let phones = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
                    symbols[Int.random(in: 0..<symbols.count, using: &random)]
                }
                let letters = (0..<Int.random(in: 0..<5, using: &random)).map { index in
                    CharacterTiming(
                        ["a", "ʼ", "ß", "👩‍👩‍👧", ""][index], start: start, end: time(start))
                }
                return WordTiming("w", phones: phones, start: start, end: end, letters: letters)
            }
            let samples = (0..<Int.random(in: 0..<4000, using: &random)).map { _ in
                Float.random(in: -1...1, using: &random)
            }
            let sound = Bool.random(using: &random) ? MonoSound(samples, rate: 16_000) : nil
            guard let timed = try? TimedPhones.resolve(.words(words), sound: sound) else {
                refused += 1
                continue
            }
            sane += 1
            Self.expectSane(timed.phones)
        }
        #expect(sane > 40)
        #expect(refused > 40)
    }

    @Test func aSoundOfNonsenseIsHeardAsSomethingSane() throws {
        var samples = [Float](repeating: .nan, count: 16_000)
        for index in stride(from: 0, to: 16_000, by: 7) { samples[index] = .infinity }
        for index in stride(from: 3, to: 16_000, by: 5) { samples[index] = 1e38 }
        for rate in [8_000.0, 16_000, 44_100, 192_000] {
            let sound = MonoSound(samples, rate: rate)
            Self.expectSane(try TimedPhones.resolve(.audio, sound: sound).phones)
            let word = WordTiming("me", phones: ["M", "IY1"], start: 0, end: 60)
            Self.expectSane(try TimedPhones.resolve(.words([word]), sound: sound).phones)
        }
    }

    static func expectSane(_ phones: [Phone]) {
        var last = 0.0
        var isSane = true
        for phone in phones {
            isSane =
                isSane && phone.start.isFinite && phone.end.isFinite && phone.start >= last - 1e-6
                && phone.end >= phone.start && phone.end <= TimedPhones.longest
            last = phone.end
        }
        #expect(isSane)
    }
}
