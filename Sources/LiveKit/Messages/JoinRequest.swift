// SPDX-License-Identifier: Apache-2.0

/// What a client says first where one connection carries both ways (`livekit.JoinRequest`); it
/// stands in the target of `/rtc/v1`.
public struct JoinRequest: Hashable, Sendable {
    /// Who asks: the program, not the person.
    public var client = ClientInfo()
    /// What it wants of the connection.
    public var settings = ConnectionSettings()
    /// Its own metadata, where it may set it.
    public var metadata = ""
    /// Its own attributes, where it may set them.
    public var attributes: [String: String] = [:]
    /// Tracks that it announces at once.
    public var addTrackRequests: [AddTrackRequest] = []
    /// The first offer.
    public var publisherOffer: SignalDescription?
    /// Whether it goes on with a session that it had.
    public var reconnects = false
    /// Why, by number.
    public var reconnectReason: Int32 = 0
    /// The session that it had.
    public var participantSID = ""
    /// What it knows of that session.
    public var syncState: SyncState?

    /// Asks for nothing.
    public init() {}
}

/// A client's program (`livekit.ClientInfo`).
public struct ClientInfo: Hashable, Sendable {
    /// Which SDK, by number.
    public var sdk: Int32 = 0
    /// The SDK's version.
    public var version = ""
    /// The signal protocol that it speaks.
    public var signalProtocol: Int32 = 0
    /// The operating system.
    public var os = ""
    /// The operating system's version.
    public var osVersion = ""
    /// The machine.
    public var deviceModel = ""
    /// The browser.
    public var browser = ""
    /// The browser's version.
    public var browserVersion = ""
    /// Its address, as a server saw it.
    public var address = ""
    /// Such as "wifi".
    public var network = ""
    /// Libraries above the SDK.
    public var otherSDKs = ""
    /// Which forms of data it understands; see `ParticipantInfo.clientProtocol`.
    public var clientProtocol: Int32 = 0
    /// What it can do, by number.
    public var capabilities: [Int32] = []

    /// Describes nothing.
    public init() {}
}

/// What a client wants of its connection (`livekit.ConnectionSettings`).
public struct ConnectionSettings: Hashable, Sendable {
    /// All remote tracks come unasked.
    public var autoSubscribe = false
    /// About video.
    public var adaptiveStream = false
    /// About video.
    public var subscriberAllowPause: Bool?
    /// The server shall be no lite agent.
    public var disableICELite = false
    /// All remote data tracks come unasked.
    public var autoSubscribeDataTrack: Bool?

    /// Wants nothing.
    public init() {}
}
