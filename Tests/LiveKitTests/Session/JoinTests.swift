// SPDX-License-Identifier: Apache-2.0
import LiveKit
import Testing

private let token =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiaXNzIjoiZGV2a2V5In0.c2lnbmF0dXJl"

/// The texts of livekit-server 1.8.4, 1.11.0 and 1.13.3, as they were measured.
@Suite struct JoinRefusalTests {
    @Test(arguments: [
        (401, "no permissions to access the room", JoinRefusal.tokenMissing),
        (401, "invalid authorization token", .tokenMalformed),
        (401, "invalid authorization header. Must start with Bearer ", .tokenMalformed),
        (401, "invalid API key: nokey", .unknownKey),
        (
            401,
            "invalid token: \(token), error: go-jose/go-jose: error in cryptographic primitive",
            .wrongSignature
        ),
        (
            401, "invalid token: \(token), error: token signature is invalid: signature is invalid",
            .wrongSignature
        ),
        (
            401,
            "invalid token: \(token), error: token signature is invalid: "
                + "signing method HS512 is invalid", .wrongSignature
        ),
        (
            401,
            "invalid token: \(token), error: go-jose/go-jose/jwt: validation failed, "
                + "token is expired (exp)", .tokenExpired
        ),
        (
            401, "invalid token: \(token), error: token has invalid claims: token is expired",
            .tokenExpired
        ),
        (
            401,
            "invalid token: \(token), error: go-jose/go-jose/jwt: validation failed, "
                + "token not valid yet (nbf)", .tokenNotYetValid
        ),
        (
            401, "invalid token: \(token), error: token has invalid claims: token is not valid yet",
            .tokenNotYetValid
        ),
        (401, "permissions denied", .notAllowed),
        (400, "identity cannot be empty", .identityMissing),
        (400, "participant identity length exceeds limits: max length 256", .identityTooLong),
        (400, "room name length exceeds limits: max length 256", .roomNameTooLong),
        (400, "no room name", .roomNameMissing),
        (400, "join_request is required", .other(status: 400, text: "join_request is required")),
        (404, "404 page not found\n", .notLiveKit(status: 404)),
        (404, "", .notLiveKit(status: 404)),
        (404, "requested room does not exist", .roomNotFound),
        (503, "too busy", .overloaded), (429, "", .overloaded),
        (
            500, "could not start session",
            .serverError(status: 500, text: "could not start session")
        ),
        (200, "<html>", .notLiveKit(status: 200)), (301, "", .notLiveKit(status: 301)),
        (418, "teapot\u{0}\u{1B}[1m", .other(status: 418, text: "teapot  [1m")),
    ])
    func everyKnownTextHasItsMeaning(status: Int, body: String, refusal: JoinRefusal) {
        #expect(JoinRefusal(status: status, body: body) == refusal)
        #expect(!JoinRefusal(status: status, body: body).description.isEmpty)
    }

    @Test func noTextEverHoldsAToken() {
        let bodies = [
            "invalid token: \(token), error: something new", "invalid token: \(token)", token,
            "{\"token\":\"\(token)\"}", "Bearer \(token)\n", "access_token=\(token)&x",
            String(repeating: "x ", count: 400) + token,
        ]
        for status in [400, 401, 403, 404, 418, 500] {
            for body in bodies {
                let text = "\(JoinRefusal(status: status, body: body))"
                #expect(!text.contains("eyJ") && !text.contains("c2lnbmF0dXJl"), "\(text)")
                #expect(text.count < 300)
            }
        }
    }

    @Test func onlyTheServersOwnTroublesAreWorthAnotherTry() {
        #expect(JoinRefusal.overloaded.isRetryable)
        #expect(JoinRefusal.serverError(status: 500, text: "").isRetryable)
        #expect(!JoinRefusal.tokenExpired.isRetryable)
        #expect(!JoinRefusal.notLiveKit(status: 404).isRetryable)
    }
}

@Suite struct SignalURLTests {
    @Test(arguments: [
        ("ws://localhost:7880", "ws://localhost:7880"), ("http://localhost", "ws://localhost"),
        ("wss://x.livekit.cloud", "wss://x.livekit.cloud"), ("HTTPS://X.Cloud/", "wss://x.cloud"),
        ("https://h:443//a//b/", "wss://h/a/b"), ("ws://h/rtc", "ws://h"),
        ("ws://h/lk/rtc/", "ws://h/lk"), ("ws://[::1]:7880/rtc", "ws://[::1]:7880"),
        ("  ws://10.0.0.1:80  ", "ws://10.0.0.1"), ("ws://h/rtcx", "ws://h/rtcx"),
    ])
    func addressesAsPeopleWriteThem(text: String, expected: String) throws {
        let url = try SignalURL(text)
        #expect(url.description == expected)
        #expect(
            url.joinTarget(client: ClientDescription(version: "1.0 β"))
                == "\(url.prefix)/rtc?protocol=15&client_protocol=0&auto_subscribe=0"
                + "&adaptive_stream=0&sdk=cpp&version=1.0%20%CE%B2&os=linux")
    }

    @Test(arguments: [
        ("", SignalURL.ParseError.unknownScheme), ("localhost:7880", .unknownScheme),
        ("ftp://h", .unknownScheme), ("ws:/h", .unknownScheme), ("ws://", .invalidHost),
        ("ws://:80", .invalidHost), ("ws://a b", .invalidHost), ("ws://h:", .invalidPort),
        ("ws://h:0", .invalidPort), ("ws://h:65536", .invalidPort), ("ws://h:+1", .invalidPort),
        ("ws://[::1", .invalidHost), ("ws://[::1]x", .invalidPort), ("ws://[h]", .invalidHost),
        ("ws://user:secret@h", .userInfo), ("ws://h?x=1", .invalidPath),
        ("ws://h/#a", .invalidPath),
        ("ws://h/a b", .invalidPath), ("ws://h/\r\nX: y", .invalidPath),
        ("ws://" + String(repeating: "h", count: 3000), .tooLong),
    ])
    func whatIsNoAddressIsNamed(text: String, error: SignalURL.ParseError) {
        #expect(throws: error) { try SignalURL(text) }
    }

    @Test func aResumeNamesTheParticipant() throws {
        let url = try SignalURL("wss://h/lk")
        let target = url.resumeTarget(
            client: ClientDescription(version: "1"), sid: "PA_a&b", reason: 1)
        #expect(target.hasPrefix("/lk/rtc?protocol=15&"))
        #expect(target.hasSuffix("&reconnect=1&sid=PA_a%26b&reconnect_reason=1"))
    }
}

@Suite struct TrickledCandidateTests {
    @Test func theServersFormIsReadAndOursIsTheSame() {
        let text =
            #"{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host ufrag abc","#
            + #""sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}"#
        let candidate = TrickledCandidate(json: text)
        #expect(candidate?.mid == "0")
        #expect(candidate?.sectionIndex == 0)
        #expect(candidate?.usernameFragment == nil)
        #expect(candidate?.json == text)
    }

    @Test(arguments: ["", "null", "{", "{}", #"{"candidate":1}"#, #"{"candidate":null}"#])
    func whatHoldsNoCandidateIsNone(text: String) {
        #expect(TrickledCandidate(json: text) == nil)
    }

    @Test func aWrongPlaceIsNoPlace() {
        let candidate = TrickledCandidate(json: #"{"candidate":"c","sdpMLineIndex":-1,"sdpMid":7}"#)
        #expect(candidate?.sectionIndex == nil)
        #expect(candidate?.mid == nil)
        let long = #"{"candidate":""# + String(repeating: "c", count: 4096) + #""}"#
        #expect(TrickledCandidate(json: long) == nil)
    }
}
