// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Speech

/// Times stay on their samples through trimming, pauses, resampling and limiting.
@Suite struct EngineSoundTests {
    @Test func everyPhoneStartsWhereItsClickIs() throws {
        let text = TextNormalizer().normalize("Go, now on. Stop.")
        let plan = SpeechPlan(text)
        #expect(plan.chunks.count == 2)
        var heard = Heard()
        var sound = EngineSound(text: text, plan: plan, gain: 1)
        // Each chunk: a pause, sounds whose borders carry a click, a pause.
        var clicks = 0
        for (index, borders) in [[2_624, 4_001, 5_503, 8_888, 12_345], [700, 3_333, 6_001]]
            .enumerated()
        {
            let units = plan.chunks[index].units.count
            try sound.chunkBegan(times(borders, units: units))
            var pcm = [Int16](repeating: 0, count: borders[borders.count - 1] + 3_000)
            // Not at the very first border and the last, which lie in the fades.
            for border in borders.dropFirst().dropLast() {
                pcm[border] = 12_000
                clicks += 1
            }
            for piece in stride(from: 0, to: pcm.count, by: 479) {
                heard.add(sound.chunkSounded(bytes(pcm[piece..<min(piece + 479, pcm.count)])))
            }
            heard.add(sound.chunkEnded())
        }
        heard.add(sound.finish())

        let peaks = heard.samples.indices.filter {
            heard.samples[$0] > 0.2
                && heard.samples[$0]
                    == heard.samples[max(0, $0 - 20)...min(heard.samples.count - 1, $0 + 20)].max()
        }
        #expect(peaks.count == clicks)
        let starts = Set(heard.phones.map { ($0.start * 48).rounded() })
        for peak in peaks {
            #expect(starts.contains(Double(peak)), "a click at \(peak)")
        }
        // 20 ms before the first sound, 60 after the last, 360 between the sentences.
        #expect(heard.phones.first?.isSilence == true && heard.phones.first?.end == 20)
        #expect(heard.phones.last?.isSilence == true)
        #expect(abs((heard.phones.last?.duration ?? 0) - 60) < 0.1)
        let pauses = heard.phones.dropFirst().dropLast().filter(\.isSilence)
        #expect(pauses.map { $0.duration.rounded() } == [360])
        #expect(heard.samples.count == Int(((heard.phones.last?.end ?? 0) * 48).rounded()))
    }

    @Test func wordsKeepTheirTimesAcrossChunks() throws {
        // A word that is said in more than one chunk is told with the last, from its first sound.
        let number = "777777777777777777777777"
        let text = TextNormalizer().normalize("Call \(number) now.")
        let plan = SpeechPlan(text)
        #expect(plan.chunks.count > 2)
        var heard = Heard()
        var sound = EngineSound(text: text, plan: plan, gain: 1)
        for chunk in plan.chunks {
            let borders = (0...chunk.units.count).map { 1_000 + $0 * 4_000 }
            try sound.chunkBegan(times(borders, units: chunk.units.count))
            heard.add(
                sound.chunkSounded(
                    bytes([Int16](repeating: 500, count: (borders.last ?? 0) + 2_000)[...])))
            heard.add(sound.chunkEnded())
        }
        heard.add(sound.finish())
        #expect(heard.words.map(\.text) == ["Call", number, "now."])
        #expect(abs(heard.words[1].start - heard.words[0].end - 20) < 1)
        #expect(heard.words[1].end - heard.words[1].start > 24 * 250)
        #expect(heard.words[2].start >= heard.words[1].end)
    }

    @Test func impossibleTimesAreRefused() {
        let text = TextNormalizer().normalize("One two.")
        let plan = SpeechPlan(text)
        for payload in [
            "", "{}", #"{"rate":16000,"phones":[["pau",10],["w",5]],"words":[[0,1],[1,2]]}"#,
            #"{"rate":16000,"phones":[["pau",-1]],"words":[[0,1],[1,2]]}"#,
            #"{"rate":16000,"phones":[["pau",1]],"words":[[0,1]]}"#,
            #"{"rate":16000,"phones":[["pau",1]],"words":[[0,1],[2,1]]}"#,
            #"{"rate":99999999,"phones":[],"words":[[0,1],[2,3]]}"#,
            #"{"rate":16000,"phones":[["pau",99999999999999]],"words":[[0,1],[2,3]]}"#,
            #"{"rate":16000,"phones":[["pau",1],["w",1073741824]],"words":[[0,1],[2,3]]}"#,
            #"{"rate":16000,"phones":[["pau",1],["w",9]],"words":[[0,1],[2,1073741824]]}"#,
        ] {
            var sound = EngineSound(text: text, plan: plan, gain: 1)
            #expect(throws: EngineSound.Malformed.self) {
                try sound.chunkBegan(Array(payload.utf8))
            }
        }
    }

    @Test func aFrameShorterThanItsHeaderIsNone() {
        // The kind, a length of less than the four bytes of the number, and so many bytes.
        for count in UInt8(0)..<4 {
            let payload = [UInt8](repeating: 0, count: Int(count))
            let bytes = [UInt8(ascii: "A"), 0, 0, 0, count] + payload
            #expect(EngineWire.Frame(bytes) == nil, "\(count) bytes behind the length")
        }
        let silent = EngineWire.Frame([UInt8(ascii: "A"), 0, 0, 0, 4, 0, 0, 0, 1])
        guard case .audio(let bytes)? = silent else {
            Issue.record("a chunk may be silent")
            return
        }
        #expect(bytes.count == EngineWire.audioHeaderBytes)
    }

    /// Phones between `borders` after a pause, one word for each unit.
    private func times(_ borders: [Int], units: Int) -> [UInt8] {
        var phones = [#"["pau",\#(borders[0])]"#]
        for (index, border) in borders.dropFirst().enumerated() {
            phones.append(#"["\#(["n", "ow", "aa", "t"][index % 4])",\#(border)]"#)
        }
        phones.append(#"["pau",\#(borders[borders.count - 1] + 2_000)]"#)
        let words = (0..<units).map { unit in
            let from = borders[min(unit, borders.count - 2)]
            return "[\(from),\(borders[min(unit + 1, borders.count - 1)])]"
        }
        let members = [
            #""id":1,"rate":16000"#, #""phones":[\#(phones.joined(separator: ","))]"#,
            #""words":[\#(words.joined(separator: ","))]"#,
        ]
        return Array("{\(members.joined(separator: ","))}".utf8)
    }

    private func bytes(_ pcm: ArraySlice<Int16>) -> ArraySlice<UInt8> {
        pcm.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }[...]
    }
}

extension Heard {
    init() {}

    mutating func add(_ chunk: VoiceChunk?) {
        if let chunk { add(chunk) }
    }
}
