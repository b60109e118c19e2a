// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// What is particular to one engine: its program, its voices, how it wants its text.
public struct EngineProfile: Sendable {
    /// One of its voices.
    struct Voice: Sendable {
        /// What clients see.
        var description: VoiceDescription
        /// What the engine calls it.
        var name: String
        /// What brings it to −20 LUFS, as a factor.
        var gain: Float
        /// Makes words for the engine of any text.
        var read: @Sendable (String) -> SpokenText
    }

    /// The name of its program, which stands beside ours.
    public let program: String
    /// The voices it has, the default one first.
    public var voices: [VoiceDescription] { list.map(\.description) }

    let list: [Voice]
    /// Samples a second.
    let rate: Int
    /// Whether it writes its phones in IPA; else in ARPABET.
    let isIPA: Bool
    /// How its texts are cut, see ``SpeechPlan``.
    let limits: [Double]
    /// Which voice each process makes ready at its start.
    let warmVoice: String

    /// Where its program is: the environment's AVATAR_VOICE_FLITE and the like if it is set, else
    /// beside the program that runs; nil if there is none.
    public func path() -> String? {
        let variable = String(program.map { $0 == "-" ? "_" : Character($0.uppercased()) })
        // SAFETY: both strings are copied before anything could change them.
        if let path = getenv(variable) { return String(cString: path) }
        guard let ours = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(ours) }
        let path = String(cString: ours)
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let beside = path[...slash] + program
        return access(String(beside), X_OK) == 0 ? String(beside) : nil
    }

    /// The engines whose programs are there, the default one first.
    public static var installed: [EngineProfile] {
        [flite, espeak].filter { $0.path() != nil }
    }

    /// What an engine gets of our environment, which holds keys: where libraries are, no more.
    static func environment() -> [String] {
        // SAFETY: the string is copied before anything could change it.
        guard let path = getenv("LD_LIBRARY_PATH") else { return [] }
        return ["LD_LIBRARY_PATH=" + String(cString: path)]
    }

    // MARK: Flite

    /// Flite's English voices.
    public static let flite: EngineProfile = {
        let normalizer = TextNormalizer()
        // Gains: measured over twelve sentences, checked by a test.
        let voices: [(String, String, Float)] = [
            ("slt", "Slt (female, American)", 0.662), ("rms", "Rms (male, American)", 1.20),
            ("awb", "Awb (male, Scottish accent)", 1.05),
            ("kal16", "Kal (male, American, robotic)", 2.60),
        ]
        return EngineProfile(
            program: "avatar-voice-flite",
            list: voices.map { name, title, gain in
                Voice(
                    description: VoiceDescription(
                        id: name, language: "en-US", name: title, provider: "flite"),
                    name: name, gain: gain, read: { normalizer.normalize($0) })
            },
            rate: 16_000, isIPA: false, limits: SpeechPlan.shortLimits, warmVoice: "slt")
    }()

    // MARK: Espeak

    /// Espeak-ng's voices, one or more for each of a hundred languages.
    public static let espeak = EngineProfile(
        program: "avatar-voice-espeak",
        list: ESpeakLanguage.all.map { language in
            let reader = WordReader(language.systems)
            return Voice(
                description: VoiceDescription(
                    id: "espeak-" + language.id, language: language.tag, name: language.name,
                    provider: "espeak"),
                name: language.file, gain: language.gain, read: { reader.read($0) })
        },
        rate: 22_050, isIPA: true, limits: SpeechPlan.longLimits, warmVoice: "gmw/en-US")
}
