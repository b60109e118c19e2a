// SPDX-License-Identifier: Apache-2.0

/// A request to somebody else's server.
public struct HTTPClientRequest: Sendable {
    /// Which proxy is used.
    public enum Proxy: Sendable, Equatable {
        /// What `https_proxy`, `http_proxy` and `no_proxy` say.
        case environment
        /// None.
        case none
        /// The one at this URL.
        case url(String)
    }

    /// The method, upper case.
    public var method: String
    /// http or https. Never part of an error: it may hold a key.
    public var url: String
    /// Header fields; Host, Content-Length and Connection are not for callers.
    public var headers: HTTPHeaders
    /// The body; empty for none.
    public var body: [UInt8]
    /// The time for the name, TCP and TLS.
    public var connectTimeout = Duration.seconds(5)
    /// The time for all of it, to the last byte of the answer; a paused reader's time counts.
    public var timeout: Duration
    /// An answer that has begun and brings no byte for this long is given up. Before it begins, a
    /// connection that moves nothing for this long, in whole seconds.
    public var silenceTimeout = Duration.seconds(15)
    /// A file of PEM certificates; they alone are trusted.
    public var certificateAuthorities = WebSocketRequest.systemCertificateAuthorities
    /// Which proxy is used.
    public var proxy = Proxy.environment
    /// Fails with `connectionLost` rather than send the body a second time.
    ///
    /// A connection kept from an earlier request may be closed by the server just when it is used
    /// again; the library then repeats the request on a new one by itself, also a POST, also when the
    /// server has acted on the first. With this flag it does not: for orders that cost money.
    public var mustNotRepeat = false

    /// Describes a request; further properties have defaults.
    public init(
        method: String = "GET", url: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        timeout: Duration = .seconds(30)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }

    var isWellFormed: Bool {
        HTTPHeaders.isToken(method) && headers.isWellFormed && !url.isEmpty
            && url.utf8.allSatisfy { $0 > 32 && $0 != 127 }
    }
}

/// Why there is no answer, or no whole one.
public enum HTTPClientError: Error, Sendable, Equatable {
    /// The request cannot be sent as it is: no such scheme, no host, broken headers.
    case invalidRequest
    /// The host's name has no address.
    case unknownHost
    /// Nobody took the connection, or the proxy did not.
    case unreachable
    /// A time limit passed.
    case timedOut
    /// TLS could not be established.
    case tls(TLSFailure)
    /// The connection ended before the answer did.
    case connectionLost
    /// The peer broke the protocol.
    case protocolError
    /// The answer's headers or, with `collect`, its body are above the limit.
    case tooLarge
    /// The caller's task was cancelled.
    case cancelled
    /// Too many requests at a time, or the client has stopped.
    case unavailable
    /// Another finding of the library: its number.
    case library(code: Int)

    /// Whether the same request may succeed at another time.
    public var isRetryable: Bool {
        switch self {
        case .unknownHost, .unreachable, .timedOut, .connectionLost, .unavailable: true
        case .invalidRequest, .tls, .protocolError, .tooLarge, .cancelled, .library: false
        }
    }
}

/// An answer whose body still comes.
public struct HTTPClientResponse: Sendable {
    /// The status code; every one counts as an answer, redirects too: they are not followed.
    public let status: Int
    /// The header fields, duplicates in their order.
    public let headers: HTTPHeaders
    /// The body. Dropping it gives the rest of the transfer up.
    public let body: HTTPClientBody
}

/// An answer's body, in pieces as they come; for one reader.
///
/// What is not read waits: at most 256 KB, beyond which the server is held back.
public final class HTTPClientBody: AsyncSequence, Sendable {
    /// Some bytes, never none.
    public typealias Element = [UInt8]

    private let id: UInt
    private let client: HTTPClient

    init(id: UInt, client: HTTPClient) {
        self.id = id
        self.client = client
    }

    deinit {
        client.giveUp(id)
    }

    /// Reads the pieces.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let body: HTTPClientBody

        /// The next piece; nil at the end.
        ///
        /// - Throws: `HTTPClientError` when the answer is cut; `cancelled` with the task.
        public func next() async throws -> [UInt8]? {
            try await body.client.next(body.id)
        }
    }

    /// Begins to read.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }

    /// The whole body.
    ///
    /// - Throws: `HTTPClientError`, `tooLarge` above `max` bytes.
    public func collect(max: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard whole.count + piece.count <= max else { throw HTTPClientError.tooLarge }
            whole += piece
        }
        return whole
    }
}
