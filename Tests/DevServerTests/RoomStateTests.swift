// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing
import Web

@testable import DevServer

/// What a room decides, without a socket.
@Suite struct RoomStateTests {
    /// A room and what it wanted, message by message.
    struct Bench {
        var state: RoomState
        var milliseconds: Int64 = 0

        init(_ configuration: RoomConfiguration? = nil) {
            state = RoomState(
                name: "r", configuration: configuration, now: Self.time(0),
                random: SeededRandom(seed: 1))
        }

        static func time(_ milliseconds: Int64) -> RoomTime {
            RoomTime(
                instant: Instant(nanoseconds: UInt64(milliseconds + 1) * 1_000_000),
                wall: WallClock(unixMilliseconds: 1_795_282_674_000 + milliseconds))
        }

        var now: RoomTime { Self.time(milliseconds) }

        mutating func join(
            _ identity: String, _ change: (inout TokenClaims) -> Void = { _ in },
            isActive: Bool = true, autoSubscribe: Bool = true
        ) throws -> String {
            var claims = TokenClaims(
                identity: identity, video: .joining("r"), now: now.wall, lifetime: .seconds(600))
            change(&claims)
            var ticket = JoinTicket(claims: claims, room: "r")
            ticket.client.signalProtocol = 15
            ticket.autoSubscribe = autoSubscribe
            let sid = try state.join(ticket, now: now)
            if isActive { state.connected(sid, now: now) }
            return sid
        }

        mutating func outputs() -> [RoomState.Output] {
            var all: [RoomState.Output] = []
            while let output = state.poll() { all.append(output) }
            return all
        }

        /// The messages that one participant got since the last look, by kind.
        mutating func messages(to sid: String) -> [SignalResponse] {
            outputs().compactMap { output in
                if case .send(let message, sid) = output { message } else { nil }
            }
        }

        /// What one participant was told of others since the last look.
        mutating func updates(to sid: String) -> [ParticipantInfo] {
            messages(to: sid).flatMap { message -> [ParticipantInfo] in
                if case .update(let infos) = message { infos } else { [] }
            }
        }

        mutating func publish(_ sid: String, cid: String = "c", mid: String = "1") -> String {
            var request = AddTrackRequest()
            request.cid = cid
            request.source = .microphone
            state.received(.addTrack(request), from: sid, now: now)
            state.offered(
                [RoomState.OfferedTrack(mid: mid, kind: .audio, cid: cid)], by: sid, now: now)
            return state[sid]?.tracks.last?.info.sid ?? ""
        }
    }

    @Test func aNewcomerIsToldWhoIsThereAndGetsAFreshToken() throws {
        var bench = Bench()
        let bob = try bench.join("bob")
        _ = bench.outputs()
        let alice = try bench.join("alice", isActive: false)
        let outputs = bench.outputs()
        guard case .send(.join(let join), alice)? = outputs.first else {
            Issue.record("the first message is no join")
            return
        }
        #expect(join.participant.sid == alice && join.participant.state == .joining)
        #expect(join.otherParticipants.map(\.sid) == [bob])
        #expect(join.isSubscriberPrimary && join.isFastPublish)
        #expect(join.pingInterval == 5 && join.pingTimeout == 15)
        #expect(outputs.contains { if case .refreshToken(alice) = $0 { true } else { false } })
    }

    @Test func othersHearOfASilentNewcomerWithTheBatchAndOfAPublisherAtOnce() throws {
        var bench = Bench()
        let bob = try bench.join("bob")
        let alice = try bench.join("alice")
        #expect(!bench.messages(to: bob).contains { if case .update = $0 { true } else { false } })
        bench.milliseconds = 3_000
        bench.state.tick(now: bench.now)
        let told = bench.messages(to: bob).compactMap { message -> [ParticipantInfo]? in
            if case .update(let infos) = message { infos } else { nil }
        }
        #expect(told.contains { $0.first?.sid == alice && $0.first?.state == .active })
        _ = bench.publish(alice)
        let updates = bench.messages(to: bob).compactMap { message -> UInt32? in
            if case .update(let infos) = message { infos.first?.version } else { nil }
        }
        // Twice, with consecutive versions, as the real server does.
        #expect(updates.count == 2 && updates[1] == updates[0] + 1)
    }

    @Test func theSameIdentityComesBackWithoutAGoodbye() throws {
        var bench = Bench()
        let bob = try bench.join("bob")
        let first = try bench.join("alice")
        _ = bench.outputs()
        let second = try bench.join("alice")
        var toFirst: [SignalResponse] = []
        var toBob: [SignalResponse] = []
        for output in bench.outputs() {
            if case .send(let message, first) = output { toFirst.append(message) }
            if case .send(let message, bob) = output { toBob.append(message) }
        }
        #expect(toFirst == [.leave(LeaveRequest(reason: .duplicateIdentity, action: .disconnect))])
        #expect(toBob.isEmpty && second != first)
        #expect(bench.state.members.map(\.sid) == [bob, second])
    }

    @Test func tracksGoToWhoWantsThemAndMayHaveThem() throws {
        var bench = Bench()
        let auto = try bench.join("auto")
        let choosy = try bench.join("choosy", autoSubscribe: false)
        let deaf = try bench.join("deaf", { $0.video?.canSubscribe = false })
        let alice = try bench.join("alice")
        _ = bench.outputs()
        let track = bench.publish(alice)
        func subscribers(_ bench: inout Bench) -> [String] {
            bench.outputs().compactMap { output in
                if case .subscribe(track, alice, let sid) = output { sid } else { nil }
            }
        }
        #expect(subscribers(&bench) == [auto])
        var wish = UpdateSubscription()
        wish.trackSIDs = [track, "TR_none"]
        wish.subscribe = true
        for sid in [choosy, deaf, alice] {
            bench.state.received(.subscription(wish), from: sid, now: bench.now)
        }
        #expect(subscribers(&bench) == [choosy])
        let late = try bench.join("late")
        #expect(subscribers(&bench) == [late])
        // The publisher hears of the first one, once.
        bench.state.flows(track)
        bench.state.flows(track)
        #expect(bench.messages(to: alice) == [.trackSubscribed(sid: track)])
    }

    @Test func aTrackFadesBeforeItEnds() throws {
        var bench = Bench()
        let bob = try bench.join("bob")
        let alice = try bench.join("alice")
        let track = bench.publish(alice, mid: "7")
        _ = bench.outputs()
        bench.state.withdrew(mid: "7", by: alice, now: bench.now)
        #expect(bench.state.track(of: alice, mid: "7") == nil)
        #expect(bench.outputs().count == 1, "only that it fades")
        bench.milliseconds = 200
        bench.state.tick(now: bench.now)
        #expect(
            bench.outputs().contains { output in
                if case .unsubscribe(track, bob) = output { true } else { false }
            })
        #expect(bench.state[alice]?.tracks.isEmpty == true)
    }

    @Test func anOfferMayComeBeforeItsAnnouncement() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        bench.state.offered(
            [RoomState.OfferedTrack(mid: "3", kind: .audio, cid: "c")], by: alice, now: bench.now)
        #expect(bench.state[alice]?.tracks.isEmpty == true)
        #expect(bench.state.sendingMIDs(of: alice) == ["3"])
        var request = AddTrackRequest()
        request.cid = "c"
        bench.state.received(.addTrack(request), from: alice, now: bench.now)
        #expect(bench.state.track(of: alice, mid: "3") != nil)
    }

    @Test func whoMayNotPublishIsRefusedAndVideoIsRefusedForAll() throws {
        var bench = Bench()
        let mute = try bench.join("mute", { $0.video?.canPublish = false })
        let bob = try bench.join("bob")
        var request = AddTrackRequest()
        request.cid = "c"
        func outcome(of sid: String, _ bench: inout Bench) -> RequestOutcome? {
            _ = bench.outputs()
            bench.state.received(.addTrack(request), from: sid, now: bench.now)
            guard case .requestResponse(let response)? = bench.messages(to: sid).first else {
                return nil
            }
            #expect(response.echo == request.echo)
            return response.outcome
        }
        #expect(outcome(of: mute, &bench) == .notAllowed)
        request.kind = .video
        #expect(outcome(of: bob, &bench) == .unsupportedType)
        request.kind = .audio
        for number in 0..<RoomState.tracksMax {
            request.cid = "c\(number)"
            #expect(outcome(of: bob, &bench) == nil)
        }
        #expect(outcome(of: bob, &bench) == .limitExceeded)
    }

    @Test func dataNamesItsSenderAndGoesWhereItIsSent() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        let bob = try bench.join("bob")
        let carol = try bench.join("carol")
        _ = bench.outputs()
        func sent(_ packet: DataPacket, _ bench: inout Bench) -> [String: DataPacket] {
            bench.state.received(packet.encoded, isReliable: true, from: alice)
            var result: [String: DataPacket] = [:]
            for output in bench.outputs() {
                guard case .sendData(let bytes, true, let sid) = output else { continue }
                result[sid] = try? DataPacket(decoding: bytes)
            }
            return result
        }
        var packet = DataPacket(topic: "t", payload: [1, 2], kind: .lossy)
        packet.participantIdentity = "somebody else"
        packet.sequence = 1
        let all = sent(packet, &bench)
        #expect(Set(all.keys) == [bob, carol])
        #expect(all[bob]?.participantIdentity == "alice" && all[bob]?.participantSID == alice)
        #expect(all[bob]?.kind == .reliable && all[bob]?.sequence == 1)
        guard case .user(let user)? = all[bob]?.value else {
            Issue.record("no user packet")
            return
        }
        #expect(user.participantSID == alice && user.payload == [1, 2] && user.topic == "t")
        // Repeated after a resume.
        #expect(sent(packet, &bench).isEmpty)
        packet.sequence = 2
        packet.destinationIdentities = ["carol", "nobody"]
        #expect(Set(sent(packet, &bench).keys) == [carol])
        bench.state.received([0xFF, 0xFF, 1], isReliable: true, from: alice)
        #expect(bench.outputs().isEmpty)
    }

    @Test func aHiddenOneAndOneWithoutTheRightStayUnheard() throws {
        var bench = Bench()
        let bob = try bench.join("bob")
        let ghost = try bench.join("ghost", { $0.video?.hidden = true })
        let mute = try bench.join("mute", { $0.video?.canPublishData = false })
        bench.milliseconds = 3_000
        bench.state.tick(now: bench.now)
        let shown = bench.messages(to: bob).flatMap { message -> [String] in
            if case .update(let infos) = message { infos.map(\.sid) } else { [] }
        }
        #expect(!shown.contains(ghost) && shown.contains(mute))
        let packet = DataPacket(topic: "t", payload: [], kind: .lossy)
        bench.state.received(packet.encoded, isReliable: false, from: mute)
        #expect(bench.outputs().isEmpty)
        bench.state.received(packet.encoded, isReliable: false, from: ghost)
        let senders = bench.outputs().compactMap { output -> String? in
            guard case .sendData(let bytes, _, bob) = output else { return nil }
            return (try? DataPacket(decoding: bytes))?.participantIdentity
        }
        #expect(senders == [""])
    }

    @Test func permissionsThatAreTakenEndWhatTheyAllowed() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        let bob = try bench.join("bob")
        let track = bench.publish(alice)
        _ = bench.outputs()
        var permission = try #require(bench.state[alice]?.permission)
        permission.canPublish = false
        bench.state.permit(alice, permission, now: bench.now)
        let outputs = bench.outputs()
        #expect(
            outputs.contains { output in
                if case .send(.trackUnpublished(track), alice) = output { true } else { false }
            })
        #expect(
            outputs.contains { output in
                if case .unsubscribe(track, bob) = output { true } else { false }
            })
    }

    @Test func whoNeverConnectsIsTakenOut() throws {
        var bench = Bench()
        let alice = try bench.join("alice", isActive: false)
        _ = bench.outputs()
        bench.milliseconds = 59_999
        bench.state.tick(now: bench.now)
        #expect(bench.state[alice] != nil)
        bench.milliseconds = 60_000
        bench.state.tick(now: bench.now)
        #expect(
            bench.messages(to: alice) == [
                .leave(LeaveRequest(reason: .joinFailure, action: .disconnect))
            ])
        #expect(bench.state.members.isEmpty)
    }

    @Test func anEmptyRoomEndsAndAgentsDoNotKeepItOpen() throws {
        var configuration = RoomConfiguration()
        configuration.departureTimeout = 3
        configuration.emptyTimeout = 60
        var bench = Bench(configuration)
        #expect(bench.state.deadline == Bench.time(60_000).instant)
        let agent = try bench.join("agent", { $0.kind = .agent })
        let bob = try bench.join("bob")
        #expect(bench.state.deadline == Bench.time(3_000).instant, "the batch, not the end")
        bench.milliseconds = 5_000
        bench.state.tick(now: bench.now)
        bench.state.remove(bob, .clientInitiated, tells: nil, now: bench.now)
        _ = bench.outputs()
        bench.milliseconds = 8_000
        bench.state.tick(now: bench.now)
        #expect(
            bench.messages(to: agent) == [
                .leave(LeaveRequest(reason: .roomClosed, action: .disconnect))
            ])
        #expect(bench.state.isClosed)
    }

    @Test func whoChangesAllTheTimeIsToldOfInTheEndAsItIs() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        let bob = try bench.join("bob")
        let track = bench.publish(bob)
        _ = bench.outputs()
        for number in 0...5_000 {
            bench.state.received(
                .mute(sid: track, muted: number % 2 == 0), from: bob, now: bench.now)
        }
        let atOnce = bench.updates(to: alice)
        #expect(atOnce.count > 100 && atOnce.count <= 256)
        let due = try #require(bench.state.deadline)
        #expect(due <= Bench.time(100).instant)
        bench.milliseconds = 100
        bench.state.tick(now: bench.now)
        let later = bench.updates(to: alice)
        #expect(later.count == 1 && later.first?.tracks.first?.isMuted == true)
        let version = try #require(atOnce.last?.version)
        #expect(later.first?.version == version + 1)
        #expect(bench.state.deadline.map { $0 > bench.now.instant } == true)
    }

    @Test func whatIsToldOfOneAtOnceFitsTheQueueOfAWebsocket() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        let bob = try bench.join("bob", { $0.video?.canUpdateOwnMetadata = true })
        for number in 0..<RoomState.tracksMax {
            var request = AddTrackRequest()
            request.cid = "\(number)" + String(repeating: "c", count: 1_000)
            request.name = String(repeating: "n", count: 1_000)
            request.stream = request.name
            request.audioFeatures = Array(repeating: .stereo, count: 100_000)
            bench.state.received(.addTrack(request), from: bob, now: bench.now)
        }
        _ = bench.outputs()
        let sections = (0..<RoomState.tracksMax).map {
            RoomState.OfferedTrack(mid: "\($0)", kind: .audio)
        }
        bench.state.offered(sections, by: bob, now: bench.now)
        var wish = UpdateParticipantMetadata()
        wish.attributes = ["a": String(repeating: "a", count: 64 * 1024 - 1)]
        // The first is not the longest, so that the second may still be told at once.
        for (number, length) in [1_000, 512 * 1024, 400_000].enumerated() {
            wish.metadata = String(repeating: "\(number)", count: length)
            bench.state.received(.updateMetadata(wish), from: bob, now: bench.now)
        }
        let outputs = bench.outputs()
        let bytes = outputs.reduce(0) { sum, output in
            if case .send(let message, alice) = output { sum + message.encoded.count } else { sum }
        }
        #expect(bytes > 600_000 && bytes <= WebSocketConnection.outboxBytesMax)
        #expect(bench.state[bob]?.info.metadata.first == "2")
        // Time enough for the debt: then the newest is told.
        bench.milliseconds = 10_000
        bench.state.tick(now: bench.now)
        #expect(bench.updates(to: alice).contains { $0.metadata == wish.metadata })
    }

    @Test func tracksThatChangeTogetherAreToldOfAtOnce() throws {
        var bench = Bench()
        let alice = try bench.join("alice")
        let bob = try bench.join("bob")
        let tracks = (0..<RoomState.tracksMax).map {
            bench.publish(bob, cid: "cid-as-long-as-those-of-browsers-\($0)", mid: "\($0)")
        }
        for track in tracks.prefix(5) {
            bench.state.received(.mute(sid: track, muted: true), from: bob, now: bench.now)
        }
        let told = bench.updates(to: alice).last
        #expect(told?.tracks.count == tracks.count)
        #expect(told?.tracks.count(where: \.isMuted) == 5)
    }

    @Test func anAgentMayWaitAsLongAsAnEmptyRoomLives() throws {
        var configuration = RoomConfiguration()
        configuration.departureTimeout = 3
        configuration.emptyTimeout = 60
        var bench = Bench(configuration)
        bench.milliseconds = 10_000
        let agent = try bench.join("agent", { $0.kind = .agent })
        // Another that goes is nobody's departure.
        let other = try bench.join("other", { $0.kind = .agent })
        bench.milliseconds = 14_000
        bench.state.tick(now: bench.now)
        bench.state.remove(other, .clientInitiated, tells: nil, now: bench.now)
        bench.milliseconds = 59_999
        bench.state.tick(now: bench.now)
        #expect(!bench.state.isClosed && bench.state[agent] != nil)
        bench.milliseconds = 60_000
        #expect(bench.state.deadline.map { $0 <= bench.now.instant } == true)
        bench.state.tick(now: bench.now)
        #expect(bench.state.isClosed)
    }

    @Test func theLastDepartureCountsAndNotTheFirst() throws {
        var configuration = RoomConfiguration()
        configuration.departureTimeout = 3
        var bench = Bench(configuration)
        _ = try bench.join("agent", { $0.kind = .agent })
        for seconds: Int64 in [10, 12] {
            bench.milliseconds = seconds * 1_000
            let bob = try bench.join("bob")
            bench.milliseconds += 1_000
            bench.state.tick(now: bench.now)
            bench.state.remove(bob, .clientInitiated, tells: nil, now: bench.now)
        }
        bench.milliseconds = 15_999
        bench.state.tick(now: bench.now)
        #expect(!bench.state.isClosed)
        bench.milliseconds = 16_000
        bench.state.tick(now: bench.now)
        #expect(bench.state.isClosed)
    }

    @Test func aFullRoomTakesNobodyButWhoIsThereAlready() throws {
        var configuration = RoomConfiguration()
        configuration.maxParticipants = 1
        var bench = Bench(configuration)
        _ = try bench.join("bob")
        #expect(throws: RoomState.Refusal.full) { try bench.join("alice") }
        _ = try bench.join("bob")
    }
}
