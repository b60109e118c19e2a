// SPDX-License-Identifier: Apache-2.0
internal import CESpeak
internal import VoiceEngine

/// Espeak-ng: words of many languages in, phone times and PCM out.
///
/// A chunk is computed whole before its first frame goes out, at some hundred times the speed of
/// speech: the library tells a phone only after the silence that belongs to it. Its voices are
/// named by their files (`gmw/de`), which are unique, unlike their names. Global and not
/// thread-safe, as the library.
final class Synthesizer: SpeechEngine {
    let voices: [String]
    private let rate: Int
    private var voice = ""

    /// The longest word the library is trusted with; its own buffer takes 160 bytes.
    private static let maxWordBytes = 120
    /// Clauses of a word, of which most have one.
    private static let maxClauses = 40
    /// Seconds of sound of a chunk: it has 120 words at most.
    private static let maxSeconds = 120
    /// Samples of a piece of sound, 100 ms: how late a cancel is heard, and how often a pipe is
    /// filled.
    private static let piece = 2_205

    init() {
        // Milliseconds between two calls of us: how often it can be stopped.
        let options = espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA
        rate = Int(
            espeak_Initialize(
                AUDIO_OUTPUT_SYNCHRONOUS, 100, nil, options | espeakINITIALIZE_DONT_EXIT))
        guard rate > 0 else {
            voices = []  // no data: everything is refused
            return
        }
        espeak_SetSynthCallback(soundCame)
        var voices: [String] = []
        // SAFETY: the library's list ends with nil and is not changed while it is read.
        var next = espeak_ListVoices(nil)
        while let list = next, let voice = list.pointee {
            if let file = voice.pointee.identifier { voices.append(String(cString: file)) }
            next = list + 1
        }
        self.voices = voices
    }

    func load(_ voice: String) {
        guard voices.contains(voice), let word = EngineWord("1", mark: ".") else { return }
        _ = speak([word], voice: voice) { _ in true }
    }

    func accepts(_ word: String) -> Bool {
        (1...Self.maxWordBytes).contains(word.utf8.count)
            // Controls are commands to the library, blanks would move its word numbers.
            && !word.unicodeScalars.contains { $0.value < 0x21 || (0x7F...0xA0).contains($0.value) }
    }

    func speak(
        _ words: [EngineWord], voice: String, _ body: (SpeechEvent) -> Bool
    ) -> SpeechOutcome {
        guard choose(voice) else { return .failed }
        let text = ChunkText(words)
        let recording = Recording(maxSamples: Self.maxSeconds * rate)
        let error = withoutActuallyEscaping(body) { body in
            recording.isWanted = { body(.working) }
            defer { recording.isWanted = nil }
            // SAFETY: the callback runs inside espeak_Synth only, while `recording` is held here.
            return espeak_Synth(
                text.bytes, text.bytes.count, 0, POS_CHARACTER, 0, UInt32(espeakCHARS_UTF8), nil,
                Unmanaged.passUnretained(recording).toOpaque())
        }
        if recording.wasStopped { return .cancelled }
        guard error == EE_OK, !recording.isTooLong else { return .failed }
        guard body(.times(recording.times(of: text, rate: rate))) else { return .cancelled }
        var start = 0
        while start < recording.samples.count {
            let end = min(start + Self.piece, recording.samples.count)
            guard body(.audio(Array(recording.samples[start..<end]))) else { return .cancelled }
            start = end
        }
        return .done
    }

    func phones(of words: [String], voice: String) -> [[String]]? {
        guard choose(voice) else { return nil }
        return words.map(phones)
    }

    /// The phones of a word that stands alone, a vowel's stress before it.
    private func phones(of word: String) -> [String] {
        // Bits 8 and up: what stands between two phones.
        let mode = Int32(UInt8(ascii: "_")) << 8 | Int32(espeakPHONEMES_IPA)
        var phones: [String] = []
        word.withCString { text in
            // SAFETY: the library moves the pointer within the text and ends with nil.
            var rest: UnsafeRawPointer? = UnsafeRawPointer(text)
            for _ in 0..<Self.maxClauses where rest != nil {
                guard let clause = espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, mode) else {
                    break
                }
                phones += PhoneNames.parsed(String(cString: clause))
            }
        }
        return phones
    }

    private func choose(_ name: String) -> Bool {
        if voice == name { return true }
        guard espeak_SetVoiceByName(name) == EE_OK else {
            voice = ""
            return false
        }
        voice = name
        return true
    }
}

/// What the library calls with sound and with what is heard in it.
private func soundCame(
    _ wave: UnsafeMutablePointer<Int16>?, _ count: Int32,
    _ events: UnsafeMutablePointer<espeak_EVENT>?
) -> Int32 {
    guard var event = events, let context = event.pointee.user_data else { return 1 }
    // SAFETY: `speak` holds the recording while the library works.
    let recording = Unmanaged<Recording>.fromOpaque(context).takeUnretainedValue()
    // SAFETY: the list ends with an event of that type.
    while event.pointee.type != espeakEVENT_LIST_TERMINATED {
        let sample = Int(event.pointee.sample)
        let position = Int(event.pointee.text_position) - 1
        switch event.pointee.type {
        case espeakEVENT_WORD:
            recording.wordBegan(at: sample)
        case espeakEVENT_PHONEME:
            var name = [CChar](repeating: 0, count: 9)
            espeak_phone_name(event, &name)
            let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            recording.phoneBegan(String(decoding: bytes, as: UTF8.self), at: sample, position)
        default: break
        }
        event += 1
    }
    if let wave, count > 0 {
        // SAFETY: the library gives that many samples.
        recording.samples += UnsafeBufferPointer(start: wave, count: Int(count))
    }
    return recording.goesOn() ? 0 : 1
}
