// SPDX-License-Identifier: Apache-2.0
import Base
import Net
import TestSupport
import Testing
import Web

/// The client against Python's `aiohttp`, and against servers that end badly.
@Suite("HTTP client", .timeLimit(.minutes(10)))
struct HTTPClientTests {
    @Test func answersComeWithTheirHeaders() async throws {
        let client = try await Client()
        let response = try await client.send("/hello")
        #expect(response.status == 200)
        #expect(response.headers.all("x-two") == ["1", "2"])
        #expect(try await response.body.collect(max: 100) == Array("hello".utf8))
        await client.stop()
    }

    @Test(arguments: ["GET", "POST", "PUT", "PATCH", "DELETE"], [0, 1, 600_000])
    func bodiesAndMethodsArriveAsSent(method: String, size: Int) async throws {
        let client = try await Client()
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for mustNotRepeat in [false, true] {
            let response = try await client.send("/echo", method: method) {
                $0.body = body
                $0.headers = ["Content-Type": "x/y", "X-Empty": "", "Authorization": "Bearer t"]
                $0.mustNotRepeat = mustNotRepeat
            }
            #expect(response.headers["X-Method"] == method)
            #expect(try await response.body.collect(max: 1_000_000) == body)
            let seen = try JSONValue(
                parsing: Array((response.headers["X-Seen"] ?? "").utf8), maxBytes: 1 << 16)
            let names = seen.array?.compactMap { $0[0]?.string } ?? []
            #expect(names.contains("X-Empty") && names.contains("Authorization"))
            #expect(!names.contains("Expect"))
        }
        await client.stop()
    }

    @Test func piecesComeAsTheyAreSent() async throws {
        let client = try await Client()
        let response = try await client.send("/turns")
        let pieces = response.body.makeAsyncIterator()
        // The peer sends the next piece only when asked, so each arrives before the answer ends.
        for number in 0..<5 {
            let piece = try #require(try await pieces.next())
            #expect(String(decoding: piece, as: UTF8.self) == "\(number);")
            _ = try await client.send("/turn").body.collect(max: 10)
        }
        #expect(try await pieces.next() == nil)
        await client.stop()
    }

    @Test func readerThatWaitsHoldsTheServerBackAndLeavingEndsIt() async throws {
        let client = try await Client()
        var response: HTTPClientResponse? = try await client.send("/endless")
        var taken = 0
        // More than every buffer between: it stops and goes on, whole.
        let iterator = try #require(response).body.makeAsyncIterator()
        while taken < 20 << 20, let piece = try await iterator.next() { taken += piece.count }
        #expect(taken >= 20 << 20)
        await Self.drop(consume iterator)
        response = nil
        let left = try await client.send("/left").body.collect(max: 100)
        let sent = Int(String(decoding: left, as: UTF8.self)) ?? 0
        // What fits into sockets' buffers and ours, not the 256 MB.
        #expect(sent < taken + 16 << 20)
        await client.stop()
    }

    private static func drop(_ iterator: consuming HTTPClientBody.AsyncIterator) async {}

    @Test func cancelledTaskEndsTheRequestAtOnce() async throws {
        let client = try await Client()
        let task = Task { try await client.send("/never") }
        let reading = Task {
            let response = try await client.send("/stall")
            return try await response.body.collect(max: 1000)
        }
        // Both are on their way when a later request has been answered.
        _ = try await client.send("/hello")
        // Neither would ever be answered, so only the cancellation ends them.
        task.cancel()
        reading.cancel()
        await #expect(throws: HTTPClientError.cancelled) { _ = try await task.value }
        await #expect(throws: HTTPClientError.cancelled) { _ = try await reading.value }
        await client.stop()
    }

    @Test(arguments: ["http", "https_good"])
    func slowAnswerHoldsUpNoOther(name: String) async throws {
        let client = try await Client()
        let scheme = name == "http" ? "http" : "https"
        let base = "\(scheme)://localhost:\(try await WebPeer.get().port(name))"
        let slow = Task { try await client.send(base + "/never").status }
        for _ in 0..<3 {
            let status = try await client.send(base + "/hello").status
            #expect(status == 200)
        }
        slow.cancel()
        _ = await slow.result
        await client.stop()
    }

    @Test func statusesAreAnswersAndRedirectsAreNotFollowed() async throws {
        let client = try await Client()
        for status in [302, 404, 503] {
            let response = try await client.send("/status/\(status)")
            #expect(response.status == status)
            #expect(try await response.body.collect(max: 10) == Array("why".utf8))
        }
        let head = try await client.send("/hello", method: "HEAD")
        #expect(head.headers["Content-Length"] == "5")
        #expect(try await head.body.collect(max: 10) == [])
        await client.stop()
    }

    @Test func limitsOfTimeAndSizeHold() async throws {
        let client = try await Client()
        await #expect(throws: HTTPClientError.timedOut) {
            _ = try await client.send("/never") { $0.timeout = .milliseconds(200) }
        }
        await #expect(throws: HTTPClientError.timedOut) {
            let response = try await client.send("/stall") {
                $0.silenceTimeout = .milliseconds(300)
            }
            _ = try await response.body.collect(max: 100)
        }
        await #expect(throws: HTTPClientError.tooLarge) {
            _ = try await client.send("/headers")
        }
        await #expect(throws: HTTPClientError.tooLarge) {
            _ = try await client.send("/hello").body.collect(max: 4)
        }
        await client.stop()
    }

    @Test func cutAnswerIsAnErrorAfterItsBytes() async throws {
        let client = try await Client()
        let response = try await client.send("/stall?then=cut")
        let iterator = response.body.makeAsyncIterator()
        #expect(try await iterator.next() == Array("begin".utf8))
        await #expect(throws: HTTPClientError.connectionLost) { _ = try await iterator.next() }
        await client.stop()
    }

    @Test(arguments: [
        ("https_good", "localhost", nil), ("https_good", "127.0.0.1", nil),
        ("https_wrong", "localhost", TLSFailure.wrongName),
        ("https_expired", "localhost", .expired), ("https_selfsigned", "localhost", .selfSigned),
        ("http", "localhost", .handshake),
    ])
    func certificatesAreChecked(name: String, host: String, failure: TLSFailure?) async throws {
        let client = try await Client()
        let url = "https://\(host):\(try await WebPeer.get().port(name))/hello"
        let result = await Result.of { try await client.send(url).status }
        #expect(result == (failure.map { .failure(.tls($0)) } ?? .success(200)))
        await client.stop()
    }

    @Test func otherFailuresAreToldApart() async throws {
        let client = try await Client()
        func error(_ url: String, authorities: String? = nil) async -> HTTPClientError? {
            let result = await Result.of {
                try await client.send(url) {
                    if let authorities { $0.certificateAuthorities = authorities }
                }.status
            }
            if case .failure(let error) = result { return error }
            return nil
        }
        let https = try await WebPeer.get().port("https_good")
        #expect(await error("http://127.0.0.1:9/") == .unreachable)
        #expect(await error("http://name.invalid/") == .unknownHost)
        #expect(await error("ftp://127.0.0.1/") == .invalidRequest)
        #expect(await error("http://a b/") == .invalidRequest)
        #expect(
            await error("https://localhost:\(https)/", authorities: "/nowhere")
                == .tls(.noAuthorities))
        #expect(
            await error(
                "https://localhost:\(https)/",
                authorities: WebSocketRequest.systemCertificateAuthorities)
                == .tls(.unknownIssuer))
        await client.stop()
        #expect(await error("http://127.0.0.1:9/") == .unavailable)
    }

    /// The server takes the second request on a kept connection and closes without an answer.
    @Test func requestIsRepeatedUnlessThatIsForbidden() async throws {
        let client = try await Client()
        let url = "http://127.0.0.1:\(try await WebPeer.get().port("forgetful"))/"
        func post(_ mustNotRepeat: Bool) async -> Result<Int, HTTPClientError> {
            await Result.of {
                let body = try await client.send(url, method: "POST") {
                    $0.body = [1, 2, 3]
                    $0.mustNotRepeat = mustNotRepeat
                }.body.collect(max: 100)
                return Int(String(decoding: body, as: UTF8.self)) ?? -1
            }
        }
        #expect(await post(true) == .success(1))
        // On the kept connection: the second arrives, its answer never comes, and that is said.
        #expect(await post(true) == .failure(.connectionLost))
        // On a new one: the third.
        #expect(await post(true) == .success(3))
        // Kept, and repeated by the library: the fourth arrives again as the fifth.
        #expect(await post(false) == .success(5))
        await client.stop()
    }

    @Test func proxiesAreUsedAsAsked() async throws {
        let client = try await Client()
        let peer = try await WebPeer.get()
        let proxy = HTTPClientRequest.Proxy.url("http://127.0.0.1:\(peer.port("proxy"))")
        let plain = try await client.send("http://elsewhere.test/x") { $0.proxy = proxy }
        #expect(
            try await plain.body.collect(max: 100) == Array("proxied http://elsewhere.test/x".utf8))
        let tunnel = try await client.send("https://localhost:\(peer.port("https_good"))/hello") {
            $0.proxy = proxy
        }
        #expect(tunnel.status == 200)
        #expect(tunnel.headers["X-Proxy"] == nil)
        #expect(try await tunnel.body.collect(max: 100) == Array("hello".utf8))
        await client.stop()
    }

    @Test func manyRequestsShareConnections() async throws {
        let client = try await Client()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    let response = try await client.send("/hello")
                    _ = try await response.body.collect(max: 10)
                    return response.status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 100))
        await client.stop()
    }

    @Test func ourClientReadsOurServersStream() async throws {
        let server = try await TestServer()
        let client = try await Client()
        let body = try await client.send("http://\(server.address)/stream").body.collect(
            max: 100_000)
        #expect(body == Array((0..<1000).map { "line \($0)\n" }.joined().utf8))
        await client.stop()
        await server.stop()
    }

    @Test func stopEndsRequestsInFlight() async throws {
        let client = try await Client()
        let task = Task { try await client.send("/never").status }
        _ = try await client.send("/hello")
        await client.stop()
        await #expect(throws: HTTPClientError.unavailable) { _ = try await task.value }
    }
}

/// A client on a loop of its own, with the peer's address as the base of short URLs.
private final class Client: Sendable {
    private let loop: Loop
    private let client: HTTPClient

    init() async throws {
        loop = try Loop(name: "client")
        try loop.start()
        client = HTTPClient(on: loop)
    }

    func send(
        _ url: String, method: String = "GET",
        change: @Sendable (inout HTTPClientRequest) -> Void = { _ in }
    ) async throws -> HTTPClientResponse {
        let peer = try await WebPeer.get()
        let base = url.hasPrefix("/") ? "http://127.0.0.1:\(peer.port("http"))" : ""
        var request = HTTPClientRequest(method: method, url: base + url, timeout: .seconds(300))
        request.certificateAuthorities = peer.authorities
        request.proxy = .none
        change(&request)
        return try await client.send(request)
    }

    func stop() async {
        await client.stop()
        await waiting { [loop] in loop.stop() }
    }
}

extension Result where Failure == HTTPClientError, Success: Sendable {
    fileprivate static func of(_ body: () async throws -> Success) async -> Self {
        do {
            return .success(try await body())
        } catch let error as HTTPClientError {
            return .failure(error)
        } catch {
            return .failure(.library(code: -1))
        }
    }
}
