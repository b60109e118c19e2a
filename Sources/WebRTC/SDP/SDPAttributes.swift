// SPDX-License-Identifier: Apache-2.0

extension SDPTransport {
    /// Takes an attribute that a session or a section may have; false when it is none of these.
    mutating func take(
        _ name: Substring, _ value: Substring?, malformed: SDPError
    ) throws(SDPError) -> Bool {
        switch name {
        case "ice-ufrag":
            guard let value, (4...256).contains(value.utf8.count), value.isICEText else {
                throw malformed
            }
            ufrag = String(value)
        case "ice-pwd":
            guard let value, (22...256).contains(value.utf8.count), value.isICEText else {
                throw malformed
            }
            password = String(value)
        case "ice-options":
            options = (value ?? "").split(separator: " ").map(String.init)
        case "fingerprint":
            guard let value, let fingerprint = SDPFingerprint(value) else { throw malformed }
            fingerprints.append(fingerprint)
        case "setup":
            guard let value, let setup = SDPSetup(rawValue: String(value)) else { throw malformed }
            self.setup = setup
        default:
            return false
        }
        return true
    }
}

extension MediaDescription {
    /// Takes an attribute of a section other than its mid.
    mutating func take(
        _ name: Substring, _ value: Substring?, whole: Substring, malformed: SDPError
    ) throws(SDPError) {
        if try transport.take(name, value, malformed: malformed) { return }
        if takeFlag(name, value) { return }
        guard let value else {
            otherAttributes.append(String(whole))
            return
        }
        switch name {
        case "candidate": candidates.append(String(whole))
        case "sctp-port":
            guard let port = UInt16(value), port != 0 else { throw malformed }
            sctpPort = port
        case "max-message-size":
            guard let size = UInt64(value) else { throw malformed }
            maxMessageSize = size
        case "msid":
            let words = value.split(separator: " ", maxSplits: 1)
            guard let stream = words.first else { throw malformed }
            let track = words.count == 2 ? String(words[1]) : nil
            mediaStreams.append(SDPMediaStreamID(stream: String(stream), track: track))
        default:
            if try takeCodec(name, value, malformed: malformed) { return }
            otherAttributes.append(String(whole))
        }
    }

    private mutating func takeFlag(_ name: Substring, _ value: Substring?) -> Bool {
        guard value == nil else { return false }
        switch name {
        case "rtcp-mux": isRTCPMultiplexed = true
        case "rtcp-rsize": allowsReducedSizeRTCP = true
        case "end-of-candidates": hasAllCandidates = true
        default:
            guard let direction = SDPDirection(rawValue: String(name)) else { return false }
            directionLine = direction
        }
        return true
    }

    private mutating func takeCodec(
        _ name: Substring, _ value: Substring, malformed: SDPError
    ) throws(SDPError) -> Bool {
        switch name {
        case "rtpmap":
            guard let map = SDPRTPMap(value) else { throw malformed }
            rtpMaps.append(map)
        case "fmtp":
            // A section of another kind may number its formats otherwise; such a line is kept.
            guard let (type, text) = Self.typed(value), let type else { return false }
            formatParameters.append(SDPFormatParameters(payloadType: type, text: text))
        case "rtcp-fb":
            guard let (type, text) = Self.typed(value) else { throw malformed }
            feedback.append(SDPFeedback(payloadType: type, value: text))
        case "extmap":
            guard let item = SDPHeaderExtension(value) else { throw malformed }
            extensions.append(item)
        case "ssrc":
            guard let source = SDPSourceAttribute(value) else { throw malformed }
            sources.append(source)
        default:
            return false
        }
        return true
    }

    /// Splits "111 text" and "* text".
    private static func typed(_ value: Substring) -> (UInt8?, String)? {
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return nil }
        if words[0] == "*" { return (nil, String(words[1])) }
        guard let type = UInt8(words[0]), type < 128 else { return nil }
        return (type, String(words[1]))
    }
}

extension SDPRTPMap {
    /// Parses "111 opus/48000/2".
    init?(_ value: Substring) {
        let words = value.split(separator: " ")
        guard words.count == 2, let type = UInt8(words[0]), type < 128 else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), !parts[0].isEmpty, let rate = UInt32(parts[1])
        else { return nil }
        var channels: UInt8 = 1
        if parts.count == 3 {
            guard let count = UInt8(parts[2]), count > 0 else { return nil }
            channels = count
        }
        self.init(
            payloadType: type, codec: String(parts[0]), clockRate: rate, channels: channels)
    }
}

extension SDPHeaderExtension {
    /// Parses "1 urn:…", "2/recvonly urn:… attributes".
    init?(_ value: Substring) {
        let words = value.split(separator: " ", maxSplits: 2)
        guard words.count >= 2 else { return nil }
        let number = words[0].split(separator: "/", omittingEmptySubsequences: false)
        // RFC 8285 also allows 4096 and up in offers that await a number; browsers never do.
        guard (1...2).contains(number.count), let id = UInt8(number[0]), id != 0 else {
            return nil
        }
        var direction: SDPDirection?
        if number.count == 2 {
            guard let value = SDPDirection(rawValue: String(number[1])) else { return nil }
            direction = value
        }
        self.init(
            id: id, uri: String(words[1]), direction: direction,
            attributes: words.count == 3 ? String(words[2]) : nil)
    }
}

extension SDPSourceAttribute {
    /// Parses "1234 cname:text".
    init?(_ value: Substring) {
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2, let ssrc = UInt32(words[0]) else { return nil }
        let parts = words[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(
            ssrc: ssrc, attribute: String(parts[0]),
            value: parts.count == 2 ? String(parts[1]) : nil)
    }
}

extension Substring {
    /// Whether all characters are ice-chars (RFC 8839 section 5.4) or one of "-_=", which some
    /// implementations use: nothing that could break out of a line or a STUN user name.
    fileprivate var isICEText: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "="):
                true
            default: false
            }
        }
    }
}
