// SPDX-License-Identifier: Apache-2.0
import Speech
import Synchronization
import Testing

@Suite struct VoiceStreamTests {
    private func chunk(_ milliseconds: Int) -> VoiceChunk {
        VoiceChunk(sound: .pcm([Float](repeating: 0, count: milliseconds * 48)), units: .words)
    }

    @Test func chunksComeInOrderThenTheEndThenNothing() async throws {
        let stream = VoiceStream { source in
            for index in 1...5 { #expect(source.yield(chunk(index))) }
            source.finish()
            #expect(!source.yield(chunk(6)))
            source.finish(throwing: .timedOut)
        }
        var durations: [Double] = []
        for try await chunk in stream { durations.append(chunk.duration) }
        #expect(durations == [1, 2, 3, 4, 5])
        #expect(try await stream.next() == nil)
    }

    @Test func anErrorComesAfterTheChunksBeforeItAndOnce() async throws {
        let stream = VoiceStream { source in
            source.yield(chunk(1))
            source.finish(throwing: .failed("x"))
        }
        #expect(try await stream.next() != nil)
        await #expect(throws: VoiceError.failed("x")) { try await stream.next() }
        #expect(try await stream.next() == nil)
    }

    @Test func theProducerIsHeldBackAndAskedAgain() async throws {
        let demands = Atomic<Int>(0)
        let stream = VoiceStream { source in
            source.setHandlers(onDemand: { demands.add(1, ordering: .relaxed) }, onCancel: {})
            var count = 0
            while source.wantsMore {
                source.yield(chunk(500))
                count += 1
            }
            #expect(count == 6)
        }
        _ = try await stream.next()
        _ = try await stream.next()
        #expect(demands.load(ordering: .relaxed) == 0)
        _ = try await stream.next()
        #expect(demands.load(ordering: .relaxed) == 1)
        _ = try await stream.next()
        #expect(demands.load(ordering: .relaxed) == 1)
    }

    @Test func cancelTellsTheProducerOnceAndEndsTheReader() async throws {
        let cancels = Atomic<Int>(0)
        let stream = VoiceStream { source in
            source.setHandlers(onDemand: {}, onCancel: { cancels.add(1, ordering: .relaxed) })
            source.yield(chunk(1))
        }
        stream.cancel()
        stream.cancel()
        #expect(cancels.load(ordering: .relaxed) == 1)
        #expect(try await stream.next() == nil)
    }

    @Test func whoeverWaitsIsWokenByACancelledTask() async throws {
        let stream = VoiceStream { _ in }
        let reader = Task { try await stream.next() == nil }
        reader.cancel()
        #expect(try await reader.value)
    }

    @Test func aStreamThatIsLetGoIsCancelled() {
        let cancels = Atomic<Int>(0)
        var stream: VoiceStream? = VoiceStream { source in
            source.setHandlers(onDemand: {}, onCancel: { cancels.add(1, ordering: .relaxed) })
        }
        #expect(stream != nil)
        stream = nil
        #expect(cancels.load(ordering: .relaxed) == 1)
    }

    @Test func handlersThatComeTooLateAreToldAtOnce() {
        let cancels = Atomic<Int>(0)
        var late: VoiceStream.Source?
        let stream = VoiceStream { late = $0 }
        stream.cancel()
        late?.setHandlers(onDemand: {}, onCancel: { cancels.add(1, ordering: .relaxed) })
        #expect(cancels.load(ordering: .relaxed) == 1)
        #expect(late?.isCancelled == true && late?.wantsMore == false)
    }

    @Test func errorsHaveTheCodesOfTheContract() {
        let errors: [VoiceError] = [.failed("x"), .timedOut, .unspeakableText, .tooLong]
        #expect(
            errors.map(\.code) == ["voice_failed", "voice_timeout", "unspeakable_text", "too_long"])
    }
}
