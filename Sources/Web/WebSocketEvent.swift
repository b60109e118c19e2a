// SPDX-License-Identifier: Apache-2.0

/// One websocket message.
public enum WebSocketFrame: Sendable, Equatable {
    /// A text message; valid UTF-8.
    case text(String)
    /// A binary message.
    case binary([UInt8])

    /// The payload's length in bytes.
    public var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}

/// What a websocket reports.
///
/// Order: `opened` at most once, then frames, then exactly one of `closed` and `failed`, which is the
/// last. After `close` was called no more frames come.
public enum WebSocketEvent: Sendable, Equatable {
    /// The upgrade is done; frames may go either way.
    case opened
    /// A whole message.
    case frame(WebSocketFrame)
    /// The connection ended by close frames, or by our own `close`. The code is the peer's, else
    /// ours; 1005 where a close frame carried none.
    case closed(code: UInt16, reason: String)
    /// The connection could not be made, or broke.
    case failed(WebSocketError)
}

/// Why a websocket connection could not be made, or broke.
public enum WebSocketError: Error, Sendable, Equatable {
    /// The request cannot be sent as it is; names the part.
    case invalidRequest(String)
    /// More connections than the client was made for, or the client has stopped.
    case unavailable
    /// No address took the connection.
    case unreachable
    /// The request's timeout passed before the server's answer.
    case timedOut
    /// TLS could not be established.
    case tls(TLSFailure)
    /// The server answered with another status than 101. The text is the body as far as it came
    /// with the headers, ≤ 4 KB, with tokens taken out.
    case refused(status: Int, body: String)
    /// The peer broke the protocol; a short text of ours.
    case protocolError(String)
    /// A message above the limit.
    case tooLarge
    /// The connection ended without a close frame.
    case lost
    /// Nothing came for the request's `hangUpAfter`.
    case silent
    /// The receiver left more than the limit of delivered bytes unhandled.
    case receiverTooSlow

    /// Whether the same request may succeed at another time.
    public var isRetryable: Bool {
        switch self {
        case .unreachable, .timedOut, .lost, .silent, .receiverTooSlow, .unavailable: true
        case .refused(let status, _): status == 429 || status >= 500
        case .invalidRequest, .tls, .protocolError, .tooLarge: false
        }
    }
}
