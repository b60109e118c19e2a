// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LipSync

/// The topics of the message contract.
public enum Topic: String, Sendable {
    /// Keyframes of the mouth.
    case viseme
    /// Pitch, energy, speaking.
    case prosody
    /// What is said and when.
    case speech
}

/// Writes the payloads of the message contract.
enum Message {
    static func viseme(_ shape: MouthShape, time: Double, utterance: Int, number: Int) -> [UInt8] {
        var json = JSONWriter(capacity: 160)
        json.object {
            $0.member("t_ms", milliseconds(time))
            $0.member("weights") {
                $0.object {
                    for (viseme, value) in shape.hundredths {
                        $0.member(viseme.name, Double(value) / 100, decimals: 2)
                    }
                }
            }
            $0.member("u", utterance)
            $0.member("n", number)
        }
        return json.bytes
    }

    static func prosody(_ event: ProsodyEvent, time: Double, utterance: Int, number: Int) -> [UInt8]
    {
        var json = JSONWriter(capacity: 96)
        json.object {
            $0.member("t_ms", milliseconds(time))
            $0.member("pitch", event.pitch, decimals: 1)
            $0.member("energy", event.energy, decimals: 2)
            $0.member("speaking", event.isSpeaking)
            $0.member("u", utterance)
            $0.member("n", number)
        }
        return json.bytes
    }

    static func start(utterance: Int, time: Double, text: String) -> [UInt8] {
        speech("start", utterance: utterance, time: time) { $0.member("text", text) }
    }

    /// Words of one chunk, whose starts count from `time`.
    static func words(utterance: Int, time: Double, _ words: [SpokenWord]) -> [UInt8] {
        speech("words", utterance: utterance, time: time) {
            $0.member("words") { $0.array { for word in words { $0.value(word.text) } } }
            $0.member("word_times") {
                $0.array { for word in words { $0.value(milliseconds(word.start)) } }
            }
            $0.member("word_durations") {
                $0.array { for word in words { $0.value(milliseconds(word.duration)) } }
            }
        }
    }

    static func envelope(utterance: Int, time: Double, hop: Int, _ levels: [Int8]) -> [UInt8] {
        speech("envelope", utterance: utterance, time: time) {
            $0.member("hop_ms", hop)
            $0.member("db", Base64.encode(levels.map { UInt8(bitPattern: $0) }))
        }
    }

    static func end(utterance: Int, time: Double) -> [UInt8] {
        speech("end", utterance: utterance, time: time) { _ in }
    }

    static func interrupted(utterance: Int, time: Double, viseme: Int, prosody: Int) -> [UInt8] {
        speech("interrupted", utterance: utterance, time: time) {
            $0.member("viseme_n", viseme)
            $0.member("prosody_n", prosody)
        }
    }

    static func error(utterance: Int, code: UtteranceFailure, message: String) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("type", "error")
            $0.member("u", utterance)
            $0.member("code", code.rawValue)
            $0.member("message", message)
        }
        return json.bytes
    }

    static func clock(time: Int64, rtp: UInt32, wall: WallClock) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("type", "clock")
            $0.member("t_ms", time)
            $0.member("rtp", rtp)
            $0.member("unix_ms", wall.unixMilliseconds)
        }
        return json.bytes
    }

    private static func speech(
        _ type: String, utterance: Int, time: Double, _ rest: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("type", type)
            $0.member("u", utterance)
            $0.member("t_ms", milliseconds(time))
            rest(&$0)
        }
        return json.bytes
    }

    private static func milliseconds(_ time: Double) -> Int64 {
        Int64(time.rounded())
    }
}
