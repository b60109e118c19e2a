// SPDX-License-Identifier: Apache-2.0

/// A library that speaks, as its program serves it: one request after the other, on one thread.
public protocol SpeechEngine: AnyObject {
    /// The voices that it can load.
    var voices: [String] { get }

    /// Makes a voice ready; of one that it does not have, nothing.
    func load(_ voice: String)

    /// Whether a word is safe for the library.
    func accepts(_ word: String) -> Bool

    /// Speaks words that it accepts with one of its voices; `body` gets the times, then the sound
    /// piece by piece, and stops it by false.
    func speak(
        _ words: [EngineWord], voice: String, _ body: (SpeechEvent) -> Bool
    ) -> SpeechOutcome

    /// The phones of each of the words; nil if it has no way to tell them alone.
    func phones(of words: [String], voice: String) -> [[String]]?
}

/// What comes of a chunk while it is spoken.
public enum SpeechEvent {
    /// Nothing yet, but it may be stopped.
    case working
    /// When everything is heard; once, before the first sound.
    case times(SpeechTimes)
    /// The next samples.
    case audio([Int16])
}

/// How a chunk ended.
public enum SpeechOutcome: String {
    case done, cancelled, failed
}

/// When the phones and words of a chunk are heard, in samples from its start.
public struct SpeechTimes {
    /// Samples a second.
    public let rate: Int
    /// Each phone and its end; `pau` is silence.
    public let phones: [(symbol: String, end: Int)]
    /// Start and end of each word; 0…0 for one without sound.
    public let words: [ClosedRange<Int>]

    /// Joins the times.
    public init(rate: Int, phones: [(symbol: String, end: Int)], words: [ClosedRange<Int>]) {
        self.rate = rate
        self.phones = phones
        self.words = words
    }

    /// The end of the last phone that is no pause.
    public var speechEnd: Int { phones.last { $0.symbol != "pau" }?.end ?? 0 }
}
