// SPDX-License-Identifier: Apache-2.0

/// A text brought down to the characters that English speech knows, each with its place in the
/// original.
///
/// Bytes below 0x80 are ASCII: letters without accents, digits, marks, space and line feed; no
/// other control character. Bytes from 0x80 on are ``Symbol``s. Other scripts, emoji and controls
/// are spaces or nothing.
struct FoldedText {
    /// A sign outside ASCII that is spoken or means a pause.
    enum Symbol {
        static let euro: UInt8 = 0x80
        static let pound: UInt8 = 0x81
        static let yen: UInt8 = 0x82
        static let rupee: UInt8 = 0x83
        static let cent: UInt8 = 0x84
        static let degree: UInt8 = 0x85
        static let dash: UInt8 = 0x86
        static let ellipsis: UInt8 = 0x87
        static let times: UInt8 = 0x88
        static let dividedBy: UInt8 = 0x89
        static let plusMinus: UInt8 = 0x8A
        static let micro: UInt8 = 0x8B
        static let squared: UInt8 = 0x8C
        static let cubed: UInt8 = 0x8D
        static let half: UInt8 = 0x8E
        static let quarter: UInt8 = 0x8F
        static let threeQuarters: UInt8 = 0x90
        static let about: UInt8 = 0x91
        static let number: UInt8 = 0x92
        static let bullet: UInt8 = 0x93
    }

    /// The folded characters.
    private(set) var bytes: [UInt8] = []
    /// For each byte the offset of its character in the original's UTF-8.
    private(set) var offsets: [Int] = []
    /// Letters and digits that stayed.
    private(set) var keptLetters = 0
    /// Letters of other scripts that were left out.
    private(set) var droppedLetters = 0
    /// Upper-case letters among those that stayed.
    private(set) var capitals = 0

    /// Folds `text`.
    init(_ text: String) {
        let count = text.utf8.count
        bytes.reserveCapacity(count)
        offsets.reserveCapacity(count)
        var offset = 0
        for scalar in text.unicodeScalars {
            let value = scalar.value
            if value < 0x80 {
                ascii(UInt8(value), at: offset)
                offset += 1
            } else {
                fold(scalar, at: offset)
                offset += value < 0x800 ? 2 : value < 0x10000 ? 3 : 4
            }
        }
    }

    private mutating func put(_ byte: UInt8, at offset: Int) {
        bytes.append(byte)
        offsets.append(offset)
    }

    private mutating func ascii(_ byte: UInt8, at offset: Int) {
        switch byte {
        case 0x41...0x5A:
            capitals += 1
            keptLetters += 1
            put(byte, at: offset)
        case 0x61...0x7A, 0x30...0x39:
            keptLetters += 1
            put(byte, at: offset)
        case 0x0A, 0x21...0x7E:
            put(byte, at: offset)
        default:
            put(0x20, at: offset)  // blanks, controls
        }
    }

    private mutating func letters(_ text: StaticString, at offset: Int) {
        // SAFETY: a static string's bytes live as long as the program.
        for byte in UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount) {
            ascii(byte, at: offset)
        }
    }

    private mutating func fold(_ scalar: Unicode.Scalar, at offset: Int) {
        switch scalar.value {
        case 0xA0...0xBF: latinSign(scalar.value, at: offset)
        case 0xC0...0x17F: letters(LatinFolding.letters[Int(scalar.value) - 0xC0], at: offset)
        case 0x300...0x36F, 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xE0100...0xE01EF:
            break  // combining marks and variation selectors
        case 0x1E00...0x1EFF:
            let letter = LatinFolding.extended(scalar.value)
            ascii(scalar.value & 1 == 0 ? letter - 32 : letter, at: offset)
        case 0x2000...0x206F: generalPunctuation(scalar.value, at: offset)
        case 0x20AC: put(Symbol.euro, at: offset)
        case 0x20B9: put(Symbol.rupee, at: offset)
        case 0x2116: put(Symbol.number, at: offset)
        case 0x2022, 0x2219, 0x25AA, 0x25CF, 0x25E6: put(Symbol.bullet, at: offset)
        case 0x2212: put(0x2D, at: offset)
        case 0x2248: put(Symbol.about, at: offset)
        case 0x3000...0x3003, 0xFF01...0xFF5E, 0x60C, 0x61B, 0x61F, 0x6D4:
            eastern(scalar.value, at: offset)
        case 0xFB00...0xFB06:
            for byte in LatinFolding.ligature(scalar) ?? "".utf8 { ascii(byte, at: offset) }
        case 0x24B6...0x24CF: ascii(UInt8(0x41 + scalar.value - 0x24B6), at: offset)
        case 0x24D0...0x24E9: ascii(UInt8(0x61 + scalar.value - 0x24D0), at: offset)
        case 0x1D400...0x1D6A3:
            let index = (scalar.value - 0x1D400) % 52
            ascii(UInt8(index < 26 ? 0x41 + index : 0x61 + index - 26), at: offset)
        case 0x1D7CE...0x1D7FF: ascii(UInt8(0x30 + (scalar.value - 0x1D7CE) % 10), at: offset)
        default: other(scalar, at: offset)
        }
    }

    private mutating func latinSign(_ value: UInt32, at offset: Int) {
        switch value {
        case 0xA2: put(Symbol.cent, at: offset)
        case 0xA3: put(Symbol.pound, at: offset)
        case 0xA5: put(Symbol.yen, at: offset)
        case 0xAB, 0xBB: put(0x22, at: offset)
        case 0xAD: break  // soft hyphen
        case 0xB0, 0xBA: put(Symbol.degree, at: offset)
        case 0xB1: put(Symbol.plusMinus, at: offset)
        case 0xB2: put(Symbol.squared, at: offset)
        case 0xB3: put(Symbol.cubed, at: offset)
        case 0xB4: put(0x27, at: offset)
        case 0xB5: put(Symbol.micro, at: offset)
        case 0xB7: put(Symbol.bullet, at: offset)
        case 0xBC...0xBE:
            keptLetters += 1
            let fractions = [Symbol.quarter, Symbol.half, Symbol.threeQuarters]
            put(fractions[Int(value) - 0xBC], at: offset)
        default: put(0x20, at: offset)
        }
    }

    private mutating func generalPunctuation(_ value: UInt32, at offset: Int) {
        switch value {
        case 0x2010, 0x2011: put(0x2D, at: offset)
        case 0x2012...0x2015: put(Symbol.dash, at: offset)
        case 0x2018...0x201B, 0x2032: put(0x27, at: offset)
        case 0x201C...0x201F, 0x2033: put(0x22, at: offset)
        case 0x2022: put(Symbol.bullet, at: offset)
        case 0x2026: put(Symbol.ellipsis, at: offset)
        case 0x2028, 0x2029: put(0x0A, at: offset)
        case 0x203D: put(0x3F, at: offset)
        case 0x2044: put(0x2F, at: offset)
        case 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F:
            break  // joiners and directions: not seen, not heard
        default: put(0x20, at: offset)
        }
    }

    /// Marks of scripts that are left out: their pauses stay.
    private mutating func eastern(_ value: UInt32, at offset: Int) {
        switch value {
        case 0x3001, 0x60C: put(0x2C, at: offset)
        case 0x3002, 0x6D4: put(0x2E, at: offset)
        case 0x61B: put(0x3B, at: offset)
        case 0x61F: put(0x3F, at: offset)
        case 0xFF01...0xFF5E: ascii(UInt8(value - 0xFF01 + 0x21), at: offset)
        default: put(0x20, at: offset)
        }
    }

    private mutating func number(_ value: UInt32, at offset: Int) {
        if value >= 10 { ascii(UInt8(0x30 + value / 10), at: offset) }
        ascii(UInt8(0x30 + value % 10), at: offset)
    }

    private mutating func other(_ scalar: Unicode.Scalar, at offset: Int) {
        let properties = scalar.properties
        if properties.numericType == .decimal, let digit = properties.numericValue {
            return ascii(UInt8(0x30 + Int(digit) % 10), at: offset)
        }
        // Ⅰ to Ⅻ, small ones too: a chapter's number.
        if [0x2160...0x216B, 0x2170...0x217B].contains(where: { $0.contains(scalar.value) }) {
            return number(scalar.value & 0xF + 1, at: offset)
        }
        if properties.generalCategory == .nonspacingMark { return }
        if properties.isAlphabetic { droppedLetters += 1 }
        put(0x20, at: offset)
    }
}
