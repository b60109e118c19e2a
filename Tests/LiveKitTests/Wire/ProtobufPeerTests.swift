// SPDX-License-Identifier: Apache-2.0
import Crypto
import LiveKit
import TestSupport
import Testing

/// Held against the official protobuf classes: every field of every message, every member of every
/// oneof, filled and at zero, is read and written back to the same byte.
@Suite struct ProtobufPeerTests {
    @Test func everyFieldOfEveryMessageSurvives() async throws {
        let lines = try await PythonEnvironment.output(of: "protobuf_exemplars.py")
            .split(separator: "\n")
        #expect(lines.count > 150)
        for line in lines {
            let words = line.split(separator: " ")
            try #require(words.count >= 2, "\(line)")
            let bytes = words.count > 2 ? try #require(Base64.decode(words[2])) : []
            let again: [UInt8]
            let said: String
            switch words[0] {
            case "request":
                let message = try SignalRequest(decoding: bytes)
                (again, said) = (message.encoded, "\(message)")
            case "response":
                let message = try SignalResponse(decoding: bytes)
                (again, said) = (message.encoded, "\(message)")
            default:
                let message = try DataPacket(decoding: bytes)
                (again, said) = (message.encoded, "\(message)")
            }
            #expect(again == bytes, "\(words[0]) \(words[1]): \(said)")
        }
    }
}
