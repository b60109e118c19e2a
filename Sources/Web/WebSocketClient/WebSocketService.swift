// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CWebSockets

/// The service thread's own state: the library's context and the links on it. Confined to that
/// thread; libwebsockets is entered from no other, but for the wake-up in `WebSocketMailbox`.
final class WebSocketService {
    /// Header space per connection, for the answer's headers; held only until the upgrade.
    private static let headerBytesMax: UInt16 = 20_000
    /// One buffer per context: requests are built in it. Must hold `WebSocketRequest.headBytesMax`.
    static let bufferBytes: UInt32 = 32_768
    /// Per connection: messages come in pieces of this size.
    private static let pieceBytes = 8192
    /// The library's own limits, above any of ours.
    private static let libraryTimeout: UInt32 = 90
    /// Different files of authorities at a time; each costs an OpenSSL store.
    private static let vhostsMax = 16
    /// Different pairs of ping times; later ones get the library's 300 s and 310 s.
    private static let keepAlivesMax = 16
    /// Descriptors beside the connections: the wake-up's, the library's own.
    private static let spareDescriptors = 50

    private let mailbox: WebSocketMailbox
    private let linksMax: Int
    private(set) var context: OpaquePointer
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let timer: UnsafeMutablePointer<cwebsockets_timer>
    private var vhosts: [String: OpaquePointer] = [:]
    /// By the connection's id.
    private var links: [UInt: WebSocketLink] = [:]
    /// By the attempt's number, which the library keeps for us with each socket: a callback for a
    /// socket that was given up finds nothing here.
    private var attempts: [UInt: WebSocketLink] = [:]
    private var nextAttempt: UInt = 1
    /// What the library keeps by pointer until it is destroyed.
    private var keepAlives: [KeepAlive: UnsafeMutablePointer<lws_retry_bo_t>] = [:]
    private var names: [UnsafeMutablePointer<CChar>] = []
    private var isStopping = false

    /// The thread's body: calls `didStart` once the mailbox knows whether there is a context, then
    /// runs until `stop`.
    static func run(
        _ mailbox: WebSocketMailbox, linksMax: Int, didStart: @Sendable () -> Void
    ) {
        cwebsockets_silence()
        let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
        protocols.initialize(repeating: lws_protocols(), count: 2)
        let name = strdup("frames")
        protocols[0].name = UnsafePointer(name)
        protocols[0].callback = serviceCallback
        protocols[0].rx_buffer_size = pieceBytes
        defer {
            protocols.deallocate()
            free(name)
        }
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.options = cwebsockets_context_options()
        info.gid = -1
        info.uid = -1
        info.max_http_header_data = headerBytesMax
        info.pt_serv_buf_size = bufferBytes
        info.fd_limit_per_thread = UInt32(clamping: linksMax + spareDescriptors)
        info.timeout_secs = libraryTimeout
        info.connect_timeout_secs = libraryTimeout
        guard let context = lws_create_context(&info) else {
            refuse(mailbox.ended())
            return didStart()
        }
        let service = WebSocketService(
            mailbox, context: context, protocols: protocols, linksMax: linksMax)
        service.loop(didStart)
    }

    private init(
        _ mailbox: WebSocketMailbox, context: OpaquePointer,
        protocols: UnsafeMutablePointer<lws_protocols>, linksMax: Int
    ) {
        self.mailbox = mailbox
        self.context = context
        self.protocols = protocols
        self.linksMax = linksMax
        timer = .allocate(capacity: 1)
        timer.initialize(to: cwebsockets_timer())
        // SAFETY: the timer is cancelled and the context destroyed before this object goes.
        timer.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
    }

    private func loop(_ didStart: @Sendable () -> Void) {
        // A vhost of its own carries the wake-up's callback, and the sockets without TLS.
        guard vhost(authorities: nil) != nil else {
            destroy()
            Self.refuse(mailbox.ended())
            return didStart()
        }
        mailbox.started(context: context)
        didStart()
        while !isStopping {
            if lws_service(context, 0) < 0 { break }
        }
        Self.refuse(mailbox.ended())
        for link in links.values.sorted(by: { $0.id < $1.id }) { link.stop() }
        cwebsockets_cancel(timer)
        destroy()
    }

    private func destroy() {
        lws_context_destroy(context)
        timer.deallocate()
        for times in keepAlives.values { times.deallocate() }
        for name in names { free(name) }
    }

    /// Answers what was queued behind the end.
    private static func refuse(_ commands: [WebSocketMailbox.Command]) {
        for case .connect(_, let connection) in commands {
            _ = connection.deliver(.failed(.unavailable))
        }
    }

    // MARK: commands

    /// Runs on every wake-up, also on those that nobody asked for.
    fileprivate func woken() {
        for command in mailbox.takeAll() {
            switch command {
            case .connect(let request, let connection):
                guard links.count < linksMax else {
                    _ = connection.deliver(.failed(.unavailable))
                    continue
                }
                let link = WebSocketLink(request, connection, service: self)
                links[link.id] = link
                link.start()
            case .attend(let id): links[id]?.attend()
            case .stop: isStopping = true
            }
        }
        rearm()
    }

    // MARK: time

    static var now: Instant { Instant(nanoseconds: UInt64(max(0, lws_now_usecs())) * 1000) }

    fileprivate func timerFired() {
        let now = Self.now
        // By id: the order of a dictionary differs from run to run.
        for link in links.values.filter({ $0.deadline.map { $0 <= now } ?? false })
            .sorted(by: { $0.id < $1.id })
        {
            link.deadlinePassed(at: now)
        }
        rearm()
    }

    /// Sets the one timer to the soonest deadline of all links. Deadlines change a few times in a
    /// connection's life, so looking at all of them costs less than a queue of them would.
    func rearm() {
        guard let deadline = links.values.reduce(nil, { soonest($0, $1.deadline) }) else {
            cwebsockets_cancel(timer)
            return
        }
        let wait = max(0, (deadline - Self.now).nanoseconds / 1000) + 1
        cwebsockets_schedule(context, timer, timerCallback, wait)
    }

    // MARK: for the links

    func remove(_ link: WebSocketLink) {
        links[link.id] = nil
    }

    /// A number for a new socket of a link; see `attempts`.
    func register(_ link: WebSocketLink) -> UInt {
        defer { nextAttempt += 1 }
        attempts[nextAttempt] = link
        return nextAttempt
    }

    func forget(attempt: UInt) {
        attempts[attempt] = nil
    }

    fileprivate func link(attempt: UInt) -> WebSocketLink? { attempts[attempt] }

    /// The vhost whose TLS trusts the given file and nothing else; nil when it cannot be had.
    func vhost(authorities: String?) -> OpaquePointer? {
        if let known = vhosts[authorities ?? ""] { return known }
        guard vhosts.count < Self.vhostsMax else { return nil }
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        info.protocols = UnsafePointer(protocols)
        info.gid = -1
        info.uid = -1
        info.timeout_secs = Self.libraryTimeout
        info.connect_timeout_secs = Self.libraryTimeout
        // SAFETY: this object outlives the context, see `loop`.
        info.user = Unmanaged.passUnretained(self).toOpaque()
        info.options = cwebsockets_plain_vhost_options()
        if let authorities {
            guard access(authorities, R_OK) == 0 else { return nil }
            info.options = cwebsockets_tls_vhost_options()
            info.client_ssl_ca_filepath = keep(authorities)
        }
        info.vhost_name = keep("web-\(vhosts.count)")
        let made = lws_create_vhost(context, &info)
        vhosts[authorities ?? ""] = made
        return made
    }

    /// The library's record of when to ping and when to hang up.
    func keepAlive(pingAfter: Duration, hangUpAfter: Duration) -> UnsafePointer<lws_retry_bo_t>? {
        let key = KeepAlive(ping: UInt16(pingAfter.seconds), hangUp: UInt16(hangUpAfter.seconds))
        if let known = keepAlives[key] { return UnsafePointer(known) }
        guard keepAlives.count < Self.keepAlivesMax else { return nil }
        let times = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        times.initialize(to: lws_retry_bo_t())
        times.pointee.secs_since_valid_ping = key.ping
        times.pointee.secs_since_valid_hangup = key.hangUp
        keepAlives[key] = times
        return UnsafePointer(times)
    }

    /// A copy of a text that lives as long as the context.
    private func keep(_ text: String) -> UnsafePointer<CChar>? {
        guard let copy = strdup(text) else { return nil }
        names.append(copy)
        return UnsafePointer(copy)
    }

    private struct KeepAlive: Hashable {
        let ping: UInt16
        let hangUp: UInt16
    }
}

private func timerCallback(_ entry: UnsafeMutablePointer<lws_sorted_usec_list_t>?) {
    guard let entry, let owner = cwebsockets_timer_owner(entry) else { return }
    // SAFETY: the service outlives its timer.
    Unmanaged<WebSocketService>.fromOpaque(owner).takeUnretainedValue().timerFired()
}

private func serviceCallback(
    _ wsi: OpaquePointer?, _ reason: lws_callback_reasons, _ user: UnsafeMutableRawPointer?,
    _ input: UnsafeMutableRawPointer?, _ length: Int
) -> Int32 {
    // SAFETY: the vhost's user is the service, which outlives the context.
    guard let wsi, let vhost = lws_get_vhost(wsi), let owner = lws_vhost_user(vhost) else {
        return 0
    }
    let service = Unmanaged<WebSocketService>.fromOpaque(owner).takeUnretainedValue()
    if reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED {
        service.woken()
        return 0
    }
    let attempt = UInt(bitPattern: lws_get_opaque_user_data(wsi))
    guard let link = service.link(attempt: attempt) else {
        // Given up meanwhile, and about to be killed; but an answer to the upgrade that is read first
        // takes the killing back (4.1.6), and the socket would live on and answer pings.
        return reason == LWS_CALLBACK_CLIENT_ESTABLISHED ? -1 : 0
    }
    return link.called(wsi, reason, verify: user, input, length)
}
