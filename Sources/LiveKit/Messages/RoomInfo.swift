// SPDX-License-Identifier: Apache-2.0

/// A room as the server describes it (`livekit.Room`).
public struct RoomInfo: Hashable, Sendable {
    /// `RM_…`; empty until the server has given it.
    public var sid = ""
    /// Its name, the one in the token.
    public var name = ""
    /// Seconds that it stays open before the first participant.
    public var emptyTimeout: UInt32 = 0
    /// Seconds that it stays open after the last participant.
    public var departureTimeout: UInt32 = 0
    /// The most participants; 0 for no limit.
    public var maxParticipants: UInt32 = 0
    /// When it was made, in seconds since 1970.
    public var creationTime: Int64 = 0
    /// When it was made, in milliseconds since 1970; 0 from older servers.
    public var creationTimeMilliseconds: Int64 = 0
    /// A secret of the server's own TURN service.
    public var turnPassword: SecretText = ""
    /// Codecs that may be published in it.
    public var enabledCodecs: [CodecInfo] = []
    /// Text of the application.
    public var metadata = ""
    /// How many participants it has, hidden ones not counted; updated every few seconds.
    public var participantCount: UInt32 = 0
    /// How many of them publish.
    public var publisherCount: UInt32 = 0
    /// Whether it is being recorded.
    public var isRecorded = false
    /// Orders two descriptions of the room.
    public var version: TimedVersion?

    /// Describes nothing.
    public init() {}
}

/// A codec by its MIME type (`livekit.Codec`).
public struct CodecInfo: Hashable, Sendable {
    /// Such as `audio/opus`.
    public var mime = ""
    /// Format parameters, as in SDP.
    public var fmtpLine = ""

    /// Names a codec.
    public init(mime: String = "", fmtpLine: String = "") {
        self.mime = mime
        self.fmtpLine = fmtpLine
    }
}

/// Orders descriptions: first by time, then by ticks (`livekit.TimedVersion`).
public struct TimedVersion: Hashable, Comparable, Sendable {
    /// Microseconds since 1970.
    public var unixMicroseconds: Int64 = 0
    /// Counts within a microsecond.
    public var ticks: Int32 = 0

    /// The time before all others.
    public init() {}

    /// Whether the left one is older.
    public static func < (left: TimedVersion, right: TimedVersion) -> Bool {
        (left.unixMicroseconds, left.ticks) < (right.unixMicroseconds, right.ticks)
    }
}

/// What kind of server this is (`livekit.ServerInfo`).
public struct ServerInfo: Hashable, Sendable {
    /// The open server or the cloud.
    public var edition = ServerEdition.standard
    /// Such as `1.13.3`.
    public var version = ""
    /// The signal protocol's number.
    public var signalProtocol: Int32 = 0
    /// The region's name; empty for one that has none.
    public var region = ""
    /// The node's id, for the server's logs.
    public var nodeID = ""
    /// Text for people who look for a mistake.
    public var debugInfo = ""
    /// The agent protocol's number.
    public var agentProtocol: Int32 = 0

    /// Describes nothing.
    public init() {}
}

/// STUN and TURN servers that the server recommends (`livekit.ICEServer`).
public struct ICEServerInfo: Hashable, Sendable {
    /// `stun:`, `turn:` and `turns:` addresses.
    public var urls: [String] = []
    /// For TURN.
    public var username = ""
    /// For TURN.
    public var credential: SecretText = ""

    /// Names no server.
    public init() {}
}

/// What the server wishes of the client's behaviour (`livekit.ClientConfiguration`).
public struct ClientConfiguration: Hashable, Sendable {
    /// About video, carried as it came.
    public var video: [UInt8]?
    /// About a screen, carried as it came.
    public var screen: [UInt8]?
    /// Whether to resume a broken connection.
    public var resumeConnection = ClientConfigSetting.unset
    /// Codecs not to use.
    public var disabledCodecs: DisabledCodecs?
    /// Whether to use relays alone.
    public var forceRelay = ClientConfigSetting.unset

    /// Codecs that a client shall not use (`livekit.DisabledCodecs`).
    public struct DisabledCodecs: Hashable, Sendable {
        /// Neither way.
        public var codecs: [CodecInfo] = []
        /// Not to publish.
        public var publish: [CodecInfo] = []

        /// Names none.
        public init() {}
    }

    /// Wishes nothing.
    public init() {}
}
