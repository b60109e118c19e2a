// SPDX-License-Identifier: Apache-2.0
internal import CFlite
internal import Glibc
internal import VoiceEngine

/// Flite's voices: words in, phone times and PCM out while it computes.
///
/// Text never goes through the library's tokenizer and its expansion of tokens, which write out of
/// bounds on runs of punctuation: the relations `Token` and `Word` are built here from words that
/// were checked one by one. Not thread-safe, as the library.
final class Synthesizer: SpeechEngine {
    let voices = ["slt", "rms", "awb", "kal16"]

    private var loaded: [String: Voice] = [:]

    init() {
        flite_init()
    }

    /// Makes a voice ready: registers it and lets it say one word, which touches its data.
    func load(_ name: String) {
        guard loaded[name] == nil, let word = EngineWord("ready", mark: ".") else { return }
        _ = speak([word], voice: name) { _ in true }
    }

    /// The longest word the library is trusted with: it takes time in the square of the length.
    private static let maxWordBytes = 40

    func accepts(_ word: String) -> Bool {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        return word.utf8.count <= Self.maxWordBytes && word.utf8.contains(where: letters.contains)
            && (word == "_a" || word == "_a's"
                || word.utf8.allSatisfy { letters.contains($0) || $0 == 0x27 })
    }

    func phones(of words: [String], voice: String) -> [[String]]? { nil }

    func speak(
        _ words: [EngineWord], voice name: String, _ body: (SpeechEvent) -> Bool
    ) -> SpeechOutcome {
        guard let voice = voice(name), let utterance = new_utterance() else { return .failed }
        guard let tokens = utt_relation_create(utterance, key("Token")) else {
            delete_utterance(utterance)
            return .failed
        }
        for word in words {
            let token = relation_append(tokens, nil)
            item_set_string(token, key("name"), word.text)
            item_set_string(token, key("whitespace"), " ")
            item_set_string(token, key("prepunctuation"), "")
            item_set_string(token, key("punc"), word.mark)
        }
        // The library's noise comes from rand: the same words shall sound the same every time.
        srand(1)
        return withoutActuallyEscaping(body) { body in
            let run = Run(body: body)
            // SAFETY: the callback runs inside flite_do_synth only, while `run` is held here.
            voice.streaming.pointee.min_buffsize = firstPiece
            voice.streaming.pointee.userdata = Unmanaged.passUnretained(run).toOpaque()
            defer { voice.streaming.pointee.userdata = nil }
            guard let spoken = flite_do_synth(utterance, voice.raw, utt_synth_tokens) else {
                return .failed
            }
            delete_utterance(spoken)
            return run.wasStopped ? .cancelled : run.hasFinished ? .done : .failed
        }
    }

    private func voice(_ name: String) -> Voice? {
        if let voice = loaded[name] { return voice }
        let raw: UnsafeMutablePointer<cst_voice>? =
            switch name {
            case "slt": register_cmu_us_slt(nil)
            case "rms": register_cmu_us_rms(nil)
            case "awb": register_cmu_us_awb(nil)
            case "kal16": register_cmu_us_kal16(nil)
            default: nil
            }
        guard let raw, let streaming = new_audio_streaming_info() else { return nil }
        streaming.pointee.asc = audioCame
        feat_set(raw.pointee.features, key("streaming_info"), audio_streaming_info_val(streaming))
        feat_set(raw.pointee.features, key("textanalysis_func"), uttfunc_val(wordsOfTokens))
        let voice = Voice(raw: raw, streaming: streaming)
        loaded[name] = voice
        return voice
    }

    private struct Voice {
        let raw: UnsafeMutablePointer<cst_voice>
        let streaming: UnsafeMutablePointer<cst_audio_streaming_info>
    }
}

/// One call of ``Synthesizer/speak(_:voice:_:)`` as the callback sees it.
private final class Run {
    let body: (SpeechEvent) -> Bool
    /// The sample at which nothing but silence is to come: the last pause is not computed.
    var end = Int.max
    /// The sample at which the first pause is over.
    var speechStart = 0
    /// Small pieces of sound before the larger ones: by then the listener is a tenth of a second
    /// behind.
    static let firstPieces = 4
    /// The silence kept at the end: a tenth of a second.
    static let tailShare = 10
    var hasTimes = false
    var wasStopped = false
    var hasFinished = false

    init(body: @escaping (SpeechEvent) -> Bool) {
        self.body = body
    }
}

/// Samples of the pieces until the first sound is out, 30 ms: half a millisecond of work.
private let firstPiece: Int32 = 480
/// Samples of the later pieces, 100 ms: how late a cancel is heard, and how often a pipe is filled.
private let laterPiece: Int32 = 1_600

// MARK: What the library calls

/// A name for the library, which keeps the pointer and not the text.
private func key(_ name: StaticString) -> UnsafePointer<CChar> {
    // SAFETY: a literal's bytes end with a zero and live as long as the program.
    UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// The library's text analysis, replaced: every token is one word, but for the clitics that the
/// lexicon's rules want as words of their own.
private func wordsOfTokens(
    _ utterance: UnsafeMutablePointer<cst_utterance>?
) -> UnsafeMutablePointer<cst_utterance>? {
    guard let utterance, let words = utt_relation_create(utterance, key("Word")) else { return nil }
    var token = relation_head(utt_relation(utterance, key("Token")))
    while let current = token {
        var text = String(cString: item_feat_string(current, "name"))
        var clitic: String?
        for ending in ["'s", "'ll", "'ve", "'d", "'re"] where text.hasSuffix(ending) {
            clitic = ending
            text.removeLast(ending.utf8.count)
            break
        }
        // The lexicon writes n't and o' without the apostrophe; 're it does not know.
        text.removeAll { $0 == "'" }
        if clitic == "'re" {
            text += "re"
            clitic = nil
        }
        for part in [text, clitic ?? ""] where !part.isEmpty {
            let word = item_add_daughter(current, nil)
            item_set_string(word, key("name"), part)
            relation_append(words, word)
        }
        token = item_next(current)
    }
    return utterance
}

/// A piece of audio is there; the first comes when all times are known.
private func audioCame(
    _ wave: UnsafePointer<cst_wave>?, _ start: Int32, _ size: Int32, _ last: Int32,
    _ info: UnsafeMutablePointer<cst_audio_streaming_info>?
) -> Int32 {
    guard let wave, let info, let context = info.pointee.userdata else {
        return CST_AUDIO_STREAM_STOP
    }
    // SAFETY: `speak` holds the run while the library works and clears the context after.
    let run = Unmanaged<Run>.fromOpaque(context).takeUnretainedValue()
    if !run.hasTimes {
        run.hasTimes = true
        let times = SpeechTimes(
            of: info.pointee.utt, rate: Int(wave.pointee.sample_rate))
        run.end = times.speechEnd + times.rate / Run.tailShare
        run.speechStart = times.phones.first { $0.symbol == "pau" }?.end ?? 0
        guard run.body(.times(times)) else {
            run.wasStopped = true
            return CST_AUDIO_STREAM_STOP
        }
    }
    if size > 0, start >= 0, start + size <= wave.pointee.num_samples,
        let samples = wave.pointee.samples
    {
        if Int(start) > run.speechStart + Int(firstPiece) * Run.firstPieces {
            info.pointee.min_buffsize = laterPiece
        }
        // SAFETY: the range was checked against the wave's length.
        let piece = Array(UnsafeBufferPointer(start: samples + Int(start), count: Int(size)))
        guard run.body(.audio(piece)) else {
            run.wasStopped = true
            return CST_AUDIO_STREAM_STOP
        }
    }
    run.hasFinished = last != 0 || start + size >= run.end
    return run.hasFinished ? CST_AUDIO_STREAM_STOP : CST_AUDIO_STREAM_CONT
}

extension SpeechTimes {
    /// Reads the times of an utterance whose durations are decided.
    fileprivate init(of utterance: UnsafePointer<cst_utterance>?, rate: Int) {
        var phones: [(symbol: String, end: Int)] = []
        var words: [ClosedRange<Int>] = []
        var segment = relation_head(utt_relation(utterance, key("Segment")))
        while let current = segment {
            phones.append(
                (String(cString: item_feat_string(current, "name")), endOf(current, rate)))
            segment = item_next(current)
        }
        var token = relation_head(utt_relation(utterance, key("Token")))
        while let current = token {
            words.append(spanOf(current, rate))
            token = item_next(current)
        }
        self.init(rate: rate, phones: phones, words: words)
    }
}

/// The sample at which a segment ends.
///
/// The parametric voices speak in frames of 5 ms and slide from one frame to the next, so the
/// border between two phones is half way between the last frame of one and the first of the other;
/// the feature `end` is only near it.
private func endOf(_ segment: UnsafePointer<cst_item>?, _ rate: Int) -> Int {
    let frame = "R:segstate.daughtern.R:mcep_link.daughtern.frame_number"
    if path_to_item(segment, "R:segstate.daughtern.R:mcep_link.daughtern") != nil {
        let number = Int(ffeature_int(segment, frame))
        return (2 * number + 1) * rate / 400
    }
    return Int(item_feat_float(segment, "end") * Float(rate))
}

/// The samples from the first phone of a token to its last; 0…0 for one without sound.
private func spanOf(_ token: UnsafePointer<cst_item>?, _ rate: Int) -> ClosedRange<Int> {
    var span: ClosedRange<Int>?
    var word = UnsafePointer(item_daughter(token))
    while let current = word {
        let first = path_to_item(current, "R:SylStructure.daughter.daughter.R:Segment")
        let last = path_to_item(current, "R:SylStructure.daughtern.daughtern.R:Segment")
        if let first, let last {
            let before = item_prev(first)
            let start = before == nil ? 0 : endOf(before, rate)
            let end = max(endOf(last, rate), start)
            span = (span?.lowerBound ?? start)...max(end, span?.upperBound ?? end)
        }
        word = UnsafePointer(item_next(current))
    }
    return span ?? 0...0
}
