// SPDX-License-Identifier: Apache-2.0
internal import Base
public import Net

/// The embedded voices: flite in processes of its own, one per thread of the work pool.
///
/// From any thread; one for the process. It starts no engine before ``start()``.
public final class FliteVoice: Voice {
    /// The voices, `slt` first.
    public let voices = EmbeddedVoices.list
    /// What its engines lived through.
    public var statistics: FliteStatistics { engines.statistics }

    let engines: FliteEngines
    private let pool: WorkPool
    private let normalizer = TextNormalizer()

    /// Prepares the voices.
    ///
    /// - Parameters:
    ///   - loop: where the engines' pipes are served; not the media loop.
    ///   - pool: where text and sound are worked on; its width is the number of engines.
    ///   - enginePath: the program `avatar-voice-flite`, see ``EmbeddedVoices/enginePath()``.
    public convenience init(on loop: Loop, pool: WorkPool, enginePath: String) {
        self.init(
            on: loop, pool: pool,
            FliteEngines.Settings(path: enginePath, count: pool.width, warmVoice: "slt"))
    }

    init(on loop: Loop, pool: WorkPool, _ settings: FliteEngines.Settings) {
        self.pool = pool
        engines = FliteEngines(on: loop, settings)
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

    /// Speaks English; see ``Voice/speak(_:voiceID:)``.
    public func speak(_ text: String, voiceID: String?) -> VoiceStream {
        let voice = voiceID ?? voices[0].id
        guard let gain = FliteVoice.gains[voice] else {
            return VoiceStream(failing: .failed("there is no voice of that name"))
        }
        guard text.utf8.count <= FliteVoice.maxTextBytes else {
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
                try pool.post(key: key) { [normalizer, engines, pool] in
                    let spoken = normalizer.normalize(text)
                    guard !spoken.words.isEmpty else {
                        let error: VoiceError = spoken.isTruncated ? .tooLong : .unspeakableText
                        return source.finish(throwing: error)
                    }
                    let plan = SpeechPlan(spoken)
                    engines.loop.post {
                        engines.assumeIsolated {
                            guard !source.isCancelled else { return }
                            $0.begin(
                                FliteUtterance(
                                    voice: voice, text: spoken, plan: plan, gain: gain, pool: pool,
                                    key: key, source: source))
                        }
                    }
                }
            } catch {
                source.finish(throwing: .failed("too much work waits"))
            }
        }
    }

    /// Text beyond it is refused unread; the HTTP service has the same limit.
    static let maxTextBytes = 20_480

    /// What brings each voice to −20 LUFS, as a factor; measured over twelve sentences, checked by
    /// a test.
    static let gains: [String: Float] = [
        "slt": 0.662, "rms": 1.20, "awb": 1.05, "kal16": 2.60,
    ]
}
