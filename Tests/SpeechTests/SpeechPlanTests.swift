// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Speech

@Suite struct SpeechPlanTests {
    private func chunks(_ text: String) -> [String] {
        SpeechPlan(TextNormalizer().normalize(text)).chunks.map {
            $0.units.map(\.text).joined(separator: " ")
        }
    }

    @Test func theFirstChunkIsShortAndTheOthersEndWhereOneBreathes() {
        #expect(
            chunks(LongTexts.tale).prefix(5) == [
                "the quick brown fox", "jumps over the lazy dog", "and then it goes home",
                "nobody has ever asked the dog what it thinks about that",
                "perhaps somebody should",
            ])
        for text in [LongTexts.tale, LongTexts.list, LongTexts.run] {
            let plan = SpeechPlan(TextNormalizer().normalize(text))
            #expect(plan.chunks[0].seconds <= SpeechPlan.shortLimits[0])
            #expect(plan.chunks.dropFirst().allSatisfy { $0.seconds <= SpeechPlan.shortLimits[2] })
            #expect(!plan.isTruncated)
        }
    }

    @Test func nothingIsLostOrSaidTwice() {
        for text in [LongTexts.tale, LongTexts.list, LongTexts.run, "I.", "77777777777777777777 a"]
        {
            let spoken = TextNormalizer().normalize(text)
            let plan = SpeechPlan(spoken)
            #expect(plan.chunks.flatMap(\.units) == spoken.words.flatMap(\.units))
            #expect(plan.chunks.flatMap(\.words).map(\.word) == Array(spoken.words.indices))
            for chunk in plan.chunks {
                for span in chunk.words {
                    #expect(chunk.units.indices.contains(span.last) && span.first <= span.last)
                }
            }
        }
    }

    @Test func aChunkNeverRunsOverTheEndOfASentence() {
        let plan = SpeechPlan(TextNormalizer().normalize(LongTexts.tale))
        for chunk in plan.chunks {
            #expect(chunk.units.dropLast().allSatisfy { !$0.mark.endsSentence })
        }
    }

    @Test func threeMinutesAreTheEnd() {
        let text = String(repeating: "Peter Piper picked a peck of pickled peppers. ", count: 110)
        let plan = SpeechPlan(TextNormalizer().normalize(text))
        #expect(plan.isTruncated)
        let seconds = plan.chunks.map { $0.seconds + SpeechPlan.pause(after: $0.mark) }.reduce(0, +)
        #expect((170...225).contains(seconds))
        #expect(plan.chunks.last?.mark == .period)
    }

    private enum LongTexts {
        static let tale = """
            The quick brown fox jumps over the lazy dog, and then it goes home. Nobody has ever \
            asked the dog what it thinks about that; perhaps somebody should! By 2024, about 1,500 \
            foxes had been counted in the city's parks.
            """
        static let list = "- milk\n- bread\n- 3.5 kg of potatoes\n- a very long thing to remember"
        static let run = String(repeating: "and so on without any mark at all ", count: 20)
    }
}
