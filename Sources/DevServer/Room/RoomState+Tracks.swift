// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

// Tracks: announced, published, received, muted, gone.
extension RoomState {
    /// Between the end of a track in its publisher's offer and its end for the others.
    static let fadeTime = Duration.milliseconds(200)
    /// Longest name, stream and client's id of a track, bytes, and what may be said of its sound
    /// (LiveKit knows seven features): all are told of it again and again.
    static let trackTextBytesMax = 1024
    static let audioFeaturesMax = 16

    // MARK: Publishing

    mutating func announce(_ request: AddTrackRequest, by sid: String, now: RoomTime) {
        guard let index = index(of: sid) else { return }
        func refuse(_ outcome: RequestOutcome) {
            var response = RequestResponse()
            response.outcome = outcome
            response.echo = request.echo
            send(.requestResponse(response), to: sid)
        }
        guard members[index].permission.allowsPublishing(request.source) else {
            return refuse(.notAllowed)
        }
        // Audio is what this server passes on.
        guard request.kind == .audio else { return refuse(.unsupportedType) }
        guard members[index].tracks.count < Self.tracksMax else { return refuse(.limitExceeded) }
        guard request.sid.isEmpty else { return refuse(.notFound) }
        let texts = [request.cid, request.name, request.stream]
        guard texts.allSatisfy({ $0.utf8.count <= Self.trackTextBytesMax }) else {
            return refuse(.limitExceeded)
        }
        var info = TrackInfo()
        info.sid = newID("TR_A" + Self.letter(request.source))
        info.kind = request.kind
        info.name = request.name
        info.isMuted = request.isMuted
        info.source = request.source
        info.disableDTX = request.disableDTX
        info.isStereo = request.isStereo
        info.disableRED = request.disableRED
        info.encryption = request.encryption
        info.audioFeatures = Array(request.audioFeatures.prefix(Self.audioFeaturesMax))
        info.stream = request.stream.isEmpty ? Self.stream(request.source) : request.stream
        var codec = SimulcastCodecInfo()
        codec.cid = request.cid
        info.codecs = [codec]
        members[index].tracks.append(Track(info: info, cid: request.cid))
        send(.trackPublished(cid: request.cid, track: info), to: sid)
        let parked = members[index].parked
        if !parked.isEmpty {
            members[index].parked = []
            offered(parked, by: sid, now: now)
        }
    }

    /// A participant's offer has sections in which it begins to send.
    mutating func offered(_ sections: [OfferedTrack], by sid: String, now: RoomTime) {
        guard let index = index(of: sid) else { return }
        var published: [String] = []
        for section in sections {
            let waiting = members[index].tracks.indices.filter {
                !members[index].tracks[$0].isLive
                    && members[index].tracks[$0].info.kind == section.kind
            }
            let place =
                waiting.first { members[index].tracks[$0].cid == section.cid } ?? waiting.first
            guard let place else {
                if members[index].parked.count < Self.tracksMax {
                    members[index].parked.append(section)
                }
                continue
            }
            members[index].tracks[place].isLive = true
            members[index].tracks[place].info.mid = section.mid
            members[index].tracks[place].info.mimeType = "audio/opus"
            for codec in members[index].tracks[place].info.codecs.indices {
                members[index].tracks[place].info.codecs[codec].mimeType = "audio/opus"
                members[index].tracks[place].info.codecs[codec].mid = section.mid
            }
            var version = TimedVersion()
            version.unixMicroseconds = now.wall.unixMilliseconds * 1000
            members[index].tracks[place].info.version = version
            published.append(members[index].tracks[place].info.sid)
        }
        guard !published.isEmpty else { return }
        members[index].info.isPublisher = true
        // The real server tells it twice.
        for _ in 0..<2 { tellAll(about: sid, now: now) }
        for other in members where other.sid != sid && other.autoSubscribe && other.isAnnounced {
            for track in published { subscribe(other.sid, to: track) }
        }
    }

    /// The section of a published track.
    func track(of sid: String, mid: String) -> Track? {
        self[sid]?.tracks.first { $0.isLive && $0.info.mid == mid && $0.endsAt == nil }
    }

    /// The sections in which a participant sends, whether it announced their tracks or not.
    func sendingMIDs(of sid: String) -> [String] {
        guard let member = self[sid] else { return [] }
        return member.tracks.filter { $0.isLive && $0.endsAt == nil }.map(\.info.mid)
            + member.parked.map(\.mid)
    }

    /// A participant's offer no longer sends in a section.
    mutating func withdrew(mid: String, by sid: String, now: RoomTime) {
        update(sid) { $0.parked.removeAll { $0.mid == mid } }
        guard let track = track(of: sid, mid: mid) else { return }
        updateTrack(track.info.sid) { $0.endsAt = now.instant + Self.fadeTime }
        emit(.fadeTrack(track.info.sid))
    }

    mutating func endTrack(_ track: String, of sid: String, now: RoomTime) {
        update(sid) { $0.tracks.removeAll { $0.info.sid == track } }
        tellAll(about: sid, now: now)
        dropSubscriptions(to: track)
    }

    // MARK: Receiving

    mutating func subscribe(_ sid: String, to track: String) {
        guard let index = index(of: sid), let place = find(track: track),
            members[place.member].sid != sid, members[place.member].tracks[place.track].isLive,
            members[index].permission.canSubscribe, !members[index].subscriptions.contains(track)
        else { return }
        members[index].subscriptions.append(track)
        let publisher = members[place.member].sid
        send(
            .subscriptionPermissionUpdate(
                participantSID: publisher, trackSID: track, allowed: true), to: sid)
        emit(.subscribe(track: track, publisher: publisher, subscriber: sid))
    }

    mutating func unsubscribe(_ sid: String, from track: String) {
        guard let index = index(of: sid),
            let place = members[index].subscriptions.firstIndex(of: track)
        else { return }
        members[index].subscriptions.remove(at: place)
        members[index].disabledTracks.remove(track)
        emit(.unsubscribe(track: track, subscriber: sid))
    }

    mutating func dropSubscriptions(to track: String) {
        for member in members { unsubscribe(member.sid, from: track) }
    }

    /// Packets of a track can go to somebody for the first time in its life.
    mutating func flows(_ track: String) {
        guard let place = find(track: track),
            !members[place.member].tracks[place.track].wasSubscribed
        else { return }
        members[place.member].tracks[place.track].wasSubscribed = true
        send(.trackSubscribed(sid: track), to: members[place.member].sid)
    }

    mutating func update(_ request: UpdateSubscription, by sid: String) {
        let tracks = request.trackSIDs + request.participantTracks.flatMap(\.trackSIDs)
        for track in tracks {
            if request.subscribe {
                subscribe(sid, to: track)
            } else {
                unsubscribe(sid, from: track)
            }
        }
    }

    mutating func update(_ settings: UpdateTrackSettings, by sid: String) {
        guard let index = index(of: sid) else { return }
        for track in settings.trackSIDs where members[index].subscriptions.contains(track) {
            guard members[index].disabledTracks.contains(track) != settings.isDisabled else {
                continue
            }
            if settings.isDisabled {
                members[index].disabledTracks.insert(track)
            } else {
                members[index].disabledTracks.remove(track)
            }
            emit(.disableTrack(track, settings.isDisabled, subscriber: sid))
        }
    }

    // MARK: Muting

    mutating func mute(_ track: String, _ isMuted: Bool, by sid: String, now: RoomTime) {
        guard let index = index(of: sid),
            let place = members[index].tracks.firstIndex(where: { $0.info.sid == track })
        else {
            var response = RequestResponse()
            response.outcome = .notFound
            return send(.requestResponse(response), to: sid)
        }
        setMuted(index, place, isMuted, now: now)
    }

    /// Mutes a track from outside: the publisher is told to stop.
    mutating func muteRemotely(_ track: String, _ isMuted: Bool, now: RoomTime) {
        guard let place = find(track: track) else { return }
        setMuted(place.member, place.track, isMuted, now: now)
        send(.mute(sid: track, muted: isMuted), to: members[place.member].sid)
    }

    private mutating func setMuted(_ index: Int, _ place: Int, _ isMuted: Bool, now: RoomTime) {
        guard members[index].tracks[place].info.isMuted != isMuted else { return }
        let sid = members[index].sid
        update(sid) { $0.tracks[place].info.isMuted = isMuted }
        emit(.muteTrack(members[index].tracks[place].info.sid, isMuted))
        tellAll(about: sid, now: now)
    }

    // MARK: Names

    private static func letter(_ source: TrackSource) -> String {
        switch source {
        case .camera: "C"
        case .microphone: "M"
        case .screenShare: "S"
        case .screenShareAudio: "s"
        default: ""
        }
    }

    private static func stream(_ source: TrackSource) -> String {
        switch source {
        case .camera, .microphone: "camera"
        case .screenShare, .screenShareAudio: "screen_share"
        default: "unknown"
        }
    }
}
