// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

private let leaving = SignalRequest.leave(
    LeaveRequest(reason: .clientInitiated, action: .disconnect))

private func candidate(_ text: String) -> TrickledCandidate { TrickledCandidate(candidate: text) }

private func trickled(_ json: String, _ target: SignalTarget) -> SignalResponse {
    var trickle = TrickleRequest()
    trickle.candidateInit = json
    trickle.target = target
    return .trickle(trickle)
}

private func description(_ type: String, _ sdp: String, _ id: UInt32) -> SignalDescription {
    SignalDescription(type: type, sdp: sdp, id: id)
}

/// Joining, negotiating, time, leaving.
@Suite struct ParticipantSessionTests {
    @Test func aJoinAsksForAnOfferAndPings() {
        var bench = SessionBench()
        bench.open()
        #expect(bench.session.deadline == bench.now + .seconds(5))
        bench.say(.join(SessionBench.join()))
        #expect(bench.events == [.joined(SessionBench.join())])
        #expect(bench.others == [.createPublisherOffer])
        #expect(bench.sent == [.pingRequest(timestamp: 5000, roundTrip: 0), .ping(5000)])
        #expect(bench.session.room?.name == "room")
        #expect(bench.session.participant?.sid == "PA_me")
    }

    @Test func nothingIsOfferedWithoutTheRightToIt() {
        var bench = SessionBench()
        bench.open()
        bench.say(.join(SessionBench.join(publishes: false)))
        #expect(bench.others.isEmpty)
    }

    @Test func aPublisherThatIsNotWantedAtOnceWaitsForATrack() throws {
        var bench = SessionBench()
        bench.open()
        bench.say(.join(SessionBench.join(fast: false)))
        #expect(bench.others.isEmpty)
        bench.session.negotiatePublisher(at: bench.now)
        bench.drain()
        #expect(bench.others == [.createPublisherOffer])
    }

    @Test func aServerThatOpensAndSaysNothingIsLeftAfterFiveSeconds() {
        var bench = SessionBench()
        bench.open()
        bench.wait(.milliseconds(4999))
        #expect(bench.end == nil)
        bench.wait(.milliseconds(1))
        #expect(bench.end == .joinTimedOut)
        #expect(bench.sent == [leaving], "or a join that comes late would haunt the room")
        #expect(bench.others == [.closeSignal])
    }

    @Test func aJoinWithoutItsPartsOrGarbageEndsTheSession() {
        for frame in [[], [0xFF], [0x0A, 0x02, 0x01], SignalResponse.join(JoinResponse()).encoded] {
            var bench = SessionBench()
            bench.open()
            bench.session.frameReceived(frame, at: bench.now)
            bench.drain()
            // An empty frame is an empty message: legal, and passed over.
            #expect(bench.end == (frame.isEmpty ? nil : .protocolViolation), "\(frame)")
        }
        var bench = SessionBench.joined()
        bench.session.frameReceived([0x0A, 0x80], at: bench.now)
        #expect(bench.end == .protocolViolation)
    }

    @Test func anOfferWaitsForItsAnswerAndOthersAreJoinedIntoTheNext() {
        var bench = SessionBench.joined()
        bench.session.publisherOfferCreated("offer 1", at: bench.now)
        for _ in 0..<3 { bench.session.negotiatePublisher(at: bench.now) }
        bench.drain()
        #expect(bench.sent == [.offer(description("offer", "offer 1", 1))])
        #expect(bench.others.isEmpty)
        bench.say(.answer(description("answer", "stale", 7)))
        #expect(bench.others.isEmpty)
        #expect(bench.session.statistics.staleAnswers == 1)
        bench.say(.answer(description("answer", "answer 1", 1)))
        #expect(bench.others == [.applyPublisherAnswer("answer 1"), .createPublisherOffer])
        bench.forget()
        bench.session.publisherOfferCreated("offer 2", at: bench.now)
        // Server 1.8 writes no id.
        bench.say(.answer(description("answer", "answer 2", 0)))
        #expect(bench.sent == [.offer(description("offer", "offer 2", 2))])
        #expect(bench.others == [.applyPublisherAnswer("answer 2")])
        bench.session.publisherOfferCreated("unasked", at: bench.now)
        bench.drain()
        #expect(bench.sent.count == 1)
    }

    @Test func anUnansweredOfferEndsTheSessionAfterFifteenSeconds() {
        var bench = SessionBench.joined(SessionBench.join(subscriberPrimary: false))
        bench.session.mediaStateChanged(.publisher, .connected, at: bench.now)
        bench.session.publisherOfferCreated("offer", at: bench.now)
        bench.drain()
        for _ in 0..<14 {
            bench.wait(.seconds(1))
            bench.say(.pong(1))
        }
        #expect(bench.end == nil)
        bench.wait(.seconds(1))
        #expect(bench.end == .negotiationTimedOut)
        #expect(bench.session.end?.canReconnect == true)
        #expect(bench.session.end?.canResume == false)
    }

    @Test func everyOfferOfTheServerIsAnsweredUnderItsId() {
        var bench = SessionBench.joined()
        for id: UInt32 in [200, 201, 0] {
            bench.say(.offer(description("offer", "offer \(id)", id)))
            bench.session.subscriberAnswerCreated("answer \(id)", id: id)
            bench.drain()
        }
        #expect(
            bench.others
                == [200, 201, 0].map { .applySubscriberOffer("offer \($0)", id: $0) })
        #expect(
            bench.sent == [200, 201, 0].map { .answer(description("answer", "answer \($0)", $0)) })
    }

    @Test func candidatesWaitForTheirDescription() {
        var bench = SessionBench.joined()
        bench.say(trickled(candidate("candidate:1").json, .publisher))
        bench.say(trickled(candidate("candidate:2").json, .subscriber))
        #expect(bench.others.isEmpty)
        bench.say(.offer(description("offer", "o", 1)))
        bench.say(trickled(candidate("candidate:3").json, .subscriber))
        bench.session.publisherOfferCreated("p", at: bench.now)
        bench.say(.answer(description("answer", "a", 1)))
        #expect(
            bench.others == [
                .applySubscriberOffer("o", id: 1),
                .addRemoteCandidate(candidate("candidate:2"), .subscriber),
                .addRemoteCandidate(candidate("candidate:3"), .subscriber),
                .applyPublisherAnswer("a"),
                .addRemoteCandidate(candidate("candidate:1"), .publisher),
            ])
        bench.forget()
        for json in ["nojson", "{}", "[]", #"{"candidate":7}"#] {
            bench.say(trickled(json, .publisher))
        }
        bench.say(trickled(#"{"candidate":""}"#, .publisher))
        #expect(bench.others.isEmpty)
        #expect(bench.session.statistics.droppedCandidates == 4)
    }

    @Test func heldCandidatesAreBounded() {
        var bench = SessionBench.joined()
        for number in 0..<100 {
            bench.say(trickled(candidate("candidate:\(number)").json, .subscriber))
        }
        #expect(bench.session.statistics.droppedCandidates == 36)
    }

    @Test func ourCandidatesNameTheirConnectionAndEmptyOnesAreKeptBack() throws {
        var bench = SessionBench.joined()
        bench.session.localCandidateGathered(candidate("candidate:9"), for: .subscriber)
        bench.session.localCandidateGathered(candidate(""), for: .publisher)
        bench.drain()
        guard case .trickle(let trickle)? = bench.sent.first, bench.sent.count == 1 else {
            Issue.record("\(bench.sent)")
            return
        }
        #expect(trickle.target == .subscriber)
        #expect(TrickledCandidate(json: trickle.candidateInit) == candidate("candidate:9"))
        #expect(trickle.candidateInit.contains(#""sdpMid":"0","sdpMLineIndex":0"#))
    }

    @Test func pingsGoOutAtTheServersIntervalAndCarryTheRoundTrip() {
        var bench = SessionBench()
        bench.open()
        bench.say(.join(SessionBench.join()))
        bench.now += .milliseconds(40)
        bench.say(.pongResponse(lastPing: 5000, timestamp: 1))
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        bench.forget()
        #expect(bench.session.deadline == Instant(nanoseconds: 10_000_000_000))
        bench.now = Instant(nanoseconds: 10_000_000_000)
        bench.wait(.zero)
        #expect(bench.sent == [.pingRequest(timestamp: 10_000, roundTrip: 40), .ping(10_000)])
    }

    /// The bug of a well-known client: each ping that it sent kept the dead connection alive.
    @Test func sendingDoesNotKeepADeadConnectionAlive() throws {
        var bench = SessionBench.joined()
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        for _ in 0..<14 {
            bench.wait(.seconds(1))
            _ = try bench.session.update(metadata: "m", at: bench.now)
        }
        #expect(bench.end == nil)
        bench.wait(.seconds(1))
        #expect(bench.end == .signalSilent)
        #expect(bench.session.end?.canResume == true)
    }

    @Test func anyFrameKeepsTheConnectionAlive() {
        var bench = SessionBench.joined()
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        for _ in 0..<10 {
            bench.wait(.seconds(10))
            bench.say(.unknown(field: nil))
        }
        #expect(bench.end == nil)
    }

    @Test func aServerWithoutPingTimesIsNeverSilent() {
        var join = SessionBench.join()
        join.pingInterval = 0
        join.pingTimeout = -3
        var bench = SessionBench.joined(join)
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        #expect(bench.session.deadline == nil)
        bench.wait(.seconds(1000))
        #expect(bench.end == nil)
        #expect(bench.sent.isEmpty)
    }

    @Test func aConnectionThatDoesNotStandInTimeEndsTheSession() {
        var bench = SessionBench.joined()
        bench.wait(.seconds(14))
        bench.say(.offer(description("offer", "late", 1)))
        bench.wait(.seconds(1))
        #expect(bench.end == .mediaTimedOut(.subscriber))

        bench = SessionBench.joined()
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        bench.session.publisherOfferCreated("o", at: bench.now)
        bench.say(.answer(description("answer", "a", 1)))
        #expect(bench.events == [.mediaConnected(.subscriber)])
        bench.wait(.seconds(10))
        bench.say(.pong(1))
        bench.wait(.seconds(5))
        #expect(bench.end == .mediaTimedOut(.publisher))
    }

    @Test func aFailedConnectionEndsTheSessionAndCouldBeResumed() {
        for target in [SignalTarget.publisher, .subscriber] {
            var bench = SessionBench.joined()
            bench.session.mediaStateChanged(target, .connected, at: bench.now)
            bench.session.mediaStateChanged(target, .disconnected, at: bench.now)
            #expect(bench.end == nil)
            bench.session.mediaStateChanged(target, .failed, at: bench.now)
            #expect(bench.end == nil, "the server may still say why")
            bench.wait(.milliseconds(499))
            #expect(bench.end == nil)
            bench.session.mediaStateChanged(target, .failed, at: bench.now)
            bench.wait(.milliseconds(1))
            #expect(bench.end == .mediaFailed(target))
            #expect(bench.session.end?.canResume == true)
        }
    }

    @Test func aConnectionThatIsRevivedInTimeHasNotFailed() {
        var bench = SessionBench.joined()
        bench.session.mediaStateChanged(.subscriber, .failed, at: bench.now)
        bench.wait(.milliseconds(100))
        bench.session.mediaStateChanged(.subscriber, .connected, at: bench.now)
        bench.wait(.milliseconds(500))
        #expect(bench.end == nil)
    }

    @Test func aLeaveBehindTheFailureOfTheMediaIsWhyItEnded() {
        var bench = SessionBench.joined()
        bench.session.mediaStateChanged(.subscriber, .failed, at: bench.now)
        bench.wait(.milliseconds(20))
        bench.say(.leave(LeaveRequest(reason: .duplicateIdentity, action: .disconnect)))
        #expect(bench.end == .dismissed(.duplicateIdentity))
        #expect(bench.session.end?.canReconnect == false)
    }

    @Test(arguments: [
        (LeaveAction.disconnect, DisconnectReason.roomClosed, false, false, false),
        (.resume, .connectionTimeout, false, true, true),
        (.reconnect, .stateMismatch, false, false, true),
        (.disconnect, .serverShutdown, true, false, true),
        (.reconnect, .duplicateIdentity, false, false, false),
        (.resume, .participantRemoved, true, false, false),
        (.disconnect, .roomDeleted, true, false, false),
    ])
    func theServersLeaveSaysWhatCanBeDone(
        action: LeaveAction, reason: DisconnectReason, legacy: Bool, canResume: Bool,
        canReconnect: Bool
    ) {
        var leave = LeaveRequest(reason: reason, action: action)
        leave.canReconnect = legacy
        var region = RegionInfo()
        region.url = "wss://elsewhere"
        leave.regions = [region]
        let end = SessionEnd(
            cause: .dismissed(reason), canResume: canResume, canReconnect: canReconnect,
            regions: [region])
        var bench = SessionBench.joined()
        bench.say(.leave(leave))
        #expect(bench.events == [.disconnected(end)])
        #expect(bench.others == [.closeSignal])
        #expect(bench.sent.isEmpty, "the server knows")
        // Also instead of a join.
        bench = SessionBench()
        bench.open()
        bench.say(.leave(leave))
        #expect(bench.session.end == end)
    }

    @Test func leavingIsSaidOnceAndIsTheEnd() throws {
        var bench = SessionBench.joined()
        bench.session.leave()
        bench.session.leave()
        bench.drain()
        #expect(bench.sent == [leaving])
        #expect(bench.others == [.closeSignal])
        #expect(bench.events.count == 1)
        #expect(bench.end == .left)
        bench.forget()
        bench.say(.join(SessionBench.join()))
        bench.say(.offer(description("offer", "o", 1)))
        bench.wait(.seconds(100))
        bench.session.signalClosed(code: 1000)
        bench.session.signalFailed("broken")
        bench.session.signalOpened(at: bench.now)
        bench.session.mediaStateChanged(.publisher, .failed, at: bench.now)
        bench.session.negotiatePublisher(at: bench.now)
        bench.session.publisherOfferCreated("o", at: bench.now)
        bench.session.subscriberAnswerCreated("a", id: 1)
        bench.session.dataReceived([], isReliable: true)
        #expect(throws: CommandError.notJoined) {
            try bench.session.message(for: DataPacket(topic: "t", payload: [], kind: .lossy))
        }
        #expect(throws: CommandError.notJoined) {
            try bench.session.setSubscribed(true, trackSIDs: ["TR_1"])
        }
        bench.drain()
        #expect(bench.sent.isEmpty && bench.events.isEmpty && bench.others.isEmpty)
        #expect(bench.session.deadline == nil)
        #expect(bench.end == .left)
    }

    @Test func anAttemptToJoinEndsWithWhatTheTransportSays() {
        var bench = SessionBench()
        bench.session.signalRefused(.tokenExpired)
        #expect(bench.end == .refused(.tokenExpired))
        #expect(bench.session.end?.canReconnect == false)
        bench = SessionBench()
        bench.session.signalRefused(.overloaded)
        #expect(bench.session.end?.canReconnect == true)
        bench = SessionBench()
        bench.session.signalFailed("connection refused")
        #expect(bench.end == .unreachable("connection refused"))
        bench = SessionBench()
        bench.session.leave()
        bench.drain()
        #expect(bench.end == .left)
        #expect(bench.others.isEmpty, "nothing is open that could be closed")
    }

    @Test func aBrokenConnectionEndsTheSessionWithoutAWord() {
        var bench = SessionBench.joined()
        bench.session.signalClosed(code: 1006)
        bench.drain()
        #expect(bench.end == .signalClosed(code: 1006))
        #expect(bench.session.end?.canResume == true)
        #expect(bench.sent.isEmpty && bench.others.isEmpty)
    }
}
