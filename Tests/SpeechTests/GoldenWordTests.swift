// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import LipSync
@testable import Speech

/// From the written word to the mouth: how a word sounds, and which class each sound shows.
///
/// The sequences were written by hand from what lips do in these words, not by running this code.
/// "-" leaves the lips to the neighbours, "A>B" are two shapes in one sound, "A/B" are both right:
/// where espeak-ng hears another sound than a dictionary does (a tapped r in Straße, a semivowel for
/// a vowel), both stand there.
@Suite(.serialized) struct GoldenWordTests {
    private static let english: [(String, String)] = [
        ("we", "WQ E"), ("always", "O L WQ E>E CH"), ("judge", "CH AI CH"), ("shoot", "CH U L"),
        ("think", "TH E - -"), ("beautiful", "MBP E U L E/AI FV E/AI L"),
        ("women", "WQ E MBP E/AI L"), ("measure", "MBP E CH R"), ("queue", "- E U"),
        ("planks", "MBP L AI - - CH"), ("thirteen", "TH R L E L"), ("five", "FV AI>E FV"),
        ("purple", "MBP R MBP E/AI L"), ("available", "E/AI FV E>E L E/AI MBP E/AI L"),
    ]

    private static let others: [(String, String, String)] = [
        ("de", "wir", "FV E AI/L/-"), ("de", "zwei", "L>CH FV AI>E"), ("de", "schön", "CH O/U L"),
        ("de", "über", "U MBP AI"), ("de", "ich", "E E"), ("de", "Pfeffer", "MBP>FV E FV AI"),
        ("de", "Straße", "CH L -/L AI CH E"), ("de", "Äpfel", "E MBP FV E L"),
        ("de", "zwölf", "L>CH FV O L FV"), ("de", "Buch", "MBP U -"),
        ("de", "Frühstück", "FV -/L/R U CH L U -"),
        ("es", "vehículo", "MBP E E - U L O"), ("es", "llegó", "L/E E - O"),
        ("es", "Múnich", "MBP U L E CH"), ("es", "zapato", "TH AI MBP AI L O"),
        ("es", "abuelo", "AI ~MBP WQ E L O"),
        ("fr", "bon", "MBP O"), ("fr", "vin", "FV E"), ("fr", "blanc", "MBP L AI"),
        ("fr", "vous", "FV U"), ("fr", "monsieur", "MBP E CH E O/U"), ("fr", "lune", "L U L"),
        ("fr", "huit", "WQ/U E L"),
        ("it", "buongiorno", "MBP WQ/U O L CH O R/L L O"), ("it", "gnocchi", "L O - E"),
        ("it", "sono", "CH O L O"), ("it", "mamma", "MBP AI MBP MBP AI"),
    ]

    @Test(arguments: english) func englishWordsShowTheirClasses(word: String, classes: String) {
        let phones = EnglishPronouncer().phones(of: word)
        expect(phones, in: "en", show: classes)
    }

    @Test func wordsOfOtherLanguagesShowTheirClasses() async throws {
        try await with(.espeak) { voice in
            let pronouncer = Pronouncer(espeak: voice)
            for (language, word, classes) in Self.others {
                let phones = try await pronouncer.phones(of: [word], language: language)
                expect(phones[0], in: language, show: classes)
            }
        }
    }

    private func expect(_ phones: [String], in language: String, show classes: String) {
        let table = ArticulationTable.builtIn(for: language)
        let shown = phones.map { classOf(Phone($0, start: 0, end: 80), in: table) }
        let wanted = classes.split(separator: " ").map { $0.split(separator: "/").map(String.init) }
        let isRight =
            shown.count == wanted.count
            && zip(shown, wanted).allSatisfy { shown, wanted in
                shown.split(separator: "/").contains { wanted.contains(String($0)) }
            }
        #expect(isRight, "\(phones) show \(shown), not \(classes)")
    }

    private func classOf(_ phone: Phone, in table: ArticulationTable) -> String {
        let articulation = table.articulation(of: phone)
        if articulation.strength == 0.12, articulation.parts[0].closure == nil { return "-" }
        let isSoft = articulation.parts.contains { ($0.closure?.peak ?? 1) < 1 }
        let names = articulation.parts.map { part in
            Viseme.allCases.filter { part.shape[$0] == part.shape[part.shape.dominant] }
                .map(\.name).joined(separator: "/")
        }
        return (isSoft ? "~" : "") + names.joined(separator: ">")
    }
}
