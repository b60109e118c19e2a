// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

/// Who may come in: the checks of `/rtc`, `/rtc/v1` and their `/validate`, with the statuses and
/// texts of livekit-server 1.13, which SDKs show to people and partly compare.
struct JoinGate: Sendable {
    /// What a request brings, wherever it came from.
    struct Request: Sendable {
        /// Its `Authorization` field.
        var authorization: String?
        /// Its query, decoded, first to last.
        var query: [(name: String, value: String)] = []
        /// The path ends in `/v1`, which asks for one connection both ways.
        var isSingleConnection = false

        /// The first value of a name in the query.
        func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

        /// A flag of the query: true for `1` and `true` alone.
        func flag(_ name: String) -> Bool? { value(name).map { $0 == "1" || $0 == "true" } }
    }

    /// An answer instead of a connection.
    struct Refusal: Error, Equatable {
        let status: Int
        /// Plain text. It may repeat the caller's token, as the real server does: not for logs.
        let text: String

        init(_ status: Int, _ text: String) {
            self.status = status
            self.text = text
        }
    }

    /// Longest identity and room name, bytes.
    static let nameBytesMax = AccessToken.maxNameLength

    let keys: [APIKey]

    /// Reads and checks the token; nil where there is none.
    ///
    /// - Throws: 401 with the reason.
    func claims(
        authorization: String?, parameter: String?, now: WallClock
    ) throws(Refusal) -> TokenClaims? {
        var token = parameter ?? ""
        if let authorization {
            guard authorization.hasPrefix("Bearer ") else {
                throw Refusal(401, "invalid authorization header. Must start with Bearer ")
            }
            token = String(authorization.dropFirst("Bearer ".count))
        }
        guard !token.isEmpty else { return nil }
        do {
            return try AccessToken.verify(token, keys: keys, now: now)
        } catch {
            switch error {
            case .malformed, .tooLong: throw Refusal(401, "invalid authorization token")
            case .unknownKey:
                let issuer = AccessToken.unverifiedIssuer(of: token) ?? ""
                throw Refusal(401, "invalid API key: \(issuer)")
            default:
                throw Refusal(401, "invalid token: \(token), error: \(Self.reason(error))")
            }
        }
    }

    /// Decides about a join.
    ///
    /// - Throws: what to answer instead.
    func admit(_ request: Request, now: WallClock) throws(Refusal) -> JoinTicket {
        let claims = try claims(
            authorization: request.authorization, parameter: request.value("access_token"),
            now: now)
        guard let claims else { throw Refusal(401, "no permissions to access the room") }
        guard let grant = claims.video, grant.roomJoin else {
            throw Refusal(401, "permissions denied")
        }
        guard !claims.identity.isEmpty else { throw Refusal(400, "identity cannot be empty") }
        guard claims.identity.utf8.count <= Self.nameBytesMax else {
            throw Refusal(400, "participant identity length exceeds limits: max length 256")
        }
        guard !grant.room.isEmpty else { throw Refusal(400, "no room name") }
        guard grant.room.utf8.count <= Self.nameBytesMax else {
            throw Refusal(400, "room name length exceeds limits: max length 256")
        }
        var ticket = JoinTicket(claims: claims, room: grant.room)
        if let parameter = request.value("join_request"), !parameter.isEmpty {
            do {
                ticket.take(try JoinRequest(parameter: parameter))
            } catch {
                throw Refusal(400, "cannot base64 decode wrapped join request")
            }
        } else {
            guard !request.isSingleConnection else {
                throw Refusal(400, "join_request is required")
            }
            ticket.take(request)
        }
        return ticket
    }

    private static func reason(_ refusal: AccessToken.Refusal) -> String {
        switch refusal {
        case .expired: "token has invalid claims: token is expired"
        case .notYetValid: "token has invalid claims: token is not valid yet"
        case .wrongSignature: "token signature is invalid: signature is invalid"
        case .unsupportedAlgorithm: "token signature is invalid: signing method is invalid"
        case .unlimited: "token has invalid claims: token is missing required claim: exp"
        default: "token is malformed: \(refusal)"
        }
    }
}

/// What a client that may come in wants.
struct JoinTicket: Sendable {
    let claims: TokenClaims
    let room: String
    /// One connection carries both ways.
    var isSingleConnection = false
    var client = ClientInfo()
    var autoSubscribe = true
    /// It goes on with the session of its identity.
    var reconnects = false
    var metadata = ""
    var attributes: [String: String] = [:]
    var addTrackRequests: [AddTrackRequest] = []
    var publisherOffer: SignalDescription?

    init(claims: TokenClaims, room: String) {
        self.claims = claims
        self.room = room
    }

    fileprivate mutating func take(_ request: JoinRequest) {
        isSingleConnection = true
        client = request.client
        autoSubscribe = request.settings.autoSubscribe
        reconnects = request.reconnects
        metadata = request.metadata
        attributes = request.attributes
        addTrackRequests = request.addTrackRequests
        publisherOffer = request.publisherOffer
    }

    fileprivate mutating func take(_ request: JoinGate.Request) {
        client.signalProtocol = request.value("protocol").flatMap { Int32($0) } ?? 0
        client.clientProtocol = request.value("client_protocol").flatMap { Int32($0) } ?? 0
        client.version = request.value("version") ?? ""
        client.sdk = Self.sdks[request.value("sdk") ?? ""] ?? 0
        client.capabilities = (request.value("capabilities") ?? "").split(separator: ",")
            .compactMap { Self.capabilities[String($0)] }
        autoSubscribe = request.flag("auto_subscribe") ?? true
        reconnects = request.flag("reconnect") ?? false
    }

    /// `livekit.ClientInfo.SDK` by the names in a query.
    private static let sdks: [String: Int32] = [
        "js": 1, "ios": 2, "swift": 2, "android": 3, "flutter": 4, "go": 5, "unity": 6,
        "reactnative": 7, "rust": 8, "python": 9, "cpp": 10, "unityweb": 11, "node": 12,
        "esp32": 14,
    ]
    /// `livekit.ClientInfo.Capability` by name.
    private static let capabilities: [String: Int32] = [
        "CAP_PACKET_TRAILER": 1, "CAP_COMPRESSION_DEFLATE_RAW": 2,
    ]
}
