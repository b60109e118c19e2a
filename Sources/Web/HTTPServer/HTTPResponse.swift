// SPDX-License-Identifier: Apache-2.0

/// An answer.
///
/// Date, Content-Length (or chunks) and, where the connection ends, `Connection: close` are added by
/// the server; a body is left out for HEAD.
public struct HTTPResponse: Sendable {
    /// What follows the headers.
    public enum Body: Sendable {
        /// Copied once into the connection.
        case bytes([UInt8])
        /// Shared by all answers, never copied.
        case fixed(HTTPFixedBody)
        /// Written piece by piece while it is sent, in chunks. The closure starts when the client is
        /// ready for the first piece, on the web loop; when it throws, the connection is cut.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
    }

    /// The status code, 200…599.
    public var status: Int
    /// Fields beside those that the server adds.
    public var headers: HTTPHeaders
    /// The body.
    public var body: Body

    /// Creates an answer.
    public init(status: Int = 200, headers: HTTPHeaders = [:], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer in JSON.
    public static func json(_ bytes: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "application/json"], body: .bytes(bytes))
    }

    /// An answer in plain text.
    public static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: .bytes(Array(text.utf8)))
    }
}

/// A body that many answers share.
public final class HTTPFixedBody: Sendable {
    // SAFETY: written once before the initialiser returns, freed by deinit; answers in flight hold
    // a reference.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// Copies the bytes, once.
    public init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(bytes.count, 1), alignment: 1)
        memory.copyBytes(from: bytes)
        self.bytes = UnsafeRawBufferPointer(
            rebasing: UnsafeRawBufferPointer(memory)[..<bytes.count])
    }

    deinit {
        bytes.deallocate()
    }
}
