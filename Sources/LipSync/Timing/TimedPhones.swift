// SPDX-License-Identifier: Apache-2.0

/// How the times of sounds were found, best first; the errors are those of a sound's onset.
public enum TimingRung: Sendable, Comparable, CaseIterable {
    /// The voice told every sound's time.
    case phones
    /// The service told letter times: fused with the duration model, refined on the sound if given.
    case characters
    /// Word times and the duration model, refined on the sound: about 15 ms.
    case wordsAndSound
    /// Word times and the duration model: about 25 ms.
    case words
    /// Word times and equal shares, for sounds no model knows: about 35 ms.
    case uniform
    /// No more than a span: words laid out by the model between the pauses: about 63 ms.
    case span
    /// The sound alone, or words that nobody can pronounce: the mouth follows the energy, closures
    /// are impossible.
    case audio

    /// The rung, 1 the best, 6 the worst; a voice's own times of sounds and letters share the first.
    public var number: Int {
        switch self {
        case .phones, .characters: 1
        case .wordsAndSound: 2
        case .words: 3
        case .uniform: 4
        case .span: 5
        case .audio: 6
        }
    }

    /// The name for people and for JSON.
    public var name: String {
        switch self {
        case .phones: "phones"
        case .characters: "characters"
        case .wordsAndSound: "words+audio"
        case .words: "words"
        case .uniform: "uniform"
        case .span: "span"
        case .audio: "audio"
        }
    }
}

/// What a viewer may expect of a mouth.
public enum TimingQuality: String, Sendable {
    /// Every closure is shown at its time.
    case full
    /// Closures are shown, but may come a word's part too early or late.
    case approximate
    /// Some words follow the energy alone.
    case partial
    /// The whole mouth follows the energy alone: no closures.
    case energy
}

/// Why times cannot be used.
public enum TimingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A time is not a finite number.
    case notFinite
    /// A time is negative.
    case negative
    /// A word, letter or sound ends before it begins, or begins before the one in front of it.
    case reversed
    /// The times are too short or too long for speech: seconds, samples or ticks, not milliseconds.
    case wrongUnit
    /// More than ``TimedPhones/wordsMax`` words or phones, or later than ``TimedPhones/longest``.
    case tooLong
    /// The rate of the sound is outside 8,000…192,000 samples a second.
    case badRate
    /// Neither sounds nor words nor a sound to follow.
    case empty

    /// One sentence for people.
    public var description: String {
        switch self {
        case .notFinite: "A time is not a number."
        case .negative: "A time is negative."
        case .reversed: "The times run backwards."
        case .wrongUnit: "The times do not fit speech; they must be in milliseconds."
        case .tooLong: "There is more speech than an hour or 60,000 words."
        case .badRate: "The sound must have 8,000 to 192,000 samples a second."
        case .empty: "There is nothing to say and nothing to hear."
        }
    }
}

/// An utterance's sounds with their times, and how well those are known.
public struct TimedPhones: Sendable, Equatable {
    /// The sounds in order, without overlap; pauses are sounds of their own.
    public var phones: [Phone]
    /// How the times were found: the worst rung that any word stands on, but for words that nobody
    /// can pronounce (see ``quality``).
    public var rung: TimingRung
    /// What to expect.
    public var quality: TimingQuality

    /// Most words, or phones, of one call: an hour of fast speech.
    public static let wordsMax = 60_000
    /// Latest time, ms: an hour.
    public static let longest = 3_600_000.0
    /// Most sounds of one word; what is longer is cut. Longest words of dictionaries have about 40, a
    /// written number of twelve digits 100.
    public static let phonesPerWordMax = 512
    /// Shortest sound, ms, where the word has room for it.
    public static let shortestPhone = 12.0

    /// Gives every sound a time.
    ///
    /// Small faults (overlaps, duplicate times, words without length) are mended; what makes no sense
    /// is refused. The same input always gives the same times.
    ///
    /// - Parameters:
    ///   - timing: what is known.
    ///   - sound: the speech itself, if it is there already: times become better by it.
    ///   - language: BCP 47, for the rhythm of the language.
    ///   - continues: whether more words follow the last one without a pause.
    /// - Returns: the sounds and the rung of the ladder that they stand on.
    /// - Throws: ``TimingError`` for times that nobody can have spoken at.
    public static func resolve(
        _ timing: SpeechTiming, sound: MonoSound? = nil, language: String = "en",
        continues: Bool = false
    ) throws(TimingError) -> TimedPhones {
        try resolve(
            timing, sound: sound, language: language, continues: continues, weights: .fitted)
    }

    /// The same with another model of English lengths: for measuring one that has not seen the
    /// speech it is measured on.
    package static func resolve(
        _ timing: SpeechTiming, sound: MonoSound?, language: String, continues: Bool,
        weights: DurationWeights
    ) throws(TimingError) -> TimedPhones {
        var frames: SpectralFrames?
        if let sound {
            guard (8_000...192_000).contains(sound.rate) else { throw .badRate }
            guard sound.start.isFinite else { throw .notFinite }
            guard sound.samples.count <= Int(longest / 1000 * sound.rate) else { throw .tooLong }
            // Known sounds need no search.
            if case .phones = timing { frames = nil } else { frames = SpectralFrames(sound) }
            if frames?.count == 0 { frames = nil }
        }
        let layout = PhoneLayout(
            language: SpokenLanguage(language), frames: frames, continues: continues,
            weights: weights)
        switch timing {
        case .phones(let phones):
            return TimedPhones(
                phones: try TimingCheck.ordered(phones), rung: .phones, quality: .full)
        case .words(let words):
            let words = try TimingCheck.ordered(
                words.filter { !$0.phones.isEmpty || SpokenWord.isHeard($0.text) })
            return words.isEmpty ? try layout.sound() : layout.words(words)
        case .span(let words, let start, let end):
            let words = SpokenWord.heard(words)
            guard !words.isEmpty else { return try layout.sound() }
            try TimingCheck.span(words, start, end)
            return layout.span(words, start: max(start, 0), end: end)
        case .audio: return try layout.sound()
        }
    }
}
