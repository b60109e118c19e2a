// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LipSync
import Testing

@testable import Speech

@Suite struct EnglishPronouncerTests {
    private let pronouncer = EnglishPronouncer()

    @Test(arguments: [
        // In the dictionary, by the rules, spelled, contracted, numbers, names.
        ("maybe", "M EY1 B IY0"), ("Hello,", "HH AH0 L OW1"), ("purple", "P ER1 P AH0 L"),
        ("elevenlabs", "EH1 L EH1 V EH1 N L AE1 B Z"), ("about", "AH0 B AW1 T"),
        ("queue", "K Y UW1"), ("women", "W IH1 M AH0 N"), ("thirteen", "TH ER1 T IY1 N"),
        ("don't", "D OW1 N T"), ("won’t", "W OW1 N T"), ("we're", "W IH1 R"),
        ("Bob's", "B AA1 B Z"), ("cat's", "K AE1 T S"), ("judge's", "JH AH1 JH IH0 Z"),
        ("I'm", "AY1 M"), ("it'll", "IH1 T AH0 L"),
        ("I'd've", "AY1 D AH0 V"), ("we'd've", "W IY1 D AH0 V"), ("$5", "F AY1 V D AA1 L ER0 Z"),
        ("W", "D AH1 B AH0 L Y UW0"), ("a", "AH0"), ("—", ""), ("👋🏽", ""), ("你好", ""),
        ("", ""), ("'", ""), ("...", ""),
    ])
    func wordsSoundAsCMUdictSays(word: String, phones: String) {
        #expect(pronouncer.phones(of: word).joined(separator: " ") == phones)
    }

    @Test func wordsOfASentenceAreReadTogetherAndKeepTheirPlaces() {
        let words = ["(", "Dr.", "Brown", "—", "who", "paid", "$5", "million", "🙂", "left.", ""]
        let lists = pronouncer.phones(of: words)
        #expect(lists.count == words.count)
        #expect(lists.map(\.isEmpty) == words.map { ["(", "—", "🙂", ""].contains($0) })
        #expect(lists[1].joined(separator: " ") == "D AA1 K T ER0")
        #expect(lists[6].joined(separator: " ") == "F AY1 V")
        #expect(lists[7].joined(separator: " ") == "M IH1 L Y AH0 N D AA1 L ER0 Z")
        #expect(pronouncer.phones(of: [String]()).isEmpty)
    }

    @Test func theMouthKnowsEveryPhone() {
        var texts = MutatedTexts(seed: 5)
        let table = ArticulationTable.builtIn(for: "en")
        for _ in 0..<2_000 {
            let words = texts.next().split(separator: " ").map(String.init)
            for phone in pronouncer.phones(of: words).joined() {
                let symbol = Phone(phone, start: 0, end: 1).symbol
                if !table.knows(symbol) { Issue.record("\(phone) of \(words)") }
            }
        }
    }

    @Test func hugeWordsBehave() {
        for word in [
            String(repeating: "a", count: 20_000), String(repeating: "7", count: 5_000),
            String(repeating: "'", count: 5_000), String(repeating: "xq", count: 5_000),
        ] {
            #expect(pronouncer.phones(of: ["one", word, "two"])[0] == ["W", "AH1", "N"])
        }
    }

    @Test func manyThreadsReadTheOneDictionary() async {
        let pronouncer = pronouncer
        let expected = pronouncer.phones(of: ["available", "zyxomma", "measure"])
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<200).allSatisfy { _ in
                        pronouncer.phones(of: ["available", "zyxomma", "measure"]) == expected
                    }
                }
            }
            for await isSame in group { #expect(isSame) }
        }
    }
}
