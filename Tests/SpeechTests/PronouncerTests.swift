// SPDX-License-Identifier: Apache-2.0
import Foundation
import LipSync
import TestSupport
import Testing

@testable import Speech

/// What espeak-ng's own program prints; it does not share a line with ours.
private struct PeerProgram {
    let path = "/usr/bin/espeak-ng"

    /// The sounds of a text in a row, without stress, length and pauses.
    func sounds(of text: String, _ voice: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-q", "--ipa", "-v", voice, text]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Self.bare(String(decoding: bytes, as: UTF8.self))
    }

    /// Letters and nasal tildes alone, each once in a row: what a mouth can show. Of a geminate
    /// the length is its time.
    static func bare(_ text: String) -> String {
        let kept = text.unicodeScalars.filter {
            $0.properties.isAlphabetic && !"ːˑˈˌʲʰ".unicodeScalars.contains($0) || $0 == "\u{303}"
        }
        var row = String.UnicodeScalarView()
        for scalar in kept where scalar != row.last { row.append(scalar) }
        return String(row).replacing("ɡ", with: "g")
    }
}

@Suite(.serialized) struct PronouncerTests {
    /// espeak-ng's program says every sentence too: the same sounds in the same order.
    @Test(arguments: ["de", "es", "fr-fr", "it"])
    func fiftySentencesSoundAsTheLibrarysOwnProgramSays(id: String) async throws {
        let peer = PeerProgram()
        let sentences = try #require(ESpeakSentences.of[id])
        #expect(sentences.count == 50)
        let table = ArticulationTable.builtIn(for: id)
        try await with(.espeak) { voice in
            for sentence in sentences {
                let heard = try await Heard(voice.speak(sentence, voiceID: "espeak-" + id))
                heard.expectConsistent(with: sentence)
                let ours = PeerProgram.bare(
                    heard.phones.filter { !$0.isSilence }.map(\.symbol).joined())
                let theirs = try peer.sounds(of: sentence, id)
                #expect(ours == theirs, "\(sentence)")
                for phone in heard.phones where !table.knows(phone.symbol) {
                    Issue.record("\(phone.symbol) of “\(sentence)” has no mouth")
                }
            }
        }
    }

    @Test(arguments: ["de", "es", "fr-fr", "it"])
    func wordsAloneSoundAsTheLibrarysOwnProgramSays(id: String) async throws {
        let peer = PeerProgram()
        let sentences = try #require(ESpeakSentences.of[id])
        var words: [String] = []
        for sentence in sentences.prefix(16) {
            words += sentence.split(separator: " ").map {
                $0.trimmingCharacters(in: .punctuationCharacters)
            }
        }
        try await with(.espeak) { voice in
            let pronouncer = Pronouncer(espeak: voice)
            #expect(pronouncer.knows(id))
            // Each a sentence: Spanish words sound otherwise behind others.
            let lists = try await pronouncer.phones(of: words.map { $0 + "." }, language: id)
            #expect(lists.count == words.count)
            for (word, phones) in zip(words, lists) {
                let ours = PeerProgram.bare(phones.joined())
                #expect(try ours == peer.sounds(of: word, id), "\(word)")
            }
        }
    }

    @Test func wordsAreTakenAsTheyAreWritten() async throws {
        try await with(.espeak) { voice in
            let pronouncer = Pronouncer(espeak: voice)
            let german = try await pronouncer.phones(
                of: ["„Pfeffer“,", "👋", "zwölf", "Привет", "3,5", "—", "Download!"],
                language: "de-AT")
            #expect(german[0] == ["pf", "ˈɛ", "f", "ɜ"])
            #expect(german[1].isEmpty && german[3].isEmpty && german[5].isEmpty)
            #expect(german[2].count == 5 && german[4].count > 8 && german[6].count > 5)
            // Another engine's alphabet where there is a better one.
            #expect(
                try await pronouncer.phones(of: ["maybe"], language: "en-GB") == [
                    ["M", "EY1", "B", "IY0"]
                ])
            #expect(try await pronouncer.phones(of: ["hello"], language: "xx") == [[]])
            #expect(try await pronouncer.phones(of: [], language: "de").isEmpty)
            let many = [String](repeating: "Mädchen", count: 700)
            let lists = try await pronouncer.phones(of: many, language: "de")
            #expect(lists.count == 700 && Set(lists).count == 1 && lists[0].count == 6)
            #expect(!pronouncer.knows("xx") && pronouncer.knows("pt-BR") && !pronouncer.knows("zh"))
        }
        let alone = Pronouncer(espeak: nil)
        #expect(try await alone.phones(of: ["Haus", "x"], language: "de") == [[], []])
        #expect(alone.knows("en-US") && alone.knows("en_US") && !alone.knows("de"))
        #expect(try await alone.phones(of: ["me"], language: "EN_gb") == [["M", "IY1"]])
    }

    /// As the library's own program says whole sentences.
    @Test(arguments: [
        "la vaca", "los barcos", "un vaso", "el gato", "mi gato", "sí, vaca", "la guerra",
        "con dos",
        "feliz día", "muy bueno", "la vaca grande da agua",
    ])
    func spanishWordsAreSoftBehindOthers(text: String) async throws {
        let words = text.split(separator: " ").map(String.init)
        try await with(.espeak) { voice in
            let lists = try await Pronouncer(espeak: voice).phones(of: words, language: "es-ES")
            let starts = lists.map { $0.first == "ɡ" ? "g" : $0.first ?? "" }
            let peer = try PeerProgram().sounds(of: text, "es")
            // In the peer's row of sounds the words have no ends: each start is looked for in turn.
            let closures = Set("bdgβðɣ")
            let theirs = peer.filter(closures.contains)
            let ours = lists.joined().joined().replacing("ɡ", with: "g")
                .filter(closures.contains)
            #expect(ours == theirs, "\(starts) of \(peer)")
        }
    }

    @Test func accentsOfTheirOwnAreThoseOfTheirLetters() async throws {
        try await with(.espeak) { voice in
            let pronouncer = Pronouncer(espeak: voice)
            for (language, apart, joined) in [
                ("de", "u\u{308}ber", "über"), ("fr", "e\u{301}le\u{300}ve", "élève"),
                ("es", "man\u{303}ana", "mañana"),
            ] {
                let lists = try await pronouncer.phones(of: [apart, joined], language: language)
                #expect(lists[0] == lists[1] && !lists[0].isEmpty, "\(joined)")
            }
        }
    }

    @Test func stoppedEnginesAreAnError() async throws {
        try await with(.espeak) { voice in
            await voice.stop()
            await #expect(throws: VoiceError.self) {
                try await Pronouncer(espeak: voice).phones(of: ["Haus"], language: "de")
            }
        }
    }
}
