// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import TestSupport
import Testing

/// Held against `livekit-api` and PyJWT, both ways.
@Suite struct AccessTokenPeerTests {
    let key = APIKey(id: "devkey", secret: "a-secret-of-more-than-32-characters-ü")

    @Test func tokensOfTheOfficialLibraryAreReadOrRefused() async throws {
        let text = try await PythonEnvironment.output(of: "access_tokens.py", ["mint"])
        let tokens = try JSONValue(parsing: text)
        let seconds = try #require(tokens["now"]?.int)
        let now = WallClock(unixMilliseconds: seconds * 1000)
        func verify(_ name: String) throws -> TokenClaims {
            let token = try #require(tokens[name]?.string, "\(name)")
            return try AccessToken.verify(token, keys: [key], now: now)
        }
        let refusals: [(String, AccessToken.Refusal)] = [
            ("hs512", .unsupportedAlgorithm), ("hs384", .unsupportedAlgorithm),
            ("none", .unsupportedAlgorithm), ("crit", .unsupportedAlgorithm),
            ("wrong_key", .wrongSignature), ("unknown_key", .unknownKey),
            ("no_issuer", .unknownKey), ("expired", .expired), ("early", .notYetValid),
            ("no_exp", .unlimited), ("name_is_number", .invalidClaim("name")),
            ("video_is_list", .invalidClaim("video")),
            ("join_is_text", .invalidClaim("a nested one")), ("deep", .malformed),
        ]
        for (name, refusal) in refusals {
            #expect(throws: refusal, "\(name)") { try verify(name) }
        }
        #expect(try verify("plain").video == .joining("r1"))
        #expect(try verify("just_expired").identity == "user")
        #expect(try verify("barely_early").identity == "user")
        #expect(try verify("jti_only").identity == "by-jti")
        #expect(try verify("fractional").expiresAt == seconds + 600)
        #expect(try verify("kind_unknown").kind == nil)
        let snake = try #require(try verify("snake_config").roomConfiguration)
        #expect(snake.emptyTimeout == 5)
        #expect(snake.agents.map(\.agentName) == ["x"])
        try expectFull(try verify("full"))
    }

    private func expectFull(_ claims: TokenClaims) throws {
        #expect(claims.identity == "agent-\u{1F600}")
        #expect(claims.name == "Añ \"b\" \\")
        #expect(claims.kind == .agent)
        #expect(claims.metadata == #"{"a":[1,2]}"#)
        #expect(claims.attributes == ["lk.agent.state": "listening", "z": "", "a": "é"])
        #expect(claims.sha256 == "c2hh")
        #expect(claims.roomPreset == "big")
        #expect(claims.others.map(\.name) == ["sip"])
        let room = try #require(claims.roomConfiguration)
        #expect(room.name == "preset-less")
        #expect(room.emptyTimeout == 120)
        #expect(room.departureTimeout == 60)
        #expect(room.maxParticipants == 7)
        #expect(room.metadata == "room metadata")
        #expect(room.others.map(\.name) == ["minPlayoutDelay", "syncStreams"])
        #expect(
            room.agents == [
                .init(agentName: "avatar", metadata: #"{"voice":"slt"}"#), .init(agentName: ""),
            ])
        let video = try #require(claims.video)
        #expect(video.others.isEmpty)
        #expect(video.room == "röom 1")
        #expect(video.destinationRoom == "room 2")
        let flags = [
            video.roomCreate, video.roomList, video.roomRecord, video.roomAdmin, video.roomJoin,
            video.ingressAdmin, video.hidden, video.recorder, video.agent,
        ]
        #expect(flags.allSatisfy { $0 })
        #expect(video.canPublish == false)
        #expect(video.canSubscribe == true)
        #expect(video.canPublishData == false)
        #expect(video.canPublishSources == ["camera", "microphone"])
        #expect(video.canUpdateOwnMetadata == true)
        #expect(video.canSubscribeMetrics == true)
        #expect(video.canManageAgentSession == false)
    }

    @Test func theOfficialLibraryReadsOurTokens() async throws {
        // PyJWT reads the real clock: far enough either way that no clock matters.
        var claims = TokenClaims(
            identity: "viewer \u{1F600}\u{7F}\u{1}", video: .joining("röom"),
            now: WallClock(unixMilliseconds: 0), lifetime: .seconds(4_000_000_000))
        claims.name = "Ann \"O'Neil\" \\ /"
        claims.kind = .agent
        claims.attributes = ["b": "2", "a": "1"]
        claims.roomConfiguration = RoomConfiguration()
        claims.roomConfiguration?.emptyTimeout = 120
        claims.roomConfiguration?.agents = [.init(agentName: "avatar", metadata: "{}")]
        let token = try AccessToken.mint(claims, key: key)
        let wrong = try AccessToken.mint(claims, key: APIKey(id: "devkey", secret: "wrong"))
        let answer = try await JSONValue(
            parsing: PythonEnvironment.output(
                of: "access_tokens.py", ["verify"], input: "\(token)\n\(wrong)\n"))
        #expect(answer[1]?["error"]?.string == "InvalidSignatureError")
        let read = try #require(answer[0])
        #expect(read["identity"]?.string == claims.identity, "\(read)")
        #expect(read["name"]?.string == claims.name)
        #expect(read["header"]?["typ"]?.string == "JWT")
        let raw = try #require(read["claims"])
        #expect(raw["kind"]?.string == "agent")
        #expect(raw["exp"]?.int == 4_000_000_000)
        #expect(raw["nbf"]?.int == -10)
        #expect(raw["attributes"]?["b"]?.string == "2")
        #expect(raw["roomConfig"]?["emptyTimeout"]?.int == 120)
        #expect(raw["roomConfig"]?["agents"]?[0]?["agentName"]?.string == "avatar")
        #expect(raw["video"]?["roomJoin"]?.bool == true)
        #expect(raw["video"]?["room"]?.string == "röom")
    }
}
