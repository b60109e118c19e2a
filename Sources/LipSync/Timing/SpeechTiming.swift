// SPDX-License-Identifier: Apache-2.0

/// A character of the spoken text and when it is heard, as synthesis services report it.
public struct CharacterTiming: Sendable, Equatable {
    /// One character; a service may also send an empty piece or a few characters in one.
    public var text: String
    /// Milliseconds to its start.
    public var start: Double
    /// Milliseconds to its end.
    public var end: Double

    /// Joins a character and its time in milliseconds.
    public init(_ text: String, start: Double, end: Double) {
        self.text = text
        self.start = start
        self.end = end
    }
}

/// A word, how it is said, and when.
public struct WordTiming: Sendable, Equatable {
    /// The word as it is spelled; punctuation around it does no harm.
    public var text: String
    /// Its sounds as the pronunciation dictionary or engine writes them: ARPABET with stress digits
    /// (`AH0`) or IPA (`ˈaɪ`, `tʃ`, `uː`). Empty for a word nobody can pronounce: the mouth then
    /// follows the energy alone.
    public var phones: [String]
    /// Milliseconds to its first sound.
    public var start: Double
    /// Milliseconds to the end of its last sound.
    public var end: Double
    /// The times of its letters where they are known; empty otherwise.
    public var letters: [CharacterTiming]

    /// Creates a word with its time in milliseconds.
    public init(
        _ text: String, phones: [String], start: Double, end: Double,
        letters: [CharacterTiming] = []
    ) {
        self.text = text
        self.phones = phones
        self.start = start
        self.end = end
        self.letters = letters
    }

    /// The words of timed characters, without phones yet.
    ///
    /// A word is a longest run of letters, digits, apostrophes and combining marks; what lies between
    /// gives its time to nobody. Where a service sends a normalised alignment, that is the one to take:
    /// it is the spoken form.
    ///
    /// - Parameter characters: in order, on one time axis.
    /// - Returns: the words with `letters` set; `phones` is for the caller to fill in.
    public static func words(of characters: [CharacterTiming]) -> [WordTiming] {
        var words: [WordTiming] = []
        var letters: [CharacterTiming] = []
        func close() {
            guard let first = letters.first, let last = letters.last else { return }
            let text = letters.map(\.text).joined()
            // An apostrophe alone is a quotation mark.
            if text.contains(where: { $0.isLetter || $0.isNumber }) {
                words.append(
                    WordTiming(
                        text, phones: [], start: first.start, end: last.end, letters: letters))
            }
            letters.removeAll()
        }
        for character in characters {
            if character.text.isEmpty { continue }
            let isPart = character.text.allSatisfy {
                $0.isLetter || $0.isNumber || $0 == "'" || $0 == "\u{2019}"
                    || $0.unicodeScalars.allSatisfy {
                        $0.properties.generalCategory == .nonspacingMark
                    }
            }
            if isPart { letters.append(character) } else { close() }
        }
        close()
        return words
    }
}

/// A word and how it is said, with no time of its own.
public struct SpokenWord: Sendable, Equatable {
    /// The word as it is spelled.
    public var text: String
    /// Its sounds, as in ``WordTiming/phones``.
    public var phones: [String]

    /// Joins a word and its sounds.
    public init(_ text: String, phones: [String]) {
        self.text = text
        self.phones = phones
    }
}

/// What is known about when an utterance's sounds come; all times in milliseconds on one axis.
public enum SpeechTiming: Sendable {
    /// Every sound with its time: voices that tell.
    case phones([Phone])
    /// Words with their times, and those of their letters where a service tells them.
    case words([WordTiming])
    /// The words alone, spoken somewhere between two moments.
    case span([SpokenWord], start: Double, end: Double)
    /// Nothing but the sound.
    case audio
}

/// Sound that was recorded or synthesised, to look sounds up in.
public struct MonoSound: Sendable {
    /// Samples in −1…1.
    public var samples: [Float]
    /// Samples a second, 8,000…192,000.
    public var rate: Double
    /// Milliseconds of the first sample on the axis of the times.
    public var start: Double

    /// Joins samples and their rate.
    public init(_ samples: [Float], rate: Double, start: Double = 0) {
        self.samples = samples
        self.rate = rate
        self.start = start
    }

    /// Milliseconds of the end of the last sample.
    public var end: Double { start + Double(samples.count) * 1000 / rate }
}
