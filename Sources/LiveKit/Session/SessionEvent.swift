// SPDX-License-Identifier: Apache-2.0

/// What a participant's session tells its owner, in the order in which it happened.
public enum SessionEvent: Hashable, Sendable {
    /// The server let us in. Holds what the peer connections need.
    case joined(JoinResponse)
    /// A peer connection stands for the first time.
    case mediaConnected(SignalTarget)
    /// The session is over. Nothing follows it.
    case disconnected(SessionEnd)

    /// Somebody new; those who were there before us come with `joined`.
    case participantJoined(ParticipantInfo)
    /// The name, metadata, attributes, permissions or another property changed.
    case participantUpdated(ParticipantInfo)
    /// It now receives; told once for each `sid`, also for those who were active before us.
    case participantBecameActive(ParticipantInfo)
    /// It is gone, with its tracks.
    case participantLeft(ParticipantInfo, reason: DisconnectReason)
    /// Somebody else has a track that can be subscribed.
    case remoteTrackPublished(TrackInfo, participant: ParticipantInfo)
    /// Muted, unmuted, or described better.
    case remoteTrackUpdated(TrackInfo, participant: ParticipantInfo)
    /// It is gone.
    case remoteTrackUnpublished(TrackInfo, participant: ParticipantInfo)
    /// A subscribed track could not be sent to us.
    case subscriptionFailed(trackSID: String, error: SubscriptionError)
    /// Its publisher lets us have it, or no longer.
    case subscriptionPermissionChanged(trackSID: String, isAllowed: Bool)

    /// The server took the announcement of our track.
    case trackPublished(cid: String, track: TrackInfo)
    /// Our track could not be published; take it out of the publisher connection.
    case publishFailed(cid: String, PublishFailure)
    /// Somebody subscribed to our track, for the first time in its life.
    case trackSubscribed(cid: String, sid: String)
    /// The server took our track away.
    case trackUnpublished(cid: String, sid: String)
    /// Somebody with the right to it muted our track, or asks to unmute it.
    case muteRequested(cid: String, sid: String, isMuted: Bool)

    /// Our own name, metadata, attributes or permissions changed.
    case selfUpdated(ParticipantInfo)
    /// A request of ours was done.
    case requestSucceeded(id: UInt32)
    /// A request of ours was not done.
    case requestFailed(id: UInt32, RequestFailure)

    /// Who speaks now, the loudest first.
    case speakersChanged([SpeakerInfo])
    /// How well participants are connected; only those that changed.
    case connectionQualityChanged([ConnectionQualityInfo])
    /// The room's metadata, counts or recording changed.
    case roomUpdated(RoomInfo)
    /// We are in another room now: all participants and sids are new.
    case roomMoved(RoomInfo, participant: ParticipantInfo)
    /// A newer token, for a later connection.
    case tokenRefreshed(SecretText)
    /// A packet from somebody, or from the server's API (then nobody is named).
    case dataReceived(DataPacket, sender: ParticipantInfo?)
}

/// Why a track was not published.
public enum PublishFailure: Hashable, Sendable {
    /// The server said no.
    case refused(RequestOutcome)
    /// The server said nothing within `SessionTimeouts.publish` (1.8 refuses in silence).
    case timedOut
}

/// Why a request was not done.
public enum RequestFailure: Hashable, Sendable {
    /// The server said no, with a word about it.
    case refused(RequestOutcome, message: String)
    /// The server said nothing within `SessionTimeouts.request`.
    case timedOut
}

/// How a session ended, and what could be done about it.
public struct SessionEnd: Hashable, Sendable {
    /// Why.
    public var cause: Cause
    /// The same session could be taken up again over new signalling.
    public var canResume: Bool
    /// A new join could succeed.
    public var canReconnect: Bool
    /// Other places of the server to try.
    public var regions: [RegionInfo]

    /// Says why, and what could be done.
    public init(
        cause: Cause, canResume: Bool = false, canReconnect: Bool = false,
        regions: [RegionInfo] = []
    ) {
        self.cause = cause
        self.canResume = canResume
        self.canReconnect = canReconnect
        self.regions = regions
    }

    /// The causes.
    public enum Cause: Hashable, Sendable {
        /// We left.
        case left
        /// The server answered the upgrade with a refusal.
        case refused(JoinRefusal)
        /// The server could not be reached; in words of the transport.
        case unreachable(String)
        /// The connection broke before the server let us in; in words of the transport.
        case joinBroke(String)
        /// The server asked us to go.
        case dismissed(DisconnectReason)
        /// Signalling closed; with the websocket's code, where there was one.
        case signalClosed(code: UInt16?)
        /// Nothing came over signalling for the time that the server named.
        case signalSilent
        /// The server opened signalling and then said nothing.
        case joinTimedOut
        /// The server did not answer our offer.
        case negotiationTimedOut
        /// A peer connection did not stand in time.
        case mediaTimedOut(SignalTarget)
        /// A peer connection failed.
        case mediaFailed(SignalTarget)
        /// The server sent bytes that are no message, or a join without its parts.
        case protocolViolation
    }
}

extension SessionEnd: CustomStringConvertible {
    /// One sentence for a log.
    public var description: String {
        switch cause {
        case .left: "left the room"
        case .refused(let refusal): "\(refusal)"
        case .unreachable(let text): "the server cannot be reached: \(text)"
        case .dismissed(let reason): "the server ended the session: \(reason)"
        case .joinBroke(let text): "the join failed: \(text)"
        case .signalClosed(let code?): "the server closed the connection (code \(code))"
        case .signalClosed(nil): "the connection to the server was lost"
        case .signalSilent: "the server fell silent"
        case .joinTimedOut: "the server accepted the connection and then said nothing"
        case .negotiationTimedOut: "the server did not answer the offer"
        case .mediaTimedOut(let target): "the \(target) connection did not stand in time"
        case .mediaFailed(let target): "the \(target) connection failed"
        case .protocolViolation: "the server sent what is no LiveKit message"
        }
    }
}

/// The session's own patience: servers leave some mistakes unanswered.
public struct SessionTimeouts: Hashable, Sendable {
    /// From open signalling to the join (official clients: 5 s).
    public var join: Duration = .seconds(5)
    /// From our offer to its answer (a server gives up on its own offers after as long).
    public var answer: Duration = .seconds(15)
    /// From the announcement of a track to its acknowledgement (official clients: 10 s).
    public var publish: Duration = .seconds(10)
    /// From the join, or our first offer, to a connection that stands (official clients: 15 s).
    public var media: Duration = .seconds(15)
    /// From a change of our metadata to its acknowledgement (official clients: 5 s).
    public var request: Duration = .seconds(5)
    /// From a connection's failure to the end: a server that puts somebody out closes signalling and
    /// media at once, and the reason may be the last to arrive.
    public var farewell: Duration = .milliseconds(500)

    /// The times of official clients.
    public init() {}
}
