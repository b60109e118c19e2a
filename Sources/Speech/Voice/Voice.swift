// SPDX-License-Identifier: Apache-2.0
public import LipSync

/// Somebody who turns text into sound: a synthesis engine in a helper process, or a service.
///
/// Used from any thread. Every provider brings its sound to the form of `VoiceChunk`, so that what
/// comes after it knows no provider.
public protocol VoiceProvider: Sendable {
    /// The voices that `speak` takes, in the order in which people should see them.
    var voices: [VoiceDescription] { get }

    /// Speaks a text.
    ///
    /// The stream is pulled: the voice makes no more than about a chunk ahead of its reader. Ending
    /// the reading task stops it at once. It throws `VoiceError`, before or between chunks.
    ///
    /// - Parameters:
    ///   - text: as the caller wrote it, at most 5,000 characters; it is normalised here.
    ///   - voice: the id of one of `voices`.
    func speak(_ text: String, voice: String) -> VoiceStream
}

/// The sound of one utterance, as it is made.
public typealias VoiceStream = AsyncThrowingStream<VoiceChunk, any Error>

/// What people and programs know of a voice.
public struct VoiceDescription: Hashable, Sendable {
    /// What `voice_id` names.
    public var id: String
    /// Its language, as a BCP 47 tag.
    public var language: String
    /// A name for people.
    public var name: String
    /// Who makes the sound.
    public var provider: String

    /// Joins what is known.
    public init(id: String, language: String, name: String, provider: String) {
        self.id = id
        self.language = language
        self.name = name
        self.provider = provider
    }
}

/// A stretch of an utterance; follows what came before without a gap.
public struct VoiceChunk: Sendable {
    /// 48 kHz mono in −1…1, trimmed and at its final loudness.
    public var samples: [Float]
    /// Sounds that begin in this chunk, ms from the utterance's first sample.
    public var phones: [Phone]
    /// Words that begin in this chunk, ms from the utterance's first sample.
    public var words: [TimedWord]

    /// Joins sound and times.
    public init(samples: [Float], phones: [Phone], words: [TimedWord]) {
        self.samples = samples
        self.phones = phones
        self.words = words
    }
}

/// A word as it was written, with its punctuation, and when it is heard.
public struct TimedWord: Hashable, Sendable {
    /// The word of the original text.
    public var text: String
    /// Milliseconds from the utterance's first sample.
    public var start: Double
    /// Milliseconds from the utterance's first sample.
    public var end: Double

    /// Joins a word and its time.
    public init(text: String, start: Double, end: Double) {
        self.text = text
        self.start = start
        self.end = end
    }
}

/// Why a voice did not speak, or broke off.
public enum VoiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The engine or service failed; one clause without secrets.
    case failed(String)
    /// It did not deliver in time.
    case timedOut
    /// There is nothing in the text that it can say.
    case unspeakable
    /// More than three minutes of audio.
    case tooLong
    /// There is no such voice.
    case unknownVoice

    /// One clause.
    public var description: String {
        switch self {
        case .failed(let reason): reason
        case .timedOut: "the voice did not deliver in time"
        case .unspeakable: "there is nothing in the text that this voice can say"
        case .tooLong: "the text would take more than three minutes to say"
        case .unknownVoice: "there is no such voice"
        }
    }
}
