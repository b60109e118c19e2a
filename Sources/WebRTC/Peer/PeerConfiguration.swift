// SPDX-License-Identifier: Apache-2.0
public import Base

/// Who offers. It is fixed for the life of a connection, so that offers never cross.
public enum PeerRole: Sendable {
    /// Makes every offer and takes every answer; controls ICE unless both sides are lite.
    case offerer
    /// Takes every offer and answers it.
    case answerer
}

/// What a connection is to be; the defaults suit a client of a LiveKit server.
public struct PeerConfiguration: Sendable {
    /// Whether an offerer's first offer has a section for data channels, and an answerer accepts
    /// one.
    public var hasDataChannels = true
    /// Whether remote audio that is offered is accepted.
    public var receivesAudio = true
    /// Whether an answerer leaves offered video sections open, without a flow, instead of refusing
    /// them: libwebrtc throws away what was refused, and then cannot always offer again.
    public var keepsVideoSections = false
    /// What we say in `a=setup` when the choice is ours: nil is "actpass" in offers and "active" in
    /// answers; `.active` in an offer makes LiveKit's server the DTLS server.
    public var setup: SDPSetup?
    /// `a=max-message-size` of ours, in bytes.
    public var maxMessageSize: UInt64 = 65_535
    /// Whether our candidates stand in descriptions too; they are told by events in any case.
    public var listsCandidates = true
    /// Whether an offerer gives a new track a section whose track ended, instead of one of its own.
    /// For servers that face libwebrtc. Pion, and so LiveKit, never revives a section that was
    /// offered as inactive.
    public var reusesSections = false
    /// How long a remote packet waits for those before it. Nil passes every packet as it comes,
    /// late ones too, for a forwarder.
    public var reorderPatience: Duration? = .milliseconds(60)
    /// Whether sender reports tell our clock; else only those of streams whose makers' clocks are
    /// known are sent, for a forwarder.
    public var reportsOwnClock = true
    /// Times and bounds of ICE.
    public var ice = ICEConfiguration()
    /// Limits of DTLS.
    public var dtls = DTLSConfiguration()
    /// Limits of SCTP; ports and sizes come from the descriptions.
    public var sctp = SCTPConfiguration()

    /// The defaults.
    public init() {}
}

/// Bounds of one connection.
public enum PeerLimits {
    /// Tracks of ours: a room of two hundred talkers, forwarded to one.
    public static let tracksMax = 256
    /// Remote streams that are followed, as many as SRTP keeps.
    public static let receiversMax = SRTPContext.streamsMax
    /// Data channels asked for before the association stands.
    public static let pendingChannelsMax = 64
    /// DTLS datagrams kept until a description says which role is ours: a client's hello in two
    /// pieces, twice.
    static let parkedDatagramsMax = 4
    /// Audio sections that an offerer adds at once.
    static let sectionsMax = SDPLimits.sectionsMax
}

/// How far a connection has come, in the words of W3C's RTCPeerConnectionState.
public enum PeerState: Hashable, Sendable {
    /// No description from the peer yet.
    case new
    /// ICE or DTLS are on their way.
    case connecting
    /// Packets flow.
    case connected
    /// Silence; it may come back.
    case disconnected
    /// Over, see ``PeerFailure``; an ICE failure can be healed by a restart.
    case failed
    /// `close` was called.
    case closed
}

/// Why a connection failed.
public enum PeerFailure: Error, Hashable, Sendable {
    /// No path, or no path any more.
    case ice(ICEStateReason)
    /// The handshake failed, or the peer sent a fatal alert.
    case dtls(DTLSError)
    /// The peer closed DTLS.
    case closedByPeer
    /// Audio was agreed on, but no SRTP profile.
    case noMediaKeys
    /// SRTP could not be set up.
    case srtp(SRTPError)
}

/// Why a description was not made or taken. The connection is as it was before the call.
public enum PeerDescriptionError: Error, Hashable, Sendable {
    /// The text is no SDP.
    case sdp(SDPError)
    /// An offer where we offer, or an answer where we answer; an answer without an offer; or the
    /// connection is closed.
    case wrongState
    /// The sections are not those of before in the same order, or have no mids.
    case mismatchedSections
    /// No section is left that we could use.
    case noUsableSection
    /// No, or malformed, `a=ice-ufrag` and `a=ice-pwd`.
    case missingICECredentials
    /// An answer changed its ICE credentials, though no restart was offered.
    case unexpectedICERestart
    /// No fingerprint by an algorithm that we know.
    case missingFingerprint
    /// Another fingerprint than before on the same DTLS connection.
    case changedFingerprint
    /// `a=setup` is missing, does not fit ours, or asks for another role than before.
    case unacceptableSetup
    /// DTLS could not be set up.
    case dtls(DTLSError)
}

/// One of our tracks.
public struct PeerTrackID: Hashable, Sendable {
    let slot: Int
    let generation: Int
}

/// A track of the peer.
public struct PeerRemoteTrack: Hashable, Sendable {
    /// Numbers remote tracks in the order in which they came.
    public let id: Int
    /// The section that it comes in.
    public let mid: String
    /// The stream in `a=msid`. LiveKit: `<participant sid>|<track sid>`.
    public let stream: String?
    /// The track in `a=msid`. LiveKit: the track's sid.
    public let track: String?
    /// The source in `a=ssrc`.
    public let ssrc: UInt32?
}

/// A data channel of either side, as long as the connection lives.
public struct PeerChannelID: Hashable, Sendable {
    let number: Int
}

/// A candidate of ours for the peer.
public struct PeerLocalCandidate: Hashable, Sendable {
    /// The text that goes into JSON: `candidate:…`.
    public let line: String
    /// The section that carries the transport.
    public let mid: String
    /// That section's place.
    public let sectionIndex: Int
    /// The generation that it belongs to.
    public let ufrag: String?
}

/// What a data channel is.
public struct PeerChannel: Hashable, Sendable {
    /// How we name it.
    public let id: PeerChannelID
    /// Its name; LiveKit tells channels by it.
    public let label: String
    /// The application protocol's name.
    public let subprotocol: String
    /// Whether messages arrive in the order of sending.
    public let isOrdered: Bool
    /// How hard its sender tries.
    public let reliability: SCTPReliability
    /// Whether the peer opened it.
    public let isRemote: Bool
}

/// What happened.
public enum PeerEvent: Sendable {
    /// The connection as a whole.
    case stateChanged(PeerState)
    /// Its ICE transport.
    case iceStateChanged(ICEState)
    /// Packets take this way from now on; nil: there is none.
    case pathChanged(ICESelectedPair?)
    /// A candidate to be told the peer.
    case localCandidate(PeerLocalCandidate)
    /// No more of them in this generation.
    case gatheringCompleted
    /// A channel of either side can be used.
    case channelOpened(PeerChannel)
    /// A whole message came.
    case channelMessage(PeerChannelID, [UInt8], SCTPMessageKind)
    /// What waits on the channel fell to its threshold.
    case channelBufferedAmountLow(PeerChannelID)
    /// A channel is gone.
    case channelClosed(PeerChannelID)
    /// The peer sends, or says that it will send, a track.
    case trackAdded(PeerRemoteTrack)
    /// It does so no longer.
    case trackRemoved(PeerRemoteTrack)
    /// Audio of a remote track in order: a packet, or how many are lost before the next.
    case audio(PeerRemoteTrack, RTPReorderBuffer.Output)
    /// The peer's clock, as its sender report of a track tells it.
    case senderReported(PeerRemoteTrack, RTPForeignClock)
    /// What the peer tells about the reception of our track.
    case receptionReported(PeerTrackID, RTPRemoteReport)
    /// The data channels' association ended, without the connection.
    case channelsEnded(SCTPCloseReason)
    /// The connection is over.
    case failed(PeerFailure)
}

/// What a connection wants of its shell.
public enum PeerOutput: Sendable {
    /// Send this datagram from the local base `from`.
    case transmit([UInt8], to: SocketAddress, from: SocketAddress)
    /// Something happened.
    case event(PeerEvent)
}

/// What happened so far, for logs and metrics.
public struct PeerStatistics: Hashable, Sendable {
    /// Datagrams of a kind that is none of ours, and DTLS handshakes from strangers.
    public var datagramsUnknown: UInt64 = 0
    /// Datagrams that found no path, or came before there was anybody to read them.
    public var datagramsDropped: UInt64 = 0
    /// RTP packets in that belong to no section.
    public var packetsUnclaimed: UInt64 = 0
    /// RTP and RTCP packets in that were malformed inside their protection.
    public var packetsMalformed: UInt64 = 0
    /// RTP packets out.
    public var packetsSent: UInt64 = 0
    /// RTP packets in.
    public var packetsReceived: UInt64 = 0
    /// RTP packets sent again.
    public var packetsResent: UInt64 = 0
    /// NACKs received, and NACKs sent.
    public var lossRequestsReceived: UInt64 = 0
    /// NACKs sent.
    public var lossRequestsSent: UInt64 = 0
    /// Candidates of the peer that could not be read.
    public var candidatesRefused: UInt64 = 0
}
