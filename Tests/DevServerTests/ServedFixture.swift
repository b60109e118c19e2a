// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Net
import Synchronization
import Telemetry
import TestSupport
import WebRTC

@testable import DevServer
@testable import Web

/// The rooms of a server on a loop, without HTTP: clients come with websockets made here.
final class ServedFixture: Sendable {
    let loop: Loop
    let directory: RoomDirectory
    private let log = LogWriter(level: .error)

    private init() async throws {
        let loop = try Loop(name: "rooms")
        try loop.start()
        let environment = ServedEnvironment(
            loop: loop, keys: [JoinGateTests.key],
            certificate: try DTLSCertificate(at: Loop.wallClock))
        let logger = log.logger("rooms")
        directory = try await loop.run { () throws(SystemError) in
            try RoomDirectory(environment, addresses: [.loopback], port: 0, log: logger)
        }
        self.loop = loop
    }

    /// Runs a test with a fixture that ends with it.
    static func with(_ body: (ServedFixture) async throws -> Void) async throws {
        let fixture = try await ServedFixture()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(fixture))
        } catch {
            result = .failure(error)
        }
        await fixture.directory.stop()
        await waiting { fixture.loop.stop() }
        fixture.log.close()
        try result.get()
    }

    static func ticket(_ identity: String, in room: String = "r") -> JoinTicket {
        let claims = TokenClaims(
            identity: identity, video: .joining(room), now: Loop.wallClock,
            lifetime: .seconds(600))
        var ticket = JoinTicket(claims: claims, room: room)
        ticket.client.signalProtocol = 15
        return ticket
    }

    /// Opens a client's websocket.
    func enter(_ ticket: JoinTicket) async -> ServedClient {
        let client = ServedClient(on: loop) { [directory] event, socket in
            directory.assumeIsolated { $0.happened(event, socket, ticket) }
        }
        _ = client.socket.deliver(.opened)
        // Until the room has heard of it.
        await loop.run {}
        return client
    }

    /// Runs something on a room.
    func on<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (isolated ServedRoom) -> Value
    ) async -> Value? {
        await directory.rooms[name]?.with(body)
    }
}

extension ServedRoom {
    fileprivate func with<Value: Sendable>(
        _ body: @Sendable (isolated ServedRoom) -> Value
    ) -> Value { body(self) }
}

/// A client's end of a websocket: what it was sent, in order.
final class ServedClient: Sendable {
    let socket: WebSocketConnection
    private let messages: AsyncStream<SignalResponse>

    init(
        on loop: Loop, _ handler: @escaping @Sendable (WebSocketEvent, WebSocketConnection) -> Void
    ) {
        let (messages, continuation) = AsyncStream.makeStream(of: SignalResponse.self)
        let own = Mutex<WebSocketConnection?>(nil)
        let wake = { @Sendable in
            guard let socket = own.withLock({ $0 }) else { return }
            while let frame = socket.takeUnsent() {
                guard case .binary(let bytes) = frame,
                    let message = try? SignalResponse(decoding: bytes)
                else { continue }
                continuation.yield(message)
            }
            if socket.closeRequest != nil { continuation.finish() }
        }
        socket = WebSocketConnection(id: 0, wake: wake, post: { loop.post($0) })
        self.messages = messages
        own.withLock { [socket] in $0 = socket }
        socket.attach { event in
            guard let socket = own.withLock({ $0 }) else { return }
            handler(event, socket)
        }
    }

    /// The code with which the server closed it; nil while it has not.
    var closeCode: UInt16? { socket.closeRequest?.code }

    /// Says something, as fast as it can be taken.
    func say(_ request: SignalRequest) { _ = socket.deliver(.frame(.binary(request.encoded))) }

    /// The next message that is wanted; those before it are over. Nil when none comes any more.
    func next<Found>(_ wanted: (SignalResponse) -> Found?) async -> Found? {
        for await message in messages {
            if let found = wanted(message) { return found }
        }
        return nil
    }

    /// Its sid, by the first message.
    func sid() async -> String? {
        await next { if case .join(let join) = $0 { join.participant.sid } else { nil } }
    }
}
