// SPDX-License-Identifier: Apache-2.0

/// A text as it will be said: for each word of the original what an engine says for it.
public struct SpokenText: Hashable, Sendable {
    /// The pause that follows a spoken word, strongest last.
    public enum Mark: Int, Comparable, Hashable, Sendable, CaseIterable {
        case none, comma, colon, semicolon, period, question, exclamation, paragraph

        /// Whether `left` is the shorter pause.
        public static func < (left: Mark, right: Mark) -> Bool { left.rawValue < right.rawValue }

        /// Whether a sentence ends here.
        public var endsSentence: Bool { self >= .period }

        /// The punctuation mark for an engine; empty for ``none``.
        public var punctuation: String {
            switch self {
            case .none: ""
            case .comma: ","
            case .colon: ":"
            case .semicolon: ";"
            case .period, .paragraph: "."
            case .question: "?"
            case .exclamation: "!"
            }
        }
    }

    /// One spoken word.
    public struct Unit: Hashable, Sendable {
        /// What the engine is told to say.
        ///
        /// For the English engine one to ``maxUnitBytes`` bytes of a–z and apostrophe, with a
        /// letter among them; `_a` and `_a's` are the letter a.
        public let text: String
        /// The pause after it.
        public var mark: Mark

        /// Joins a word and the pause after it.
        public init(_ text: String, _ mark: Mark = .none) {
            self.text = text
            self.mark = mark
        }
    }

    /// One word of the original, as a caption shows it.
    public struct Word: Hashable, Sendable {
        /// As it was written, punctuation included.
        public let text: String
        /// Where it stands in the original's UTF-8.
        public let range: Range<Int>
        /// What is said for it, at least one unit.
        public let units: [Unit]
    }

    /// The words in order; empty when there is nothing to say.
    public let words: [Word]
    /// Whether the end of the text was left out, because it would take more than the limit.
    public let isTruncated: Bool

    /// The longest spoken word: an engine's time grows with its square.
    public static let maxUnitBytes = 40
}
