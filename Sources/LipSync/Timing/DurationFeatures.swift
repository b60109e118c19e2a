// SPDX-License-Identifier: Apache-2.0

/// What the length of an English sound depends on, as indices into a table of addends to its
/// logarithm.
///
/// The factors are those of the additive model of the sheet, with the class of both neighbours and the
/// stress behind a consonant crossed with the sound's own class.
package enum DurationFeatures {
    /// Tables in a row: one addend is taken from each that applies.
    private enum Group: Int, CaseIterable {
        case vowel, vowelStress, vowelSyllables, vowelLast, vowelNext, vowelBefore, vowelPlace
        case vowelNextInPhrase, vowelInPhrase, vowelFirst, vowelToEnd
        case consonant, syllables, classPlace, coda, codaClass, classNext, classBefore
        case nextStress, classNextStress, onset, fromStart, toEnd, flap

        var size: Int {
            let (sorts, classes) = (DurationFeatures.neighbours, DurationFeatures.classes)
            switch self {
            case .vowel: return 15
            case .vowelStress: return 45
            case .vowelSyllables, .vowelLast, .vowelPlace, .vowelFirst, .vowelToEnd: return 4
            case .vowelNext, .vowelBefore: return sorts
            case .vowelNextInPhrase: return 2 * sorts
            case .vowelInPhrase: return 30
            case .consonant: return 24
            case .syllables: return 5
            case .classPlace, .codaClass, .classNextStress: return 4 * classes
            case .coda, .nextStress, .onset, .fromStart, .toEnd: return 4
            case .classNext, .classBefore: return classes * sorts
            case .flap: return 1
            }
        }
    }

    /// Classes of consonants.
    private static let classes = 8
    /// Classes of neighbours: those, a vowel, none.
    private static let neighbours = 10

    private static let offsets: [Int] = Group.allCases.reduce(into: []) { offsets, group in
        guard let previous = Group(rawValue: group.rawValue - 1) else { return offsets = [0] }
        offsets.append((offsets.last ?? 0) + previous.size)
    }

    /// Number of addends.
    package static let count = Group.allCases.reduce(0) { $0 + $1.size }

    /// Vowels first, then consonants; the order of the spreads.
    package static let symbols = [
        "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
        "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH",
        "T", "TH", "V", "W", "Y", "Z", "ZH",
    ]
    private static let numbers = Dictionary(
        uniqueKeysWithValues: symbols.enumerated().map { ($1, $0) })

    /// Number of a symbol in ``symbols``, nil for what is no sound of English.
    package static func number(of symbol: String) -> Int? { numbers[symbol] }

    /// The indices of each sound of a word; nil if one is not English.
    package static func indices(
        phones: [String], isBeforePause: Bool, isAfterPause: Bool
    ) -> [[Int]]? {
        let word = SpeechSound.word(phones, language: .english)
        guard let context = Context(word, isBeforePause, isAfterPause) else { return nil }
        return word.indices.map { index in
            var found: [Int] = []
            context.visit(index) { found.append($0) }
            return found
        }
    }

    /// A word, looked at once.
    struct Context {
        private let word: [SpeechSound]
        private let numbers: [Int]
        private let sorts: [Int]
        private let syllables: Int
        private let first: Int
        private let last: Int
        private let isBeforePause: Bool
        private let isAfterPause: Bool

        /// Nil if a sound is not English.
        init?(_ word: [SpeechSound], _ isBeforePause: Bool, _ isAfterPause: Bool) {
            var numbers: [Int] = []
            for sound in word {
                guard sound.isEnglish, let number = DurationFeatures.number(of: sound.symbol)
                else { return nil }
                numbers.append(number)
            }
            self.word = word
            self.numbers = numbers
            sorts = word.map(Self.sort)
            syllables = word.count(where: \.isVowel)
            first = word.firstIndex(where: \.isVowel) ?? word.count
            last = word.lastIndex(where: \.isVowel) ?? -1
            self.isBeforePause = isBeforePause
            self.isAfterPause = isAfterPause
        }

        /// Voiceless stop, voiced stop, affricate, voiceless fricative, voiced fricative, nasal,
        /// liquid, glide, vowel.
        private static func sort(_ sound: SpeechSound) -> Int {
            switch sound.manner {
            case .stop, .tap: sound.isVoiced ? 1 : 0
            case .affricate: 2
            case .fricative, .sibilant: sound.isVoiced ? 4 : 3
            case .nasal: 5
            case .liquid: 6
            case .glide: 7
            case .vowel, .unknown: 8
            }
        }

        /// The symbol's number in ``DurationFeatures/symbols``.
        func number(_ index: Int) -> Int { numbers[index] }

        /// The addends' indices of one sound.
        func visit(_ index: Int, _ body: (Int) -> Void) {
            func add(_ group: Group, _ value: Int) {
                body(DurationFeatures.offsets[group.rawValue] + value)
            }
            let next = index + 1 < word.count ? sorts[index + 1] : 9
            let before = index > 0 ? sorts[index - 1] : 9
            let place =
                word.count == 1 ? 0 : index == 0 ? 1 : index + 1 == word.count ? 2 : 3
            let toEnd = min(word.count - 1 - index, 3)
            if word[index].isVowel {
                let number = numbers[index]
                let isLast = index == last
                let inPhrase = isLast && isBeforePause ? 1 : 0
                add(.vowel, number)
                add(.vowelStress, number * 3 + min(word[index].stress, 2))
                add(.vowelSyllables, min(syllables, 4) - 1)
                add(.vowelLast, (isLast ? 1 : 0) + 2 * inPhrase)
                add(.vowelNext, next)
                add(.vowelBefore, before)
                add(.vowelPlace, place)
                add(.vowelNextInPhrase, inPhrase * DurationFeatures.neighbours + next)
                add(.vowelInPhrase, number * 2 + inPhrase)
                add(.vowelFirst, (index == first ? 2 : 0) + (isAfterPause ? 1 : 0))
                add(.vowelToEnd, toEnd)
                return
            }
            let own = sorts[index]
            let coda = (index > last ? 2 : 0) + (isBeforePause ? 1 : 0)
            let stress =
                index + 1 < word.count && word[index + 1].isVowel ? word[index + 1].stress + 1 : 0
            add(.consonant, numbers[index] - 15)
            add(.syllables, min(syllables, 4))
            add(.classPlace, own * 4 + place)
            add(.coda, coda)
            add(.codaClass, own * 4 + coda)
            add(.classNext, own * DurationFeatures.neighbours + next)
            add(.classBefore, own * DurationFeatures.neighbours + before)
            add(.nextStress, min(stress, 3))
            add(.classNextStress, own * 4 + min(stress, 3))
            add(.onset, (index < first ? 2 : 0) + (isAfterPause ? 1 : 0))
            add(.fromStart, min(index, 3))
            add(.toEnd, toEnd)
            let isTD = word[index].symbol == "T" || word[index].symbol == "D"
            if isTD, before == 8, next == 8, stress == 1 { add(.flap, 0) }
        }
    }
}

/// The addends of an English duration model and how well it knows each sound.
package struct DurationWeights: Sendable {
    /// Logarithm of milliseconds that all sounds share.
    package var mean: Double
    /// By the indices of ``DurationFeatures``.
    package var addends: [Double]
    /// Deviation of the logarithm of a sound's length, by ``DurationFeatures/symbols``.
    package var spreads: [Double]

    /// Joins the parts of a model.
    package init(mean: Double, addends: [Double], spreads: [Double]) {
        self.mean = mean
        self.addends = addends
        self.spreads = spreads
    }
}
