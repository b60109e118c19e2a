// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The product as a web page has it: the official JavaScript SDK in Chromium, from the POST for a
/// session, through the browser's cross-origin rules, to what the page hears.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(10))) struct BrowserListeningTests {
    @Test func theOfficialBrowserClientHearsAndReceivesEverySentence() async throws {
        let sentences = Array(ListeningTests.sentences.prefix(2))
        let plan = JSONValue.object([
            .init("sentences", .array(sentences.map { .string($0) }))
        ])
        let results = try await ListeningTests.runThroughAll(plan, client: "browser_client.py")
        #expect(results.count == ListeningTests.Server.allCases.count)
        for (server, result) in results { try Self.check(result, sentences, server) }
    }

    private static func check(
        _ result: JSONValue, _ sentences: [String], _ server: ListeningTests.Server
    ) throws {
        #expect(result["from"] == result["agent"]?["identity"], "\(server)")
        #expect(result["senders"]?.array == result["from"].map { [$0] }, "\(server)")
        #expect(result["name"]?.string == "AI Assistant", "\(server)")
        #expect(result["attributes"]?["avatar.rtp0"]?.string != nil, "\(server)")

        let utterances = try #require(result["utterances"]?.array)
        #expect(utterances.count == sentences.count, "\(server)")
        for (utterance, sentence) in zip(utterances, sentences) {
            #expect(utterance["starts"]?.int == 1 && utterance["ends"]?.int == 1, "\(server)")
            let words = (utterance["words"]?.array ?? []).compactMap(\.string)
            #expect(words.joined(separator: " ") == sentence, "\(server)")
            // Timestamps that the browser played, by the clock formula inside the utterance.
            #expect((utterance["played"]?.int ?? 0) > 0, "\(server)")
        }
        #expect(result["runs_backwards"]?.int == 0, "\(server)")
        for topic in ["viseme_n", "prosody_n"] {
            let numbers = try #require(result[topic]?.array).compactMap(\.int)
            #expect(!numbers.isEmpty, "\(server)")
            #expect(
                zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(server) \(topic)")
        }
        let sums = try #require(result["sums"]?.array).compactMap(\.number)
        #expect(sums.allSatisfy { $0 == 1 }, "\(server)")

        // Silence before, then two sentences at speaking loudness: by the analyser on the sound, and
        // by the receiver's own statistics (squared full scale times seconds).
        #expect((result["quiet"]?.number ?? 1) < 0.001, "\(server)")
        #expect((result["loudest"]?.number ?? 0) > 0.05, "\(server)")
        #expect((result["silence"]?.number ?? 1) < 0.001, "\(server)")
        #expect((result["energy"]?.number ?? 0) > 0.02, "\(server)")
        #expect(result["agent_exit"]?.int == 0, "\(server)")
    }
}
