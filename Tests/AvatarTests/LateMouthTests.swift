// SPDX-License-Identifier: Apache-2.0
import Base
import LipSync
import Speech
import Testing

@testable import Avatar

/// A voice that is only as quick as it speaks: its mouth comes in time all the same, and what is
/// decided with little knowledge goes on without a step.
@Suite struct LateMouthTests {
    /// "Maybe Bob may have a favourite pub; …", three times over.
    private static let phones: [Phone] = {
        let word = [
            ("M", 70), ("EY1", 120), ("B", 65), ("IY0", 90), ("B", 70), ("AA1", 130), ("B", 60),
            ("M", 70), ("EY1", 110), ("HH", 50), ("AE1", 90), ("V", 70), ("AH0", 50), ("F", 90),
            ("EY1", 110), ("V", 55), ("R", 60), ("AH0", 40), ("T", 60), ("P", 80), ("AH1", 90),
            ("B", 70), ("sil", 150),
        ]
        var phones = [Phone("sil", start: 0, end: 200)]
        for (symbol, length) in word + word + word {
            let start = phones.last?.end ?? 0
            phones.append(Phone(symbol, start: start, end: start + Double(length)))
        }
        return phones
    }()

    private struct Told {
        var keyframes: [Keyframe] = []
        /// Media time of the next frame when each went out.
        var sentAt: [Double] = []
        var asked = 0
        var isWhole = false
    }

    /// Plays the utterance on virtual time.
    ///
    /// - Parameters:
    ///   - chunk: milliseconds of sound that the voice delivers at once.
    ///   - start: milliseconds of sound that are there before they are played; 0: all of it.
    private func told(chunk: Int, start: Int) throws -> Told {
        var playout = Playout(rtp0: 0, lead: 250, silence: [0xF8, 0xFF, 0xFE])
        playout.setListeners(1)
        playout.subscribed()
        playout.skipPreRoll()
        playout.enqueue(1, text: "text")
        var preparer = try SpeechPreparer()
        let end = Int(Self.phones.last?.end ?? 0)
        var delivered = 0
        var result = Told()
        for slot in 0..<(end / 20 + 60) {
            while delivered < end, start == 0 || delivered < start + slot * 20 {
                let next = min(delivered + chunk, end)
                let range = Double(delivered)..<Double(next)
                let piece = try preparer.add(
                    SpeechPreparerTests.tone(milliseconds: delivered..<next),
                    phones: Self.phones.filter { range.contains($0.start) }, words: [])
                playout.append(piece, to: 1)
                delivered = next
                if delivered == end { playout.append(try preparer.finish(), to: 1) }
            }
            let now = Instant(nanoseconds: 1_000_000_000 + UInt64(slot) * 20_000_000)
            playout.tick(at: now, wall: WallClock(unixMilliseconds: 0))
            var outputs = playout.drain()
            while let output = outputs.first {
                outputs.removeFirst()
                switch output {
                case .wantsMouth(let id, let needed):
                    result.asked += 1
                    playout.hasten(preparer.hasten(to: needed), of: id)
                    outputs += playout.drain()
                case .data(.viseme, let bytes, _):
                    let json = try JSONValue(parsing: bytes)
                    result.keyframes.append(Self.keyframe(json))
                    result.sentAt.append(Double(playout.mediaTime))
                case .finished(_, let outcome): result.isWhole = outcome == .ended
                default: break
                }
            }
        }
        return result
    }

    private static func keyframe(_ json: JSONValue) -> Keyframe {
        let weights = Viseme.allCases.compactMap { viseme in
            (json["weights"]?[viseme.name]?.number).map { (viseme, $0) }
        }
        return Keyframe(time: json["t_ms"]?.number ?? .nan, shape: MouthShape(weights))
    }

    @Test(arguments: [(40, 240), (100, 240), (200, 240), (500, 240), (1000, 240)])
    func aVoiceAsSlowAsItSpeaksHasItsMouthInTime(chunk: Int, start: Int) throws {
        let told = try told(chunk: chunk, start: start)
        #expect(told.isWhole)
        // Pieces that are long between two asks.
        #expect(told.asked > 0 || chunk < 500)
        for (keyframe, sentAt) in zip(told.keyframes, told.sentAt) {
            #expect(sentAt <= keyframe.time + 20, "\(keyframe.time) is told at \(sentAt)")
        }
        checkMouth(told)
        // As often as contract allows.
        let times = told.keyframes.map(\.time)
        for (first, last) in zip(times, times.dropFirst(60)) { #expect(last - first >= 1000) }
    }

    @Test func aQuickVoiceIsNeverAskedAndToldAheadByTheLead() throws {
        let told = try told(chunk: 500, start: 0)
        #expect(told.isWhole && told.asked == 0)
        for (keyframe, sentAt) in zip(told.keyframes, told.sentAt) where keyframe.time > 300 {
            #expect(sentAt <= keyframe.time - 230)
        }
        checkMouth(told)
    }

    @Test func aMouthThatCannotBeKnownIsAskedForOnceAFrame() throws {
        var playout = Playout(rtp0: 0, lead: 250, silence: [0xF8, 0xFF, 0xFE])
        playout.setListeners(1)
        playout.subscribed()
        playout.skipPreRoll()
        playout.enqueue(1, text: "text")
        var piece = PreparedSpeech()
        piece.frames = Array(repeating: AudioFrame(payload: [0], level: 30), count: 20)
        piece.mouthEnd = 0
        playout.append(piece, to: 1)
        for slot in 0..<5 {
            let now = Instant(nanoseconds: 1_000_000_000 + UInt64(slot) * 20_000_000)
            playout.tick(at: now, wall: WallClock(unixMilliseconds: 0))
            var asked = 0
            var outputs = playout.drain()
            while let output = outputs.first {
                outputs.removeFirst()
                guard case .wantsMouth(let id, _) = output else { continue }
                asked += 1
                var nothing = PreparedSpeech()
                nothing.mouthEnd = 0
                playout.hasten(nothing, of: id)
                outputs += playout.drain()
            }
            #expect(asked == 1)
        }
    }

    private func checkMouth(_ told: Told) {
        let lookahead = 6.5
        for (left, right) in zip(told.keyframes, told.keyframes.dropFirst()) {
            #expect(left.time < right.time)
            // Weights and times are rounded: up to 0.01 and half a millisecond at each end.
            let step = left.shape.distance(to: right.shape) - 0.01
            let time = right.time - left.time + 1
            #expect(step <= 0.37 * max(time / 16.7, 1), "from \(left.time) to \(right.time)")
        }
        for phone in Self.phones {
            let closed: Viseme
            switch phone.symbol {
            case "M", "B", "P": closed = .mbp
            case "F", "V": closed = .fv
            default: continue
            }
            let span = stride(from: phone.start - 40, through: phone.end + 40, by: 1)
            let peak = span.map { told.keyframes.shape(at: $0 + lookahead)[closed] }.max() ?? 0
            #expect(peak >= 0.9, "\(phone.symbol) at \(phone.start)")
        }
    }
}
