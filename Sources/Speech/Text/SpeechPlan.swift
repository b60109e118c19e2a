// SPDX-License-Identifier: Apache-2.0

/// An utterance cut into chunks that are synthesised one by one.
///
/// The first is short, so that it is soon heard; the later ones are cut where a speaker would
/// breathe: at the end of a sentence, else at a comma, else before a linking word.
struct SpeechPlan: Sendable {
    /// What is synthesised at once.
    struct Chunk: Sendable {
        /// The words to say.
        var units: [SpokenText.Unit]
        /// The words of the original that end in this chunk.
        var words: [Span]
        /// About how long it will be, in seconds.
        var seconds: Double
        /// The pause after it.
        var mark: SpokenText.Mark { units.last?.mark ?? .none }
    }

    /// A word of the original, by the units that say it.
    struct Span: Sendable {
        /// Index into the text's words.
        var word: Int
        /// Index of its first unit in the chunk; negative when it began in an earlier one.
        var first: Int
        /// Index of its last unit in the chunk.
        var last: Int
    }

    /// Seconds of the first chunk, the second, and all others, at most, for an engine that needs
    /// some time for each.
    static let shortLimits = [1.4, 2.5, 4.0]
    /// The same for an engine that is done with a chunk at once: longer ones sound better.
    static let longLimits = [3.0, 5.0, 8.0]
    /// The longest utterance in seconds, by design.
    static let maxSeconds = 180.0
    /// Estimates may be that much too long; what the sound really takes is watched as well.
    static let estimateSlack = 1.25

    /// The chunks in order.
    private(set) var chunks: [Chunk] = []
    /// Whether the end of the text is left out.
    private(set) var isTruncated: Bool

    /// Cuts a text into chunks of at most so many seconds: the first, the second, all others.
    init(_ text: SpokenText, limits: [Double] = shortLimits) {
        isTruncated = text.isTruncated
        var cutter = Cutter(text)
        var seconds = 0.0
        while let chunk = cutter.next(limit: limits[min(chunks.count, limits.count - 1)]) {
            seconds += chunk.seconds + Self.pause(after: chunk.mark)
            if seconds > Self.maxSeconds * Self.estimateSlack {
                isTruncated = true
                return
            }
            chunks.append(chunk)
        }
    }

    /// Seconds of silence between the sound of two chunks.
    static func pause(after mark: SpokenText.Mark) -> Double {
        switch mark {
        case .none: 0.02
        case .comma: 0.16
        case .colon, .semicolon: 0.22
        case .period, .question, .exclamation: 0.36
        case .paragraph: 0.55
        }
    }

    /// About how long a word takes, in seconds.
    ///
    /// Fitted to 2,400 words of the four voices; the figures of the slowest, `rms`. Letters say it
    /// better than syllables: per word 0.09 s of standard deviation.
    static func seconds(of unit: SpokenText.Unit) -> Double {
        let letters = unit.text.unicodeScalars
        if unit.text.hasPrefix("_a") || (letters.count == 1 && unit.text != "a" && unit.text != "i")
        {
            return 0.3  // a letter by its name
        }
        var syllables = 0
        var wasVowel = false
        var weight = 0.0
        for letter in letters {
            let vowel = letter.isASCII && isVowel(UInt8(letter.value))
            if vowel && !wasVowel { syllables += 1 }
            wasVowel = vowel
            // A figure is a word, a Chinese, Japanese or Korean letter a syllable.
            weight += ("0"..."9").contains(letter) ? 4 : letter.value >= 0x3000 ? 3 : 1
        }
        return 0.046 + 0.019 * Double(max(1, syllables)) + 0.065 * weight
    }
}

/// Walks over the words and cuts one chunk after the other.
private struct Cutter {
    private struct Item {
        var unit: SpokenText.Unit
        var word: Int
        var isWordStart: Bool
        var isWordEnd: Bool
        var seconds: Double
    }

    /// How good a place is for a cut; a place near the limit gets up to 15 more.
    private enum Score {
        static let clause = 60.0
        static let comma = 50.0
        static let linking = 30.0
        static let word = 10.0
        static let late = 15.0
    }
    /// A chunk below it in seconds is cut at a comma for nothing.
    private static let leastSeconds = 0.35

    private var items: [Item] = []
    private var position = 0
    /// For the word that is being said: how many of its units earlier chunks said.
    private var said = 0

    init(_ text: SpokenText) {
        for (index, word) in text.words.enumerated() {
            for (place, unit) in word.units.enumerated() {
                items.append(
                    Item(
                        unit: unit, word: index, isWordStart: place == 0,
                        isWordEnd: place == word.units.count - 1,
                        seconds: SpeechPlan.seconds(of: unit)))
            }
        }
    }

    mutating func next(limit: Double) -> SpeechPlan.Chunk? {
        guard position < items.count else { return nil }
        let end = cut(limit: limit)
        var chunk = SpeechPlan.Chunk(units: [], words: [], seconds: 0)
        var first = -said
        for index in position...end {
            let item = items[index]
            let place = index - position
            if item.isWordStart { first = place }
            chunk.units.append(item.unit)
            chunk.seconds += item.seconds + inner(item.unit.mark, isLast: index == end)
            if item.isWordEnd {
                chunk.words.append(SpeechPlan.Span(word: item.word, first: first, last: place))
            }
        }
        said = items[end].isWordEnd ? 0 : chunk.units.count - first
        position = end + 1
        return chunk
    }

    /// The index of the last item of the next chunk.
    private func cut(limit: Double) -> Int {
        var seconds = 0.0
        var best = position
        var bestScore = -1.0
        for index in position..<items.count {
            let item = items[index]
            seconds += item.seconds
            if seconds > limit, index > position { return best }
            if item.unit.mark.endsSentence || index == items.count - 1 { return index }
            let score = score(at: index) + Score.late * seconds / limit
            if score >= bestScore, seconds >= Self.leastSeconds || bestScore < 0 {
                (best, bestScore) = (index, score)
            }
            seconds += inner(item.unit.mark, isLast: false)
        }
        return best
    }

    private func score(at index: Int) -> Double {
        switch items[index].unit.mark {
        case .comma: return Score.comma
        case .colon, .semicolon: return Score.clause
        default: break
        }
        guard items[index].isWordEnd, index + 1 < items.count else { return 0 }
        let isLinked =
            SpokenForms.linking.contains(items[index + 1].unit.text)
            && !SpokenForms.linking.contains(items[index].unit.text)
        return isLinked ? Score.linking : Score.word
    }

    /// Pauses inside a chunk are the engine's.
    private func inner(_ mark: SpokenText.Mark, isLast: Bool) -> Double {
        isLast || mark == .none ? 0 : 0.15
    }
}
