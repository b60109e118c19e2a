// SPDX-License-Identifier: Apache-2.0
import Base
import Net
import Synchronization
import Web
import TestSupport

/// A loop with a server on it, on a port of loopback.
final class TestServer: Sendable {
    let loop: Loop
    let server: HTTPServer
    let records = Records()

    final class Records: Sendable {
        private let list = Mutex<[HTTPRecord]>([])
        var all: [HTTPRecord] { list.withLock { $0 } }
        func add(_ record: HTTPRecord) { list.withLock { $0.append(record) } }
    }

    var address: SocketAddress { server.address }

    init(
        _ settings: HTTPServer.Settings = HTTPServer.Settings(),
        routes: (inout HTTPRoutes) -> Void = { _ in }
    ) async throws {
        loop = try Loop(name: "web")
        try loop.start()
        var table = HTTPRoutes()
        TestServer.addRoutes(&table)
        routes(&table)
        var settings = settings
        settings.observe = { [records] in records.add($0) }
        server = try HTTPServer(
            on: loop, at: SocketAddress(.loopback, port: 0), routes: table, settings: settings)
        try await server.start()
    }

    func stop() async {
        await server.stop(within: .milliseconds(200))
        await waiting { [loop] in loop.stop() }
    }

    func connect() throws -> RawClient { try RawClient(to: address) }

    /// What one connection sends back until it ends.
    func exchange(_ text: String) async throws -> String? {
        let client = try connect()
        client.send(text)
        return await client.readToEnd()
    }

    private static let fixed = HTTPFixedBody(Array(repeating: UInt8(ascii: "f"), count: 500_000))

    private static func addRoutes(_ routes: inout HTTPRoutes) {
        routes.on("GET", "/") { _ in .text("root") }
        routes.on("GET", "/fixed") { _ in HTTPResponse(body: .fixed(fixed)) }
        routes.on("GET", "/empty") { _ in HTTPResponse(status: 204) }
        routes.on("POST", "/echo", bodyMax: 100_000) { request in
            HTTPResponse(body: .bytes(request.body))
        }
        routes.on("POST", "/length") { .text("\($0.body.count)") }
        routes.on("DELETE", "/echo") { _ in .text("gone") }
        routes.on("GET", "/items/{id}/{part}") { request in
            .text(
                "\(request.parameters["id"] ?? "") \(request.parameters["part"] ?? "") "
                    + request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ","))
        }
        routes.on("GET", "/items/own/{part}") { _ in .text("literal") }
        routes.on("GET", "/headers") { request in
            .text(
                request.headers.fields.filter { $0.name.lowercased().hasPrefix("x-") }
                    .map { "\($0.name)=\($0.value)" }.joined(separator: "|"))
        }
        routes.on("GET", "/bad-header") { _ in
            HTTPResponse(headers: ["X": "a\r\nSet-Cookie: b"])
        }
        routes.on("GET", "/stream") { _ in
            HTTPResponse(
                body: .stream { writer in
                    for number in 0..<1000 { try await writer.write("line \(number)\n") }
                })
        }
        routes.on("GET", "/broken-stream") { _ in
            HTTPResponse(
                body: .stream { writer in
                    try await writer.write("begin")
                    throw CancellationError()
                })
        }
    }
}
