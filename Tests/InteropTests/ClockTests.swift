// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// What clients build on: the RTP timestamps they read are the media time of the messages.
@Suite(.serialized, .attempts(4), .timeLimit(.minutes(10))) struct ClockTests {
    @Test func everyListenerReadsTheSameMediaTimeHoweverItCameToTheTrack() async throws {
        let plan = JSONValue.object([
            .init("sentences", .array(ListeningTests.sentences.map { .string($0) }))
        ])
        let results = try await ListeningTests.runThroughAll(plan, client: "rtp_subscriber.py")
        #expect(results.count == ListeningTests.Server.allCases.count)
        for (server, result) in results { try Self.check(result, server) }
    }

    private static func check(_ result: JSONValue, _ server: ListeningTests.Server) throws {
        let rtp0 = try #require(result["early"]?["rtp0"]?.int)
        #expect((0...Int(UInt32.max)).contains(Int(rtp0)))
        for (name, utterances) in [("early", 2), ("late", 2), ("again", 1)] {
            let report = try #require(result[name])
            #expect(report["rtp0"]?.int == rtp0, "\(server) \(name)")
            #expect((report["packets"]?.int ?? 0) >= 50 * utterances, "\(server) \(name)")
            #expect((report["clocks"]?.int ?? 0) >= 2, "\(server) \(name)")
            let clockError = try #require(report["clock_error_ms"]?.number, "\(server) \(name)")
            #expect(clockError <= 1, "\(server) \(name)")
            let onsets = try #require(report["onsets"]?.array)
            #expect(onsets.count == utterances)
            for onset in onsets {
                // The F that begins the second first passes −38 dBFS by 0.3 dB and again 4 ms later;
                // Opus may make the first peak lower.
                let isFaint = onset["text"]?.string == ListeningTests.sentences[1]
                let error = try #require(onset["error_ms"]?.number)
                #expect(abs(error) <= (isFaint ? 6 : 2.5), "\(server) \(name): \(onset)")
            }
            #expect((report["visemes"]?.int ?? 0) > 0, "\(server) \(name)")
            #expect((report["prosody"]?.int ?? 0) > 0, "\(server) \(name)")
        }
        for pair in ["early_late", "again_late"] {
            #expect((result[pair]?["packets"]?.int ?? 0) >= 40, "\(server) \(pair)")
            #expect(result[pair]?["different"]?.int == 0, "\(server) \(pair)")
        }
        // It had really unsubscribed: the other went on hearing while it heard nothing.
        #expect((result["stopped_ms"]?.number ?? 0) >= 300)
        #expect(result["agent_exit"]?.int == 0)
    }
}
