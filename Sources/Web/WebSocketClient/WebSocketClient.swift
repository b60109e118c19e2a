// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CWebSockets
public import Net
internal import Synchronization

/// All outgoing websockets of the process, on a thread of their own.
///
/// The thread only moves frames; events are handed to the receivers' threads. One client may exist at
/// a time: the library's TLS data is per process. Any thread may call it.
public final class WebSocketClient: Sendable {
    /// Why no client could be started.
    public enum StartError: Error, Sendable, Equatable {
        /// Another one runs in this process.
        case alreadyRunning
        /// The library or the system refused.
        case failed
    }

    private static let isRunning = Atomic(false)

    private let mailbox: WebSocketMailbox
    private let thread: pthread_t?
    private let isStopped = Atomic(false)
    private let nextID = Atomic<UInt>(1)

    /// Starts the service thread.
    ///
    /// - Parameter connectionsMax: connections at a time; more end with `unavailable`. Sizes the
    ///   library's table.
    /// - Throws: `alreadyRunning` while another client of this process has not been stopped.
    public init(connectionsMax: Int = 1000) throws(StartError) {
        guard !Self.isRunning.exchange(true, ordering: .acquiringAndReleasing) else {
            throw .alreadyRunning
        }
        let mailbox = WebSocketMailbox()
        self.mailbox = mailbox
        let started = clinux_semaphore()
        thread =
            started < 0
            ? nil
            : startThread {
                WebSocketService.run(mailbox, linksMax: connectionsMax) {
                    clinux_event_add(started, 1)
                }
            }
        if thread != nil { clinux_semaphore_wait(started) }
        if started >= 0 { close(started) }
        guard mailbox.isRunning else {
            stop()
            throw .failed
        }
    }

    /// Begins a connection whose events are handled on a loop; see `connect(_:post:handler:)`.
    ///
    /// - Parameters:
    ///   - request: where to and how.
    ///   - loop: where `handler` is called: an actor there enters itself by `assumeIsolated`.
    ///   - handler: takes the events.
    /// - Returns: the connection, still connecting.
    public func connect(
        _ request: WebSocketRequest, on loop: Loop,
        handler: @escaping @Sendable (WebSocketEvent) -> Void
    ) -> WebSocketConnection {
        connect(request, post: { loop.post($0) }, handler: handler)
    }

    /// Begins a connection. Events come through `post`, see `WebSocketEvent` for their order.
    ///
    /// - Parameters:
    ///   - request: where to and how; an unusable one ends in `invalidRequest`.
    ///   - post: hands work to the thread that shall handle the events, in order, without blocking.
    ///   - handler: called there; kept until after the last event.
    /// - Returns: the connection, still connecting.
    public func connect(
        _ request: WebSocketRequest, post: @escaping WebSocketPost,
        handler: @escaping @Sendable (WebSocketEvent) -> Void
    ) -> WebSocketConnection {
        let id = nextID.add(1, ordering: .relaxed).oldValue
        let connection = WebSocketConnection(
            id: id, wake: { [mailbox] in mailbox.post(.attend(id)) }, post: post, handler: handler)
        if let defect = request.defect {
            _ = connection.deliver(.failed(.invalidRequest(defect)))
        } else if !mailbox.post(.connect(request, connection)) {
            _ = connection.deliver(.failed(.unavailable))
        }
        return connection
    }

    /// Ends all connections (each gets its last event) and the thread; returns when it has ended.
    /// Not from a thread that `post` blocks on. Later calls do nothing.
    public func stop() {
        mailbox.post(.stop)
        guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        if let thread { pthread_join(thread, nil) }
        Self.isRunning.store(false, ordering: .releasing)
    }

    deinit {
        stop()
    }
}

/// The way into the service thread: commands, and the wake-up that goes with them.
final class WebSocketMailbox: Sendable {
    enum Command: Sendable {
        case connect(WebSocketRequest, WebSocketConnection)
        /// Something was queued on the connection with this id, or it shall close.
        case attend(UInt)
        case stop
    }

    private enum Phase {
        case starting, running, ended
    }

    private struct State {
        var commands: [Command] = []
        var phase = Phase.starting
        var isStopping = false
        /// The lws_context as a number; 0 while there is none to wake.
        var context: UInt = 0
    }

    private let state = Mutex(State())

    /// Queues a command; false when nobody will ever take it.
    @discardableResult
    func post(_ command: Command) -> Bool {
        state.withLock { state in
            guard state.phase != .ended, !state.isStopping else { return false }
            if case .stop = command { state.isStopping = true }
            state.commands.append(command)
            // SAFETY: the context is not destroyed before `ended()` took the number away, and the
            // lock is held over the call, which is one write to an eventfd.
            if state.commands.count == 1, let context = OpaquePointer(bitPattern: state.context) {
                lws_cancel_service(context)
            }
            return true
        }
    }

    /// Whether there is a context.
    var isRunning: Bool { state.withLock { $0.phase == .running } }

    // MARK: for the service thread

    func started(context: OpaquePointer) {
        let number = UInt(bitPattern: context)
        state.withLock { state in
            state.context = number
            state.phase = .running
        }
    }

    /// From here on nobody wakes the context; returns what was still queued.
    func ended() -> [Command] {
        state.withLock { state in
            state.context = 0
            state.phase = .ended
            defer { state.commands = [] }
            return state.commands
        }
    }

    func takeAll() -> [Command] {
        state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    // SAFETY: retained by startThread for exactly this one call.
    Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
    return nil
}

/// Starts a joinable thread; nil when the system has none left.
private func startThread(_ run: @escaping @Sendable () -> Void) -> pthread_t? {
    var thread = pthread_t()
    let body = Unmanaged.passRetained(ThreadBody(run: run))
    guard clinux_thread_start(&thread, "signalling", threadMain, body.toOpaque()) == 0 else {
        body.release()
        return nil
    }
    return thread
}
