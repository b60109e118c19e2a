// SPDX-License-Identifier: Apache-2.0
import Base
import Speech
import Testing

@Suite struct TextNormalizerTests {
    private func say(_ text: String) -> String {
        TextNormalizer().normalize(text).words.flatMap(\.units)
            .map { $0.text + $0.mark.punctuation }.joined(separator: " ")
    }

    @Test(arguments: [
        ("I have 3 cats.", "i have three cats."),
        (
            "1,234,567 people",
            "one million two hundred thirty four thousand five hundred sixty seven people"
        ),
        ("3.14 and -5", "three point one four and minus five"),
        ("0.5% or .5", "zero point five percent or zero point five"),
        ("the 1st, 2nd, 3rd, 12th and 21st", "the first, second, third, twelfth and twenty first"),
        ("In 1984 and 2024", "in nineteen eighty four and twenty twenty four"),
        ("the 1990s", "the nineteen nineties"),
        ("007", "zero zero seven"),
        ("10-20 people", "ten to twenty people"),
        ("10–20 people", "ten to twenty people"),
        ("call 555-123-4567 now", "call five five five one two three four five six seven now"),
        ("1/2 cup, 3/4 cup", "one half cup, three quarters cup"),
        ("version 1.2.3", "version one point two point three"),
        ("2½ hours", "two and a half hours"),
        (
            "99999999999999999999",
            "nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine"
        ),
    ])
    func readsNumbers(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("$5", "five dollars"), ("$1", "one dollar"),
        ("$5.99", "five dollars and ninety nine cents"),
        ("$0.01", "one cent"), ("$1.5 million was", "one point five million dollars was"),
        ("£3m", "three million pounds"), ("€1,000", "one thousand euros"), ("20€", "twenty euros"),
        ("¥500.", "five hundred yen."), ("$5-$10", "five dollars to ten dollars"),
    ])
    func readsMoney(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("at 10:30", "at ten thirty"), ("7pm", "seven p m"), ("7 p.m. sharp", "seven p m sharp"),
        ("10:05am", "ten oh five _a m"), ("9:00", "nine o'clock"), ("14:00", "fourteen hundred"),
        ("16:9", "sixteen to nine"), ("2024-05-06", "may sixth twenty twenty four"),
        ("5/6/2024", "may sixth twenty twenty four"),
        ("May 5, 2024", "may fifth, twenty twenty four"),
        ("Jan. 5", "january fifth"), ("25/12/2023", "december twenty fifth twenty twenty three"),
    ])
    func readsTimesAndDates(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("5km", "five kilometers"), ("1 km", "one kilometer"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("20°C", "twenty degrees celsius"), ("5 m²", "five square meters"),
        ("3GHz", "three gigahertz"),
        ("5 ft.", "five feet."), ("10 kg of", "ten kilograms of"),
    ])
    func readsUnits(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("Dr. Smith met Mr. Jones.", "doctor smith met mister jones."),
        ("Main St. is long", "main street is long"), ("St. Peter", "saint peter"),
        ("cats, dogs, etc. are", "cats, dogs, et cetera are"), ("e.g. this", "for example this"),
        ("i.e., that", "that is, that"), ("the U.S. Army", "the u s army"),
        ("No. 5", "number five"),
        ("J. Smith", "j smith"), ("a Ph.D. student", "a p h d student"),
        ("NASA and the FBI", "nasa and the f b i"),
        ("HTML, CPUs and APIs", "h t m l, c p u's and _a p i's"),
        ("LiveKit WebRTC iPhone", "live kit web r t c i phone"),
        ("McDonald's", "mcdonald's"), ("GPT4 mp3 H264", "g p t four m p three h two six four"),
        ("AI is here", "_a i is here"), ("R&D", "r and d"), ("C++", "c plus plus"),
        ("A dog", "a dog"),
        ("I AM SO HAPPY TODAY MY FRIEND IT IS US", "i am so happy today my friend it is us"),
        ("COVID-19", "covid nineteen"), ("Wi-Fi", "wifi"), ("a 10-year-old", "a ten year old"),
        ("I have read it, please read it", "i have red it, please reed it"),
    ])
    func readsAbbreviationsAndAcronyms(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    /// Corpora are often written so, a word or a phrase at a time.
    @Test(arguments: [
        ("OIL", "oil"), ("ASK ME", "ask me"), ("YES SIR", "yes sir"), ("THREE", "three"),
        ("STOP IT NOW", "stop it now"), ("WORLD", "world"), ("GIVE US FOOD", "give us food"),
        ("LIGHTLY", "lightly"), ("STRENGTH", "strength"), ("DON'T EAT IT", "don't eat it"),
        ("I said NOW", "i said now"),
        // And what is an acronym stays one.
        ("USA", "u s _a"), ("FBI", "f b i"), ("TV", "t v"), ("NASA", "nasa"), ("IT", "i t"),
        ("NASA FBI", "nasa f b i"), ("THE FBI IS HERE AGAIN", "the f b i is here again"),
        ("FBI CIA IRS", "f b i c i _a i r s"), ("UCLA LAW", "u c l _a law"),
        ("HDMI", "h d m i"), ("the US and its IT", "the u s and its i t"), ("XKLQA", "x k l q _a"),
    ])
    func capitalsAloneMakeNoAcronyms(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("see https://example.com/docs/a-b?q=1.", "see example dot com slash docs slash a dash b."),
        ("mail bob.smith@example.co.uk", "mail bob dot smith at example dot co dot uk"),
        ("www.livekit.io", "w w w dot livekit dot io"), ("example.com", "example dot com"),
        ("main.swift", "main dot swift"),
    ])
    func readsAddresses(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        ("“Hello,” she said—“it’s fine…”", "hello, she said, it's fine."),
        ("wait...what?!", "wait. what?"), ("yes,no;maybe", "yes, no; maybe"),
        ("**bold** _it_ `code`", "bold it code"),
        ("(one) two [three]", "one, two, three,"), ("a\u{202E}b\u{200D}c d\u{AD}e", "abc de"),
        ("café naïve Łódź", "cafe naive lodz"), ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"), ("𝐁𝐨𝐥𝐝", "bold"),
        ("a ﬁne oﬀice, ﬂat", "a fine office, flat"),
        ("one\u{0}two\u{7}three", "one two three"), ("Hi 👋🏽 there 👩‍👩‍👧", "hi there"),
        ("first line\nSecond line\n\nthird", "first line. second line. third"),
        ("- item one\n- item two", "item one. item two"), ("sooooo goooood", "soo good"),
        ("hello!!!!!", "hello!"),
        ("and/or", "and or"), ("hmm", "hmm"), ("Mhm, MHMM", "mhm, mhmm"),
        ("½", "a half"), ("¾", "three quarters"), ("Ⅳ", "four"), ("Chapter Ⅻ", "chapter twelve"),
        ("٣ apples", "three apples"),
        ("This is it.Next one", "this is it. next one"),
    ])
    func bringsMarksAndScriptsDown(text: String, expected: String) {
        #expect(say(text) == expected)
    }

    @Test(arguments: [
        "", " \n\t", "👋🏽👩‍👩‍👧", "你好，世界", "مرحبا بالعالم", "שלום", "привет", "...", "?!?!", "—", "'''",
        "\u{202E}\u{0}",
        "我有3本书和很多朋友", String(repeating: ".", count: 350), "🤖 – ✨",
    ])
    func findsNothingToSay(text: String) {
        #expect(TextNormalizer().normalize(text).words.isEmpty)
    }

    @Test func longRunsBehave() {
        let dots = TextNormalizer().normalize("Hi" + String(repeating: ".", count: 350) + " there")
        #expect(dots.words.map(\.text.utf8.count) == [352, 5])
        #expect(dots.words.flatMap(\.units).map(\.text) == ["hi", "there"])
        var random = SeededRandom(seed: 9)
        let letters = String(
            (0..<5_000).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement(using: &random)! })
        let long = TextNormalizer().normalize(letters)
        #expect(long.words.count == 1)
        #expect((305...313).contains(long.words[0].units.count))
        let same = TextNormalizer().normalize(String(repeating: "a", count: 5_000))
        #expect(same.words[0].units.map(\.text) == ["aa"])
        let digits = TextNormalizer().normalize(String(repeating: "7", count: 5_000))
        #expect(digits.isTruncated && digits.words.isEmpty)
    }

    @Test func captionsKeepWhatWasWritten() {
        let text = "“Well,” he paid $5.99 👍 — for  café!"
        let words = TextNormalizer().normalize(text).words
        #expect(words.map(\.text) == ["“Well,”", "he", "paid", "$5.99 👍 —", "for", "café!"])
        let utf8 = Array(text.utf8)
        for word in words {
            #expect(String(decoding: utf8[word.range], as: UTF8.self) == word.text)
        }
        #expect(
            words[3].units.map(\.text) == ["five", "dollars", "and", "ninety", "nine", "cents"])
        #expect(words[3].units.last?.mark == .comma)
    }
}
