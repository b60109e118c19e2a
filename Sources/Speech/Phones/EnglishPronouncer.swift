// SPDX-License-Identifier: Apache-2.0
internal import CFlite

/// Says how English words sound: the dictionary of flite and, for what is not in it, its
/// letter-to-sound rules, both made from CMUdict.
///
/// In process and at once, some three microseconds a word; a value for any thread. The library
/// gets nothing but words of a–z of at most ``SpokenText/maxUnitBytes`` bytes, which
/// ``TextNormalizer`` makes of whatever was written.
public struct EnglishPronouncer: Sendable {
    /// No word of a list is so rich in numbers that it becomes more.
    private static let maxUnits = 200_000

    private let normalizer = TextNormalizer(maxUnits: maxUnits)

    /// Prepares the dictionary, once for the process.
    public init() {
        _ = FliteLexicon.shared
    }

    /// The phones of words in the order of a sentence, as they were written: `$5`, `isn't`,
    /// `WebRTC,`, `Dr.`; one list a word.
    ///
    /// ARPABET in upper case, vowels with their stress (0, 1, seldom 2), the symbols of CMUdict:
    /// `M EY1 B IY0`. A list is empty where nothing is said: a dash, an emoji, another script. The
    /// words are read together, so that a unit is known by the number before it.
    public func phones(of words: [String]) -> [[String]] {
        var lists = [[String]](repeating: [], count: words.count)
        var text = ""
        var starts: [Int] = []
        for word in words {
            starts.append(text.utf8.count)
            text += word
            text += " "
        }
        var index = 0
        for word in normalizer.normalize(text).words {
            while index + 1 < starts.count, starts[index + 1] <= word.range.lowerBound {
                index += 1
            }
            // What has no sound is kept with a neighbour: the word is the first that has one.
            var owner = index
            while owner + 1 < starts.count, starts[owner + 1] < word.range.upperBound,
                normalizer.normalize(words[owner]).words.isEmpty
            {
                owner += 1
            }
            for unit in word.units { lists[owner] += Self.phones(of: unit) }
        }
        return lists
    }

    /// The phones of one word as it was written; see ``phones(of:)-([String])``.
    public func phones(of word: String) -> [String] {
        phones(of: [word]).first ?? []
    }

    /// The phones of a spoken word.
    static func phones(of unit: SpokenText.Unit) -> [String] {
        var text = unit.text
        var ending = ""
        for clitic in clitics where text.hasSuffix(clitic) && text.utf8.count > clitic.utf8.count {
            ending = clitic
            text.removeLast(clitic.utf8.count)
            break
        }
        if let whole = contractions[unit.text] { return whole }
        // I'd've: what is left is one itself.
        if let whole = contractions[text] { return attach(ending, to: whole) }
        // The dictionary writes n't and o' without the apostrophe.
        text.removeAll { $0 == "'" }
        guard !text.isEmpty, text.utf8.count <= SpokenText.maxUnitBytes else { return [] }
        return attach(ending, to: FliteLexicon.shared.phones(of: text))
    }

    // MARK: Clitics

    private static let clitics = ["'s", "'ll", "'ve", "'d", "'re"]
    /// What the rules would join to another word: we're is not were.
    private static let contractions: [String: [String]] = [
        "we're": ["W", "IH1", "R"], "you're": ["Y", "UH1", "R"], "they're": ["DH", "EH1", "R"],
        "we'll": ["W", "IY1", "L"], "i'll": ["AY1", "L"], "she'll": ["SH", "IY1", "L"],
        "he'll": ["HH", "IY1", "L"], "we'd": ["W", "IY1", "D"], "i'd": ["AY1", "D"],
        "i'm": ["AY1", "M"], "_a": ["EY1"], "_a's": ["EY1", "Z"],
    ]
    private static let sibilants: Set<String> = ["S", "Z", "SH", "ZH", "CH", "JH"]
    private static let voiceless: Set<String> = ["P", "T", "K", "F", "TH"]

    private static func attach(_ ending: String, to phones: [String]) -> [String] {
        guard let last = phones.last else { return phones }
        let isVowel = last.last?.isNumber ?? false
        switch ending {
        case "'s" where sibilants.contains(last): return phones + ["IH0", "Z"]
        case "'s": return phones + [voiceless.contains(last) ? "S" : "Z"]
        case "'ll": return phones + (isVowel ? ["L"] : ["AH0", "L"])
        case "'ve": return phones + (isVowel ? ["V"] : ["AH0", "V"])
        case "'d": return phones + (last == "T" || last == "D" ? ["AH0", "D"] : ["D"])
        case "'re": return phones + (isVowel ? ["R"] : ["ER0"])
        default: return phones
        }
    }
}

/// The library's dictionary, which is complete and unchanged after its start.
private final class FliteLexicon: Sendable {
    static let shared = FliteLexicon()

    // SAFETY: the library's one static table; written by cmu_lex_init, once, only read after.
    nonisolated(unsafe) private let lexicon: UnsafeMutablePointer<cst_lexicon>?

    private init() {
        lexicon = cmu_lex_init()
    }

    /// The phones of a word of a–z; it was checked.
    func phones(of word: String) -> [String] {
        var phones: [String] = []
        // SAFETY: the word lasts as long as the call; the list is ours, and freed below.
        guard let lexicon, let list = lex_lookup(lexicon, word, nil, nil) else { return [] }
        defer { delete_val(list) }
        var next: UnsafePointer<cst_val>? = UnsafePointer(list)
        while let cell = next {
            if let name = val_string(val_car(cell)) {
                phones.append(FliteLexicon.symbol(String(cString: name)))
            }
            next = val_cdr(cell)
        }
        return phones
    }

    /// The library's name of a phone as CMUdict writes it.
    private static func symbol(_ name: String) -> String {
        if name == "ax0" || name == "ax" { return "AH0" }
        let symbol = name.uppercased()
        let isBareVowel = "AEIOU".contains(symbol.prefix(1)) && symbol.last?.isNumber != true
        return isBareVowel ? symbol + "0" : symbol
    }
}
