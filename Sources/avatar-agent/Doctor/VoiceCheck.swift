// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
internal import Speech

/// Has the configured voice say a word.
struct VoiceCheck {
    let voices: any Voice
    let id: String

    func finding() async -> DoctorFinding {
        guard voices.voice(id) != nil else {
            return .bad(
                "voice", "voice.id names no voice", .configuration,
                advice: "Set it to one of those that avatar-agent voices lists.")
        }
        let begin = Loop.now
        do {
            let stream = voices.speak("Hello.", voiceID: id)
            var length = 0.0
            while let chunk = try await stream.next() { length += chunk.duration }
            let took = Int((Loop.now - begin).milliseconds)
            return .good("voice", "\(Int(length)) ms of speech made in \(took) ms")
        } catch {
            return .bad(
                "voice", error.description, .internalError,
                advice: "avatar-voice-flite must stand beside this program and be executable; "
                    + "run it by hand to see what it says.")
        }
    }
}
