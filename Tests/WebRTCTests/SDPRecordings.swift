// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// A description that a real server or client wrote.
struct SDPRecording: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String

    var testDescription: String { name }

    /// All of `Tests/Peers/sdp`, in the order of their paths.
    static let all: [SDPRecording] = {
        let root = Fixtures.peers.appending(path: "sdp")
        let walker = FileManager.default.enumerator(atPath: root.path)
        let paths = (walker?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".sdp") }
        return paths.sorted().map { path in
            let data = FileManager.default.contents(atPath: root.appending(path: path).path)
            return SDPRecording(name: path, text: String(decoding: data ?? Data(), as: UTF8.self))
        }
    }()

    static func named(_ path: String) throws -> SDPRecording {
        try #require(all.first { $0.name == path })
    }

    /// Lines without line ends, trailing blanks and empty lines.
    static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// The lines of the session and of every section, each sorted: order inside is free.
    static func sections(_ text: String) -> [[String]] {
        var result: [[String]] = [[]]
        for line in lines(text) {
            if line.hasPrefix("m=") { result.append([]) }
            result[result.count - 1].append(line)
        }
        return result.map { $0.sorted() }
    }
}
