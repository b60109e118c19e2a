// SPDX-License-Identifier: Apache-2.0

/// Who else is in the room, and what changes.
///
/// A participant is known by its identity, one connection of it by its sid. Updates may come twice
/// or late: a lower `version` of a sid, and a sid older than the one we know, change nothing.
struct ParticipantRoster {
    /// A room larger than any that a server carries; what comes beyond it is passed over.
    static let maxParticipants = 20_000

    private var byIdentity: [String: ParticipantInfo] = [:]
    private var identities: [String: String] = [:]

    /// All of them, in the order in which they joined.
    var participants: [ParticipantInfo] {
        byIdentity.values.sorted { ($0.joinOrder, $0.identity) < ($1.joinOrder, $1.identity) }
    }

    /// The one with this identity.
    func participant(identity: String) -> ParticipantInfo? { byIdentity[identity] }

    /// The one with this sid.
    func participant(sid: String) -> ParticipantInfo? {
        identities[sid].flatMap { byIdentity[$0] }
    }

    /// Takes a description of another participant.
    mutating func apply(_ info: ParticipantInfo) -> [SessionEvent] {
        guard !info.identity.isEmpty, !info.sid.isEmpty else { return [] }
        guard let known = byIdentity[info.identity] else {
            guard info.state != .disconnected, byIdentity.count < Self.maxParticipants else {
                return []
            }
            byIdentity[info.identity] = info
            identities[info.sid] = info.identity
            return [.participantJoined(info)] + Self.arrival(of: info)
        }
        if known.sid != info.sid {
            // The same identity over another connection. Servers tell no one that the old one
            // ended; an update of a connection older than the known one is late.
            guard info.state != .disconnected, info.joinOrder >= known.joinOrder else { return [] }
            byIdentity[info.identity] = nil
            identities[known.sid] = nil
            return Self.departure(of: known, reason: .duplicateIdentity) + apply(info)
        }
        if info.state == .disconnected {
            byIdentity[info.identity] = nil
            identities[known.sid] = nil
            return Self.departure(of: known, reason: info.disconnectReason)
        }
        guard info.version >= known.version else { return [] }
        byIdentity[info.identity] = info
        return Self.changes(from: known, to: info)
    }

    /// Takes those who were there before us: without `participantJoined`, which `joined` stands for.
    mutating func start(with infos: [ParticipantInfo]) -> [SessionEvent] {
        var events: [SessionEvent] = []
        for info in infos {
            events += apply(info).filter {
                if case .participantJoined = $0 { return false }
                return true
            }
        }
        return events
    }

    /// Forgets everybody.
    mutating func clear() -> [SessionEvent] {
        let all = participants
        byIdentity.removeAll()
        identities.removeAll()
        return all.flatMap { Self.departure(of: $0, reason: .unknown) }
    }

    private static func arrival(of info: ParticipantInfo) -> [SessionEvent] {
        let tracks = info.tracks.map { SessionEvent.remoteTrackPublished($0, participant: info) }
        return info.state == .active ? [.participantBecameActive(info)] + tracks : tracks
    }

    private static func departure(
        of info: ParticipantInfo, reason: DisconnectReason
    ) -> [SessionEvent] {
        info.tracks.map { .remoteTrackUnpublished($0, participant: info) }
            + [.participantLeft(info, reason: reason)]
    }

    private static func changes(
        from old: ParticipantInfo, to new: ParticipantInfo
    ) -> [SessionEvent] {
        var events: [SessionEvent] = []
        if !old.saysTheSame(as: new) { events.append(.participantUpdated(new)) }
        if old.state != .active, new.state == .active {
            events.append(.participantBecameActive(new))
        }
        for track in old.tracks where !new.tracks.contains(where: { $0.sid == track.sid }) {
            events.append(.remoteTrackUnpublished(track, participant: new))
        }
        for track in new.tracks {
            guard let before = old.tracks.first(where: { $0.sid == track.sid }) else {
                events.append(.remoteTrackPublished(track, participant: new))
                continue
            }
            if !before.saysTheSame(as: track) {
                events.append(.remoteTrackUpdated(track, participant: new))
            }
        }
        return events
    }
}

extension ParticipantInfo {
    /// When it joined, in milliseconds; from the seconds where an older server says no more.
    fileprivate var joinOrder: Int64 {
        joinedAtMilliseconds > 0
            ? joinedAtMilliseconds
            : joinedAt.multipliedReportingOverflow(
                by: 1000
            ).partialValue
    }

    /// Whether only state, version and tracks differ.
    func saysTheSame(as other: ParticipantInfo) -> Bool {
        var other = other
        other.state = state
        other.version = version
        other.tracks = tracks
        other.isPublisher = isPublisher
        return other == self
    }
}

extension TrackInfo {
    /// Whether only the version differs.
    fileprivate func saysTheSame(as other: TrackInfo) -> Bool {
        var other = other
        other.version = version
        return other == self
    }
}
