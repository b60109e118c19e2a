// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CMicroHTTPD
internal import Glibc
internal import Net

// How an answer reaches the library.
extension HTTPDaemon {
    /// The library's buffer for one piece of a streamed body.
    private static let streamBlock = 4096

    func send(_ exchange: HTTPExchange, _ answer: HTTPResponse) -> MHD_Result {
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
            return fixedResponse(of: shared)
        case .stream(let stream):
            exchange.stream = stream
            return streamedResponse(of: exchange.id, block: Self.streamBlock)
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
    func read(_ id: UInt, _ target: UnsafeMutableRawBufferPointer) -> Int {
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

    func upgrade(
        _ exchange: HTTPExchange, _ acceptance: WebSocketAcceptance
    ) -> MHD_Result {
        guard let connection = exchange.connection, let key = exchange.headers["Sec-WebSocket-Key"],
            acceptance.headers.isWellFormed,
            let response = upgradeResponse()
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

    func upgraded(
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
}
