// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Net
import Testing

@testable import Room

/// A participant of ours in real rooms: our own room server, over real sockets. One after the other: a
/// process has one client of websockets.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RoomTests {
    @Test func audioArrivesAsItWasSent() async throws {
        try await RoomFixture.with { fixture in
            let speaker = try await fixture.join("speaker")
            let listener = try await fixture.join("listener", autoSubscribe: true)
            let track = try await speaker.room.publishAudio(name: "voice")
            let sid = try #require(await listener.track())
            #expect(sid == track.sid)
            let sound = await listener.room.audio(of: sid)
            let sender = Task { await Self.send(on: track, of: speaker.room, fixture.media) }
            var heard: [(number: UInt8, timestamp: UInt32)] = []
            for await packet in sound {
                guard case .packet(let payload, let timestamp) = packet else { continue }
                heard.append((try #require(payload.last), timestamp))
                if heard.count == 20 { break }
            }
            sender.cancel()
            // From any packet on, each with its own timestamp; none twice, none changed.
            for (left, right) in zip(heard, heard.dropFirst()) {
                #expect(right.number > left.number)
            }
            #expect(heard.allSatisfy { $0.timestamp == 77_000 + UInt32($0.number) * 960 })
        }
    }

    /// A packet every 20 ms that ends in its number, until it is cancelled.
    private static func send(on track: LocalAudioTrack, of room: Room, _ loop: Loop) async {
        for number in UInt8(0)...255 {
            if Task.isCancelled { return }
            await room.sendAudio(
                [0xF8, number], on: track, timestamp: 77_000 + UInt32(number) * 960,
                isMarked: number == 0, level: 30)
            await withCheckedContinuation { continuation in
                loop.post {
                    loop.schedule(at: loop.now + .milliseconds(20)) { continuation.resume() }
                }
            }
        }
    }

    @Test func dataGoesWhereItIsSent() async throws {
        try await RoomFixture.with { fixture in
            let sender = try await fixture.join("sender")
            let one = try await fixture.join("one")
            let other = try await fixture.join("other")
            #expect(await sender.active() != nil)
            #expect(await sender.active() != nil)
            // Data takes another way than the news of who is there, and may overtake it.
            for guest in [one, other] {
                while let known = await guest.active(), known != "sender" {}
            }
            try await sender.room.publishData([1], topic: "a", isReliable: true)
            try await sender.room.publishData([2], topic: "b", isReliable: true, to: ["other"])
            try await sender.room.publishData([3], topic: "c", isReliable: true)
            for (guest, expected) in [(one, ["a", "c"]), (other, ["a", "b", "c"])] {
                var topics: [String] = []
                while topics.last != "c" {
                    let data = try #require(
                        await guest.next {
                            if case .dataReceived(let data) = $0 { data } else { nil }
                        })
                    #expect(data.sender?.identity == "sender")
                    topics.append(data.topic ?? "")
                }
                #expect(topics == expected)
            }
            await #expect(throws: DataError.tooLarge) {
                try await sender.room.publishData(
                    [UInt8](repeating: 0, count: Room.dataBytesMax), topic: "d", isReliable: true)
            }
        }
    }

    @Test func othersSeeWhoWeAreAndThatWeGo() async throws {
        try await RoomFixture.with { fixture in
            let stays = try await fixture.join("stays")
            let goes = try await fixture.join("goes")
            #expect(await stays.active() == "goes")
            try await goes.room.update(metadata: "m", attributes: ["color": "green"])
            let seen = try #require(
                await stays.next {
                    if case .participantUpdated(let info) = $0, !info.attributes.isEmpty {
                        info
                    } else {
                        nil
                    }
                })
            #expect(seen.attributes == ["color": "green"] && seen.metadata == "m")
            await goes.room.leave()
            await goes.room.leave()
            #expect(await goes.end()?.cause == .left)
            let left = await stays.next {
                if case .participantLeft(let info) = $0 { info.identity } else { nil }
            }
            #expect(left == "goes")
            #expect(await stays.room.participants.isEmpty)
            await #expect(throws: DataError.notConnected) {
                try await goes.room.publishData([1], topic: "late", isReliable: true)
            }
        }
    }

    @Test func aRoomThatIsLetGoEndsOnItsLoop() async throws {
        try await RoomFixture.with { fixture in
            var guest: Guest? = try await fixture.join("guest", autoSubscribe: true)
            _ = try await guest?.room.publishAudio(name: "voice")
            let events = try #require(guest).room.events
            guest = nil
            // Only its end ends the stream; the loop stops the program when anybody else is on it.
            for await _ in events {}
        }
    }

    @Test func aSecondOneOfOurNamePutsUsOut() async throws {
        try await RoomFixture.with { fixture in
            let first = try await fixture.join("twin")
            let second = try await fixture.join("twin")
            #expect(await first.end()?.cause == .dismissed(.duplicateIdentity))
            #expect(await second.room.end == nil)
        }
    }

    @Test func aServerThatEndsEndsTheRoomInOneEvent() async throws {
        try await RoomFixture.with { fixture in
            let guest = try await fixture.join("guest")
            await fixture.stopServer()
            let end = try #require(await guest.end())
            #expect(end.cause != .left)
            #expect(await guest.next { $0 } == nil, "nothing comes behind the last event")
        }
    }

    @Test func whoMayNotComeInIsToldWhy() async throws {
        try await RoomFixture.with { fixture in
            func refusal(_ url: String, _ token: String) async -> RoomError? {
                do {
                    _ = try await Room.join(
                        url: url, token: token, version: "test", environment: fixture.environment)
                    return nil
                } catch {
                    return error as RoomError
                }
            }
            let token = try fixture.token("guest")
            let forged = try fixture.token("guest", key: APIKey(id: "devkey", secret: "other"))
            #expect(await cause(of: refusal(fixture.url, forged)) == .refused(.wrongSignature))
            let old = try fixture.token("guest", lifetime: -600)
            #expect(await cause(of: refusal(fixture.url, old)) == .refused(.tokenExpired))
            // Port 9 is nobody's on loopback.
            guard case .unreachable = await cause(of: refusal("ws://127.0.0.1:9", token)) else {
                Issue.record("nobody is there")
                return
            }
            #expect(
                await refusal("ws://no-such-host.invalid", token)
                    == .unknownHost("no-such-host.invalid"))
            guard case .invalidURL = await refusal("ftp://127.0.0.1", token) else {
                Issue.record("ftp is no way into a room")
                return
            }
        }
    }

    private func cause(of error: RoomError?) -> SessionEnd.Cause? {
        if case .ended(let end)? = error { end.cause } else { nil }
    }
}
