// SPDX-License-Identifier: Apache-2.0
public import Base

/// Why a command was not taken.
public enum CommandError: Error, Equatable, Sendable {
    /// The session has ended, or has not joined yet.
    case notJoined
    /// More at once than the session's bound.
    case tooMany
    /// Larger than a server takes.
    case tooLarge
    /// The cid is empty or in use, or there is no such track.
    case wrongTrack
}

// What the owner asks for.
extension ParticipantSession {
    /// The longest metadata that servers take, in bytes.
    public static let maxMetadataLength = 512 * 1024
    /// The longest attributes that servers take, names and values together, in bytes.
    public static let maxAttributesLength = 64 * 1024

    // MARK: Publishing

    /// Announces a track and has the publisher connection offered again.
    ///
    /// Add the track to the publisher connection first, with `request.cid` as its id: the offer
    /// may be asked for at once. Before the join it waits for it. `trackPublished` or
    /// `publishFailed` follows.
    ///
    /// - Throws: `CommandError`.
    public mutating func publish(
        _ request: AddTrackRequest, at now: Instant
    ) throws(CommandError) {
        guard !isEnded() else { throw .notJoined }
        guard !request.cid.isEmpty, !tracks.contains(where: { $0.request.cid == request.cid })
        else { throw .wrongTrack }
        guard tracks.count < Self.maxTracks else { throw .tooMany }
        tracks.append(LocalTrack(request: request))
        guard phase == .joined else { return }
        announce(tracks.count - 1, at: now)
        negotiatePublisher(at: now)
    }

    /// Forgets a track and has the publisher connection offered again.
    ///
    /// Take the track out of the publisher connection first: the new offer is all that a server
    /// hears of it.
    ///
    /// - Throws: `CommandError`.
    public mutating func unpublish(cid: String, at now: Instant) throws(CommandError) {
        guard !isEnded() else { throw .notJoined }
        guard tracks.contains(where: { $0.request.cid == cid }) else { throw .wrongTrack }
        tracks.removeAll { $0.request.cid == cid }
        if phase == .joined { negotiatePublisher(at: now) }
    }

    /// Tells the room that a track of ours is muted or not. Shifts the subscribers' timestamps:
    /// a pause in speech is not a reason.
    ///
    /// - Throws: `CommandError`.
    public mutating func setMuted(cid: String, _ isMuted: Bool) throws(CommandError) {
        guard phase == .joined else { throw .notJoined }
        guard let sid = tracks.first(where: { $0.request.cid == cid })?.info?.sid else {
            throw .wrongTrack
        }
        send(.mute(sid: sid, muted: isMuted))
    }

    mutating func announce(_ index: Int, at now: Instant) {
        tracks[index].announcedUntil = now + timeouts.publish
        send(.addTrack(tracks[index].request))
    }

    // MARK: The publisher connection

    /// Has the publisher connection offered, now or after the offer that waits: after a change in
    /// it, or to open its data channels when the server did not ask for that at the join.
    public mutating func negotiatePublisher(at now: Instant) {
        guard phase == .joined, negotiation.requested() else { return }
        outputs.append(.createPublisherOffer)
    }

    /// The offer that `createPublisherOffer` asked for.
    public mutating func publisherOfferCreated(_ sdp: String, at now: Instant) {
        guard phase == .joined,
            let id = negotiation.offerCreated(answeredBy: now + timeouts.answer)
        else { return }
        if !publisher.isStarted { publisher.deadline = now + timeouts.media }
        publisher.isStarted = true
        let offer = SignalDescription(type: "offer", sdp: sdp, id: id)
        publisher.lastLocal = offer
        send(.offer(offer))
    }

    /// The answer to the server's offer that came with `id`.
    public mutating func subscriberAnswerCreated(_ sdp: String, id: UInt32) {
        guard phase == .joined else { return }
        let answer = SignalDescription(type: "answer", sdp: sdp, id: id)
        subscriber.lastLocal = answer
        send(.answer(answer))
    }

    /// A candidate of our own. Call after the description that it belongs to.
    public mutating func localCandidateGathered(
        _ candidate: TrickledCandidate, for target: SignalTarget
    ) {
        // Empty ones, "no more", break the Rust SDK's parser, and nobody needs them.
        guard phase == .joined, !candidate.candidate.isEmpty else { return }
        var trickle = TrickleRequest()
        trickle.candidateInit = candidate.json
        trickle.target = target
        send(.trickle(trickle))
    }

    /// A peer connection's state changed.
    public mutating func mediaStateChanged(
        _ target: SignalTarget, _ state: MediaState, at now: Instant
    ) {
        guard phase == .joined else { return }
        switch state {
        case .connected:
            self[target].deadline = nil
            // An ICE restart of the server's revives a connection.
            self[target].failedUntil = nil
            guard !self[target].isConnected else { return }
            self[target].isConnected = true
            emit(.mediaConnected(target))
        case .failed:
            if self[target].failedUntil == nil {
                self[target].failedUntil = now + timeouts.farewell
            }
        case .connecting, .disconnected: break
        }
    }

    // MARK: Subscribing

    /// Asks for tracks of others, or gives them back.
    ///
    /// - Throws: `CommandError`.
    public mutating func setSubscribed(
        _ isSubscribed: Bool, trackSIDs: [String]
    ) throws(CommandError) {
        guard phase == .joined else { throw .notJoined }
        guard !trackSIDs.isEmpty else { return }
        guard wantedTracks.count + trackSIDs.count <= WireCoder.maxElements else {
            throw .tooMany
        }
        var update = UpdateSubscription()
        update.trackSIDs = trackSIDs
        update.subscribe = isSubscribed
        // Kept as what differs from the join's rule: that is what a resume tells.
        if isSubscribed != autoSubscribe {
            wantedTracks.formUnion(trackSIDs)
        } else {
            wantedTracks.subtract(trackSIDs)
        }
        send(.subscription(update))
    }

    // MARK: Ourselves

    /// Changes our metadata, name or attributes; `requestSucceeded` or `requestFailed` follows.
    ///
    /// - Parameters:
    ///   - metadata: the new one; nil or empty leaves it.
    ///   - name: the new one; nil or empty leaves it.
    ///   - attributes: to set; an empty value takes one away, the others stay.
    ///   - now: from when the answer is waited for.
    /// - Returns: the number under which the answer comes.
    /// - Throws: `CommandError`.
    @discardableResult
    public mutating func update(
        metadata: String? = nil, name: String? = nil, attributes: [String: String] = [:],
        at now: Instant
    ) throws(CommandError) -> UInt32 {
        guard phase == .joined else { throw .notJoined }
        guard requests.count < Self.maxRequests else { throw .tooMany }
        let attributesLength = attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard (metadata ?? "").utf8.count <= Self.maxMetadataLength,
            (name ?? "").utf8.count <= AccessToken.maxNameLength,
            attributesLength <= Self.maxAttributesLength
        else { throw .tooLarge }
        lastRequestID &+= 1
        if lastRequestID == 0 { lastRequestID = 1 }
        var update = UpdateParticipantMetadata()
        update.metadata = metadata ?? ""
        update.name = name ?? ""
        update.attributes = attributes
        update.requestID = lastRequestID
        requests.append(PendingRequest(id: lastRequestID, deadline: now + timeouts.request))
        send(.updateMetadata(update))
        return lastRequestID
    }

    // MARK: Data

    /// The message that carries a packet, numbered if it is reliable.
    ///
    /// Messages must enter the `_reliable` channel in the order of these calls: the server drops
    /// those that do not.
    ///
    /// - Throws: `CommandError`; a refused packet takes no number.
    public mutating func message(for packet: DataPacket) throws(CommandError) -> [UInt8] {
        guard phase == .joined else { throw .notJoined }
        var packet = packet
        let isReliable = packet.kind == .reliable
        if isReliable { packet.sequence = sequence.next }
        let message = packet.encoded
        guard message.count <= DataPacket.maxEncodedLength else { throw .tooLarge }
        if isReliable { sequence.sent() }
        return message
    }

    /// A message came over a data channel of the primary connection.
    ///
    /// - Parameters:
    ///   - message: the whole of it.
    ///   - isReliable: whether it came over `_reliable`.
    public mutating func dataReceived(_ message: [UInt8], isReliable: Bool) {
        guard phase == .joined else { return }
        guard var packet = try? DataPacket(decoding: message) else {
            statistics.malformedPackets += 1
            return
        }
        packet.kind = isReliable ? .reliable : .lossy
        // Server 1.8 names the sender inside user packets only.
        var sid = packet.participantSID
        var identity = packet.participantIdentity
        if case .user(let user) = packet.value {
            if sid.isEmpty { sid = user.participantSID }
            if identity.isEmpty { identity = user.participantIdentity }
        }
        guard !isReliable || sequence.isNew(sender: sid, sequence: packet.sequence) else {
            statistics.duplicatePackets += 1
            return
        }
        let sender = roster.participant(sid: sid) ?? roster.participant(identity: identity)
        emit(.dataReceived(packet, sender: sender))
    }

    // MARK: For taking the session up again

    /// A data channel of ours or of the server has its stream.
    public mutating func dataChannelOpened(label: String, id: UInt16, on target: SignalTarget) {
        // Four by protocol; the bound is for what a peer may open beside them.
        guard dataChannels.count < 64 else { return }
        var channel = SyncState.DataChannelInfo()
        channel.label = label
        channel.id = UInt32(id)
        channel.target = target
        dataChannels.removeAll { $0.label == label && $0.target == target }
        dataChannels.append(channel)
    }

    /// What a resume tells the server: from what is wanted, not from what has arrived.
    public var syncState: SyncState {
        var state = SyncState()
        state.answer = subscriber.lastLocal
        state.offer = subscriber.lastRemote
        var subscription = UpdateSubscription()
        subscription.trackSIDs = wantedTracks.sorted()
        subscription.subscribe = !autoSubscribe
        state.subscription = subscription
        state.publishTracks = tracks.compactMap { track in
            track.info.map { SyncState.PublishedTrack(cid: track.request.cid, track: $0) }
        }
        state.dataChannels = dataChannels
        state.receiveStates = sequence.receiveStates
        return state
    }
}
