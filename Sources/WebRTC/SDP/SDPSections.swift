// SPDX-License-Identifier: Apache-2.0

/// A track as our descriptions announce it.
public struct SDPLocalTrack: Hashable, Sendable {
    /// The stream's name in `a=msid`; "-" for none.
    public var stream: String
    /// The track's name in `a=msid`.
    ///
    /// LiveKit matches it against the `cid` of AddTrackRequest.
    public var track: String
    /// Announced as `a=ssrc`; LiveKit forwards nothing of a track that has no such line.
    public var ssrc: UInt32
    /// The canonical name of the sender (RFC 7022).
    public var cname: String

    /// Creates a track.
    ///
    /// Names must be without spaces.
    public init(stream: String = "-", track: String, ssrc: UInt32, cname: String) {
        self.stream = stream
        self.track = track
        self.ssrc = ssrc
        self.cname = cname
    }
}

/// Names of the header extensions that we know.
public enum SDPExtensionURI {
    /// RFC 6464: client-to-mixer audio level.
    public static let audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    /// RFC 9143: the section's mid in every packet.
    public static let mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// The sender's clock at capture, as an NTP time stamp.
    public static let absoluteCaptureTime =
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
}

/// What we say about Opus.
public enum SDPOpus {
    /// The payload type that libwebrtc and LiveKit use; an answer reuses the offer's instead.
    public static let payloadType: UInt8 = 111
    /// Hz; always 48,000, whatever the encoder does (RFC 7587).
    public static let clockRate: UInt32 = 48_000
    /// Always 2 in SDP, for mono too (RFC 7587).
    public static let channels: UInt8 = 2
    /// The parameters of every WebRTC implementation.
    public static let parameters = "minptime=10;useinbandfec=1"
}

/// The header extensions of an audio section that we offer, and accept in an answer.
public struct SDPAudioExtensions: Hashable, Sendable {
    /// The extensions with our numbers; those of libwebrtc, so that traces read alike.
    public static let offered = [
        SDPHeaderExtension(id: 1, uri: SDPExtensionURI.audioLevel),
        SDPHeaderExtension(id: 2, uri: SDPExtensionURI.absoluteCaptureTime),
        SDPHeaderExtension(id: 4, uri: SDPExtensionURI.mid),
    ]

    /// Whether a section of ours may carry the extension.
    static func isKnown(_ uri: String) -> Bool { offered.contains { $0.uri == uri } }
}

extension MediaDescription {
    /// The words of the m-line for media and for data channels.
    static let mediaProtocol = "UDP/TLS/RTP/SAVPF"
    static let dataProtocol = "UDP/DTLS/SCTP"
    /// The discard port: candidates say where to send.
    static let discardPort: UInt16 = 9
    /// What a peer that says nothing takes (RFC 8841 section 6.1).
    public static let maxMessageSizeDefault: UInt64 = 65_536

    /// A section for data channels, in an offer or an answer.
    public static func dataChannels(
        mid: String, transport: SDPTransport, maxMessageSize: UInt64
    ) -> MediaDescription {
        var section = MediaDescription(
            kind: .application, port: discardPort, transportProtocol: dataProtocol,
            formats: ["webrtc-datachannel"])
        section.mid = mid
        section.transport = transport
        section.sctpPort = 5_000
        section.maxMessageSize = maxMessageSize
        return section
    }

    /// An audio section of an offer, with Opus alone: RED listed would make LiveKit expect RED.
    public static func audioOffer(
        mid: String, transport: SDPTransport, direction: SDPDirection, track: SDPLocalTrack?
    ) -> MediaDescription {
        var section = MediaDescription(
            kind: .audio, port: discardPort, transportProtocol: mediaProtocol,
            formats: ["\(SDPOpus.payloadType)"])
        section.setMedia(mid: mid, transport: transport, direction: direction, track: track)
        section.extensions = SDPAudioExtensions.offered
        section.rtpMaps = [SDPRTPMap.opus(SDPOpus.payloadType)]
        section.feedback = [SDPFeedback(payloadType: SDPOpus.payloadType, value: "nack")]
        section.formatParameters = [
            SDPFormatParameters(payloadType: SDPOpus.payloadType, text: SDPOpus.parameters)
        ]
        return section
    }

    /// The answer to an audio section: Opus under the offer's payload type, the extensions of the
    /// offer that we know under the offer's numbers; refused when it holds no Opus.
    ///
    /// - Parameters:
    ///   - offer: the section as the peer offers it.
    ///   - transport: our ICE and DTLS lines.
    ///   - direction: what we are ready to do; what the offer does not allow is taken away, so
    ///     that readiness to receive answers "sendrecv" by "recvonly", "recvonly" by "inactive".
    ///   - track: what we send, where we do.
    /// - Returns: the section for our answer.
    public static func audioAnswer(
        to offer: MediaDescription, transport: SDPTransport, direction: SDPDirection,
        track: SDPLocalTrack?
    ) -> MediaDescription {
        guard !offer.isRefused, let type = offer.opusPayloadType else { return refusal(of: offer) }
        var section = MediaDescription(
            kind: .audio, port: discardPort, transportProtocol: offer.transportProtocol,
            formats: ["\(type)"])
        let allowed = SDPDirection(
            sends: direction.sends && offer.direction.receives,
            receives: direction.receives && offer.direction.sends)
        section.setMedia(mid: offer.mid, transport: transport, direction: allowed, track: track)
        section.allowsReducedSizeRTCP = offer.allowsReducedSizeRTCP
        var taken: [String] = []
        for item in offer.extensions
        where SDPAudioExtensions.isKnown(item.uri) && !taken.contains(item.uri) {
            taken.append(item.uri)
            section.extensions.append(SDPHeaderExtension(id: item.id, uri: item.uri))
        }
        section.rtpMaps = [SDPRTPMap.opus(type)]
        if offer.acceptsNACK(of: type) {
            section.feedback = [SDPFeedback(payloadType: type, value: "nack")]
        }
        section.formatParameters = [
            SDPFormatParameters(payloadType: type, text: SDPOpus.parameters)
        ]
        return section
    }

    /// The answer that leaves a section open without a flow: the first format of the offer, none of
    /// its extensions.
    public static func idleAnswer(
        to offer: MediaDescription, transport: SDPTransport
    ) -> MediaDescription {
        guard let format = offer.formats.first, let type = UInt8(format) else {
            return refusal(of: offer)
        }
        var section = MediaDescription(
            kind: offer.kind, port: discardPort, transportProtocol: offer.transportProtocol,
            formats: [format])
        section.setMedia(mid: offer.mid, transport: transport, direction: .inactive, track: nil)
        section.allowsReducedSizeRTCP = offer.allowsReducedSizeRTCP
        section.rtpMaps = offer.rtpMaps.filter { $0.payloadType == type }
        section.formatParameters = offer.formatParameters.filter { $0.payloadType == type }
        return section
    }

    /// The answer that refuses a section: port 0, no flow, not in the BUNDLE group; mid and formats
    /// as offered (RFC 8829 section 5.3.1).
    public static func refusal(of offer: MediaDescription) -> MediaDescription {
        var section = MediaDescription(
            kind: offer.kind, port: 0, transportProtocol: offer.transportProtocol,
            formats: Array(offer.formats.prefix(1)))
        section.mid = offer.mid
        if offer.kind != .application { section.directionLine = .inactive }
        if let type = offer.formats.first.flatMap({ UInt8($0) }) {
            section.rtpMaps = offer.rtpMaps.filter { $0.payloadType == type }
        }
        return section
    }

    /// The payload type of Opus in this section, whatever its number.
    public var opusPayloadType: UInt8? {
        payloadType(ofCodec: "opus", clockRate: SDPOpus.clockRate, channels: SDPOpus.channels)
    }

    /// Whether generic NACKs (RFC 4585) are agreed for the payload type.
    public func acceptsNACK(of payloadType: UInt8) -> Bool {
        feedback.contains {
            $0.value == "nack" && ($0.payloadType == nil || $0.payloadType == payloadType)
        }
    }

    private mutating func setMedia(
        mid: String?, transport: SDPTransport, direction: SDPDirection, track: SDPLocalTrack?
    ) {
        self.mid = mid
        self.transport = transport
        directionLine = direction
        isRTCPMultiplexed = true
        allowsReducedSizeRTCP = true
        guard let track, direction.sends else { return }
        let msid = "\(track.stream) \(track.track)"
        mediaStreams = [SDPMediaStreamID(stream: track.stream, track: track.track)]
        sources = [
            SDPSourceAttribute(ssrc: track.ssrc, attribute: "cname", value: track.cname),
            SDPSourceAttribute(ssrc: track.ssrc, attribute: "msid", value: msid),
        ]
    }
}

extension SDPRTPMap {
    /// Opus under this payload type.
    static func opus(_ type: UInt8) -> SDPRTPMap {
        SDPRTPMap(
            payloadType: type, codec: "opus", clockRate: SDPOpus.clockRate,
            channels: SDPOpus.channels)
    }
}

extension SessionDescription {
    /// An offer or answer of ours around these sections: all that are not refused in one BUNDLE
    /// group, as JSEP wants it (RFC 8829 section 5.2.1).
    public static func bundling(
        _ media: [MediaDescription], origin: SDPOrigin, isICELite: Bool = false
    ) -> SessionDescription {
        var session = SessionDescription(origin: origin)
        let mids = media.filter { !$0.isRefused }.compactMap(\.mid)
        if !mids.isEmpty { session.groups = [SDPGroup(semantics: "BUNDLE", mids: mids)] }
        session.isICELite = isICELite
        session.allowsMixedExtensions = true
        session.otherAttributes = ["msid-semantic: WMS"]
        session.media = media
        return session
    }
}
