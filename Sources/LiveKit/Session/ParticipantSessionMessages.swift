// SPDX-License-Identifier: Apache-2.0
internal import Base

// What the server says.
extension ParticipantSession {
    mutating func handle(_ message: SignalResponse, at now: Instant) {
        if case .joining = phase {
            switch message {
            case .join(let join): joinReceived(join, at: now)
            case .leave(let leave): leaveReceived(leave)
            default: statistics.ignoredMessages += 1  // A server's first word is the join.
            }
            return
        }
        switch message {
        case .answer, .offer, .trickle, .mediaSectionsRequirement:
            handleNegotiation(message, at: now)
        case .update, .roomUpdate, .roomMoved, .speakersChanged, .connectionQuality,
            .subscriptionPermissionUpdate, .subscriptionResponse:
            handleRoom(message)
        case .trackPublished, .trackUnpublished, .trackSubscribed, .mute, .requestResponse:
            handleOwnTracks(message)
        case .leave(let leave): leaveReceived(leave)
        case .refreshToken(let token):
            refreshedToken = token
            emit(.tokenRefreshed(token))
        case .pongResponse(let lastPing, _):
            liveness?.pongReceived(timestamp: lastPing, at: now)
        case .pong: break  // That it came is all it says; older servers have only this one.
        case .join, .reconnect: statistics.ignoredMessages += 1  // Once is enough.
        case .carried: statistics.ignoredMessages += 1  // Video, data tracks, data blobs.
        case .unknown: statistics.unknownMessages += 1
        }
    }

    // MARK: Joining and leaving

    private mutating func joinReceived(_ join: JoinResponse, at now: Instant) {
        guard !join.participant.sid.isEmpty, !join.participant.identity.isEmpty else {
            finish(.protocolViolation, canReconnect: true)
            return
        }
        phase = .joined
        room = join.room
        participant = join.participant
        isSubscriberPrimary = join.isSubscriberPrimary
        liveness = SignalLiveness(
            intervalSeconds: join.pingInterval, timeoutSeconds: join.pingTimeout, at: now)
        emit(.joined(join))
        emit(roster.start(with: join.otherParticipants))
        let permission = join.participant.permission
        let mayPublish = permission.map { $0.canPublish || $0.canPublishData } ?? true
        if isSubscriberPrimary { subscriber.deadline = now + timeouts.media }
        for index in tracks.indices { announce(index, at: now) }
        if mayPublish, join.isFastPublish || !isSubscriberPrimary || !tracks.isEmpty {
            negotiatePublisher(at: now)
        }
        ping(at: now)
    }

    private mutating func leaveReceived(_ leave: LeaveRequest) {
        // Somebody wanted us gone: coming back by ourselves would go on for ever.
        let kicks: [DisconnectReason] = [.duplicateIdentity, .participantRemoved, .roomDeleted]
        let isKick = kicks.contains(leave.reason)
        // Servers before protocol 13 say it with `canReconnect`.
        let canResume = leave.action == .resume
        let canReconnect = canResume || leave.action == .reconnect || leave.canReconnect
        finish(
            .dismissed(leave.reason), canResume: canResume && !isKick,
            canReconnect: canReconnect && !isKick, regions: leave.regions ?? [])
    }

    // MARK: Negotiation

    private mutating func handleNegotiation(_ message: SignalResponse, at now: Instant) {
        switch message {
        case .offer(let offer):
            subscriber.lastRemote = offer
            if !subscriber.isStarted, !subscriber.isConnected, subscriber.deadline == nil {
                subscriber.deadline = now + timeouts.media
            }
            subscriber.isStarted = true
            outputs.append(.applySubscriberOffer(offer.sdp, id: offer.id))
            releaseCandidates(of: .subscriber)
        case .answer(let answer):
            guard negotiation.answerReceived(id: answer.id) else {
                statistics.staleAnswers += 1
                return
            }
            publisher.lastRemote = answer
            outputs.append(.applyPublisherAnswer(answer.sdp))
            releaseCandidates(of: .publisher)
            if negotiation.isNextDue() { outputs.append(.createPublisherOffer) }
        case .trickle(let trickle): trickleReceived(trickle)
        default: statistics.ignoredMessages += 1  // Sections: for a single connection only.
        }
    }

    private mutating func trickleReceived(_ trickle: TrickleRequest) {
        let target: SignalTarget = trickle.target == .subscriber ? .subscriber : .publisher
        guard let candidate = TrickledCandidate(json: trickle.candidateInit),
            self[target].hasRemoteDescription
                || self[target].heldCandidates.count < Self.maxHeldCandidates
        else {
            statistics.droppedCandidates += 1
            return
        }
        // Some clients end a list with an empty candidate; `isFinal` says nothing we need.
        guard !candidate.candidate.isEmpty else { return }
        if self[target].hasRemoteDescription {
            outputs.append(.addRemoteCandidate(candidate, target))
        } else {
            self[target].heldCandidates.append(candidate)
        }
    }

    private mutating func releaseCandidates(of target: SignalTarget) {
        self[target].hasRemoteDescription = true
        let held = self[target].heldCandidates
        self[target].heldCandidates = []
        for candidate in held { outputs.append(.addRemoteCandidate(candidate, target)) }
    }

    // MARK: The room

    private mutating func handleRoom(_ message: SignalResponse) {
        switch message {
        case .update(let infos):
            for info in infos { updateReceived(info) }
        case .roomUpdate(let info):
            room = info
            emit(.roomUpdated(info))
        case .roomMoved(let moved): roomMoved(moved)
        case .speakersChanged(let changes): speakersChanged(changes)
        case .connectionQuality(let updates): emit(.connectionQualityChanged(updates))
        case .subscriptionPermissionUpdate(_, let sid, let isAllowed):
            emit(.subscriptionPermissionChanged(trackSID: sid, isAllowed: isAllowed))
        case .subscriptionResponse(let sid, let error):
            emit(.subscriptionFailed(trackSID: sid, error: error))
        default: break
        }
    }

    private mutating func updateReceived(_ info: ParticipantInfo) {
        guard let own = participant, info.sid == own.sid || info.identity == own.identity else {
            emit(roster.apply(info))
            return
        }
        // Somebody else under our identity: the server is about to dismiss us.
        guard info.sid == own.sid, info.state != .disconnected else { return }
        guard info.version >= own.version else { return }
        participant = info
        for index in tracks.indices {
            if let sid = tracks[index].info?.sid,
                let track = info.tracks.first(where: { $0.sid == sid })
            {
                tracks[index].info = track
            }
        }
        if !own.saysTheSame(as: info) { emit(.selfUpdated(info)) }
    }

    private mutating func roomMoved(_ moved: RoomMoved) {
        guard !moved.participant.sid.isEmpty else {
            statistics.ignoredMessages += 1
            return
        }
        emit(roster.clear())
        room = moved.room
        participant = moved.participant
        speakers = []
        wantedTracks = []  // Their sids were those of the other room.
        if !moved.token.isEmpty {
            refreshedToken = moved.token
            emit(.tokenRefreshed(moved.token))
        }
        emit(.roomMoved(moved.room, participant: moved.participant))
        for info in moved.otherParticipants { emit(roster.apply(info)) }
    }

    private mutating func speakersChanged(_ changes: [SpeakerInfo]) {
        for change in changes {
            speakers.removeAll { $0.sid == change.sid }
            // Lists may name those who were muted meanwhile: only the flag counts.
            if change.isActive, speakers.count < ParticipantRoster.maxParticipants {
                speakers.append(change)
            }
        }
        speakers.sort { ($1.level, $0.sid) < ($0.level, $1.sid) }
        emit(.speakersChanged(speakers))
    }

    // MARK: Our own tracks and requests

    private mutating func handleOwnTracks(_ message: SignalResponse) {
        switch message {
        case .trackPublished(let cid, let info):
            guard let index = tracks.firstIndex(where: { $0.request.cid == cid }) else { return }
            let isFirst = tracks[index].info == nil
            tracks[index].info = info
            tracks[index].announcedUntil = nil
            if isFirst { emit(.trackPublished(cid: cid, track: info)) }
        case .trackUnpublished(let sid):
            guard let index = tracks.firstIndex(where: { $0.info?.sid == sid }) else { return }
            let track = tracks.remove(at: index)
            emit(.trackUnpublished(cid: track.request.cid, sid: sid))
        case .trackSubscribed(let sid):
            guard let index = tracks.firstIndex(where: { $0.info?.sid == sid }),
                !tracks[index].isSubscribed
            else { return }
            tracks[index].isSubscribed = true
            emit(.trackSubscribed(cid: tracks[index].request.cid, sid: sid))
        case .mute(let sid, let isMuted):
            guard let track = tracks.first(where: { $0.info?.sid == sid }) else { return }
            emit(.muteRequested(cid: track.request.cid, sid: sid, isMuted: isMuted))
        case .requestResponse(let response): requestAnswered(response)
        default: break
        }
    }

    private mutating func requestAnswered(_ response: RequestResponse) {
        if let index = requests.firstIndex(where: { $0.id == response.requestID }),
            response.requestID > 0
        {
            guard response.outcome != .queued else { return }
            requests.remove(at: index)
            let id = response.requestID
            if response.outcome == .ok {
                emit(.requestSucceeded(id: id))
            } else {
                let message = String(response.message.prefix(JoinRefusal.maxTextLength))
                emit(.requestFailed(id: id, .refused(response.outcome, message: message)))
            }
            return
        }
        // Announcements have no number. Newer servers echo them; else the oldest one is meant.
        guard response.outcome != .ok, response.outcome != .queued else { return }
        if let echo = response.echo, echo.field != RequestResponse.Echo.addTrackField {
            statistics.refusedMessages += 1
            return
        }
        let echoed = response.echo.flatMap { AddTrackRequest(echo: $0) }
        let waiting = tracks.first {
            $0.announcedUntil != nil && (echoed == nil || echoed?.cid == $0.request.cid)
        }
        if let waiting { failPublication(of: waiting.request.cid, .refused(response.outcome)) }
    }

    mutating func failPublication(of cid: String, _ failure: PublishFailure) {
        tracks.removeAll { $0.request.cid == cid }
        emit(.publishFailed(cid: cid, failure))
    }
}
