// SPDX-License-Identifier: Apache-2.0

extension Voice {
    /// The voice for somebody who asked for a language and no voice.
    ///
    /// - Parameters:
    ///   - language: BCP 47; nil if none was asked for.
    ///   - preferred: the voice to take where it speaks that language, or nobody does.
    /// - Returns: one of ``voices``, or `preferred`.
    public func voiceID(for language: String?, preferring preferred: String) -> String {
        // Systems write en_US for en-US.
        let parts = language?.lowercased().split { $0 == "-" || $0 == "_" } ?? []
        guard let primary = parts.first else { return preferred }
        let tag = parts.joined(separator: "-")
        func speaks(_ voice: VoiceDescription) -> Bool {
            voice.language.lowercased().split(separator: "-").first == primary
        }
        if voice(preferred).map(speaks) == true { return preferred }
        let usual = ESpeakLanguage(for: tag).map { "espeak-" + $0.id }
        let found =
            voices.first { $0.language.lowercased() == tag }
            ?? usual.flatMap(voice) ?? voices.first(where: speaks)
        return found?.id ?? preferred
    }
}

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
