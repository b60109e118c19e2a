// SPDX-License-Identifier: Apache-2.0

// Open enums: a newer peer may send numbers that have no name here, and they are kept.

/// One of a participant's two peer connections.
public struct SignalTarget: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The one that the client offers.
    public static let publisher = SignalTarget(rawValue: 0)
    /// The one that the server offers.
    public static let subscriber = SignalTarget(rawValue: 1)

    /// The names of the numbers that have one, in their order.
    public static let names = ["publisher", "subscriber"]
}

/// What a client shall do after a `leave`.
public struct LeaveAction: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Stop.
    public static let disconnect = LeaveAction(rawValue: 0)
    /// Open signalling again and go on.
    public static let resume = LeaveAction(rawValue: 1)
    /// Join anew.
    public static let reconnect = LeaveAction(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["disconnect", "resume", "reconnect"]
}

/// Why a track could not be subscribed.
public struct SubscriptionError: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Not said.
    public static let unknown = SubscriptionError(rawValue: 0)
    /// No codec in common.
    public static let codecUnsupported = SubscriptionError(rawValue: 1)
    /// There is no such track.
    public static let trackNotFound = SubscriptionError(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["unknown", "codecUnsupported", "trackNotFound"]
}

/// What became of a request.
public struct RequestOutcome: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// It was done.
    public static let ok = RequestOutcome(rawValue: 0)
    /// It names something that is not there.
    public static let notFound = RequestOutcome(rawValue: 1)
    /// The participant may not.
    public static let notAllowed = RequestOutcome(rawValue: 2)
    /// Something is too large or too many.
    public static let limitExceeded = RequestOutcome(rawValue: 3)
    /// It waits for another to end.
    public static let queued = RequestOutcome(rawValue: 4)
    /// Such a track is not possible.
    public static let unsupportedType = RequestOutcome(rawValue: 5)
    /// Another error; see the message.
    public static let unclassified = RequestOutcome(rawValue: 6)
    /// A data track's handle is wrong.
    public static let invalidHandle = RequestOutcome(rawValue: 7)
    /// A name is not possible.
    public static let invalidName = RequestOutcome(rawValue: 8)
    /// A data track's handle is taken.
    public static let duplicateHandle = RequestOutcome(rawValue: 9)
    /// A name is taken.
    public static let duplicateName = RequestOutcome(rawValue: 10)
    /// It makes no sense.
    public static let invalidRequest = RequestOutcome(rawValue: 11)

    /// The names of the numbers that have one, in their order.
    public static let names = [
        "ok", "notFound", "notAllowed", "limitExceeded", "queued", "unsupportedType",
        "unclassified", "invalidHandle", "invalidName", "duplicateHandle", "duplicateName",
        "invalidRequest",
    ]
}

/// Which LiveKit this is.
public struct ServerEdition: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The open server.
    public static let standard = ServerEdition(rawValue: 0)
    /// LiveKit's cloud.
    public static let cloud = ServerEdition(rawValue: 1)

    /// The names of the numbers that have one, in their order.
    public static let names = ["standard", "cloud"]
}

/// A transport that ICE may prefer.
public struct CandidateProtocol: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// UDP.
    public static let udp = CandidateProtocol(rawValue: 0)
    /// TCP.
    public static let tcp = CandidateProtocol(rawValue: 1)
    /// TURN over TLS.
    public static let tls = CandidateProtocol(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["udp", "tcp", "tls"]
}

/// A wish of the server about the client's behaviour.
public struct ClientConfigSetting: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// None.
    public static let unset = ClientConfigSetting(rawValue: 0)
    /// Do not.
    public static let disabled = ClientConfigSetting(rawValue: 1)
    /// Do.
    public static let enabled = ClientConfigSetting(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["unset", "disabled", "enabled"]
}
