// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CWslay
internal import Glibc
internal import Net

/// One accepted websocket: wslay's frames on the socket that the HTTP server handed over.
///
/// Confined to the web loop. wslay bounds neither its pongs nor its queue: ours lies in the
/// `WebSocketConnection`, one message at a time is given to wslay, and the rest is counted.
final class WebSocketSession {
    /// Bytes read in one round, so that one peer cannot keep the loop.
    private static let readMax = 256 * 1024
    /// Pongs and whatever else waits in wslay, beside one message of ours.
    private static let queuedMessagesMax = 64
    private static let queuedBytesMax = 4 << 20
    /// Messages written in one round.
    private static let writesMax = 256
    /// After a failure, the time for the close frame to leave.
    private static let failureTimeout = Duration.seconds(1)
    private static let closeReasonMax = 123

    private let loop: Loop
    private let socket: Int32
    private let connection: WebSocketConnection
    private let pingAfter: Duration
    private let hangUpAfter: Duration
    private let onEnd: () -> Void

    private var wslay: wslay_event_context_ptr?
    private var registration: Registration?
    private var interest: Interest = []
    private var alarm: DeadlineToken?
    /// What came behind the handshake.
    private var early: ArraySlice<UInt8>
    private var budget = 0
    private var lastSign: Instant
    private var lastPing: Instant
    /// When a close must be over.
    private var end: Instant?
    private var hasQueuedClose = false
    private var isPeerGone = false
    private var isFlooded = false
    private var failure: WebSocketError?
    private var isRunning = false

    init(
        id: UInt, loop: Loop, socket: Int32, early: [UInt8], acceptance: WebSocketAcceptance,
        wake: @escaping @Sendable () -> Void, onEnd: @escaping () -> Void
    ) {
        self.loop = loop
        self.socket = socket
        self.early = early[...]
        self.onEnd = onEnd
        pingAfter = acceptance.pingAfter
        hangUpAfter = acceptance.hangUpAfter
        lastSign = loop.now
        lastPing = lastSign
        connection = WebSocketConnection(
            id: id, wake: wake, post: acceptance.post ?? { [loop] in loop.post($0) })
        connection.attach(acceptance.attach(connection))
        var callbacks = wslay_event_callbacks()
        callbacks.recv_callback = receiveCallback
        callbacks.send_callback = sendCallback
        callbacks.on_msg_recv_callback = messageCallback
        // SAFETY: freed in `finish`, before this object goes.
        wslay_event_context_server_init(
            &wslay, &callbacks, Unmanaged.passUnretained(self).toOpaque())
        // Not within the library's callback that handed the socket over.
        alarm = loop.schedule(at: loop.now) { [weak self] in self?.start() }
    }

    private func start() {
        alarm = nil
        guard let wslay else { return finish(.failed(.unavailable)) }
        wslay_event_config_set_max_recv_msg_length(
            wslay, UInt64(WebSocketConnection.messageBytesMax))
        _ = clinux_set_nonblocking(socket)
        _ = clinux_set_option(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        do {
            interest = .read
            registration = try loop.register(socket, for: interest) { [unowned self] _ in turn() }
        } catch {
            return finish(.failed(.unavailable))
        }
        _ = connection.deliver(.opened)
        turn()
    }

    // MARK: from the server

    /// Something was queued, or the connection shall close.
    func attend() {
        if registration != nil { turn() }
    }

    /// The server stops: "going away".
    func leave(within: Duration) {
        connection.close(code: 1001, reason: "", within: within)
        attend()
    }

    /// Ends at once.
    func cut() {
        finish(.failed(.lost))
    }

    // MARK: one turn

    /// Reads, writes, and sees what is left to do.
    private func turn() {
        guard let wslay, !isRunning else { return }
        isRunning = true
        defer { isRunning = false }
        budget = Self.readMax
        if wslay_event_want_read(wslay) != 0, wslay_event_recv(wslay) != 0 {
            return finish(.failed(endOfReading))
        }
        if let failure { return fail(wslay, failure) }
        write(wslay)
        conclude(wslay)
    }

    private var endOfReading: WebSocketError {
        isFlooded ? .protocolError("too many pings") : failure ?? .lost
    }

    private func write(_ wslay: wslay_event_context_ptr) {
        for _ in 0..<Self.writesMax {
            if wslay_event_want_write(wslay) != 0, wslay_event_send(wslay) != 0 {
                isPeerGone = true
                return
            }
            // Blocked, or pongs are before us.
            guard wslay_event_get_queued_msg_count(wslay) == 0, !hasQueuedClose else { return }
            if let frame = connection.takeUnsent() {
                queue(wslay, frame)
            } else if let close = connection.closeRequest {
                queueClose(wslay, code: close.code, reason: close.reason)
            } else {
                return
            }
        }
    }

    private func queue(_ wslay: wslay_event_context_ptr, _ frame: WebSocketFrame) {
        let (opcode, bytes): (wslay_opcode, [UInt8]) =
            switch frame {
            case .text(let text): (WSLAY_TEXT_FRAME, Array(text.utf8))
            case .binary(let bytes): (WSLAY_BINARY_FRAME, bytes)
            }
        bytes.withUnsafeBufferPointer { buffer in
            // Copied by the call.
            var message = wslay_event_msg(
                opcode: UInt8(opcode.rawValue), msg: buffer.baseAddress, msg_length: buffer.count)
            wslay_event_queue_msg(wslay, &message)
        }
    }

    private func queueClose(_ wslay: wslay_event_context_ptr, code: UInt16, reason: String) {
        hasQueuedClose = true
        var text = Array(reason.utf8.prefix(Self.closeReasonMax))
        while !text.isEmpty, String(validating: text, as: UTF8.self) == nil { text.removeLast() }
        wslay_event_queue_close(wslay, code, text, text.count)
    }

    /// Reports the failure at once; its close frame goes out if the socket takes it now.
    private func fail(_ wslay: wslay_event_context_ptr, _ error: WebSocketError) {
        wslay_event_queue_close(wslay, 1008, nil, 0)
        wslay_event_send(wslay)
        finish(.failed(error))
    }

    private func conclude(_ wslay: wslay_event_context_ptr) {
        let wantsRead = wslay_event_want_read(wslay) != 0
        let wantsWrite = wslay_event_want_write(wslay) != 0
        if isPeerGone || (!wantsRead && !wantsWrite) { return finish(outcome(wslay)) }
        // From now on, not only when all that is before the close frame is out: a peer that does
        // not read would put that off for ever.
        if end == nil, let close = connection.closeRequest {
            end = loop.now + max(close.within, .zero)
        }
        var wanted: Interest = []
        if wantsRead { wanted.insert(.read) }
        if wantsWrite { wanted.insert(.write) }
        if wanted != interest, let registration {
            interest = wanted
            try? loop.modify(registration, for: wanted)
        }
        // What did not fit into this turn.
        if !wantsWrite, connection.hasUnsent { arm(at: loop.now) } else { arm(at: nextDeadline) }
    }

    /// How it ended, by the close frames that went either way.
    private func outcome(_ wslay: wslay_event_context_ptr) -> WebSocketEvent {
        let sent = wslay_event_get_status_code_sent(wslay)
        if let close = connection.closeRequest, hasQueuedClose {
            return .closed(code: close.code, reason: close.reason)
        }
        if wslay_event_get_close_received(wslay) != 0 {
            let code = wslay_event_get_status_code_received(wslay)
            return .closed(code: code, reason: peerReason)
        }
        switch sent {
        case 1002: return .failed(.protocolError("broken frame"))
        case 1007: return .failed(.protocolError("text is not UTF-8"))
        case 1009: return .failed(.tooLarge)
        default: break
        }
        // Its time was over before the close frame's turn came.
        guard let close = connection.closeRequest else { return .failed(.lost) }
        return .closed(code: close.code, reason: close.reason)
    }

    private var peerReason = ""

    private func finish(_ event: WebSocketEvent) {
        guard let context = wslay else { return }
        wslay = nil
        _ = connection.deliver(event)
        if let registration { loop.deregister(registration) }
        registration = nil
        if let alarm { loop.cancel(alarm) }
        alarm = nil
        wslay_event_context_free(context)
        onEnd()
    }

    // MARK: time

    private var nextDeadline: Instant {
        if let end { return end }
        return min(lastSign + hangUpAfter, max(lastSign, lastPing) + pingAfter)
    }

    private func arm(at time: Instant) {
        if let alarm { loop.cancel(alarm) }
        alarm = loop.schedule(at: time) { [weak self] in self?.rang() }
    }

    private func rang() {
        alarm = nil
        guard let wslay else { return }
        let now = loop.now
        if let end {
            if end <= now { return finish(outcome(wslay)) }
        } else if lastSign + hangUpAfter <= now {
            return finish(.failed(.silent))
        } else if max(lastSign, lastPing) + pingAfter <= now {
            lastPing = now
            var ping = wslay_event_msg(
                opcode: UInt8(WSLAY_PING.rawValue), msg: nil, msg_length: 0)
            wslay_event_queue_msg(wslay, &ping)
        }
        turn()
    }

    // MARK: from wslay

    fileprivate func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let wslay else { return -1 }
        // Pings that are not answered because the peer does not read.
        if wslay_event_get_queued_msg_count(wslay) > Self.queuedMessagesMax
            || wslay_event_get_queued_msg_length(wslay) > Self.queuedBytesMax
        {
            isFlooded = true
            wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE.rawValue)
            return -1
        }
        guard budget > 0, failure == nil else {
            wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK.rawValue)
            return -1
        }
        if !early.isEmpty {
            let count = min(early.count, buffer.count)
            buffer.copyBytes(from: early.prefix(count))
            early = early.dropFirst(count)
            return count
        }
        let count = recv(socket, buffer.baseAddress, min(buffer.count, budget), 0)
        if count > 0 {
            budget -= count
            lastSign = loop.now
            return count
        }
        let isBlocked = count < 0 && (errno == EAGAIN || errno == EINTR)
        wslay_event_set_error(
            wslay,
            isBlocked ? WSLAY_ERR_WOULDBLOCK.rawValue : WSLAY_ERR_CALLBACK_FAILURE.rawValue)
        return -1
    }

    fileprivate func transmit(_ buffer: UnsafeRawBufferPointer) -> Int {
        let count = send(socket, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return count }
        let isBlocked = errno == EAGAIN || errno == EINTR
        wslay_event_set_error(
            wslay,
            isBlocked ? WSLAY_ERR_WOULDBLOCK.rawValue : WSLAY_ERR_CALLBACK_FAILURE.rawValue)
        return -1
    }

    fileprivate func received(_ message: wslay_event_on_msg_recv_arg) {
        let bytes = Array(UnsafeBufferPointer(start: message.msg, count: message.msg_length))
        switch UInt32(message.opcode) {
        case WSLAY_TEXT_FRAME.rawValue:
            // wslay has checked it.
            deliver(.text(String(decoding: bytes, as: UTF8.self)))
        case WSLAY_BINARY_FRAME.rawValue: deliver(.binary(bytes))
        case WSLAY_CONNECTION_CLOSE.rawValue:
            peerReason = String(decoding: bytes.dropFirst(2), as: UTF8.self)
        default: break
        }
    }

    private func deliver(_ frame: WebSocketFrame) {
        if !connection.deliver(.frame(frame)) { failure = .receiverTooSlow }
    }
}

private func session(_ context: UnsafeMutableRawPointer?) -> WebSocketSession? {
    // SAFETY: the session frees wslay's context before it goes.
    context.map { Unmanaged<WebSocketSession>.fromOpaque($0).takeUnretainedValue() }
}

private func receiveCallback(
    _ wslay: wslay_event_context_ptr?, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int,
    _ flags: Int32, _ context: UnsafeMutableRawPointer?
) -> Int {
    session(context)?.receive(into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
        ?? -1
}

private func sendCallback(
    _ wslay: wslay_event_context_ptr?, _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ flags: Int32, _ context: UnsafeMutableRawPointer?
) -> Int {
    session(context)?.transmit(UnsafeRawBufferPointer(start: bytes, count: count)) ?? -1
}

private func messageCallback(
    _ wslay: wslay_event_context_ptr?, _ message: UnsafePointer<wslay_event_on_msg_recv_arg>?,
    _ context: UnsafeMutableRawPointer?
) {
    guard let message else { return }
    session(context)?.received(message.pointee)
}
