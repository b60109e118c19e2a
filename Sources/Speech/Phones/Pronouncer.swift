// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// Says how words sound, in every language that there is an engine for.
///
/// English comes from the dictionary in process, all others from espeak-ng in its own. From any
/// thread.
public final class Pronouncer: Sendable {
    private let english = EnglishPronouncer()
    private let espeak: EngineVoice?

    /// - Parameter espeak: the voices of ``EngineProfile/espeak``, started; without them it knows
    ///   English alone.
    public init(espeak: EngineVoice?) {
        self.espeak = espeak
    }

    /// Whether it has phones for a language (BCP 47).
    public func knows(_ language: String) -> Bool {
        Self.isEnglish(language) || (espeak != nil && ESpeakLanguage(for: language) != nil)
    }

    /// The phones of words in the order of a sentence, as they were written; one list a word.
    ///
    /// - Parameters:
    ///   - words: `$5`, `isn't`, `Äpfel,`; anything.
    ///   - language: BCP 47, such as `de` or `pt-BR`.
    /// - Returns: for English ARPABET with stress (`M EY1 B IY0`), for the others IPA, one symbol a
    ///   sound, the stress before its vowel (`pf`, `ˈɛ`, `f`, `ɜ`). A list is empty where nothing
    ///   can be said: an emoji, a word of another script, a language without an engine.
    /// - Throws: what went wrong with the engine.
    public func phones(
        of words: [String], language: String
    ) async throws(VoiceError) -> [[String]] {
        if Self.isEnglish(language) { return english.phones(of: words) }
        var lists = [[String]](repeating: [], count: words.count)
        guard let espeak, let language = ESpeakLanguage(for: language) else { return lists }
        let reader = WordReader(language.systems)
        var pieces: [String] = []
        var owners: [Int] = []
        for (index, word) in words.enumerated() {
            for piece in reader.pieces(of: word) {
                pieces.append(piece)
                owners.append(index)
            }
        }
        let phones = try await espeak.phones(of: pieces, voice: language.file)
        for (owner, list) in zip(owners, phones) { lists[owner] += list }
        if language.id == "es" || language.id.hasPrefix("es-") { Self.softenSpanish(&lists, words) }
        return lists
    }

    /// Spanish b, d and g close the mouth only behind a pause or a nasal, and d behind l: within a
    /// sentence also where a word begins with one, *la vaca* [laˈβaka].
    ///
    /// The engine knows no sentence: it is given word by word.
    private static func softenSpanish(_ lists: inout [[String]], _ words: [String]) {
        let soft = ["b": "β", "d": "ð", "g": "ɣ", "ɡ": "ɣ"]
        for index in lists.indices.dropFirst() {
            guard let first = lists[index].first, let other = soft[first],
                let last = lists[index - 1].last, !nasals.contains(last),
                first != "d" || last != "l", !isPaused(words[index - 1], words[index])
            else { continue }
            lists[index][0] = other
        }
    }

    private static let nasals: Set<String> = ["m", "n", "ɲ", "ŋ", "ɱ"]

    /// Whether a mark stands between two words.
    private static func isPaused(_ word: String, _ next: String) -> Bool {
        let closing = word.unicodeScalars.reversed().prefix(while: isSign)
        let opening = next.unicodeScalars.prefix(while: isSign)
        // Quotes and apostrophes are no pause; whatever else is may be one.
        return !quotes.isSuperset(of: closing) || !quotes.isSuperset(of: opening)
    }

    private static func isSign(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return !properties.isAlphabetic && properties.numericType == nil
            && properties.generalCategory != .nonspacingMark
    }

    private static let quotes = Set("'’‘\"“”«»".unicodeScalars)

    private static func isEnglish(_ language: String) -> Bool {
        ArticulationTable.primary(language) == "en"
    }
}
