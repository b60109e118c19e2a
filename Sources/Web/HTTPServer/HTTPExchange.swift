// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net

/// One connection of the server; confined to the web loop.
final class HTTPLink {
    let id: UInt
    let descriptor: Int32
    let remoteAddress: SocketAddress
    /// When whatever it does now must be over; nil while nothing is limited.
    var deadline: Instant?
    /// What wakes us for it, perhaps too early: deadlines move more often than they pass.
    var alarm: (token: DeadlineToken, time: Instant)?
    /// The request in progress.
    var exchange: HTTPExchange?
    var isUpgraded = false

    init(id: UInt, descriptor: Int32, remoteAddress: SocketAddress) {
        self.id = id
        self.descriptor = descriptor
        self.remoteAddress = remoteAddress
    }
}

/// One request and its answer; confined to the web loop.
///
/// `head → body → waiting → answered → sent`; a refusal goes from head or body to sent.
final class HTTPExchange {
    enum Phase {
        /// The library has not called the handler yet.
        case head
        /// Body pieces come.
        case body
        /// Suspended: the handler's task runs.
        case waiting
        /// Resumed: the answer is there, the library takes it at its next call.
        case answered
        /// The library sends the answer.
        case sent
    }

    let id: UInt
    let target: String
    let start: Instant
    let link: HTTPLink
    var phase = Phase.head
    /// The library's connection, from the first handler call to the completion.
    var connection: OpaquePointer?

    var method = ""
    var headers = HTTPHeaders()
    var action: HTTPRoutes.Action?
    var match: HTTPRoutes.Match?
    var query: [HTTPRequest.QueryItem] = []
    var bodyMax = 0
    var body: [UInt8] = []
    var isTooLarge = false

    /// Set before the handler is asked: a refusal that leaves the connection open.
    var prepared: HTTPResponse?
    var response: HTTPResponse?
    var acceptance: WebSocketAcceptance?
    var mustClose = false
    var status = 0

    /// The watch for a client that leaves while the connection is suspended.
    var watch: Registration?
    var writer: HTTPBodyWriter?
    var stream: (@Sendable (HTTPBodyWriter) async throws -> Void)?
    var isStreamSuspended = false

    init(id: UInt, target: String, start: Instant, link: HTTPLink) {
        self.id = id
        self.target = target
        self.start = start
        self.link = link
    }

    var route: String { match?.route.pattern ?? "" }
    var isSuspended: Bool { phase == .waiting || isStreamSuspended }

    var request: HTTPRequest {
        HTTPRequest(
            method: method, target: target, route: route, parameters: match?.parameters ?? [:],
            query: query, headers: headers, remoteAddress: link.remoteAddress, body: body)
    }
}
