// SPDX-License-Identifier: Apache-2.0

/// Turns any text into words that an English engine can say: numbers, money, dates, times, units,
/// abbreviations, acronyms and addresses are spelled out, accents fall off, other scripts, emoji,
/// directions and controls vanish. Punctuation becomes single marks, whatever its length was.
///
/// Pure, and safe for every input: takes time in proportion to the text, and stops at
/// ``maxUnits``.
public struct TextNormalizer: Sendable {
    /// The most spoken words that are made: more than fit in the three minutes of an utterance.
    public let maxUnits: Int

    /// Creates a normaliser.
    public init(maxUnits: Int = 1_500) {
        self.maxUnits = max(1, maxUnits)
    }

    /// The words to say for `text`; empty when there is nothing to say.
    ///
    /// Where most of the letters belong to another script nothing is said at all: the few names
    /// and figures in a Chinese sentence make no sentence.
    public func normalize(_ text: String) -> SpokenText {
        let folded = FoldedText(text)
        let nothing = SpokenText(words: [], isTruncated: false)
        guard folded.keptLetters > 0, folded.droppedLetters <= 3 * folded.keptLetters else {
            return nothing
        }
        let tokens = TextNormalizer.tokens(of: folded)
        var reader = TokenReader(
            folded: folded, tokens: tokens,
            isShouted: TextNormalizer.isShouted(folded))
        var words: [SpokenText.Word] = []
        var draft = Draft(text: text, folded: folded)
        var units = 0
        for index in tokens.indices {
            var spoken = reader.read(index)
            draft.raise(spoken.markBefore, of: &words)
            draft.append(tokens[index])
            guard !spoken.units.isEmpty else {
                draft.raise(spoken.mark, of: &words)
                draft.joinToPrevious(&words)
                continue
            }
            let last = spoken.units.count - 1
            spoken.units[last].mark = max(spoken.units[last].mark, spoken.mark)
            units += spoken.units.count
            if units > maxUnits {
                return SpokenText(words: words, isTruncated: true)
            }
            words.append(draft.finish(spoken.units))
        }
        return SpokenText(words: words, isTruncated: false)
    }

    /// Capitals before a text is known by their number alone to be shouted.
    private static let shout = 12

    /// Whether capitals are how a text is written, and tell nothing of its words.
    private static func isShouted(_ folded: FoldedText) -> Bool {
        if folded.capitals >= shout { return folded.capitals * 10 > folded.keptLetters * 6 }
        return folded.capitals >= 4 && TokenReader.isSentence(inCapitals: folded.bytes)
    }

    /// A run without blanks.
    struct Token {
        /// Where it stands among the folded characters; not empty.
        let range: Range<Int>
        /// Line feeds between it and the next.
        var lineFeeds: Int
    }

    private static func tokens(of folded: FoldedText) -> [Token] {
        var tokens: [Token] = []
        var start: Int?
        let bytes = folded.bytes
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == 0x20 || byte == 0x0A {
                if let first = start { tokens.append(Token(range: first..<index, lineFeeds: 0)) }
                start = nil
                if byte == 0x0A, !tokens.isEmpty { tokens[tokens.count - 1].lineFeeds += 1 }
            } else if start == nil {
                start = index
            }
        }
        if let first = start { tokens.append(Token(range: first..<bytes.count, lineFeeds: 0)) }
        return tokens
    }
}

/// Collects what the caption shows for the word that is being made.
private struct Draft {
    /// What has no sound is shown with the word before it if it is no longer than this.
    private static let maxSilentBytes = 16

    private let utf8: [UInt8]
    private let folded: FoldedText
    private var start: Int?
    private var end = 0

    init(text: String, folded: FoldedText) {
        utf8 = Array(text.utf8)
        self.folded = folded
    }

    mutating func append(_ token: TextNormalizer.Token) {
        if start == nil { start = folded.offsets[token.range.lowerBound] }
        end =
            token.range.upperBound < folded.offsets.count
            ? folded.offsets[token.range.upperBound] : utf8.count
    }

    mutating func finish(_ units: [SpokenText.Unit]) -> SpokenText.Word {
        defer { start = nil }
        return word(from: start ?? end, units)
    }

    /// A token without sound joins the word before; before the first word it waits.
    mutating func joinToPrevious(_ words: inout [SpokenText.Word]) {
        guard let start else { return }
        let length = end - start
        guard let last = words.last else {
            if length > Self.maxSilentBytes { self.start = nil }
            return
        }
        self.start = nil
        guard length <= Self.maxSilentBytes, start - last.range.upperBound < 8 else { return }
        words[words.count - 1] = word(from: last.range.lowerBound, last.units)
    }

    /// Lifts the pause after the last word to at least `mark`.
    func raise(_ mark: SpokenText.Mark, of words: inout [SpokenText.Word]) {
        guard mark > .none, let last = words.popLast() else { return }
        var units = last.units
        if let unit = units.indices.last { units[unit].mark = max(units[unit].mark, mark) }
        words.append(SpokenText.Word(text: last.text, range: last.range, units: units))
    }

    private func word(from start: Int, _ units: [SpokenText.Unit]) -> SpokenText.Word {
        var end = end
        while end > start, utf8[end - 1] <= 0x20 { end -= 1 }
        let text = String(decoding: utf8[start..<max(start, end)], as: UTF8.self)
        return SpokenText.Word(text: text, range: start..<max(start, end), units: units)
    }
}
