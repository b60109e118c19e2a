// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

// What participants ask for over signalling, but for descriptions and candidates.
extension RoomState {
    /// Longest metadata, and all attributes together, bytes (the real server's).
    static let metadataBytesMax = 512 * 1024
    static let attributesBytesMax = 64 * 1024

    mutating func received(_ request: SignalRequest, from sid: String, now: RoomTime) {
        switch request {
        case .addTrack(let request): announce(request, by: sid, now: now)
        case .mute(let track, let isMuted): mute(track, isMuted, by: sid, now: now)
        case .subscription(let request): update(request, by: sid)
        case .trackSettings(let settings): update(settings, by: sid)
        case .leave: remove(sid, .clientInitiated, tells: .disconnect, now: now)
        case .syncState(let state): synchronize(state, sid)
        case .simulate(let scenario): simulate(scenario, sid, now: now)
        case .ping: send(.pong(now.wall.unixMilliseconds), to: sid)
        case .pingRequest(let timestamp, _):
            send(
                .pongResponse(lastPing: timestamp, timestamp: now.wall.unixMilliseconds), to: sid)
        case .updateMetadata(let request): updateMetadata(request, sid, now: now)
        case .updateAudioTrack(let track, let features):
            guard self[sid]?.tracks.contains(where: { $0.info.sid == track }) == true else {
                return
            }
            updateTrack(track) {
                $0.info.audioFeatures = Array(features.prefix(Self.audioFeaturesMax))
            }
            tellAll(about: sid, now: now)
        case .offer, .answer, .trickle, .carried, .unknown: break
        }
    }

    /// What a participant changes about itself.
    private mutating func updateMetadata(
        _ request: UpdateParticipantMetadata, _ sid: String, now: RoomTime
    ) {
        guard let member = self[sid] else { return }
        var response = RequestResponse()
        response.requestID = request.requestID
        response.echo = request.echo
        if !member.permission.canUpdateMetadata {
            response.outcome = .notAllowed
            response.message = "does not have permission to update own metadata"
            return send(.requestResponse(response), to: sid)
        }
        let attributes = Self.merged(member.info.attributes, request.attributes)
        if request.metadata.utf8.count > Self.metadataBytesMax
            || request.name.utf8.count > JoinGate.nameBytesMax
            || Self.size(attributes) > Self.attributesBytesMax
        {
            response.outcome = .limitExceeded
            response.message = "exceeds metadata size limit"
            return send(.requestResponse(response), to: sid)
        }
        describe(
            sid, metadata: request.metadata, name: request.name, attributes: request.attributes,
            now: now)
        if request.requestID != 0 { send(.requestResponse(response), to: sid) }
    }

    /// Changes what is said of a participant, and gives it a token that says so too. Empty texts
    /// leave what was there.
    mutating func describe(
        _ sid: String, metadata: String, name: String, attributes: [String: String], now: RoomTime
    ) {
        update(sid) { member in
            if !metadata.isEmpty { member.info.metadata = metadata }
            if !name.isEmpty { member.info.name = name }
            member.info.attributes = Self.merged(member.info.attributes, attributes)
        }
        tellAll(about: sid, now: now)
        emit(.refreshToken(sid))
    }

    /// Changes what a participant may do; what it may no longer do ends at once.
    mutating func permit(_ sid: String, _ permission: ParticipantPermission, now: RoomTime) {
        guard let index = index(of: sid) else { return }
        members[index].info.permission = permission
        if !permission.canSubscribe {
            for track in members[index].subscriptions { unsubscribe(sid, from: track) }
        }
        for track in members[index].tracks
        where !permission.allowsPublishing(track.info.source) {
            send(.trackUnpublished(sid: track.info.sid), to: sid)
            endTrack(track.info.sid, of: sid, now: now)
        }
        tellAll(about: sid, now: now)
        emit(.refreshToken(sid))
    }

    /// A resumed participant tells what it knows.
    private mutating func synchronize(_ state: SyncState, _ sid: String) {
        if let subscription = state.subscription { update(subscription, by: sid) }
        let known = Set(self[sid]?.tracks.map(\.info.sid) ?? [])
        // What it believes to publish is gone: only a new join makes that right.
        guard state.publishTracks.allSatisfy({ known.contains($0.track.sid) }) else {
            return send(
                .leave(LeaveRequest(reason: .stateMismatch, action: .reconnect)), to: sid)
        }
    }

    private mutating func simulate(_ scenario: SimulateScenario, _ sid: String, now: RoomTime) {
        switch scenario {
        case .serverLeave: remove(sid, .serverShutdown, tells: .disconnect, now: now)
        // One node: to move is to start anew.
        case .nodeFailure, .migration: remove(sid, .unknown, tells: nil, now: now)
        case .leaveRequestFullReconnect:
            send(.leave(LeaveRequest(reason: .unknown, action: .reconnect)), to: sid)
            remove(sid, .unknown, tells: nil, isQuiet: true, now: now)
        default: break
        }
    }

    private static func merged(
        _ old: [String: String], _ changes: [String: String]
    ) -> [String: String] {
        var result = old
        for (key, value) in changes { result[key] = value.isEmpty ? nil : value }
        return result
    }

    private static func size(_ attributes: [String: String]) -> Int {
        attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}
