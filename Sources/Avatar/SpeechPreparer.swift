// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.log10
#endif
public import LipSync
public import Speech

/// Turns the sound of one utterance into what the playout sends: Opus frames, keyframes, prosody,
/// speech messages, all on one time axis.
///
/// A value for the work pool: it has no clock and meets no other session. All times it gives out
/// include the encoder's look-ahead, so that an event lies on its own sample in the Opus stream.
public struct SpeechPreparer: Sendable {
    /// Milliseconds between two prosody messages: 25 a second.
    static let prosodyInterval = 40.0
    /// Milliseconds per value of the envelope.
    static let envelopeHop = 10
    /// Values of the envelope per message: half a second.
    static let envelopeValues = 50
    /// Amplitude of −38 dBFS: where speech starts to be heard.
    static let onsetAmplitude: Float = 0.012_589
    static let samplesPerMillisecond = 48
    private var encoder: OpusEncoder
    private let lookahead: Double
    private var mouth: Mouth
    private var analyzer = ProsodyAnalyzer()
    private var smoother = ProsodySmoother()
    private var lastProsody = -Double.infinity
    private var wasSpeaking = false
    private var pending: [Float] = []
    private var envelopePending: [Float] = []
    private var envelopeTime = 0.0
    private var hasOnset = false
    /// Silence before the voice's first sample, ms; nil until the first sounds are known.
    private var leadIn: Double?
    /// Samples taken so far.
    private var samples = 0

    /// Starts an utterance.
    ///
    /// - Parameters:
    ///   - settings: how it is encoded.
    ///   - language: BCP 47; whose sounds the mouth makes.
    ///   - articulations: the user's own table, which counts for its language.
    ///   - followsEnergy: whether the mouth opens less in soft vowels and further in loud ones.
    /// - Throws: `OpusError` when the encoder cannot be made.
    public init(
        settings: OpusSettings = OpusSettings(), language: String = "en",
        articulations: ArticulationTable? = nil, followsEnergy: Bool = false
    ) throws(OpusError) {
        mouth = Mouth(
            .chosen(for: language, own: articulations), followsEnergy: followsEnergy)
        encoder = try OpusEncoder(settings: settings)
        lookahead = Double(encoder.lookaheadSamples) / Double(Self.samplesPerMillisecond)
    }

    /// Milliseconds of sound taken so far.
    public var duration: Double { Double(samples) / Double(Self.samplesPerMillisecond) }

    /// Takes the next stretch.
    ///
    /// - Parameters:
    ///   - sound: 48 kHz mono in −1…1.
    ///   - phones: sounds that became known with it.
    ///   - words: words that became known with it.
    /// - Returns: everything that no later stretch can change.
    /// - Throws: `OpusError` when a frame cannot be encoded.
    public mutating func add(
        _ sound: ArraySlice<Float>, phones: [Phone], words: [TimedText]
    ) throws(OpusError) -> PreparedSpeech {
        guard leadIn != nil else {
            let silence = Self.leadIn(before: phones)
            leadIn = silence
            let padding = [Float](
                repeating: 0, count: Int(silence) * Self.samplesPerMillisecond)
            return try add((padding + sound)[...], phones: phones, words: words)
        }
        var piece = PreparedSpeech()
        if !hasOnset {
            if let onset = sound.firstIndex(where: { abs($0) > Self.onsetAmplitude }) {
                hasOnset = true
                let place = samples + onset - sound.startIndex
                let time = Double(place) / Double(Self.samplesPerMillisecond)
                piece.speech.append(.start(time: time + lookahead))
            }
        }
        let shift = (leadIn ?? 0) + lookahead
        if !words.isEmpty {
            let shifted = words.map {
                SpokenWord(
                    text: $0.text, start: $0.start + shift, duration: $0.end - $0.start)
            }
            piece.speech.append(.words(time: shifted[0].start, shifted))
        }
        samples += sound.count
        addEnvelope(sound, atLeast: Self.envelopeValues, to: &piece)
        let heard = analyzer.add(sound)
        mouth.append(energies: heard.map(\.energy))
        addProsody(smoother.add(heard), to: &piece)
        mouth.append(
            phones.map { phone in
                var moved = phone
                moved.start += leadIn ?? 0
                moved.end += leadIn ?? 0
                return moved
            })
        // Sounds are often known earlier than they are heard.
        addKeyframes(mouth.advance(to: max(duration, mouth.known)), to: &piece)
        piece.mouthEnd = mouth.time + lookahead
        pending += sound
        try encodeWhole(to: &piece)
        return piece
    }

    /// Decides the mouth further than is settled; see `Mouth.hasten(to:)`.
    ///
    /// A few µs of work: not for the pool.
    ///
    /// - Parameter needed: milliseconds of the utterance.
    /// - Returns: the keyframes alone.
    public mutating func hasten(to needed: Double) -> PreparedSpeech {
        var piece = PreparedSpeech()
        addKeyframes(mouth.hasten(to: needed - lookahead), to: &piece)
        piece.mouthEnd = mouth.time + lookahead
        return piece
    }

    /// Ends the utterance: the mouth comes to rest in a tail of silence.
    public mutating func finish() throws(OpusError) -> PreparedSpeech {
        var piece = PreparedSpeech()
        let end = duration
        addEnvelope([], atLeast: 1, to: &piece)
        if !hasOnset { piece.speech.append(.start(time: lookahead)) }
        let heard = analyzer.finish()
        mouth.append(energies: heard.map(\.energy))
        addProsody(smoother.add(heard) + smoother.finish(), to: &piece)
        if wasSpeaking {
            let event = ProsodyEvent(
                time: end + lookahead + 150, pitch: 0, energy: 0, isSpeaking: false)
            piece.prosody.append(event)
            wasSpeaking = false
        }
        addKeyframes(mouth.finish(), to: &piece)
        piece.speech.append(.end(time: end + lookahead))
        // The tail covers the look-ahead and the mouth's way to rest.
        let tail = Mouth.settle + lookahead
        pending += [Float](repeating: 0, count: Int(tail) * Self.samplesPerMillisecond)
        let ragged = pending.count % OpusFormat.frameSamples
        if ragged > 0 {
            pending += [Float](repeating: 0, count: OpusFormat.frameSamples - ragged)
        }
        try encodeWhole(to: &piece)
        piece.isLast = true
        return piece
    }

    /// Whole milliseconds of silence that the first closure needs; most of it was trimmed off the
    /// voice's own closure, which is silent too.
    private static func leadIn(before phones: [Phone]) -> Double {
        guard let first = phones.first(where: { !$0.isSilence }) else { return 0 }
        return Mouth.missingTime(toClose: first).rounded(.up)
    }

    private mutating func encodeWhole(to piece: inout PreparedSpeech) throws(OpusError) {
        var start = 0
        while pending.count - start >= OpusFormat.frameSamples {
            let packet = try encoder.encode(pending, at: start)
            let frame = pending[start..<start + OpusFormat.frameSamples]
            // A copy of the right size: the encoder's buffer is ten times as long, and hundreds wait.
            piece.frames.append(
                AudioFrame(payload: Array(packet[...]), level: Self.level(of: frame)))
            start += OpusFormat.frameSamples
        }
        pending.removeFirst(start)
    }

    private mutating func addKeyframes(_ keyframes: [Keyframe], to piece: inout PreparedSpeech) {
        piece.keyframes += keyframes.map {
            // The first one is the mouth at rest when the first frame begins.
            Keyframe(time: $0.time == 0 ? 0 : $0.time + lookahead, shape: $0.shape)
        }
    }

    private mutating func addProsody(_ frames: [ProsodyFrame], to piece: inout PreparedSpeech) {
        for frame in frames {
            let isEdge = frame.isSpeaking != wasSpeaking
            guard isEdge || frame.time - lastProsody >= Self.prosodyInterval else { continue }
            lastProsody = frame.time
            wasSpeaking = frame.isSpeaking
            piece.prosody.append(
                ProsodyEvent(
                    time: frame.time + lookahead, pitch: frame.pitch, energy: frame.energy,
                    isSpeaking: frame.isSpeaking))
        }
    }

    private mutating func addEnvelope(
        _ samples: ArraySlice<Float>, atLeast least: Int, to piece: inout PreparedSpeech
    ) {
        envelopePending += samples
        let hop = Self.envelopeHop * Self.samplesPerMillisecond
        let count = envelopePending.count / hop
        guard count >= least else { return }
        let levels = (0..<count).map { index in
            let level = Self.decibels(envelopePending[index * hop..<(index + 1) * hop])
            return Int8(clamping: Int(level.rounded()))
        }
        envelopePending.removeFirst(count * hop)
        piece.speech.append(
            .envelope(time: envelopeTime + lookahead, hop: Self.envelopeHop, levels))
        envelopeTime += Double(count * Self.envelopeHop)
    }

    /// RFC 6464: 0…127, in −dBov.
    private static func level(of frame: ArraySlice<Float>) -> UInt8 {
        UInt8(min(127, max(0, -decibels(frame).rounded())))
    }

    private static func decibels(_ samples: ArraySlice<Float>) -> Double {
        let squares = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
        return max(-127, 10 * log10(max(squares / Double(max(samples.count, 1)), 1e-13)))
    }
}

extension UtteranceFailure {
    init(_ error: VoiceError) {
        switch error {
        case .failed: self = .voiceFailed
        case .timedOut: self = .voiceTimeout
        case .unspeakableText: self = .unspeakableText
        case .tooLong: self = .tooLong
        }
    }
}
