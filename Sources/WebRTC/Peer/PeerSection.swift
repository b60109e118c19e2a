// SPDX-License-Identifier: Apache-2.0
internal import Base

/// An m-section that both sides share, by its place in the descriptions.
struct PeerSection: Sendable {
    enum Kind: Equatable, Sendable {
        case audio
        case dataChannels
        /// Video that an answerer takes and never uses.
        case idle
        /// Refused by one side: it keeps its place, and is refused in every later description.
        case refused
    }

    var kind: Kind
    var mid: String
    /// Our track that is sent here, by its slot.
    var track: Int?
    /// Whether we are ready to receive here.
    var receives: Bool
    /// The direction of our description that is made last.
    var described: SDPDirection = .inactive
    /// What both sides agreed on, seen from us.
    var negotiated: SDPDirection = .inactive
    /// The section as the peer described it last.
    var remote: MediaDescription?
    /// What the peer sends here.
    var remoteTrack: PeerRemoteTrack?
    /// Numbers for header extensions in what the peer sends.
    var receiveExtensions = RTPExtensionIDs()

    init(kind: Kind, mid: String, receives: Bool = false, track: Int? = nil) {
        self.kind = kind
        self.mid = mid
        self.receives = receives
        self.track = track
    }
}

/// A track of ours.
struct PeerLocalTrack: Sendable {
    let generation: Int
    let description: SDPLocalTrack
    /// Whether an offerer also wants to receive in this track's section.
    let receives: Bool
    var stream: RTPSendStream
    /// Its section, once it has one.
    var section: Int?
    /// Whether both sides agreed on it, so that packets may be sent.
    var isNegotiated = false
    var acceptsNACK = false

    /// Reports on this stream are of use as long as it was sent lately (RFC 3550 section 6.4).
    static let reportedAfterLast: Duration = .seconds(10)
}

/// A stream of the peer.
struct PeerReceiver: Sendable {
    let ssrc: UInt32
    let section: Int
    let track: PeerRemoteTrack
    var stream: RTPReceiveStream
    /// Packets received up to the last report.
    var reportedCount: Int64 = 0
}
