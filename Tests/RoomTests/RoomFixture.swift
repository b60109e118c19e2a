// SPDX-License-Identifier: Apache-2.0
import Base
import DevServer
import LiveKit
import Net
import Telemetry
import Testing
import Web
import WebRTC

@testable import Room

/// A room server on loopback and whatever rooms share, for tests that join as the program does.
final class RoomFixture: Sendable {
    let media: Loop
    let environment: Room.Environment
    private let web: Loop
    private let names: Names
    private let sockets: WebSocketClient
    private let log = LogWriter(level: .error)
    private let server: DevServer
    static let key = APIKey(id: "devkey", secret: "secretsecretsecretsecretsecretsecret")

    init(stallLimit: Duration = .seconds(1)) async throws {
        media = try Loop(name: "media", stallLimit: stallLimit)
        web = try Loop(name: "web")
        try media.start()
        try web.start()
        names = try Names(on: web)
        sockets = try WebSocketClient(connectionsMax: 16)
        let certificate = try DTLSCertificate(at: Loop.wallClock)
        var settings = DevServer.Settings(keys: [Self.key])
        settings.port = 0
        server = try await DevServer.start(
            settings, media: media, web: web, certificate: certificate,
            log: log.logger("server"))
        environment = Room.Environment(
            loop: media, webSockets: sockets, names: names, certificate: certificate,
            log: log.logger("room"))
    }

    var url: String { "ws://\(server.addresses[0])" }

    func stopServer() async { await server.stop() }

    func stop() async {
        await server.stop()
        sockets.stop()
        names.stop()
        web.stop()
        media.stop()
        log.close()
    }

    /// Runs a test with a fixture that ends with it.
    static func with(
        stallLimit: Duration = .seconds(1), _ body: (RoomFixture) async throws -> Void
    ) async throws {
        let fixture = try await RoomFixture(stallLimit: stallLimit)
        do {
            try await body(fixture)
        } catch {
            await fixture.stop()
            throw error
        }
        await fixture.stop()
    }

    func token(
        _ identity: String, lifetime: Int = 600, key: APIKey = RoomFixture.key
    ) throws -> String {
        var video = VideoGrant.joining("room")
        video.canUpdateOwnMetadata = true
        let claims = TokenClaims(
            identity: identity, video: video, now: Loop.wallClock, lifetime: .seconds(lifetime))
        return try AccessToken.mint(claims, key: key)
    }

    func join(_ identity: String, autoSubscribe: Bool = false) async throws -> Guest {
        let room = try await Room.join(
            url: url, token: try token(identity), version: "test",
            autoSubscribe: autoSubscribe, environment: environment)
        return Guest(room)
    }
}

/// Somebody in a room, and what happens to them, in order.
struct Guest {
    let room: Room
    private let events: AsyncStream<RoomEvent>

    init(_ room: Room) {
        self.room = room
        events = room.events
    }

    /// The next event that is wanted; those before it are over. Nil when none comes any more.
    func next<Found>(_ wanted: (RoomEvent) -> Found?) async -> Found? {
        for await event in events {
            if let found = wanted(event) { return found }
        }
        return nil
    }

    /// The sid of the next track of another.
    func track() async -> String? {
        await next { if case .trackPublished(let track, _) = $0 { track.sid } else { nil } }
    }

    /// The identity of the next one who can receive.
    func active() async -> String? {
        await next { if case .participantActive(let info) = $0 { info.identity } else { nil } }
    }

    /// Why it is out.
    func end() async -> SessionEnd? {
        await next { if case .disconnected(let end) = $0 { end } else { nil } }
    }
}
