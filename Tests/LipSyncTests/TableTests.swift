// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

@Suite struct TableTests {
    static let all = ["en", "de", "es", "fr", "it", "world"]

    static func table(_ name: String) -> ArticulationTable { .builtIn(for: name) }

    @Test(arguments: all) func everyTableIsReadAndEverySoundIsWhole(name: String) {
        let table = Self.table(name)
        // A table that cannot be read falls back to that of the whole IPA.
        #expect(table.language == name)
        #expect(table.sounds.count > 150)
        for (symbol, sound) in table.sounds {
            let mouth = sound.mouth
            #expect((1...2).contains(mouth.parts.count), "\(symbol)")
            #expect(abs(mouth.parts.reduce(0) { $0 + $1.share } - 1) < 1e-12, "\(symbol)")
            #expect(abs(sound.oculus.reduce(0) { $0 + $1.share } - 1) < 1e-12, "\(symbol)")
            for part in mouth.parts {
                #expect(abs(part.shape.sum - 1) < 1e-12 && part.shape.lanes.min() >= 0)
            }
            for (_, shape) in sound.oculus {
                #expect(abs(shape.lanes.sum() - 1) < 1e-12 && shape.lanes.min() >= 0)
            }
            #expect(sound.azure.allSatisfy { AzureViseme.ids.contains($0.id) })
            #expect((0.1...1.6).contains(mouth.strength))
        }
    }

    @Test func arpabetHasTheShapesOfTheSheet() {
        let dominant: [(String, Viseme)] = [
            ("AA1", .ai), ("AE1", .ai), ("AH1", .ai), ("AH0", .e), ("AX", .e), ("AO1", .o),
            ("AW1", .ai), ("AY1", .ai), ("EH1", .e), ("ER0", .r), ("ER1", .r), ("EY1", .e),
            ("IH1", .e), ("IY1", .e), ("OW1", .o), ("OY1", .o), ("UH1", .u), ("UW1", .u),
            ("P", .mbp), ("B", .mbp), ("M", .mbp), ("F", .fv), ("V", .fv), ("T", .l), ("D", .l),
            ("N", .l), ("L", .l), ("S", .ch), ("Z", .ch), ("SH", .ch), ("ZH", .ch), ("CH", .ch),
            ("JH", .ch), ("TH", .th), ("DH", .th), ("R", .r), ("W", .wq), ("Y", .e),
            ("sil", .rest),
        ]
        for (symbol, viseme) in dominant {
            let articulation = ArticulationTable.english.articulation(of: phone(symbol))
            #expect(articulation.dominant == viseme, "\(symbol)")
        }
        for symbol in ["K", "G", "NG", "HH"] {
            #expect(ArticulationTable.english.articulation(of: phone(symbol)).strength == 0.12)
        }
        let cat = ArticulationTable.english.articulation(of: phone("AE1")).parts[0].shape
        #expect(cat[.ai] == 0.75 && cat[.e] == 0.25)
        let day = ArticulationTable.english.articulation(of: phone("AY1")).parts
        #expect(day.map(\.share) == [0.55, 1 - 0.55])
        #expect(day[1].shape[.e] == 0.9)
    }

    @Test(arguments: [("P", "p"), ("AY1", "ˈaɪ"), ("CH", "t͡ʃ"), ("UW1", "uː"), ("DH", "ð")])
    func bothAlphabetsMeanTheSame(arpabet: String, ipa: String) {
        let table = ArticulationTable.english
        #expect(table.articulation(of: phone(arpabet)) == table.articulation(of: phone(ipa)))
    }

    @Test func symbolsAreTakenApart() {
        func parts(_ text: String) -> [String] {
            let phone = phone(text)
            return [phone.symbol, "\(phone.stress)", "\(phone.isLong)"]
        }
        #expect(parts("AH0") == ["AH", "0", "false"])
        #expect(parts("ay2") == ["AY", "2", "false"])
        #expect(parts("B") == ["B", "0", "false"])
        #expect(parts("b") == ["b", "0", "false"])
        #expect(parts("ˈaɪ") == ["aɪ", "1", "false"])
        #expect(parts("ˌʃ") == ["ʃ", "2", "false"])
        #expect(parts("yː") == ["y", "0", "true"])
        #expect(parts("mː") == ["m", "0", "true"])
        #expect(parts("tt") == ["t", "0", "true"])
        #expect(parts("t͡ʃ") == ["tʃ", "0", "false"])
        #expect(parts("n̩") == ["n", "0", "false"])
        #expect(parts("tʰ") == ["t", "0", "false"])
        #expect(parts("ɡ") == ["g", "0", "false"])
        #expect(parts("ɑ̃") == ["ɑ̃", "0", "false"])
        #expect(parts("c\u{327}") == ["ç", "0", "false"])
        for pause in ["", "_", "pau", "SIL", "h#", "_:", "sp", "|"] {
            #expect(phone(pause).isSilence, "\(pause)")
        }
    }

    // The golden sequences: the dominant class of each phone; "-" leaves the lips to the neighbours,
    // "A>B" are two shapes, "A/B" are equal, "~" is a contact that is no closure.
    static let golden: [(language: String, phones: String, classes: String)] = [
        ("en", "W IY", "WQ E"), ("en", "w iː", "WQ E"),
        ("en", "AO1 L W EY2 Z", "O L WQ E>E CH"), ("en", "JH AH1 JH", "CH AI CH"),
        ("en", "SH UW1 T", "CH U L"), ("en", "TH IH1 NG K", "TH E - -"),
        ("en", "B Y UW1 T AX F AX L", "MBP E U L E FV E L"),
        ("en", "W IH1 M AX N", "WQ E MBP E L"), ("en", "M EH1 ZH ER0", "MBP E CH R"),
        ("en", "K Y UW1", "- E U"), ("en", "P L AE1 NG K S", "MBP L AI - - CH"),
        ("en", "TH ER2 T IY1 N", "TH R L E L"), ("en", "F AY1 V", "FV AI>E FV"),
        ("en", "P ER1 P L", "MBP R MBP L"), ("en", "F ɹ ɛ n tʃ", "FV R E L CH"),
        ("de", "v iː ɐ", "FV E AI"), ("de", "ts v aɪ", "L>CH FV AI>E"),
        ("de", "ʃ øː n", "CH O/U L"),
        ("de", "yː b ɐ", "U MBP AI"), ("de", "ɪ ç", "E E"), ("de", "pf ɛ f ɐ", "MBP>FV E FV AI"),
        ("de", "ʃ t ʁ aː s ə", "CH L - AI CH E"), ("de", "ɛ pf l", "E MBP>FV L"),
        ("de", "ts v œ l f", "L>CH FV O L FV"), ("de", "b uː x", "MBP U -"),
        ("de", "f ʁ yː ʃ t ʏ k", "FV - U CH L U -"), ("de", "h ɔʏ t ə", "- O>E/U L E"),
        ("es", "b e i k u l o", "MBP E E - U L O"), ("es", "ʝ e ɣ o", "E E - O"),
        ("es", "m u n i tʃ", "MBP U L E CH"), ("es", "θ a p a t o", "TH AI MBP AI L O"),
        ("es", "a β w e l o", "AI ~MBP WQ E L O"),
        ("fr", "b ɔ̃", "MBP O"), ("fr", "v ɛ̃", "FV E"), ("fr", "b l ɑ̃", "MBP L AI"),
        ("fr", "v u", "FV U"), ("fr", "m ə s j ø", "MBP E CH E O/U"), ("fr", "l y n", "L U L"),
        ("fr", "ɥ i t", "WQ E L"),
        ("it", "b w o n dʒ o r n o", "MBP U O L CH O R L O"), ("it", "ɲ ɔ kː i", "L O - E"),
        ("it", "s o n o", "CH O L O"), ("it", "m a mː a", "MBP AI MBP AI"),
    ]

    @Test(arguments: golden) func goldenSequences(
        language: String, phones: String, classes: String
    ) {
        #expect(Self.classes(of: phones, in: language) == classes)
    }

    static func classes(of phones: String, in language: String) -> String {
        phones.split(separator: " ").map { symbol in
            let articulation = table(language).articulation(of: phone(String(symbol)))
            // What has no lip target of its own; ç has one, though a weak one.
            if articulation.strength == 0.12, articulation.parts[0].closure == nil { return "-" }
            let isSoft = articulation.parts.contains { ($0.closure?.peak ?? 1) < 1 }
            return (isSoft ? "~" : "")
                + articulation.parts.map { Self.largest($0.shape) }.joined(separator: ">")
        }
        .joined(separator: " ")
    }

    /// The largest class; "O/U" where two are equal.
    private static func largest(_ shape: MouthShape) -> String {
        Viseme.allCases.filter { shape[$0] == shape[shape.dominant] }.map(\.name)
            .joined(separator: "/")
    }

    @Test(arguments: ["de", "fr", "world"]) func roundedFrontVowelsAreRounded(language: String) {
        for symbol in ["y", "yː", "ʏ", "ø", "øː", "œ", "œ̃", "ɥ"] {
            let sound = Self.table(language).sound(of: phone(symbol))
            let shape = sound.mouth.parts[0].shape
            #expect(shape[.u] + shape[.o] + shape[.wq] >= 0.7, "\(language) \(symbol)")
            let oculus = sound.oculus[0].shape
            #expect(oculus[.u] + oculus[.o] >= 0.75, "\(language) \(symbol)")
            // 7 is w and u, 8 is o: not the ids of e and of the middle of the mouth.
            #expect([7, 8].contains(sound.azure[0].id), "\(language) \(symbol)")
            #expect(sound.mouth.onset >= 90, "\(language) \(symbol)")
        }
    }

    @Test(arguments: all) func everySoundOfTheSheetIsKnownInEveryLanguage(language: String) {
        let symbols =
            "a aː ɐ ɑ ɑ̃ e eː ɛ ɛː ɛ̃ i iː ɪ j o oː ɔ ɔ̃ u uː ʊ w y yː ʏ ɥ ø øː œ œ̃ ə aɪ ai aʊ au "
            + "ɔʏ ɔø p b m pf f v β ʋ t d n l ɾ r ʁ ʀ ɣ x χ ç h k g ŋ θ ð s z ts dz ʃ ʒ tʃ dʒ ʎ ɲ "
            + "ʝ ʔ mː tː kː sil"
        for symbol in symbols.split(separator: " ") {
            #expect(Self.table(language).knows(phone(String(symbol)).symbol), "\(symbol)")
        }
        for symbol in ["p", "b", "m"] {
            let part = Self.table(language).articulation(of: phone(symbol)).parts[0]
            #expect(part.closure == .init(kind: .lips, peak: 1))
        }
        for symbol in ["f", "v"] {
            let part = Self.table(language).articulation(of: phone(symbol)).parts[0]
            #expect(part.closure == .init(kind: .teeth, peak: 1))
        }
    }

    @Test func unknownClustersAreMadeOfTheirLetters() {
        let table = ArticulationTable.world
        let cluster = table.articulation(of: phone("oa"))
        #expect(cluster.parts.map { $0.shape.dominant } == [.o, .ai])
        #expect(cluster.parts.map(\.share) == [0.5, 0.5])
        #expect(table.articulation(of: phone("m̥p")).dominant == .mbp)
        #expect(table.articulation(of: phone("☃")).strength == 0.12)
    }

    @Test func languageTagsFindTheirTable() {
        #expect(ArticulationTable.builtIn(for: "de-AT").language == "de")
        #expect(ArticulationTable.builtIn(for: "ES_419").language == "es")
        #expect(ArticulationTable.builtIn(for: "pl").language == "world")
        #expect(ArticulationTable.builtIn(for: "").language == "world")
    }

    // MARK: A user's own table

    static func read(_ text: String) throws -> ArticulationTable {
        try ArticulationTable(parsing: Array(text.utf8), file: "my.mouth")
    }

    @Test func aUsersTableChangesWhatItNamesAndKeepsTheRest() throws {
        let table = try Self.read(
            """
            # Swabian
            language de-DE
            kind wide 1.4 80 80
            s  | CH .9 E .1 | hush
            aɪ | AI .5 E .5 40% > E 1 | wide | E | 4 | C <100 BC > *
            """)
        #expect(table.language == "de")
        #expect(table.articulation(of: phone("s")).parts[0].shape[.ch] == 0.9)
        // Columns that are left out stay as they were.
        #expect(table.sound(of: phone("s")).azure[0].id == 15)
        #expect(table.articulation(of: phone("aɪ")).strength == 1.4)
        #expect(table.sound(of: phone("aɪ")).rhubarb.sets(120).map(\.count) == [2, 9])
        #expect(
            table.articulation(of: phone("yː"))
                == ArticulationTable.german.articulation(of: phone("yː")))
    }

    @Test(arguments: [
        ("language de\nextends nowhere", 2, "there is no table nowhere to extend"),
        ("language de\na | AI 1 | rond", 2, "there is no kind rond"),
        ("a | AI .5 | open", 1, "the weights must add up to 1"),
        ("a | AI .5 E nan | open", 1, "a weight must be a number from 0.0 to 1.0"),
        ("a | AI .5 E -1 | open", 1, "a weight must be a number from 0.0 to 1.0"),
        ("\n\na | AH 1 | open", 3, "there is no class AH"),
        ("a | AI 1 > E 1 > O 1 | open", 1, "a sound has at most two shapes"),
        ("a | AI 1 99% > E 1 | open", 1, "the share must be a number from 5.0 to 95.0"),
        ("a | AI 1 50% | open", 1, "a share needs a second shape"),
        ("a | > E 1 | open", 1, "a shape is missing"),
        ("a b | AI 1 | open\nb | E 1 | open", 2, "b stands twice, first in line 1"),
        ("a | AI 1", 1, "a line of sounds has three to six columns: sounds | mouth | kind …"),
        ("a | AI 1 | open | aa .5 Q .5", 1, "Oculus has no viseme Q"),
        ("a | AI 1 | open | aa | 22", 1, "an Azure viseme is a number from 0 to 21"),
        ("a | AI 1 | open | aa | 2 | K", 1, "Rhubarb's letters are A to H and X"),
        ("kind wide 1 2", 1, "kind needs a name, a strength and two times in milliseconds"),
        ("kind wide inf 60 60", 1, "the strength must be a number from 0.01 to 10.0"),
        ("word", 1, "word is neither language, extends, kind nor a line of sounds"),
        ("| AI 1 | open", 1, "there must be 1 to 64 sounds in a line"),
    ])
    func aWrongTableIsRefusedWithItsLine(text: String, line: Int, message: String) throws {
        let error = #expect(throws: ArticulationTableError.self) { try Self.read(text) }
        #expect(error?.description == "my.mouth:\(line): \(message)")
    }

    @Test func hostileTablesEndInAnErrorOrATable() {
        #expect(throws: ArticulationTableError.self) {
            try ArticulationTable(parsing: [UInt8](repeating: 0x61, count: 300_000), file: "x")
        }
        #expect(throws: ArticulationTableError.self) {
            try ArticulationTable(parsing: [0x61, 0xFF, 0x7C], file: "x")
        }
        var random = SeededRandom(seed: 11)
        let bytes = Array("aɪ | AI .55 > % E 1 \n kind lips # <200 *\0é".utf8)
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                bytes[Int.random(in: 0..<bytes.count, using: &random)]
            }
            if let table = try? ArticulationTable(parsing: text, file: "x") {
                #expect(table.sounds.count > 100)
            }
        }
    }
}

/// A phone of no importance but its symbol.
private func phone(_ symbol: String) -> Phone { Phone(symbol, start: 0, end: 100) }
