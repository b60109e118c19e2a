// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import Web

/// What is queued between a connection's two threads.
@Suite struct WebSocketConnectionTests {
    @Test func aFloodIsHandedOverInTurnsAndInOrder() throws {
        let posted = Mutex<[@Sendable () -> Void]>([])
        let events = Mutex<[WebSocketEvent]>([])
        let connection = WebSocketConnection(
            id: 1, wake: {}, post: { body in posted.withLock { $0.append(body) } },
            handler: { event in events.withLock { $0.append(event) } })
        let frames = (0..<1_000).map { WebSocketEvent.frame(.text("\($0)")) }
        for event in [.opened] + frames {
            let isTaken = connection.deliver(event)
            #expect(isTaken)
        }
        var turns = 0
        while let body = posted.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            let before = events.withLock(\.count)
            body()
            let count = events.withLock(\.count) - before
            #expect(count <= WebSocketConnection.eventsPerTurn)
            turns += 1
            // The end may come while much is still waiting.
            if turns == 2 { _ = connection.deliver(.closed(code: 1000, reason: "")) }
        }
        let all = [.opened] + frames + [.closed(code: 1000, reason: "")]
        let isWholeAndInOrder = events.withLock { $0 } == all
        #expect(isWholeAndInOrder)
    }

    @Test func whatWasHandedOverMakesRoom() {
        let posted = Mutex<[@Sendable () -> Void]>([])
        let connection = WebSocketConnection(
            id: 1, wake: {}, post: { body in posted.withLock { $0.append(body) } },
            handler: { _ in })
        let frame = WebSocketEvent.frame(.binary([UInt8](repeating: 0, count: 30_000)))
        var taken = 0
        while connection.deliver(frame) { taken += 1 }
        #expect(taken > WebSocketConnection.eventsPerTurn)
        let first = posted.withLock { $0.removeFirst() }
        first()
        var again = 0
        while connection.deliver(frame) { again += 1 }
        #expect(again == WebSocketConnection.eventsPerTurn)
    }
}
