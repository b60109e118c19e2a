// SPDX-License-Identifier: Apache-2.0
import Base
import Net
import Synchronization
import TestSupport
import Testing
import Web

/// The websocket server against Python's `websockets`, and against frames made by hand.
@Suite("WebSocket server", .timeLimit(.minutes(10)))
struct WebSocketServerTests {
    @Test func pythonClientsAreServed() async throws {
        let server = try await Self.makeServer()
        let url = "ws://\(server.address)"
        let output = try await PythonEnvironment.output(of: "web_clients.py", [url])
        let seen = try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 16)
        #expect(seen["echo"]?.bool == true)
        #expect(seen["largest"]?.int == 1 << 20)
        #expect(seen["too_large"]?.int == 1009)
        #expect(seen["subprotocol"]?.string == "chosen")
        #expect(seen["header"]?.string == "yes")
        #expect(seen["refused"]?[0]?.int == 401)
        #expect(seen["refused"]?[1]?.string == "no permissions to access the room")
        #expect(seen["server_close"]?[0]?.int == 4001)
        #expect(seen["server_close"]?[1]?.string == "bye")
        #expect(seen["client_close"]?.int == 4002)
        await server.stop()
    }

    @Test func ourClientSpeaksToOurServerToo() async throws {
        let server = try await Self.makeServer()
        let socket = try await Socket("/echo", at: "ws") { $0.port = server.address.port }
        #expect(await socket.next() == .opened)
        try socket.connection.send(.text("hello"))
        #expect(await socket.next() == .frame(.text("hello")))
        let refused = try await Socket("/refused", at: "ws") { $0.port = server.address.port }
        #expect(
            await refused.next()
                == .failed(.refused(status: 401, body: "no permissions to access the room")))
        await server.stop()
        #expect(await socket.next() == .closed(code: 1001, reason: ""))
    }

    @Test func framesBehindTheHandshakeAreNotLost() async throws {
        let server = try await Self.makeServer()
        let client = try server.connect()
        let payload = [UInt8](repeating: 5, count: 30_000)
        client.send(Array(Self.handshake("/late").utf8) + Self.frame(2, payload))
        #expect(await Self.readHandshake(client))
        #expect(await Self.read(client, 4 + payload.count) == [0x82, 126, 0x75, 0x30] + payload)
        await server.stop()
    }

    @Test(
        arguments: [
            ("unmasked", [0x81, 0x01, 0x61], 1002), ("reserved bit", frame(0x71, [0x61]), 1002),
            ("opcode 3", frame(3, [0x61]), 1002), ("opcode 11", frame(11, []), 1002),
            ("bad UTF-8", frame(1, [0xC3, 0x28]), 1007),
            ("continuation of nothing", frame(0, [0x61]), 1002),
            ("close code 1005", frame(8, [0x03, 0xED]), 1002),
        ] as [(String, [UInt8], UInt16)])
    func brokenFramesEndTheConnection(name: String, bytes: [UInt8], code: UInt16) async throws {
        let events = Events()
        let server = try await Self.makeServer(events)
        let client = try server.connect()
        client.send(Self.handshake("/echo"))
        #expect(await Self.readHandshake(client))
        client.send(bytes)
        #expect(await Self.read(client, 4) == [0x88, 2, UInt8(code >> 8), UInt8(code & 255)])
        #expect(await client.readToEnd() != nil)
        guard case .failed(.protocolError) = await events.last() else {
            Issue.record("no failure")
            return
        }
        await server.stop()
    }

    @Test func closeCodeOfOneByteIsNone() async throws {
        let events = Events()
        let server = try await Self.makeServer(events)
        let client = try server.connect()
        client.send(Self.handshake("/echo"))
        #expect(await Self.readHandshake(client))
        client.send(Self.frame(8, [0x03]))
        #expect(await client.readToEnd() != nil)
        #expect(await events.last() == .closed(code: 1005, reason: ""))
        await server.stop()
    }

    @Test func pingsThatAreNotReadEndTheConnection() async throws {
        let events = Events()
        let server = try await Self.makeServer(events)
        let client = try server.connect()
        client.send(Self.handshake("/echo"))
        #expect(await Self.readHandshake(client))
        // A megabyte of pings at a time, never reading a pong, until the server has enough.
        let pings = [UInt8](
            repeatingElements: Self.frame(9, [UInt8](repeating: 1, count: 125)), 8000)
        let ended = Signal()
        async let flood: Void = waiting {
            for _ in 0..<100 where client.send(pings) {}
            ended.fire()
        }
        #expect(await events.last() == .failed(.protocolError("too many pings")))
        await ended.wait()
        await flood
        await server.stop()
    }

    @Test func mutatedFramesDoNotHarmTheServer() async throws {
        let server = try await Self.makeServer()
        var random = SeededRandom(seed: 20_240_608)
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let length = [0, 1, 125, 126, 300].randomElement(using: &random) ?? 0
                let opcode = UInt8.random(in: 0...15, using: &random)
                bytes += Self.frame(opcode, [UInt8](repeating: 65, count: length))
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            let client = try server.connect()
            client.send(Array(Self.handshake("/echo").utf8) + bytes)
            if Bool.random(using: &random) { client.finish() } else { client.reset() }
        }
        let client = try server.connect()
        client.send(Array(Self.handshake("/echo").utf8) + Self.frame(1, [65]))
        #expect(await Self.readHandshake(client))
        #expect(await Self.read(client, 3) == [0x81, 1, 65])
        await server.stop()
    }

    @Test func silentPeerIsPingedAndGivenUp() async throws {
        let events = Events()
        let server = try await Self.makeServer(events)
        let client = try server.connect()
        client.send(Self.handshake("/nervous"))
        #expect(await Self.readHandshake(client))
        #expect(await Self.read(client, 2).prefix(2) == [0x89, 0])
        #expect(await events.last() == .failed(.silent))
        await server.stop()
    }

    @Test func closeHasADeadline() async throws {
        let events = Events()
        let server = try await Self.makeServer(events)
        let client = try server.connect()
        client.send(Self.handshake("/bye"))
        #expect(await Self.readHandshake(client))
        #expect(await Self.read(client, 7) == [0x88, 5, 0x0F, 0xA1] + Array("bye".utf8))
        #expect(await events.last() == .closed(code: 4001, reason: "bye"))
        #expect(await client.readToEnd() != nil)
        await server.stop()
    }

    @Test func aPeerThatDoesNotReadCannotPutTheEndOff() async throws {
        let events = Events()
        let (connections, found) = AsyncStream.makeStream(of: WebSocketConnection.self)
        let server = try await TestServer { routes in
            routes.onWebSocket("/stuffed") { _ in
                .accept(
                    WebSocketAcceptance { connection in
                        found.yield(connection)
                        return { events.add($0) }
                    })
            }
        }
        let client = try server.connect()
        client.send(Self.handshake("/stuffed"))
        #expect(await Self.readHandshake(client))
        let connection = try #require(await connections.first { _ in true })
        // As much as the kernel takes, and then as much as waits here.
        let piece = [UInt8](repeating: 1, count: 1 << 16)
        var idleRounds = 0
        while idleRounds < 3 {
            let isTaken = await server.loop.run { () -> Bool in
                var isTaken = false
                while (try? connection.send(piece)) != nil { isTaken = true }
                return isTaken
            }
            idleRounds = isTaken ? 0 : idleRounds + 1
        }
        connection.close(code: 4001, reason: "bye", within: .milliseconds(100))
        #expect(await events.last() == .closed(code: 4001, reason: "bye"))
        #expect(await client.readToEnd() != nil)
        await server.stop()
    }

    @Test(arguments: [
        ("no upgrade", "", 426), ("other version", "Sec-WebSocket-Version: 8\r\n", 426),
        ("short key", "Sec-WebSocket-Key: abc\r\n", 426),
    ])
    func handshakesThatAreNone(name: String, replaced: String, status: Int) async throws {
        let server = try await Self.makeServer()
        let client = try server.connect()
        var request = Self.handshake("/echo")
        if replaced.isEmpty {
            request = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
        } else {
            let name = replaced.prefix { $0 != ":" }
            let lines = request.split(separator: "\r\n").filter { !$0.hasPrefix(name) }
            request = lines.joined(separator: "\r\n") + "\r\n" + replaced + "\r\n"
        }
        client.send(request)
        let answer = try #require(await client.readAnswer())
        #expect(answer.head.status == status)
        #expect(answer.head.contains("Sec-WebSocket-Version: 13"))
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await client.readAnswer()?.body == "root")
        await server.stop()
    }

    @Test func refusedUpgradeLeavesTheConnection() async throws {
        let server = try await Self.makeServer()
        let client = try server.connect()
        client.send(Self.handshake("/refused"))
        #expect(await client.readAnswer()?.head.status == 401)
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await client.readAnswer()?.body == "root")
        await server.stop()
    }

    // MARK: the server

    private static func makeServer(_ events: Events = Events()) async throws -> TestServer {
        let echo: WebSocketHandler = { request in
            var acceptance = WebSocketAcceptance { connection in
                { event in
                    events.add(event)
                    if case .frame(let frame) = event { try? connection.send(frame) }
                }
            }
            if request.headers.hasToken("chosen", in: "Sec-WebSocket-Protocol") {
                acceptance.subprotocol = "chosen"
            }
            acceptance.headers = ["X-Extra": "yes"]
            if request.route == "/nervous" {
                acceptance.pingAfter = .milliseconds(100)
                acceptance.hangUpAfter = .milliseconds(300)
            }
            return .accept(acceptance)
        }
        return try await TestServer { routes in
            routes.onWebSocket("/echo", echo)
            routes.onWebSocket("/nervous", echo)
            routes.onWebSocket("/late") { request in
                // Not at once: what comes meanwhile waits.
                await waiting {}
                return await echo(request)
            }
            routes.onWebSocket("/refused") { _ in
                .refuse(.text("no permissions to access the room", status: 401))
            }
            routes.onWebSocket("/bye") { _ in
                .accept(
                    WebSocketAcceptance { connection in
                        connection.close(code: 4001, reason: "bye", within: .milliseconds(200))
                        return { events.add($0) }
                    })
            }
        }
    }

    /// What a server's connection reported.
    final class Events: Sendable {
        private let (stream, continuation) = AsyncStream.makeStream(of: WebSocketEvent.self)

        func add(_ event: WebSocketEvent) {
            continuation.yield(event)
            switch event {
            case .closed, .failed: continuation.finish()
            case .opened, .frame: break
            }
        }

        func last() async -> WebSocketEvent? {
            var last: WebSocketEvent?
            for await event in stream { last = event }
            return last
        }
    }

    // MARK: bytes

    private static func handshake(_ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    }

    /// RFC 6455 section 1.3 gives the answer to this key.
    private static func readHandshake(_ client: RawClient) async -> Bool {
        guard let answer = await client.readAnswer() else { return false }
        return answer.head.status == 101
            && answer.head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    private static func read(_ client: RawClient, _ count: Int) async -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = await client.readSome()
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    /// A final frame with a mask of ones.
    private static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        return [0x80 | opcode] + length + [1, 1, 1, 1] + payload.map { $0 ^ 1 }
    }
}

extension [UInt8] {
    fileprivate init(repeatingElements bytes: [UInt8], _ count: Int) {
        self = Array(repeatElement(bytes, count: count).joined())
    }
}
