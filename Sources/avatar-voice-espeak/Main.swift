// SPDX-License-Identifier: Apache-2.0
internal import VoiceEngine

/// `avatar-voice-espeak`: speaks whatever espeak-ng speaks; see ``EngineProgram``.
///
/// The only program of this package that is linked to espeak-ng, which is under the GPL.
@main
struct Main {
    static func main() {
        EngineProgram.run { Synthesizer() }
    }
}
