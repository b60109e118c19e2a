// SPDX-License-Identifier: Apache-2.0
internal import Base

// Requests, one JSON object a line, at most 64 kB:
//
//     {"speak":7,"voice":"slt","words":[["hello",","],["world","."]]}
//     {"phones":8,"voice":"gmw/de","words":["Pfeffer","isst"]}
//     {"cancel":7}
//     {"load":"rms"}
//
// `speak` numbers a chunk of text: words in the form that the engine takes, each with the
// punctuation mark behind it or "". `phones` asks how words sound. `cancel` stops the chunk that is
// being spoken, or passes over what waits. `load` makes a voice ready, so that its first chunk is
// as fast as the next.
//
// Answers, frames of one byte kind, four bytes length (big-endian), then the payload:
//
//     R  ready   JSON {"voices":["slt",…]}, once at the start
//     L  loaded  JSON {"voice":"rms"}
//     T  times   JSON {"id":7,"rate":16000,"phones":[["pau",2624],…],"words":[[2624,8368],…]}
//     A  audio   four bytes id, then 16-bit little-endian mono PCM
//     P  phones  JSON {"id":8,"phones":[["pf","ˈɛ","f","ɜ"],["ˈɪ","s","t"]]}
//     E  end     JSON {"id":7,"status":"done","samples":29840}; "cancelled", "failed", "refused"
//
// Times are samples of the chunk: of a phone its end, of a word its start and end (0, 0 for one
// without sound). T comes before the first A of a chunk, E is the last frame of every request but
// `cancel` and `load`.

/// What a line of stdin asks for.
enum EngineRequest: Equatable {
    case speak(id: UInt32, voice: String, words: [EngineWord])
    case phones(id: UInt32, voice: String, words: [String])
    case cancel(id: UInt32)
    case load(voice: String)
    /// A `speak` or `phones` that must not reach the library.
    case refused(id: UInt32)

    /// Reads a line; nil for what is none of the requests.
    init?(line: [UInt8]) {
        guard let json = try? JSONValue(parsing: line, maxBytes: Self.maxLineBytes) else {
            return nil
        }
        if let id = Self.id(json["cancel"]) {
            self = .cancel(id: id)
        } else if let voice = json["load"]?.string {
            self = .load(voice: voice)
        } else if let id = Self.id(json["speak"]) {
            let words = json["words"]?.array ?? []
            let valid = words.compactMap {
                EngineWord($0[0]?.string ?? "", mark: $0[1]?.string ?? "x")
            }
            if let voice = json["voice"]?.string, valid.count == words.count,
                (1...Self.maxWords).contains(valid.count)
            {
                self = .speak(id: id, voice: voice, words: valid)
            } else {
                self = .refused(id: id)
            }
        } else if let id = Self.id(json["phones"]) {
            let words = json["words"]?.array ?? []
            let valid = words.compactMap(\.string)
            if let voice = json["voice"]?.string, valid.count == words.count,
                (1...Self.maxWords).contains(valid.count)
            {
                self = .phones(id: id, voice: voice, words: valid)
            } else {
                self = .refused(id: id)
            }
        } else {
            return nil
        }
    }

    /// What the request is about; nil for those that have no end of their own.
    var id: UInt32? {
        switch self {
        case .speak(let id, _, _), .phones(let id, _, _), .refused(let id): id
        case .cancel, .load: nil
        }
    }

    /// A request has at most ``maxWords`` words and their marks.
    static let maxLineBytes = 65_536
    /// Some 40 s of speech; a chunk of ours is 5 s. Bounds the library's time and memory.
    static let maxWords = 120

    private static func id(_ value: JSONValue?) -> UInt32? {
        value?.int.flatMap { UInt32(exactly: $0) }
    }
}

/// A word and the punctuation behind it.
public struct EngineWord: Equatable {
    /// The word; what it may hold, its engine says.
    public let text: String
    /// The punctuation mark, or nothing.
    public let mark: String

    private static let marks: Set<String> = ["", ",", ".", "?", "!", ":", ";"]

    /// Joins a word and its mark; nil for a mark that is none.
    public init?(_ text: String, mark: String) {
        guard Self.marks.contains(mark) else { return nil }
        self.text = text
        self.mark = mark
    }
}
