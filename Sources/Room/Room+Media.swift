// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
public import LiveKit
internal import Net
internal import Telemetry
internal import Transport
internal import WebRTC

// Tracks and data.
extension Room {
    // MARK: Our audio

    /// Publishes an Opus track and returns when the server has taken it.
    ///
    /// - Parameters:
    ///   - name: the track's name for others.
    ///   - source: what it is; the microphone for a voice.
    /// - Returns: the track with the server's name for it.
    /// - Throws: `RoomError`.
    public func publishAudio(
        name: String, source: TrackSource = .microphone
    ) async throws(RoomError) -> LocalAudioTrack {
        let cid = "audio-" + SecureRandom().letters(16)
        guard let publisher,
            let id = publisher.update({ connection, _ in connection.addAudioTrack(track: cid) })
        else { throw refusal(.notJoined) }
        localTracks.append((cid: cid, sid: "", id: id))
        var request = AddTrackRequest()
        request.cid = cid
        request.name = name
        request.kind = .audio
        request.source = source
        // Servers of 1.8 read the old field, later ones the feature: we send every frame.
        request.disableDTX = true
        request.disableRED = true
        request.audioFeatures = [.noDTX]
        return try await announce(request)
    }

    /// Takes a track out of the room.
    public func unpublish(_ track: LocalAudioTrack) {
        dropTrack(track.cid)
        try? session.unpublish(cid: track.cid, at: environment.loop.now)
        pump()
    }

    /// Sends one packet of a track of ours.
    ///
    /// - Parameters:
    ///   - payload: an Opus packet.
    ///   - track: as published.
    ///   - timestamp: RTP timestamp of its first sample; must never run backwards.
    ///   - isMarked: the first packet of a talk spurt.
    ///   - level: loudness in −dBov, 0…127.
    /// - Returns: false when the connection does not stand.
    @discardableResult
    public func sendAudio(
        _ payload: [UInt8], on track: LocalAudioTrack, timestamp: UInt32, isMarked: Bool,
        level: UInt8
    ) -> Bool {
        guard let publisher, let id = localTracks.first(where: { $0.cid == track.cid })?.id else {
            return false
        }
        return publisher.update { connection, now in
            connection.sendAudio(
                payload, on: id, timestamp: timestamp, isMarked: isMarked,
                audioLevel: RTPAudioLevel(
                    isVoice: level < 127, decibelsBelowFullScale: level), at: now)
        }
    }

    // MARK: Data

    /// Sends a user packet.
    ///
    /// - Parameters:
    ///   - payload: its bytes.
    ///   - topic: what it is about.
    ///   - isReliable: over `_reliable`, in order; else over `_lossy`, once.
    ///   - destinations: identities; empty for everybody.
    /// - Throws: `DataError`; lossy data that the network cannot take is dropped and counted.
    public func publishData(
        _ payload: [UInt8], topic: String, isReliable: Bool, to destinations: [String] = []
    ) throws(DataError) {
        guard session.end == nil, publisher != nil else { throw .notConnected }
        // The envelope's fields are far below the half kilobyte that is kept for them.
        let names = destinations.reduce(topic.utf8.count) { $0 + $1.utf8.count + 4 }
        guard payload.count + 2 * names + 512 <= Self.dataBytesMax else { throw .tooLarge }
        let label = isReliable ? DataLabel.reliable : DataLabel.lossy
        guard hasRoom(label, isReliable: isReliable) else {
            if isReliable { throw .full }
            countDroppedData()
            return
        }
        var user = UserPacket()
        user.payload = payload
        user.topic = topic
        user.destinationIdentities = destinations
        var packet = DataPacket()
        packet.kind = isReliable ? .reliable : .lossy
        packet.destinationIdentities = destinations
        packet.value = .user(user)
        let message: [UInt8]
        do { message = try session.message(for: packet) } catch { throw .notConnected }
        send(message, isReliable: isReliable)
    }

    private func hasRoom(_ label: String, isReliable: Bool) -> Bool {
        guard let id = channels[label], openChannels.contains(id), let publisher else {
            return pendingData.count < Self.pendingDataMax
        }
        let waiting = publisher.inspect { $0.bufferedAmount(of: id) }
        return waiting < (isReliable ? Self.reliableBufferMax : Self.lossyBufferMax)
    }

    /// In the order of the numbers in the messages: what waits for its channel goes first.
    private func send(_ message: [UInt8], isReliable: Bool) {
        let label = isReliable ? DataLabel.reliable : DataLabel.lossy
        guard let id = channels[label], openChannels.contains(id), let publisher else {
            pendingData.append((message, isReliable))
            return
        }
        publisher.update { connection, now in
            // Room was made sure of; what fails here is a connection that is about to be told dead.
            try? connection.send(message, on: id, at: now)
        }
    }

    func openChannels(on driver: PeerDriver?) {
        driver?.update { connection, now in
            channels[DataLabel.reliable] = try? connection.openChannel(
                label: DataLabel.reliable, at: now)
            channels[DataLabel.lossy] = try? connection.openChannel(
                label: DataLabel.lossy, isOrdered: false, reliability: .maxRetransmits(0), at: now)
        }
    }

    // MARK: Their audio

    /// Asks for tracks of others, or gives them back.
    public func setSubscribed(_ trackSIDs: [String], _ isSubscribed: Bool) throws(RoomError) {
        defer { pump() }
        do {
            try session.setSubscribed(isSubscribed, trackSIDs: trackSIDs)
        } catch {
            throw refusal(error)
        }
    }

    /// The packets of a remote track in order, from now on; for one reader. Ends with the track.
    public func audio(of trackSID: String) -> AsyncStream<RemoteAudio> {
        let (stream, sink) = AsyncStream<RemoteAudio>.makeStream(
            bufferingPolicy: .bufferingNewest(Self.audioMax))
        audioSinks.updateValue(sink, forKey: trackSID)?.finish()
        return stream
    }

    // MARK: What the connections tell

    func peerHappened(_ event: PeerEvent, _ target: SignalTarget) {
        switch event {
        case .stateChanged(let state):
            log.debug("peer connection", ["target": .of(target), "state": .of("\(state)")])
            let now = environment.loop.now
            switch state {
            case .connecting: session.mediaStateChanged(target, .connecting, at: now)
            case .connected: session.mediaStateChanged(target, .connected, at: now)
            case .disconnected: session.mediaStateChanged(target, .disconnected, at: now)
            case .failed: session.mediaStateChanged(target, .failed, at: now)
            case .new, .closed: break
            }
        case .localCandidate(let candidate):
            session.localCandidateGathered(
                TrickledCandidate(candidate: candidate.line, usernameFragment: candidate.ufrag),
                for: target)
        case .channelOpened(let channel):
            if target == .publisher, channels[channel.label] == channel.id {
                openChannels.insert(channel.id)
                flushPendingData(channel.label)
            } else if channels["\(target)\(channel.label)"] == nil {
                channels["\(target)\(channel.label)"] = channel.id
            }
        case .channelMessage(let id, let bytes, _):
            let isReliable =
                id == channels["\(target)\(DataLabel.reliable)"]
                || (target == .publisher && id == channels[DataLabel.reliable])
            session.dataReceived(bytes, isReliable: isReliable)
        case .channelClosed(let id):
            openChannels.remove(id)
        case .trackAdded(let track):
            if let sid = Self.trackSID(track) { remoteTracks[sid] = track }
        case .trackRemoved(let track):
            guard let sid = Self.trackSID(track) else { return }
            remoteTracks[sid] = nil
            audioSinks.removeValue(forKey: sid)?.finish()
        case .audio(let track, let output): deliver(track, output)
        case .failed(let failure):
            log.warning(
                "peer connection failed", ["target": .of(target), "reason": .of("\(failure)")])
        case .iceStateChanged, .pathChanged, .gatheringCompleted, .channelBufferedAmountLow,
            .senderReported,
            .receptionReported, .channelsEnded:
            break
        }
        pump()
    }

    private func flushPendingData(_ label: String) {
        let waiting = pendingData
        pendingData = []
        for item in waiting { send(item.message, isReliable: item.isReliable) }
    }

    private func deliver(_ track: PeerRemoteTrack, _ output: RTPReorderBuffer.Output) {
        guard let sid = Self.trackSID(track), let sink = audioSinks[sid] else { return }
        switch output {
        case .packet(let packet):
            sink.yield(.packet(payload: Array(packet.payload), timestamp: packet.timestamp))
        case .gap(let count): sink.yield(.lost(count))
        }
    }

    /// LiveKit names the stream `<participant sid>|<track sid or stream>` and the track by its sid.
    private static func trackSID(_ track: PeerRemoteTrack) -> String? {
        if let name = track.track, name.hasPrefix("TR_") { return name }
        return track.stream?.split(separator: "|").last.map(String.init)
    }
}

/// The labels by which LiveKit tells its data channels.
enum DataLabel {
    static let reliable = "_reliable"
    static let lossy = "_lossy"
}
