// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net
internal import Synchronization

/// One utterance on its way through the engines: what is to be said, how far it is, and where its
/// sound goes.
///
/// Its progress belongs to the engines' loop, its sound to the work pool, piece after piece under
/// its key.
final class EngineUtterance: EngineJob {
    /// The chunk that is asked for next.
    private var next = 0
    /// Seconds of sound so far.
    private var seconds = 0.0
    private(set) var isPaused = false
    var isOver = false
    var deadline: DeadlineToken?

    private let voice: String
    private let plan: SpeechPlan
    /// Samples a second of its voice.
    private let rate: Int
    private let sound: SharedSound
    private let pool: WorkPool
    private let source: VoiceStream.Source
    /// Also its turn on the work pool.
    let key: WorkPool.Key

    init(
        voice: EngineProfile.Voice, of profile: EngineProfile, text: SpokenText, plan: SpeechPlan,
        pool: WorkPool, key: WorkPool.Key, source: VoiceStream.Source
    ) {
        self.voice = voice.name
        rate = profile.rate
        self.plan = plan
        self.pool = pool
        self.key = key
        self.source = source
        sound = SharedSound(
            EngineSound(text: text, plan: plan, isIPA: profile.isIPA, gain: voice.gain))
    }

    /// First chunks of utterances go before all others.
    var isUrgent: Bool { next == 0 }

    func step() -> EngineStep {
        guard source.isOpen, !isOver else { return .over }
        guard next < plan.chunks.count else {
            finish(isCut: plan.isTruncated)
            return .over
        }
        guard seconds + plan.chunks[next].seconds < SpeechPlan.maxSeconds else {
            finish(isCut: true)
            return .over
        }
        isPaused = next > 0 && !source.wantsMore
        return isPaused ? .waits : .asks
    }

    func request(id: UInt32) -> [UInt8] {
        EngineWire.speak(id: id, voice: voice, plan.chunks[next].units)
    }

    func wasSpoken(samples: Int, then: @escaping @Sendable () -> Void) {
        seconds += Double(samples) / Double(rate) + SpeechPlan.pause(after: plan.chunks[next].mark)
        next += 1
        work { sound, source in
            if let rest = sound.chunkEnded() { source.yield(rest) }
            then()
            return nil
        }
    }

    func took(_ frame: EngineWire.Frame) {
        switch frame {
        case .times(let payload):
            work { sound, source in
                do throws(EngineSound.Malformed) {
                    try sound.chunkBegan(payload)
                } catch {
                    source.finish(throwing: .failed("the engine sent impossible times"))
                }
                return nil
            }
        case .audio(let bytes):
            work { sound, _ in sound.chunkSounded(bytes[EngineWire.audioHeaderBytes...]) }
        case .end, .ready, .loaded, .phones:
            break
        }
    }

    /// Everything was said, or as much as fits; its stream may have ended before.
    private func finish(isCut: Bool) {
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
        _ body: @escaping @Sendable (inout EngineSound, VoiceStream.Source) -> VoiceChunk?
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
    let value: Mutex<EngineSound>

    init(_ sound: EngineSound) {
        value = Mutex(sound)
    }
}
