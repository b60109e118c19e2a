// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CMicroHTTPD
internal import Glibc
internal import Net

/// libmicrohttpd on a loop; confined to the loop's thread.
///
/// The library runs at the end of every round of the loop, as its external epoll mode wants, and has
/// no wake-up of its own: whatever it must notice sets `isRunWanted`. It knows exchanges and links by
/// number, so that nothing it says about an ended one finds memory of ours.
final class HTTPDaemon {
    /// Per connection: a request line of 28,000 bytes fits, one of 32,000 is 431.
    private static let connectionMemory = 32_768
    /// The library's own limit on silence; ours are for whole phases.
    private static let idleSeconds: UInt32 = 15
    /// Runs in one round; more of them wait for the next one, which comes at once.
    private static let runsMax = 8
    /// Rounds in which suspended connections are brought to an end.
    private static let endRoundsMax = 100

    let loop: Loop
    /// Until `end`: a server lives until it is stopped.
    let server: HTTPServer
    let routes: HTTPRoutes
    let settings: HTTPServer.Settings
    let callbacks: UnsafeMutablePointer<cmicrohttpd_callbacks>
    private var daemon: OpaquePointer?
    private var registration: Registration?
    private var hook: UInt64?
    private var timeout: (token: DeadlineToken, time: Instant)?
    var isRunWanted = true

    var links: [UInt: HTTPLink] = [:]
    var exchanges: [UInt: HTTPExchange] = [:]
    var sessions: [UInt: WebSocketSession] = [:]
    var nextID: UInt = 1
    var complaintTime: Instant?
    private(set) var isDraining = false

    /// Takes the listening socket over; nil, and the socket still the caller's, when the library
    /// refuses.
    init?(
        loop: Loop, server: HTTPServer, listener: Int32, routes: HTTPRoutes,
        settings: HTTPServer.Settings
    ) {
        self.loop = loop
        self.server = server
        self.routes = routes
        self.settings = settings
        callbacks = .allocate(capacity: 1)
        // SAFETY: retained from here to `end`, which stops the library first.
        callbacks.initialize(
            to: Self.callbacks(owner: Unmanaged.passUnretained(self).toOpaque()))
        daemon = cmicrohttpd_start(
            listener, callbacks, UInt32(clamping: settings.connectionsMax),
            UInt32(clamping: settings.connectionsPerAddressMax), Self.idleSeconds,
            Self.connectionMemory)
        guard let daemon else {
            callbacks.deallocate()
            return nil
        }
        do {
            registration = try loop.register(cmicrohttpd_epoll(daemon), for: .read) { _ in
                // The hook runs the library at the end of this round.
            }
        } catch {
            // Not the listener, which stays the caller's.
            MHD_quiesce_daemon(daemon)
            MHD_stop_daemon(daemon)
            callbacks.deallocate()
            return nil
        }
        _ = Unmanaged.passRetained(self)
        hook = loop.addHook { [unowned self] in run() }
    }

    // MARK: running

    /// Runs the library; whether it wants to run again at once.
    private func run() -> Bool {
        guard let daemon else { return false }
        for _ in 0..<Self.runsMax {
            isRunWanted = false
            MHD_run(daemon)
            if !isRunWanted { break }
        }
        var wait: UInt64 = 0
        guard MHD_get_timeout(daemon, &wait) == .YES else { return isRunWanted }
        if wait == 0 { return true }
        let time = loop.now + .milliseconds(Int64(clamping: wait))
        if timeout.map({ $0.time > time }) ?? true {
            if let timeout { loop.cancel(timeout.token) }
            let token = loop.schedule(at: time) { [unowned self] in timeout = nil }
            timeout = (token, time)
        }
        return isRunWanted
    }

    // MARK: deadlines

    func limit(_ link: HTTPLink, to time: Duration?) {
        link.deadline = time.map { loop.now + $0 }
        guard let deadline = link.deadline else { return }
        if let alarm = link.alarm {
            if alarm.time <= deadline { return }
            loop.cancel(alarm.token)
        }
        ring(link, at: deadline)
    }

    private func ring(_ link: HTTPLink, at time: Instant) {
        let id = link.id
        let token = loop.schedule(at: time) { [unowned self] in rang(id) }
        link.alarm = (token, time)
    }

    private func rang(_ id: UInt) {
        guard let link = links[id] else { return }
        link.alarm = nil
        guard let deadline = link.deadline else { return }
        guard deadline <= loop.now else { return ring(link, at: deadline) }
        if let exchange = link.exchange, exchange.phase == .waiting {
            let id = exchange.id
            server.assumeIsolated { $0.abandoned(id) }
            exchange.mustClose = true
            answer(id, HTTPRefusal.overloaded.response)
        } else if let exchange = link.exchange, exchange.isStreamSuspended {
            exchange.writer?.assumeIsolated { $0.finish(isWhole: false) }
        } else {
            shutdown(link.descriptor, Int32(SHUT_RDWR))
            isRunWanted = true
        }
    }

    // MARK: from the server

    var connectionCount: Int { links.count }
    var isEmpty: Bool { links.isEmpty }

    /// The handler's answer; without effect when the request is not waiting for one.
    func answer(_ id: UInt, _ response: HTTPResponse) {
        guard let exchange = exchanges[id], exchange.phase == .waiting else { return }
        exchange.response = response
        resume(exchange)
    }

    /// The handler takes the websocket.
    func accept(_ id: UInt, _ acceptance: WebSocketAcceptance) {
        guard let exchange = exchanges[id], exchange.phase == .waiting else { return }
        exchange.acceptance = acceptance
        resume(exchange)
    }

    func attend(_ id: UInt) {
        sessions[id]?.attend()
    }

    private func resume(_ exchange: HTTPExchange) {
        exchange.phase = .answered
        unwatch(exchange)
        limit(exchange.link, to: settings.sendTimeout)
        if let connection = exchange.connection { MHD_resume_connection(connection) }
        isRunWanted = true
    }

    /// Stops to listen and asks everybody to leave.
    func drain(within: Duration) {
        guard let daemon else { return }
        isDraining = true
        let listener = MHD_quiesce_daemon(daemon)
        if listener >= 0 { close(listener) }
        for session in sessions.values { session.leave(within: within) }
        for link in links.values where link.exchange == nil && !link.isUpgraded {
            shutdown(link.descriptor, Int32(SHUT_RDWR))
        }
        isRunWanted = true
    }

    /// Cuts what is left, and ends the library. The library stops the process when it is ended with
    /// suspended connections, hence the rounds.
    func end() {
        guard let daemon else { return }
        for session in sessions.values { session.cut() }
        for _ in 0..<Self.endRoundsMax where exchanges.values.contains(where: \.isSuspended) {
            for exchange in exchanges.values where exchange.isSuspended {
                exchange.writer?.assumeIsolated { $0.finish(isWhole: false) }
                answer(exchange.id, HTTPRefusal.overloaded.response)
            }
            MHD_run(daemon)
        }
        for link in links.values where !link.isUpgraded {
            shutdown(link.descriptor, Int32(SHUT_RDWR))
        }
        MHD_run(daemon)
        if let hook { loop.removeHook(hook) }
        if let registration { loop.deregister(registration) }
        if let timeout { loop.cancel(timeout.token) }
        self.daemon = nil
        MHD_stop_daemon(daemon)
        for link in links.values {
            if let alarm = link.alarm { loop.cancel(alarm.token) }
        }
        links = [:]
        exchanges = [:]
        callbacks.deallocate()
        Unmanaged.passUnretained(self).release()
    }
}
