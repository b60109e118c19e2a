// SPDX-License-Identifier: Apache-2.0

/// Which letters of a word spell which of its sounds.
///
/// Monotone dynamic programming: one to four letters spell up to two sounds; spellings from the list
/// cost nothing, others something, silent letters a little. At most 64 × 64 steps a word.
struct LetterAlignment {
    /// A group of letters and the sounds they spell; silent letters have none.
    struct Piece: Equatable {
        var letters: Range<Int>
        var sounds: Range<Int>
    }

    let pieces: [Piece]

    /// Longest spelling that it looks at; longer words are not aligned.
    static let lettersMax = 64

    init(letters: [Character], sounds: [SpeechSound]) {
        let letters = letters.map { Character($0.lowercased().prefix(1).description) }
        let families = sounds.map(Self.family)
        let (rows, columns) = (letters.count + 1, families.count + 1)
        guard letters.count <= Self.lettersMax, families.count <= TimedPhones.phonesPerWordMax
        else {
            pieces = []
            return
        }
        var cost = [Double](repeating: .infinity, count: rows * columns)
        var step = [(Int, Int)](repeating: (0, 0), count: rows * columns)
        cost[0] = 0
        for row in 0..<rows {
            for column in 0..<columns {
                let here = cost[row * columns + column]
                guard here.isFinite else { continue }
                for (up, along) in Self.moves where row + up < rows && column + along < columns {
                    let price = Self.price(
                        letters[row..<row + up], families[column..<column + along])
                    let target = (row + up) * columns + column + along
                    if here + price < cost[target] - 1e-9 {
                        cost[target] = here + price
                        step[target] = (up, along)
                    }
                }
            }
        }
        var found: [Piece] = []
        var (row, column) = (rows - 1, columns - 1)
        while row > 0 || column > 0 {
            let (up, along) = step[row * columns + column]
            guard up + along > 0 else { break }
            found.append(
                Piece(letters: row - up..<row, sounds: column - along..<column))
            row -= up
            column -= along
        }
        pieces = found.reversed()
    }

    private static let moves = [
        (1, 1), (2, 1), (3, 1), (1, 0), (1, 2), (2, 2), (3, 2), (4, 1), (0, 1),
    ]

    private static func price(
        _ letters: ArraySlice<Character>, _ sounds: ArraySlice<Character>
    )
        -> Double
    {
        if letters.isEmpty { return 1.6 }
        if sounds.isEmpty { return silent.contains(letters[letters.startIndex]) ? 0.4 : 0.8 }
        let key = String(letters)
        let wanted = String(sounds)
        if let spellings = graphemes[key], spellings.contains(wanted) {
            // Two sounds of two letters are rather told apart.
            return letters.count > 1 && sounds.count > 1 ? 0.1 : 0
        }
        // The same letter twice spells what it spells once.
        if letters.count == 2, letters.first == letters.last, sounds.count == 1,
            let spellings = graphemes[String(letters.prefix(1))], spellings.contains(wanted)
        {
            return 0
        }
        // Anything else: dearer the more it takes at once.
        let extra = Double(letters.count - 1) * 0.7 + Double(sounds.count - 1) * 0.9
        let isVowelPair = letters.count == 1 && sounds.first == "A" && vowels.contains(key)
        return (isVowelPair ? 0.5 : 1) + extra
    }

    private static let vowels: Set<String> = [
        "a", "e", "i", "o", "u", "y", "ä", "ö", "ü", "à", "â", "é", "è", "ê", "ë", "î", "ï", "ô",
        "û", "ù", "á", "í", "ó", "ú", "ì", "ò", "œ", "æ",
    ]
    private static let silent: Set<Character> = ["e", "h", "'", "\u{2019}", "w", "k", "g", "-"]

    /// One letter for sounds that spelling does not tell apart: `A` is any vowel.
    private static func family(_ sound: SpeechSound) -> Character {
        if sound.isVowel { return sound.symbol == "ER" ? "R" : "A" }
        if let letter = englishFamilies[sound.symbol] { return letter }
        return sound.symbol.unicodeScalars.first.flatMap { ipaFamilies[$0] }
            ?? sound.symbol.first ?? "?"
    }

    private static let englishFamilies: [String: Character] = [
        "B": "b", "CH": "C", "D": "d", "DH": "T", "F": "f", "G": "g", "HH": "h", "JH": "J",
        "K": "k", "L": "l", "M": "m", "N": "n", "NG": "N", "P": "p", "R": "r", "S": "s",
        "SH": "S", "T": "t", "TH": "T", "V": "f", "W": "w", "Y": "y", "Z": "s", "ZH": "S",
        "tʃ": "C", "dʒ": "J", "ts": "Z", "dz": "Z", "pf": "F",
    ]
    private static let ipaFamilies: [Unicode.Scalar: Character] = [
        "v": "f", "z": "s", "ʃ": "S", "ʒ": "S", "θ": "T", "ð": "T", "ŋ": "N", "ɲ": "n", "ɱ": "m",
        "ɡ": "g", "ɣ": "g", "β": "b", "ʋ": "f", "ʎ": "l", "ɫ": "l", "ɾ": "r", "ʁ": "r", "ʀ": "r",
        "ɹ": "r", "j": "y", "ʝ": "y", "ɥ": "w", "x": "h", "χ": "h", "ç": "h", "ʔ": "?", "ʧ": "C",
        "ʤ": "J", "ʦ": "Z",
    ]

    /// Spellings of English, German, Spanish, French and Italian, as families of sounds.
    private static let graphemes: [String: Set<String>] = {
        var table: [String: Set<String>] = [:]
        for line in spellings.split(separator: ";") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let key = words.first else { continue }
            table[key, default: []].formUnion(words.dropFirst())
        }
        return table
    }()

    // grapheme, then the sounds it may spell; R is the vowel of "bird".
    private static let spellings = """
        a A R;b b p;c k s S C T;d d t J T r;e A R;f f;g g J S k h y;h h;i A y;j J S y h;k k;l l y
        ;m m;n n N;o A w wA;p p;q k;r r R Ar;s s S;t t d S C r;u A w f yA yR;v f b;w w f;x ks gs k s S h
        ;y A y;z s Z t T ts;ä A;ö A;ü A w;ß s;à A;â A;é A;è A;ê A;ë A;î A;ï A y;ô A;û A;ù A;á A;í A
        ;ó A;ú A;ì A;ò A;œ A;æ A;ñ n ny;ç s
        ;ch C k S h;ck k;ph f;sh S;th T t;gh f g;wh w h;ng N g Ng;nk Nk;tch C;dge J;dg J;sch S;tsch C
        ;qu kw k;kn n;wr r;mb m;gn n ny;ps s;rh r;sc s S;ci S sA;ti S C;si S;ssi S;ce s;ge J S;di J
        ;le Al l;re R Ar;el Al;en An;on An;er R Ar A;ir R Ar;ur R Ar yR;or R Ar;ar R Ar;our Ar R;ear R Ar
        ;air Ar;are Ar;ere Ar;eer Ar;oor Ar;ure R Ar yR
        ;ai A;ay A;au A;aw A;ea A AA;ee A;ei A;eu A yA;ew A yA;ey A;ie A AA yA;oa A;oe A;oo A;ou A w
        ;ow A;oy A;oi A wA;ue A yA;ui A wA yA;uy A;ia A AA yA;io A AA yA;iou A;eau A yA;igh A;eigh A
        ;ough A;augh A;aigh A;oeu A;aou A;uo A wA;ua A wA;ae A;äu A;ye A;eo A AA
        ;tz Z ts;pf F pf;zz Z ts s;dt t;gli l;gl l;ll l y;rr r;gg g J;cc k C ks;ss s S;tt t;dd d
        ;gu g gw;sci S;cia C;gia J;ion An;ing ANg;tion;mn m;bt t;lk k;lf f;lm m;lv f;st s;ft f;cqu k;cch k
        ;an A An;in A An;un A An;om A Am;am A Am;em A Am;im A Am;ent A;es A;et A;ez A;aient A;il y Al
        ;ill y Al;oin wA;ein A An;ain A An
        """
}
