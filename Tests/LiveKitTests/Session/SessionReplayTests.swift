// SPDX-License-Identifier: Apache-2.0
import LiveKit
import Testing

/// What three releases of the server said to official clients, said to our machine.
@Suite struct SessionReplayTests {
    @Test(arguments: RecordedFrame.runs)
    func everyRecordedConnectionIsFollowed(run: String) throws {
        // Version 1 has one peer connection: its offers come from the join's address.
        let isOverTwo = !run.contains("_v1") && !run.contains("fallback")
        for (who, frames) in try SessionReplay.connections(of: run) {
            let replay = try SessionReplay(frames)
            guard case .joined? = replay.events.first?.event else {
                Issue.record("\(run) \(who) did not join")
                continue
            }
            #expect(replay.statistics.unknownMessages == 0)
            #expect(replay.statistics.droppedCandidates == 0)
            #expect(!isOverTwo || replay.statistics.staleAnswers == 0)
            if let cause = replay.end?.cause {
                guard case .dismissed = cause else {
                    Issue.record("\(run) \(who) ended by \(cause)")
                    continue
                }
            }
            if isOverTwo { expectTracksAcknowledged(replay, run) }
            expectIDsEchoed(replay)
        }
    }

    private func expectTracksAcknowledged(_ replay: SessionReplay, _ run: String) {
        var cids: [String] = []
        for case .addTrack(let request) in replay.sent { cids.append(request.cid) }
        let published = replay.events.compactMap { entry -> String? in
            if case .trackPublished(let cid, let track) = entry.event {
                return track.sid.hasPrefix("TR_A") ? cid : nil
            }
            return nil
        }
        // In one run the server goes away before it answers.
        #expect(published == cids || replay.end != nil, "\(run)")
        let subscribed = replay.events.compactMap { entry -> String? in
            if case .trackSubscribed(let cid, _) = entry.event { return cid }
            return nil
        }
        #expect(Set(subscribed).count == subscribed.count, "told once in a track's life")
        #expect(Set(subscribed).isSubset(of: published))
    }

    private func expectIDsEchoed(_ replay: SessionReplay) {
        var offered: [UInt32] = []
        for case .applySubscriberOffer(_, let id) in replay.outputs { offered.append(id) }
        var answered: [UInt32] = []
        for case .answer(let answer) in replay.sent { answered.append(answer.id) }
        #expect(offered == answered)
    }

    /// The same story on all three: alice comes, publishes, is heard, renames herself, goes.
    @Test(arguments: ["1.8.4/py120_v0", "1.11.0/py120_v0", "1.13.3/py120_v0"])
    func theListenerHearsTheWholeStory(run: String) throws {
        let connections = try SessionReplay.connections(of: run)
        let listener = try #require(connections.first { $0.who == "bob" })
        let bob = try SessionReplay(listener.frames)
        let story = bob.events.compactMap { entry -> String? in
            switch entry.event {
            case .participantJoined(let info): "joined \(info.identity)"
            case .participantBecameActive(let info): "active \(info.identity)"
            case .remoteTrackPublished(let track, let info): "track \(track.name) \(info.identity)"
            case .remoteTrackUnpublished(let track, _): "no track \(track.name)"
            case .participantUpdated(let info): "updated \(info.identity)"
            case .participantLeft(let info, let reason): "left \(info.identity) \(reason)"
            case .mediaConnected(let target): "media \(target)"
            default: nil
            }
        }
        #expect(
            story == [
                "media subscriber", "media publisher", "joined alice", "active alice",
                "track tts alice", "updated alice", "no track tts", "left alice clientInitiated",
            ])
        let speaker = try #require(connections.first { $0.who == "alice" })
        let alice = try SessionReplay(speaker.frames)
        let own = alice.events.compactMap { entry -> String? in
            switch entry.event {
            case .trackPublished: "published"
            case .trackSubscribed: "subscribed"
            case .selfUpdated: "updated"
            case .requestSucceeded(let id): "done \(id)"
            default: nil
            }
        }
        #expect(own == ["published", "subscribed", "updated", "done 1"])
    }

    @Test(arguments: [
        ("1.13.3/py120_v0_dup", "alice", DisconnectReason.duplicateIdentity, false, false),
        ("1.8.4/py120_v0_dup", "alice", .duplicateIdentity, false, false),
        ("1.13.3/py120_v0_remove", "alice", .participantRemoved, false, false),
        ("1.8.4/py120_v0_remove", "alice", .participantRemoved, false, false),
        ("1.13.3/py120_v0_delete", "alice", .roomDeleted, false, false),
        ("1.8.4/py120_v0_delete", "alice", .roomDeleted, false, false),
        ("1.13.3/py120_v0_sim_SERVER_LEAVE", "alice", .serverShutdown, false, false),
    ])
    func aDismissalSaysWhatCanBeDone(
        run: String, who: String, reason: DisconnectReason, canResume: Bool, canReconnect: Bool
    ) throws {
        let connection = try SessionReplay.connections(of: run).first { $0.who == who }
        let replay = try SessionReplay(try #require(connection).frames)
        #expect(
            replay.end
                == SessionEnd(
                    cause: .dismissed(reason), canResume: canResume, canReconnect: canReconnect,
                    regions: []))
    }

    /// The official client's own words at a resume name the same tracks, channels and descriptions.
    @Test func whatAResumeNeedsIsKept() throws {
        let run = "1.13.3/py120_v0_kill"
        let all = try RecordedFrame.frames(of: run)
        let recorded = all.compactMap { frame -> SyncState? in
            guard !frame.isFromServer,
                case .syncState(let state)? = try? SignalRequest(decoding: frame.bytes)
            else { return nil }
            return state
        }
        let theirs = try #require(recorded.first)
        let connection = try SessionReplay.connections(of: run).first { $0.who == "alice" }
        let replay = try SessionReplay(try #require(connection).frames)
        let ours = try #require(replay.syncState)
        #expect(ours.publishTracks.map(\.cid) == theirs.publishTracks.map(\.cid))
        #expect(ours.publishTracks.map(\.track.sid) == theirs.publishTracks.map(\.track.sid))
        #expect(ours.offer?.type == "offer")
        #expect(ours.answer?.type == "answer")
        #expect(theirs.offer?.type == "offer")
        #expect(ours.subscription?.subscribe == true, "we join without automatic subscriptions")
    }
}
