// SPDX-License-Identifier: Apache-2.0

/// The writing systems that the voices read, by the blocks of Unicode that hold their letters.
enum WritingSystem: String, Hashable, Sendable {
    case latin, greek, cyrillic, armenian, hebrew, arabic, devanagari, bengali, gurmukhi, gujarati
    case oriya, tamil, telugu, kannada, malayalam, sinhala, thai, myanmar, georgian, hangul
    case ethiopic, cherokee, kana, han, klingon

    /// The system of a letter; nil for one of a script that no voice reads.
    init?(_ letter: Unicode.Scalar) {
        let value = letter.value
        if value < 0x250 {
            self = .latin
            return
        }
        var (low, high) = (0, Self.blocks.count)
        while low < high {
            let middle = (low + high) / 2
            if Self.blocks[middle].range.upperBound < value {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < Self.blocks.count, Self.blocks[low].range.contains(value) else { return nil }
        self = Self.blocks[low].system
    }

    /// Blocks.txt of Unicode 15, in order.
    private static let blocks: [(range: ClosedRange<UInt32>, system: WritingSystem)] = [
        (0x250...0x2FF, .latin), (0x370...0x3FF, .greek), (0x400...0x52F, .cyrillic),
        (0x530...0x58F, .armenian), (0x590...0x5FF, .hebrew), (0x600...0x6FF, .arabic),
        (0x750...0x77F, .arabic), (0x870...0x8FF, .arabic), (0x900...0x97F, .devanagari),
        (0x980...0x9FF, .bengali), (0xA00...0xA7F, .gurmukhi), (0xA80...0xAFF, .gujarati),
        (0xB00...0xB7F, .oriya), (0xB80...0xBFF, .tamil), (0xC00...0xC7F, .telugu),
        (0xC80...0xCFF, .kannada), (0xD00...0xD7F, .malayalam), (0xD80...0xDFF, .sinhala),
        (0xE00...0xE7F, .thai), (0x1000...0x109F, .myanmar), (0x10A0...0x10FF, .georgian),
        (0x1100...0x11FF, .hangul), (0x1200...0x139F, .ethiopic), (0x13A0...0x13FF, .cherokee),
        (0x1C80...0x1C8F, .cyrillic), (0x1C90...0x1CBF, .georgian), (0x1D00...0x1DBF, .latin),
        (0x1E00...0x1EFF, .latin), (0x1F00...0x1FFF, .greek), (0x2C60...0x2C7F, .latin),
        (0x2DE0...0x2DFF, .cyrillic), (0x3040...0x30FF, .kana), (0x3130...0x318F, .hangul),
        (0x31F0...0x31FF, .kana), (0x3400...0x4DBF, .han), (0x4E00...0x9FFF, .han),
        (0xA640...0xA69F, .cyrillic), (0xA720...0xA7FF, .latin), (0xA8E0...0xA8FF, .devanagari),
        (0xAB70...0xABBF, .cherokee), (0xAC00...0xD7FF, .hangul), (0xF8D0...0xF8FF, .klingon),
        (0xF900...0xFAFF, .han), (0xFB00...0xFB06, .latin), (0xFB1D...0xFB4F, .hebrew),
        (0xFB50...0xFDFF, .arabic), (0xFE70...0xFEFF, .arabic), (0xFF21...0xFF5A, .latin),
        (0xFF66...0xFF9F, .kana),
    ]
}
