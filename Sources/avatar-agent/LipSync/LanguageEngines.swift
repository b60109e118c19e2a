// SPDX-License-Identifier: Apache-2.0
internal import LipSync
internal import Net
internal import Speech

/// Pronounces words for one command: English in process, other languages by an engine that is
/// started when the first such word comes.
actor LanguageEngines {
    private struct Running {
        let loop: Loop
        let pool: WorkPool
        let voice: EngineVoice
        let pronouncer: Pronouncer
    }

    private let english = Pronouncer(espeak: nil)
    private var running: Running?
    /// Whether somebody was told why words have no sounds.
    private var hasToldWhy = false

    /// The phones of words, one list a word; see `Pronouncer`.
    ///
    /// - Parameters:
    ///   - words: as they were written.
    ///   - language: BCP 47.
    ///   - hasSound: whether the mouth can follow a sound where there are no phones: then the lists
    ///     of a language that nothing here pronounces are empty, and standard error says why, once.
    /// - Returns: for each word its phones.
    /// - Throws: one sentence when nothing can pronounce that language, and there is no sound.
    func phones(
        of words: [String], language: String, hasSound: Bool
    ) async throws -> [[String]] {
        if english.knows(language) {
            return try await english.phones(of: words, language: language)
        }
        let pronouncer: Pronouncer
        do {
            pronouncer = try self.pronouncer(of: language)
        } catch let error as InputFile.Failure where hasSound {
            if !hasToldWhy {
                write(
                    "avatar-agent: \(error.message); the mouth follows the sound.",
                    to: standardError)
            }
            hasToldWhy = true
            return words.map { _ in [] }
        }
        return try await pronouncer.phones(of: words, language: language)
    }

    private func pronouncer(of language: String) throws -> Pronouncer {
        let pronouncer = try start(language)
        guard pronouncer.knows(language) else {
            throw InputFile.Failure(message: "nothing here pronounces the language \(language)")
        }
        return pronouncer
    }

    private func start(_ language: String) throws -> Pronouncer {
        if let running { return running.pronouncer }
        guard let path = EngineProfile.espeak.path() else {
            throw InputFile.Failure(
                message: "words in \(language) need avatar-voice-espeak beside this program, or "
                    + "phones instead of them")
        }
        let loop = try Loop(name: "voices")
        try loop.start()
        let pool = try WorkPool(threads: 1)
        let voice = EngineVoice(.espeak, path: path, helpers: 1, on: loop, pool: pool)
        voice.start()
        let pronouncer = Pronouncer(espeak: voice)
        running = Running(loop: loop, pool: pool, voice: voice, pronouncer: pronouncer)
        return pronouncer
    }

    /// Ends what was started.
    func stop() async {
        guard let running else { return }
        self.running = nil
        await running.voice.stop()
        running.pool.stop()
        running.loop.stop()
    }
}
