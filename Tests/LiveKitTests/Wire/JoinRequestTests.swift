// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LiveKit
import TestSupport
import Testing

/// The first word of clients with one connection, as they sent it.
@Suite struct JoinRequestTests {
    static func recorded(_ name: String) throws -> String {
        try String(
            contentsOf: Fixtures.peers.appending(path: "join/\(name).txt"), encoding: .utf8
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func theRequestOfThePythonSDKIsUnpackedAndRead() throws {
        let request = try JoinRequest(parameter: Self.recorded("python-1.2.0"))
        #expect(request.client.sdk == 9 && request.client.version == "1.2.0")
        #expect(request.client.signalProtocol == 18 && request.client.clientProtocol == 2)
        #expect(request.client.capabilities == [1, 2])
        #expect(request.settings.autoSubscribe && !request.reconnects)
        let offer = try #require(request.publisherOffer)
        #expect(offer.type == "offer" && offer.sdp.hasPrefix("v=0\r\n"))
        #expect(offer.sdp.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"))
        #expect(offer.sdp.hasSuffix("\r\n"))
    }

    @Test func theRequestOfTheJavaScriptSDKIsUnpackedAndRead() throws {
        let request = try JoinRequest(parameter: Self.recorded("js-2.23.0"))
        #expect(request.client.sdk == 1 && request.client.version == "2.23.0")
        #expect(request.settings.autoSubscribe)
    }

    @Test func whatWeWriteIsReadAgain() throws {
        var request = JoinRequest()
        request.client.sdk = 8
        request.client.capabilities = [2]
        request.settings.autoSubscribe = true
        request.settings.subscriberAllowPause = false
        request.attributes = ["a": "b"]
        request.reconnects = true
        request.participantSID = "PA_1"
        #expect(try JoinRequest(parameter: request.parameter) == request)
    }

    @Test func nothingThatIsChangedOnTheWayTraps() throws {
        let text = Array(try Self.recorded("python-1.2.0").utf8)
        var random = SeededRandom(seed: 7)
        for _ in 0..<400 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 45...122, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count / 8, using: &random) & ~3)
            _ = try? JoinRequest(parameter: String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func aRequestThatUnpacksToMoreThanARealOneIsRefused() throws {
        // One megabyte of zeros in gzip, in the wrapper, as Python's gzip made it at level 9.
        let zeros = try Self.recorded("zeros")
        #expect(throws: WireError.malformed) { try JoinRequest(parameter: zeros) }
    }
}
