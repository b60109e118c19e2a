// SPDX-License-Identifier: Apache-2.0

/// A speech sound with its time.
public struct Phone: Sendable, Equatable {
    /// The symbol: ARPABET in upper case without stress (`AA`, `M`), IPA without stress, length and
    /// tie bars (`a`, `tʃ`, `ɑ̃`), or `sil`.
    public var symbol: String
    /// Lexical stress of a vowel: 0 none, 1 primary, 2 secondary.
    public var stress: Int
    /// Whether it is a long vowel or a geminate, which is held.
    public var isLong: Bool
    /// Milliseconds from the utterance's start to the sound's acoustic onset.
    public var start: Double
    /// Milliseconds from the utterance's start to its end.
    public var end: Double

    /// Creates a phone from a symbol of either alphabet.
    ///
    /// Upper-case ASCII is ARPABET, and so are the two-letter ARPABET symbols in lower case; all
    /// else is IPA. What stands for a pause in common phone sets (`pau`, `h#`, `sil`, `_`, the empty
    /// string) is silence.
    ///
    /// - Parameters:
    ///   - symbol: with or without stress: `AY1`, `ay`, `ˈaɪ`.
    ///   - start: milliseconds to its onset.
    ///   - end: milliseconds to its end, not before `start`.
    public init(_ symbol: String, start: Double, end: Double) {
        if let name = ARPABET(symbol) {
            self.init(name.symbol, stress: name.stress, isLong: false, start, end)
        } else {
            self.init(ipa: symbol, start: start, end: end)
        }
    }

    /// Creates a phone from an IPA symbol, such as espeak-ng writes them.
    ///
    /// - Parameters:
    ///   - ipa: one sound with its marks: `ˈaɪ`, `mː`, `t͡ʃ`, `n̩`.
    ///   - start: milliseconds to its onset.
    ///   - end: milliseconds to its end, not before `start`.
    public init(ipa: String, start: Double, end: Double) {
        let name = IPA(ipa)
        self.init(name.symbol, stress: name.stress, isLong: name.isLong, start, end)
    }

    private init(_ symbol: String, stress: Int, isLong: Bool, _ start: Double, _ end: Double) {
        self.symbol = symbol
        self.stress = stress
        self.isLong = isLong
        self.start = start
        self.end = max(start, end)
    }

    /// The symbol of a pause.
    public static let silence = "sil"

    /// Whether this is a pause.
    public var isSilence: Bool { symbol == Phone.silence }
    /// Milliseconds from onset to end.
    public var duration: Double { end - start }

    /// What stands for a pause, in lower case: the voices', the aligners', espeak-ng's.
    static let pauses: Set<String> = [
        "", "_", "_:", "__", "|", "||", ".", "#", "h#", "pau", "sil", "sp", "spn", "brth", "‖",
        "<sil>", "<eps>", "silence", "epi", "nsn",
    ]
}

/// An ARPABET symbol, taken apart.
struct ARPABET {
    /// Upper case without stress, or `sil`.
    let symbol: String
    /// 0 where none is written.
    let stress: Int

    /// The two-letter symbols, which no IPA text contains as one sound.
    private static let pairs: Set<String> = [
        "AA", "AE", "AH", "AO", "AW", "AX", "AXR", "AY", "CH", "DH", "DX", "EH", "EL", "EM", "EN",
        "ER", "EY", "HH", "HV", "IH", "IX", "IY", "JH", "NG", "NX", "OW", "OY", "SH", "TH", "UH",
        "UW", "UX", "WH", "ZH",
    ]

    /// TIMIT's names of the closures in front of bursts, and of a weak vowel without voice.
    private static let others = [
        "PCL": "P", "BCL": "B", "TCL": "T", "DCL": "D", "KCL": "K", "GCL": "G", "AX-H": "AX",
    ]

    /// Nil for what is IPA: anything but ASCII, and lower-case letters that are no pair.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var name = text.uppercased()
        if Phone.pauses.contains(text.lowercased()) {
            (symbol, stress) = (Phone.silence, 0)
            return
        }
        var stress = 0
        if name.utf8.count > 1, let digit = name.last?.wholeNumberValue {
            stress = min(digit, 2)
            name.removeLast()
        }
        if let other = Self.others[name] {
            (symbol, self.stress) = (other, stress)
            return
        }
        let isWrittenUpper = text.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")) ~= $0 }
        guard isWrittenUpper || Self.pairs.contains(name) else { return nil }
        symbol = name
        self.stress = stress
    }
}

/// An IPA symbol, taken apart.
struct IPA {
    /// Letters and the nasal tilde, or `sil`.
    let symbol: String
    /// 0 where none is written.
    let stress: Int
    /// Whether a length mark stood there, or a consonant letter twice.
    let isLong: Bool

    init(_ text: String) {
        var letters: [Unicode.Scalar] = []
        var stress = 0
        var isLong = false
        // A hostile "symbol" of a megabyte is no symbol: the longest real one has eight scalars.
        for scalar in text.unicodeScalars.prefix(16) {
            switch scalar {
            case "\u{2C8}", "'": stress = 1
            case "\u{2CC}", ",": stress = 2
            case "\u{2D0}", ":": isLong = true
            case "\u{261}": letters.append("g")
            case "?": letters.append("ʔ")
            case "ʧ": letters += ["t", "ʃ"]
            case "ʤ": letters += ["d", "ʒ"]
            case "ʦ": letters += ["t", "s"]
            case "ʣ": letters += ["d", "z"]
            case "ʨ": letters += ["t", "ɕ"]
            case "ʥ": letters += ["d", "ʑ"]
            // Two dots say "centralised" here.
            case "ä": letters.append("a")
            case "ë": letters.append("e")
            case "ï": letters.append("i")
            case "ö": letters.append("o")
            case "ü": letters.append("u")
            case "\u{327}":
                // ç in two pieces.
                if letters.last == "c" { letters[letters.count - 1] = "ç" }
            case "\u{303}":
                letters.append(scalar)
            case _ where Self.isMark(scalar): continue
            default: letters.append(scalar)
            }
        }
        if letters.count == 2, letters[0] == letters[1] {
            letters.removeLast()
            isLong = true
        }
        var name = String(String.UnicodeScalarView(letters))
        if name.isEmpty { name = "?" }
        if Phone.pauses.contains(text.lowercased()) { name = Phone.silence }
        symbol = name
        self.stress = stress
        self.isLong = isLong
    }

    /// Marks that move neither lips nor jaw: half-long, ties and joiners, syllabic, dental, voiceless,
    /// raised letters for aspiration and the like, tones, digits, espeak-ng's hyphen of a short sound.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2D, 0x30...0x39: true
        case 0x2B0...0x2C1, 0x2C4...0x2DD, 0x2DF...0x2FF: true
        case 0x300...0x36F: true
        case 0x1D2C...0x1D6A, 0x1DBF, 0x2070...0x209C: true
        case 0x200B...0x200D, 0x203F: true
        default: false
        }
    }
}
