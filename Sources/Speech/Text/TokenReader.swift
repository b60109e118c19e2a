// SPDX-License-Identifier: Apache-2.0

/// Reads token after token: takes the marks off its ends and gives the rest to the reader of its
/// kind.
struct TokenReader {
    /// What a token says.
    struct Reading {
        /// Spoken words; none for a token of signs alone.
        var units: [SpokenText.Unit] = []
        /// The pause before the first.
        var markBefore = SpokenText.Mark.none
        /// The pause after the last.
        var mark = SpokenText.Mark.none
    }

    /// A number just read, for what follows it: `km`, `million`, `pm`.
    struct Count {
        var isOne: Bool
        var currency: UInt8?
    }

    let folded: FoldedText
    let tokens: [TextNormalizer.Token]
    /// Whether the text stands in capitals: then they mean no acronyms.
    let isShouted: Bool
    /// The number that the token before ended with.
    var count: Count?
    /// The last spoken word.
    var previous = ""
    /// Whether the token before the current one started with a capital.
    var followsName = false
    /// The token that is being read.
    private(set) var index = 0

    init(folded: FoldedText, tokens: [TextNormalizer.Token], isShouted: Bool) {
        self.folded = folded
        self.tokens = tokens
        self.isShouted = isShouted
    }

    /// Reads one token; to be called for each in order.
    mutating func read(_ index: Int) -> Reading {
        self.index = index
        let token = tokens[index]
        var core = Array(folded.bytes[token.range])
        var reading = Reading()
        let tail = TokenReader.takeTail(&core)
        TokenReader.takeHead(&core, &reading)
        reading.mark = tail.mark
        if core.isEmpty {
            reading.units = sign(token).map { SpokenText.Unit($0) }
        } else {
            reading.units = units(of: core, tail: tail, &reading)
        }
        reading.units = reading.units.flatMap(TokenReader.fitted)
        if let last = reading.units.last {
            previous = last.text
            if reading.mark > .none { count = nil }
            followsName = core.first.map(isUpper) ?? false
        }
        lineEnd(token, &reading)
        return reading
    }

    /// The end of a line is a pause, an empty line a longer one.
    private func lineEnd(_ token: TextNormalizer.Token, _ reading: inout Reading) {
        guard token.lineFeeds > 0 else { return }
        if token.lineFeeds > 1 {
            reading.mark = max(reading.mark, .paragraph)
        } else if let next = first(of: index + 1), isLower(next) {
            reading.mark = max(reading.mark, .comma)
        } else {
            reading.mark = max(reading.mark, .period)
        }
    }

    // MARK: Ends of a token

    struct Tail {
        var mark = SpokenText.Mark.none
        /// Whether one period stands right behind the word, as behind an abbreviation.
        var isPeriod = false
    }

    private static func takeTail(_ core: inout [UInt8]) -> Tail {
        var tail = Tail()
        var periods = 0
        var innermost: UInt8 = 0
        var isClosed = false  // by a comma outside: then the period is an abbreviation's
        scan: while let byte = core.last {
            var mark = SpokenText.Mark.none
            switch byte {
            case 0x2E:  // .
                periods += 1
                mark = .period
            case FoldedText.Symbol.ellipsis: mark = .period
            case 0x21: mark = .exclamation
            case 0x3F: mark = .question
            case 0x2C: mark = .comma
            case 0x3A: mark = .colon
            case 0x3B: mark = .semicolon
            case FoldedText.Symbol.dash, 0x2D, FoldedText.Symbol.bullet: mark = .comma
            case 0x29, 0x5D, 0x7D: mark = .comma  // ) ] }
            case 0x22, 0x27, 0x2A, 0x3E, 0x5F, 0x60, 0x7E, 0x7C, 0x5C, 0x5E:
                break  // quotes and the signs of markdown
            default: break scan
            }
            if mark > .none { innermost = byte }
            if !(isClosed && mark == .period), tail.mark != .question || mark != .exclamation {
                tail.mark = mark == .question ? mark : max(tail.mark, mark)
            }
            isClosed = isClosed || byte == 0x2C || byte == 0x3A || byte == 0x3B
            core.removeLast()
        }
        tail.isPeriod = periods == 1 && innermost == 0x2E
        return tail
    }

    private static func takeHead(_ core: inout [UInt8], _ reading: inout Reading) {
        var count = 0
        scan: for (position, byte) in core.enumerated() {
            let next = position + 1 < core.count ? core[position + 1] : 0x20
            switch byte {
            case 0x28, 0x5B, 0x7B:
                reading.markBefore = .comma
            case 0x22, 0x27, 0x2A, 0x3C, 0x3E, 0x5F, 0x60, 0x7C, 0x5C, 0x5E, 0x29, 0x5D, 0x7D,
                0x21, 0x3F, 0x2C, 0x3A, 0x3B:
                break
            case FoldedText.Symbol.dash, FoldedText.Symbol.bullet, FoldedText.Symbol.ellipsis:
                reading.markBefore = max(reading.markBefore, .comma)
            case 0x2D where !isDigit(next) && FoldedText.currency(next) == nil: break  // -
            case 0x2E where !isDigit(next): break  // .5
            case 0x23 where !isDigit(next) && !isLetter(next): break  // #
            case 0x7E where !isDigit(next): break  // ~
            default: break scan
            }
            count += 1
        }
        core.removeFirst(count)
    }

    /// A sign that stands alone and is said.
    private mutating func sign(_ token: TextNormalizer.Token) -> [String] {
        guard token.range.count == 1 else { return [] }
        switch folded.bytes[token.range.lowerBound] {
        case 0x26: return ["and"]
        case 0x2B: return ["plus"]
        case 0x3D: return ["equals"]
        case 0x25: return ["percent"]
        case 0x40: return ["at"]
        case 0x2A where isBetweenNumbers: return ["times"]
        case 0x2D where isBetweenNumbers: return ["minus"]
        case 0x3C where isBetweenNumbers: return ["is", "less", "than"]
        case 0x3E where isBetweenNumbers: return ["is", "greater", "than"]
        default: return []
        }
    }

    private var isBetweenNumbers: Bool {
        count != nil && first(of: index + 1).map(isDigit) == true
    }

    // MARK: Kinds

    private mutating func units(
        of core: [UInt8], tail: Tail, _ reading: inout Reading
    ) -> [SpokenText.Unit] {
        if let address = AddressReader.words(core) {
            count = nil
            return address.map { SpokenText.Unit($0) }
        }
        var units: [SpokenText.Unit] = []
        let isInitials =
            core.count <= 6 && core.filter { $0 != 0x2E }.map(lowered) == [0x70, 0x68, 0x64]
        let parts = isInitials ? [Part(bytes: core, mark: .none)] : TokenReader.parts(of: core)
        for (position, part) in parts.enumerated() {
            let isLast = position == parts.count - 1
            let partTail = isLast ? tail : Tail(mark: part.mark, isPeriod: false)
            var words: [String]
            if part.bytes.contains(where: isDigit) {
                words = numeric(part.bytes, isFirst: position == 0)
            } else {
                var mark = reading.mark
                words = word(part.bytes, tail: partTail, &mark)
                if isLast { reading.mark = mark }
            }
            words = words.filter { !$0.isEmpty }
            var spoken = words.map { SpokenText.Unit($0) }
            if !isLast, let end = spoken.indices.last { spoken[end].mark = part.mark }
            units += spoken
        }
        return units
    }

    private struct Part {
        var bytes: [UInt8]
        var mark: SpokenText.Mark
    }

    /// Cuts `yes,no` and `wait…what` where somebody left out the blank.
    private static func parts(of core: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var bytes: [UInt8] = []
        for (position, byte) in core.enumerated() {
            let before = position > 0 ? core[position - 1] : 0x20
            let after = position + 1 < core.count ? core[position + 1] : 0x20
            let mark: SpokenText.Mark?
            switch byte {
            case FoldedText.Symbol.ellipsis: mark = .period
            case FoldedText.Symbol.dash:
                if isDigit(before) && isDigit(after) {
                    bytes.append(0x2D)
                    continue
                }
                mark = .comma
            case 0x2E where after == 0x2E || before == 0x2E: mark = .period
            case 0x2E where isLower(before) && isUpper(after) && bytes.count > 1: mark = .period
            case 0x2D where after == 0x2D || before == 0x2D: mark = .comma
            case 0x21: mark = .exclamation
            case 0x3F: mark = .question
            case 0x3B: mark = .semicolon
            case 0x2C where !(isDigit(before) && isDigit(after)): mark = .comma
            case 0x3A where !(isDigit(before) && isDigit(after)): mark = .colon
            case 0x22, 0x7C, 0x3C, 0x3E, 0x5F, 0x5C, 0x60, 0x5E, FoldedText.Symbol.bullet:
                mark = SpokenText.Mark.none
            case 0x28, 0x29, 0x5B, 0x5D, 0x7B, 0x7D: mark = .comma
            default: mark = nil
            }
            if let mark {
                if bytes.isEmpty {
                    if !parts.isEmpty {
                        parts[parts.count - 1].mark = max(parts[parts.count - 1].mark, mark)
                    }
                } else {
                    parts.append(Part(bytes: bytes, mark: mark))
                    bytes = []
                }
            } else {
                bytes.append(byte)
            }
        }
        if !bytes.isEmpty { parts.append(Part(bytes: bytes, mark: .none)) }
        return parts
    }

    /// The first character of another token, behind quotes and brackets.
    func first(of index: Int) -> UInt8? {
        guard tokens.indices.contains(index) else { return nil }
        let bytes = folded.bytes[tokens[index].range]
        return bytes.first { ![0x22, 0x27, 0x28, 0x5B, 0x2A, 0x5F].contains($0) }
    }

    /// A token in lower case without the marks at its end, for a look at the next one.
    func plain(_ index: Int) -> String {
        guard tokens.indices.contains(index), tokens[index].range.count <= 40 else { return "" }
        var core = Array(folded.bytes[tokens[index].range])
        _ = TokenReader.takeTail(&core)
        return String(decoding: core.map(lowered), as: UTF8.self)
    }

    /// The pieces of what is too long for a word: about a second each, so that the first is soon
    /// there.
    private static let pieceBytes = 16

    /// A spoken word in pieces that an engine takes, repeated letters brought down to two.
    private static func fitted(_ unit: SpokenText.Unit) -> [SpokenText.Unit] {
        if unit.text.utf8.count <= 3 { return [unit] }
        var bytes: [UInt8] = []
        for byte in unit.text.utf8 {
            let count = bytes.count
            if count >= 2, bytes[count - 1] == byte, bytes[count - 2] == byte { continue }
            bytes.append(byte)
        }
        guard bytes.count > SpokenText.maxUnitBytes else {
            return [SpokenText.Unit(String(decoding: bytes, as: UTF8.self), unit.mark)]
        }
        var pieces: [SpokenText.Unit] = []
        var start = 0
        while start < bytes.count {
            let end = min(start + TokenReader.pieceBytes, bytes.count)
            let piece = bytes[start..<end]
            if piece.contains(where: isLower) {
                pieces.append(SpokenText.Unit(String(decoding: piece, as: UTF8.self)))
            }
            start = end
        }
        if let last = pieces.indices.last { pieces[last].mark = unit.mark }
        return pieces
    }
}

// MARK: Characters

@inline(__always) func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
@inline(__always) func isUpper(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }
@inline(__always) func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
@inline(__always) func isLetter(_ byte: UInt8) -> Bool { isUpper(byte) || isLower(byte) }
@inline(__always) func lowered(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte + 32 : byte }

extension FoldedText {
    /// The currency that a sign stands for.
    static func currency(_ byte: UInt8) -> UInt8? {
        byte == 0x24 || (byte >= Symbol.euro && byte <= Symbol.rupee) ? byte : nil
    }
}
