// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Net
import Testing
import WebRTC

@testable import DevServer

/// Rooms at work on a loop, with its timers.
@Suite(.timeLimit(.minutes(2))) struct ServedRoomTests {
    @Test func aSpeakerIsToldWhenTheWindowEndsThoughOtherTimersRun() async throws {
        try await ServedFixture.with { fixture in
            let alice = await fixture.enter(ServedFixture.ticket("alice"))
            let sid = try #require(await alice.sid())
            let times = await fixture.on("r") { room in
                room.publish(of: sid)
                let before = room.dueAt
                room.speak(sid)
                return (before: before, after: room.dueAt, window: room.state.speakers.deadline)
            }
            let (before, after, window) = try #require(times)
            #expect(before != nil, "the timers of a room with somebody in it")
            #expect(window != nil && after == window)
            let told = await alice.next { message -> [SpeakerInfo]? in
                if case .speakersChanged(let speakers) = message { speakers } else { nil }
            }
            #expect(told?.map(\.sid) == [sid] && told?.first?.isActive == true)
        }
    }

    @Test func aRoomThatNobodyEntersEnds() async throws {
        try await ServedFixture.with { fixture in
            let request = try #require(
                try RoomServiceRequest(method: "CreateRoom", decoding: Self.createRoom))
            _ = try await fixture.directory.perform(request).get()
            let second = fixture.loop.now + .seconds(1)
            #expect(await fixture.directory.rooms.count == 1)
            // The room's own timer was set for an earlier time: on a loop it fires before.
            await fixture.loop.waits(until: second)
            #expect(await fixture.directory.rooms.isEmpty)
        }
    }

    /// `livekit.CreateRoomRequest`: name "r", empty_timeout 1 s.
    private static let createRoom: [UInt8] = [10, 1, 114, 16, 1]

    @Test func whoWantsToGoOnInARoomThatIsGoneMakesNone() async throws {
        try await ServedFixture.with { fixture in
            var ticket = ServedFixture.ticket("alice")
            ticket.reconnects = true
            let alice = await fixture.enter(ticket)
            let leave = await alice.next { message -> LeaveRequest? in
                if case .leave(let leave) = message { leave } else { nil }
            }
            #expect(leave == LeaveRequest(reason: .stateMismatch, action: .reconnect))
            #expect(await fixture.directory.rooms.isEmpty)
        }
    }
}

extension Loop {
    /// Waits until all deadlines up to a time have fired.
    fileprivate func waits(until time: Instant) async {
        await withCheckedContinuation { continuation in
            post { self.schedule(at: time) { continuation.resume() } }
        }
    }
}

extension ServedRoom {
    /// Lets a participant publish a track as if its media connection stood.
    fileprivate func publish(of sid: String) {
        change { state, now in
            state.connected(sid, now: now)
            var request = AddTrackRequest()
            request.cid = "voice"
            state.announce(request, by: sid, now: now)
            state.offered(
                [RoomState.OfferedTrack(mid: "1", kind: .audio, cid: "voice")], by: sid, now: now)
        }
    }

    /// A window full of loud packets.
    fileprivate func speak(_ sid: String) {
        guard let guest = guests[sid] else { return }
        for number in 0..<SpeakerBoard.activePackets {
            let packet = RTPReceivedPacket(
                sequence: Int64(number), timestamp: UInt32(number * 960), isMarked: false,
                payload: [1],
                audioLevel: RTPAudioLevel(isVoice: true, decibelsBelowFullScale: 20),
                arrivedAt: time.instant)
            received(packet, "1", guest)
        }
    }
}
