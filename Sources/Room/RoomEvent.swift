// SPDX-License-Identifier: Apache-2.0
public import LiveKit

/// What happens in a room, in its order.
public enum RoomEvent: Sendable {
    /// Somebody new, who cannot receive yet.
    case participantJoined(ParticipantInfo)
    /// Name, metadata, attributes or permissions changed.
    case participantUpdated(ParticipantInfo)
    /// It receives from now on; told once for each, also for those who were there before us.
    case participantActive(ParticipantInfo)
    /// It is gone.
    case participantLeft(ParticipantInfo)
    /// Somebody else's track can be subscribed.
    case trackPublished(TrackInfo, participant: ParticipantInfo)
    /// It is gone.
    case trackUnpublished(TrackInfo, participant: ParticipantInfo)
    /// Our track was subscribed, for the first time in its life.
    case localTrackSubscribed(sid: String)
    /// The server took our track away.
    case localTrackUnpublished(sid: String)
    /// Somebody with the right to it muted our track, or asks to unmute it.
    case localTrackMuteRequested(sid: String, isMuted: Bool)
    /// A user packet.
    case dataReceived(ReceivedData)
    /// Who speaks now, the loudest first.
    case speakersChanged([SpeakerInfo])
    /// The room's metadata or counts changed.
    case roomUpdated(RoomInfo)
    /// A change of ours was refused.
    case requestFailed(id: UInt32, RequestFailure)
    /// Out of the room; the last event.
    case disconnected(SessionEnd)
}

/// A user packet from somebody in the room, or from the server's API.
public struct ReceivedData: Sendable {
    /// The bytes.
    public var payload: [UInt8]
    /// What it is about, when the sender said.
    public var topic: String?
    /// Who sent it; nil for the server's API.
    public var sender: ParticipantInfo?
}

/// A packet of a remote track, or a hole in it.
public enum RemoteAudio: Sendable {
    /// An Opus packet with its RTP timestamp at 48 kHz.
    case packet(payload: [UInt8], timestamp: UInt32)
    /// So many packets are lost before the next.
    case lost(Int)
}

/// Our published track.
public struct LocalAudioTrack: Hashable, Sendable {
    /// The name that we gave it in SDP.
    public let cid: String
    /// The server's name for it.
    public let sid: String
}

/// Why a room could not be joined or a track not be published.
public enum RoomError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The address is none of a LiveKit server.
    case invalidURL(SignalURL.ParseError)
    /// The server's name has no address.
    case unknownHost(String)
    /// The session ended before it stood.
    case ended(SessionEnd)
    /// The server did not take the track.
    case notPublished(PublishFailure)
    /// A bound of ours or the server's.
    case refused(CommandError)

    /// One sentence.
    public var description: String {
        switch self {
        case .invalidURL: "the server's address must look like wss://example.com"
        case .unknownHost(let host): "the name \(host) cannot be resolved"
        case .ended(let end): end.description
        case .notPublished(.timedOut): "the server did not answer the announcement of the track"
        case .notPublished(.refused(let reason)): "the server refused the track: \(reason)"
        case .refused(let error): "the session did not take the command: \(error)"
        }
    }
}

/// Why data was not sent.
public enum DataError: Error, Sendable, Equatable {
    /// More than 64,000 bytes in its envelope: the server would close the channel without a word.
    case tooLarge
    /// The channel's queue is full; later it may go.
    case full
    /// Not in the room any more.
    case notConnected
}
