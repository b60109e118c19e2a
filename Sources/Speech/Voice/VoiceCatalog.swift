// SPDX-License-Identifier: Apache-2.0

/// The voices of several providers as those of one.
public struct VoiceCatalog: Voice {
    /// The voices, those of the first provider first; never empty.
    public let voices: [VoiceDescription]
    private let providers: [String: any Voice]
    private let first: any Voice

    /// Joins providers; where two have a voice of the same id, the first one speaks it.
    public init(_ first: any Voice, _ others: [any Voice]) {
        self.first = first
        var voices: [VoiceDescription] = []
        var providers: [String: any Voice] = [:]
        for provider in [first] + others {
            for voice in provider.voices where providers[voice.id] == nil {
                providers[voice.id] = provider
                voices.append(voice)
            }
        }
        (self.voices, self.providers) = (voices, providers)
    }

    /// Speaks with the provider that has the voice; see ``Voice/speak(_:voiceID:)``.
    public func speak(_ text: String, voiceID: String?) -> VoiceStream {
        let provider = voiceID.map { providers[$0] } ?? first
        return provider?.speak(text, voiceID: voiceID)
            ?? VoiceStream(failing: .failed("there is no voice of that name"))
    }
}
