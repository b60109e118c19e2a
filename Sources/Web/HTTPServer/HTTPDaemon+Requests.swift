// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CMicroHTTPD
internal import Glibc
internal import Net

// What the library says about connections and requests.
extension HTTPDaemon {
    /// A method's name in logs; the library bounds it by its memory only.
    private static let methodBytesMax = 16

    func connected(_ connection: OpaquePointer) -> UInt {
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

    func disconnected(_ id: UInt) {
        if let alarm = links.removeValue(forKey: id)?.alarm { loop.cancel(alarm.token) }
        // The library, at its limit of connections, accepts again only in a later run.
        isRunWanted = true
        if isDraining, links.isEmpty { server.assumeIsolated { $0.emptied() } }
    }

    /// A request line has come; the number of its exchange.
    func began(_ target: String, linkID: UInt) -> UInt {
        guard let link = links[linkID] else { return 0 }
        let exchange = HTTPExchange(id: nextID, target: target, start: loop.now, link: link)
        nextID += 1
        exchanges[exchange.id] = exchange
        link.exchange = exchange
        return exchange.id
    }

    /// A request ended, well or not. The library may hold its lock: no call of it in here.
    func completed(_ id: UInt, isWhole: Bool) {
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
                remoteAddress: link.remoteAddress,
                forwardedFor: exchange.headers.all("X-Forwarded-For")))
    }

    /// The library's one handler, called for each phase of each request.
    func accessed(
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
            var response = routes.refusal?(refusal) ?? refusal.response
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

    func unwatch(_ exchange: HTTPExchange) {
        if let watch = exchange.watch { loop.deregister(watch) }
        exchange.watch = nil
    }

    func complained(_ text: String) {
        let now = loop.now
        if let complaintTime, now - complaintTime < .seconds(1) { return }
        complaintTime = now
        settings.complain?(text)
    }
}
