// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The voices that need no service: what `GET /voices` tells of them and where their engine is.
public enum EmbeddedVoices {
    /// The voices of `avatar-voice-flite`, the default one first.
    public static let list = [
        VoiceDescription(
            id: "slt", language: "en-US", name: "Slt (female, American)", provider: "flite"),
        VoiceDescription(
            id: "rms", language: "en-US", name: "Rms (male, American)", provider: "flite"),
        VoiceDescription(
            id: "awb", language: "en-US", name: "Awb (male, Scottish accent)", provider: "flite"),
        VoiceDescription(
            id: "kal16", language: "en-US", name: "Kal (male, American, robotic)",
            provider: "flite"),
    ]

    /// Where `avatar-voice-flite` is: AVATAR_VOICE_FLITE if it is set, else beside the program
    /// that runs; nil if there is none.
    public static func enginePath() -> String? {
        // SAFETY: both strings are copied before anything could change them.
        if let path = getenv("AVATAR_VOICE_FLITE") { return String(cString: path) }
        guard let program = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(program) }
        let path = String(cString: program)
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let beside = path[...slash] + "avatar-voice-flite"
        return access(String(beside), X_OK) == 0 ? String(beside) : nil
    }

    /// What an engine gets of our environment: where libraries are, no more.
    static func engineEnvironment() -> [String] {
        // SAFETY: the string is copied before anything could change it.
        guard let path = getenv("LD_LIBRARY_PATH") else { return [] }
        return ["LD_LIBRARY_PATH=" + String(cString: path)]
    }
}
