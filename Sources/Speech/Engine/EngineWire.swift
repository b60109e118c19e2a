// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net

/// What goes through the pipes of the engines; `EngineRequest.swift` of VoiceEngine describes it.
enum EngineWire {
    /// The largest payload of a frame: times of some 120 words, or a second of sound.
    static let maxPayload = 262_144

    /// A frame of the engine's output.
    enum Frame {
        case ready
        case loaded
        case times([UInt8])
        /// With its header of `audioHeaderBytes`, which is whole.
        case audio([UInt8])
        case phones([UInt8])
        case end(id: UInt32, status: String, samples: Int)

        /// Reads one byte kind, four bytes length and the payload; nil for anything else.
        init?(_ bytes: [UInt8]) {
            guard bytes.count >= 5 else { return nil }
            switch bytes[0] {
            case UInt8(ascii: "R"): self = .ready
            case UInt8(ascii: "L"): self = .loaded
            case UInt8(ascii: "T"): self = .times(Array(bytes[5...]))
            case UInt8(ascii: "A"):
                guard bytes.count >= EngineWire.audioHeaderBytes else { return nil }
                self = .audio(bytes)
            case UInt8(ascii: "P"): self = .phones(Array(bytes[5...]))
            case UInt8(ascii: "E"):
                guard
                    let json = try? JSONValue(parsing: Array(bytes[5...]), maxBytes: 1_024),
                    let id = json["id"]?.int.flatMap({ UInt32(exactly: $0) }),
                    let status = json["status"]?.string
                else { return nil }
                let samples = json["samples"]?.int.flatMap { Int(exactly: $0) } ?? 0
                self = .end(id: id, status: status, samples: max(0, min(samples, 1 << 31)))
            default: return nil
            }
        }
    }

    /// Bytes before the sound in an `A` frame: kind, length, number of the chunk.
    static let audioHeaderBytes = 9

    /// Frames stay whole, with their header.
    static let framing = Framing(maxLength: 5 + maxPayload) { bytes in
        guard bytes.count >= 5 else { return .incomplete }
        let start = bytes.startIndex
        var length = 0
        for index in 1...4 { length = length << 8 | Int(bytes[start + index]) }
        guard length <= maxPayload else { return .invalid }
        guard bytes.count >= 5 + length else { return .incomplete }
        return .frame(skip: 0, length: 5 + length, trailing: 0)
    }

    static func speak(id: UInt32, voice: String, _ units: [SpokenText.Unit]) -> [UInt8] {
        line { json in
            json.member("speak", id)
            json.member("voice", voice)
            json.member("words") { list in
                list.array {
                    for unit in units {
                        $0.array {
                            $0.value(unit.text)
                            $0.value(unit.mark.punctuation)
                        }
                    }
                }
            }
        }
    }

    static func phones(id: UInt32, voice: String, _ words: [String]) -> [UInt8] {
        line { json in
            json.member("phones", id)
            json.member("voice", voice)
            json.member("words") { list in
                list.array { for word in words { $0.value(word) } }
            }
        }
    }

    static func cancel(id: UInt32) -> [UInt8] {
        line { $0.member("cancel", id) }
    }

    static func load(voice: String) -> [UInt8] {
        line { $0.member("load", voice) }
    }

    private static func line(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object(members)
        return json.bytes + [0x0A]
    }
}
