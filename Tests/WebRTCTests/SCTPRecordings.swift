// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport

/// The recorded exchanges below `Tests/Peers/sctp`; the README there tells their format.
enum SCTPRecordings {
    /// One recorded packet.
    struct Packet {
        var time: Double
        var isToPeer: Bool
        var isDropped: Bool
        var summary: String
        var bytes: [UInt8]
    }

    /// A line of a recording.
    enum Line {
        case packet(Packet)
        case event(String)
    }

    /// Paths of all recordings, below `sctp`, sorted.
    static func paths() throws -> [String] {
        let root = Fixtures.peers.appending(path: "sctp")
        let folders = try FileManager.default.contentsOfDirectory(atPath: root.path())
        return try folders.filter { $0.contains("-") }.flatMap { folder in
            try FileManager.default.contentsOfDirectory(
                atPath: root.appending(path: folder).path()
            ).map { "\(folder)/\($0)" }
        }.sorted()
    }

    /// The lines of one recording.
    static func lines(_ path: String) throws -> [Line] {
        try Fixtures.jsonLines("sctp/\(path)").map { line in
            guard let text = line["hex"]?.string else { return .event(line["ev"]?.string ?? "") }
            return .packet(
                Packet(
                    time: line["t"]?.number ?? 0, isToPeer: line["dir"]?.string == ">",
                    isDropped: line["drop"]?.int == 1, summary: line["s"]?.string ?? "",
                    bytes: expanded(text)))
        }
    }

    /// Run-length coded hexadecimal: `4c*1128` is byte 4c 1,128 times.
    private static func expanded(_ text: String) -> [UInt8] {
        text.split(separator: " ").flatMap { token in
            let parts = token.split(separator: "*")
            let bytes = hex(String(parts[0]))
            guard parts.count == 2, let count = Int(parts[1]) else { return bytes }
            return (0..<count).flatMap { _ in bytes }
        }
    }
}
