// SPDX-License-Identifier: Apache-2.0

/// An SDP text as a value (RFC 8866, in the dialect of WebRTC: RFC 8829).
///
/// What a peer connection needs has a property; every other attribute is kept as text, so that
/// parsing and writing loses nothing but the order of lines. Values that come from outside are
/// written without line breaks, so that no value can smuggle a line into the text.
public struct SessionDescription: Hashable, Sendable {
    /// The fields of the `o=` line that change between descriptions.
    public var origin: SDPOrigin
    /// `s=`, "-" for WebRTC.
    public var name = "-"
    /// `t=`, "0 0" for WebRTC.
    public var timing = "0 0"
    /// The session's own `c=`, where a peer writes one.
    public var connection: String?
    /// `a=group` lines, in order; the first with semantics BUNDLE is ``bundle``.
    public var groups: [SDPGroup] = []
    /// `a=ice-lite`: the peer only answers checks (RFC 8445 section 2.5).
    public var isICELite = false
    /// `a=extmap-allow-mixed`: one- and two-byte header extensions may alternate (RFC 8285).
    public var allowsMixedExtensions = false
    /// ICE, DTLS and direction lines before the first section; they hold for sections without.
    public var transport = SDPTransport()
    /// The m-sections in order.
    ///
    /// Their order never changes in a session; they are never removed.
    public var media: [MediaDescription] = []
    /// Attributes of the session that have no property, without `a=`, in order.
    public var otherAttributes: [String] = []

    /// Creates a description without sections.
    public init(origin: SDPOrigin) {
        self.origin = origin
    }

    /// The mids of the first BUNDLE group; empty without one.
    public var bundle: [String] {
        groups.first { $0.semantics == "BUNDLE" }?.mids ?? []
    }

    /// The ICE and DTLS parameters that hold for `section`: its own lines, else the session's.
    public func effectiveTransport(of section: MediaDescription) -> SDPTransport {
        var result = section.transport
        if result.ufrag == nil, result.password == nil {
            result.ufrag = transport.ufrag
            result.password = transport.password
        }
        if result.options.isEmpty { result.options = transport.options }
        if result.fingerprints.isEmpty { result.fingerprints = transport.fingerprints }
        if result.setup == nil { result.setup = transport.setup }
        return result
    }

    /// The parameters of the one transport that all bundled sections share: those of the section
    /// the BUNDLE group names first, else of the first section that is not refused (RFC 9143).
    public var bundledTransport: SDPTransport? {
        let tagged = bundle.first.flatMap { mid in media.first { $0.mid == mid } }
        guard let section = tagged ?? media.first(where: { !$0.isRefused }) else { return nil }
        return effectiveTransport(of: section)
    }
}

/// What identifies a description and its version: the `o=` line (RFC 8866 section 5.2).
public struct SDPOrigin: Hashable, Sendable {
    /// "-" for WebRTC.
    public var username = "-"
    /// A number that stays for the life of the peer connection.
    public var sessionID: String
    /// Goes up with every description that differs.
    public var version: UInt64
    /// Net type, address type and address, which nobody reads.
    public var address = "IN IP4 127.0.0.1"

    /// Creates an origin.
    public init(sessionID: String, version: UInt64) {
        self.sessionID = sessionID
        self.version = version
    }
}

/// An `a=group` line: sections that belong together (RFC 5888).
public struct SDPGroup: Hashable, Sendable {
    /// For example "BUNDLE" or "LS".
    public var semantics: String
    /// The sections' mids, in the order of the line.
    public var mids: [String]

    /// Creates a group.
    public init(semantics: String, mids: [String]) {
        self.semantics = semantics
        self.mids = mids
    }
}

/// The ICE and DTLS lines of a session or a section.
public struct SDPTransport: Hashable, Sendable {
    /// `a=ice-ufrag`: 4 to 256 characters (RFC 8839 section 5.4).
    public var ufrag: String?
    /// `a=ice-pwd`: 22 to 256 characters.
    public var password: String?
    /// `a=ice-options`, for example "trickle".
    public var options: [String] = []
    /// `a=fingerprint` lines (RFC 8122); a peer may list several hashes.
    public var fingerprints: [SDPFingerprint] = []
    /// `a=setup`: who starts the DTLS handshake (RFC 8842).
    public var setup: SDPSetup?

    /// Creates an empty set.
    public init() {}
}

/// An `a=fingerprint` line: the hash of a certificate (RFC 8122).
public struct SDPFingerprint: Hashable, Sendable {
    /// The hash function's name in lower case, for example "sha-256".
    public var algorithm: String
    /// The hash, as many bytes as the function gives.
    public var bytes: [UInt8]

    /// Creates a fingerprint.
    public init(algorithm: String, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// Parses `sha-256 AB:CD:…`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2 else { return nil }
        var bytes: [UInt8] = []
        for pair in parts[1].split(separator: ":", omittingEmptySubsequences: false) {
            guard pair.utf8.count == 2, pair.utf8.first != UInt8(ascii: "+"),
                let byte = UInt8(pair, radix: 16), bytes.count < Self.bytesMax
            else { return nil }
            bytes.append(byte)
        }
        self.init(algorithm: parts[0].lowercased(), bytes: bytes)
    }

    /// SHA-512 gives 64 bytes; no hash function in use gives more.
    static let bytesMax = 64

    /// The hash in upper-case hexadecimal pairs with colons, as the line has it.
    public var hexadecimal: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 3)
        for byte in bytes {
            if !text.isEmpty { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// `a=setup`: a side's part in the DTLS handshake (RFC 4145, RFC 8842).
public enum SDPSetup: String, Hashable, Sendable {
    /// Sends the ClientHello.
    case active
    /// Waits for the ClientHello.
    case passive
    /// Either; the answerer chooses. Only in offers.
    case actpass
    /// No connection for now.
    case holdconn
}

/// The way media flows, seen from whoever wrote the description.
public enum SDPDirection: String, Hashable, Sendable {
    case sendrecv
    case sendonly
    case recvonly
    case inactive

    /// Creates a direction from what the writer does.
    public init(sends: Bool, receives: Bool) {
        self = sends ? (receives ? .sendrecv : .sendonly) : (receives ? .recvonly : .inactive)
    }

    /// Whether the writer sends.
    public var sends: Bool { self == .sendrecv || self == .sendonly }
    /// Whether the writer receives.
    public var receives: Bool { self == .sendrecv || self == .recvonly }

    /// The same flow seen from the other side.
    public var reversed: SDPDirection { SDPDirection(sends: receives, receives: sends) }
}
