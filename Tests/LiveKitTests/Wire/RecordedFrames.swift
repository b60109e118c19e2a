// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import Foundation
import TestSupport

/// A frame that a real server or client sent.
struct RecordedFrame {
    let run: String
    let seconds: Double
    let connection: Int64
    let who: String
    let isFromServer: Bool
    let kind: String
    let bytes: [UInt8]

    /// The runs below `Tests/Peers/signal`, as `1.13.3/py120_v0`.
    static let runs: [String] = {
        let root = Fixtures.peers.appending(path: "signal")
        let names = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String }
        return (names ?? []).filter { $0.hasSuffix(".jsonl") }.map { String($0.dropLast(6)) }
            .sorted()
    }()

    /// The frames of a run, in order.
    static func frames(of run: String) throws -> [RecordedFrame] {
        try Fixtures.jsonLines("signal/\(run).jsonl").map { line in
            RecordedFrame(
                run: run, seconds: line["t"]?.number ?? 0, connection: line["conn"]?.int ?? 0,
                who: line["who"]?.string ?? "", isFromServer: line["dir"]?.string == "S2C",
                kind: line["type"]?.string ?? "",
                bytes: Base64.decode(line["b64"]?.string ?? "") ?? [])
        }
    }
}
