// SPDX-License-Identifier: Apache-2.0

/// A participant as the server describes it (`livekit.ParticipantInfo`).
public struct ParticipantInfo: Hashable, Sendable {
    /// `PA_…`: this connection of the participant. A new join gives a new one.
    public var sid = ""
    /// Who it is: the `sub` of its token, at most once in a room.
    public var identity = ""
    /// How far it has come.
    public var state = ParticipantState.joining
    /// Its published tracks.
    public var tracks: [TrackInfo] = []
    /// Text of the application.
    public var metadata = ""
    /// When it joined, in seconds since 1970.
    public var joinedAt: Int64 = 0
    /// When it joined, in milliseconds since 1970; 0 from older servers.
    public var joinedAtMilliseconds: Int64 = 0
    /// Its display name.
    public var name = ""
    /// Counts the descriptions of this `sid`; a lower one is stale.
    public var version: UInt32 = 0
    /// What it may do; nil when not said.
    public var permission: ParticipantPermission?
    /// Where its server node stands.
    public var region = ""
    /// Whether it publishes.
    public var isPublisher = false
    /// A person, an agent, a telephone …
    public var kind = ParticipantKind.standard
    /// Names and values of the application.
    public var attributes: [String: String] = [:]
    /// Why it left, once it has.
    public var disconnectReason = DisconnectReason.unknown
    /// More about its kind.
    public var kindDetails: [ParticipantKindDetail] = []
    /// Its data tracks, carried as they came.
    public var dataTracks: [[UInt8]] = []
    /// Which forms of data it understands: 1 calls over streams, 2 streams in one packet.
    public var clientProtocol: Int32 = 0
    /// What its client can do, by number.
    public var capabilities: [Int32] = []

    /// Describes nobody.
    public init() {}
}

/// What a participant may do (`livekit.ParticipantPermission`).
public struct ParticipantPermission: Hashable, Sendable {
    /// May subscribe to tracks.
    public var canSubscribe = false
    /// May publish tracks.
    public var canPublish = false
    /// May send data.
    public var canPublishData = false
    /// The sources that it may publish; empty for all.
    public var canPublishSources: [TrackSource] = []
    /// Is not shown to others.
    public var isHidden = false
    /// Is a recorder (deprecated).
    public var isRecorder = false
    /// May change its own name, metadata and attributes.
    public var canUpdateMetadata = false
    /// Is an agent (deprecated).
    public var isAgent = false
    /// May subscribe to metrics.
    public var canSubscribeMetrics = false
    /// May manage an agent session.
    public var canManageAgentSession = false

    /// Allows nothing.
    public init() {}
}

/// How loud somebody is (`livekit.SpeakerInfo`).
public struct SpeakerInfo: Hashable, Sendable {
    /// The participant's sid.
    public var sid = ""
    /// 0…1.
    public var level: Float = 0
    /// Whether it speaks; an entry with false takes it off the list.
    public var isActive = false

    /// Describes nobody.
    public init() {}
}

/// How well a participant is connected (`livekit.ConnectionQualityInfo`).
public struct ConnectionQualityInfo: Hashable, Sendable {
    /// The participant's sid.
    public var participantSID = ""
    /// In a word.
    public var quality = ConnectionQuality.poor
    /// As a mean opinion score, 1…4.5.
    public var score: Float = 0

    /// Describes nobody.
    public init() {}
}
