// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The product as a web page has it: the official JavaScript SDK in Chromium, from the POST for a
/// session, through the browser's cross-origin rules, to what the page hears.
@Suite(.serialized, .timeLimit(.minutes(4))) struct BrowserListeningTests {
    @Test func theOfficialBrowserClientHearsAndReceivesEverySentence() async throws {
        let sentences = Array(ListeningTests.sentences.prefix(2))
        let plan = JSONValue.object([
            .init("sentences", .array(sentences.map { .string($0) }))
        ])
        let result = try await ListeningTests.run(plan, client: "browser_client.py")
        #expect(result["from"] == result["agent"]?["identity"])
        #expect(result["senders"]?.array == result["from"].map { [$0] })
        #expect(result["name"]?.string == "AI Assistant")
        #expect(result["attributes"]?["avatar.rtp0"]?.string != nil)

        let utterances = try #require(result["utterances"]?.array)
        #expect(utterances.count == sentences.count)
        for (utterance, sentence) in zip(utterances, sentences) {
            #expect(utterance["starts"]?.int == 1 && utterance["ends"]?.int == 1)
            let words = (utterance["words"]?.array ?? []).compactMap(\.string)
            #expect(words.joined(separator: " ") == sentence)
            // Timestamps that the browser played, by the clock formula inside the utterance.
            #expect((utterance["played"]?.int ?? 0) > 0)
        }
        #expect(result["runs_backwards"]?.int == 0)
        for topic in ["viseme_n", "prosody_n"] {
            let numbers = try #require(result[topic]?.array).compactMap(\.int)
            #expect(!numbers.isEmpty)
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(topic)")
        }
        let sums = try #require(result["sums"]?.array).compactMap(\.number)
        #expect(sums.allSatisfy { $0 == 1 })

        // Silence before, then two sentences at speaking loudness: by the analyser on the sound, and
        // by the receiver's own statistics (squared full scale times seconds).
        #expect((result["quiet"]?.number ?? 1) < 0.001)
        #expect((result["loudest"]?.number ?? 0) > 0.05)
        #expect((result["silence"]?.number ?? 1) < 0.001)
        #expect((result["energy"]?.number ?? 0) > 0.02)
        #expect(result["agent_exit"]?.int == 0)
    }
}
