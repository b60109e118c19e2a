// SPDX-License-Identifier: Apache-2.0

/// What the server itself answers, before or instead of a handler.
public struct HTTPRefusal: Error, Sendable, Equatable {
    /// The status code.
    public let status: Int
    /// A stable word for programs.
    public let code: String
    /// A sentence for people; holds nothing that the client sent.
    public let message: String

    static let badRequest = HTTPRefusal(400, "bad_request", "The request is malformed.")
    static let notFound = HTTPRefusal(404, "not_found", "There is nothing at this path.")
    static let methodNotAllowed = HTTPRefusal(
        405, "method_not_allowed", "This path does not take this method.")
    static let timeout = HTTPRefusal(408, "timeout", "The request took too long.")
    static let lengthRequired = HTTPRefusal(
        411, "length_required", "A body needs Content-Length; chunks are not taken.")
    static let bodyTooLarge = HTTPRefusal(413, "body_too_large", "The body is too large.")
    static let targetTooLong = HTTPRefusal(414, "target_too_long", "The target is too long.")
    static let upgradeRequired = HTTPRefusal(
        426, "upgrade_required", "This path takes websocket connections, version 13.")
    static let headersTooMany = HTTPRefusal(
        431, "headers_too_many", "There are too many header fields.")
    static let notImplemented = HTTPRefusal(501, "not_implemented", "The method is unknown.")
    static let overloaded = HTTPRefusal(503, "overloaded", "The answer took too long.")

    private init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// `{"error":{"code":…,"message":…}}`.
    public var response: HTTPResponse {
        // Our own constants: nothing in them needs an escape.
        var response = HTTPResponse.json(
            Array(#"{"error":{"code":"\#(code)","message":"\#(message)"}}"#.utf8), status: status)
        if status == 426 {
            response.headers["Upgrade"] = "websocket"
            response.headers["Sec-WebSocket-Version"] = "13"
        }
        if status == 503 { response.headers["Retry-After"] = "1" }
        return response
    }
}
