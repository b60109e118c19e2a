// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import Room
@testable import Web

/// What the room makes of its websocket's end.
extension RoomTests {
    @Test func aMessageThatComesTooLateDoesNotHideWhyTheServerEnded() async throws {
        try await RoomFixture.with { fixture in
            let signal = HandMadeSignal(on: fixture.media)
            let guest = try await fixture.join(over: signal)
            // Both have arrived; we have not read them.
            signal.hold()
            signal.say(HandMadeSignal.leave(.roomDeleted))
            _ = signal.connection.deliver(.closed(code: 1000, reason: ""))
            #expect(throws: WebSocketConnection.SendError.closed) {
                try signal.connection.send([])
            }
            try await guest.room.update(attributes: ["lk.agent.state": "speaking"])
            signal.release()
            #expect(await guest.end()?.cause == .dismissed(.roomDeleted))
        }
    }

    @Test func aServerThatTakesNothingIsLeftAndItsSocketClosed() async throws {
        try await RoomFixture.with { fixture in
            let signal = HandMadeSignal(on: fixture.media)
            let guest = try await fixture.join(over: signal)
            for _ in 0..<WebSocketConnection.outboxFramesMax {
                try? signal.connection.send([])
            }
            try await guest.room.update(attributes: ["lk.agent.state": "speaking"])
            #expect(await guest.end()?.cause == .signalClosed(code: nil))
            try #require(signal.connection.closeRequest != nil, "nobody else closes it")
            await guest.room.leave()
        }
    }
}
