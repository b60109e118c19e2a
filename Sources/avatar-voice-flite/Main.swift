// SPDX-License-Identifier: Apache-2.0
internal import VoiceEngine

/// `avatar-voice-flite`: speaks English; see ``EngineProgram``.
@main
struct Main {
    static func main() {
        EngineProgram.run { Synthesizer() }
    }
}
