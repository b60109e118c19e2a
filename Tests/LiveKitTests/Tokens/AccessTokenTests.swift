// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import LiveKit
import Testing

private let key = APIKey(id: "devkey", secret: "a-secret-of-more-than-32-characters-ü")
private let noon = WallClock(unixMilliseconds: 1_795_262_400_000)

private func claims() -> TokenClaims {
    TokenClaims(
        identity: "viewer-1", video: .joining("room"), now: noon, lifetime: .seconds(600))
}

private func later(_ seconds: Int64) -> WallClock {
    WallClock(unixMilliseconds: noon.unixMilliseconds + seconds * 1000)
}

/// A token of any header and payload, rightly signed.
private func signed(_ header: String, _ payload: String, secret: String = key.secret) -> String {
    let text = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(payload.utf8))
    let signature = hmacSHA256(key: Array(secret.utf8), Array(text.utf8))
    return text + "." + Base64.encodeURL(signature)
}

private let header = #"{"alg":"HS256","typ":"JWT"}"#
private let payload = #"{"iss":"devkey","exp":1795263000,"sub":"a"}"#

@Suite struct AccessTokenTests {
    @Test func everyClaimSurvivesMintingAndVerifying() throws {
        var claims = claims()
        claims.issuer = "devkey"
        claims.id = "token-7"
        claims.name = "Añ \"b\" \\ \u{1F600}"
        claims.kind = .agent
        claims.metadata = #"{"a":[1,2]}"#
        claims.attributes = ["avatar.rtp0": "1", "lk.agent.state": "listening", "": ""]
        claims.sha256 = "c2hh"
        claims.roomPreset = "big"
        var room = RoomConfiguration()
        room.name = "n"
        room.emptyTimeout = 120
        room.departureTimeout = 60
        room.maxParticipants = .max
        room.metadata = "m"
        room.agents = [
            .init(
                agentName: "avatar", metadata: "{}", attributes: ["a": "b"],
                others: [.init("restartPolicy", .string("JRP_NEVER"))]),
            .init(agentName: ""),
        ]
        room.others = [.init("tags", .object([.init("x", .string("y"))]))]
        claims.roomConfiguration = room
        var video = VideoGrant.joining("room")
        video.roomCreate = true
        video.roomList = true
        video.roomRecord = true
        video.roomAdmin = true
        video.destinationRoom = "other"
        video.canPublish = false
        video.canPublishData = nil
        video.canPublishSources = ["microphone"]
        video.canUpdateOwnMetadata = true
        video.ingressAdmin = true
        video.hidden = true
        video.recorder = true
        video.agent = true
        video.canSubscribeMetrics = true
        video.canManageAgentSession = false
        video.others = [.init("newGrant", .bool(true))]
        claims.video = video
        claims.others = [.init("sip", .object([.init("call", .bool(true))]))]
        let token = try AccessToken.mint(claims, key: key)
        #expect(try AccessToken.verify(token, keys: [key], now: noon) == claims)
        #expect(try AccessToken.mint(claims, key: key) == token, "equal claims, equal tokens")
    }

    @Test func sixtySecondsOfClockDifferenceAreForgiven() throws {
        let token = try AccessToken.mint(claims(), key: key)
        for seconds: Int64 in [-70, 0, 600, 660] {
            #expect(throws: Never.self) {
                try AccessToken.verify(token, keys: [key], now: later(seconds))
            }
        }
        #expect(throws: AccessToken.Refusal.notYetValid) {
            try AccessToken.verify(token, keys: [key], now: later(-71))
        }
        #expect(throws: AccessToken.Refusal.expired) {
            try AccessToken.verify(token, keys: [key], now: later(661))
        }
    }

    @Test(arguments: [
        (#"{"alg":"none"}"#, AccessToken.Refusal.unsupportedAlgorithm),
        (#"{"alg":"HS512"}"#, .unsupportedAlgorithm), (#"{"alg":"hs256"}"#, .unsupportedAlgorithm),
        (#"{"alg":["HS256"]}"#, .unsupportedAlgorithm), (#"{"typ":"JWT"}"#, .unsupportedAlgorithm),
        (#"{"alg":"HS256","crit":["b64"]}"#, .unsupportedAlgorithm), ("[]", .malformed),
        ("", .malformed), (#"{"alg":"HS256"}x"#, .malformed),
    ])
    func headersOfOtherAlgorithmsAreRefused(header: String, refusal: AccessToken.Refusal) {
        #expect(throws: refusal) {
            try AccessToken.verify(signed(header, payload), keys: [key], now: noon)
        }
    }

    @Test(arguments: [
        (#"{"exp":1795263000}"#, AccessToken.Refusal.unknownKey),
        (#"{"iss":"other","exp":1795263000}"#, .unknownKey),
        (#"{"iss":"devkey"}"#, .unlimited), (#"{"iss":"devkey","exp":null}"#, .unlimited),
        (#"{"iss":"devkey","exp":"1795263000"}"#, .invalidClaim("exp")),
        (#"{"iss":"devkey","exp":1e300}"#, .invalidClaim("exp")),
        (#"{"iss":"devkey","exp":1795263000,"nbf":true}"#, .invalidClaim("nbf")),
        (#"{"iss":"devkey","exp":1795263000,"sub":7}"#, .invalidClaim("sub")),
        (#"{"iss":"devkey","exp":1795263000,"video":[]}"#, .invalidClaim("video")),
        (#"{"iss":"devkey","exp":1795263000,"roomConfig":7}"#, .invalidClaim("roomConfig")),
        (#"{"iss":"devkey","exp":1795263000,"attributes":{"a":1}}"#, .invalidClaim("attributes")),
        (
            #"{"iss":"devkey","exp":1795263000,"video":{"roomJoin":1}}"#,
            .invalidClaim("a nested one")
        ),
        (#"[1]"#, .unknownKey), ("", .malformed), ("{", .malformed), ("{}{}", .malformed),
    ])
    func wrongClaimsAreRefused(payload: String, refusal: AccessToken.Refusal) {
        #expect(throws: refusal) {
            try AccessToken.verify(signed(header, payload), keys: [key], now: noon)
        }
    }

    @Test func aTokenCutAnywhereIsRefused() throws {
        let token = try AccessToken.mint(claims(), key: key)
        for length in 0..<token.count {
            #expect(throws: AccessToken.Refusal.self) {
                try AccessToken.verify(String(token.prefix(length)), keys: [key], now: noon)
            }
        }
        for extra in ["A", ".", "=", ".e30", " ", "\n"] {
            #expect(throws: AccessToken.Refusal.self) {
                try AccessToken.verify(token + extra, keys: [key], now: noon)
            }
        }
    }

    @Test func anEmptySecretVerifiesNothing() {
        let token = signed(header, payload, secret: "")
        #expect(throws: AccessToken.Refusal.wrongSignature) {
            try AccessToken.verify(token, keys: [APIKey(id: "devkey", secret: "")], now: noon)
        }
        #expect(throws: AccessToken.MintError.emptyKey) {
            try AccessToken.mint(claims(), key: APIKey(id: "devkey", secret: ""))
        }
    }

    @Test func boundsHold() throws {
        #expect(throws: AccessToken.Refusal.tooLong) {
            try AccessToken.verify(String(repeating: "a", count: 16_385), keys: [key], now: noon)
        }
        let nest = String(repeating: "[", count: 17) + String(repeating: "]", count: 17)
        #expect(throws: AccessToken.Refusal.malformed) {
            let payload = #"{"iss":"devkey","exp":1795263000,"x":\#(nest)}"#
            return try AccessToken.verify(signed(header, payload), keys: [key], now: noon)
        }
        var long = claims()
        long.metadata = String(repeating: "m", count: 16_000)
        #expect(throws: AccessToken.MintError.tooLong) { try AccessToken.mint(long, key: key) }
        long = claims()
        long.identity = String(repeating: "i", count: 257)
        #expect(throws: AccessToken.MintError.nameTooLong) { try AccessToken.mint(long, key: key) }
        long = claims()
        long.identity = ""
        #expect(throws: AccessToken.MintError.emptyIdentity) {
            try AccessToken.mint(long, key: key)
        }
        long = claims()
        long.video?.room = ""
        #expect(throws: AccessToken.MintError.emptyRoom) { try AccessToken.mint(long, key: key) }
    }

    @Test func aKeyNeverPrintsItsSecret() {
        var printed = "\(key) \(String(reflecting: key)) \([key]) \(Optional(key) as Any)"
        dump(key, to: &printed)
        #expect(!printed.contains("a-secret"))
        #expect(printed.contains("devkey"))
    }

    @Test func mutatedTokensNeitherPassNorTrap() throws {
        let token = try AccessToken.mint(claims(), key: key)
        var random = SeededRandom(seed: 7)
        for _ in 0..<10_000 {
            var bytes = Array(token.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0..<128, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 32..<127, using: &random), at: place)
                }
            }
            let mutated = String(decoding: bytes, as: UTF8.self)
            guard mutated != token else { continue }
            let passed = try? AccessToken.verify(mutated, keys: [key], now: noon)
            #expect(passed == nil, "\(mutated)")
        }
        // Rightly signed, so that the claims' reader sees the damage.
        for _ in 0..<10_000 {
            var bytes = Array(payload.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                in: 0..<128, using: &random)
            let token = signed(header, String(decoding: bytes, as: UTF8.self))
            _ = try? AccessToken.verify(token, keys: [key], now: noon)
        }
    }
}
