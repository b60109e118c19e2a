// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import LipSync

/// Fifty sentences of each language with the phones that espeak-ng 1.51 says them with
/// (`espeak-ng -v de -q --ipa --sep=_`).
@Suite struct SentenceTests {
    struct Sentence {
        let text: String
        let symbols: [String]

        /// Every sound as long as sounds are in fluent speech, short vowels and long ones apart.
        var phones: [Phone] {
            var time = 200.0
            return symbols.map { symbol in
                var phone = Phone(symbol, start: time, end: time)
                phone.end += phone.isLong ? 130 : 75
                time = phone.end
                return phone
            }
        }
    }

    static func sentences(_ language: String) throws -> [Sentence] {
        let path = Fixtures.peers.appending(path: "sentences/\(language).tsv")
        return try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map { line in
            let columns = line.split(separator: "\t", maxSplits: 1)
            let symbols = columns[1].split { "_ ".contains($0) }.map(String.init)
            return Sentence(text: String(columns[0]), symbols: symbols)
        }
    }

    static let languages = ["de", "es", "fr", "it"]

    @Test(arguments: languages) func everySoundStandsInTheLanguagesOwnTable(language: String) throws
    {
        let table = ArticulationTable.builtIn(for: language)
        let source = try String(
            contentsOf: Fixtures.package.appending(
                path: "Sources/LipSync/Tables/\(language).mouth"), encoding: .utf8)
        let own = Set(
            source.split(separator: "\n").filter { $0.contains("|") && !$0.hasPrefix("#") }
                .flatMap { $0.prefix { $0 != "|" }.split(separator: " ").map(String.init) })
        let sentences = try Self.sentences(language)
        #expect(sentences.count == 50)
        for sentence in sentences {
            for phone in sentence.phones {
                #expect(table.knows(phone.symbol), "\(phone.symbol) of \(sentence.text)")
                #expect(own.contains(phone.symbol), "\(phone.symbol) of \(sentence.text)")
            }
        }
    }

    @Test(arguments: languages) func everyClosureOfEverySentenceIsReached(language: String) throws {
        let table = ArticulationTable.builtIn(for: language)
        var lips = (reached: 0, all: 0)
        var teeth = (reached: 0, all: 0)
        for sentence in try Self.sentences(language) {
            let phones = sentence.phones
            let curve = MouthCurve(phones, table: table)
            for phone in phones {
                let window = stride(from: phone.start - 40, through: phone.end + 40, by: 2)
                if ["p", "b", "m", "pf"].contains(phone.symbol) {
                    lips.all += 1
                    lips.reached += window.contains { curve.shape(at: $0)[.mbp] >= 0.9 } ? 1 : 0
                } else if ["f", "v"].contains(phone.symbol) {
                    teeth.all += 1
                    teeth.reached += window.contains { curve.shape(at: $0)[.fv] >= 0.9 } ? 1 : 0
                }
            }
        }
        #expect(lips.all > 70 && teeth.all > 10)
        #expect(lips.reached == lips.all, "\(language): \(lips)")
        #expect(Double(teeth.reached) >= 0.97 * Double(teeth.all), "\(language): \(teeth)")
    }

    @Test(arguments: ["de", "fr"]) func roundedVowelsAreSeenRound(language: String) throws {
        let table = ArticulationTable.builtIn(for: language)
        var round = (seen: 0, all: 0)
        for sentence in try Self.sentences(language) {
            let phones = sentence.phones
            let curve = MouthCurve(phones, table: table)
            for (index, phone) in phones.enumerated() where ["y", "ø", "œ"].contains(phone.symbol) {
                // A closure beside it takes the lips; what is left of them is what counts. The glide
                // of "huit", which espeak-ng writes y, passes quickly.
                let isGlide = phones.indices.contains(index + 1) && phones[index + 1].symbol == "i"
                let closes = [index - 1, index + 1].contains { neighbour in
                    phones.indices.contains(neighbour)
                        && table.articulation(of: phones[neighbour]).parts[0].closure != nil
                }
                guard !closes, !isGlide else { continue }
                round.all += 1
                // Somewhere in it the lips are rounder than they are spread or open. (A third of
                // them is often that of ʃ or ʒ beside it, which are round too.)
                let isSeen = stride(from: phone.start, through: phone.end, by: 5).contains {
                    let shape = curve.shape(at: $0)
                    return shape[.u] + shape[.o] + shape[.wq] > 1.5 * (shape[.e] + shape[.ai])
                }
                if isSeen { round.seen += 1 }
            }
        }
        #expect(round.all >= 10)
        #expect(Double(round.seen) >= 0.9 * Double(round.all), "\(language): \(round)")
    }
}
