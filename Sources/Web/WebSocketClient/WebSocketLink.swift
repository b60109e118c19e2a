// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CWebSockets
internal import Glibc

/// One connection on the service thread: walks the addresses, puts messages together, and sees that
/// exactly one last event is delivered.
///
/// `connecting ─101→ open ─close()→ closing`, and from each of them to `finished`. A socket that is
/// given up is forgotten at once (its number leaves the service's table) and killed; what the library
/// still says about it reaches nobody.
final class WebSocketLink {
    /// The time for one address to take the TCP connection, while others wait.
    private static let addressTimeout = Duration.seconds(2)

    enum State {
        case connecting, open, closing, finished
    }

    let id: UInt
    let request: WebSocketRequest
    let connection: WebSocketConnection
    unowned let service: WebSocketService
    let redaction: Redaction

    var state = State.connecting
    private var addresses: ArraySlice<IPAddress>
    var attempt: UInt = 0
    var wsi: OpaquePointer?
    /// When the whole time for connecting or closing is over.
    var end: Instant?
    /// When the next address gets its turn.
    var addressEnd: Instant?
    private var hasTimedOutAddress = false

    // Of the current attempt.
    var verifyError = 0
    var status = 0
    var refusal: [UInt8] = []
    var isHandshakeSent = false

    var message: [UInt8] = []
    var peerClose: (code: UInt16, reason: String)?
    var hasSentClose = false
    /// The code of the close frame that follows a failure already reported.
    var abortCode: UInt16?
    /// When the peer last proved that it is there.
    var lastSign = Instant.zero

    var deadline: Instant? { state == .finished ? nil : soonest(end, addressEnd) }

    init(
        _ request: WebSocketRequest, _ connection: WebSocketConnection, service: WebSocketService
    ) {
        id = connection.id
        self.request = request
        self.connection = connection
        self.service = service
        redaction = Redaction(headers: request.headers, target: request.target)
        addresses = request.attempts[...]
    }

    // MARK: from the service

    func start() {
        let timeout = min(max(request.timeout, .zero), WebSocketRequest.timeoutMax)
        end = WebSocketService.now + timeout
        if connection.closeRequest != nil { return finish(.closed(code: 1000, reason: "")) }
        connectNext()
    }

    /// Something was queued, or `close` was called.
    func attend() {
        switch state {
        case .connecting:
            guard let close = connection.closeRequest else { return }
            giveUp()
            finish(.closed(code: close.code, reason: close.reason))
        case .open:
            if let close = connection.closeRequest {
                state = .closing
                end = WebSocketService.now + max(close.within, .zero)
            }
            askToWrite()
        case .closing, .finished: break
        }
    }

    func deadlinePassed(at now: Instant) {
        if let end, end <= now {
            let event: WebSocketEvent =
                if state == .closing, let close = connection.closeRequest {
                    .closed(code: close.code, reason: close.reason)
                } else {
                    .failed(.timedOut)
                }
            giveUp()
            return finish(event)
        }
        addressEnd = nil
        guard state == .connecting else { return }
        guard let wsi else { return connectNext() }
        // The limit is for taking the connection only: what a server that answers takes for TLS and
        // for its answer is bounded by the whole timeout.
        guard !Self.isConnected(lws_get_socket_fd(wsi)) else { return }
        hasTimedOutAddress = true
        giveUp()
        connectNext()
    }

    /// The client stops: the last event, no more.
    func stop() {
        giveUp()
        finish(.failed(.unavailable))
    }

    // MARK: connecting

    private func connectNext() {
        guard let address = addresses.popFirst() else {
            return finish(.failed(hasTimedOutAddress ? .timedOut : .unreachable))
        }
        let authorities = request.isSecure ? request.certificateAuthorities : nil
        guard let vhost = service.vhost(authorities: authorities) else {
            return finish(.failed(request.isSecure ? .tls(.noAuthorities) : .unavailable))
        }
        if !addresses.isEmpty { addressEnd = WebSocketService.now + Self.addressTimeout }
        verifyError = 0
        status = 0
        refusal = []
        isHandshakeSent = false
        let number = service.register(self)
        attempt = number
        let made = connect(to: address, vhost: vhost, attempt: number)
        // The library may have reported the failure already, from inside the call.
        guard attempt == number, state == .connecting else { return }
        if let made {
            wsi = made
        } else {
            service.forget(attempt: number)
            attempt = 0
            connectLater()
        }
    }

    /// The next address, outside of any callback of the library.
    func connectLater() {
        if addresses.isEmpty { return connectNext() }
        addressEnd = WebSocketService.now
        service.rearm()
    }

    private func connect(
        to address: IPAddress, vhost: OpaquePointer, attempt: UInt
    ) -> OpaquePointer? {
        var info = lws_client_connect_info()
        info.context = service.context
        info.vhost = vhost
        info.port = Int32(request.port)
        info.ssl_connection = Int32(LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue)
        if request.isSecure { info.ssl_connection |= Int32(LCCSCF_USE_SSL.rawValue) }
        info.ietf_version_or_minus_one = -1
        info.opaque_user_data = UnsafeMutableRawPointer(bitPattern: attempt)
        info.retry_and_idle_policy = service.keepAlive(
            pingAfter: request.pingAfter, hangUpAfter: request.hangUpAfter)
        return address.description.withCString { address in
            request.authority.withCString { host in
                "frames".withCString { name in
                    "/".withCString { path in
                        "http/1.1".withCString { alpn in
                            info.address = address
                            info.host = host
                            info.local_protocol_name = name
                            info.path = path  // the real one follows in `appendHead`
                            info.alpn = alpn
                            return lws_client_connect_via_info(&info)
                        }
                    }
                }
            }
        }
    }

    /// Whether a socket's TCP connection stands.
    private static func isConnected(_ descriptor: Int32) -> Bool {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length) == 0
            }
        }
    }

    // MARK: ending

    /// Leaves the current socket to the library to be closed.
    private func giveUp() {
        if attempt != 0 { service.forget(attempt: attempt) }
        attempt = 0
        if let wsi { cwebsockets_kill(wsi) }
        wsi = nil
        addressEnd = nil
    }

    func finish(_ event: WebSocketEvent) {
        guard state != .finished else { return }
        state = .finished
        message = []
        _ = connection.deliver(event)
        service.remove(self)
    }
}
