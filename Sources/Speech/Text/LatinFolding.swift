// SPDX-License-Identifier: Apache-2.0

/// Latin letters without their accents, from the Unicode decompositions; letters without one as
/// they are written where they are missing.
enum LatinFolding {
    /// U+00C0…U+017F in order.
    static let letters: [StaticString] = [
        "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", "D",
        "N", "O", "O", "O", "O", "O", " ", "O", "U", "U", "U", "U", "Y", "Th", "ss", "a", "a",
        "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o",
        "o", "o", "o", "o", " ", "o", "u", "u", "u", "u", "y", "th", "y", "A", "a", "A", "a",
        "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", "D", "d", "E", "e", "E", "e",
        "E", "e", "E", "e", "E", "e", "G", "g", "G", "g", "G", "g", "G", "g", "H", "h", "H", "h",
        "I", "i", "I", "i", "I", "i", "I", "i", "I", "i", "IJ", "ij", "J", "j", "K", "k", "k",
        "L", "l", "L", "l", "L", "l", "L", "l", "L", "l", "N", "n", "N", "n", "N", "n", "n", "N",
        "n", "O", "o", "O", "o", "O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s",
        "S", "s", "S", "s", "S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u",
        "U", "u", "U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s",
    ]

    /// The letters of a typesetter's ligature, U+FB00…U+FB06.
    static func ligature(_ scalar: Unicode.Scalar) -> String.UTF8View? {
        guard (0xFB00...0xFB06).contains(scalar.value) else { return nil }
        return ligatures[Int(scalar.value) - 0xFB00].utf8
    }

    private static let ligatures = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"]

    /// The lower-case base letter of U+1E00…U+1EFF; in that block even numbers are capitals.
    static func extended(_ value: UInt32) -> UInt8 {
        let index = Int(value) - 0x1E00
        return extendedLetters.indices.contains(index) ? extendedLetters[index] : 0x20
    }

    private static let extendedLetters: [UInt8] = Array(
        ("aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
            + "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
            + "wwwwwwwwwwxxxxyyzzzzzzhtwyssssssaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
            + "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyssssss").utf8)
}
