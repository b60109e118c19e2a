// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: exp is not in the standard library.
internal import func Glibc.exp
#endif

/// What timing must know of a language.
enum SpokenLanguage: Sendable, Equatable {
    /// The language that the duration model was fitted on.
    case english
    /// German and others where stress shapes lengths as in English.
    case stressTimed
    /// Spanish, Italian, French: stress changes lengths by a tenth.
    case syllableTimed

    /// By a BCP 47 language tag.
    init(_ tag: String) {
        let primary = tag.split(whereSeparator: { $0 == "-" || $0 == "_" }).first ?? ""
        switch primary.lowercased() {
        case "en", "": self = .english
        case "es", "it", "fr", "pt", "ca", "ro": self = .syllableTimed
        default: self = .stressTimed
        }
    }
}

/// How long the sounds of a word last: an additive model of the logarithm of their lengths.
///
/// Inherent lengths alone are worse than equal shares inside a word of known length, because
/// dictionaries' vowels are those of single words; this model halves the way from equal shares to
/// what another speaker's reading of the same sentence predicts.
struct DurationModel: Sendable {
    var language: SpokenLanguage = .english
    /// For English.
    var weights = DurationWeights.fitted

    /// The lengths of a word's sounds, ms, and the spreads of their logarithms, before they are
    /// fitted to the word's own length.
    func expect(
        _ word: [SpeechSound], isBeforePause: Bool, isAfterPause: Bool
    ) -> (lengths: [Double], spreads: [Double]) {
        guard language == .english,
            let context = DurationFeatures.Context(word, isBeforePause, isAfterPause)
        else {
            return (lengths(word, isBeforePause: isBeforePause), word.map(\.spread))
        }
        let lengths = word.indices.map { index in
            var sum = weights.mean
            context.visit(index) { sum += weights.addends[$0] }
            return exp(sum)
        }
        return (lengths, word.indices.map { weights.spreads[context.number($0)] })
    }

    /// The model by multipliers: for sounds of all languages.
    func lengths(_ word: [SpeechSound], isBeforePause: Bool) -> [Double] {
        let vowels = word.indices.filter { word[$0].isVowel }
        let last = vowels.last ?? -1
        return word.indices.map { index in
            let sound = word[index]
            if sound.isPause { return sound.base }
            let factor =
                sound.isVowel
                ? vowelFactor(
                    word, index, isLast: index == last, isBeforePause: isBeforePause,
                    syllables: vowels.count)
                : consonantFactor(
                    word, index, isCoda: index > last, isBeforePause: isBeforePause,
                    syllables: vowels.count)
            return sound.base * factor
        }
    }

    // The multipliers: least squares of the logarithm over 36 speakers (the project's lip-sync sheet,
    // 2.3).
    private func vowelFactor(
        _ word: [SpeechSound], _ index: Int, isLast: Bool, isBeforePause: Bool, syllables: Int
    ) -> Double {
        var factor = stressFactor(word[index])
        if isLast { factor *= isBeforePause ? 0.96 * 1.90 : 0.96 }
        if index + 1 == word.count {
            factor *= 0.96
        } else {
            let next = word[index + 1]
            if next.isVowel {
                factor *= 1.27
            } else if next.manner == .liquid {
                factor *= 0.69
            } else if next.manner == .nasal {
                factor *= 0.84
            } else if !next.isVoiced {
                factor *= 0.86
            }
        }
        switch syllables {
        case 1: return factor * 1.08
        case 2: return factor * 1.09
        case 3: return factor
        default: return factor * 0.95
        }
    }

    private func stressFactor(_ sound: SpeechSound) -> Double {
        if language == .syllableTimed {
            return sound.stress == 1 ? 1.1 : sound.stress == 2 ? 1 : 0.9
        }
        let isReduced = sound.symbol == "AH"
        switch sound.stress {
        case 0: return 0.90 * (isReduced ? 0.77 : sound.isEnglish ? 1.17 : 1)
        case 1: return 1.09 * (isReduced ? 0.92 : 1.18)
        default: return 1.15 * (isReduced ? 1.16 : 0.99)
        }
    }

    private func consonantFactor(
        _ word: [SpeechSound], _ index: Int, isCoda: Bool, isBeforePause: Bool, syllables: Int
    ) -> Double {
        let sound = word[index]
        let before = index > 0 ? word[index - 1] : nil
        let after = index + 1 < word.count ? word[index + 1] : nil
        var factor = before == nil ? 0.95 : after == nil ? 1.16 : 0.89
        if isCoda {
            factor *= 0.79
            if isBeforePause {
                factor *= 1.77 * (sound.isSonorant ? 1.10 : sound.isFricative ? 1.03 : 1)
            }
        }
        if let after {
            if !after.isVowel {
                factor *= 1.13
            } else if after.stress > 0 {
                factor *= 1.23
            }
        }
        if let before, !before.isVowel { factor *= 0.78 }
        factor *= coronalFactor(sound, before: before, after: after)
        switch syllables {
        case 0: return factor * 1.21
        case 1: return factor * 0.98
        case 2: return factor * 0.97
        case 3: return factor * 0.91
        default: return factor * 0.94
        }
    }

    /// The flap of "water", and clusters with S and N.
    private func coronalFactor(
        _ sound: SpeechSound, before: SpeechSound?, after: SpeechSound?
    ) -> Double {
        var factor = 1.0
        let isTD = sound.symbol == "T" || sound.symbol == "D"
        if isTD, let before, let after, before.isVowel, after.isVowel, after.stress == 0 {
            factor *= 0.70
        }
        if sound.symbol == "S", let after, after.manner == .stop, !after.isVoiced { factor *= 0.83 }
        if sound.manner == .stop, before?.symbol == "S" { factor *= 0.98 }
        if isTD, before?.symbol == "N" { factor *= 0.96 }
        return factor
    }

    /// Stretches lengths to a total, the most likely way if their logarithms are normal: what
    /// scatters more gives and takes more. Lengths in ms, positive; the total ≥ 0.
    static func stretch(_ lengths: [Double], spreads: [Double], to total: Double) -> [Double] {
        guard !lengths.isEmpty else { return [] }
        let sum = lengths.reduce(0, +)
        guard sum > 0, total > 0 else {
            return lengths.map { _ in max(total, 0) / Double(lengths.count) }
        }
        func stretched(_ force: Double) -> [Double] {
            zip(lengths, spreads).map { length, spread in
                length * exp(min(max(force * spread * spread, -40), 40))
            }
        }
        // Bisection: the sum grows with the force. 2^-40 of the range is far below a microsecond.
        var (low, high) = (-200.0, 200.0)
        for _ in 0..<40 {
            let middle = (low + high) / 2
            if stretched(middle).reduce(0, +) > total { high = middle } else { low = middle }
        }
        let result = stretched(low)
        let scale = total / max(result.reduce(0, +), 1e-9)
        return result.map { $0 * scale }
    }
}
