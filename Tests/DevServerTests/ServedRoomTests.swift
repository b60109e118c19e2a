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

    @Test func aFloodEndsItsSendersWebsocketAndNobodyElses() async throws {
        try await ServedFixture.with { fixture in
            let alice = await fixture.enter(ServedFixture.ticket("alice"))
            let bob = await fixture.enter(ServedFixture.ticket("bob"))
            bob.say(.addTrack(AddTrackRequest()))
            let track = try #require(await bob.published())
            for number in 0..<5_000 { bob.say(.mute(sid: track, muted: number % 2 == 0)) }
            bob.say(.ping(1))
            #expect(await !bob.isAnswered())
            #expect(bob.closeCode == 1008)
            alice.say(.ping(1))
            #expect(await alice.isAnswered())
            #expect(alice.closeCode == nil)
        }
    }

    @Test func whatAClientWithManyTracksAsksAtOnceIsTaken() async throws {
        try await ServedFixture.with { fixture in
            let bob = await fixture.enter(ServedFixture.ticket("bob"))
            var tracks: [String] = []
            for number in 0..<RoomState.tracksMax {
                var request = AddTrackRequest()
                request.cid = "\(number)"
                bob.say(.addTrack(request))
                tracks.append(try #require(await bob.published()))
            }
            var trickle = TrickleRequest()
            trickle.candidateInit =
                #"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}"#
            for _ in 0..<100 { bob.say(.trickle(trickle)) }
            for isMuted in [true, false] {
                for track in tracks { bob.say(.mute(sid: track, muted: isMuted)) }
            }
            // All tracks of a full room, one by one.
            var wish = UpdateSubscription()
            for number in 0..<400 {
                wish.trackSIDs = ["TR_\(number)"]
                bob.say(.subscription(wish))
            }
            bob.say(.ping(1))
            #expect(await bob.isAnswered())
            #expect(bob.closeCode == nil)
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

extension ServedClient {
    /// The sid of the next track that it may publish.
    fileprivate func published() async -> String? {
        await next { if case .trackPublished(_, let track) = $0 { track.sid } else { nil } }
    }

    /// Whether a ping is answered; not when the websocket ends.
    fileprivate func isAnswered() async -> Bool {
        await next { if case .pong = $0 { true } else { nil } } ?? false
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
