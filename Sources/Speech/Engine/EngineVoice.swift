// SPDX-License-Identifier: Apache-2.0
internal import Base
public import Net

/// The voices of an engine that runs in processes of its own.
///
/// From any thread; one of each engine for the process. It starts no process before ``start()``.
public final class EngineVoice: Voice {
    /// The voices, the default one first.
    public let voices: [VoiceDescription]
    /// What its engines lived through.
    public var statistics: EngineStatistics { engines.statistics }

    let engines: EnginePool
    private let pool: WorkPool
    private let profile: EngineProfile

    /// Prepares the voices.
    ///
    /// - Parameters:
    ///   - profile: which engine.
    ///   - path: its program, see ``EngineProfile/path()``.
    ///   - helpers: how many processes; 0 for one a thread of `pool`.
    ///   - loop: where their pipes are served; not the media loop.
    ///   - pool: where text and sound are worked on.
    public convenience init(
        _ profile: EngineProfile, path: String, helpers: Int = 0, on loop: Loop, pool: WorkPool
    ) {
        let count = helpers > 0 ? helpers : pool.width
        self.init(
            profile, on: loop, pool: pool,
            EnginePool.Settings(path: path, count: count, warmVoice: profile.warmVoice))
    }

    init(
        _ profile: EngineProfile, on loop: Loop, pool: WorkPool, _ settings: EnginePool.Settings
    ) {
        self.profile = profile
        self.pool = pool
        voices = profile.voices
        engines = EnginePool(on: loop, settings)
    }

    /// Starts the engines and warms the first voice, which takes some 20 ms; what is spoken in the
    /// meantime waits for it.
    public func start() {
        engines.loop.post { [engines] in engines.assumeIsolated { $0.start() } }
    }

    /// Whether an engine is warm and free.
    public var isReady: Bool { get async { await engines.isReady } }

    /// Ends the engines; utterances that run end with an error.
    public func stop() async {
        await engines.stop()
    }

    /// Text beyond it is refused unread; the HTTP service has the same limit.
    static let maxTextBytes = 20_480

    /// Speaks; see ``Voice/speak(_:voiceID:)``.
    public func speak(_ text: String, voiceID: String?) -> VoiceStream {
        let id = voiceID ?? voices[0].id
        guard let voice = profile.list.first(where: { $0.description.id == id }) else {
            return VoiceStream(failing: .failed("there is no voice of that name"))
        }
        guard text.utf8.count <= Self.maxTextBytes else {
            return VoiceStream(failing: .tooLong)
        }
        return VoiceStream { source in
            let key = WorkPool.Key()
            source.setHandlers(
                onDemand: { [engines] in
                    engines.loop.post { engines.assumeIsolated { $0.resume(key) } }
                },
                onCancel: { [engines, pool] in
                    pool.cancelAll(key: key)
                    engines.loop.post { engines.assumeIsolated { $0.cancel(key) } }
                })
            do throws(WorkPool.Refusal) {
                try pool.post(key: key) { [profile, engines, pool] in
                    let spoken = voice.read(text)
                    guard !spoken.words.isEmpty else {
                        let error: VoiceError = spoken.isTruncated ? .tooLong : .unspeakableText
                        return source.finish(throwing: error)
                    }
                    let plan = SpeechPlan(spoken, limits: profile.limits)
                    engines.loop.post {
                        engines.assumeIsolated {
                            guard !source.isCancelled else { return }
                            $0.begin(
                                EngineUtterance(
                                    voice: voice, of: profile, text: spoken, plan: plan,
                                    pool: pool, key: key, source: source))
                        }
                    }
                }
            } catch {
                source.finish(throwing: .failed("too much work waits"))
            }
        }
    }

    /// The phones of words as the engine writes them, one list a word.
    ///
    /// - Parameters:
    ///   - words: in the form that the engine takes.
    ///   - voice: what the engine calls the voice.
    /// - Returns: the lists, as many as words.
    /// - Throws: what went wrong with the engine.
    func phones(of words: [String], voice: String) async throws(VoiceError) -> [[String]] {
        var lists: [[String]] = []
        var start = 0
        while start < words.count {
            let end = min(start + PhoneQuery.maxWords, words.count)
            let part = Array(words[start..<end])
            let result = await withCheckedContinuation { continuation in
                engines.loop.post { [engines] in
                    engines.assumeIsolated {
                        $0.begin(
                            PhoneQuery(part, voice: voice) { continuation.resume(returning: $0) })
                    }
                }
            }
            lists += try result.get()
            start = end
        }
        return lists
    }
}
