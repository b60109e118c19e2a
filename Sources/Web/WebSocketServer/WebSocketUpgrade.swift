// SPDX-License-Identifier: Apache-2.0
internal import Crypto

/// Decides on a websocket, on the web loop; see `HTTPHandler` for its task.
public typealias WebSocketHandler = @Sendable (HTTPRequest) async -> WebSocketDecision

/// The answer to a client that wants a websocket.
public enum WebSocketDecision: Sendable {
    /// Opens it.
    case accept(WebSocketAcceptance)
    /// Answers as to any request.
    case refuse(HTTPResponse)
}

/// How an accepted websocket behaves.
public struct WebSocketAcceptance: Sendable {
    /// The subprotocol chosen among the client's; nil for none.
    public var subprotocol: String?
    /// Further fields of the 101 answer.
    public var headers: HTTPHeaders = [:]
    /// Silence after which the peer is pinged.
    public var pingAfter = Duration.seconds(10)
    /// Silence after which it counts as dead.
    public var hangUpAfter = Duration.seconds(30)
    /// Where the events go; nil for the web loop.
    public var post: WebSocketPost?
    /// Called on the web loop with the connection, before its first event; returns what takes the
    /// events.
    public var attach: @Sendable (WebSocketConnection) -> @Sendable (WebSocketEvent) -> Void

    /// Describes a websocket; further properties have defaults.
    public init(
        attach:
            @escaping @Sendable (WebSocketConnection) -> @Sendable (WebSocketEvent) -> Void
    ) {
        self.attach = attach
    }
}

/// RFC 6455 section 4.2: what a client's handshake must hold, and the key's answer.
enum WebSocketUpgrade {
    /// Whether a request may become a websocket.
    static func isWanted(_ head: HTTPRequestHead) -> Bool {
        let headers = head.headers
        return head.method == "GET" && head.version == "HTTP/1.1"
            && headers.hasToken("websocket", in: "Upgrade")
            && headers.hasToken("upgrade", in: "Connection")
            && headers.all("Sec-WebSocket-Version") == ["13"]
            && headers.all("Sec-WebSocket-Key").count == 1
            && headers["Sec-WebSocket-Key"]?.utf8.count == 24
    }

    /// Sec-WebSocket-Accept.
    static func accept(key: String) -> String {
        Base64.encode(sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }
}
