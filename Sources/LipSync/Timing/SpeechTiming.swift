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

    /// Its characters one by one, which share its time equally.
    var characters: [CharacterTiming] {
        let step = (end - start) / Double(text.count)
        return text.enumerated().map { index, character in
            CharacterTiming(
                String(character), start: start + step * Double(index),
                end: start + step * Double(index + 1))
        }
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
        let pieces = Self.pieces(of: characters)
        for (index, piece) in pieces.enumerated() {
            let isPart =
                Self.isPart(piece.text)
                || Self.isOfNumber(
                    piece.text, before: index > 0 ? pieces[index - 1].text : "",
                    behind: index + 1 < pieces.count ? pieces[index + 1].text : "")
            if isPart { letters.append(piece) } else { close() }
        }
        close()
        return words
    }

    /// Without empty pieces; those of several characters that are not one word's are taken apart, each
    /// character with an equal share of the time.
    private static func pieces(of characters: [CharacterTiming]) -> [CharacterTiming] {
        characters.flatMap { whole in
            guard whole.text.count > 1, !isPart(whole.text) else {
                return whole.text.isEmpty ? [] : [whole]
            }
            return whole.characters
        }
    }

    private static func isPart(_ text: String) -> Bool {
        text.allSatisfy {
            $0.isLetter || $0.isNumber || $0 == "'" || $0 == "\u{2019}"
                || $0.unicodeScalars.allSatisfy {
                    $0.properties.generalCategory == .nonspacingMark
                }
        }
    }

    /// Whether a mark is said with the number that it stands in, or beside: 3.5, $5, 10%.
    private static func isOfNumber(
        _ mark: String, before: String, behind: String
    ) -> Bool {
        let (follows, leads) = (before.last?.isNumber ?? false, behind.first?.isNumber ?? false)
        return switch mark {
        case ".", ",", ":": follows && leads
        case "$", "€", "£": follows || leads
        case "%": follows
        default: false
        }
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

extension SpokenWord {
    /// Whether a text has anything to be heard: a mark between blanks is no word.
    static func isHeard(_ text: String) -> Bool {
        text.unicodeScalars.contains {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
                || $0.properties.isEmoji && $0.value > 0xFF
        }
    }

    /// Those that are heard; a mark that stands alone goes to the word in front of it.
    static func heard(_ words: [SpokenWord]) -> [SpokenWord] {
        var heard: [SpokenWord] = []
        for word in words {
            if !word.phones.isEmpty || isHeard(word.text) {
                heard.append(word)
            } else if !heard.isEmpty {
                heard[heard.count - 1].text += word.text
            }
        }
        return heard
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
