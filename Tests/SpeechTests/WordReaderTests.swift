// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Speech

@Suite struct WordReaderTests {
    private func units(_ text: String, _ language: String = "de") throws -> [String] {
        let reader = WordReader(try #require(ESpeakLanguage(for: language)).systems)
        return reader.read(text).words.flatMap(\.units).map { $0.text + $0.mark.punctuation }
    }

    @Test(arguments: [
        ("Der „Pfeffer“ ist schön!", "de", "Der Pfeffer ist schön!"),
        ("3,50 € (oder mehr)...", "de", "3,50 €, oder mehr."),
        ("10:30 Uhr, 1.000 m", "de", "10:30 Uhr, 1.000 m."),
        ("E-Mail an a.b@example.com", "de", "E-Mail an a.b@example.com."),
        ("¿Qué? ¡Sí!", "es", "Qué? Sí!"), ("l'homme qu’il aime", "fr", "l'homme qu'il aime."),
        ("Привет — мир", "ru", "Привет, мир."), ("Hallo 👋🏽 Welt 🇩🇪", "de", "Hallo Welt."),
        ("नमस्ते। दुनिया", "hi", "नमस्ते. दुनिया."), ("こんにちは、せかい。", "ja", "こんにちは, せかい."),
        ("می‌خواهم؟", "fa", "می‌خواهم?"), ("Haaaaaaallo", "de", "Haaallo."),
        ("eins\nzwei\n\nDrei", "de", "eins, zwei. Drei."),
        ("a\u{0}b\u{1}\u{202E}c", "de", "a b c."), ("-5 %", "de", "-5 %."),
        ("Der Привет Hund", "de", "Der Hund."),
        ("U\u{308}ber A\u{308}pfel", "de", "Über Äpfel."), ("e\u{301}le\u{300}ve", "fr", "élève."),
        ("man\u{303}ana", "es", "mañana."), ("x\u{302}e\u{301}", "fr", "x\u{302}é."),
        ("и\u{306}од", "ru", "йод."), ("か\u{3099}", "ja", "が."),
        ("\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}", "ko", "한글."),
        ("ﬁn", "fr", "fin."), ("oﬃciel", "fr", "officiel."),
        ("", "de", ""), ("...", "de", ""), ("👋", "de", ""), ("你好", "de", ""),
    ])
    func textsBecomeSafeWords(text: String, language: String, said: String) throws {
        // By their scalars: equal texts may be written differently, and an engine minds.
        let read = try units(text, language).joined(separator: " ")
        #expect(Array(read.unicodeScalars) == Array(said.unicodeScalars))
    }

    @Test func longWordsComeInPieces() throws {
        let pieces = try units(String(repeating: "abcdefghij", count: 40))
        #expect(pieces.count == 10 && pieces.allSatisfy { $0.utf8.count <= 101 })
        let wide = try units(String(repeating: "아가나다라", count: 40), "ko")
        #expect(wide.allSatisfy { $0.utf8.count <= 101 } && wide.joined().count == 201)
    }

    @Test func languagesAreFoundByTheirTags() throws {
        for (tag, id) in [
            ("de", "de"), ("de-AT", "de"), ("fr", "fr-fr"), ("fr-CH", "fr-ch"), ("pt-BR", "pt-br"),
            ("pt_PT", "pt"), ("es-MX", "es-419"), ("EN", "en-us"), ("no", "nb"), ("yue-HK", "yue"),
        ] {
            #expect(ESpeakLanguage(for: tag)?.id == id, "\(tag)")
        }
        for tag in ["", "xx", "zh", "-"] { #expect(ESpeakLanguage(for: tag) == nil) }
        let all = ESpeakLanguage.all
        #expect(all.count > 120 && Set(all.map(\.id)).count == all.count)
        #expect(Set(all.map(\.file)).count == all.count)
        #expect(Set(all.map { $0.tag.split(separator: "-")[0] }).count >= 100)
        #expect(all.allSatisfy { (0.3...3).contains($0.gain) })
    }

    /// AVATAR_FUZZ_TEXTS sets another number.
    @Test func everyTextBecomesSafeWords() throws {
        var texts = MutatedTexts(seed: 9)
        let readers = try ["de", "ru", "hi", "ja"].map {
            WordReader(try #require(ESpeakLanguage(for: $0)).systems)
        }
        for index in 0..<MutatedTexts.count(8_000) {
            let text = texts.next()
            let spoken = readers[index % readers.count].read(text)
            var end = 0
            for word in spoken.words {
                #expect(word.range.lowerBound >= end && word.range.upperBound <= text.utf8.count)
                end = word.range.upperBound
                for unit in word.units {
                    let isSafe =
                        (1...WordReader.maxUnitBytes).contains(unit.text.utf8.count)
                        && !unit.text.unicodeScalars.contains { $0.value < 0x21 }
                    if !isSafe { Issue.record("“\(unit.text)” of \(text.debugDescription)") }
                }
            }
        }
    }
}
