// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LipSync

/// Makes one utterance of the engine's chunks: takes the silence off their ends, puts the right
/// pauses between them, brings them to 48 kHz and to their loudness, and keeps every time on the
/// sample that it belongs to.
///
/// The utterance's time axis is counted in the engine's samples that were kept or put in. The
/// resampler and the limiter take their own delay out, so sample `n` of the axis is heard at
/// `n / rate` of the output exactly. A value for the work pool.
struct EngineSound: Sendable {
    /// The engine broke its own rules: its chunk has no times, or none that can be.
    struct Malformed: Error {}

    /// Milliseconds of sound kept before the first sound and after the last of a chunk, as far as
    /// the pause allows: a breath of the voice's own noise, no step.
    private static let leadMs = 20
    private static let tailMs = 30
    /// Milliseconds kept at the very end, where the voice may ring out.
    private static let lastTailMs = 60
    /// Milliseconds over which the ends of a chunk are faded.
    private static let fadeInMs = 2
    private static let fadeOutMs = 10
    /// Rates that an engine may have.
    private static let rates = 8_000...48_000

    private let text: SpokenText
    private let plan: SpeechPlan
    private let gain: Float
    private let isIPA: Bool

    private var rate = 16_000
    private var resampler = Resampler(from: 16_000, to: OpusFormat.sampleRate)
    private var limiter = Limiter()
    /// Samples of the axis before the current chunk, and with its sound after its end.
    private var base = 0
    /// The end of the last phone on the axis.
    private var lastEnd = 0
    /// The chunk that is being heard; -1 before the first.
    private var index = -1
    /// Samples of the current chunk heard so far.
    private var heard = 0
    /// The part of the current chunk that is kept.
    private var kept = 0..<0
    /// Silence that goes before the current chunk.
    private var silence = 0
    private var phones: [Phone] = []
    private var words: [TimedText] = []
    /// Starts of words whose beginning an earlier chunk said, on the axis.
    private var openWordStart: Int?

    /// - Parameters:
    ///   - text: the words.
    ///   - plan: its chunks.
    ///   - isIPA: whether the engine writes its phones in IPA; else in ARPABET.
    ///   - gain: what brings its voice to −20 LUFS.
    init(text: SpokenText, plan: SpeechPlan, isIPA: Bool = false, gain: Float) {
        self.isIPA = isIPA
        self.text = text
        self.plan = plan
        self.gain = gain
    }

    // MARK: Times

    /// The engine's `T` frame: a chunk begins.
    mutating func chunkBegan(_ payload: [UInt8]) throws(Malformed) {
        guard let json = try? JSONValue(parsing: payload, maxBytes: EngineWire.maxPayload),
            let rate = json["rate"]?.int.flatMap({ Int(exactly: $0) }),
            EngineSound.rates.contains(rate), index + 1 < plan.chunks.count
        else { throw Malformed() }
        if rate != self.rate || index < 0 {
            guard index < 0 else { throw Malformed() }
            self.rate = rate
            resampler = Resampler(from: rate, to: OpusFormat.sampleRate)
        }
        let ends = try self.ends(json["phones"]?.array ?? [])
        index += 1
        heard = 0
        let speechStart = ends.first?.symbol == "pau" ? ends.first?.end ?? 0 : 0
        let speechEnd = ends.last { $0.symbol != "pau" }?.end ?? speechStart
        place(speechStart..<max(speechStart, speechEnd))
        let shift = base + silence - kept.lowerBound
        add(ends, speech: speechStart..<max(speechStart, speechEnd), shift: shift)
        try addWords(json["words"]?.array ?? [], shift: shift)
        base += silence + kept.count
    }

    /// Samples that a chunk may promise: an utterance of the greatest length. What is promised and
    /// not sent becomes silence in memory.
    private var samplesMax: Int64 { Int64(SpeechPlan.maxSeconds) * Int64(rate) }

    private func ends(
        _ list: [JSONValue]
    ) throws(Malformed) -> [(symbol: String, end: Int)] {
        var ends: [(symbol: String, end: Int)] = []
        for entry in list {
            guard let symbol = entry[0]?.string, let end = entry[1]?.int, end >= 0,
                end <= samplesMax, Int(end) >= ends.last?.end ?? 0
            else { throw Malformed() }
            ends.append((symbol, Int(end)))
        }
        return ends
    }

    /// Decides what is kept of a chunk and how long the silence before it is.
    private mutating func place(_ speech: Range<Int>) {
        let isLast = index == plan.chunks.count - 1
        let pause =
            index == 0 ? 0 : samples(SpeechPlan.pause(after: plan.chunks[index - 1].mark))
        let before = index == 0 ? 0 : EngineSound.tail(of: pause, rate)
        let lead = min(
            milliseconds(EngineSound.leadMs), index == 0 ? speech.lowerBound : pause - before)
        let after = samples(SpeechPlan.pause(after: plan.chunks[index].mark))
        let tail = isLast ? milliseconds(EngineSound.lastTailMs) : EngineSound.tail(of: after, rate)
        let start = max(0, speech.lowerBound - max(0, lead))
        kept = start..<max(start, speech.upperBound + tail)
        silence = max(0, pause - before - (speech.lowerBound - start))
    }

    private static func tail(of pause: Int, _ rate: Int) -> Int {
        min(rate * tailMs / 1_000, pause)
    }

    private mutating func add(
        _ ends: [(symbol: String, end: Int)], speech: Range<Int>, shift: Int
    ) {
        guard !speech.isEmpty else { return }
        let start = shift + speech.lowerBound
        if start > lastEnd { addPhone("pau", until: start) }
        for phone in ends where phone.end > speech.lowerBound && phone.end <= speech.upperBound {
            addPhone(phone.symbol, until: shift + phone.end)
        }
    }

    private mutating func addPhone(_ symbol: String, until sample: Int) {
        let (start, end) = (time(lastEnd), time(max(lastEnd, sample)))
        phones.append(
            isIPA
                ? Phone(ipa: symbol, start: start, end: end)
                : Phone(symbol.uppercased(), start: start, end: end))
        lastEnd = max(lastEnd, sample)
    }

    private mutating func addWords(_ list: [JSONValue], shift: Int) throws(Malformed) {
        let spans = list.map { entry -> Range<Int>? in
            guard let from = entry[0]?.int, let to = entry[1]?.int, from >= 0, to >= from,
                to <= samplesMax
            else { return nil }
            return Int(from)..<Int(to)
        }
        let chunk = plan.chunks[index]
        guard spans.count == chunk.units.count, !spans.contains(nil) else { throw Malformed() }
        func heard(_ range: ClosedRange<Int>) -> [Range<Int>] {
            spans[range].compactMap { $0 }.filter { !$0.isEmpty }
        }
        var next = 0
        for span in chunk.words where span.last < spans.count && span.last >= 0 {
            next = span.last + 1
            let sounds = heard(max(0, span.first)...span.last)
            let start =
                span.first < 0
                ? openWordStart ?? shift + kept.lowerBound
                : shift + (sounds.first?.lowerBound ?? kept.lowerBound)
            let end = max(start, shift + (sounds.last?.upperBound ?? kept.lowerBound))
            if span.first < 0 { openWordStart = nil }
            let word = text.words[span.word]
            words.append(
                TimedText(
                    text: word.text, range: word.range, start: time(start), end: time(end)))
        }
        if next < spans.count, openWordStart == nil {
            openWordStart = heard(next...(spans.count - 1)).first.map { shift + $0.lowerBound }
        }
    }

    // MARK: Sound

    /// The engine's `A` frame, without its number: more of the current chunk.
    mutating func chunkSounded(_ bytes: ArraySlice<UInt8>) -> VoiceChunk? {
        guard index >= 0 else { return nil }
        let count = bytes.count / 2
        let wanted = (heard..<heard + count).clamped(to: kept)
        var samples: [Float] = []
        if silence > 0, wanted.lowerBound == kept.lowerBound, !wanted.isEmpty {
            samples = [Float](repeating: 0, count: silence)
            silence = 0
        }
        samples.reserveCapacity(samples.count + wanted.count)
        let scale = gain / 32_768
        let inner =
            kept.lowerBound
            + milliseconds(EngineSound.fadeInMs)..<max(
                kept.lowerBound + milliseconds(EngineSound.fadeInMs),
                kept.upperBound - milliseconds(EngineSound.fadeOutMs))
        // SAFETY: `wanted` lies within the `count` samples from `heard` on, two bytes each.
        bytes.withUnsafeBytes { bytes in
            var position = wanted.lowerBound
            while position < wanted.upperBound {
                let sample = bytes.loadUnaligned(
                    fromByteOffset: (position - heard) * 2, as: Int16.self)
                let value = Float(Int16(littleEndian: sample)) * scale
                samples.append(inner.contains(position) ? value : value * fade(at: position))
                position += 1
            }
        }
        heard += count
        return chunk(limiter.process(resampler.process(samples)))
    }

    /// The chunk is whole; what its times promised and its sound did not bring is silence.
    mutating func chunkEnded() -> VoiceChunk? {
        let missing = silence + max(0, kept.upperBound - max(heard, kept.lowerBound))
        silence = 0
        heard = max(heard, kept.upperBound)
        guard missing > 0 else { return nil }
        return chunk(
            limiter.process(resampler.process([Float](repeating: 0, count: missing))))
    }

    /// The utterance is whole: the rest of its sound.
    mutating func finish() -> VoiceChunk? {
        if base > lastEnd { addPhone("pau", until: base) }
        let rest = limiter.process(resampler.finish())
        return chunk(rest + limiter.finish())
    }

    /// Times that are new go with the first sound after them.
    private mutating func chunk(_ samples: [Float]) -> VoiceChunk? {
        guard !samples.isEmpty else { return nil }
        defer { (phones, words) = ([], []) }
        return VoiceChunk(sound: .pcm(samples), units: .phones(phones), words: words)
    }

    private func fade(at position: Int) -> Float {
        let fromStart = position - kept.lowerBound
        let toEnd = kept.upperBound - position
        let fadeIn = milliseconds(EngineSound.fadeInMs)
        let fadeOut = milliseconds(EngineSound.fadeOutMs)
        var gain: Float = 1
        if fromStart < fadeIn { gain = Float(fromStart) / Float(fadeIn) }
        if toEnd < fadeOut { gain *= Float(toEnd) / Float(fadeOut) }
        return gain
    }

    private func milliseconds(_ count: Int) -> Int { rate * count / 1_000 }
    private func samples(_ seconds: Double) -> Int { Int(seconds * Double(rate)) }
    private func time(_ sample: Int) -> Double { Double(sample) * 1_000 / Double(rate) }
}
