// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
internal import Synchronization

/// One utterance on its way through the engines: what is to be said, how far it is, and where its
/// sound goes.
///
/// Its progress belongs to the engines' loop, its sound to the work pool, piece after piece under
/// its key.
final class FliteUtterance {
    /// The chunk that is asked for next.
    var next = 0
    /// Seconds of sound so far.
    var seconds = 0.0
    /// Whether it waits for its reader before the next chunk.
    var isPaused = false
    /// Whether its end is decided; what an engine still sends for it is dropped.
    var isOver = false
    /// Ends its wait for an engine.
    var deadline: DeadlineToken?

    let voice: String
    let plan: SpeechPlan
    private let sound: SharedSound
    private let pool: WorkPool
    private let source: VoiceStream.Source
    /// Its turn on the work pool; also what names it.
    let key: WorkPool.Key

    init(
        voice: String, text: SpokenText, plan: SpeechPlan, gain: Float, pool: WorkPool,
        key: WorkPool.Key, source: VoiceStream.Source
    ) {
        self.voice = voice
        self.plan = plan
        self.pool = pool
        self.key = key
        self.source = source
        sound = SharedSound(FliteSound(text: text, plan: plan, gain: gain))
    }

    /// Whether its stream can still take sound.
    var isOpen: Bool { source.isOpen }

    /// Whether its reader has room for another chunk; else it waits for the reader.
    var wantsMore: Bool {
        isPaused = !source.wantsMore
        return !isPaused
    }

    /// The engine's chunk is over: calls `then` when its sound is worked off, so that the next one
    /// is not asked for before.
    func chunkEnded(then: @escaping @Sendable () -> Void) {
        work { sound, source in
            if let rest = sound.chunkEnded() { source.yield(rest) }
            then()
            return nil
        }
    }

    /// The engine's frame of the running chunk.
    func took(_ frame: FliteWire.Frame) {
        switch frame {
        case .times(let payload):
            work { sound, source in
                do throws(FliteSound.Malformed) {
                    try sound.chunkBegan(payload)
                } catch {
                    source.finish(throwing: .failed("the engine sent impossible times"))
                }
                return nil
            }
        case .audio(let bytes):
            work { sound, _ in sound.chunkSounded(bytes[FliteWire.audioHeaderBytes...]) }
        case .end, .ready, .loaded:
            break
        }
    }

    /// Everything was said, or as much as fits; its stream may have ended before.
    func finish(isCut: Bool) {
        isOver = true
        work { sound, source in
            if let rest = sound.finish() { source.yield(rest) }
            source.finish(throwing: isCut ? .tooLong : nil)
            return nil
        }
    }

    /// There will be no more; what was made so far is delivered first.
    func fail(_ error: VoiceError) {
        guard !isOver else { return }
        isOver = true
        work { _, source in
            source.finish(throwing: error)
            return nil
        }
    }

    private func work(
        _ body: @escaping @Sendable (inout FliteSound, VoiceStream.Source) -> VoiceChunk?
    ) {
        do throws(WorkPool.Refusal) {
            try pool.post(key: key) { [sound, source] in
                guard !source.isCancelled else { return }
                if let chunk = sound.value.withLock({ body(&$0, source) }) { source.yield(chunk) }
            }
        } catch {
            isOver = true
            source.finish(throwing: .failed("too much work waits"))
        }
    }
}

/// The sound's state, handed from piece to piece of the pool's work; the pool runs them one at a
/// time, so nobody ever waits for the lock.
private final class SharedSound: Sendable {
    let value: Mutex<FliteSound>

    init(_ sound: FliteSound) {
        value = Mutex(sound)
    }
}
