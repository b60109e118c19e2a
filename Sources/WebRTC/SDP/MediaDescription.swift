// SPDX-License-Identifier: Apache-2.0

/// One m-section of a description: a medium, or the data channels.
public struct MediaDescription: Hashable, Sendable {
    /// What flows in the section.
    public var kind: SDPMediaKind
    /// 0 refuses the section, 9 says that candidates come by other means (RFC 8829 section 5.2.1).
    public var port: UInt16
    /// "UDP/TLS/RTP/SAVPF" for media, "UDP/DTLS/SCTP" for data channels.
    public var transportProtocol: String
    /// Payload types in order of preference, or "webrtc-datachannel".
    public var formats: [String]
    /// `c=`, of no meaning under ICE.
    public var connection: String? = "IN IP4 0.0.0.0"
    /// `a=mid`: the section's name in groups, candidates and packets (RFC 5888).
    public var mid: String?
    /// The section's own ICE and DTLS lines.
    public var transport = SDPTransport()
    /// The direction line, nil where there is none.
    public var directionLine: SDPDirection?
    /// `a=rtcp-mux`: RTP and RTCP share one flow (RFC 5761).
    public var isRTCPMultiplexed = false
    /// `a=rtcp-rsize`: RTCP packets need not be compound (RFC 5506).
    public var allowsReducedSizeRTCP = false
    /// `a=extmap` lines (RFC 8285).
    public var extensions: [SDPHeaderExtension] = []
    /// `a=rtpmap` lines.
    public var rtpMaps: [SDPRTPMap] = []
    /// `a=fmtp` lines.
    public var formatParameters: [SDPFormatParameters] = []
    /// `a=rtcp-fb` lines.
    public var feedback: [SDPFeedback] = []
    /// `a=msid` lines: stream and track of what the writer sends (RFC 8830).
    public var mediaStreams: [SDPMediaStreamID] = []
    /// `a=ssrc` lines, in order (RFC 5576).
    public var sources: [SDPSourceAttribute] = []
    /// `a=candidate` lines as they stand after `a=`, so with "candidate:" in front.
    public var candidates: [String] = []
    /// `a=end-of-candidates`: no more will come (RFC 8840).
    public var hasAllCandidates = false
    /// `a=sctp-port` (RFC 8841).
    public var sctpPort: UInt16?
    /// `a=max-message-size` in bytes; 0 says without limit (RFC 8841 section 6).
    public var maxMessageSize: UInt64?
    /// Attributes that have no property, without `a=`, in order.
    public var otherAttributes: [String] = []

    /// Creates a section with nothing but its m-line.
    public init(kind: SDPMediaKind, port: UInt16, transportProtocol: String, formats: [String]) {
        self.kind = kind
        self.port = port
        self.transportProtocol = transportProtocol
        self.formats = formats
    }

    /// The direction; sendrecv where no line says it (RFC 8866 section 6.7).
    public var direction: SDPDirection {
        get { directionLine ?? .sendrecv }
        set { directionLine = newValue }
    }

    /// Whether the section is refused: port 0, and not a bundle-only section of an offer.
    public var isRefused: Bool {
        port == 0 && !otherAttributes.contains("bundle-only")
    }

    /// The distinct SSRCs of the `a=ssrc` lines, in order of appearance.
    public var ssrcs: [UInt32] {
        var result: [UInt32] = []
        for source in sources where !result.contains(source.ssrc) { result.append(source.ssrc) }
        return result
    }

    /// The value of an `a=ssrc` attribute, for example of "cname".
    public func sourceValue(_ attribute: String, of ssrc: UInt32) -> String? {
        sources.first { $0.ssrc == ssrc && $0.attribute == attribute }?.value
    }

    /// The first payload type, in the order of the m-line, that carries this codec.
    public func payloadType(ofCodec name: String, clockRate: UInt32, channels: UInt8) -> UInt8? {
        for format in formats {
            guard let type = UInt8(format) else { continue }
            let carries = rtpMaps.contains {
                $0.payloadType == type && $0.clockRate == clockRate && $0.channels == channels
                    && $0.codec.lowercased() == name.lowercased()
            }
            if carries { return type }
        }
        return nil
    }

    /// The text of the payload type's `a=fmtp` line.
    public func parameters(of payloadType: UInt8) -> String? {
        formatParameters.first { $0.payloadType == payloadType }?.text
    }

    /// The id of a header extension, whatever its direction.
    public func extensionID(_ uri: String) -> UInt8? {
        extensions.first { $0.uri == uri }?.id
    }
}

/// What an m-section carries.
public enum SDPMediaKind: Hashable, Sendable {
    case audio
    case video
    case application
    /// A kind that WebRTC does not use; such a section is always refused.
    case other(String)

    /// Creates a kind from the m-line's first word.
    public init(_ word: String) {
        switch word {
        case "audio": self = .audio
        case "video": self = .video
        case "application": self = .application
        default: self = .other(word)
        }
    }

    /// The m-line's first word.
    public var word: String {
        switch self {
        case .audio: "audio"
        case .video: "video"
        case .application: "application"
        case .other(let word): word
        }
    }
}

/// An `a=rtpmap` line: which codec a payload type stands for.
public struct SDPRTPMap: Hashable, Sendable {
    /// 0 to 127.
    public var payloadType: UInt8
    /// The encoding name; compare without regard to case.
    public var codec: String
    /// RTP clock in Hz.
    public var clockRate: UInt32
    /// Channels; 1 where the line says nothing.
    public var channels: UInt8

    /// Creates a map.
    public init(payloadType: UInt8, codec: String, clockRate: UInt32, channels: UInt8 = 1) {
        self.payloadType = payloadType
        self.codec = codec
        self.clockRate = clockRate
        self.channels = channels
    }
}

/// An `a=fmtp` line: a codec's parameters, as text.
public struct SDPFormatParameters: Hashable, Sendable {
    /// 0 to 127.
    public var payloadType: UInt8
    /// For example "minptime=10;useinbandfec=1".
    public var text: String

    /// Creates parameters.
    public init(payloadType: UInt8, text: String) {
        self.payloadType = payloadType
        self.text = text
    }

    /// The value of a `key=value` pair; an empty string for a key alone; nil when absent.
    public func value(of key: String) -> String? {
        for pair in text.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].drop { $0 == " " }
            if name == key { return parts.count == 2 ? String(parts[1]) : "" }
        }
        return nil
    }
}

/// An `a=rtcp-fb` line (RFC 4585).
public struct SDPFeedback: Hashable, Sendable {
    /// Nil stands for `*`, every payload type of the section.
    public var payloadType: UInt8?
    /// For example "nack" or "ccm fir".
    public var value: String

    /// Creates a line.
    public init(payloadType: UInt8?, value: String) {
        self.payloadType = payloadType
        self.value = value
    }
}

/// An `a=extmap` line: the number of a header extension (RFC 8285 section 8).
public struct SDPHeaderExtension: Hashable, Sendable {
    /// 1 to 14 fit the one-byte form, up to 255 the two-byte form.
    public var id: UInt8
    /// The direction after the number, where a line gives one.
    public var direction: SDPDirection?
    /// The extension's name.
    public var uri: String
    /// What follows the name.
    public var attributes: String?

    /// Creates a line.
    public init(
        id: UInt8, uri: String, direction: SDPDirection? = nil, attributes: String? = nil
    ) {
        self.id = id
        self.uri = uri
        self.direction = direction
        self.attributes = attributes
    }
}

/// An `a=msid` line (RFC 8830).
public struct SDPMediaStreamID: Hashable, Sendable {
    /// The stream's name, "-" for none.
    public var stream: String
    /// The track's name, where the line gives one.
    public var track: String?

    /// Creates a line.
    public init(stream: String, track: String? = nil) {
        self.stream = stream
        self.track = track
    }
}

/// An `a=ssrc` line (RFC 5576).
public struct SDPSourceAttribute: Hashable, Sendable {
    /// The stream's synchronization source.
    public var ssrc: UInt32
    /// "cname", "msid" and others.
    public var attribute: String
    /// What follows the colon.
    public var value: String?

    /// Creates a line.
    public init(ssrc: UInt32, attribute: String, value: String?) {
        self.ssrc = ssrc
        self.attribute = attribute
        self.value = value
    }
}
