// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation

/// Files beside the tests, found from this source file: tests run from any folder.
public enum Fixtures {
    /// The `Tests` folder.
    public static let tests = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
    /// `Tests/Peers`: programs and recordings that speak for the other side.
    public static let peers = tests.appending(path: "Peers")
    /// The package's root.
    public static let package = tests.deletingLastPathComponent()

    /// The objects of a JSON-lines file below `Tests/Peers`.
    public static func jsonLines(_ path: String) throws -> [JSONValue] {
        let data = try Data(contentsOf: peers.appending(path: path))
        return try data.split(separator: UInt8(ascii: "\n")).map {
            try JSONValue(parsing: Array($0), maxBytes: 1 << 24)
        }
    }
}

/// Bytes from hexadecimal text; blanks and line ends between digits are passed over.
public func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    precondition(digits.count % 2 == 0, "half a byte in a fixture")
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Hexadecimal text of bytes, lower case.
public func hexText(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
