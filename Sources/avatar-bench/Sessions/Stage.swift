// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import Glibc
internal import Net
internal import Room
internal import Telemetry
internal import Web
internal import WebRTC

/// A session and who listens to it.
struct Seat: Sendable {
    let id: String
    let viewer: Viewer
    /// From the request to its answer, ms.
    let joinTime: Double
}

/// Room server, agent, and what listeners share.
struct Stage {
    let web: Loop
    let server: AgentProcess
    let agent: AgentProcess
    let http: SocketAddress
    private let media: Loop
    private let webSockets: WebSocketClient
    private let names: Names
    private let log: LogWriter
    private let client: HTTPClient
    private let room: Room.Environment

    init(agent path: String) async throws {
        guard Files.exists(path) else {
            throw BenchFailure(message: "\(path) is not there: build it, or name it by --agent.")
        }
        web = try Loop(name: "web")
        media = try Loop(name: "media")
        try web.start()
        try media.start()
        webSockets = try WebSocketClient(connectionsMax: 600)
        names = try Names(on: web)
        log = LogWriter(level: .error, format: .text)
        client = HTTPClient(on: web)
        room = Room.Environment(
            loop: media, webSockets: webSockets, names: names,
            certificate: try DTLSCertificate(at: Loop.wallClock), log: log.logger("bench"))
        let (rtc, port) = (try Self.freePort(), try Self.freePort())
        http = SocketAddress(.loopback, port: port)
        server = try await AgentProcess(path, ["room-server", "--room-port", "\(rtc)"], on: web)
        setenv("LIVEKIT_URL", "ws://127.0.0.1:\(rtc)", 1)
        agent = try await AgentProcess(path, ["start", "--port", "\(port)"], on: web)
        try await answers("http://127.0.0.1:\(rtc)/")
        try await answers("http://\(http)/health")
    }

    func end() async {
        await agent.end()
        await server.end()
        await client.stop()
        webSockets.stop()
        names.stop()
        media.stop()
        web.stop()
        log.close()
    }

    var milliseconds: Double { Double(Loop.now.nanoseconds) / 1e6 }

    func wait(until time: Instant) async {
        let web = web
        await withCheckedContinuation { continuation in
            web.post { _ = web.schedule(at: time) { continuation.resume() } }
        }
    }

    /// A new session with a listener in it.
    func seat() async throws -> Seat {
        let begin = milliseconds
        let answer = try await post("/session-live", "{}")
        let took = milliseconds - begin
        guard let id = answer["session_id"]?.string, let url = answer["url"]?.string,
            let token = answer["token"]?.string
        else { throw BenchFailure(message: "the session's answer lacks a field.") }
        let viewer = try await Viewer(url: url, token: token, environment: room)
        return Seat(id: id, viewer: viewer, joinTime: took)
    }

    /// Waits until a listener hears its session: the first words wait for it.
    func warm(_ seat: Seat) async throws {
        let limit = Loop.now + .seconds(20)
        while await seat.viewer.packets.isEmpty {
            guard Loop.now < limit else { throw BenchFailure(message: "nothing is heard.") }
            await wait(until: Loop.now + .milliseconds(20))
        }
        await wait(until: Loop.now + .milliseconds(500))
    }

    @discardableResult
    func post(_ path: String, _ body: String) async throws -> JSONValue {
        var request = HTTPClientRequest(
            method: "POST", url: "http://\(http)\(path)", timeout: .seconds(20))
        request.body = Array(body.utf8)
        request.mustNotRepeat = true
        let response = try await client.send(request)
        let bytes = try await response.body.collect(max: 65_536)
        guard (200...201).contains(response.status) else {
            let words = String(decoding: bytes, as: UTF8.self)
            throw BenchFailure(message: "\(path) answered \(response.status): \(words)")
        }
        return try JSONValue(parsing: bytes)
    }

    private func answers(_ url: String) async throws {
        let limit = Loop.now + .seconds(30)
        while true {
            let request = HTTPClientRequest(method: "GET", url: url, timeout: .seconds(2))
            if (try? await client.send(request)) != nil { return }
            guard Loop.now < limit else { throw BenchFailure(message: "\(url) does not answer.") }
            await wait(until: Loop.now + .milliseconds(20))
        }
    }

    /// A port that nobody listens at.
    private static func freePort() throws -> UInt16 {
        let (descriptor, address) = try TCPListener.listeningSocket(
            at: SocketAddress(.loopback, port: 0))
        close(descriptor)
        return address.port
    }
}
