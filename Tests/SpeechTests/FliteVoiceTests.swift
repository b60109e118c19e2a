// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LipSync
import Net
import Testing

@testable import Speech

@discardableResult
func withFlite<Value>(
    _ change: (inout EnginePool.Settings) -> Void = { _ in },
    _ body: (EngineVoice) async throws -> Value
) async throws -> Value {
    try await with(.flite, change, body)
}

/// Voices on a loop and a pool of their own.
@discardableResult
func with<Value>(
    _ profile: EngineProfile, _ change: (inout EnginePool.Settings) -> Void = { _ in },
    _ body: (EngineVoice) async throws -> Value
) async throws -> Value {
    let path = try #require(profile.path(), "build \(profile.program) first")
    let loop = try Loop(name: "voices")
    try loop.start()
    let pool = try WorkPool(threads: 1)
    var settings = EnginePool.Settings(path: path, count: 1, warmVoice: profile.warmVoice)
    change(&settings)
    let voice = EngineVoice(profile, on: loop, pool: pool, settings)
    voice.start()
    let result: Result<Value, any Error>
    do { result = .success(try await body(voice)) } catch { result = .failure(error) }
    await voice.stop()
    pool.stop()
    loop.stop()
    return try result.get()
}

/// A whole utterance.
struct Heard {
    var samples: [Float] = []
    var phones: [Phone] = []
    var words: [TimedText] = []
    var chunks = 0

    init(_ stream: VoiceStream) async throws(VoiceError) {
        for try await chunk in stream { add(chunk) }
    }

    mutating func add(_ chunk: VoiceChunk) {
        if case .pcm(let samples) = chunk.sound { self.samples += samples }
        if case .phones(let phones) = chunk.units { self.phones += phones }
        words += chunk.words
        chunks += 1
    }

    var seconds: Double { Double(samples.count) / 48_000 }

    /// Phones without gaps to the end of the sound, words in order and in their places.
    func expectConsistent(with text: String) {
        var end = 0.0
        for phone in phones {
            #expect(abs(phone.start - end) < 0.001, "\(phone) after \(end)")
            end = phone.end
        }
        #expect(abs(end - seconds * 1_000) < 1)
        var last = 0.0
        let utf8 = Array(text.utf8)
        for word in words {
            #expect(word.start >= last - 0.001 && word.end > word.start, "\(word)")
            last = word.end
            #expect(String(decoding: utf8[word.range], as: UTF8.self) == word.text)
        }
        #expect(last <= end)
    }
}

@Suite(.serialized) struct FliteVoiceTests {
    @Test(arguments: EngineProfile.flite.voices.map(\.id))
    func everyVoiceSpeaksWithPhonesAndWords(voiceID: String) async throws {
        let text = "Maybe five people: Dr. Brown paid $5.99 for “pepper”."
        let heard = try await withFlite { try await Heard($0.speak(text, voiceID: voiceID)) }
        #expect(heard.words.map(\.text) == text.split(separator: " ").map(String.init))
        #expect((2.5...7).contains(heard.seconds))
        heard.expectConsistent(with: text)
        let symbols = heard.phones.map(\.symbol)
        #expect(symbols.filter { $0 == "M" || $0 == "P" || $0 == "B" }.count >= 6)
        #expect(heard.samples.map(abs).max() ?? 0 <= Limiter.defaultCeiling)
        // Little silence before the first sound and after the last.
        let onset = heard.samples.firstIndex { abs($0) > 0.0126 } ?? 0
        let offset = heard.samples.lastIndex { abs($0) > 0.0126 } ?? 0
        #expect(onset < 48 * 110 && heard.samples.count - offset < 48 * 150)
    }

    @Test func aLongTextComesInChunksWithoutGapsInItsTimes() async throws {
        let text = """
            The quick brown fox jumps over the lazy dog, and then it goes home. Nobody has ever \
            asked the dog what it thinks about that; perhaps somebody should! By 2024, about 1,500 \
            foxes had been counted in the city's parks.

            What happened next surprised everyone: the foxes learned to use the underground.
            """
        let heard = try await withFlite { try await Heard($0.speak(text, voiceID: nil)) }
        heard.expectConsistent(with: text)
        #expect(heard.words.count == text.split { $0 == " " || $0 == "\n" }.count)
        #expect((14...24).contains(heard.seconds))
    }

    @Test func silenceInThePhonesIsSilenceInTheSound() async throws {
        let text = "Stop. Papa can. Top it. Bob may pay. Tap top."
        let heard = try await withFlite { try await Heard($0.speak(text, voiceID: "slt")) }
        for pause in heard.phones where pause.isSilence && pause.duration > 120 {
            let from = Int((pause.start + 60) * 48)
            let to = Int((pause.end - 30) * 48)
            #expect(decibels(rms(heard.samples[from..<min(to, heard.samples.count)])) < -45)
        }
        for phone in heard.phones where ["AA", "AE", "EY", "IY"].contains(phone.symbol) {
            let middle = heard.samples[Int((phone.start + 10) * 48)..<Int((phone.end - 10) * 48)]
            #expect(decibels(rms(middle)) > -32, "\(phone)")
        }
    }

    @Test(arguments: ["", "👋🏽", "你好，世界", "...", String(repeating: ".", count: 350)])
    func nothingToSayIsAnError(text: String) async throws {
        try await withFlite { voice in
            await #expect(throws: VoiceError.unspeakableText) {
                try await Heard(voice.speak(text, voiceID: nil))
            }
        }
    }

    @Test func anUnknownVoiceIsAnError() async throws {
        try await withFlite { voice in
            await #expect(throws: VoiceError.self) {
                try await Heard(voice.speak("Hello.", voiceID: "nobody"))
            }
        }
    }

    @Test func tooMuchIsCutAndSaidSo() async throws {
        let text = String(repeating: "Peter Piper picked a peck of pickled peppers. ", count: 100)
        try await withFlite { voice in
            let stream = voice.speak(text, voiceID: "kal16")
            var seconds = 0.0
            var samples = 0
            await #expect(throws: VoiceError.tooLong) {
                for try await chunk in stream {
                    seconds += chunk.duration / 1_000
                    if case .pcm(let pcm) = chunk.sound { samples += pcm.count }
                }
            }
            #expect((150...180).contains(seconds))
        }
    }

    @Test func fiveThousandLettersWithoutABlankBehave() async throws {
        var random = SeededRandom(seed: 4)
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let text = String((0..<5_000).map { _ in letters.randomElement(using: &random)! })
        try await withFlite { voice in
            let stream = voice.speak(text, voiceID: "kal16")
            let first = try #require(try await stream.next())
            #expect(first.duration <= 1_500, "the first words come before the rest is made")
            await #expect(throws: VoiceError.tooLong) { try await Heard(stream) }
        }
    }

    @Test func aSlowReaderHoldsTheVoiceBack() async throws {
        let text = String(repeating: "One two three four five six seven. ", count: 40)
        try await withFlite { voice in
            let stream = voice.speak(text, voiceID: "kal16")
            _ = try await stream.next()
            // Other utterances pass meanwhile, so the engine had time to go too far.
            for _ in 0..<5 { _ = try await Heard(voice.speak("Meanwhile.", voiceID: "kal16")) }
            let chunks = voice.statistics.chunks.value
            #expect(chunks < 5 * 1 + 6, "\(chunks) chunks")
            let rest = try await Heard(stream)
            #expect(rest.seconds > 60)
        }
    }

    @Test func cancellingStopsTheEngineAndTheStream() async throws {
        let text = String(repeating: "One two three four five six seven. ", count: 40)
        try await withFlite { voice in
            for _ in 0..<20 {
                let stream = voice.speak(text, voiceID: nil)
                _ = try await stream.next()
                stream.cancel()
                #expect(try await stream.next().map(\.duration) == nil)
            }
            var dropped: VoiceStream? = voice.speak(text, voiceID: nil)
            _ = try await dropped?.next()
            dropped = nil
            let task = Task { try await Heard(voice.speak(text, voiceID: nil)) }
            task.cancel()
            #expect(try await task.value.seconds < 10)
            #expect(try await Heard(voice.speak("Still here.", voiceID: nil)).seconds > 0.4)
            #expect(voice.statistics.crashes.value == 0 && voice.statistics.starts.value == 1)
        }
    }

    @Test func manyUtterancesAtOnceAllComeWhole() async throws {
        try await withFlite { voice in
            try await withThrowingTaskGroup(of: Double.self) { group in
                for index in 0..<24 {
                    group.addTask {
                        let text = "Sentence number \(index), spoken by somebody else."
                        return try await Heard(voice.speak(text, voiceID: "kal16")).seconds
                    }
                }
                for try await seconds in group { #expect((2...5).contains(seconds)) }
            }
        }
    }
}
