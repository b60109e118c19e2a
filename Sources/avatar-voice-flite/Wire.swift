// SPDX-License-Identifier: Apache-2.0
internal import Base

// Requests, one JSON object a line, at most 64 kB:
//
//     {"speak":7,"voice":"slt","words":[["hello",","],["world","."]]}
//     {"cancel":7}
//     {"load":"rms"}
//
// `speak` numbers a chunk of text: words of a–z and apostrophe (`_a` is the letter), each with the
// punctuation mark behind it or "". `cancel` stops the chunk that is being spoken, or passes over
// one that waits. `load` makes a voice ready, so that its first chunk is as fast as the next.
//
// Answers, frames of one byte kind, four bytes length (big-endian), then the payload:
//
//     R  ready   JSON {"voices":["slt",…]}, once at the start
//     L  loaded  JSON {"voice":"rms"}
//     T  times   JSON {"id":7,"rate":16000,"phones":[["pau",2624],…],"words":[[2624,8368],…]}
//     A  audio   four bytes id, then 16-bit little-endian mono PCM
//     E  end     JSON {"id":7,"status":"done","samples":29840}; "cancelled", "failed", "refused"
//
// Times are samples of the chunk: of a phone its end, of a word its start and end (0, 0 for one
// without sound). T comes before the first A of a chunk, E is its last frame.

/// What a line of stdin asks for.
enum Request: Equatable {
    case speak(id: UInt32, voice: String, words: [SpokenWord])
    case cancel(id: UInt32)
    case load(voice: String)
    /// A `speak` that must not reach the library.
    case refused(id: UInt32)

    /// Reads a line; nil for what is none of the requests.
    init?(line: [UInt8]) {
        guard let json = try? JSONValue(parsing: line, maxBytes: Request.maxLineBytes) else {
            return nil
        }
        if let id = Request.id(json["cancel"]) {
            self = .cancel(id: id)
        } else if let voice = json["load"]?.string {
            self = .load(voice: voice)
        } else if let id = Request.id(json["speak"]) {
            let words = json["words"]?.array ?? []
            let valid = words.compactMap {
                SpokenWord($0[0]?.string ?? "", mark: $0[1]?.string ?? "x")
            }
            if let voice = json["voice"]?.string, !valid.isEmpty, valid.count == words.count,
                valid.count <= Request.maxWords
            {
                self = .speak(id: id, voice: voice, words: valid)
            } else {
                self = .refused(id: id)
            }
        } else {
            return nil
        }
    }

    /// A chunk has at most ``maxWords`` words of 40 bytes and their marks.
    static let maxLineBytes = 65_536
    /// Some 40 s of speech; a chunk of ours is 5 s. Bounds the library's time and memory.
    static let maxWords = 120

    private static func id(_ value: JSONValue?) -> UInt32? {
        value?.int.flatMap { UInt32(exactly: $0) }
    }
}

/// A word and the punctuation behind it, both safe for the library.
struct SpokenWord: Equatable {
    let text: String
    let mark: String

    /// The longest word the library is trusted with: it takes time in the square of the length.
    static let maxBytes = 40
    private static let marks: Set<String> = ["", ",", ".", "?", "!", ":", ";"]

    init?(_ text: String, mark: String) {
        guard SpokenWord.marks.contains(mark), text.utf8.count <= SpokenWord.maxBytes else {
            return nil
        }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        guard
            text == "_a" || text == "_a's"
                || text.utf8.allSatisfy({ letters.contains($0) || $0 == 0x27 }),
            text.utf8.contains(where: letters.contains)
        else { return nil }
        self.text = text
        self.mark = mark
    }
}
