// SPDX-License-Identifier: Apache-2.0

// Open enums: a newer peer may send numbers that have no name here, and they are kept.

/// How far a participant has come.
public struct ParticipantState: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Signalling is open.
    public static let joining = ParticipantState(rawValue: 0)
    /// It has answered an offer.
    public static let joined = ParticipantState(rawValue: 1)
    /// Its media connection stands: it receives.
    public static let active = ParticipantState(rawValue: 2)
    /// It has left.
    public static let disconnected = ParticipantState(rawValue: 3)

    /// The names of the numbers that have one, in their order.
    public static let names = ["joining", "joined", "active", "disconnected"]
}

/// More about a participant's kind.
public struct ParticipantKindDetail: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// An agent run by LiveKit's cloud.
    public static let cloudAgent = ParticipantKindDetail(rawValue: 0)
    /// Forwarded from another room.
    public static let forwarded = ParticipantKindDetail(rawValue: 1)
    /// Connects WhatsApp.
    public static let connectorWhatsApp = ParticipantKindDetail(rawValue: 2)
    /// Connects Twilio.
    public static let connectorTwilio = ParticipantKindDetail(rawValue: 3)
    /// Bridges RTSP.
    public static let bridgeRTSP = ParticipantKindDetail(rawValue: 4)
    /// A simulated user.
    public static let simulation = ParticipantKindDetail(rawValue: 5)

    /// The names of the numbers that have one, in their order.
    public static let names = [
        "cloudAgent", "forwarded", "connectorWhatsApp", "connectorTwilio", "bridgeRTSP",
        "simulation",
    ]
}

/// Why a participant left or was made to leave.
public struct DisconnectReason: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Not said.
    public static let unknown = DisconnectReason(rawValue: 0)
    /// It left by itself.
    public static let clientInitiated = DisconnectReason(rawValue: 1)
    /// Another participant joined under its identity.
    public static let duplicateIdentity = DisconnectReason(rawValue: 2)
    /// The server stops.
    public static let serverShutdown = DisconnectReason(rawValue: 3)
    /// Somebody removed it.
    public static let participantRemoved = DisconnectReason(rawValue: 4)
    /// Somebody deleted the room.
    public static let roomDeleted = DisconnectReason(rawValue: 5)
    /// Client and server disagree; a new join helps.
    public static let stateMismatch = DisconnectReason(rawValue: 6)
    /// It never became active.
    public static let joinFailure = DisconnectReason(rawValue: 7)
    /// It moves to another server node.
    public static let migration = DisconnectReason(rawValue: 8)
    /// Its signalling connection closed.
    public static let signalClose = DisconnectReason(rawValue: 9)
    /// The room closed because nobody was left.
    public static let roomClosed = DisconnectReason(rawValue: 10)
    /// A called person did not answer.
    public static let userUnavailable = DisconnectReason(rawValue: 11)
    /// A called person refused.
    public static let userRejected = DisconnectReason(rawValue: 12)
    /// The telephone line failed.
    public static let sipTrunkFailure = DisconnectReason(rawValue: 13)
    /// Its media connection broke.
    public static let connectionTimeout = DisconnectReason(rawValue: 14)
    /// Its media failed.
    public static let mediaFailure = DisconnectReason(rawValue: 15)
    /// The agent failed.
    public static let agentError = DisconnectReason(rawValue: 16)

    /// The names of the numbers that have one, in their order.
    public static let names = [
        "unknown", "clientInitiated", "duplicateIdentity", "serverShutdown", "participantRemoved",
        "roomDeleted", "stateMismatch", "joinFailure", "migration", "signalClose", "roomClosed",
        "userUnavailable", "userRejected", "sipTrunkFailure", "connectionTimeout", "mediaFailure",
        "agentError",
    ]
}
