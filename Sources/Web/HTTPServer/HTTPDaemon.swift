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
    /// A method's name in logs; the library bounds it by its memory only.
    private static let methodBytesMax = 16
    private static let streamBlock = 4096

    private let loop: Loop
    private unowned let server: HTTPServer
    private let routes: HTTPRoutes
    private let settings: HTTPServer.Settings
    private let callbacks: UnsafeMutablePointer<cmicrohttpd_callbacks>
    private var daemon: OpaquePointer?
    private var registration: Registration?
    private var hook: UInt64?
    private var timeout: (token: DeadlineToken, time: Instant)?
    private var isRunWanted = true

    private var links: [UInt: HTTPLink] = [:]
    private var exchanges: [UInt: HTTPExchange] = [:]
    private var sessions: [UInt: WebSocketSession] = [:]
    private var nextID: UInt = 1
    private var complaintTime: Instant?
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
            to: cmicrohttpd_callbacks(
                owner: Unmanaged.passUnretained(self).toOpaque(), access: accessCallback,
                target: targetCallback, completed: completedCallback,
                connection: connectionCallback, message: messageCallback))
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

    private func limit(_ link: HTTPLink, to time: Duration?) {
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

// MARK: - The library's callbacks

extension HTTPDaemon {
    fileprivate func connected(_ connection: OpaquePointer) -> UInt {
        let id = nextID
        nextID += 1
        let link = HTTPLink(
            id: id, descriptor: cmicrohttpd_socket(connection),
            remoteAddress: Self.address(cmicrohttpd_peer(connection)))
        links[id] = link
        limit(link, to: settings.headTimeout)
        if isDraining { shutdown(link.descriptor, Int32(SHUT_RDWR)) }
        return id
    }

    fileprivate func disconnected(_ id: UInt) {
        if let alarm = links.removeValue(forKey: id)?.alarm { loop.cancel(alarm.token) }
        // The library, at its limit of connections, accepts again only in a later run.
        isRunWanted = true
        if isDraining, links.isEmpty { server.assumeIsolated { $0.emptied() } }
    }

    /// A request line has come; the number of its exchange.
    fileprivate func began(_ target: String, linkID: UInt) -> UInt {
        guard let link = links[linkID] else { return 0 }
        let exchange = HTTPExchange(id: nextID, target: target, start: loop.now, link: link)
        nextID += 1
        exchanges[exchange.id] = exchange
        link.exchange = exchange
        return exchange.id
    }

    /// A request ended, well or not. The library may hold its lock: no call of it in here.
    fileprivate func completed(_ id: UInt, isWhole: Bool) {
        guard let exchange = exchanges.removeValue(forKey: id) else { return }
        let link = exchange.link
        if exchange.phase == .waiting { server.assumeIsolated { $0.abandoned(id) } }
        unwatch(exchange)
        exchange.connection = nil
        exchange.isStreamSuspended = false
        exchange.writer?.assumeIsolated { $0.leave() }
        link.exchange = nil
        if !link.isUpgraded {
            limit(link, to: settings.headTimeout)
            if isDraining { shutdown(link.descriptor, Int32(SHUT_RDWR)) }
        }
        settings.observe?(
            HTTPRecord(
                method: exchange.method, route: exchange.route, status: exchange.status,
                isWhole: isWhole, duration: loop.now - exchange.start,
                remoteAddress: link.remoteAddress))
    }

    /// The library's one handler, called for each phase of each request.
    fileprivate func accessed(
        _ connection: OpaquePointer, _ id: UInt, method: UnsafePointer<CChar>?,
        version: UnsafePointer<CChar>?, _ piece: UnsafeRawBufferPointer
    ) -> MHD_Result {
        guard let exchange = exchanges[id] else { return .NO }
        exchange.connection = connection
        switch exchange.phase {
        case .head:
            let head = HTTPRequestHead(
                method: Self.text(method), target: exchange.target, version: Self.text(version),
                headers: Self.headers(of: connection))
            return headCame(exchange, head)
        case .body:
            guard piece.isEmpty else {
                // An answer cannot be given here; the rest is thrown away.
                if exchange.body.count + piece.count > exchange.bodyMax {
                    exchange.isTooLarge = true
                    exchange.body = []
                }
                if !exchange.isTooLarge { exchange.body += piece }
                return .YES
            }
            return requestCame(exchange)
        case .waiting:
            // Not expected; without a new suspension the library would call again for ever.
            MHD_suspend_connection(connection)
            return .YES
        case .answered:
            if let acceptance = exchange.acceptance { return upgrade(exchange, acceptance) }
            return send(exchange, exchange.response ?? HTTPResponse(status: 500))
        case .sent:
            return .NO
        }
    }

    private func headCame(_ exchange: HTTPExchange, _ head: HTTPRequestHead) -> MHD_Result {
        exchange.method = String(
            decoding: head.method.utf8.prefix(Self.methodBytesMax), as: UTF8.self)
        exchange.headers = head.headers
        exchange.phase = .body
        limit(exchange.link, to: settings.bodyTimeout)
        switch HTTPRequestCheck.check(head, routes: routes) {
        case .refuse(let refusal, let allow):
            var response = refusal.response
            if !allow.isEmpty { response.headers["Allow"] = allow.joined(separator: ", ") }
            // An answer in this first call keeps a body from coming, and ends the connection. Where
            // there is none and the request was understood, the connection may go on.
            let hasBody = (head.headers["Content-Length"] ?? "0") != "0"
            guard !hasBody, [404, 405, 426].contains(refusal.status) else {
                exchange.mustClose = true
                return send(exchange, response)
            }
            exchange.prepared = response
        case .options(let allow):
            exchange.prepared = HTTPResponse(
                status: 204, headers: ["Allow": allow.joined(separator: ", ")])
        case .take(let action, let match, let target):
            exchange.action = action
            exchange.match = match
            exchange.query = target.query
            if case .answer(_, let bodyMax) = action { exchange.bodyMax = bodyMax }
        }
        return .YES
    }

    /// The request is whole: the handler's turn, while the connection is suspended.
    private func requestCame(_ exchange: HTTPExchange) -> MHD_Result {
        if let prepared = exchange.prepared { return send(exchange, prepared) }
        if isDraining {
            exchange.mustClose = true
            return send(exchange, HTTPRefusal.overloaded.response)
        }
        if exchange.isTooLarge {
            exchange.mustClose = true
            return send(exchange, HTTPRefusal.bodyTooLarge.response)
        }
        guard let connection = exchange.connection, let action = exchange.action else {
            return .NO
        }
        exchange.phase = .waiting
        limit(exchange.link, to: settings.answerTimeout)
        MHD_suspend_connection(connection)
        let id = exchange.id
        exchange.watch = try? loop.register(exchange.link.descriptor, for: .peerClosed) {
            [unowned self] _ in left(id)
        }
        let request = exchange.request
        exchange.body = []
        server.assumeIsolated { $0.requested(id, request, action) }
        return .YES
    }

    /// The client ended its side while its request waits: it is told to the handler's task, but what
    /// that answers is sent all the same, as a client may close one direction only.
    private func left(_ id: UInt) {
        guard let exchange = exchanges[id] else { return }
        unwatch(exchange)
        exchange.mustClose = true
        server.assumeIsolated { $0.abandoned(id) }
    }

    private func unwatch(_ exchange: HTTPExchange) {
        if let watch = exchange.watch { loop.deregister(watch) }
        exchange.watch = nil
    }

    fileprivate func complained(_ text: String) {
        let now = loop.now
        if let complaintTime, now - complaintTime < .seconds(1) { return }
        complaintTime = now
        settings.complain?(text)
    }

    // MARK: answering

    private func send(_ exchange: HTTPExchange, _ answer: HTTPResponse) -> MHD_Result {
        guard let connection = exchange.connection else { return .NO }
        var answer = answer
        if !(200...599).contains(answer.status) || !answer.headers.isWellFormed {
            answer = HTTPResponse(status: 500)
        }
        if answer.status == 204 || answer.status == 304 { answer.body = .bytes([]) }
        guard let response = make(answer.body, for: exchange) else { return .NO }
        defer { MHD_destroy_response(response) }
        addHeaders(answer, exchange, to: response)
        exchange.phase = .sent
        exchange.status = answer.status
        if case .stream = answer.body {
            limit(exchange.link, to: settings.streamTimeout)
        } else {
            limit(exchange.link, to: settings.sendTimeout)
        }
        return MHD_queue_response(connection, UInt32(answer.status), response)
    }

    private func make(_ body: HTTPResponse.Body, for exchange: HTTPExchange) -> OpaquePointer? {
        switch body {
        case .bytes(let bytes):
            return bytes.withUnsafeBytes { buffer in
                // Copied by the library before the call returns.
                MHD_create_response_from_buffer(
                    buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress),
                    .RESPMEM_MUST_COPY)
            }
        case .fixed(let shared):
            // SAFETY: retained for the answer, released by its free callback; never written to.
            let held = Unmanaged.passRetained(shared)
            let made = MHD_create_response_from_buffer_with_free_callback_cls(
                shared.bytes.count, UnsafeMutableRawPointer(mutating: shared.bytes.baseAddress),
                fixedBodyFreed, held.toOpaque())
            if made == nil { held.release() }
            return made
        case .stream(let stream):
            exchange.stream = stream
            // SAFETY: released by the free callback.
            let reader = Unmanaged.passRetained(HTTPStreamReader(daemon: self, id: exchange.id))
            let made = MHD_create_response_from_callback(
                cmicrohttpd_size_unknown(), Self.streamBlock, streamCallback, reader.toOpaque(),
                streamFreed)
            if made == nil { reader.release() }
            return made
        }
    }

    private func addHeaders(
        _ answer: HTTPResponse, _ exchange: HTTPExchange, to response: OpaquePointer
    ) {
        var fields = answer.headers.fields.filter { field in
            // The library's own business.
            !["content-length", "transfer-encoding", "connection", "date"].contains {
                HTTPHeaders.isSame($0, field.name)
            }
        }
        if let finish = settings.finish {
            let added = finish(
                HTTPAnswered(
                    headers: exchange.headers, method: exchange.method, route: exchange.route,
                    status: answer.status))
            if added.isWellFormed { fields += added.fields }
        }
        for field in fields { MHD_add_response_header(response, field.name, field.value) }
        if exchange.mustClose || isDraining {
            MHD_add_response_header(response, "Connection", "close")
        }
    }

    /// The library wants the next bytes of a streamed body.
    fileprivate func read(_ id: UInt, _ target: UnsafeMutableRawBufferPointer) -> Int {
        guard let exchange = exchanges[id], let connection = exchange.connection else {
            return cmicrohttpd_end_with_error()
        }
        if let stream = exchange.stream {
            let writer = HTTPBodyWriter(loop: loop) { [weak server] in
                server?.assumeIsolated { $0.continueStream(id) }
            }
            exchange.stream = nil
            exchange.writer = writer
            server.assumeIsolated { $0.streamed(writer, stream) }
        }
        let room = target.count
        switch exchange.writer?.assumeIsolated({ $0.take(room) }) {
        case .bytes(let bytes):
            target.copyBytes(from: bytes)
            return bytes.count
        case .later:
            exchange.isStreamSuspended = true
            MHD_suspend_connection(connection)
            return 0
        case .end: return cmicrohttpd_end_of_stream()
        case .failure, nil: return cmicrohttpd_end_with_error()
        }
    }

    func continueStream(_ id: UInt) {
        guard let exchange = exchanges[id], exchange.isStreamSuspended,
            let connection = exchange.connection
        else { return }
        exchange.isStreamSuspended = false
        MHD_resume_connection(connection)
        isRunWanted = true
    }

    // MARK: websockets

    private func upgrade(
        _ exchange: HTTPExchange, _ acceptance: WebSocketAcceptance
    ) -> MHD_Result {
        guard let connection = exchange.connection, let key = exchange.headers["Sec-WebSocket-Key"],
            acceptance.headers.isWellFormed,
            let response = MHD_create_response_for_upgrade(upgradeCallback, callbacks.pointee.owner)
        else { return .NO }
        defer { MHD_destroy_response(response) }
        MHD_add_response_header(response, "Upgrade", "websocket")
        MHD_add_response_header(
            response, "Sec-WebSocket-Accept", WebSocketUpgrade.accept(key: key))
        if let subprotocol = acceptance.subprotocol, HTTPHeaders.isToken(subprotocol) {
            MHD_add_response_header(response, "Sec-WebSocket-Protocol", subprotocol)
        }
        for field in acceptance.headers.fields {
            MHD_add_response_header(response, field.name, field.value)
        }
        exchange.phase = .sent
        exchange.status = 101
        return MHD_queue_response(connection, 101, response)
    }

    fileprivate func upgraded(
        _ id: UInt, socket: Int32, early: [UInt8], handle: OpaquePointer
    ) {
        guard let exchange = exchanges[id], let acceptance = exchange.acceptance else {
            return closeUpgraded(handle)
        }
        let link = exchange.link
        link.isUpgraded = true
        limit(link, to: nil)
        let server = server
        let session = WebSocketSession(
            id: id, loop: loop, socket: socket, early: early, acceptance: acceptance,
            wake: { [loop, weak server] in
                loop.post { [weak server] in server?.assumeIsolated { $0.attend(id) } }
            },
            onEnd: { [unowned self] in
                sessions[id] = nil
                closeUpgraded(handle)
            })
        sessions[id] = session
        if isDraining { session.leave(within: .seconds(1)) }
    }

    private func closeUpgraded(_ handle: OpaquePointer) {
        cmicrohttpd_close_upgraded(handle)
        isRunWanted = true
    }

    // MARK: reading the library's structures

    private static func text(_ text: UnsafePointer<CChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }

    private static func headers(of connection: OpaquePointer) -> HTTPHeaders {
        var headers = HTTPHeaders()
        withUnsafeMutablePointer(to: &headers) { pointer in
            // SAFETY: the callback uses the pointer during this call only.
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND, headerCallback, UnsafeMutableRawPointer(pointer))
        }
        return headers
    }

    private static func address(_ raw: UnsafePointer<sockaddr>?) -> SocketAddress {
        var address = clinux_address()
        guard clinux_address_get(raw, &address) != 0 else {
            return SocketAddress(.v4(0), port: 0)
        }
        if address.is_v6 != 0 {
            let ip = IPAddress.v6(high: address.high, low: address.low, scope: address.scope)
            return SocketAddress(ip, port: address.port)
        }
        return SocketAddress(.v4(UInt32(truncatingIfNeeded: address.low)), port: address.port)
    }
}

// SAFETY, for all callbacks below: the owner is the daemon's object, which holds itself until the
// library has ended; they run inside MHD_run or MHD_stop_daemon, on the loop. What comes as a
// context is a number, looked up in the object's tables.

private func daemon(_ owner: UnsafeMutableRawPointer?) -> HTTPDaemon? {
    owner.map { Unmanaged<HTTPDaemon>.fromOpaque($0).takeUnretainedValue() }
}

private func accessCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?,
    _ piece: UnsafePointer<CChar>?, _ size: UnsafeMutablePointer<Int>?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let daemon = daemon(owner), let connection, let size, let context else { return .NO }
    let bytes = UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : size.pointee)
    size.pointee = 0
    return daemon.accessed(
        connection, UInt(bitPattern: context.pointee), method: method, version: version, bytes)
}

private func targetCallback(
    _ owner: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let daemon = daemon(owner), let target, let connection else { return nil }
    let linkID = UInt(bitPattern: cmicrohttpd_socket_context(connection))
    return UnsafeMutableRawPointer(
        bitPattern: daemon.began(String(cString: target), linkID: linkID))
}

private func completedCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ reason: MHD_RequestTerminationCode
) {
    guard let context else { return }
    daemon(owner)?.completed(
        UInt(bitPattern: context.pointee), isWhole: reason == .REQUEST_TERMINATED_COMPLETED_OK)
    context.pointee = nil
}

private func connectionCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ kind: MHD_ConnectionNotificationCode
) {
    guard let daemon = daemon(owner), let connection, let context else { return }
    if kind == .CONNECTION_NOTIFY_STARTED {
        context.pointee = UnsafeMutableRawPointer(bitPattern: daemon.connected(connection))
    } else {
        daemon.disconnected(UInt(bitPattern: context.pointee))
    }
}

private func messageCallback(_ owner: UnsafeMutableRawPointer?, _ text: UnsafePointer<CChar>?) {
    guard let text else { return }
    daemon(owner)?.complained(String(cString: text))
}

private func headerCallback(
    _ headers: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
    _ nameSize: Int, _ value: UnsafePointer<CChar>?, _ valueSize: Int
) -> MHD_Result {
    guard let headers, let name else { return .YES }
    func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count),
            as: UTF8.self)
    }
    headers.assumingMemoryBound(to: HTTPHeaders.self).pointee.append(
        text(name, nameSize), text(value, valueSize))
    return .YES
}

private func fixedBodyFreed(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<HTTPFixedBody>.fromOpaque(context).release()
}

/// What the library keeps with a streamed answer.
private final class HTTPStreamReader {
    unowned let daemon: HTTPDaemon
    let id: UInt

    init(daemon: HTTPDaemon, id: UInt) {
        self.daemon = daemon
        self.id = id
    }
}

private func streamCallback(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ target: UnsafeMutablePointer<CChar>?,
    _ size: Int
) -> Int {
    guard let context, let target else { return cmicrohttpd_end_with_error() }
    let reader = Unmanaged<HTTPStreamReader>.fromOpaque(context).takeUnretainedValue()
    return reader.daemon.read(
        reader.id, UnsafeMutableRawBufferPointer(start: target, count: size))
}

private func streamFreed(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<HTTPStreamReader>.fromOpaque(context).release()
}

private func upgradeCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutableRawPointer?, _ early: UnsafePointer<CChar>?, _ earlySize: Int,
    _ socket: Int32, _ handle: OpaquePointer?
) {
    guard let daemon = daemon(owner), let handle else { return }
    let bytes = UnsafeRawBufferPointer(start: early, count: early == nil ? 0 : earlySize)
    daemon.upgraded(
        UInt(bitPattern: context), socket: socket, early: Array(bytes), handle: handle)
}
