// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CWebSockets
internal import Glibc

// What the library says about a socket, and what goes into and comes out of its frames.
extension WebSocketLink {
    /// The body of a refusal is read this far.
    private static let refusalBytesMax = 4096
    /// The library's reason texts are short; what a peer may have put in is cut.
    private static let reasonBytesMax = 200
    /// After a failure the socket lingers this long for its close frame, in seconds.
    private static let abortTimeout: Int32 = 2
    /// RFC 6455 section 5.5: a control frame holds 125 bytes, two of them are the code.
    private static let closeReasonMax = 123

    /// Handles one callback of the current attempt; nonzero makes the library close the socket.
    func called(
        _ wsi: OpaquePointer, _ reason: lws_callback_reasons, verify: UnsafeMutableRawPointer?,
        _ input: UnsafeMutableRawPointer?, _ length: Int
    ) -> Int32 {
        if state == .connecting, self.wsi == nil { self.wsi = wsi }
        switch reason {
        case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
            if length == 0, let verify, verifyError == 0 {
                verifyError = Int(cwebsockets_verify_error(verify))
            }
            return 0
        case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
            return appendHead(input, length)
        case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
            return answered(wsi)
        case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
            let bytes = UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : length)
            refusal += bytes.prefix(Self.refusalBytesMax - refusal.count)
            return 0
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            return opened()
        case LWS_CALLBACK_CLIENT_RECEIVE:
            received(wsi, UnsafeRawBufferPointer(start: input, count: length))
            // Never anything else: after a refusal here 4.1.6 goes on to parse with a stale write
            // position, and a peer that sends on writes behind the end of its buffer.
            return 0
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
            lastSign = WebSocketService.now
            return 0
        case LWS_CALLBACK_CLIENT_WRITEABLE:
            return writeable(wsi)
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
            peerClosed(UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : length))
            return 0
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            ended(Self.text(input, length))
            return 0
        case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
            ended("")
            return 0
        case LWS_CALLBACK_CLIENT_CLOSED:
            closed(wsi)
            return 0
        case LWS_CALLBACK_WSI_DESTROY:
            if state == .connecting { ended("") } else { closed(nil) }
            return 0
        default:
            return 0
        }
    }

    /// Puts the real target in the place of the short one and adds our headers: the library cuts a
    /// request line at 2,047 bytes, but leaves room in its buffer (`WebSocketService.bufferBytes`),
    /// at whose start the request stands; 12 bytes it keeps for itself.
    private func appendHead(_ input: UnsafeMutableRawPointer?, _ room: Int) -> Int32 {
        guard let input else { return -1 }
        let cursor = input.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>.self)
        let begin = cursor.pointee + room + 12 - Int(WebSocketService.bufferBytes)
        let length = cursor.pointee - begin
        // SAFETY: begin…cursor is what the library wrote, in its one buffer of bufferBytes.
        let head = UnsafeBufferPointer(start: begin, count: max(0, length))
        guard length > 0, let lineEnd = head.firstIndex(of: 13),
            head.starts(with: Array("GET / HTTP/1.1".utf8))
        else { return -1 }
        var request = Array("GET \(request.target) HTTP/1.1".utf8) + head[lineEnd...]
        for field in self.request.headers.fields {
            request += Array("\(field.name): \(field.value)\r\n".utf8)
        }
        guard request.count <= WebSocketRequest.headBytesMax else { return -1 }
        // SAFETY: headBytesMax is half of the buffer.
        begin.update(from: request, count: request.count)
        cursor.pointee = begin + request.count
        isHandshakeSent = true
        return 0
    }

    /// The answer's headers are there, also before a 101 is acted upon.
    private func answered(_ wsi: OpaquePointer) -> Int32 {
        status = Int(lws_http_client_http_response(wsi))
        guard status != 101 else { return 0 }
        // One read takes what has come with the headers; a later segment is lost to us.
        let size = cwebsockets_pre() + Self.refusalBytesMax
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            var start = buffer.baseAddress.map { $0 + cwebsockets_pre() }
            var room = Int32(Self.refusalBytesMax)
            _ = lws_http_client_read(wsi, &start, &room)
        }
        return 0
    }

    private func opened() -> Int32 {
        guard state == .connecting else { return -1 }
        state = .open
        lastSign = WebSocketService.now
        end = nil
        addressEnd = nil
        service.rearm()
        _ = connection.deliver(.opened)
        // What was queued, or asked for, while connecting.
        if connection.hasUnsent || connection.closeRequest != nil { attend() }
        return 0
    }

    private func ended(_ text: String) {
        guard state == .connecting else { return closed(nil) }
        service.forget(attempt: attempt)
        attempt = 0
        wsi = nil
        addressEnd = nil
        if verifyError != 0 {
            finish(.failed(.tls(TLSFailure(verifyError: verifyError))))
        } else if status != 0, status != 101 {
            finish(.failed(.refused(status: status, body: redaction.text(of: refusal))))
        } else if text.contains("SSL") || text.contains("tls") {
            finish(.failed(.tls(.handshake)))
        } else if isHandshakeSent {
            let what = text.isEmpty ? "no answer to the upgrade" : text
            finish(.failed(.protocolError(redaction.text(of: Array(what.utf8)))))
        } else {
            connectLater()
        }
    }

    // MARK: frames

    func askToWrite() {
        if let wsi { lws_callback_on_writable(wsi) }
    }

    private func writeable(_ wsi: OpaquePointer) -> Int32 {
        // It also comes unasked, and after our close frame, behind which nothing may go.
        guard !hasSentClose else { return 0 }
        if let abortCode { return sendClose(wsi, code: abortCode, reason: "") }
        guard state == .open || state == .closing else { return 0 }
        if let frame = connection.takeUnsent() {
            let isWritten = write(frame, to: wsi)
            askToWrite()
            return isWritten ? 0 : -1
        }
        guard state == .closing, let close = connection.closeRequest else { return 0 }
        return sendClose(wsi, code: close.code, reason: close.reason)
    }

    /// One message in one write: the library buffers what the socket does not take, and asks for
    /// more only when that is gone. It masks in place, so the bytes are copied for it.
    private func write(_ frame: WebSocketFrame, to wsi: OpaquePointer) -> Bool {
        let (bytes, kind): ([UInt8], lws_write_protocol) =
            switch frame {
            case .text(let text): (Array(text.utf8), LWS_WRITE_TEXT)
            case .binary(let bytes): (bytes, LWS_WRITE_BINARY)
            }
        var buffer = [UInt8](repeating: 0, count: cwebsockets_pre())
        buffer += bytes
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return lws_write(wsi, start + cwebsockets_pre(), bytes.count, kind) >= 0
        }
    }

    /// Hands the close frame to the library, which sends it when the callback returns this result.
    private func sendClose(_ wsi: OpaquePointer, code: UInt16, reason: String) -> Int32 {
        hasSentClose = true
        var text = Array(reason.utf8)
        if text.count > Self.closeReasonMax {
            // Not within a character: the text must stay valid UTF-8.
            text = Array(text.prefix(Self.closeReasonMax))
            while !text.isEmpty, String(validating: text, as: UTF8.self) == nil {
                text.removeLast()
            }
        }
        lws_close_reason(wsi, lws_close_status(UInt32(code)), &text, text.count)
        return -1
    }

    private func received(_ wsi: OpaquePointer, _ piece: UnsafeRawBufferPointer) {
        guard state == .open else { return }  // after close nobody wants it
        if lws_is_first_fragment(wsi) != 0 { message = [] }
        let remaining = lws_remaining_packet_payload(wsi)
        let limit = WebSocketConnection.messageBytesMax
        // The announced length may be anything up to 2^63 - 1.
        guard message.count + piece.count <= limit, remaining <= limit,
            message.count + piece.count + remaining <= limit
        else { return abort(wsi, .tooLarge, code: 1009) }
        message += piece
        guard lws_is_final_fragment(wsi) != 0, remaining == 0 else { return }
        let whole = message
        message = []
        let frame: WebSocketFrame
        if lws_frame_is_binary(wsi) != 0 {
            frame = .binary(whole)
        } else if let text = String(validating: whole, as: UTF8.self) {
            frame = .text(text)
        } else {
            return abort(wsi, .protocolError("text is not UTF-8"), code: 1007)
        }
        guard connection.deliver(.frame(frame)) else {
            return abort(wsi, .receiverTooSlow, code: 1008)
        }
    }

    /// Reports the failure at once; the close frame follows when the socket takes it.
    private func abort(_ wsi: OpaquePointer, _ error: WebSocketError, code: UInt16) {
        finish(.failed(error))
        abortCode = code
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, Self.abortTimeout)
        askToWrite()
    }

    private func peerClosed(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= 2 else {
            peerClose = (1005, "")  // RFC 6455 section 7.1.5: no code was given
            return
        }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        peerClose = (code, redaction.text(of: Array(payload.dropFirst(2))))
    }

    private func closed(_ wsi: OpaquePointer?) {
        service.forget(attempt: attempt)
        attempt = 0
        self.wsi = nil
        guard state != .finished else { return }
        if let peerClose {
            finish(.closed(code: peerClose.code, reason: peerClose.reason))
        } else if state == .closing, let close = connection.closeRequest {
            finish(.closed(code: close.code, reason: close.reason))
        } else if let wsi, !Self.isGone(wsi) {
            // The library ended it, and does not say why.
            let silence = WebSocketService.now - lastSign
            let isSilent = silence >= request.hangUpAfter - .milliseconds(900)
            finish(.failed(isSilent ? .silent : .protocolError("broken frame")))
        } else {
            finish(.failed(.lost))
        }
    }

    /// Whether the peer has ended the connection.
    private static func isGone(_ wsi: OpaquePointer) -> Bool {
        if cwebsockets_has_tls_end(wsi) != 0 { return true }
        var byte: UInt8 = 0
        let flags = Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)
        let count = recv(lws_get_socket_fd(wsi), &byte, 1, flags)
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
    }

    private static func text(_ input: UnsafeMutableRawPointer?, _ length: Int) -> String {
        guard let input else { return "" }
        let bytes = UnsafeRawBufferPointer(start: input, count: length).prefix { $0 != 0 }
        return String(decoding: bytes.prefix(reasonBytesMax), as: UTF8.self)
    }
}
