// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Speech

@Suite struct VoiceCatalogTests {
    /// Says who it is by the error of its streams.
    private struct Mute: Voice {
        let voices: [VoiceDescription]

        init(_ provider: String, _ voices: [(String, String)]) {
            self.voices = voices.map { id, language in
                VoiceDescription(id: id, language: language, name: id, provider: provider)
            }
        }

        func speak(_ text: String, voiceID: String?) -> VoiceStream {
            VoiceStream(failing: .failed("\(voices[0].provider) \(voiceID ?? "-")"))
        }
    }

    private let catalog = VoiceCatalog(
        Mute("one", [("slt", "en-US"), ("rms", "en-US")]),
        [Mute("two", [("rms", "de"), ("anna", "de-DE"), ("espeak-fr-fr", "fr-FR")])])

    @Test(arguments: [
        (nil, "one -"), ("slt", "one slt"), ("rms", "one rms"), ("anna", "two anna"),
        ("nobody", "there is no voice of that name"),
    ])
    func everyVoiceIsSpokenByItsProvider(id: String?, reason: String) async throws {
        await #expect(throws: VoiceError.failed(reason)) {
            _ = try await catalog.speak("Hello.", voiceID: id).next()
        }
    }

    @Test(arguments: [
        (nil, "slt"), ("en", "slt"), ("en-GB", "slt"), ("de", "anna"), ("de-AT", "anna"),
        ("de-de", "anna"), ("fr", "espeak-fr-fr"), ("fr-CA", "espeak-fr-fr"), ("ja", "slt"),
        ("", "slt"), ("de_DE", "anna"), ("fr_CA", "espeak-fr-fr"), ("en_US", "slt"), ("_", "slt"),
    ])
    func aLanguageFindsAVoice(language: String?, id: String) {
        #expect(catalog.voices.map(\.id) == ["slt", "rms", "anna", "espeak-fr-fr"])
        #expect(catalog.voiceID(for: language, preferring: "slt") == id)
    }

    @Test func theEnginesOfThisBuildFindVoicesForLanguages() {
        let all = VoiceCatalog(
            Mute("flite", EngineProfile.flite.voices.map { ($0.id, $0.language) }),
            [Mute("espeak", EngineProfile.espeak.voices.map { ($0.id, $0.language) })])
        for (language, id) in [
            ("fr", "espeak-fr-fr"), ("es", "espeak-es"), ("pt-BR", "espeak-pt-br"), ("en", "slt"),
            ("no", "espeak-nb"), ("de-CH", "espeak-de"), ("es-MX", "espeak-es-419"),
        ] {
            #expect(all.voiceID(for: language, preferring: "slt") == id)
        }
    }
}
