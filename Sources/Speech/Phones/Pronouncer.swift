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
        return lists
    }

    private static func isEnglish(_ language: String) -> Bool {
        ArticulationTable.primary(language) == "en"
    }
}
