// SPDX-License-Identifier: Apache-2.0
import Avatar
import Base
import LiveKit
import Net
import Room
import Speech
import Telemetry
import Testing
import Web
import WebRTC

@testable import TokenIssuer
@testable import avatar_agent

/// The sessions of a program that ends.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(6))) struct SessionRegistryTests {
    /// How far the server let the agent come.
    enum Stage: CaseIterable {
        /// It may not even know yet whether it is let in.
        case joining
        /// It is in, and its track is not taken yet.
        case publishing
    }

    @Test(arguments: Stage.allCases)
    func whoStillJoinsWhenTheProgramEndsLeaves(stage: Stage) async throws {
        let house = try await SlowHouse(letsIn: stage == .publishing)
        let start = Task { [house] in await house.start() }
        var requests = house.requests.makeAsyncIterator()
        if stage == .publishing {
            while let request = await requests.next() {
                if case .addTrack = request { break }
            }
        } else {
            for await _ in house.knocks { break }
        }
        await house.registry.endAll()
        #expect(await start.value == .overloaded("The program ends."))
        var hasLeft = false
        while !hasLeft, let request = await requests.next() {
            if case .leave = request { hasLeft = true }
        }
        #expect(hasLeft)
        #expect(await house.registry.status(room: SlowHouse.room)?.state == .failed)
        #expect(await house.start() == .overloaded("The program ends."), "nobody comes any more")
        await house.stop()
    }
}

/// A registry and a room server that takes its time: whoever knocks hears nothing, or is let in and
/// hears nothing more.
private final class SlowHouse: Sendable {
    static let room = "avatar-room"

    let registry: SessionRegistry
    /// Websockets that were opened.
    let knocks: AsyncStream<Void>
    /// What they said; ends with the websocket.
    let requests: AsyncStream<SignalRequest>
    private let media: Loop
    private let web: Loop
    private let pool: WorkPool
    private let names: Names
    private let sockets: WebSocketClient
    private let server: HTTPServer
    private let log = LogWriter(level: .error)

    init(letsIn: Bool) async throws {
        media = try Loop(name: "media")
        web = try Loop(name: "web")
        try media.start()
        try web.start()
        pool = try WorkPool(threads: 1)
        names = try Names(on: web)
        sockets = try WebSocketClient(connectionsMax: 4)
        let (knocks, knock) = AsyncStream.makeStream(of: Void.self)
        let (requests, request) = AsyncStream.makeStream(of: SignalRequest.self)
        (self.knocks, self.requests) = (knocks, requests)
        var routes = HTTPRoutes()
        routes.onWebSocket("/rtc") { _ in
            .accept(
                WebSocketAcceptance { connection in
                    { event in
                        switch event {
                        case .opened:
                            if letsIn {
                                try? connection.send(SignalResponse.join(Self.join).encoded)
                            }
                            knock.yield()
                        case .frame(.binary(let bytes)):
                            if let said = try? SignalRequest(decoding: bytes) {
                                request.yield(said)
                            }
                        case .frame(.text): break
                        case .closed, .failed: request.finish()
                        }
                    }
                })
        }
        server = try HTTPServer(
            on: web, at: SocketAddress(.loopback, port: 0), routes: routes,
            settings: HTTPServer.Settings())
        try await server.start()
        let environment = AvatarSession.Environment(
            room: Room.Environment(
                loop: media, webSockets: sockets, names: names,
                certificate: try DTLSCertificate(at: Loop.wallClock), log: log.logger("room")),
            pool: pool, voices: SilentVoice(), settings: AvatarSettings())
        registry = SessionRegistry(
            environment, url: "ws://\(server.address)", maxSessions: 4,
            log: log.logger("session"))
    }

    private static var join: JoinResponse {
        var join = JoinResponse()
        join.room.sid = "RM_1"
        join.participant.sid = "PA_1"
        join.participant.identity = "assistant"
        return join
    }

    /// What a call for a session is answered; nil for yes.
    func start() async -> SessionRefusal? {
        do throws(SessionRefusal) {
            try await registry.start(
                SessionPlan(
                    room: Self.room, token: "token", identity: "assistant", voice: nil,
                    language: nil, avatar: nil, lead: 250, lifetime: .seconds(60)))
            return nil
        } catch {
            return error
        }
    }

    func stop() async {
        await server.stop(within: .zero)
        sockets.stop()
        names.stop()
        pool.stop()
        web.stop()
        media.stop()
        log.close()
    }
}

private struct SilentVoice: Voice {
    let voices = [VoiceDescription(id: "slt", language: "en", name: "Silent", provider: "test")]

    func speak(_ text: String, voiceID: String?) -> VoiceStream {
        VoiceStream { $0.finish() }
    }
}
