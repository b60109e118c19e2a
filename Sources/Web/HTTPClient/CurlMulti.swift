// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CCurl
internal import Net

/// libcurl's multi interface on a loop; confined to the loop's thread, and never entered from within
/// one of the library's callbacks.
final class CurlMulti {
    /// The library has no memory.
    struct Failure: Error {}

    /// Connections to one server at a time; further requests wait, within their timeout.
    private static let hostConnectionsMax = 16
    private static let connectionsMax = 128
    /// Connections kept idle: 45 KB each with TLS.
    private static let idleConnectionsMax = 16

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let loop: Loop
    private let onEnd: (UInt, HTTPClientError?) -> Void
    private var multi: UnsafeMutableRawPointer?
    private var sockets: [Int32: Registration] = [:]
    private var timer: DeadlineToken?

    init(loop: Loop, onEnd: @escaping (UInt, HTTPClientError?) -> Void) throws(Failure) {
        guard Self.isReady, let multi = curl_multi_init() else { throw Failure() }
        self.loop = loop
        self.onEnd = onEnd
        self.multi = multi
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, Self.hostConnectionsMax)
        ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, Self.connectionsMax)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.idleConnectionsMax)
        // SAFETY: `close` ends the library's handle before this object goes.
        ccurl_multi_set_callbacks(
            multi, socketCallback, timerCallback, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        precondition(multi == nil, "an HTTP client is stopped before it is dropped")
    }

    func close() {
        guard let multi else { return }
        self.multi = nil
        curl_multi_cleanup(multi)
        if let timer { loop.cancel(timer) }
        for registration in sockets.values { loop.deregister(registration) }
        sockets = [:]
    }

    /// Begins a transfer.
    func add(_ transfer: HTTPTransfer, id: UInt) -> Bool {
        guard let multi else { return false }
        ccurl_set_pointer(
            transfer.easy, CURLOPT_PRIVATE, UnsafeRawPointer(bitPattern: id))
        return curl_multi_add_handle(multi, transfer.easy) == CURLM_OK
    }

    /// Ends a transfer, finished or not; a connection in the middle of an answer is closed.
    func remove(_ transfer: HTTPTransfer) {
        guard let multi else { return }
        curl_multi_remove_handle(multi, transfer.easy)
    }

    private func act(_ socket: Int32, _ events: Int32) {
        guard let multi else { return }
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, events, &running)
        var result = CURLE_OK
        while let easy = ccurl_multi_done(multi, &result) {
            let error = Self.error(of: result, easy)
            onEnd(UInt(bitPattern: ccurl_private(easy)), error)
        }
    }

    // MARK: from the library

    fileprivate func watch(_ socket: Int32, _ what: Int32) {
        var interest: Interest = []
        if what == CURL_POLL_IN || what == CURL_POLL_INOUT { interest.insert(.read) }
        if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { interest.insert(.write) }
        if what == CURL_POLL_REMOVE {
            if let registration = sockets.removeValue(forKey: socket) {
                loop.deregister(registration)
            }
        } else if let registration = sockets[socket] {
            try? loop.modify(registration, for: interest)
        } else {
            sockets[socket] = try? loop.register(socket, for: interest) { [unowned self] ready in
                var events: Int32 = 0
                if ready.contains(.readable) || ready.contains(.hungUp) {
                    events |= CURL_CSELECT_IN
                }
                if ready.contains(.writable) { events |= CURL_CSELECT_OUT }
                if ready.contains(.failed) { events |= CURL_CSELECT_ERR }
                act(socket, events)
            }
        }
    }

    fileprivate func wait(_ milliseconds: Int) {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard milliseconds >= 0 else { return }
        timer = loop.schedule(at: loop.now + .milliseconds(milliseconds)) { [unowned self] in
            timer = nil
            act(CURL_SOCKET_TIMEOUT, 0)
        }
    }

    private static func error(
        of result: CURLcode, _ easy: UnsafeMutableRawPointer
    ) -> HTTPClientError? {
        switch result {
        case CURLE_OK: nil
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST: .unknownHost
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_PEER_FAILED_VERIFICATION:
            // The name is checked by the library itself, after OpenSSL has found nothing.
            switch ccurl_long(easy, CURLINFO_SSL_VERIFYRESULT) {
            case 0, 1: .tls(.wrongName)
            case let code: .tls(TLSFailure(verifyError: code))
            }
        case CURLE_SSL_CACERT_BADFILE: .tls(.noAuthorities)
        case CURLE_SSL_CONNECT_ERROR: .tls(.handshake)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
            CURLE_SEND_FAIL_REWIND, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            .connectionLost
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING: .protocolError
        default: .library(code: Int(result.rawValue))
        }
    }
}

private func socketCallback(
    _ easy: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ what: Int32,
    _ context: UnsafeMutableRawPointer?, _ socketContext: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    // SAFETY: the multi's owner ends it before it goes; the loop's thread.
    Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().watch(socket, what)
    return 0
}

private func timerCallback(
    _ multi: UnsafeMutableRawPointer?, _ milliseconds: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    // SAFETY: as above.
    Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().wait(milliseconds)
    return 0
}
