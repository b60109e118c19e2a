// SPDX-License-Identifier: Apache-2.0

/// Letters as engines know them: accents joined to what they stand on, ligatures of typesetters
/// taken apart.
///
/// A text may write ü as u and U+0308, and means the same by it; files from macOS often do.
enum ComposedLetters {
    /// The scalars of `text`, in canonical composition as far as its letters have one.
    static func scalars(of text: String) -> [Unicode.Scalar] {
        guard text.unicodeScalars.contains(where: isRewritten) else {
            return Array(text.unicodeScalars)
        }
        var scalars: [Unicode.Scalar] = []
        for character in text {
            if let letter = composed[character] ?? syllable(character) {
                scalars.append(letter)
            } else {
                for scalar in character.unicodeScalars {
                    if let letters = LatinFolding.ligature(scalar) {
                        for byte in letters { scalars.append(Unicode.Scalar(byte)) }
                    } else {
                        scalars.append(scalar)
                    }
                }
            }
        }
        return scalars
    }

    private static func isRewritten(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x300
            && (scalar.properties.generalCategory == .nonspacingMark
                || vowels.contains(scalar.value) || LatinFolding.ligature(scalar) != nil)
    }

    /// Letters that have a decomposition are among these; equal characters are those that are
    /// equivalent.
    private static let composed: [Character: Unicode.Scalar] = {
        // Latin, Greek, Cyrillic; Arabic; more Latin and Greek; kana.
        let blocks: [ClosedRange<UInt32>] = [
            0xC0...0x24F, 0x370...0x4FF, 0x620...0x6D3, 0x1E00...0x1FFF, 0x3041...0x30FF,
        ]
        var letters: [Character: Unicode.Scalar] = [:]
        for value in blocks.joined() {
            guard let scalar = Unicode.Scalar(value), scalar.properties.isAlphabetic else {
                continue
            }
            letters[Character(scalar)] = scalar
        }
        return letters
    }()

    /// Hangul's vowels, as they stand behind a consonant of the same syllable.
    private static let vowels: ClosedRange<UInt32> = 0x1161...0x1175

    /// The one sign of a syllable of Hangul that is written in its parts (Unicode 3.12).
    private static func syllable(_ character: Character) -> Unicode.Scalar? {
        let parts = character.unicodeScalars.prefix(4).map(\.value)
        guard parts.count == 2 || parts.count == 3, (0x1100...0x1112).contains(parts[0]),
            vowels.contains(parts[1])
        else { return nil }
        var value = 0xAC00 + ((parts[0] - 0x1100) * 21 + parts[1] - 0x1161) * 28
        if parts.count == 3 {
            guard (0x11A8...0x11C2).contains(parts[2]) else { return nil }
            value += parts[2] - 0x11A7
        }
        return Unicode.Scalar(value)
    }
}
