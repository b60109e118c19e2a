// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import Speech

@Suite struct LoudnessTests {
    @Test func theReferenceToneReadsItsLevel() throws {
        // BS.1770-4 annex 1: a 997 Hz sine at 0 dBFS in one channel reads −3.01 LKFS.
        var meter = LoudnessMeter()
        meter.add(tone(997, rate: 48_000, seconds: 3, amplitude: 1))
        #expect(abs(try #require(meter.integrated) + 3.01) < 0.02)
        // EBU Tech 3341, case 1 in one channel of two: −23 dBFS reads −26 LUFS.
        var quiet = LoudnessMeter()
        quiet.add(tone(1_000, rate: 48_000, seconds: 3, amplitude: pow(10, -23 / 20)))
        #expect(abs(try #require(quiet.integrated) + 26.01) < 0.05)
    }

    @Test func silenceAndQuietPartsAreGated() throws {
        var meter = LoudnessMeter()
        #expect(meter.integrated == nil)
        meter.add([Float](repeating: 0, count: 48_000))
        #expect(meter.integrated == nil)
        // EBU Tech 3341, case 3: the quiet ends do not count.
        var gated = LoudnessMeter()
        for (decibels, seconds) in [(-36.0, 3.0), (-23, 12), (-36, 3)] {
            let amplitude = pow(10, decibels / 20)
            gated.add(tone(1_000, rate: 48_000, seconds: seconds, amplitude: amplitude))
        }
        #expect(abs(try #require(gated.integrated) + 26.01) < 0.2)
    }
}

@Suite(.serialized) struct VoiceLoudnessTests {
    /// Twelve sentences with all the sounds of English in them.
    static let sentences = [
        "The birch canoe slid on the smooth planks.", "Glue the sheet to the dark blue background.",
        "It's easy to tell the depth of a well.", "These days a chicken leg is a rare dish.",
        "Rice is often served in round bowls.", "The juice of lemons makes fine punch.",
        "The box was thrown beside the parked truck.",
        "The hogs were fed chopped corn and garbage.",
        "Four hours of steady work faced us.", "A large size in stockings is hard to sell.",
        "The boy was there when the sun rose.", "A rod is used to catch pink salmon.",
    ]

    @Test(arguments: EngineProfile.flite.voices.map(\.id))
    func everyVoiceIsBroughtToMinusTwentyLUFS(voiceID: String) async throws {
        let text = Self.sentences.joined(separator: " ")
        let heard = try await withFlite { try await Heard($0.speak(text, voiceID: voiceID)) }
        var meter = LoudnessMeter()
        meter.add(heard.samples)
        let loudness = try #require(meter.integrated)
        #expect(abs(loudness + 20) < 0.5)
        #expect(heard.samples.map(abs).max() ?? 1 <= Limiter.defaultCeiling)
    }
}
