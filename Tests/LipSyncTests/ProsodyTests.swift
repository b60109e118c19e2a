// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LipSync
import Testing

@Suite struct ProsodyTests {
    /// A voice-like tone: a falling series of harmonics.
    static func voice(hertz: Double, seconds: Double, level: Double = 0.2) -> [Float] {
        (0..<Int(seconds * 48_000)).map { index in
            let t = Double(index) / 48_000
            let sum = (1...12).reduce(0.0) {
                $0 + sin(2 * .pi * hertz * Double($1) * t) / Double($1)
            }
            return Float(sum * level)
        }
    }

    @Test(arguments: [75.0, 110, 180, 220, 310])
    func steadyVoiceHasItsPitch(hertz: Double) {
        var analyzer = ProsodyAnalyzer()
        let frames = analyzer.add(Self.voice(hertz: hertz, seconds: 0.6))
        let pitches = frames.dropFirst(10).map(\.pitch)
        #expect(pitches.count > 30)
        #expect(pitches.allSatisfy { abs($0 - hertz) / hertz < 0.01 })
    }

    @Test func noiseAndSilenceHaveNone() {
        var random = SeededRandom(seed: 1)
        var analyzer = ProsodyAnalyzer()
        let noise = (0..<24_000).map { _ in Float.random(in: -0.2...0.2, using: &random) }
        let voiced = analyzer.add(noise).dropFirst(5).filter { $0.pitch > 0 }.count
        #expect(voiced <= 6)
        let silent = analyzer.add([Float](repeating: 0, count: 24_000)).dropFirst(10)
        #expect(silent.allSatisfy { $0.pitch == 0 })
    }

    @Test func speakingHasPromptEdges() throws {
        var analyzer = ProsodyAnalyzer()
        let silence = [Float](repeating: 0, count: 14_400)
        var frames = analyzer.add(silence)
        frames += analyzer.add(Self.voice(hertz: 120, seconds: 0.5))
        frames += analyzer.add(silence)
        frames += analyzer.finish()
        #expect(frames.count == 110)
        let on = try #require(frames.first { $0.isSpeaking }).time
        let off = try #require(frames.last { $0.isSpeaking }).time
        #expect((300...350).contains(on))
        #expect((800 + 120...800 + 200).contains(off))
        #expect(frames.allSatisfy { (0...1).contains($0.energy) })
        #expect(frames.map(\.energy).max() ?? 0 > 0.7)
    }
}
