// SPDX-License-Identifier: Apache-2.0

/// Which side of the handshake we are: `a=setup:active` is the client (RFC 8842).
public enum DTLSRole: Hashable, Sendable {
    /// Sends the ClientHello.
    case client
    /// Waits for the ClientHello.
    case server
}

/// Where a connection stands, in the words of W3C's RTCDtlsTransportState.
public enum DTLSState: Hashable, Sendable {
    /// Not started; what arrives is kept for later.
    case new
    /// Handshake under way, or done and waiting for the peer's fingerprint.
    case connecting
    /// The peer has proven the certificate that the signalling announced.
    case connected
    /// Ended by either side in good order.
    case closed
    /// Ended by an error.
    case failed
}

/// What a connection may do and how long it may take.
public struct DTLSConfiguration: Sendable {
    /// SRTP profiles, most wanted first. As server our order decides, as client the peer's.
    /// Empty: no SRTP, data channels only.
    public var srtpProfiles = SRTPProfile.supported
    /// Largest datagram of the handshake, in bytes: 1,200 passes every path that carries WebRTC
    /// (IPv6's minimum of 1,280 less IPv6, UDP and a TURN header).
    public var mtu = 1_200
    /// From `start` until the connection must stand. Fourteen flights fit in it.
    public var handshakeTimeout: Duration = .seconds(30)
    /// ALPN names offered as client (RFC 8833), most wanted first; usually none.
    public var applicationProtocols: [String] = []

    /// The settings of a WebRTC endpoint.
    public init() {}
}

/// Why a connection failed.
public enum DTLSError: Error, Hashable, Sendable {
    /// The peer's certificate is not the one announced in the session description.
    case fingerprintMismatch
    /// The peer showed no certificate.
    case peerCertificateMissing
    /// The peer's key can be broken (less than 112 bits; RSA below 2,048).
    case peerKeyTooWeak
    /// The handshake did not end in time.
    case timedOut
    /// The peer ended the connection with this fatal alert (RFC 8446 section 6).
    case alertReceived(code: UInt8)
    /// The peer broke the protocol, or has nothing in common with us; OpenSSL's error code.
    case protocolViolation(code: UInt)
    /// OpenSSL could not do what must be possible; the call and its error code.
    case libraryFailure(call: String, code: UInt)
}

extension DTLSError: CustomStringConvertible {
    /// The reason in words for a log; holds no secrets.
    public var description: String {
        switch self {
        case .fingerprintMismatch:
            "the peer's certificate does not match the fingerprint in its session description"
        case .peerCertificateMissing: "the peer showed no certificate"
        case .peerKeyTooWeak: "the key in the peer's certificate is too weak"
        case .timedOut: "the DTLS handshake did not end in time"
        case .alertReceived(let code): "the peer sent the fatal alert \(code)"
        case .protocolViolation(let code): "DTLS protocol violation (\(OpenSSLError.text(code)))"
        case .libraryFailure(let call, let code):
            "OpenSSL refused \(call) (\(OpenSSLError.text(code)))"
        }
    }
}

/// Why bytes were not sent.
public enum DTLSSendError: Error, Hashable, Sendable {
    /// The connection does not stand yet, or no more.
    case notConnected
    /// Empty, or more than `DTLSConnection.applicationBytesMax`.
    case unfitLength(Int)
}

/// What was agreed on, for statistics.
public struct DTLSParameters: Hashable, Sendable {
    /// The cipher suite's name in the IANA registry.
    public var cipherSuite: String
    /// The SRTP profile; nil when the peer wants no SRTP.
    public var srtpProfile: SRTPProfile?
    /// Whether the master secret is bound to the whole handshake (RFC 7627).
    public var hasExtendedMasterSecret: Bool
    /// The peer's certificate, by SHA-256.
    public var remoteFingerprint: DTLSFingerprint
}
