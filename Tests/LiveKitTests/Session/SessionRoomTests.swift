// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

private typealias Bench = SessionBench

/// The others, ourselves, our tracks, data.
@Suite struct SessionRoomTests {
    @Test func anUpdateThatComesTwiceOrLateChangesNothing() {
        var bench = Bench.joined()
        let first = Bench.info("ann", sid: "PA_1", version: 4, state: .joined)
        let second = Bench.info("ann", sid: "PA_1", version: 5, tracks: ["TR_1"])
        bench.say(.update([first]))
        bench.say(.update([second]))
        bench.say(.update([second]))
        bench.say(.update([first]))
        var again = second
        again.version = 6
        bench.say(.update([again]))
        #expect(
            bench.events == [
                .participantJoined(first), .participantBecameActive(second),
                .remoteTrackPublished(second.tracks[0], participant: second),
            ])
        #expect(bench.session.participants == [again])
    }

    @Test func theSameIdentityOverANewConnectionLeavesAndJoins() {
        var bench = Bench.joined()
        let old = Bench.info("ann", sid: "PA_1", version: 9, joinedAt: 10, tracks: ["TR_1"])
        let new = Bench.info("ann", sid: "PA_2", version: 1, joinedAt: 20)
        bench.say(.update([old]))
        bench.forget()
        bench.say(.update([new]))
        #expect(
            bench.events == [
                .remoteTrackUnpublished(old.tracks[0], participant: old),
                .participantLeft(old, reason: .duplicateIdentity), .participantJoined(new),
                .participantBecameActive(new),
            ])
        bench.forget()
        var late = old
        late.version = 10
        bench.say(.update([late]))
        late.state = .disconnected
        bench.say(.update([late]))
        #expect(bench.events.isEmpty, "the end of the old connection is old news")
        var gone = new
        gone.state = .disconnected
        gone.disconnectReason = .clientInitiated
        bench.say(.update([gone, gone]))
        #expect(bench.events == [.participantLeft(new, reason: .clientInitiated)])
        #expect(bench.session.participants.isEmpty)
    }

    @Test func thoseWhoWereThereBeforeUsComeWithTheJoin() {
        var join = Bench.join()
        join.otherParticipants = [
            Bench.info("bob", sid: "PA_2", version: 1, joinedAt: 7, tracks: ["TR_9"]),
            Bench.info("ann", sid: "PA_1", version: 1, state: .joined, joinedAt: 5),
        ]
        var bench = SessionBench()
        bench.open()
        bench.say(.join(join))
        let bob = join.otherParticipants[0]
        #expect(
            bench.events == [
                .joined(join), .participantBecameActive(bob),
                .remoteTrackPublished(bob.tracks[0], participant: bob),
            ])
        #expect(bench.session.participants.map(\.identity) == ["ann", "bob"])
    }

    @Test func aMutedTrackAndANewNameAreTold() {
        var bench = Bench.joined()
        var info = Bench.info("ann", sid: "PA_1", version: 1, tracks: ["TR_1"])
        bench.say(.update([info]))
        bench.forget()
        info.version = 2
        info.tracks[0].isMuted = true
        bench.say(.update([info]))
        #expect(bench.events == [.remoteTrackUpdated(info.tracks[0], participant: info)])
        bench.forget()
        info.version = 3
        info.name = "Ann"
        info.attributes = ["a": "b"]
        bench.say(.update([info]))
        #expect(bench.events == [.participantUpdated(info)])
    }

    @Test func ourOwnUpdatesAreNotSomebodyElse() {
        var bench = Bench.joined()
        var me = Bench.join().participant
        me.state = .active
        me.version = 3
        bench.say(.update([me]))
        #expect(bench.events.isEmpty, "that we are active is known by our own connection")
        me.permission?.canPublish = false
        me.version = 4
        bench.say(.update([me]))
        #expect(bench.events == [.selfUpdated(me)])
        var rival = me
        rival.sid = "PA_rival"
        rival.version = 9
        bench.say(.update([rival]))
        #expect(bench.events.count == 1)
        #expect(bench.session.participant == me)
        #expect(bench.session.participants.isEmpty)
    }

    @Test func aMoveToAnotherRoomReplacesEverybody() {
        var bench = Bench.joined()
        let ann = Bench.info("ann", sid: "PA_1", version: 1)
        let bob = Bench.info("bob", sid: "PA_2", version: 1)
        bench.say(.update([ann]))
        bench.forget()
        var moved = RoomMoved()
        moved.room.name = "other"
        moved.participant = Bench.info("me", sid: "PA_new", version: 0)
        moved.otherParticipants = [bob]
        moved.token = "eyJ.secret.token"
        bench.say(.roomMoved(moved))
        #expect(bench.session.refreshedToken?.text == "eyJ.secret.token")
        #expect(bench.session.room?.name == "other")
        #expect(bench.session.participant?.sid == "PA_new")
        #expect(bench.session.participants == [bob])
        #expect(bench.events.count == 5)
        #expect(!"\(bench.events)".contains("secret"))
    }

    @Test func speakersAreAListKeptFromChanges() {
        func speaker(_ sid: String, _ level: Float, _ isActive: Bool = true) -> SpeakerInfo {
            var info = SpeakerInfo()
            info.sid = sid
            info.level = level
            info.isActive = isActive
            return info
        }
        var bench = Bench.joined()
        bench.say(.speakersChanged([speaker("PA_1", 0.2), speaker("PA_2", 0.5)]))
        bench.say(.speakersChanged([speaker("PA_2", 0.9, false), speaker("PA_3", 0.2)]))
        #expect(
            bench.events == [
                .speakersChanged([speaker("PA_2", 0.5), speaker("PA_1", 0.2)]),
                .speakersChanged([speaker("PA_1", 0.2), speaker("PA_3", 0.2)]),
            ])
    }

    // MARK: Tracks

    private func request(_ cid: String) -> AddTrackRequest {
        var request = AddTrackRequest()
        request.cid = cid
        request.source = .microphone
        return request
    }

    private func track(_ sid: String) -> TrackInfo {
        var info = TrackInfo()
        info.sid = sid
        return info
    }

    @Test func aTrackIsAnnouncedBeforeTheOfferAndSubscribedOnce() throws {
        var bench = SessionBench()
        try bench.session.publish(request("early"), at: bench.now)
        bench.open()
        bench.say(.join(Bench.join(fast: false)))
        #expect(bench.sent.first == .addTrack(request("early")))
        #expect(bench.others == [.createPublisherOffer], "with the track, so one offer is enough")
        bench.forget()
        bench.say(.trackPublished(cid: "early", track: track("TR_A")))
        bench.say(.trackPublished(cid: "early", track: track("TR_A")))
        bench.say(.trackPublished(cid: "stranger", track: track("TR_B")))
        for _ in 0..<2 { bench.say(.trackSubscribed(sid: "TR_A")) }
        bench.say(.trackSubscribed(sid: "TR_B"))
        bench.say(.mute(sid: "TR_A", muted: true))
        #expect(
            bench.events == [
                .trackPublished(cid: "early", track: track("TR_A")),
                .trackSubscribed(cid: "early", sid: "TR_A"),
                .muteRequested(cid: "early", sid: "TR_A", isMuted: true),
            ])
        try bench.session.setMuted(cid: "early", true)
        bench.drain()
        #expect(bench.sent == [.mute(sid: "TR_A", muted: true)])
        #expect(throws: CommandError.wrongTrack) { try bench.session.setMuted(cid: "x", true) }
    }

    @Test func aSilentRefusalOfATrackIsNoticedAfterTenSeconds() throws {
        var bench = Bench.joined()
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        try bench.session.publish(request("one"), at: bench.now)
        bench.wait(.milliseconds(9999))
        bench.say(.pong(1))
        bench.forget()
        bench.wait(.milliseconds(1))
        #expect(bench.events == [.publishFailed(cid: "one", .timedOut)])
        try bench.session.publish(request("one"), at: bench.now)
    }

    @Test func aRefusedTrackIsFoundByItsEchoOrByItsTurn() throws {
        var bench = Bench.joined()
        try bench.session.publish(request("one"), at: bench.now)
        try bench.session.publish(request("two"), at: bench.now)
        bench.forget()
        var answer = RequestResponse()
        answer.outcome = .queued
        bench.say(.requestResponse(answer))
        answer.outcome = .notAllowed
        answer.echo = request("two").echo
        bench.say(.requestResponse(answer))
        // An older server does not say which.
        answer.echo = nil
        bench.say(.requestResponse(answer))
        #expect(
            bench.events == [
                .publishFailed(cid: "two", .refused(.notAllowed)),
                .publishFailed(cid: "one", .refused(.notAllowed)),
            ])
        // A refusal of something else is not about a track.
        try bench.session.publish(request("three"), at: bench.now)
        bench.forget()
        answer.echo = RequestResponse.Echo(field: 4, bytes: [])
        bench.say(.requestResponse(answer))
        #expect(bench.events.isEmpty)
        #expect(bench.session.statistics.refusedMessages == 1)
    }

    @Test func unpublishingIsANewOfferAndNothingElse() throws {
        var bench = Bench.joined()
        bench.session.publisherOfferCreated("o", at: bench.now)
        bench.say(.answer(SignalDescription(type: "answer", sdp: "a", id: 1)))
        try bench.session.publish(request("one"), at: bench.now)
        bench.session.publisherOfferCreated("o", at: bench.now)
        bench.say(.trackPublished(cid: "one", track: track("TR_A")))
        bench.say(.answer(SignalDescription(type: "answer", sdp: "a", id: 2)))
        bench.forget()
        try bench.session.unpublish(cid: "one", at: bench.now)
        bench.drain()
        #expect(bench.sent.isEmpty)
        #expect(bench.others == [.createPublisherOffer])
        #expect(throws: CommandError.wrongTrack) {
            try bench.session.unpublish(cid: "one", at: bench.now)
        }
    }

    @Test func theServerTakesATrackAway() throws {
        var bench = Bench.joined()
        try bench.session.publish(request("one"), at: bench.now)
        bench.say(.trackPublished(cid: "one", track: track("TR_A")))
        bench.forget()
        for _ in 0..<2 { bench.say(.trackUnpublished(sid: "TR_A")) }
        #expect(bench.events == [.trackUnpublished(cid: "one", sid: "TR_A")])
    }

    @Test func tracksAreBoundedAndTheirNamesDiffer() throws {
        var bench = Bench.joined()
        for number in 0..<20 { try bench.session.publish(request("t\(number)"), at: bench.now) }
        #expect(throws: CommandError.tooMany) {
            try bench.session.publish(request("one more"), at: bench.now)
        }
        #expect(throws: CommandError.wrongTrack) {
            try bench.session.publish(request("t0"), at: bench.now)
        }
        #expect(throws: CommandError.wrongTrack) {
            try bench.session.publish(request(""), at: bench.now)
        }
    }

    // MARK: Requests

    @Test func requestsAreAnsweredByTheirNumber() throws {
        var bench = Bench.joined()
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        bench.forget()
        let first = try bench.session.update(metadata: "m", at: bench.now)
        let second = try bench.session.update(attributes: ["lk.agent.state": "idle"], at: bench.now)
        let third = try bench.session.update(name: "n", at: bench.now)
        bench.drain()
        guard case .updateMetadata(let sent) = bench.sent[1] else {
            Issue.record("\(bench.sent)")
            return
        }
        #expect(sent.requestID == second)
        #expect(sent.attributes == ["lk.agent.state": "idle"])
        var answer = RequestResponse()
        answer.requestID = second
        answer.outcome = .notAllowed
        answer.message = "does not have permission"
        bench.say(.requestResponse(answer))
        answer = RequestResponse()
        answer.requestID = first
        for _ in 0..<2 { bench.say(.requestResponse(answer)) }
        bench.wait(.seconds(5))
        #expect(
            bench.events == [
                .requestFailed(
                    id: second, .refused(.notAllowed, message: "does not have permission")),
                .requestSucceeded(id: first), .requestFailed(id: third, .timedOut),
            ])
        #expect(throws: CommandError.tooLarge) {
            try bench.session.update(
                attributes: ["a": String(repeating: "x", count: 65_536)], at: bench.now)
        }
        for _ in 0..<64 { _ = try bench.session.update(name: "n", at: bench.now) }
        #expect(throws: CommandError.tooMany) { try bench.session.update(name: "n", at: bench.now) }
    }

    // MARK: Data

    @Test func reliablePacketsAreNumberedInTheirOrder() throws {
        var bench = Bench.joined()
        func number(_ packet: DataPacket) throws -> UInt32 {
            try DataPacket(decoding: bench.session.message(for: packet)).sequence
        }
        let reliable = DataPacket(topic: "t", payload: [1], kind: .reliable)
        let lossy = DataPacket(topic: "t", payload: [1], kind: .lossy)
        #expect(try number(reliable) == 1)
        #expect(try number(lossy) == 0)
        #expect(try number(reliable) == 2)
        let tooLarge = DataPacket(
            topic: "t", payload: [UInt8](repeating: 0, count: 64_000), kind: .reliable)
        #expect(throws: CommandError.tooLarge) { try bench.session.message(for: tooLarge) }
        #expect(try number(reliable) == 3, "what is not sent takes no number")
        let large = DataPacket(
            topic: "t", payload: [UInt8](repeating: 0, count: 63_900), kind: .reliable)
        #expect(try bench.session.message(for: large).count <= 64_000)
    }

    @Test func aRepeatedReliablePacketIsTakenOnce() {
        var bench = Bench.joined()
        let ann = Bench.info("ann", sid: "PA_1", version: 1)
        bench.say(.update([ann]))
        bench.forget()
        var packet = DataPacket(topic: "t", payload: [1], kind: .reliable)
        packet.participantSID = "PA_1"
        packet.participantIdentity = "ann"
        for sequence: UInt32 in [1, 2, 2, 1, 4, 3] {
            packet.sequence = sequence
            bench.session.dataReceived(packet.encoded, isReliable: true)
        }
        packet.participantSID = "PA_other"
        packet.sequence = 1
        bench.session.dataReceived(packet.encoded, isReliable: true)
        packet.sequence = 0
        for _ in 0..<2 { bench.session.dataReceived(packet.encoded, isReliable: true) }
        packet.sequence = 1
        bench.session.dataReceived(packet.encoded, isReliable: false)
        bench.session.dataReceived([0xFF, 0xFF], isReliable: false)
        bench.drain()
        let sequences = bench.events.compactMap { event -> UInt32? in
            if case .dataReceived(let packet, let sender) = event {
                #expect(sender == ann)
                return packet.sequence
            }
            return nil
        }
        #expect(sequences == [1, 2, 4, 1, 0, 0, 1])
        #expect(bench.session.statistics.duplicatePackets == 3)
        #expect(bench.session.statistics.malformedPackets == 1)
        #expect(bench.session.syncState.receiveStates.map(\.lastSequence) == [4, 1])
    }

    @Test func anOlderServerNamesTheSenderInsideThePacket() {
        var bench = Bench.joined()
        let ann = Bench.info("ann", sid: "PA_1", version: 1)
        bench.say(.update([ann]))
        bench.forget()
        var packet = DataPacket(topic: "t", payload: [1], kind: .lossy)
        if case .user(var user) = packet.value {
            user.participantSID = "PA_1"
            packet.value = .user(user)
        }
        bench.session.dataReceived(packet.encoded, isReliable: false)
        bench.drain()
        #expect(bench.events == [.dataReceived(packet, sender: ann)])
    }

    @Test func whatAResumeTellsComesFromWhatIsWanted() throws {
        var bench = Bench.joined()
        try bench.session.setSubscribed(true, trackSIDs: ["TR_2", "TR_1"])
        try bench.session.setSubscribed(false, trackSIDs: ["TR_2"])
        bench.session.dataChannelOpened(label: "_reliable", id: 1, on: .publisher)
        bench.session.dataChannelOpened(label: "_reliable", id: 3, on: .publisher)
        bench.drain()
        #expect(bench.sent.count == 2)
        let state = bench.session.syncState
        #expect(state.subscription?.trackSIDs == ["TR_1"])
        #expect(state.subscription?.subscribe == true)
        #expect(state.dataChannels.map(\.id) == [3])
    }
}
