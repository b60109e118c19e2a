// SPDX-License-Identifier: Apache-2.0

/// Where a LiveKit server's signalling is, from the address that people configure.
///
/// Takes `ws`, `wss`, `http` and `https`, keeps a path before `/rtc`, forgives a trailing slash
/// and a `/rtc` that is already there. Holds no secret: the token goes into a header.
public struct SignalURL: Hashable, Sendable {
    /// Whether TLS is spoken.
    public let isSecure: Bool
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// The port; that of the scheme where none is written.
    public let port: UInt16
    /// What stands before `/rtc`: empty, or `/…` without a slash at its end.
    public let prefix: String

    /// What is wrong with an address.
    public enum ParseError: Error, Equatable, Sendable {
        /// Not `ws://`, `wss://`, `http://` or `https://`.
        case unknownScheme
        /// No host, or one with characters that no host has.
        case invalidHost
        /// A port that is no number in 1…65535.
        case invalidPort
        /// A name and password before the host: they would end in logs.
        case userInfo
        /// A query or fragment, or characters that a path cannot have.
        case invalidPath
        /// Longer than `maxLength`.
        case tooLong
    }

    /// The longest address, in bytes.
    public static let maxLength = 2048

    /// Reads an address such as `wss://example.livekit.cloud` or `http://127.0.0.1:7880/lk`.
    ///
    /// - Throws: `ParseError`.
    public init(_ text: String) throws(ParseError) {
        guard text.utf8.count <= Self.maxLength else { throw .tooLong }
        var trimmed = text.drop { $0 == " " }
        while trimmed.last == " " { trimmed.removeLast() }
        guard let mark = trimmed.firstIndex(of: ":"), trimmed[mark...].hasPrefix("://") else {
            throw .unknownScheme
        }
        switch trimmed[..<mark].lowercased() {
        case "ws", "http": isSecure = false
        case "wss", "https": isSecure = true
        default: throw .unknownScheme
        }
        let rest = trimmed[trimmed.index(mark, offsetBy: 3)...]
        let authority = rest.prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else { throw .userInfo }
        (host, port) = try Self.hostAndPort(authority, standard: isSecure ? 443 : 80)
        var segments = try Self.segments(rest[authority.endIndex...])
        if segments.last == "rtc" { segments.removeLast() }
        prefix = segments.map { "/" + $0 }.joined()
    }

    private static func hostAndPort(
        _ authority: Substring, standard: UInt16
    ) throws(ParseError) -> (String, UInt16) {
        var host = authority
        var digits: Substring?
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else { throw .invalidHost }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let tail = authority[authority.index(after: close)...]
            guard host.contains(":"),
                host.utf8.allSatisfy({ isHexadecimal($0) || $0 == 58 || $0 == 46 })
            else { throw .invalidHost }
            guard tail.isEmpty || tail.first == ":" else { throw .invalidPort }
            digits = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            digits = authority[authority.index(after: colon)...]
        }
        guard authority.first == "[" || (!host.isEmpty && host.utf8.allSatisfy(isHostByte)) else {
            throw .invalidHost
        }
        guard let digits else { return (host.lowercased(), standard) }
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits),
            port > 0
        else { throw .invalidPort }
        return (host.lowercased(), port)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte | 0x20)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte | 0x20) || "-._".utf8.contains(byte)
    }

    private static func segments(_ path: Substring) throws(ParseError) -> [Substring] {
        guard path.utf8.allSatisfy({ $0 > 32 && $0 < 127 && !#"?#"<>\^`{|}"#.utf8.contains($0) })
        else { throw .invalidPath }
        return path.split(separator: "/", omittingEmptySubsequences: true)
    }

    /// The host as it stands in an address, with the port where it is not the scheme's.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The path and query that open signalling for a new participant.
    public func joinTarget(client: ClientDescription) -> String {
        "\(prefix)/rtc?" + client.query
    }

    /// The path and query that take up the participant's session again after signalling broke.
    ///
    /// - Parameters:
    ///   - client: the same as at the join.
    ///   - sid: the participant's sid from the join.
    ///   - reason: the number of LiveKit's `ReconnectReason`.
    /// - Returns: the request's target.
    public func resumeTarget(client: ClientDescription, sid: String, reason: Int) -> String {
        let sid = ClientDescription.escaped(sid)
        return "\(prefix)/rtc?\(client.query)&reconnect=1&sid=\(sid)&reconnect_reason=\(reason)"
    }
}

extension SignalURL: CustomStringConvertible {
    /// The address without the path to signalling.
    public var description: String { "\(isSecure ? "wss" : "ws")://\(authority)\(prefix)" }
}

/// What a client tells the server about itself when it joins.
public struct ClientDescription: Hashable, Sendable {
    /// The signal protocol that this code speaks. 16 would add being moved between rooms, which
    /// is handled but not asked for; 17 adds nothing for audio.
    public static let signalProtocol = 15

    /// The program's version.
    public var version: String
    /// Whether all tracks are sent unasked.
    public var autoSubscribe: Bool

    /// Describes a client that subscribes what it wants by itself.
    public init(version: String, autoSubscribe: Bool = false) {
        self.version = version
        self.autoSubscribe = autoSubscribe
    }

    /// `sdk=cpp` is a client of which the server assumes nothing special.
    var query: String {
        "protocol=\(Self.signalProtocol)&client_protocol=0&auto_subscribe=\(autoSubscribe ? 1 : 0)"
            + "&adaptive_stream=0&sdk=cpp&version=\(Self.escaped(version))&os=linux"
    }

    /// Percent-encoding of everything but RFC 3986's unreserved characters.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                escaped += byte < 16 ? "%0" + digits : "%" + digits
            }
        }
        return escaped
    }
}
