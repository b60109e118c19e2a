// SPDX-License-Identifier: Apache-2.0

extension SessionDescription {
    /// The SDP text, lines ended by CR LF.
    public var text: String {
        var writer = SDPLineWriter()
        writer.line("v", "0")
        let o = origin
        writer.line("o", "\(o.username) \(o.sessionID) \(o.version) \(o.address)")
        writer.line("s", name)
        if let connection { writer.line("c", connection) }
        writer.line("t", timing)
        for group in groups {
            writer.attribute("group", ([group.semantics] + group.mids).joined(separator: " "))
        }
        if isICELite { writer.attribute("ice-lite") }
        if allowsMixedExtensions { writer.attribute("extmap-allow-mixed") }
        for other in otherAttributes { writer.attribute(other) }
        writer.transport(transport)
        for section in media { writer.section(section) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

private struct SDPLineWriter {
    var bytes: [UInt8] = []

    /// Line breaks and zero bytes inside a value are left out: a value is never more than a line.
    mutating func line(_ type: Character, _ value: String) {
        bytes.append(contentsOf: String(type).utf8)
        bytes.append(UInt8(ascii: "="))
        for byte in value.utf8 where byte != 10 && byte != 13 && byte != 0 { bytes.append(byte) }
        bytes.append(13)
        bytes.append(10)
    }

    mutating func attribute(_ name: String, _ value: String? = nil) {
        line("a", value.map { "\(name):\($0)" } ?? name)
    }

    mutating func transport(_ transport: SDPTransport) {
        if let ufrag = transport.ufrag { attribute("ice-ufrag", ufrag) }
        if let password = transport.password { attribute("ice-pwd", password) }
        if !transport.options.isEmpty {
            attribute("ice-options", transport.options.joined(separator: " "))
        }
        for fingerprint in transport.fingerprints {
            attribute("fingerprint", "\(fingerprint.algorithm) \(fingerprint.hexadecimal)")
        }
        if let setup = transport.setup { attribute("setup", setup.rawValue) }
    }

    mutating func section(_ media: MediaDescription) {
        let formats = media.formats.joined(separator: " ")
        line("m", "\(media.kind.word) \(media.port) \(media.transportProtocol) \(formats)")
        if let connection = media.connection { line("c", connection) }
        transport(media.transport)
        if let mid = media.mid { attribute("mid", mid) }
        for item in media.extensions {
            let direction = item.direction.map { "/\($0.rawValue)" } ?? ""
            let attributes = item.attributes.map { " \($0)" } ?? ""
            attribute("extmap", "\(item.id)\(direction) \(item.uri)\(attributes)")
        }
        if let direction = media.directionLine { attribute(direction.rawValue) }
        for stream in media.mediaStreams {
            attribute("msid", stream.track.map { "\(stream.stream) \($0)" } ?? stream.stream)
        }
        if media.isRTCPMultiplexed { attribute("rtcp-mux") }
        if media.allowsReducedSizeRTCP { attribute("rtcp-rsize") }
        codecs(media)
        if let port = media.sctpPort { attribute("sctp-port", "\(port)") }
        if let size = media.maxMessageSize { attribute("max-message-size", "\(size)") }
        for other in media.otherAttributes { attribute(other) }
        for source in media.sources {
            let value = source.value.map { ":\($0)" } ?? ""
            attribute("ssrc", "\(source.ssrc) \(source.attribute)\(value)")
        }
        for candidate in media.candidates { attribute(candidate) }
        if media.hasAllCandidates { attribute("end-of-candidates") }
    }

    mutating func codecs(_ media: MediaDescription) {
        for map in media.rtpMaps {
            let channels = map.channels == 1 ? "" : "/\(map.channels)"
            attribute("rtpmap", "\(map.payloadType) \(map.codec)/\(map.clockRate)\(channels)")
        }
        for item in media.feedback {
            attribute("rtcp-fb", "\(item.payloadType.map { "\($0)" } ?? "*") \(item.value)")
        }
        for item in media.formatParameters {
            attribute("fmtp", "\(item.payloadType) \(item.text)")
        }
    }
}
