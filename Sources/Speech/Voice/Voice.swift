// SPDX-License-Identifier: Apache-2.0
public import LipSync

/// A provider of voices: text in, sound with times out.
///
/// From any thread. One provider serves all sessions of the process.
public protocol Voice: Sendable {
    /// The voices it has, the default one first; never empty.
    var voices: [VoiceDescription] { get }

    /// Starts to speak.
    ///
    /// Returns at once; whatever goes wrong comes as the stream's error. Work goes on while the
    /// stream has room for about two seconds that nobody has taken yet, then waits for its reader.
    ///
    /// - Parameters:
    ///   - text: any text; at most 5,000 characters and 20 kB were checked before.
    ///   - voiceID: one of ``voices``; nil for the first.
    /// - Returns: the sound as it is made; cancelled when it is let go.
    func speak(_ text: String, voiceID: String?) -> VoiceStream
}

extension Voice {
    /// The description of a voice, nil for an id that is none of ours.
    public func voice(_ id: String) -> VoiceDescription? { voices.first { $0.id == id } }
}

/// What a client sees of a voice (`GET /voices`).
public struct VoiceDescription: Hashable, Sendable {
    /// What `voice_id` names.
    public let id: String
    /// BCP 47 language.
    public let language: String
    /// For people.
    public let name: String
    /// Whose voice it is: `flite`, `elevenlabs`, ….
    public let provider: String

    /// Describes a voice.
    public init(id: String, language: String, name: String, provider: String) {
        self.id = id
        self.language = language
        self.name = name
        self.provider = provider
    }
}

/// Why an utterance has no sound, or no more of it.
public enum VoiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The provider failed; the words are for the log and name no secret.
    case failed(String)
    /// The provider did not answer in time.
    case timedOut
    /// There is nothing in the text that the voice can say.
    case unspeakableText
    /// It takes more than three minutes. What fits was delivered first, cut at the end of a clause.
    case tooLong

    /// The `code` of the client's `error` message.
    public var code: String {
        switch self {
        case .failed: "voice_failed"
        case .timedOut: "voice_timeout"
        case .unspeakableText: "unspeakable_text"
        case .tooLong: "too_long"
        }
    }

    /// One sentence for people.
    public var description: String {
        switch self {
        case .failed(let reason): "The voice failed: \(reason)."
        case .timedOut: "The voice did not answer in time."
        case .unspeakableText: "There is nothing in the text that this voice can say."
        case .tooLong: "The text takes more than three minutes to say."
        }
    }
}

/// The next stretch of an utterance; each follows the one before without a gap.
public struct VoiceChunk: Sendable {
    /// The sound of a stretch.
    public enum Sound: Sendable {
        /// 48 kHz mono in −1…1, at −20 LUFS with peaks at −1 dBFS.
        case pcm([Float])
        /// Ready Opus packets of 20 ms each, for voices that deliver such.
        case opus([[UInt8]])
    }

    /// What a voice knows about when its sounds come. All times are milliseconds from the
    /// utterance's first sample.
    public enum Units: Sendable {
        /// Speech sounds, without gaps, in order over all chunks.
        case phones([Phone])
        /// No more than the words.
        case words
        /// Characters as they are spoken: from these phones are derived.
        case characters([TimedText])
    }

    /// The sound.
    public var sound: Sound
    /// Units that become known with this stretch; they may lie later than its sound, none lies
    /// earlier than the units before.
    public var units: Units
    /// Words that become known with this stretch, in order.
    public var words: [TimedText]

    /// Joins sound and times.
    public init(sound: Sound, units: Units, words: [TimedText] = []) {
        self.sound = sound
        self.units = units
        self.words = words
    }

    /// Milliseconds of sound.
    public var duration: Double {
        switch sound {
        case .pcm(let samples): Double(samples.count) * 1_000 / Double(OpusFormat.sampleRate)
        case .opus(let packets): Double(packets.count * OpusFormat.frameMilliseconds)
        }
    }
}

/// A piece of the text and when it is heard.
public struct TimedText: Hashable, Sendable {
    /// As it was written, with its punctuation.
    public let text: String
    /// Where it stands in the UTF-8 of the text that was to be spoken.
    public let range: Range<Int>
    /// Milliseconds from the utterance's first sample to its first sound.
    public let start: Double
    /// Milliseconds from the utterance's first sample to the end of its last sound.
    public let end: Double

    /// Joins a piece of text and its time.
    public init(text: String, range: Range<Int>, start: Double, end: Double) {
        self.text = text
        self.range = range
        self.start = start
        self.end = max(start, end)
    }
}
