// SPDX-License-Identifier: Apache-2.0
import Base
import Net
import Synchronization
import TestSupport
import Testing
import Web

/// The server against raw sockets: what each request gets, to the byte.
@Suite("HTTP server", .timeLimit(.minutes(10)))
struct HTTPServerTests {
    @Test func answersAndKeepsTheConnection() async throws {
        let server = try await TestServer()
        let client = try server.connect()
        for _ in 0..<3 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try #require(await client.readAnswer())
            #expect(answer.head.status == 200)
            #expect(answer.body == "root")
            #expect(answer.head.contains("\r\nDate: "))
            #expect(answer.head.contains("\r\nContent-Type: text/plain; charset=utf-8"))
        }
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try #require(await client.readAnswer(hasBody: false))
        #expect(head.head.contains("Content-Length: 4"))
        client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await client.readAnswer()?.head.status == 204)
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        #expect(await client.readAnswer()?.body == "hello")
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let last = try #require(await client.readToEnd())
        #expect(last.contains("Connection: close") && last.hasSuffix("root"))
        await server.stop()
        #expect(server.records.all.map(\.status) == [200, 200, 200, 200, 204, 200, 200])
        #expect(server.records.all.allSatisfy { $0.isWhole })
        #expect(server.records.all.map(\.route).last == "/")
    }

    @Test func targetsAreDecodedAndMatchedExactly() async throws {
        let server = try await TestServer()
        let client = try server.connect()
        func body(_ target: String) async -> String? {
            client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            return await client.readAnswer().map {
                $0.head.status == 200 ? $0.body : "\($0.head.status)"
            }
        }
        #expect(await body("/items/a%20b/c?x=1+2&y=%2B&z&=w") == "a b c x=1 2,y=+,z=,=w")
        #expect(await body("/items/a%2Fb/c") == "a/b c ")
        #expect(await body("/items/own/c") == "literal")
        for wrong in [
            "/items", "/items/", "/items//c", "/items/./c", "/items/%2e%2e/c", "//", "/../",
        ] {
            #expect(await body(wrong) == "404", "\(wrong)")
        }
        await server.stop()
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/%00", "/%ff", "/?a=%", "/?a=%00"])
    func badEscapesAreRefused(target: String) async throws {
        let server = try await TestServer()
        let answer = try await server.exchange("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer?.status == 400)
        await server.stop()
    }

    @Test func duplicateHeadersComeInOrder() async throws {
        let server = try await TestServer()
        let answer = try await server.exchange(
            "GET /headers HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-b: 2\r\nX-A: 3\r\nConnection: close\r\n\r\n"
        )
        #expect(answer?.hasSuffix("X-A=1|x-b=2|X-A=3") == true)
        await server.stop()
    }

    @Test func otherMethodsGetAllow() async throws {
        let server = try await TestServer()
        let client = try server.connect()
        client.send("PUT /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        let refused = try #require(await client.readAnswer())
        #expect(refused.head.status == 405)
        #expect(refused.head.contains("Allow: DELETE, OPTIONS, POST"))
        #expect(refused.body.hasPrefix(#"{"error":{"code":"method_not_allowed","message":"#))
        client.send("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
        let options = try #require(await client.readAnswer())
        #expect(options.head.status == 204)
        #expect(options.head.contains("Allow: GET, HEAD, OPTIONS"))
        await server.stop()
    }

    @Test func handlerCannotSplitTheAnswer() async throws {
        let server = try await TestServer()
        let answer = try await server.exchange(
            "GET /bad-header HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(answer?.status == 500)
        #expect(answer?.contains("Cookie") == false)
        await server.stop()
    }

    @Test func fixedAndStreamedBodiesArriveWhole() async throws {
        let server = try await TestServer()
        let fixed = try await server.exchange(
            "GET /fixed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(fixed?.hasSuffix("\r\n\r\n" + String(repeating: "f", count: 500_000)) == true)
        let streamed = try #require(
            try await server.exchange(
                "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
        #expect(streamed.contains("Transfer-Encoding: chunked"))
        #expect(streamed.contains("line 999\n"))
        #expect(streamed.hasSuffix("0\r\n\r\n"))
        let broken = try #require(
            try await server.exchange("GET /broken-stream HTTP/1.1\r\nHost: a\r\n\r\n"))
        #expect(broken.contains("begin"))
        #expect(!broken.hasSuffix("0\r\n\r\n"))
        let head = try await server.exchange(
            "HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(head?.hasSuffix("\r\n\r\n") == true)
        #expect(head?.contains("line") == false)
        await server.stop()
    }

    @Test func readerThatStopsStopsTheWriter() async throws {
        let written = Mutex(0)
        let ended = Signal()
        let server = try await TestServer { routes in
            routes.on("GET", "/endless") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        defer { ended.fire() }
                        while true {
                            try await writer.write([UInt8](repeating: 0, count: 16_384))
                            written.withLock { $0 += 16_384 }
                        }
                    })
            }
        }
        let client = try server.connect()
        client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await !client.readSome().isEmpty)
        client.reset()
        await ended.wait()
        // Two socket buffers and our own, not what the writer had.
        #expect(written.withLock { $0 } < 16 << 20)
        await server.stop()
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let server = try await TestServer()
        let requests =
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            + "GET /items/1/2 HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for pieces in [1, 7, requests.utf8.count] {
            let client = try server.connect()
            let bytes = Array(requests.utf8)
            let size = (bytes.count + pieces - 1) / pieces
            for start in stride(from: 0, to: bytes.count, by: size) {
                client.send(Array(bytes[start..<min(bytes.count, start + size)]))
            }
            for body in ["root", "abc", "1 2 ", "", "root"] {
                #expect(await client.readAnswer()?.body == body)
            }
        }
        await server.stop()
    }

    @Test func manyKeepAliveConnectionsAtATime() async throws {
        let server = try await TestServer()
        let clients = try (0..<64).map { _ in try server.connect() }
        for round in 0..<5 {
            for (number, client) in clients.enumerated() {
                client.send("GET /items/\(number)/\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            for (number, client) in clients.enumerated() {
                #expect(await client.readAnswer()?.body == "\(number) \(round) ")
            }
        }
        #expect(await server.server.connectionCount == 64)
        await server.stop()
    }

    @Test func connectionLimitLetsTheNextInWhenOneLeaves() async throws {
        var settings = HTTPServer.Settings()
        settings.connectionsMax = 2
        settings.headTimeout = .milliseconds(200)
        let server = try await TestServer(settings)
        let held = try (0..<2).map { _ in try server.connect() }
        for client in held { client.send("GET /") }
        // Waits in the kernel's queue until the others time out.
        #expect(
            try await server.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?
                .status
                == 200)
        #expect(await held[0].readToEnd() == "")
        await server.stop()
    }

    @Test func slowHeadAndSlowBodyEndInTime() async throws {
        var settings = HTTPServer.Settings()
        settings.headTimeout = .milliseconds(300)
        settings.bodyTimeout = .milliseconds(300)
        let server = try await TestServer(settings)
        for start in ["", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"] {
            let client = try server.connect()
            client.send(start)
            // A byte every 20 ms: the library's idle timeout never passes.
            let begin = Loop.now
            while client.send("x"), await !client.isReadable(within: 20) {}
            #expect(await client.readSome() == [])
            // Far above the limit, as the machine may be busy, and far below the library's own.
            #expect((.milliseconds(250)...(.seconds(30))).contains(Loop.now - begin))
        }
        await server.stop()
    }

    @Test func handlerThatTakesTooLongIsAnsweredFor() async throws {
        var settings = HTTPServer.Settings()
        settings.answerTimeout = .milliseconds(100)
        let cancelled = Signal()
        let server = try await TestServer(settings) { routes in
            routes.on("GET", "/never") { _ in
                await withTaskCancellationHandler {
                    await cancelled.wait()
                } onCancel: {
                    cancelled.fire()
                }
                return .text("too late")
            }
        }
        let answer = try await server.exchange("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer?.status == 503)
        #expect(answer?.contains("Retry-After: 1") == true)
        await cancelled.wait()
        await server.stop()
    }

    @Test func clientThatLeavesCancelsTheTask() async throws {
        let begun = Signal()
        let cancelled = Signal()
        let server = try await TestServer { routes in
            routes.on("GET", "/never") { _ in
                begun.fire()
                await withTaskCancellationHandler {
                    await cancelled.wait()
                } onCancel: {
                    cancelled.fire()
                }
                return .text("for whoever only closed one side")
            }
        }
        let client = try server.connect()
        client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        await begun.wait()
        client.finish()
        await cancelled.wait()
        #expect(await client.readToEnd()?.hasSuffix("for whoever only closed one side") == true)
        await server.stop()
    }

    @Test func stopLetsRequestsEndAndRefusesNewOnes() async throws {
        let begun = Signal()
        let go = Signal()
        let server = try await TestServer { routes in
            routes.on("GET", "/held") { _ in
                begun.fire()
                await go.wait()
                return .text("done")
            }
        }
        let idle = try server.connect()
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await idle.readAnswer()?.body == "root")
        let client = try server.connect()
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        await begun.wait()
        async let stopped: Void = server.server.stop(within: .seconds(5))
        #expect(await idle.readToEnd() == "")
        #expect(throws: RawClient.Failure.self) { _ = try server.connect() }
        go.fire()
        let answer = try #require(await client.readToEnd())
        #expect(answer.hasSuffix("done") && answer.contains("Connection: close"))
        await stopped
        await waiting { server.loop.stop() }
    }

    @Test func stopCutsWhatDoesNotEnd() async throws {
        let begun = Signal()
        let never = Signal()
        let server = try await TestServer { routes in
            routes.on("GET", "/never") { _ in
                begun.fire()
                await never.wait()
                return .text("")
            }
            routes.on("GET", "/never-stream") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        try await writer.write("x")
                        await never.wait()
                    })
            }
        }
        let client = try server.connect()
        client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        await begun.wait()
        let reader = try server.connect()
        reader.send("GET /never-stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await !reader.readSome().isEmpty)
        await server.server.stop(within: .milliseconds(50))
        #expect(await client.readToEnd()?.status == 503)
        #expect(await reader.readToEnd()?.hasSuffix("0\r\n\r\n") == false)
        never.fire()
        await waiting { server.loop.stop() }
    }

    @Test func takenPortIsToldApart() async throws {
        let server = try await TestServer()
        #expect(throws: HTTPServer.StartError.addressInUse) {
            _ = try HTTPServer(on: server.loop, at: server.address, routes: HTTPRoutes())
        }
        await server.stop()
    }
}

/// Waits for something that happens once.
final class Signal: Sendable {
    private let state = Mutex<(isFired: Bool, waiters: [CheckedContinuation<Void, Never>])>(
        (false, []))

    func fire() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            state.isFired = true
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isFired = state.withLock { state in
                if !state.isFired { state.waiters.append(continuation) }
                return state.isFired
            }
            if isFired { continuation.resume() }
        }
    }
}
