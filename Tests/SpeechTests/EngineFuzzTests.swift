// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import Speech

/// Texts that nobody meant to be spoken, through the same way as all others: read, cut, spoken by
/// the program. See ``MutatedTexts`` for a long run.
@Suite(.serialized) struct EngineFuzzTests {
    @Test func mutatedTextsAreAllSpokenByFlite() throws {
        let normalizer = TextNormalizer()
        let pronouncer = EnglishPronouncer()
        try speak(MutatedTexts.count(400), as: "kal16", with: .flite) { text in
            _ = pronouncer.phones(of: text)
            return SpeechPlan(normalizer.normalize(text))
        }
    }

    @Test(arguments: ["de", "fr-fr", "ru", "hi"])
    func mutatedTextsAreAllSpokenByEspeak(id: String) throws {
        let language = try #require(ESpeakLanguage(for: id))
        let reader = WordReader(language.systems)
        let count = MutatedTexts.count(400) / 4
        // espeak-ng 1.51 dies now and then where Hindi, Latin and other letters meet, about once in
        // 2,500 such texts: that is why it has a process of its own.
        try speak(count, as: language.file, with: .espeak, tolerated: 1 + count / 1_000) {
            SpeechPlan(reader.read($0), limits: SpeechPlan.longLimits)
        }
    }

    private func speak(
        _ count: Int, as voice: String, with profile: EngineProfile, tolerated: Int = 0,
        _ plan: (String) -> SpeechPlan
    ) throws {
        var texts = MutatedTexts(seed: 77)
        var engine = try EngineProcess(profile)
        var (id, deaths): (UInt32, Int) = (0, 0)
        for number in 0..<count {
            let text = texts.next()
            for chunk in plan(text).chunks.prefix(3) {
                id += 1
                // One text in eight is heard to its end; the others end when their times are
                // known, behind all that depends on the words.
                let isWhole = number % 8 == 0
                try engine.send(EngineWire.speak(id: id, voice: voice, chunk.units))
                guard let heard = try engine.chunk(cancelling: isWhole ? nil : id) else {
                    deaths += 1
                    if deaths > tolerated {
                        Issue.record("it died of \(text.debugDescription)")
                    }
                    engine = try EngineProcess(profile)
                    continue
                }
                let status = heard.end["status"]?.string
                if status != "done", isWhole || status != "cancelled" {
                    Issue.record("\(heard.end) for \(text.debugDescription)")
                }
                let seconds = Double(heard.bytes) / Double(2 * profile.rate)
                if seconds > chunk.seconds * 4 + 8 {
                    Issue.record("\(seconds) s: \(text.debugDescription)")
                }
            }
        }
        MutatedTexts.report("\(count) texts, \(id) chunks, \(deaths) deaths, \(voice)")
    }
}
