// SPDX-License-Identifier: Apache-2.0
import Base
import Glibc
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

    @Test func afterAStallOfOursTheServerIsHeardBeforeItCountsAsSilent() async throws {
        // The least that the loop calls a stall: another one in between changes nothing then.
        try await RoomFixture.with(stallLimit: .milliseconds(100)) { fixture in
            let loop = fixture.media
            let signal = HandMadeSignal(on: loop)
            var join = HandMadeSignal.join
            join.pingInterval = 1
            join.pingTimeout = 1
            let guest = try await fixture.join(over: signal, [.join(join)]) {
                // The whole process stands still; the websocket's thread wakes up behind us.
                let end = loop.now + .milliseconds(1_050)
                while loop.now < end { poll(nil, 0, 50) }
                loop.post { loop.post { signal.say(.roomUpdate(RoomInfo())) } }
            }
            let isHeard = await guest.next { event -> Bool? in
                switch event {
                case .roomUpdated: true
                case .disconnected: false
                default: nil
                }
            }
            #expect(isHeard == true)
        }
    }

    @Test func whoIsTakenBackOrPutOutIsToldWhy() async throws {
        try await RoomFixture.with { fixture in
            let putOut = SessionEnd(cause: .dismissed(.duplicateIdentity))
            // In one batch with the join, before anybody could run.
            let words = [
                SignalResponse.join(HandMadeSignal.join),
                HandMadeSignal.leave(.duplicateIdentity),
            ]
            await #expect(throws: RoomError.ended(putOut)) {
                try await fixture.join(over: HandMadeSignal(on: fixture.media), words)
            }
            // Between the join and the first command.
            let signal = HandMadeSignal(on: fixture.media)
            let guest = try await fixture.join(over: signal)
            signal.say(HandMadeSignal.leave(.duplicateIdentity))
            #expect(await guest.end() == putOut)
            await #expect(throws: RoomError.ended(putOut)) {
                try await guest.room.publishAudio(name: "voice")
            }
            await #expect(throws: RoomError.ended(putOut)) {
                try await guest.room.update(attributes: ["a": "b"])
            }
            await #expect(throws: RoomError.ended(putOut)) {
                try await guest.room.setSubscribed(["TR_1"], true)
            }
        }
    }

    @Test func dataThatNobodyReadsDrivesNoEventOut() async throws {
        try await RoomFixture.with { fixture in
            let signal = HandMadeSignal(on: fixture.media)
            let guest = try await fixture.join(over: signal, receivesData: false)
            var viewer = ParticipantInfo()
            (viewer.sid, viewer.identity, viewer.state) = ("PA_1", "viewer", .active)
            signal.say(.update([viewer]))
            await guest.room.heard()
            var packet = DataPacket()
            packet.kind = .lossy
            packet.value = .user(UserPacket())
            await guest.room.received(packet, times: 2 * Room.eventsMax)
            signal.say(HandMadeSignal.leave(.roomDeleted))
            #expect(await guest.active() == "viewer")
        }
    }
}

extension Room {
    /// Returns when what was said before was heard.
    fileprivate func heard() async {
        await withCheckedContinuation { continuation in
            environment.loop.post { continuation.resume() }
        }
    }

    fileprivate func received(_ packet: DataPacket, times count: Int) {
        for _ in 0..<count {
            session.dataReceived(packet.encoded, isReliable: false)
            pump()
        }
    }
}
