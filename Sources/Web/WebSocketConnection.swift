// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Hands work to the thread that handles a connection's events, in order.
public typealias WebSocketPost = @Sendable (@escaping @Sendable () -> Void) -> Void

/// One websocket, outgoing or accepted.
///
/// Any thread may call it. Frames leave in the order of `send`. Events arrive where the `post` of
/// `WebSocketClient.connect` or `WebSocketAcceptance` takes them. Dropping the last reference does
/// not end the connection: call `close`.
public final class WebSocketConnection: Sendable {
    /// Unsent bytes at most; `send` throws beyond.
    public static let outboxBytesMax = 1 << 20
    /// Unsent messages at most, so that empty ones are bounded too.
    public static let outboxFramesMax = 1024
    /// Largest message received, LiveKit's own signal messages are below 64 KB.
    public static let messageBytesMax = 1 << 20
    /// Delivered but unhandled bytes at most: a receiver that lags this far has stopped.
    static let inboxBytesMax = 4 << 20
    /// Events handed over in one turn, so that a peer that floods us leaves the receiver's thread to
    /// others in between.
    static let eventsPerTurn = 64
    /// Cost of an event beside its bytes in that account: empty messages are bounded too.
    private static let eventOverhead = 64

    /// Why a message was not taken.
    public enum SendError: Error, Sendable, Equatable {
        /// The queue is full: the peer does not read as fast as we send.
        case full
        /// Not open any more, or `close` was called.
        case closed
    }

    struct CloseRequest: Sendable {
        let code: UInt16
        let reason: String
        let within: Duration
    }

    private struct State {
        var outbox: [WebSocketFrame] = []
        var outboxBytes = 0
        var close: CloseRequest?
        var isFinished = false
        var inbox: [WebSocketEvent] = []
        var inboxBytes = 0
        var isDraining = false
        var handler: (@Sendable (WebSocketEvent) -> Void)?
    }

    let id: UInt
    /// Tells the thread that owns the socket that something was queued, or `close` called.
    private let wake: @Sendable () -> Void
    private let post: WebSocketPost
    private let state: Mutex<State>

    init(
        id: UInt, wake: @escaping @Sendable () -> Void, post: @escaping WebSocketPost,
        handler: (@Sendable (WebSocketEvent) -> Void)? = nil
    ) {
        self.id = id
        self.wake = wake
        self.post = post
        state = Mutex(State(handler: handler))
    }

    /// Queues a message; it leaves once the connection is open.
    ///
    /// - Throws: `full` above 1 MiB or 1,024 unsent messages, `closed` after the end or `close`.
    public func send(_ frame: WebSocketFrame) throws(SendError) {
        let outcome: Result<Bool, SendError> = state.withLock { state in
            guard !state.isFinished, state.close == nil else { return .failure(.closed) }
            guard state.outboxBytes + frame.byteCount <= Self.outboxBytesMax,
                state.outbox.count < Self.outboxFramesMax
            else { return .failure(.full) }
            state.outbox.append(frame)
            state.outboxBytes += frame.byteCount
            return .success(state.outbox.count == 1)
        }
        if try outcome.get() { wake() }
    }

    /// Queues a binary message; see `send(_:)`.
    public func send(_ bytes: [UInt8]) throws(SendError) {
        try send(.binary(bytes))
    }

    /// Ends the connection: what is queued is sent, then a close frame, then the peer has until
    /// `within` is over to answer. `closed` follows in any case. Before the connection is open it ends
    /// at once. Later calls do nothing.
    ///
    /// - Parameters:
    ///   - code: the close code, RFC 6455 section 7.4; others than 1000…1015 and 3000…4999 become
    ///     1000.
    ///   - reason: text for the peer, cut at 123 bytes.
    ///   - within: the time for all of it.
    public func close(code: UInt16 = 1000, reason: String = "", within: Duration = .seconds(2)) {
        let isFirst = state.withLock { state in
            guard !state.isFinished, state.close == nil else { return false }
            let isSendable =
                (1000...1015).contains(code) && ![1004, 1005, 1006, 1015].contains(code)
                || (3000...4999).contains(code)
            state.close = CloseRequest(
                code: isSendable ? code : 1000, reason: reason, within: within)
            return true
        }
        if isFirst { wake() }
    }

    // MARK: for the thread that owns the socket

    /// Sets what takes the events, before the first one.
    func attach(_ handler: @escaping @Sendable (WebSocketEvent) -> Void) {
        state.withLock { $0.handler = handler }
    }

    var closeRequest: CloseRequest? { state.withLock { $0.close } }
    var hasUnsent: Bool { state.withLock { !$0.outbox.isEmpty } }

    /// Takes the oldest unsent message.
    func takeUnsent() -> WebSocketFrame? {
        state.withLock { state in
            guard !state.outbox.isEmpty else { return nil }
            let frame = state.outbox.removeFirst()
            state.outboxBytes -= frame.byteCount
            return frame
        }
    }

    /// Queues an event for the receiver; false when the receiver lags too far behind.
    func deliver(_ event: WebSocketEvent) -> Bool {
        let (isTaken, mustPost) = state.withLock { state -> (Bool, Bool) in
            guard !state.isFinished else { return (true, false) }
            let size = Self.cost(of: event)
            switch event {
            case .frame:
                if state.inboxBytes + size > Self.inboxBytesMax { return (false, false) }
            case .closed, .failed:
                state.isFinished = true
                state.outbox = []
                state.outboxBytes = 0
            case .opened: break
            }
            state.inbox.append(event)
            state.inboxBytes += size
            defer { state.isDraining = true }
            return (true, !state.isDraining)
        }
        if mustPost { post { self.drain() } }
        return isTaken
    }

    private static func cost(of event: WebSocketEvent) -> Int {
        if case .frame(let frame) = event { frame.byteCount + eventOverhead } else { eventOverhead }
    }

    /// Runs where `post` leads: hands over what has arrived, one batch a turn.
    private func drain() {
        let (batch, handler) = state.withLock { state in
            let batch = Array(state.inbox.prefix(Self.eventsPerTurn))
            state.inbox.removeFirst(batch.count)
            state.inboxBytes -= batch.reduce(0) { $0 + Self.cost(of: $1) }
            return (batch, state.handler)
        }
        for event in batch {
            switch event {
            case .opened, .frame:
                // The receiver may have called close since it arrived, even in this batch.
                if state.withLock({ $0.close == nil }) { handler?(event) }
            case .closed, .failed:
                // The handler usually holds the owner, which holds this connection.
                state.withLock { $0.handler = nil }
                handler?(event)
            }
        }
        let hasMore = state.withLock { state in
            state.isDraining = !state.inbox.isEmpty
            return state.isDraining
        }
        if hasMore { post { self.drain() } }
    }
}
