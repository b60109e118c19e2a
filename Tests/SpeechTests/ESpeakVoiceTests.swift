// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LipSync
import Testing

@testable import Speech

@Suite(.serialized) struct ESpeakVoiceTests {
    @Test(arguments: [
        ("espeak-de", "Der Pfeffer ist schön; zwölf Äpfel, bitte! Das kostet 3,50 €."),
        ("espeak-es", "El vehículo llegó a Múnich, ¿verdad? ¡Sí! El abuelo vio 25 zapatos."),
        ("espeak-fr-fr", "Bonjour monsieur, huit lunes blanches. Les enfants aiment le vin."),
        ("espeak-it", "Buongiorno, gli gnocchi della mamma sono buoni. Papà beve caffè."),
        ("espeak-ru", "Привет, мир! Мама мыла раму."), ("espeak-hi", "नमस्ते दुनिया। पानी कहाँ है?"),
        ("espeak-ko", "안녕하세요 세계."), ("espeak-el", "Γειά σου κόσμε, πώς είσαι;"),
    ])
    func itSpeaksWithPhonesAndWords(voiceID: String, text: String) async throws {
        let heard = try await with(.espeak) { try await Heard($0.speak(text, voiceID: voiceID)) }
        #expect(heard.words.map(\.text) == text.split(separator: " ").map(String.init))
        #expect((1...12).contains(heard.seconds))
        heard.expectConsistent(with: text)
        #expect(heard.samples.map(abs).max() ?? 0 <= Limiter.defaultCeiling)
        let onset = heard.samples.firstIndex { abs($0) > 0.0126 } ?? 0
        let offset = heard.samples.lastIndex { abs($0) > 0.0126 } ?? 0
        #expect(onset < 48 * 150 && heard.samples.count - offset < 48 * 200)
        let table = ArticulationTable.builtIn(for: "world")
        for phone in heard.phones where !table.knows(phone.symbol) {
            Issue.record("\(phone.symbol) has no mouth")
        }
    }

    @Test func closuresAreWhereTheSoundIsSilent() async throws {
        let text = "Pappa mappa, poppi."
        let heard = try await with(.espeak) {
            try await Heard($0.speak(text, voiceID: "espeak-it"))
        }
        // The library tells a stop when it opens; its closure, a fifth of a second, comes before.
        let stops = heard.phones.filter { $0.symbol == "p" && $0.start > 50 }
        #expect(stops.count >= 3)
        for stop in stops where stop.duration > 100 {
            let middle = heard.samples[
                Int((stop.start + 15) * 48)..<Int((stop.start + stop.duration * 0.6) * 48)]
            #expect(decibels(rms(middle)) < -45, "\(stop)")
        }
        #expect(stops.contains { $0.duration > 120 })
        for phone in heard.phones where phone.symbol == "a" {
            let middle = heard.samples[Int((phone.start + 10) * 48)..<Int((phone.end - 20) * 48)]
            #expect(decibels(rms(middle)) > -35, "\(phone)")
        }
    }

    @Test func everyLanguageOfTheTableSpeaks() async throws {
        // Figures are known to nearly all of them, and the words to the rest.
        let text = "1, 2, 3, 4 5 6; mama papa salam."
        try await with(.espeak) { voice in
            #expect(voice.voices.count > 120)
            for description in voice.voices {
                let heard = try await Heard(voice.speak(text, voiceID: description.id))
                #expect(heard.seconds > 0.6 && heard.phones.count > 10, "\(description.id)")
                #expect(description.language.first?.isLowercase == true)
            }
            #expect(voice.statistics.crashes.value == 0)
        }
    }

    @Test(arguments: ["espeak-de", "espeak-fr-fr", "espeak-mi", "espeak-ta"])
    func itIsAsLoudAsTheOthers(id: String) async throws {
        let text = "1, 2, 3, 4, 5 6 7 8 9 10, 11 12 13 14 15. 16 17 18 19 20 21 30 40 50."
        let heard = try await with(.espeak) { try await Heard($0.speak(text, voiceID: id)) }
        var meter = LoudnessMeter()
        meter.add(heard.samples)
        #expect(abs((meter.integrated ?? 0) + 20) < 1.5, "\(meter.integrated ?? 0)")
    }

    @Test(arguments: ["", "👋🏽", "你好，世界", "...", "Привет мир", "\u{1}\u{202E}"])
    func nothingToSayIsAnError(text: String) async throws {
        try await with(.espeak) { voice in
            await #expect(throws: VoiceError.unspeakableText) {
                try await Heard(voice.speak(text, voiceID: "espeak-de"))
            }
        }
    }

    @Test func cancellingStopsTheEngineAndTheStream() async throws {
        let text = String(repeating: "Eins, zwei, drei, vier, fünf, sechs, sieben. ", count: 60)
        try await with(.espeak) { voice in
            for _ in 0..<10 {
                let stream = voice.speak(text, voiceID: "espeak-de")
                _ = try await stream.next()
                stream.cancel()
                #expect(try await stream.next().map(\.duration) == nil)
            }
            let again = voice.speak("Noch da.", voiceID: "espeak-de")
            #expect(try await Heard(again).seconds > 0.4)
            #expect(voice.statistics.crashes.value == 0 && voice.statistics.starts.value == 1)
        }
    }

    @Test func aDeadEngineIsReplaced() async throws {
        try await with(.espeak) { voice in
            _ = try await Heard(voice.speak("Eins.", voiceID: "espeak-de"))
            for pid in await voice.engines.pids { kill(pid, SIGKILL) }
            _ = try? await Heard(voice.speak("Zwei.", voiceID: "espeak-de"))
            let again = voice.speak("Drei.", voiceID: "espeak-de")
            #expect(try await Heard(again).seconds > 0.3)
            #expect(voice.statistics.crashes.value == 1)
        }
    }
}
