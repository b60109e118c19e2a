// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net

/// The question how words sound, on its way through an engine.
final class PhoneQuery: EngineJob {
    /// What an engine takes at once.
    static let maxWords = 120

    let key = WorkPool.Key()
    var isOver = false
    var deadline: DeadlineToken?
    let isPaused = false
    /// It is short, and somebody waits for a sentence's first movement.
    let isUrgent = true

    private let words: [String]
    private let voice: String
    private let answer: @Sendable (Result<[[String]], VoiceError>) -> Void

    /// - Parameters:
    ///   - words: in the form that the engine takes, at most ``maxWords``.
    ///   - voice: what the engine calls the voice.
    ///   - answer: called once.
    init(
        _ words: [String], voice: String,
        answer: @escaping @Sendable (Result<[[String]], VoiceError>) -> Void
    ) {
        self.words = words
        self.voice = voice
        self.answer = answer
    }

    func step() -> EngineStep { isOver ? .over : .asks }

    func request(id: UInt32) -> [UInt8] {
        EngineWire.phones(id: id, voice: voice, words)
    }

    func took(_ frame: EngineWire.Frame) {
        guard case .phones(let payload) = frame else { return }
        let json = try? JSONValue(parsing: payload, maxBytes: EngineWire.maxPayload)
        let lists = json?["phones"]?.array?.map { ($0.array ?? []).compactMap(\.string) } ?? []
        guard lists.count == words.count else {
            return fail(.failed("the engine sent other words"))
        }
        isOver = true
        answer(.success(lists))
    }

    func wasSpoken(samples: Int, then: @escaping @Sendable () -> Void) {
        fail(.failed("the engine sent no phones"))
    }

    func fail(_ error: VoiceError) {
        guard !isOver else { return }
        isOver = true
        answer(.failure(error))
    }
}
