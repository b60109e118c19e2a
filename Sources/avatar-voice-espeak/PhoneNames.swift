// SPDX-License-Identifier: Apache-2.0

/// The library's names of phones as IPA.
///
/// Most are IPA; some languages leave the name of the library's own alphabet, a tone's number, or
/// two sounds in one.
enum PhoneNames {
    /// The phones of a name, or of a clause of names with `_` and blanks between: `ˈøː`, `tʃ`, `n`.
    /// A vowel's stress stands before it. Empty for a pause, a mark of another language, a tone.
    static func parsed(_ text: String) -> [String] {
        text.split { $0 == "_" || $0 == " " || $0 == "\n" }.flatMap { phones(of: String($0)) }
    }

    private static func phones(of name: String) -> [String] {
        if name.first == "(" { return [] }
        var stress = ""
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar {
            case "ˈ", "ˌ": if stress.isEmpty { stress = String(scalar) }
            case "ː" where scalars.isEmpty: break
            default: scalars.append(scalar)
            }
        }
        var symbol = String(scalars)
        if let ipa = own[symbol] { symbol = ipa }
        symbol.unicodeScalars.removeAll { $0.value < 0x80 && !letters.contains($0) }
        // The third tone's number, which is written like the vowel of nurse.
        if symbol.unicodeScalars.count > 1, symbol.unicodeScalars.last == "ɜ" {
            symbol.unicodeScalars.removeLast()
        }
        symbol.unicodeScalars.removeAll { $0 == "\u{FFFD}" }
        guard symbol.unicodeScalars.contains(where: isSound) else { return [] }
        var parts = split(symbol)
        let place = parts.firstIndex { $0.unicodeScalars.first.map(isVowel) ?? false } ?? 0
        parts[place] = stress + parts[place]
        return parts
    }

    /// `əl` are two sounds, as is `ja`; `aɪ` and `tʃ` are one.
    private static func split(_ symbol: String) -> [String] {
        var parts: [String] = []
        var wasVowel: Bool?
        for scalar in symbol.unicodeScalars {
            guard isSound(scalar), let before = wasVowel else {
                if parts.isEmpty { parts.append("") }
                parts[parts.count - 1].unicodeScalars.append(scalar)
                if isSound(scalar) { wasVowel = isVowel(scalar) }
                continue
            }
            if isVowel(scalar) == before {
                parts[parts.count - 1].unicodeScalars.append(scalar)
            } else {
                parts.append(String(scalar))
            }
            wasVowel = isVowel(scalar)
        }
        // A glottal stop is nothing that a mouth shows.
        return parts.count > 1 ? parts.filter { $0 != "ʔ" } : parts
    }

    private static let letters: ClosedRange<Unicode.Scalar> = "a"..."z"
    private static let vowels = Set("aeiouyæøœɐɑɒɔəɘɛɜɝɚɞɤɪɨɯɵʉʊʌʏäãẽĩõũ".unicodeScalars)

    private static func isVowel(_ scalar: Unicode.Scalar) -> Bool { vowels.contains(scalar) }

    /// Whether it is a letter, not a mark on one.
    private static func isSound(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .lowercaseLetter
            || scalar.properties.generalCategory == .otherLetter
    }

    /// Names of the library's own alphabet that some languages leave.
    private static let own: [String: String] = [
        "i.": "ɨ", "s.": "ʂ", "z.": "ʐ", "ts.": "tʂ", "r.": "ɽ", "t.": "ʈ", "d.": "ɖ", "n.": "ɳ",
        "l.": "ɭ", "t[": "t̪", "d[": "d̪", "n^": "ɲ", "l^": "ʎ", "t`": "ʈ", "t`ː": "ʈː",
        "tS": "tʃ", "dZ": "dʒ", "S": "ʃ", "Z": "ʒ", "A": "ɑ", "X": "χ", "Φ": "ɸ", "ε": "ɛ",
        "y:": "yː", "a:": "aː", "ph": "pʰ", "th": "tʰ", "kh": "kʰ", "tɕh": "tɕʰ", "?": "ʔ",
        "inɡ": "iŋ", "enɡ": "əŋ", "anɡ": "aŋ", "onɡ": "oŋ", "nɡ": "ŋ", "ʦ": "ts", "ʣ": "dz",
    ]
}
