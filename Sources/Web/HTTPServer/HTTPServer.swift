// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux
public import Net

/// An HTTP/1.1 server on a loop, with websockets (libmicrohttpd and wslay).
///
/// An actor on the loop: handlers run there, one piece at a time. It lives until `stop`, which must
/// come before the loop's own.
public actor HTTPServer {
    /// Limits; the defaults fit a service behind a proxy or on loopback.
    public struct Settings: Sendable {
        /// Connections at a time; more wait in the kernel's queue.
        public var connectionsMax = 1000
        /// Connections of one address at a time; 0 for no limit, as behind a proxy. More are reset.
        public var connectionsPerAddressMax = 0
        /// The time for a request line and headers, also to a first request and between two.
        public var headTimeout = Duration.seconds(15)
        /// The time for a body.
        public var bodyTimeout = Duration.seconds(30)
        /// The time for a handler; then the client gets 503 and the task is cancelled.
        public var answerTimeout = Duration.seconds(30)
        /// The time for a client to take an answer.
        public var sendTimeout = Duration.seconds(60)
        /// The time for a client to take a streamed answer.
        public var streamTimeout = Duration.seconds(600)
        /// Changes every answer before it leaves, as for CORS; also those of the server itself.
        public var finish: (@Sendable (HTTPAnswered) -> HTTPHeaders)?
        /// Told of every request that ended, on the web loop.
        public var observe: (@Sendable (HTTPRecord) -> Void)?
        /// The library's own complaints, at most one a second, on the web loop.
        public var complain: (@Sendable (String) -> Void)?

        /// The defaults.
        public init() {}
    }

    /// Why a server could not be started.
    public enum StartError: Error, Sendable, Equatable {
        /// Another program listens there.
        case addressInUse
        /// The system refused: address not ours, port reserved.
        case system(SystemError)
        /// The library refused.
        case library
    }

    /// Where it listens: with the port that the kernel chose, where 0 was asked for.
    public nonisolated let address: SocketAddress
    private nonisolated let loop: Loop
    private let routes: HTTPRoutes
    private let settings: Settings
    private var listener: Int32
    private var daemon: HTTPDaemon?
    private var tasks: [UInt: Task<Void, Never>] = [:]
    private var onEmpty: CheckedContinuation<Void, Never>?

    /// The loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    /// Listens; connections wait until `start`.
    ///
    /// - Parameters:
    ///   - loop: the web loop.
    ///   - address: where to listen; port 0 lets the kernel choose.
    ///   - routes: what to answer.
    ///   - settings: limits.
    /// - Throws: `addressInUse`, or what the system refused.
    public init(
        on loop: Loop, at address: SocketAddress, routes: HTTPRoutes,
        settings: Settings = Settings()
    ) throws(StartError) {
        self.loop = loop
        self.routes = routes
        self.settings = settings
        do throws(SystemError) {
            (listener, self.address) = try TCPListener.listeningSocket(at: address)
        } catch {
            throw error.isAddressInUse ? .addressInUse : .system(error)
        }
    }

    deinit {
        if listener >= 0 { close(listener) }
    }

    /// Begins to serve.
    ///
    /// - Throws: `library` when the daemon could not be started.
    public func start() throws(StartError) {
        precondition(listener >= 0, "a server starts once")
        daemon = HTTPDaemon(
            loop: loop, server: self, listener: listener, routes: routes, settings: settings)
        guard daemon != nil else { throw .library }
        listener = -1  // the library's now
    }

    /// Stops to listen, lets requests in flight end, closes websockets with 1001 and idle connections
    /// at once; what is left after `within` is cut. Later calls do nothing.
    public func stop(within: Duration = .seconds(5)) async {
        guard let daemon, !daemon.isDraining else { return }
        daemon.drain(within: within)
        if !daemon.isEmpty {
            let token = loop.schedule(at: loop.now + within) { [weak self] in
                self?.assumeIsolated { $0.emptied() }
            }
            await withCheckedContinuation { onEmpty = $0 }
            loop.cancel(token)
        }
        daemon.end()
        self.daemon = nil
        for task in tasks.values { task.cancel() }
        tasks = [:]
    }

    /// Connections open now.
    public var connectionCount: Int { daemon?.connectionCount ?? 0 }

    // MARK: from the daemon, on the loop

    func requested(_ id: UInt, _ request: HTTPRequest, _ action: HTTPRoutes.Action) {
        tasks[id] = Task {
            switch action {
            case .answer(let handler, _):
                daemon?.answer(id, await handler(request))
            case .upgrade(let handler):
                switch await handler(request) {
                case .accept(let acceptance): daemon?.accept(id, acceptance)
                case .refuse(let response): daemon?.answer(id, response)
                }
            }
            tasks[id] = nil
        }
    }

    /// The client is gone, or its time is over.
    func abandoned(_ id: UInt) {
        tasks[id]?.cancel()
    }

    func streamed(
        _ writer: HTTPBodyWriter, _ body: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) {
        Task {
            do {
                try await body(writer)
                await writer.finish(isWhole: true)
            } catch {
                await writer.finish(isWhole: false)
            }
        }
    }

    /// A body has bytes again, or has ended.
    func continueStream(_ id: UInt) {
        daemon?.continueStream(id)
    }

    func emptied() {
        onEmpty?.resume()
        onEmpty = nil
    }

    /// Something was queued on a websocket, or it shall close.
    func attend(_ id: UInt) {
        daemon?.attend(id)
    }
}

/// A request and its answer, for adding header fields to it.
public struct HTTPAnswered: Sendable {
    /// The request's header fields.
    public let headers: HTTPHeaders
    /// The method as sent, at most 16 bytes.
    public let method: String
    /// The route's pattern; empty without one.
    public let route: String
    /// The status of the answer.
    public let status: Int
}

/// One request that ended, for logs and counters.
public struct HTTPRecord: Sendable {
    /// The method as sent, at most 16 bytes.
    public let method: String
    /// The route's pattern; empty without one. Never the target, which may hold a token.
    public let route: String
    /// The status; 0 when no answer was begun.
    public let status: Int
    /// Whether the answer went out whole.
    public let isWhole: Bool
    /// From the request line to the end.
    public let duration: Duration
    /// The other end.
    public let remoteAddress: SocketAddress
    /// The values of `X-Forwarded-For`, first to last: what proxies say, and whoever else.
    public let forwardedFor: [String]
}
