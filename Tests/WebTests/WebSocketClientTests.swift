// SPDX-License-Identifier: Apache-2.0
import Base
import Dispatch
import Testing
import Web

/// The websocket client against Python's `websockets`, and against peers that break the rules.
@Suite("WebSocket client", .timeLimit(.minutes(10)))
struct WebSocketClientTests {
    @Test func messagesOfAllSizesComeBackAsTheyWent() async throws {
        let socket = try await Socket("/echo")
        #expect(await socket.next() == .opened)
        for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try socket.connection.send(bytes)
            #expect(await socket.next() == .frame(.binary(bytes)))
        }
        try socket.connection.send(.text("Grüße"))
        #expect(await socket.next() == .frame(.text("Grüße")))
        socket.connection.close()
        #expect(await socket.next() == .closed(code: 1000, reason: ""))
        #expect(await socket.next() == nil)
    }

    @Test func messagesQueuedBeforeTheUpgradeAndCloseLeaveInOrder() async throws {
        let socket = try await Socket("/echo")
        for number in 0..<100 { try socket.connection.send([UInt8(number)]) }
        #expect(await socket.next() == .opened)
        for number in 0..<100 {
            #expect(await socket.next() == .frame(.binary([UInt8(number)])))
        }
    }

    @Test func fragmentsBecomeOneMessage() async throws {
        let socket = try await Socket("/fragments")
        #expect(await socket.next() == .opened)
        #expect(await socket.next() == .frame(.text("abcdef")))
    }

    @Test func serverSeesTheWholeTargetAndOurHeaders() async throws {
        let target = "/request?join_request=" + String(repeating: "x", count: 15_000)
        let socket = try await Socket(target) {
            $0.headers = ["Authorization": "Bearer secret-token", "X-Two": "2"]
        }
        #expect(await socket.next() == .opened)
        guard case .frame(.text(let text)) = await socket.next() else {
            Issue.record("no answer")
            return
        }
        let seen = try JSONValue(parsing: Array(text.utf8), maxBytes: 1 << 16)
        #expect(seen["path"]?.string == target)
        let headers = seen["headers"]?.array ?? []
        let port = try await WebPeer.get().port("ws")
        func value(_ name: String) -> [String?] {
            headers.filter { $0[0]?.string == name }.map { $0[1]?.string }
        }
        #expect(value("Authorization") == ["Bearer secret-token"])
        #expect(value("X-Two") == ["2"])
        #expect(value("Host") == ["127.0.0.1:\(port)"])
        #expect(value("Sec-WebSocket-Extensions") == [])
    }

    @Test func longTargetGoesThroughTLSWhole() async throws {
        let target = "/request?" + String(repeating: "y", count: 15_000)
        let socket = try await Socket(target, at: "wss_good") { $0.host = "localhost" }
        #expect(await socket.next() == .opened)
        guard case .frame(.text(let text)) = await socket.next() else {
            Issue.record("no answer")
            return
        }
        let seen = try JSONValue(parsing: Array(text.utf8), maxBytes: 1 << 16)
        #expect(seen["path"]?.string == target)
    }

    @Test func literalIPv6AddressWorks() async throws {
        let socket = try await Socket("/echo", at: "ws6") {
            $0.host = "::1"
            $0.addresses = [.loopbackV6]
        }
        #expect(await socket.next() == .opened)
    }

    @Test func nextAddressIsTriedWhenOneRefuses() async throws {
        let socket = try await Socket("/echo") {
            $0.host = "localhost"
            $0.addresses = [.loopbackV6, .v4(0x7F00_0002), .loopback]
        }
        #expect(await socket.next() == .opened)
    }

    @Test func refusalTellsStatusAndBodyWithoutTheToken() async throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
        let socket = try await Socket("/refuse") {
            $0.headers = ["Authorization": "Bearer \(token)"]
        }
        #expect(
            await socket.next()
                == .failed(.refused(status: 401, body: "invalid token: <redacted>, error: expired"))
        )
        #expect(await socket.next() == nil)
    }

    @Test func redirectIsNotFollowed() async throws {
        let socket = try await Socket("/redirect")
        #expect(await socket.next() == .failed(.refused(status: 302, body: "elsewhere")))
    }

    @Test func peersCloseCodeArrivesAndItsReasonIsRedacted() async throws {
        let socket = try await Socket("/close")
        #expect(await socket.next() == .opened)
        #expect(await socket.next() == .closed(code: 4001, reason: "<redacted> is over"))
        #expect(throws: WebSocketConnection.SendError.closed) {
            try socket.connection.send([1])
        }
    }

    @Test(arguments: [
        ("wss_wrong", "localhost", TLSFailure.wrongName), ("wss_expired", "localhost", .expired),
        ("wss_selfsigned", "localhost", .selfSigned), ("wss_good", "localhost", nil),
        ("wss_good", "127.0.0.1", nil), ("wss_good", "other.test", .wrongName),
        ("ws", "localhost", .handshake),
    ])
    func certificatesAreChecked(name: String, host: String, failure: TLSFailure?) async throws {
        let socket = try await Socket("/echo", at: name) {
            $0.isSecure = true
            $0.host = host
        }
        #expect(await socket.next() == failure.map { .failed(.tls($0)) } ?? .opened)
    }

    @Test func authorityOutsideTheFileIsUnknown() async throws {
        let socket = try await Socket("/echo", at: "wss_good") {
            $0.host = "localhost"
            $0.certificateAuthorities = WebSocketRequest.systemCertificateAuthorities
        }
        #expect(await socket.next() == .failed(.tls(.unknownIssuer)))
        let missing = try await Socket("/echo", at: "wss_good") {
            $0.certificateAuthorities = "/nowhere/ca.crt"
        }
        #expect(await missing.next() == .failed(.tls(.noAuthorities)))
    }

    @Test func nobodyThereIsUnreachable() async throws {
        // The discard port: nothing listens there on loopback.
        let socket = try await Socket("/echo") { $0.port = 9 }
        #expect(await socket.next() == .failed(.unreachable))
        let nameless = try await Socket("/echo") { $0.addresses = [] }
        #expect(await nameless.next() == .failed(.unreachable))
    }

    @Test(arguments: [("silent", false), ("silent", true)])
    func silentServerTimesOut(name: String, isSecure: Bool) async throws {
        let socket = try await Socket("/echo", at: name) {
            $0.isSecure = isSecure
            $0.timeout = .milliseconds(300)
        }
        #expect(await socket.next() == .failed(.timedOut))
    }

    @Test(arguments: ["garbage", "bad_accept"])
    func answerThatIsNotHTTPOrNotOursIsAProtocolError(name: String) async throws {
        let socket = try await Socket("/echo", at: name)
        guard case .failed(.protocolError) = await socket.next() else {
            Issue.record("not a protocol error")
            return
        }
    }

    @Test(arguments: [
        ("/opcode", WebSocketError.protocolError("broken frame")),
        ("/reserved", .protocolError("broken frame")), ("/announced", .tooLarge),
        ("/endless", .tooLarge), ("/utf8", .protocolError("text is not UTF-8")), ("/vanish", .lost),
    ])
    func brokenPeersEndTheConnection(path: String, error: WebSocketError) async throws {
        let socket = try await Socket(path, at: "broken")
        #expect(await socket.next() == .opened)
        #expect(await socket.next() == .failed(error))
        #expect(await socket.next() == nil)
    }

    @Test func mutePeerIsGivenUp() async throws {
        let socket = try await Socket("/mute", at: "broken") {
            $0.pingAfter = .seconds(1)
            $0.hangUpAfter = .seconds(2)
        }
        #expect(await socket.next() == .opened)
        #expect(await socket.next() == .failed(.silent))
    }

    @Test func closeOnAMutePeerEndsInTime() async throws {
        let socket = try await Socket("/mute", at: "broken")
        #expect(await socket.next() == .opened)
        socket.connection.close(code: 4000, reason: "bye", within: .milliseconds(200))
        #expect(await socket.next() == .closed(code: 4000, reason: "bye"))
        #expect(await socket.next() == nil)
    }

    @Test func closeWhileConnectingEndsAtOnce() async throws {
        let socket = try await Socket("/echo", at: "silent")
        socket.connection.close()
        #expect(await socket.next() == .closed(code: 1000, reason: ""))
    }

    @Test func noFrameComesAfterClose() async throws {
        let socket = try await Socket("/echo")
        #expect(await socket.next() == .opened)
        // On the queue of the events: what comes back meanwhile is handed over only afterwards.
        try Socket.onQueue {
            try socket.connection.send([1])
            try socket.connection.send([2])
            socket.connection.close()
        }
        #expect(await socket.next() == .closed(code: 1000, reason: ""))
    }

    @Test func messageAboveTheLimitEndsTheConnection() async throws {
        let fits = try await Socket("/big?size=\(1 << 20)")
        #expect(await fits.next() == .opened)
        #expect(await fits.next() == .frame(.binary(Array(repeating: 0, count: 1 << 20))))
        let large = try await Socket("/big?size=\(1 << 20 | 1)")
        #expect(await large.next() == .opened)
        #expect(await large.next() == .failed(.tooLarge))
    }

    @Test func fullQueueRefusesAndDeliversWhatItTook() async throws {
        let socket = try await Socket("/hold")
        #expect(await socket.next() == .opened)
        let block = [UInt8](repeating: 7, count: 1 << 18)
        #expect(throws: WebSocketConnection.SendError.full) {
            for _ in 0..<200 { try socket.connection.send(block) }
        }
        socket.connection.close(within: .milliseconds(100))
        #expect(await socket.next() == .closed(code: 1000, reason: ""))
    }

    @Test func requestThatCannotBeSentIsRefused() async throws {
        func expect(
            _ defect: String, _ change: @Sendable (inout WebSocketRequest) -> Void
        ) async throws {
            let socket = try await Socket("/echo", change: change)
            #expect(await socket.next() == .failed(.invalidRequest(defect)))
        }
        try await expect("host") { $0.host = "a b" }
        try await expect("host") { $0.host = String(repeating: "a", count: 128) }
        try await expect("target") { $0.target = "/a\r\nX: y" }
        try await expect("target") { $0.target = "rtc" }
        try await expect("headers") { $0.headers = ["X": "a\r\nY: b"] }
        try await expect("headers") { $0.headers = ["X Y": "a"] }
        try await expect("head too long") {
            $0.target = "/" + String(repeating: "a", count: 16_384)
        }
        try await expect("TLS to an IPv6 address") {
            $0.isSecure = true
            $0.host = "::1"
        }
    }

    @Test func manyConnectionsAtATime() async throws {
        var sockets: [Socket] = []
        for _ in 0..<50 { sockets.append(try await Socket("/echo")) }
        for (number, socket) in sockets.enumerated() {
            try socket.connection.send([UInt8(number)])
        }
        for (number, socket) in sockets.enumerated() {
            #expect(await socket.next() == .opened)
            #expect(await socket.next() == .frame(.binary([UInt8(number)])))
        }
    }

    @Test func clientCanBeStoppedInFlightAndStartedAgain() async {
        // In a process of its own: this one's client is everybody's.
        await #expect(processExitsWith: .success) {
            for _ in 0..<3 {
                let client = try WebSocketClient()
                let (stream, continuation) = AsyncStream.makeStream(of: WebSocketEvent.self)
                for address in [IPAddress.loopback, .v4(0xC000_0201)] {
                    _ = client.connect(
                        WebSocketRequest(
                            isSecure: false, host: "a.test", port: 9, addresses: [address],
                            target: "/"),
                        post: { $0() }, handler: { continuation.yield($0) })
                }
                client.stop()
                continuation.finish()
                var events: [WebSocketEvent] = []
                for await event in stream { events.append(event) }
                precondition(events.count == 2, "one last event each")
            }
        }
    }

    @Test func onlyOneClientMayRun() throws {
        _ = try Socket.client.get()
        #expect(throws: WebSocketClient.StartError.alreadyRunning) { _ = try WebSocketClient() }
    }
}

/// A connection and its events.
final class Socket {
    static let client = Result { try WebSocketClient(connectionsMax: 200) }
    private static let queue = DispatchQueue(label: "events")

    /// Does something on the queue that hands the events over.
    static func onQueue(_ body: () throws -> Void) rethrows { try queue.sync(execute: body) }

    let connection: WebSocketConnection
    private var events: AsyncStream<WebSocketEvent>.Iterator

    init(
        _ target: String, at name: String = "ws",
        change: @Sendable (inout WebSocketRequest) -> Void = { _ in }
    ) async throws {
        let peer = try await WebPeer.get()
        var request = WebSocketRequest(
            isSecure: name.hasPrefix("wss"), host: "127.0.0.1", port: peer.port(name),
            addresses: [.loopback], target: target)
        request.certificateAuthorities = peer.authorities
        change(&request)
        let (stream, continuation) = AsyncStream.makeStream(of: WebSocketEvent.self)
        connection = try Self.client.get().connect(
            request, post: { work in Self.queue.async(execute: work) },
            handler: { event in
                continuation.yield(event)
                switch event {
                case .closed, .failed: continuation.finish()
                case .opened, .frame: break
                }
            })
        events = stream.makeAsyncIterator()
    }

    /// The next event; nil after the last one.
    func next() async -> WebSocketEvent? {
        await events.next()
    }

    deinit {
        connection.close(within: .zero)
    }
}
