// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Net
import Synchronization
import Testing

@testable import Room
@testable import Web

/// A websocket whose far end is the test: the server says what the test says, and its words arrive
/// when the test lets them.
final class HandMadeSignal: Sendable {
    let connection: WebSocketConnection
    private let gate: Gate

    /// Where events wait while they are held back, and who closes when it is asked to.
    private final class Gate: Sendable {
        struct State {
            weak var connection: WebSocketConnection?
            var isHeld = false
            var waiting: [@Sendable () -> Void] = []
        }

        let loop: Loop
        let state = Mutex(State())

        init(_ loop: Loop) { self.loop = loop }

        func post(_ body: @escaping @Sendable () -> Void) {
            let isHeld = state.withLock { state in
                if state.isHeld { state.waiting.append(body) }
                return state.isHeld
            }
            if !isHeld { loop.post(body) }
        }

        func woken() {
            guard let connection = state.withLock({ $0.connection }),
                let request = connection.closeRequest
            else { return }
            _ = connection.deliver(.closed(code: request.code, reason: request.reason))
        }
    }

    init(on loop: Loop) {
        let gate = Gate(loop)
        let connection = WebSocketConnection(
            id: 1, wake: { gate.woken() }, post: { gate.post($0) })
        gate.state.withLock { $0.connection = connection }
        self.gate = gate
        self.connection = connection
    }

    /// What the server says.
    func say(_ message: SignalResponse) {
        _ = connection.deliver(.frame(.binary(message.encoded)))
    }

    func open(_ handler: @escaping @Sendable (WebSocketEvent) -> Void) -> WebSocketConnection {
        connection.attach(handler)
        _ = connection.deliver(.opened)
        return connection
    }

    func hold() { gate.state.withLock { $0.isHeld = true } }

    func release() {
        let waiting = gate.state.withLock { state in
            defer { (state.isHeld, state.waiting) = (false, []) }
            return state.waiting
        }
        for body in waiting { gate.loop.post(body) }
    }

    /// A join of somebody who may send nothing: no connection is waited for.
    static var join: JoinResponse {
        var join = JoinResponse()
        join.room.sid = "RM_1"
        join.room.name = "room"
        join.participant.sid = "PA_me"
        join.participant.identity = "me"
        join.participant.permission = ParticipantPermission()
        join.participant.permission?.canPublish = false
        join.participant.permission?.canPublishData = false
        join.isSubscriberPrimary = false
        return join
    }

    static func leave(_ reason: DisconnectReason) -> SignalResponse {
        .leave(LeaveRequest(reason: reason, action: .disconnect))
    }
}

extension RoomFixture {
    /// Joins over a websocket of the test.
    ///
    /// - Parameters:
    ///   - signal: that websocket.
    ///   - words: what the server says at once.
    ///   - receivesData: as for `Room.join`.
    ///   - afterwards: is done on the loop when they were heard, before anybody else is.
    func join(
        over signal: HandMadeSignal, _ words: [SignalResponse] = [.join(HandMadeSignal.join)],
        receivesData: Bool = true, afterwards: @escaping @Sendable () -> Void = {}
    ) async throws -> Guest {
        let room = Room(environment, autoSubscribe: false, receivesData: receivesData)
        // Nobody waits for this: the words are there.
        try await room.open(toward: nil, until: environment.loop.now + .seconds(60)) { handler in
            let socket = signal.open(handler)
            for word in words { signal.say(word) }
            environment.loop.post(afterwards)
            return socket
        }
        return Guest(room)
    }
}
