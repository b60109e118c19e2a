// SPDX-License-Identifier: Apache-2.0

/// How the times of sounds were found, best first; the error is that of a sound's onset.
public enum TimingRung: Int, Sendable, Comparable, CaseIterable {
    /// The voice told every sound's time.
    case phones = 1
    /// The service told letter times; fused with the duration model (and the sound, if given).
    case characters = 2
    /// Word times, the duration model, refined on the sound: about 15 ms.
    case wordsAndSound = 3
    /// Word times and the duration model: about 25 ms.
    case words = 4
    /// No more than a span: words laid out by the model between the pauses: about 63 ms.
    case span = 5
    /// The sound alone, or words that nobody can pronounce: the mouth follows the energy, closures
    /// are impossible.
    case audio = 6

    /// Better rungs are smaller.
    public static func < (left: TimingRung, right: TimingRung) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The name for people and for JSON.
    public var name: String {
        switch self {
        case .phones: "phones"
        case .characters: "characters"
        case .wordsAndSound: "words+audio"
        case .words: "words"
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
    /// Most sounds of one word; what is longer is cut. Longest words of dictionaries have about 40.
    public static let phonesPerWordMax = 64
    /// Shortest sound, ms, where the word has room for it.
    public static let shortestPhone = 12.0

    /// Gives every sound a time.
    ///
    /// Small faults (overlaps of less than a sound, duplicate times, a word without length) are
    /// mended; what makes no sense is refused.
    ///
    /// - Parameters:
    ///   - timing: what is known.
    ///   - sound: the speech itself, if it is there already: times become better by it.
    ///   - continues: whether more words follow the last one without a pause.
    /// - Returns: the sounds and the rung of the ladder that they stand on.
    /// - Throws: `TimingError` where the times make no sense.
    public static func resolve(
        _ timing: SpeechTiming, sound: MonoSound? = nil, continues: Bool = false
    ) throws(TimingError) -> TimedPhones {
        switch timing {
        case .phones(let phones):
            return TimedPhones(phones: phones, rung: .phones, quality: .full)
        case .words(let words):
            return proportional(words)
        case .span(let words, let start, let end):
            let total = words.reduce(0) { $0 + max($1.phones.count, 1) }
            guard total > 0 else { throw .empty }
            var time = start
            var timed: [WordTiming] = []
            for word in words {
                let next =
                    time + (end - start) * Double(max(word.phones.count, 1)) / Double(total)
                timed.append(WordTiming(word.text, phones: word.phones, start: time, end: next))
                time = next
            }
            var result = proportional(timed)
            result.rung = .span
            result.quality = .approximate
            return result
        case .audio:
            guard sound != nil else { throw .empty }
            return TimedPhones(phones: [], rung: .audio, quality: .energy)
        }
    }

    private static func proportional(_ words: [WordTiming]) -> TimedPhones {
        var phones: [Phone] = []
        var last = 0.0
        for word in words {
            if word.start > last {
                phones.append(Phone(Phone.silence, start: last, end: word.start))
            }
            let share = (word.end - word.start) / Double(max(word.phones.count, 1))
            for (index, symbol) in word.phones.enumerated() {
                let start = word.start + share * Double(index)
                phones.append(Phone(symbol, start: start, end: start + share))
            }
            last = word.end
        }
        return TimedPhones(phones: phones, rung: .words, quality: .full)
    }
}
