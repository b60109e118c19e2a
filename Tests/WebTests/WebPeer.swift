// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport

/// `Tests/Peers/web_peer.py`, one process for all tests; it ends when ours does.
final class WebPeer: Sendable {
    struct Ended: Error {}

    private static let shared = Shared {
        try await waiting { Result { try WebPeer() } }.get()
    }

    private let facts: JSONValue
    private let input = Pipe()

    static func get() async throws -> WebPeer { try await shared.value() }

    private init() throws {
        let process = Process()
        process.executableURL = URL(filePath: try PythonEnvironment.python())
        process.arguments = [Fixtures.peers.appending(path: "web_peer.py").path]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { throw Ended() }
            line += piece
        }
        facts = try JSONValue(parsing: Array(line), maxBytes: 1 << 16)
    }

    func port(_ name: String) -> UInt16 {
        UInt16(facts[name]?.int ?? 0)
    }

    var authorities: String { facts["ca"]?.string ?? "" }
}
