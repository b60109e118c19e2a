// SPDX-License-Identifier: Apache-2.0
public import Base

// Audio: our tracks out, the peer's in.
extension PeerConnection {
    /// Adds a track of ours. It is in the next description: an offerer gives it a section of its
    /// own (or, `reusesSections`, one that lies idle), an answerer the first offered one that wants
    /// media.
    ///
    /// - Parameters:
    ///   - stream: the stream's name in SDP, without spaces; "-" for none.
    ///   - track: the track's name. LiveKit wants the `cid` of AddTrackRequest.
    ///   - receives: whether an offerer wants to receive in the same section.
    /// - Returns: nil when there are too many, or the connection is closed.
    public mutating func addAudioTrack(
        stream: String = "-", track: String, receives: Bool = false
    ) -> PeerTrackID? {
        guard state != .closed else { return nil }
        let ssrc = freeSSRC()
        let description = SDPLocalTrack(stream: stream, track: track, ssrc: ssrc, cname: cname)
        trackGeneration += 1
        let record = PeerLocalTrack(
            generation: trackGeneration, description: description, receives: receives,
            stream: RTPSendStream(
                ssrc: ssrc, cname: cname, payloadType: SDPOpus.payloadType,
                firstSequenceNumber: UInt16(truncatingIfNeeded: random.next())))
        if let slot = tracks.firstIndex(where: { $0 == nil }) {
            tracks[slot] = record
            return PeerTrackID(slot: slot, generation: trackGeneration)
        }
        guard tracks.count < PeerLimits.tracksMax else { return nil }
        tracks.append(record)
        return PeerTrackID(slot: tracks.count - 1, generation: trackGeneration)
    }

    /// Ends a track of ours: nothing is sent from now on, the next description says so, and its
    /// section lies idle.
    public mutating func removeTrack(_ id: PeerTrackID) {
        guard isLive(id) else { return }
        if let section = tracks[id.slot]?.section { sections[section].track = nil }
        if let ssrc = tracks[id.slot]?.description.ssrc { srtp?.endStream(ssrc) }
        tracks[id.slot] = nil
    }

    /// Adds sections to the next offer that only receive, for a peer that never offers.
    public mutating func addReceivingSections(_ count: Int) {
        guard role == .offerer, state != .closed else { return }
        if sections.isEmpty, configuration.hasDataChannels {
            sections.append(PeerSection(kind: .dataChannels, mid: takeMID()))
        }
        let room = PeerLimits.sectionsMax - sections.count
        for _ in 0..<max(0, min(count, room)) {
            sections.append(PeerSection(kind: .audio, mid: takeMID(), receives: true))
        }
    }

    /// Sections of ours that receive and in which the peer sends nothing.
    public var idleReceivingSections: Int {
        sections.count { $0.kind == .audio && $0.receives && $0.remoteTrack == nil }
    }

    /// The section of a track, once a description has it.
    public func mid(of id: PeerTrackID) -> String? {
        guard isLive(id), let section = tracks[id.slot]?.section else { return nil }
        return sections[section].mid
    }

    /// Sets whose clock the sender reports of a track tell; nil for our own.
    public mutating func setClock(_ clock: RTPForeignClock?, of id: PeerTrackID) {
        guard isLive(id) else { return }
        tracks[id.slot]?.stream.foreignClock = clock
    }

    /// Whether both sides' descriptions have a track, whatever the path.
    public func isAgreed(_ id: PeerTrackID) -> Bool {
        isLive(id) && tracks[id.slot]?.isNegotiated == true
    }

    /// Sections of the peer's last offer that want media and carry none.
    public var freeSendingSections: Int {
        sections.count {
            $0.kind == .audio && $0.track == nil && $0.remote?.direction.receives == true
        }
    }

    /// The source of a track.
    public func ssrc(of id: PeerTrackID) -> UInt32? {
        isLive(id) ? tracks[id.slot]?.description.ssrc : nil
    }

    /// What the peer sends, by section.
    public var remoteTracks: [PeerRemoteTrack] { sections.compactMap(\.remoteTrack) }

    /// What came in a section so far; nil before its first packet.
    public func receiveStatistics(of mid: String) -> RTPReceiveStatistics? {
        receivers.last { sections[$0.section].mid == mid }?.stream.statistics
    }

    /// Whether packets of a track go out: both sides agreed, and there are keys.
    public func isSending(_ id: PeerTrackID) -> Bool {
        isLive(id) && srtp != nil && path != nil && state != .closed
            && tracks[id.slot]?.isNegotiated == true
    }

    /// Sends one packet of audio.
    ///
    /// - Parameters:
    ///   - payload: one Opus packet.
    ///   - id: the track.
    ///   - timestamp: its first sample, in 1/48,000 s. It must never run backwards: a server drops
    ///     what does.
    ///   - isMarked: the first packet after silence.
    ///   - audioLevel: its loudness; without it a server never sees an active speaker.
    ///   - captureTime: when the first sample was made, for who wants it in every packet.
    ///   - sequenceNumber: a forwarder's own, to pass on gaps; nil counts up.
    ///   - now: the time.
    /// - Returns: false when nothing was sent because ``isSending(_:)`` is false.
    @discardableResult
    public mutating func sendAudio(
        _ payload: [UInt8], on id: PeerTrackID, timestamp: UInt32, isMarked: Bool,
        audioLevel: RTPAudioLevel?, captureTime: NTPTime? = nil, sequenceNumber: UInt16? = nil,
        at now: Instant
    ) -> Bool {
        advance(to: now)
        guard isSending(id), let srtp, let path else { return false }
        let packet = tracks[id.slot]?.stream.packet(
            payload, timestamp: timestamp, isMarked: isMarked, audioLevel: audioLevel,
            captureTime: captureTime, sequenceNumber: sequenceNumber, at: lastNow)
        guard let packet, let protected = try? srtp.protectRTP(packet) else { return false }
        if tracks[id.slot]?.acceptsNACK == true {
            tracks[id.slot]?.stream.record(protected, at: lastNow)
        }
        outputs.append(.transmit(protected, to: path.remote.address, from: path.base))
        statistics.packetsSent &+= 1
        let isFirst = tracks[id.slot]?.stream.packetCount == 1
        reports.started(at: lastNow, isNewSender: isFirst)
        return true
    }

    // MARK: Sections

    private func isLive(_ id: PeerTrackID) -> Bool {
        tracks.indices.contains(id.slot) && tracks[id.slot]?.generation == id.generation
    }

    /// An odd step: adding it comes past every source once before it comes back to the first.
    private static let ssrcStep: UInt32 = 0x9E37_79B1

    /// A source that we never had before: under the same keys none may be used twice (RFC 3711
    /// section 9.1), also not long after its track was removed.
    private mutating func freeSSRC() -> UInt32 {
        repeat {
            lastSSRC &+= Self.ssrcStep
        } while lastSSRC == 0 || receiverIndex[lastSSRC] != nil
        return lastSSRC
    }

    /// Gives an offerer's new tracks their sections.
    mutating func placeTracks() {
        for slot in tracks.indices {
            guard let track = tracks[slot], track.section == nil else { continue }
            // One whose last sender both sides have forgotten, else a receiver of the old track
            // would take the new one for it.
            let idle = sections.firstIndex {
                configuration.reusesSections && $0.kind == .audio && $0.track == nil
                    && !$0.negotiated.sends && !$0.receives && !$0.described.sends
                    && !track.receives
            }
            if let idle {
                sections[idle].track = slot
                tracks[slot]?.section = idle
            } else if sections.count < PeerLimits.sectionsMax {
                sections.append(
                    PeerSection(
                        kind: .audio, mid: takeMID(), receives: track.receives, track: slot))
                tracks[slot]?.section = sections.count - 1
            }
        }
    }

    /// Gives an answerer's first waiting track the section.
    mutating func placeTrack(in index: Int) {
        guard
            let slot = tracks.firstIndex(where: { track in
                track.map { $0.section == nil } ?? false
            })
        else { return }
        sections[index].track = slot
        tracks[slot]?.section = index
    }

    /// Compares what the peer says to send in a section with what it sent before.
    mutating func updateRemoteTrack(in index: Int) {
        let section = sections[index]
        let old = section.remoteTrack
        var new: PeerRemoteTrack?
        if section.negotiated.receives, let remote = section.remote, remote.direction.sends {
            let ssrc = remote.ssrcs.first
            let named = remote.mediaStreams.first
            // Without either line nothing is sent: LiveKit answers every receiving section by
            // "sendonly", used or not.
            if ssrc != nil || named != nil {
                new = PeerRemoteTrack(
                    id: remoteTrackCount + 1, mid: section.mid, stream: named?.stream,
                    track: named?.track, ssrc: ssrc)
            }
        }
        if let old, let new, old.stream == new.stream, old.track == new.track,
            old.ssrc == new.ssrc || new.ssrc == nil
        {
            return
        }
        if let old {
            sections[index].remoteTrack = nil
            removeReceivers(of: index)
            emit(.trackRemoved(old))
        }
        if let new {
            remoteTrackCount += 1
            sections[index].remoteTrack = new
            emit(.trackAdded(new))
        }
    }

    private mutating func removeReceivers(of section: Int) {
        guard receivers.contains(where: { $0.section == section }) else { return }
        receivers.removeAll { $0.section == section }
        receiverIndex = [:]
        for (index, receiver) in receivers.enumerated() { receiverIndex[receiver.ssrc] = index }
    }

    // MARK: Receiving

    mutating func receiveRTP(_ datagram: [UInt8]) {
        guard let srtp, let bytes = try? srtp.unprotectRTP(datagram) else {
            if srtp == nil { statistics.datagramsDropped &+= 1 }
            return
        }
        peerIsAlive()
        guard let packet = try? RTPPacket(parsing: bytes) else {
            statistics.packetsMalformed &+= 1
            return
        }
        guard let index = receiverIndex[packet.header.ssrc] ?? makeReceiver(for: packet) else {
            statistics.packetsUnclaimed &+= 1
            return
        }
        statistics.packetsReceived &+= 1
        let ids = sections[receivers[index].section].receiveExtensions
        receivers[index].stream.receive(
            packet, audioLevel: packet.audioLevel(ids.audioLevel), at: lastNow)
        drain(receiver: index)
        reports.started(at: lastNow, isNewSender: false)
    }

    /// Authenticated packets keep a path alive as checks do.
    mutating func peerIsAlive() {
        let isAwaited = ice.state == .disconnected
        ice.dataReceived(at: lastNow)
        if isAwaited { pump() }
    }

    mutating func tickReceivers() {
        for index in receivers.indices {
            guard let due = receivers[index].stream.deadline, due <= lastNow else { continue }
            receivers[index].stream.roundTrip = ice.statistics.roundTripTime
            receivers[index].stream.tick(at: lastNow)
            drain(receiver: index)
        }
    }

    private mutating func drain(receiver index: Int) {
        let track = receivers[index].track
        while let output = receivers[index].stream.poll() {
            switch output {
            case .media(.packet(let packet)) where packet.payload.isEmpty:
                break  // padding that probes the path
            case .media(let media): emit(.audio(track, media))
            case .request(let numbers): request(numbers, from: receivers[index].ssrc)
            }
        }
    }

    /// Finds the section of an unknown source: by its line in SDP, by the mid in the packet, by the
    /// payload type where only one section could have it (RFC 9143 section 9.2).
    private mutating func makeReceiver(for packet: RTPPacket) -> Int? {
        let ssrc = packet.header.ssrc
        guard receivers.count < PeerLimits.receiversMax else { return nil }
        let index =
            sections.firstIndex {
                $0.negotiated.receives && $0.remote?.ssrcs.contains(ssrc) == true
            } ?? sectionByMID(packet) ?? sectionByPayloadType(packet.header.payloadType)
        guard let index, let remote = sections[index].remote else { return nil }
        var track = sections[index].remoteTrack
        if track == nil {
            remoteTrackCount += 1
            let new = PeerRemoteTrack(
                id: remoteTrackCount, mid: sections[index].mid, stream: nil, track: nil, ssrc: ssrc)
            sections[index].remoteTrack = new
            emit(.trackAdded(new))
            track = new
        }
        guard let track else { return nil }
        receivers.append(
            PeerReceiver(
                ssrc: ssrc, section: index, track: track,
                stream: RTPReceiveStream(
                    ssrc: ssrc, clockRate: SDPOpus.clockRate,
                    patience: configuration.reorderPatience,
                    requestsLosses: remote.acceptsNACK(of: packet.header.payloadType))))
        receiverIndex[ssrc] = receivers.count - 1
        return receivers.count - 1
    }

    private func sectionByMID(_ packet: RTPPacket) -> Int? {
        sections.firstIndex {
            $0.negotiated.receives && packet.mid($0.receiveExtensions.mid) == $0.mid
        }
    }

    private func sectionByPayloadType(_ type: UInt8) -> Int? {
        let fitting = sections.indices.filter {
            // A section that names its source has no other: what comes is of a track before it.
            sections[$0].negotiated.receives && sections[$0].remote?.opusPayloadType == type
                && sections[$0].remote?.ssrcs.isEmpty == true
        }
        return fitting.count == 1 ? fitting.first : nil
    }
}
