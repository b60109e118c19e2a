// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import DevServer

/// Who may come in, with the statuses and texts of livekit-server 1.13.
@Suite struct JoinGateTests {
    static let key = APIKey(id: "devkey", secret: "secret")
    static let now = WallClock(unixMilliseconds: 1_795_282_674_000)
    let gate = JoinGate(keys: [key])

    static func token(
        identity: String = "bob", room: String = "r", seconds: Int64 = 60,
        key: APIKey = JoinGateTests.key, _ change: (inout TokenClaims) -> Void = { _ in }
    ) throws -> String {
        var claims = TokenClaims(
            identity: identity, video: .joining(room), now: now, lifetime: .seconds(seconds))
        change(&claims)
        return try AccessToken.mint(claims, key: key)
    }

    private func refusal(
        authorization: String? = nil, query: [(name: String, value: String)] = [],
        isSingle: Bool = false
    ) -> JoinGate.Refusal? {
        let request = JoinGate.Request(
            authorization: authorization, query: query, isSingleConnection: isSingle)
        do {
            _ = try gate.admit(request, now: Self.now)
            return nil
        } catch {
            return error
        }
    }

    @Test func aTokenInTheHeaderOrInTheQueryOpensItsRoom() throws {
        let token = try Self.token()
        #expect(refusal(authorization: "Bearer \(token)") == nil)
        #expect(refusal(query: [(name: "access_token", value: token)]) == nil)
    }

    @Test func whoHasNoGoodTokenIsToldSoInTheRealServersWords() throws {
        let token = try Self.token()
        #expect(refusal() == .init(401, "no permissions to access the room"))
        #expect(
            refusal(authorization: token)
                == .init(401, "invalid authorization header. Must start with Bearer "))
        #expect(
            refusal(authorization: "Bearer nonsense") == .init(401, "invalid authorization token"))
        let unknown = try Self.token(key: APIKey(id: "other", secret: "x"))
        #expect(refusal(authorization: "Bearer \(unknown)") == .init(401, "invalid API key: other"))
        let forged = try Self.token(key: APIKey(id: "devkey", secret: "x"))
        #expect(
            refusal(authorization: "Bearer \(forged)")
                == .init(
                    401,
                    "invalid token: \(forged), error: token signature is invalid: signature is "
                        + "invalid"))
        let old = try Self.token(seconds: -3600)
        #expect(
            refusal(authorization: "Bearer \(old)")
                == .init(
                    401, "invalid token: \(old), error: token has invalid claims: token is expired")
        )
        let young = try Self.token { $0.notBefore = Self.now.unixSeconds + 3600 }
        #expect(
            refusal(authorization: "Bearer \(young)")
                == .init(
                    401,
                    "invalid token: \(young), error: token has invalid claims: token is not valid "
                        + "yet"))
    }

    @Test func clocksMayDifferByHalfAMinute() throws {
        #expect(refusal(authorization: "Bearer \(try Self.token(seconds: -30))") == nil)
        let young = try Self.token { $0.notBefore = Self.now.unixSeconds + 30 }
        #expect(refusal(authorization: "Bearer \(young)") == nil)
    }

    @Test func grantsAreHeld() throws {
        let worker = try Self.token { $0.video?.roomJoin = false }
        #expect(refusal(authorization: "Bearer \(worker)") == .init(401, "permissions denied"))
        let bare = try Self.token { $0.video = nil }
        #expect(refusal(authorization: "Bearer \(bare)") == .init(401, "permissions denied"))
    }

    @Test func aSingleConnectionNeedsItsRequest() throws {
        let token = "Bearer \(try Self.token())"
        #expect(
            refusal(authorization: token, isSingle: true)
                == .init(400, "join_request is required"))
        #expect(
            refusal(
                authorization: token, query: [(name: "join_request", value: "%%%%")],
                isSingle: true)
                == .init(400, "cannot base64 decode wrapped join request"))
        let parameter = JoinRequest().parameter
        #expect(
            refusal(
                authorization: token, query: [(name: "join_request", value: parameter)],
                isSingle: true) == nil)
    }

    @Test func theQueryOfTwoConnectionsIsRead() throws {
        let request = JoinGate.Request(
            authorization: "Bearer \(try Self.token())",
            query: [
                (name: "protocol", value: "15"), (name: "client_protocol", value: "2"),
                (name: "sdk", value: "cpp"), (name: "reconnect", value: "1"),
                (name: "auto_subscribe", value: "0"),
                (name: "capabilities", value: "CAP_PACKET_TRAILER,CAP_NEWER"),
            ])
        let ticket = try gate.admit(request, now: Self.now)
        #expect(ticket.client.signalProtocol == 15 && ticket.client.clientProtocol == 2)
        #expect(ticket.client.sdk == 10 && ticket.client.capabilities == [1])
        #expect(ticket.reconnects && !ticket.autoSubscribe && !ticket.isSingleConnection)
        // Not said, it is wanted; on one connection it is the other way round.
        let plain = JoinGate.Request(authorization: "Bearer \(try Self.token())")
        #expect(try gate.admit(plain, now: Self.now).autoSubscribe)
    }
}
