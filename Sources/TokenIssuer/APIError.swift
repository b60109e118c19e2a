// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A refusal with its status, its stable code and a sentence for people.
public struct APIError: Error, Equatable, Sendable {
    /// The HTTP status.
    public let status: Int
    /// The code that programs look at.
    public let code: String
    /// One sentence.
    public let message: String
    /// Seconds for Retry-After.
    public var retryAfter: Int?
    /// Methods for Allow.
    public var allow: String?
    /// Whether WWW-Authenticate is due.
    var isChallenge: Bool { status == 401 }

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func badJSON(_ reason: String) -> APIError {
        APIError(400, "bad_json", "The body is not JSON: \(reason).")
    }
    static let notAnObject = APIError(400, "bad_request", "The body must be a JSON object.")
    static let unauthorized = APIError(
        401, "unauthorized", "A bearer key, or the session's own token, is needed.")
    static let notFound = APIError(404, "not_found", "There is no such path.")
    static let sessionNotFound = APIError(404, "session_not_found", "There is no such session.")
    static func forbidden(_ message: String) -> APIError { APIError(403, "forbidden", message) }
    static func methodNotAllowed(_ allow: String) -> APIError {
        var error = APIError(405, "method_not_allowed", "This path takes \(allow).")
        error.allow = allow
        return error
    }
    static func queueFull(_ most: Int) -> APIError {
        APIError(
            409, "queue_full", "\(most) utterances wait already; stop them or try again later.")
    }
    static let sessionEnded = APIError(410, "session_ended", "The session has ended.")
    static func invalidField(_ name: String, _ rule: String) -> APIError {
        APIError(422, "invalid_field", "\(name) \(rule).")
    }
    static func rateLimited(retryAfter: Int) -> APIError {
        var error = APIError(429, "rate_limited", "Too many requests came from this address.")
        error.retryAfter = retryAfter
        return error
    }
    static func unreachable(_ reason: String) -> APIError {
        APIError(502, "room_unreachable", reason)
    }
    static func overloaded(_ reason: String, retryAfter: Int) -> APIError {
        var error = APIError(503, "overloaded", reason)
        error.retryAfter = retryAfter
        return error
    }

    var answer: APIAnswer {
        var json = JSONWriter()
        json.object {
            $0.member("error") {
                $0.object {
                    $0.member("code", code)
                    $0.member("message", message)
                }
            }
        }
        var answer = APIAnswer(status: status, json: json.bytes)
        if let retryAfter { answer.headers.append(("Retry-After", String(retryAfter))) }
        if let allow { answer.headers.append(("Allow", allow)) }
        if isChallenge { answer.headers.append(("WWW-Authenticate", "Bearer")) }
        return answer
    }
}
