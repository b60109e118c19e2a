// SPDX-License-Identifier: Apache-2.0

/// Cuts a text of any language into words for an engine that reads figures and abbreviations
/// itself.
///
/// Words with letters of a writing system that the voice does not read have no sound, as have
/// emoji, directions and controls; punctuation becomes single marks. What comes out is safe for
/// the engine, whatever went in. Pure; takes time in proportion to the text.
struct WordReader: Sendable {
    /// The longest piece of a word, in bytes and in characters; the engine takes 120 bytes.
    static let maxUnitBytes = 100
    static let maxUnitScalars = 40
    /// More units than fit in the three minutes of an utterance.
    private static let maxUnits = 1_500

    private let systems: Set<WritingSystem>

    /// - Parameter systems: what the voice reads.
    init(_ systems: Set<WritingSystem>) {
        self.systems = systems
    }

    /// The words to say for `text`; empty when there is nothing to say.
    ///
    /// Where most of the letters belong to another script nothing is said at all: the few names
    /// and figures in a Chinese sentence make no sentence.
    func read(_ text: String) -> SpokenText {
        var words: [SpokenText.Word] = []
        var (kept, dropped) = (0, 0)
        var units = 0
        let tokens = Self.tokens(of: text)
        for (index, token) in tokens.enumerated() {
            var reading = reading(of: token.text)
            kept += reading.kept
            dropped += reading.dropped
            if let before = reading.markBefore, let last = words.popLast() {
                words.append(last.raised(to: before))
            }
            let next = index + 1 < tokens.count ? tokens[index + 1].text.unicodeScalars.first : nil
            let end = Self.lineEnd(token.lineFeeds, next: next)
            guard !reading.units.isEmpty else {
                // What has no sound is shown with the word before it, and is its pause.
                guard let last = words.popLast() else { continue }
                let mark = max(end, reading.mark)
                words.append(last.raised(to: mark).joined(by: token.text, token.range))
                continue
            }
            let place = reading.units.count - 1
            reading.units[place].mark = max(reading.units[place].mark, reading.mark, end)
            units += reading.units.count
            if units > Self.maxUnits {
                return SpokenText(words: words, isTruncated: true)
            }
            words.append(
                SpokenText.Word(text: token.text, range: token.range, units: reading.units))
        }
        guard kept > 0, dropped <= 3 * kept else {
            return SpokenText(words: [], isTruncated: false)
        }
        // The voice falls at the end, even where nobody wrote a period.
        if let last = words.popLast() { words.append(last.raised(to: .period)) }
        return SpokenText(words: words, isTruncated: false)
    }

    /// What the engine is told to say for a word, however it was written; nothing for one that it
    /// cannot say.
    func pieces(of word: String) -> [String] {
        Self.tokens(of: word).flatMap { reading(of: $0.text).units.map(\.text) }
    }

    // MARK: Tokens

    private struct Token {
        var text: String
        var range: Range<Int>
        var lineFeeds: Int
    }

    private static func tokens(of text: String) -> [Token] {
        var tokens: [Token] = []
        var current = String.UnicodeScalarView()
        var start = 0
        var offset = 0
        func close(_ tokens: inout [Token], _ current: inout String.UnicodeScalarView) {
            guard !current.isEmpty else { return }
            tokens.append(Token(text: String(current), range: start..<offset, lineFeeds: 0))
            current = String.UnicodeScalarView()
        }
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                close(&tokens, &current)
                if scalar == "\n", !tokens.isEmpty { tokens[tokens.count - 1].lineFeeds += 1 }
            } else {
                if current.isEmpty { start = offset }
                current.append(scalar)
            }
            offset += UTF8.width(scalar)
        }
        close(&tokens, &current)
        return tokens
    }

    /// The end of a line is a pause, an empty line a longer one.
    private static func lineEnd(_ count: Int, next: Unicode.Scalar?) -> SpokenText.Mark {
        guard count > 0, let next else { return .none }
        if count > 1 { return .paragraph }
        return next.properties.isLowercase ? .comma : .period
    }

    // MARK: A token

    private struct Reading {
        var units: [SpokenText.Unit] = []
        /// The pause behind the word, and one that its opening bracket makes before it.
        var mark = SpokenText.Mark.none
        var markBefore: SpokenText.Mark?
        /// Letters and figures that are said, and that are not.
        var kept = 0
        var dropped = 0
    }

    private func reading(of token: String) -> Reading {
        var reading = Reading()
        var piece = String.UnicodeScalarView()
        var letters = 0
        var hasForeign = false
        func close(_ mark: SpokenText.Mark) {
            defer { (piece, letters, hasForeign) = (String.UnicodeScalarView(), 0, false) }
            while let last = piece.last, Self.joiners.contains(last) { piece.removeLast() }
            if hasForeign { reading.dropped += letters } else { reading.kept += letters }
            if letters > 0, !hasForeign, !piece.isEmpty {
                reading.units += Self.fitted(piece)
                reading.units[reading.units.count - 1].mark = mark
            } else if !reading.units.isEmpty {
                let last = reading.units.count - 1
                reading.units[last].mark = max(reading.units[last].mark, mark)
            } else {
                reading.mark = max(reading.mark, mark)
            }
        }
        let scalars = ComposedLetters.scalars(of: token)
        for (index, scalar) in scalars.enumerated() {
            let before = index > 0 ? scalars[index - 1] : nil
            let after = index + 1 < scalars.count ? scalars[index + 1] : nil
            switch Self.role(of: scalar, before: before, after: after) {
            case .letter:
                letters += 1
                let system = WritingSystem(scalar)
                if system.map(systems.contains) != true, system != .latin { hasForeign = true }
                piece.append(scalar)
            case .figure:
                letters += 1
                if piece.last == scalar, Self.spoken.contains(scalar) { continue }
                piece.append(scalar)
            case .mark where letters > 0: piece.append(scalar)
            case .joiner where !piece.isEmpty || Self.leading.contains(scalar):
                if piece.last != scalar { piece.append(scalar == "’" ? "'" : scalar) }
            case .opening where reading.units.isEmpty && letters == 0: reading.markBefore = .comma
            case .pause(let mark): close(mark)
            case .mark, .joiner, .opening: break
            case .nothing: if letters > 0 { close(.none) }
            }
        }
        close(.none)
        return reading
    }

    private enum Role {
        case letter, figure, mark, joiner, opening, nothing
        case pause(SpokenText.Mark)
    }

    /// Signs that stay within a word: the engine knows what they mean there.
    private static let joiners = Set("'’-.,:/+=@#".unicodeScalars)
    /// Signs that have a name even where they stand alone.
    private static let spoken = Set("%$€£¥&°".unicodeScalars)
    /// Of the joiners, those that a word may begin with.
    private static let leading = Set("+-@#".unicodeScalars)

    private static func role(
        of scalar: Unicode.Scalar, before: Unicode.Scalar?, after: Unicode.Scalar?
    ) -> Role {
        if let mark = pauses[scalar] {
            // 3,5 · 10:30 · example.com · 1.000
            let isInside = isWordly(before) && isWordly(after)
            if isInside, ".,:".unicodeScalars.contains(scalar) { return .joiner }
            return .pause(mark)
        }
        if "([{".unicodeScalars.contains(scalar) { return .opening }
        if scalar == "-" || scalar == "+" || scalar == "/" {
            return isWordly(after) ? .joiner : .nothing
        }
        if spoken.contains(scalar) { return .figure }
        if joiners.contains(scalar) { return .joiner }
        // Joins or parts letters of Persian and Indic words.
        if scalar.value == 0x200C || scalar.value == 0x200D { return .mark }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .otherLetter, .modifierLetter:
            return .letter
        case .decimalNumber: return .figure
        case .nonspacingMark, .spacingMark:
            // The selectors of emoji are such marks too.
            return (0xFE00...0xFE0F).contains(scalar.value) ? .nothing : .mark
        case .privateUse: return WritingSystem(scalar) == .klingon ? .letter : .nothing
        default: return .nothing
        }
    }

    private static func isWordly(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return scalar.properties.isAlphabetic
            || scalar.properties.generalCategory == .decimalNumber
    }

    /// What is heard as a pause, in all the scripts.
    private static let pauses: [Unicode.Scalar: SpokenText.Mark] = [
        ",": .comma, "،": .comma, "、": .comma, "，": .comma, "՝": .comma, "၊": .comma,
        "—": .comma, "–": .comma, ")": .comma, "]": .comma, "}": .comma, "|": .comma, "፣": .comma,
        ":": .colon, "：": .colon, "፡": .none, ";": .semicolon, "؛": .semicolon, "；": .semicolon,
        "·": .semicolon, "፤": .semicolon,
        ".": .period, "。": .period, "।": .period, "॥": .period, "۔": .period, "։": .period,
        "…": .period, "။": .period, "።": .period, "．": .period,
        "?": .question, "？": .question, "؟": .question, "՞": .question, "፧": .question,
        "!": .exclamation, "！": .exclamation, "՜": .exclamation,
    ]

    /// A word in pieces that the engine takes, repeated letters brought down to three.
    private static func fitted(_ word: String.UnicodeScalarView) -> [SpokenText.Unit] {
        var units: [SpokenText.Unit] = []
        var piece = String.UnicodeScalarView()
        var bytes = 0
        var run = 0
        for scalar in word {
            run = scalar == piece.last ? run + 1 : 0
            if run > 2, scalar.properties.isAlphabetic { continue }
            let width = UTF8.width(scalar)
            if piece.count >= maxUnitScalars || bytes + width > maxUnitBytes {
                units.append(SpokenText.Unit(String(piece)))
                (piece, bytes) = (String.UnicodeScalarView(), 0)
            }
            piece.append(scalar)
            bytes += width
        }
        if !piece.isEmpty { units.append(SpokenText.Unit(String(piece))) }
        return units
    }
}

extension SpokenText.Word {
    /// The same word with at least that pause behind it.
    fileprivate func raised(to mark: SpokenText.Mark) -> SpokenText.Word {
        var units = units
        if let last = units.indices.last { units[last].mark = max(units[last].mark, mark) }
        return SpokenText.Word(text: text, range: range, units: units)
    }

    /// Longer silent things than these are not shown: no caption wants them.
    private static let maxSilentBytes = 16

    /// The same word, shown with something silent behind it.
    fileprivate func joined(by silent: String, _ place: Range<Int>) -> SpokenText.Word {
        guard place.count <= Self.maxSilentBytes, place.lowerBound == range.upperBound + 1 else {
            return self
        }
        return SpokenText.Word(
            text: text + " " + silent, range: range.lowerBound..<place.upperBound, units: units)
    }
}
