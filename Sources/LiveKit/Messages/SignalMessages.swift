// SPDX-License-Identifier: Apache-2.0

/// An SDP offer or answer on its way (`livekit.SessionDescription`). Its text is opaque here.
public struct SignalDescription: Hashable, Sendable {
    /// `offer` or `answer`.
    public var type = ""
    /// The SDP.
    public var sdp = ""
    /// Ties an answer to its offer; 0 from servers and clients that do not count.
    public var id: UInt32 = 0
    /// Which track each section carries towards the client, by mid.
    public var midToTrackID: [String: String] = [:]

    /// Describes nothing.
    public init() {}

    /// Joins a type, an SDP and an id.
    public init(type: String, sdp: String, id: UInt32) {
        self.type = type
        self.sdp = sdp
        self.id = id
    }
}

/// An ICE candidate on its way (`livekit.TrickleRequest`).
public struct TrickleRequest: Hashable, Sendable {
    /// JSON; see `TrickledCandidate`.
    public var candidateInit = ""
    /// For which of the client's connections.
    public var target = SignalTarget.publisher
    /// Whether it is the last one.
    public var isFinal = false

    /// Holds no candidate.
    public init() {}
}

/// Announces a track before it appears in an offer (`livekit.AddTrackRequest`).
public struct AddTrackRequest: Hashable, Sendable {
    /// The track id that the offer's `a=msid` will have; new for every publication.
    public var cid = ""
    /// For people.
    public var name = ""
    /// Sound or pictures.
    public var kind = TrackKind.audio
    /// Pixels, of video.
    public var width: UInt32 = 0
    /// Pixels, of video.
    public var height: UInt32 = 0
    /// Starts muted.
    public var isMuted = false
    /// Frames come without gaps (deprecated by `audioFeatures`, which server 1.8 does not read).
    public var disableDTX = false
    /// Where it comes from.
    public var source = TrackSource.unknown
    /// Video layers, carried as they came.
    public var layers: [[UInt8]] = []
    /// Video codecs, carried as they came.
    public var simulcastCodecs: [[UInt8]] = []
    /// Only to add a codec to a track that is published already.
    public var sid = ""
    /// Two channels (deprecated by `audioFeatures`, which server 1.8 does not read).
    public var isStereo = false
    /// Whether redundant audio is off.
    public var disableRED = false
    /// End-to-end encryption.
    public var encryption = TrackEncryption.none
    /// Tracks of one stream are meant to be played in step.
    public var stream = ""
    /// About video.
    public var backupCodecPolicy = BackupCodecPolicy.preferRegression
    /// What it says about its sound.
    public var audioFeatures: [AudioTrackFeature] = []
    /// What is appended to its frames, by number.
    public var packetTrailerFeatures: [Int32] = []

    /// Announces nothing.
    public init() {}
}

/// Subscribes or unsubscribes tracks (`livekit.UpdateSubscription`).
public struct UpdateSubscription: Hashable, Sendable {
    /// The tracks' sids.
    public var trackSIDs: [String] = []
    /// Subscribe, or not.
    public var subscribe = false
    /// The same tracks by participant.
    public var participantTracks: [ParticipantTracks] = []

    /// Changes nothing.
    public init() {}
}

/// How a subscribed track is wanted (`livekit.UpdateTrackSettings`).
public struct UpdateTrackSettings: Hashable, Sendable {
    /// The tracks' sids.
    public var trackSIDs: [String] = []
    /// Not to be sent for now.
    public var isDisabled = false
    /// Of video.
    public var quality = VideoQuality.low
    /// Pixels, of video.
    public var width: UInt32 = 0
    /// Pixels, of video.
    public var height: UInt32 = 0
    /// Pictures a second, of video.
    public var framesPerSecond: UInt32 = 0
    /// Among other tracks; the lower the more important.
    public var priority: UInt32 = 0

    /// Wants nothing.
    public init() {}
}

/// Ends a session, said by either side (`livekit.LeaveRequest`).
public struct LeaveRequest: Hashable, Sendable {
    /// What older servers say instead of an action.
    public var canReconnect = false
    /// Why.
    public var reason = DisconnectReason.unknown
    /// What the client shall do.
    public var action = LeaveAction.disconnect
    /// Other places to try; nil for none.
    public var regions: [RegionInfo]?

    /// Says nothing.
    public init() {}

    /// Says why, and what to do.
    public init(reason: DisconnectReason, action: LeaveAction) {
        self.reason = reason
        self.action = action
    }
}

/// A place where the server can be reached (`livekit.RegionInfo`).
public struct RegionInfo: Hashable, Sendable {
    /// Its name.
    public var region = ""
    /// Its address.
    public var url = ""
    /// How far it is, in metres.
    public var distance: Int64 = 0

    /// Names none.
    public init() {}
}

/// Changes the own name, metadata and attributes (`livekit.UpdateParticipantMetadata`).
public struct UpdateParticipantMetadata: Hashable, Sendable {
    /// The new metadata; empty leaves the old one.
    public var metadata = ""
    /// The new name; empty leaves the old one.
    public var name = ""
    /// Attributes to set; an empty value takes one away, the others stay.
    public var attributes: [String: String] = [:]
    /// Ties the answer to it.
    public var requestID: UInt32 = 0

    /// Changes nothing.
    public init() {}
}

/// The first message of a new connection (`livekit.JoinResponse`).
public struct JoinResponse: Hashable, Sendable {
    /// The room.
    public var room = RoomInfo()
    /// Oneself; still joining.
    public var participant = ParticipantInfo()
    /// Who else is there.
    public var otherParticipants: [ParticipantInfo] = []
    /// Such as `1.13.3`.
    public var serverVersion = ""
    /// STUN and TURN.
    public var iceServers: [ICEServerInfo] = []
    /// Data comes on the subscriber connection; it makes the participant active.
    public var isSubscriberPrimary = false
    /// Another address of the server; unused by all.
    public var alternativeURL = ""
    /// Wishes of the server.
    public var clientConfiguration: ClientConfiguration?
    /// Where the server stands.
    public var serverRegion = ""
    /// Seconds without any message after which the connection counts as dead; 0 for never.
    public var pingTimeout: Int32 = 0
    /// Seconds between pings; 0 for none.
    public var pingInterval: Int32 = 0
    /// More about the server.
    public var serverInfo: ServerInfo?
    /// How frames end that the server made itself, under end-to-end encryption.
    public var sifTrailer: [UInt8] = []
    /// Codecs that may be published.
    public var enabledPublishCodecs: [CodecInfo] = []
    /// The publisher connection may be offered at once.
    public var isFastPublish = false

    /// Says nothing.
    public init() {}
}

/// The first message of a resumed connection (`livekit.ReconnectResponse`).
public struct ReconnectResponse: Hashable, Sendable {
    /// STUN and TURN.
    public var iceServers: [ICEServerInfo] = []
    /// Wishes of the server.
    public var clientConfiguration: ClientConfiguration?
    /// More about the server.
    public var serverInfo: ServerInfo?
    /// The last reliable packet that the server got from this client.
    public var lastMessageSequence: UInt32 = 0

    /// Says nothing.
    public init() {}
}

/// What became of a request (`livekit.RequestResponse`).
public struct RequestResponse: Hashable, Sendable {
    /// The request's number; 0 where it has none.
    public var requestID: UInt32 = 0
    /// What became of it.
    public var outcome = RequestOutcome.ok
    /// In words.
    public var message = ""
    /// The request itself, as newer servers echo it.
    public var echo: Echo?

    /// A request that came back: the member of the oneof `request`, and its bytes.
    public struct Echo: Hashable, Sendable {
        /// The member's field number.
        public var field: UInt32
        /// The request's encoding.
        public var bytes: [UInt8]

        /// Joins a number and an encoding.
        public init(field: UInt32, bytes: [UInt8]) {
            self.field = field
            self.bytes = bytes
        }

        /// An `AddTrackRequest`.
        public static let addTrackField: UInt32 = 5
        /// An `UpdateParticipantMetadata`.
        public static let updateMetadataField: UInt32 = 7
    }

    /// Says nothing.
    public init() {}
}

/// The participant was moved to another room (`livekit.RoomMovedResponse`).
public struct RoomMoved: Hashable, Sendable {
    /// The room it is in now.
    public var room = RoomInfo()
    /// A token for that room.
    public var token: SecretText = ""
    /// Oneself, with a new sid.
    public var participant = ParticipantInfo()
    /// Who else is there.
    public var otherParticipants: [ParticipantInfo] = []

    /// Says nothing.
    public init() {}
}

/// What a client tells a server when it resumes (`livekit.SyncState`).
public struct SyncState: Hashable, Sendable {
    /// The client's last answer on the subscriber connection.
    public var answer: SignalDescription?
    /// Tracks whose wanted subscription differs from the rule of the join.
    public var subscription: UpdateSubscription?
    /// What it publishes.
    public var publishTracks: [PublishedTrack] = []
    /// Its data channels.
    public var dataChannels: [DataChannelInfo] = []
    /// The server's last offer on the subscriber connection.
    public var offer: SignalDescription?
    /// Subscribed tracks that are switched off.
    public var disabledTrackSIDs: [String] = []
    /// The last reliable packet got from each publisher.
    public var receiveStates: [DataChannelReceiveState] = []
    /// Data tracks that it publishes, carried as they came.
    public var publishDataTracks: [[UInt8]] = []
    /// Data tracks that it subscribes, carried as they came.
    public var dataSubscription: [UInt8]?

    /// Says nothing.
    public init() {}

    /// A track with the id that the client gave it (`livekit.TrackPublishedResponse`).
    public struct PublishedTrack: Hashable, Sendable {
        /// The id in the offer.
        public var cid = ""
        /// What the server said about it.
        public var track = TrackInfo()

        /// Names none.
        public init() {}

        /// Joins the client's id and the server's words.
        public init(cid: String, track: TrackInfo) {
            self.cid = cid
            self.track = track
        }
    }

    /// A data channel (`livekit.DataChannelInfo`).
    public struct DataChannelInfo: Hashable, Sendable {
        /// `_reliable` or `_lossy`.
        public var label = ""
        /// The SCTP stream.
        public var id: UInt32 = 0
        /// On which connection.
        public var target = SignalTarget.publisher

        /// Names none.
        public init() {}
    }

    /// How far one publisher's packets came (`livekit.DataChannelReceiveState`).
    public struct DataChannelReceiveState: Hashable, Sendable {
        /// The publisher's sid.
        public var publisherSID = ""
        /// The last sequence number seen.
        public var lastSequence: UInt32 = 0

        /// Names none.
        public init() {}
    }
}

/// A mishap that a server can play (`livekit.SimulateScenario`).
public enum SimulateScenario: Hashable, Sendable {
    /// Announces random speakers for so many seconds.
    case speakerUpdate(seconds: Int32)
    /// Fails as a node does.
    case nodeFailure
    /// Moves the participant to another node.
    case migration
    /// Says `leave`.
    case serverLeave
    /// Changes the transport.
    case switchCandidateProtocol(CandidateProtocol)
    /// Bounds what goes to the subscriber, in bits a second.
    case subscriberBandwidth(Int64)
    /// Cuts signalling during the next resume.
    case disconnectSignalOnResume
    /// Cuts it before the resume's first message.
    case disconnectSignalOnResumeNoMessages
    /// Says `leave` with the action to join anew.
    case leaveRequestFullReconnect
    /// Nothing, or something newer.
    case unknown
}
