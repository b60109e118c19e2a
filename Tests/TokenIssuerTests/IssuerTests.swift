// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import TokenIssuer

@Suite struct IssuerTests {
    @Test func aSessionComesWithATokenThatOpensItsRoom() async throws {
        let desk = Desk()
        let (status, json, _) = await desk.post(
            "/session-live", #"{"lead_ms":100,"avatar_id":"a"}"#)
        #expect(status == 201)
        let id = try #require(json["session_id"]?.string)
        let room = try #require(SessionID(id, secret: "secret")).room
        let token = try #require(json["webrtc"]?["token"]?.string)
        #expect(json["participant_token"]?.string == token && json["token"]?.string == token)
        #expect(json["server_url"]?.string == "ws://127.0.0.1:7880")
        let claims = try AccessToken.verify(token, keys: [desk.key], now: desk.now)
        #expect(claims.video?.room == room && claims.video?.roomJoin == true)
        #expect(claims.roomConfiguration?.emptyTimeout == 120)
        #expect(claims.roomConfiguration?.departureTimeout == 60)
        #expect(claims.expiresAt == desk.now.unixSeconds + 70 * 60)
        let plan = try #require(await desk.sessions.plans.first)
        #expect(plan.room == room && plan.lead == 100 && plan.avatar == "a")
        let agent = try AccessToken.verify(plan.token, keys: [desk.key], now: desk.now)
        #expect(agent.name == "AI Assistant" && agent.kind == .agent)
        #expect(agent.identity == json["agent"]?["identity"]?.string)
        #expect(agent.identity.hasPrefix("assistant-") && agent.identity.utf8.count == 18)
    }

    @Test func emptyBodiesAndAliasesWork() async throws {
        let desk = Desk()
        #expect(await desk.post("/session-live", "").status == 201)
        let (status, json, _) = await desk.post("/session", "{}")
        #expect(status == 201)
        let id = try #require(json["session_id"]?.string)
        let spoken = await desk.post("/speak", #"{"session_id":"\#(id)","text":"hi"}"#)
        #expect(
            spoken.status == 200 && spoken.json["u"]?.int == 1 && spoken.json["queued"]?.int == 0)
        let stopped = await desk.post("/stop", #"{"session_id":"\#(id)"}"#)
        #expect(stopped.json["stopped"]?.array == [.integer(1)])
        #expect(await desk.call("DELETE", "/session-live/\(id)").status == 200)
        #expect(await desk.call("DELETE", "/session-live/\(id)").status == 200)
        #expect(
            await desk.post("/session-live/\(id)/speak", #"{"text":"x"}"#).code == "session_ended")
    }

    @Test(arguments: [
        ("/session-live", "{", 400, "bad_json"), ("/session-live", "[]", 400, "bad_request"),
        ("/session-live", #"{"lead_ms":1001}"#, 422, "invalid_field"),
        ("/session-live", #"{"lead_ms":"1"}"#, 422, "invalid_field"),
        ("/session-live", #"{"voice_id":"nobody"}"#, 422, "invalid_field"),
        ("/session-live", #"{"avatar_id":7}"#, 422, "invalid_field"),
        ("/speak", #"{"text":"x"}"#, 422, "invalid_field"),
        ("/speak", #"{"session_id":"avatar-x.AAAA","text":"x"}"#, 404, "session_not_found"),
        ("/session-live/nope/speak", #"{"text":"x"}"#, 404, "session_not_found"),
        ("/nothing", "{}", 404, "not_found"), ("/session-live/", "{}", 404, "session_not_found"),
        ("/voices", "{}", 405, "method_not_allowed"),
        ("/token", #"{"room":"avatar-x"}"#, 403, "forbidden"),
        ("/token", #"{"room":"r","identity":"assistant-x"}"#, 403, "forbidden"),
        ("/token", #"{"room":""}"#, 422, "invalid_field"),
    ])
    func wrongInputHasItsCode(path: String, body: String, status: Int, code: String) async {
        let answer = await Desk().post(path, body)
        #expect(answer.status == status)
        #expect(answer.code == code)
    }

    @Test func textHasItsBounds() async throws {
        let desk = Desk()
        let id = try #require(await desk.post("/session-live", "").json["session_id"]?.string)
        let path = "/session-live/\(id)/speak"
        for body in [
            "{}", #"{"text":""}"#, #"{"text":" \n "}"#, #"{"text":5}"#,
            #"{"text":"\#(String(repeating: "a", count: 5001))"}"#,
            #"{"text":"\#(String(repeating: "😀", count: 5000 + 1))"}"#,
        ] {
            let answer = await desk.post(path, body)
            #expect(answer.status == 422)
        }
        #expect(
            await desk.post(path, #"{"text":"\#(String(repeating: "a", count: 5000))"}"#).status
                == 200)
        #expect(await desk.post(path, #"{"text":"😀"}"#).status == 200)
    }

    @Test func refusalsOfTheSessionsBecomeTheirCodes() async throws {
        let desk = Desk()
        let id = try #require(await desk.post("/session-live", "").json["session_id"]?.string)
        await desk.sessions.refuse(.queueFull(32))
        #expect(await desk.post("/session-live/\(id)/speak", #"{"text":"x"}"#).code == "queue_full")
        await desk.sessions.refuse(.unreachable("no route"))
        #expect(await desk.post("/session-live", "").code == "room_unreachable")
        await desk.sessions.refuse(.overloaded("full"))
        let answer = await desk.issuer.answer(desk.request("POST", "/session-live"))
        #expect(answer.status == 503 && answer.headers.contains { $0.name == "Retry-After" })
    }

    @Test func foreignHostsAndOriginsAreKeptOutWithoutKeys() async {
        let desk = Desk()
        for host in ["evil.example", "127.0.0.1.evil.example", "[::2]:80", ""] {
            let answer = await desk.call("GET", "/voices", headers: [("Host", host)])
            #expect(answer.code == "forbidden")
        }
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "127.0.0.1:1"] {
            #expect(await desk.call("GET", "/voices", headers: [("host", host)]).status == 200)
        }
        for origin in [
            "http://evil.example", "http://localhost.evil.example", "null", "http://localhost:8x",
        ] {
            let answer = await desk.call(
                "GET", "/voices", headers: [("Host", "localhost"), ("Origin", origin)])
            #expect(answer.code == "forbidden")
        }
        let page = await desk.call(
            "GET", "/voices", headers: [("Host", "localhost"), ("Origin", "http://localhost:3000")])
        #expect(page.status == 200)
    }

    @Test func preflightTellsWhatAPageMaySend() async {
        let desk = Desk()
        let answer = await desk.issuer.answer(
            desk.request(
                "OPTIONS", "/session-live",
                headers: [("Host", "localhost"), ("Origin", "http://127.0.0.1:5000")]))
        #expect(answer.status == 204)
        let headers = Dictionary(answer.headers.map { ($0.name, $0.value) }) { $1 }
        let fields = desk.issuer.crossOriginFields("http://127.0.0.1:5000").map(\.value)
        #expect(fields == ["Origin", "http://127.0.0.1:5000"])
        #expect(desk.issuer.crossOriginFields("http://evil.example").map(\.name) == ["Vary"])
        #expect(
            headers["Access-Control-Allow-Headers"]
                == "authorization, content-type, idempotency-key")
    }

    @Test func withKeysOnlyTheyAndTheOwnTokenOpen() async throws {
        let desk = Desk { $0.bearerKeys = ["k1", "k2"] }
        #expect(await desk.post("/session-live", "").code == "unauthorized")
        #expect(await desk.post("/session-live", "", bearer: "k3").code == "unauthorized")
        let made = await desk.post("/session-live", "", bearer: "k2")
        let id = try #require(made.json["session_id"]?.string)
        let token = try #require(made.json["token"]?.string)
        #expect(
            await desk.post("/session-live/\(id)/speak", #"{"text":"x"}"#, bearer: token).status
                == 200)
        #expect(await desk.post("/session-live", "", bearer: token).code == "forbidden")
        let other = await desk.post("/session-live", "", bearer: "k1")
        let otherID = try #require(other.json["session_id"]?.string)
        #expect(
            await desk.post("/session-live/\(otherID)/stop", "", bearer: token).code == "forbidden")
        #expect(await desk.post("/token", #"{"room":"r"}"#, bearer: "k1").code == "forbidden")
    }

    @Test func tokenCallSpeaksBothForms() async throws {
        let desk = Desk()
        let form = await desk.post(
            "/token",
            #"{"room_name":"r","participant_identity":"p","participant_name":"P","participant_attributes":{"a":"b"}}"#
        )
        let claims = try AccessToken.verify(
            try #require(form.json["participant_token"]?.string), keys: [desk.key], now: desk.now)
        #expect(
            claims.identity == "p" && claims.video?.room == "r" && claims.attributes == ["a": "b"])
        let old = await desk.post("/token", #"{"room":"r2","identity":"q","name":"Q"}"#)
        let oldClaims = try AccessToken.verify(
            try #require(old.json["token"]?.string), keys: [desk.key], now: desk.now)
        #expect(oldClaims.identity == "q" && oldClaims.name == "Q" && oldClaims.video?.room == "r2")
    }

    @Test func sessionIdsCannotBeMadeFromTheRoomsName() {
        let id = SessionID.random(secret: "s")
        #expect(SessionID(id.description, secret: "s") == id)
        #expect(SessionID(id.description, secret: "t") == nil)
        #expect(SessionID(id.room + ".", secret: "s") == nil)
        #expect(SessionID(id.description + "A", secret: "s") == nil)
    }

    @Test func whoCallsTooOftenIsToldWhenToComeAgain() async throws {
        let desk = Desk { $0.requestsPerMinute = 3 }
        for _ in 0..<3 { #expect(try await desk.answer(from: "203.0.113.9").status == 200) }
        let refused = try await desk.answer(from: "203.0.113.9")
        #expect(refused.status == 429)
        #expect(refused.headers.contains { $0.name == "Retry-After" && $0.value == "20" })
        let code = try JSONValue(parsing: refused.body)["error"]?["code"]?.string
        #expect(code == "rate_limited")
        #expect(try await desk.answer(from: "203.0.113.10").status == 200)
    }

    @Test func aForgedAddressEscapesNoLimitAndStealsNobodysShare() async throws {
        var proxies = TrustedProxies()
        let isTaken = proxies.add("10.0.0.4")
        #expect(isTaken)
        let desk = Desk { [proxies] settings in
            settings.requestsPerMinute = 2
            settings.trustedProxies = proxies
        }
        // A stranger that invents an address for each request, directly and through the proxy.
        for number in 0..<2 {
            let forged = try await desk.answer(
                from: "198.51.100.7", forwardedFor: ["203.0.113.\(number)"])
            #expect(forged.status == 200)
            let relayed = try await desk.answer(
                from: "10.0.0.4", forwardedFor: ["203.0.113.\(number), 198.51.100.8"])
            #expect(relayed.status == 200)
        }
        for forged in ["203.0.113.7", "127.0.0.1", "198.51.100.99", ""] {
            let direct = try await desk.answer(from: "198.51.100.7", forwardedFor: [forged])
            #expect(direct.status == 429, "\(forged)")
            let relayed = try await desk.answer(
                from: "10.0.0.4", forwardedFor: [forged + ", 198.51.100.8"])
            #expect(relayed.status == 429, "\(forged)")
        }
        // Whose addresses were used has its own share, through the proxy.
        let honest = try await desk.answer(from: "10.0.0.4", forwardedFor: ["203.0.113.0"])
        #expect(honest.status == 200)
        // Programs of this machine are not counted, but not everybody who says so is one.
        for _ in 0..<5 { #expect(try await desk.answer(from: "127.0.0.1").status == 200) }
        for status in [200, 200, 429] {
            let claim = try await desk.answer(from: "10.0.0.4", forwardedFor: ["127.0.0.1"])
            #expect(claim.status == status)
        }
    }

    @Test func hostileBodiesNeverTrap() async {
        let desk = Desk()
        var random = SeededRandom(seed: 2)
        let seed = Array(
            #"{"lead_ms":1,"voice_id":"slt","metadata":{"a":[1]},"avatar_id":"x"}"#.utf8)
        for _ in 0..<2000 {
            var body = seed
            for _ in 0..<3 {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            var call = desk.request("POST", "/session-live")
            call.body = body
            let answer = await desk.issuer.answer(call)
            #expect([201, 400, 422].contains(answer.status))
        }
    }
}

/// An issuer with sessions that only keep a list.
private struct Desk {
    let key = APIKey(id: "devkey", secret: "secret")
    let now = WallClock(unixMilliseconds: 1_800_000_000_000)
    let sessions = ListedSessions()
    let issuer: Issuer

    init(_ change: (inout IssuerSettings) -> Void = { _ in }) {
        var settings = IssuerSettings(key: key, publicURL: "ws://127.0.0.1:7880")
        change(&settings)
        issuer = Issuer(settings: settings, sessions: sessions) { [now] in now }
    }

    func request(
        _ method: String, _ path: String, headers: [(String, String)] = [("Host", "localhost:8080")]
    ) -> APICall {
        APICall(method: method, path: path, headers: headers.map { (name: $0.0, value: $0.1) })
    }

    func call(
        _ method: String, _ path: String, headers: [(String, String)] = [("Host", "localhost:8080")]
    ) async -> (status: Int, code: String?) {
        let answer = await issuer.answer(request(method, path, headers: headers))
        return (answer.status, (try? JSONValue(parsing: answer.body))?["error"]?["code"]?.string)
    }

    /// A request as it comes from an address, with what stands in X-Forwarded-For.
    func answer(from peer: String, forwardedFor: [String] = []) async throws -> APIAnswer {
        var call = request("GET", "/voices")
        call.client = APICall.client(
            of: try #require(IPAddress(peer)), forwardedFor: forwardedFor,
            through: issuer.settings.trustedProxies)
        return await issuer.answer(call)
    }

    func post(
        _ path: String, _ body: String, bearer: String? = nil
    ) async -> (status: Int, json: JSONValue, code: String?) {
        var call = request("POST", path)
        if let bearer { call.headers.append(("Authorization", "Bearer \(bearer)")) }
        call.body = Array(body.utf8)
        let answer = await issuer.answer(call)
        let json = (try? JSONValue(parsing: answer.body)) ?? .null
        return (answer.status, json, json["error"]?["code"]?.string)
    }
}

private actor ListedSessions: SessionControl {
    var plans: [SessionPlan] = []
    private var live: Set<String> = []
    private var refusal: SessionRefusal?
    private var spoken = 0

    func refuse(_ refusal: SessionRefusal) { self.refusal = refusal }

    func start(_ plan: SessionPlan) async throws(SessionRefusal) {
        if let refusal { throw refusal }
        plans.append(plan)
        live.insert(plan.room)
    }

    func status(room: String) async -> SessionStatus? {
        guard live.contains(room) else { return nil }
        let start = WallClock(unixMilliseconds: 0)
        return SessionStatus(state: .live, voice: "slt", startedAt: start, endsAt: start)
    }

    func speak(
        room: String, text: String, bargeIn: Bool, voice: String?
    ) async throws(SessionRefusal) -> AcceptedUtterance {
        if let refusal { throw refusal }
        guard live.contains(room) else { throw .ended }
        spoken += 1
        return AcceptedUtterance(id: spoken, queued: 0)
    }

    func stop(room: String) async throws(SessionRefusal) -> [Int] {
        guard live.contains(room) else { throw .ended }
        return [spoken]
    }

    func end(room: String) async { live.remove(room) }

    func voices() async -> [VoiceEntry] {
        [VoiceEntry(id: "slt", language: "en-US", name: "slt", provider: "flite")]
    }
}
