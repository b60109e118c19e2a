// SPDX-License-Identifier: Apache-2.0

/// What timing must know of a sound: its manner, its voicing, how long it usually lasts.
struct SpeechSound: Sendable, Equatable {
    enum Manner: Sendable {
        case vowel, stop, affricate, nasal, liquid, glide, sibilant, fricative
        /// A single tap of the tongue.
        case tap
        /// Nothing known of it.
        case unknown
    }

    /// Upper-case ARPABET for a sound of English, otherwise the bare IPA symbol.
    var symbol: String
    var manner: Manner
    var isVoiced: Bool
    /// Lexical stress of a vowel, 0…2.
    var stress = 0
    /// Typical length, ms, before any context.
    var base: Double
    /// Spread of the logarithm of the length.
    var spread: Double
    /// Whether the rules of the English model apply.
    var isEnglish: Bool

    var isVowel: Bool { manner == .vowel }
    /// Nasals, liquids and glides: what the end of a phrase stretches most.
    var isSonorant: Bool { manner == .nasal || manner == .liquid || manner == .glide }
    var isFricative: Bool { manner == .fricative || manner == .sibilant }
    var isPause: Bool { symbol == Phone.silence }

    /// Reads a symbol in either alphabet, as ``Phone`` does.
    init(_ text: String, language: SpokenLanguage = .english) {
        let phone = Phone(text, start: 0, end: 0)
        if phone.isSilence {
            self = .pause
            return
        }
        let name = Self.variants[phone.symbol] ?? phone.symbol
        if let sound = Self.named(name, stress: phone.stress) {
            self = sound
        } else if language == .english, let english = Self.englishNames[phone.symbol],
            let sound = Self.named(english, stress: phone.stress)
        {
            self = sound
        } else {
            self = Self.ipa(phone)
        }
    }

    /// The sounds of a word; a stress mark on a consonant belongs to the vowel behind it.
    static func word(_ phones: [String], language: SpokenLanguage) -> [SpeechSound] {
        var carried = 0
        return phones.prefix(TimedPhones.phonesPerWordMax).map { text in
            var sound = SpeechSound(text, language: language)
            if sound.isVowel {
                if sound.stress == 0 { sound.stress = carried }
                carried = 0
            } else if text.unicodeScalars.first == "\u{2C8}" {
                carried = 1
            } else if text.unicodeScalars.first == "\u{2CC}" {
                carried = 2
            }
            return sound
        }
    }

    private init(
        symbol: String, manner: Manner, isVoiced: Bool, stress: Int = 0, base: Double,
        spread: Double, isEnglish: Bool
    ) {
        self.symbol = symbol
        self.manner = manner
        self.isVoiced = isVoiced
        self.stress = stress
        self.base = base
        self.spread = spread
        self.isEnglish = isEnglish
    }

    static let pause = SpeechSound(
        symbol: Phone.silence, manner: .unknown, isVoiced: false, base: 100, spread: 1,
        isEnglish: true)

    private static func named(_ name: String, stress: Int) -> SpeechSound? {
        guard let entry = english[name] else { return nil }
        return SpeechSound(
            symbol: name, manner: entry.manner, isVoiced: entry.isVoiced, stress: stress,
            base: entry.base, spread: entry.spread, isEnglish: true)
    }

    private typealias Entry = (manner: Manner, isVoiced: Bool, base: Double, spread: Double)

    // Base lengths (ms) and residual spreads of the additive logarithmic model, fitted on 53,234 words
    // of 36 speakers of the X-ray microbeam database (the project's lip-sync sheet, 2.3).
    private static let english: [String: Entry] = [
        "AA": (.vowel, true, 109, 0.39), "AE": (.vowel, true, 90, 0.39),
        "AH": (.vowel, true, 71, 0.45), "AO": (.vowel, true, 112, 0.44),
        "AW": (.vowel, true, 111, 0.24), "AY": (.vowel, true, 119, 0.39),
        "B": (.stop, true, 70, 0.38), "CH": (.affricate, false, 130, 0.29),
        "D": (.stop, true, 67, 0.46), "DH": (.fricative, true, 52, 0.46),
        "EH": (.vowel, true, 67, 0.38), "ER": (.vowel, true, 92, 0.39),
        "EY": (.vowel, true, 100, 0.39), "F": (.fricative, false, 103, 0.37),
        "G": (.stop, true, 76, 0.38), "HH": (.fricative, false, 67, 0.49),
        "IH": (.vowel, true, 63, 0.43), "IY": (.vowel, true, 74, 0.45),
        "JH": (.affricate, true, 144, 0.33), "K": (.stop, false, 93, 0.33),
        "L": (.liquid, true, 77, 0.39), "M": (.nasal, true, 80, 0.36),
        "N": (.nasal, true, 68, 0.41), "NG": (.nasal, true, 86, 0.38),
        "OW": (.vowel, true, 99, 0.38), "OY": (.vowel, true, 126, 0.33),
        "P": (.stop, false, 91, 0.32), "R": (.liquid, true, 78, 0.41),
        "S": (.sibilant, false, 138, 0.32), "SH": (.sibilant, false, 142, 0.24),
        "T": (.stop, false, 75, 0.46), "TH": (.fricative, false, 96, 0.40),
        "UH": (.vowel, true, 53, 0.40), "UW": (.vowel, true, 70, 0.53),
        "V": (.fricative, true, 63, 0.36), "W": (.glide, true, 83, 0.49),
        "Y": (.glide, true, 72, 0.54), "Z": (.sibilant, true, 99, 0.38),
        "ZH": (.sibilant, true, 108, 0.26),
    ]
}

// MARK: IPA

extension SpeechSound {
    private static func ipa(_ phone: Phone) -> SpeechSound {
        // Without the nasal tilde and whatever else is written above or below a letter.
        let letters = phone.symbol.unicodeScalars.filter { !(0x300...0x36F).contains($0.value) }
        let bare = String(String.UnicodeScalarView(letters))
        guard let first = letters.first else { return .pause }
        var sound = consonant(bare) ?? vowel(first, letters: letters.count)
        sound.symbol = phone.symbol
        sound.stress = sound.isVowel ? phone.stress : 0
        // German long vowels 1.5, geminates 1.9 of the short ones.
        if phone.isLong { sound.base *= sound.isVowel ? 1.5 : 1.9 }
        return sound
    }

    /// Other spellings of ARPABET.
    private static let variants: [String: String] = [
        "AX": "AH", "AXR": "ER", "IX": "IH", "UX": "UW", "DX": "D", "HV": "HH", "WH": "W",
        "NX": "N", "EL": "L", "EM": "M", "EN": "N",
    ]

    /// The sounds of English in IPA, as espeak-ng writes them.
    private static let englishNames: [String: String] = [
        "ɑ": "AA", "æ": "AE", "a": "AE", "ʌ": "AH", "ɐ": "AH", "ə": "AH", "ɔ": "AO", "ɒ": "AA",
        "aʊ": "AW", "aɪ": "AY", "b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "ɛ": "EH", "e": "EH",
        "ɜ": "ER", "ɚ": "ER", "ɝ": "ER", "eɪ": "EY", "f": "F", "ɡ": "G", "g": "G", "h": "HH",
        "ɪ": "IH", "i": "IY", "dʒ": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG",
        "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "p": "P", "ɹ": "R", "s": "S", "ʃ": "SH", "t": "T",
        "θ": "TH", "ʊ": "UH", "u": "UW", "v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH",
        "r": "R", "y": "Y",
    ]

    // Broad classes, ms: stops 80, nasals 76, liquids 78, fricatives 110 without and 80 with voice,
    // affricates 135, open vowels 110, mid 90, high 72, diphthongs 118 (the sheet, 2.3).
    private static func consonant(_ bare: String) -> SpeechSound? {
        func make(_ manner: Manner, _ isVoiced: Bool, _ base: Double) -> SpeechSound {
            SpeechSound(
                symbol: bare, manner: manner, isVoiced: isVoiced, base: base, spread: 0.4,
                isEnglish: false)
        }
        let scalars = Array(bare.unicodeScalars)
        if scalars.count == 2, scalars[0] != scalars[1] {
            switch bare {
            case "ts", "tʃ", "pf", "tɕ", "tʂ", "kx": return make(.affricate, false, 135)
            case "dz", "dʒ", "dʑ", "dʐ": return make(.affricate, true, 135)
            default: break
            }
        }
        guard let first = scalars.first else { return nil }
        switch first {
        case "p", "t", "k", "c", "q", "ʈ": return make(.stop, false, 80)
        case "ʔ": return make(.stop, false, 40)
        case "b", "d", "g", "ɡ", "ɟ", "ɖ", "ɢ": return make(.stop, true, 80)
        case "m", "n", "ɱ", "ɲ", "ŋ", "ɳ", "ɴ": return make(.nasal, true, 76)
        case "l", "ɫ", "ɭ", "ʎ", "ʟ", "r", "ɹ", "ɻ": return make(.liquid, true, 78)
        case "ɾ", "ɽ": return make(.tap, true, 35)
        case "j", "w", "ɥ", "ʋ", "ɰ", "ʝ", "β", "ɣ", "ʍ": return make(.glide, true, 70)
        case "s", "ʃ", "ɕ", "ʂ": return make(.sibilant, false, 110)
        case "z", "ʒ", "ʑ", "ʐ": return make(.sibilant, true, 80)
        case "f", "θ", "x", "χ", "ç", "h", "ħ", "ɸ": return make(.fricative, false, 110)
        case "v", "ð", "ʁ", "ʀ", "ɦ", "ʕ": return make(.fricative, true, 80)
        case "ʤ": return make(.affricate, true, 135)
        case "ʧ", "ʦ": return make(.affricate, false, 135)
        default: return nil
        }
    }

    private static func vowel(_ first: Unicode.Scalar, letters: Int) -> SpeechSound {
        func make(_ base: Double) -> SpeechSound {
            SpeechSound(
                symbol: "", manner: .vowel, isVoiced: true, base: base, spread: 0.4,
                isEnglish: false)
        }
        if letters > 1, isVowelLetter(first) { return make(118) }
        switch first {
        case "a", "ɑ", "ɐ", "æ", "ɒ", "ʌ", "ɶ": return make(110)
        case "e", "ɛ", "o", "ɔ", "ø", "œ", "ɜ", "ɘ", "ɵ", "ɤ", "ɞ", "ɝ": return make(90)
        case "i", "ɪ", "u", "ʊ", "y", "ʏ", "ɨ", "ʉ", "ɯ": return make(72)
        // Schwa: shorter than any full vowel, as AH without stress in English.
        case "ə", "ɚ": return make(55)
        default:
            return SpeechSound(
                symbol: "", manner: .unknown, isVoiced: true, base: 80, spread: 0.5,
                isEnglish: false)
        }
    }

    private static func isVowelLetter(_ scalar: Unicode.Scalar) -> Bool {
        vowelLetters.contains(scalar)
    }

    private static let vowelLetters = Set("aɑɐæɒʌɶeɛoɔøœɜɘɵɤɞɝiɪuʊyʏɨʉɯəɚ".unicodeScalars)
}
