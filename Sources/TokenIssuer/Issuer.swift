// SPDX-License-Identifier: Apache-2.0
public import Base
internal import Crypto
internal import LiveKit

/// The HTTP service: tokens for clients, and the calls that make a session speak.
///
/// Knows requests and answers but no sockets: `Web` carries it, tests call it. Safe to use from any
/// task; all the state that it holds are the counts of the rate limit.
public struct Issuer: Sendable {
    /// Longest body of a request, bytes: the longest text in JSON escapes, and metadata beside it.
    public static let bodyMax = 256 * 1024
    /// Longest text of an utterance.
    public static let textCharactersMax = 5_000
    /// Longest text of an utterance in UTF-8.
    public static let textBytesMax = 20_000
    /// Longest metadata of a participant, bytes.
    static let metadataMax = 64 * 1024

    let settings: IssuerSettings
    let sessions: any SessionControl
    let clock: @Sendable () -> WallClock
    private let check: CallerCheck
    private let limit: RateLimit

    /// Creates the service.
    ///
    /// - Parameters:
    ///   - settings: keys, addresses and rules.
    ///   - sessions: whoever runs the sessions.
    ///   - clock: civil time, for tokens.
    public init(
        settings: IssuerSettings, sessions: any SessionControl,
        clock: @escaping @Sendable () -> WallClock
    ) {
        self.settings = settings
        self.sessions = sessions
        self.clock = clock
        check = CallerCheck(settings: settings)
        limit = RateLimit(perMinute: settings.requestsPerMinute)
    }

    /// Answers one request; never throws: every refusal is an answer too.
    public func answer(_ call: APICall) async -> APIAnswer {
        do throws(APIError) {
            return try await route(call)
        } catch {
            return error.answer
        }
    }

    // MARK: Routes

    private func route(_ call: APICall) async throws(APIError) -> APIAnswer {
        if call.path == "/health" {
            try allow(call, "GET", "HEAD")
            return APIAnswer { $0.member("status", "ok") }
        }
        if let client = call.client, let seconds = limit.wait(for: client, at: clock()) {
            throw .rateLimited(retryAfter: seconds)
        }
        if call.method == "OPTIONS" { return try preflight(call) }
        let caller = try check.caller(of: call, now: clock())
        let parts = call.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map(String.init)
        switch (parts.first, parts.count) {
        case ("session-live", 1), ("session", 1):
            try allow(call, "POST")
            try requireTrust(caller)
            return try await createSession(try call.fields())
        case ("session-live", 2...3):
            let id = try sessionID(parts[1], caller)
            return try await session(id, parts.count == 3 ? parts[2] : nil, call)
        case ("speak", 1), ("stop", 1):
            try allow(call, "POST")
            let fields = try call.fields()
            guard let text = try fields.string("session_id", maxCharacters: 300) else {
                throw .invalidField("session_id", "is missing")
            }
            let id = try sessionID(text, caller)
            return parts[0] == "speak" ? try await speak(id, fields) : try await stop(id)
        case ("token", 1):
            try allow(call, "POST")
            try requireTrust(caller)
            return try roomToken(try call.fields())
        case ("voices", 1):
            try allow(call, "GET", "HEAD")
            return await voices()
        default:
            throw .notFound
        }
    }

    private func session(
        _ id: SessionID, _ action: String?, _ call: APICall
    ) async throws(APIError) -> APIAnswer {
        switch action {
        case nil:
            try allow(call, "GET", "HEAD", "DELETE")
            guard call.method == "DELETE" else { return try await status(id) }
            await sessions.end(room: id.room)
            return APIAnswer { $0.member("ok", true) }
        case "speak":
            try allow(call, "POST")
            return try await speak(id, try call.fields())
        case "stop":
            try allow(call, "POST")
            return try await stop(id)
        case "token":
            try allow(call, "POST")
            return try await viewerToken(id, try call.fields())
        default:
            throw .notFound
        }
    }

    private func allow(_ call: APICall, _ methods: String...) throws(APIError) {
        guard methods.contains(call.method) else {
            throw .methodNotAllowed((methods + ["OPTIONS"]).joined(separator: ", "))
        }
    }

    private func requireTrust(_ caller: CallerCheck.Caller) throws(APIError) {
        guard caller == .trusted else {
            throw .forbidden("A participant's token opens its own session only.")
        }
    }

    private func sessionID(
        _ text: String, _ caller: CallerCheck.Caller
    ) throws(APIError) -> SessionID {
        guard let id = SessionID(text, secret: settings.key.secret) else { throw .sessionNotFound }
        if case .participant(let room) = caller, room != id.room {
            throw .forbidden("This token belongs to another session.")
        }
        return id
    }

    // MARK: CORS

    private func preflight(_ call: APICall) throws(APIError) -> APIAnswer {
        guard let origin = call.header("origin"), check.isAllowed(origin) else {
            throw .forbidden("Web pages from this origin may not call; see http.cors_origins.")
        }
        var answer = APIAnswer(status: 204)
        answer.headers = [
            ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
            ("Access-Control-Allow-Headers", "authorization, content-type, idempotency-key"),
            ("Access-Control-Max-Age", "600"),
        ]
        return answer
    }

    /// The header fields by which a browser lets a page read an answer; for every answer, also those
    /// that the HTTP server gives by itself.
    ///
    /// - Parameter origin: the request's Origin.
    /// - Returns: none without an Origin.
    public func crossOriginFields(_ origin: String?) -> [(name: String, value: String)] {
        guard let origin else { return [] }
        let vary = (name: "Vary", value: "Origin")
        guard check.isAllowed(origin) else { return [vary] }
        return [vary, (name: "Access-Control-Allow-Origin", value: origin)]
    }
}
