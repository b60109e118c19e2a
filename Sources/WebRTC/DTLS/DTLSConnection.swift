// SPDX-License-Identifier: Apache-2.0
public import Base
internal import COpenSSL

/// One DTLS 1.2 connection over somebody else's datagrams, either role (RFC 6347, RFC 8827).
///
/// Sans-IO: after every call drain `poll()` until nil and wait for `deadline`. OpenSSL's own
/// retransmission timer reads `gettimeofday`; `deadline` is translated from it, and a tick that
/// comes early by that clock does nothing. A wall clock set back during a handshake delays the
/// retransmission, the handshake's own limit holds. Not for use from two threads at once.
///
/// ```
/// new ─start→ connecting ─handshake done, fingerprint matches→ connected ─close_notify→ closed
///  └ datagrams are parked   └ mismatch, alert, time → failed ←──── fatal alert ┘
/// ```
@safe public final class DTLSConnection {
    /// What the connection wants done.
    public enum Output: Sendable {
        /// Send this datagram to the peer.
        case transmit([UInt8])
        /// The connection stands. No keys when the peer wants no SRTP.
        case connected(SRTPKeyingMaterial?)
        /// The peer sent these application bytes.
        case data([UInt8])
        /// The peer ended the connection in good order.
        case closed
        /// The connection is over.
        case failed(DTLSError)
    }

    /// What happened so far.
    public struct Statistics: Hashable, Sendable {
        /// Datagrams given to OpenSSL.
        public var datagramsReceived: UInt64 = 0
        /// Datagrams that are no DTLS, too long, or came when nobody listens any more.
        public var datagramsIgnored: UInt64 = 0
        /// Datagrams that found the waiting list full.
        public var datagramsOverflowed: UInt64 = 0
        /// Datagrams that OpenSSL wrote beyond what one call may produce.
        public var datagramsUnsent: UInt64 = 0
        /// Times a flight of the handshake was sent again.
        public var retransmissions: UInt64 = 0
    }

    /// Longest datagram taken, in bytes: a jumbo frame, beyond which nothing arrives in one piece.
    public static let datagramBytesMax = 9_216
    /// Most application bytes in one record: SCTP's 1,200 and something to spare.
    public static let applicationBytesMax = 1_400
    /// Datagrams kept while they cannot be read yet: a fragmented hello or two, a burst of data.
    /// The newest give way: the peer sends them again.
    static let parkedMax = 16
    /// First retransmission after 100 ms: our peers are servers, a second (RFC 6347 section
    /// 4.2.4.1) is ten round trips. It doubles up to 3 s. In microseconds, as OpenSSL counts.
    fileprivate static let retransmissionFirst: UInt32 = 100_000
    fileprivate static let retransmissionMax: UInt32 = 3_000_000

    /// Our side of the handshake.
    public let role: DTLSRole
    /// Where the connection stands.
    public private(set) var state = DTLSState.new
    /// When `tick` wants to be called; nil when nothing is awaited.
    public private(set) var deadline: Instant?
    /// What happened so far.
    public private(set) var statistics = Statistics()
    /// What was agreed on; nil until connected.
    public private(set) var parameters: DTLSParameters?

    private let certificate: DTLSCertificate  // owns the SSL_CTX
    private let configuration: DTLSConfiguration
    private let connection: OpaquePointer
    private let link = DTLSLink()
    private var isHandshakeDone = false
    private var givesUp: Instant?
    private var lastNow = Instant.zero
    private var parked: [[UInt8]] = []
    private var longestDatagram = 0
    private var outputs = OutputQueue<Output>()

    /// Prepares a connection; nothing is sent before `start`.
    ///
    /// `remoteFingerprints` are those of the peer's session description, nil while it is not here.
    public init(
        role: DTLSRole, certificate: DTLSCertificate, remoteFingerprints: [DTLSFingerprint]? = nil,
        configuration: DTLSConfiguration = DTLSConfiguration()
    ) throws(DTLSError) {
        self.role = role
        self.certificate = certificate
        self.configuration = configuration
        link.expected = remoteFingerprints
        ERR_clear_error()
        let made = unsafe SSL_new(certificate.context)
        guard let connection = unsafe made, let bio = unsafe link.makeBIO() else {
            unsafe SSL_free(made)
            throw .libraryFailure(call: "SSL_new", code: OpenSSLError.take())
        }
        unsafe SSL_set_bio(connection, bio, bio)
        let refused = unsafe Self.set(connection, configuration, role)
        guard refused == nil else {
            unsafe SSL_free(connection)
            throw .libraryFailure(call: refused ?? "", code: OpenSSLError.take())
        }
        unsafe self.connection = connection
    }

    deinit {
        // Frees the BIO and overwrites the session's keys.
        unsafe SSL_free(connection)
    }

    /// Begins: the client sends its hello, the server reads what came before.
    public func start(at now: Instant) {
        advance(now)
        guard state == .new else { return }
        state = .connecting
        givesUp = lastNow + configuration.handshakeTimeout
        drive()
        unpark()
        rearm()
    }

    /// Says what the signalling announced of the peer's certificate, when it was not known before.
    ///
    /// A connection whose peer has shown another certificate fails.
    public func setRemoteFingerprints(_ fingerprints: [DTLSFingerprint], at now: Instant) {
        advance(now)
        guard state == .new || state == .connecting || state == .connected else { return }
        link.expected = fingerprints
        if isHandshakeDone { checkPeer() }
        unpark()
        rearm()
    }

    /// Takes a datagram from the peer: its first byte is 20 to 63 (RFC 7983).
    public func receive(_ datagram: [UInt8], at now: Instant) {
        advance(now)
        guard datagram.count <= Self.datagramBytesMax, Self.isRecord(datagram) else {
            statistics.datagramsIgnored &+= 1
            return
        }
        deliver(datagram)
        rearm()
    }

    /// Sends application bytes as one record in one datagram.
    public func send(_ bytes: [UInt8], at now: Instant) throws(DTLSSendError) {
        advance(now)
        guard state == .connected else { throw .notConnected }
        guard (1...Self.applicationBytesMax).contains(bytes.count) else {
            throw .unfitLength(bytes.count)
        }
        ERR_clear_error()
        let written = unsafe SSL_write(connection, bytes, Int32(bytes.count))
        flush()
        if written <= 0 { fail(takeError(result: written)) }
        rearm()
    }

    /// Sends again what the peer did not answer, and gives up when it is time.
    public func tick(at now: Instant) {
        advance(now)
        defer { rearm() }
        guard state == .connecting else { return }
        if let givesUp, lastNow >= givesUp {
            fail(.timedOut)
            return
        }
        ERR_clear_error()
        let result = unsafe copenssl_dtls_handle_timeout(connection)
        flush()
        if result > 0 { statistics.retransmissions &+= 1 }
        // OpenSSL counts to twelve, then it gives up itself.
        if result < 0 { fail(.timedOut) }
    }

    /// Ends the connection; a connected peer is told.
    ///
    /// No `closed` follows: that is for the peer's doing.
    public func close(at now: Instant) {
        advance(now)
        if state == .connected {
            ERR_clear_error()
            unsafe SSL_shutdown(connection)
            flush()
        }
        if state != .failed { state = .closed }
        end()
        rearm()
    }

    /// The next thing to do; nil when there is nothing left.
    public func poll() -> Output? {
        outputs.next()
    }

    /// Whether a datagram begins with the header of a DTLS 1.0 or 1.2 record that it holds whole.
    static func isRecord(_ datagram: [UInt8]) -> Bool {
        var reader = ByteReader(datagram)
        guard let type = reader.uint8(), let version = reader.uint16(), reader.skip(8),
            let length = reader.uint16()
        else { return false }
        return (20...25).contains(type) && (version == 0xFEFD || version == 0xFEFF)
            && Int(length) <= reader.remaining
    }
}

// MARK: - OpenSSL

extension DTLSConnection {
    /// Sets up a fresh connection; the name of the call that failed, nil when none did.
    private static func set(
        _ connection: OpaquePointer, _ configuration: DTLSConfiguration, _ role: DTLSRole
    ) -> String? {
        unsafe copenssl_set_mtu(connection, configuration.mtu)
        unsafe DTLS_set_timer_cb(connection, dtlsRetransmissionTime)
        switch role {
        case .client: unsafe SSL_set_connect_state(connection)
        case .server: unsafe SSL_set_accept_state(connection)
        }
        let profiles = configuration.srtpProfiles.map(\.openSSLName).joined(separator: ":")
        // Unlike all others this call returns 0 when it is done.
        if !profiles.isEmpty, unsafe SSL_set_tlsext_use_srtp(connection, profiles) != 0 {
            return "SSL_set_tlsext_use_srtp"
        }
        var names: [UInt8] = []
        for name in configuration.applicationProtocols {
            let bytes = Array(name.utf8.prefix(255))
            names.append(UInt8(bytes.count))
            names += bytes
        }
        // This one too.
        if !names.isEmpty,
            unsafe SSL_set_alpn_protos(connection, names, UInt32(names.count)) != 0
        {
            return "SSL_set_alpn_protos"
        }
        return nil
    }

    private func advance(_ now: Instant) {
        lastNow = max(lastNow, now)
    }

    /// Gives a datagram to OpenSSL, or keeps it until OpenSSL may have it.
    private func deliver(_ datagram: [UInt8]) {
        switch state {
        case .connecting where !isHandshakeDone:
            feed(datagram)
            drive()
        case .connected:
            feed(datagram)
            readApplicationData()
        case .new, .connecting:
            if parked.count < Self.parkedMax {
                parked.append(datagram)
            } else {
                statistics.datagramsOverflowed &+= 1
            }
        case .closed, .failed:
            statistics.datagramsIgnored &+= 1
        }
    }

    private func unpark() {
        let datagrams = parked
        parked = []
        for datagram in datagrams { deliver(datagram) }
    }

    private func feed(_ datagram: [UInt8]) {
        statistics.datagramsReceived &+= 1
        longestDatagram = max(longestDatagram, datagram.count)
        link.incoming = datagram
    }

    /// Lets OpenSSL take the handshake as far as it goes.
    private func drive() {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(connection)
        flush()
        if result == 1 {
            isHandshakeDone = true
            checkPeer()
            if state == .connected { readApplicationData() }
        } else if let error = takeError(result: result) {
            fail(error)
        }
    }

    /// Moves what OpenSSL wrote to the outputs.
    private func flush() {
        for datagram in link.outgoing { outputs.append(.transmit(datagram)) }
        link.outgoing.removeAll(keepingCapacity: true)
        statistics.datagramsUnsent = link.outgoingDropped
    }

    /// After the handshake: the peer has proven to own a certificate; here it must be the right
    /// one.
    private func checkPeer() {
        guard let peer = unsafe SSL_get0_peer_certificate(connection) else {
            fail(.peerCertificateMissing)
            return
        }
        switch unsafe link.judge(peer) {
        case .unknown: return  // waits for the signalling
        case .accepted: break
        case .refused:
            ERR_clear_error()
            unsafe SSL_shutdown(connection)
            flush()
            fail(link.refusal ?? .fingerprintMismatch)
            return
        }
        guard state == .connecting, let fingerprint = unsafe DTLSCertificate.digest(peer, .sha256)
        else { return }
        let chosen = unsafe SSL_get_selected_srtp_profile(connection)
        let number = unsafe chosen?.pointee.id
        let profile = number.flatMap { SRTPProfile(rawValue: UInt16(truncatingIfNeeded: $0)) }
        let suite = unsafe SSL_get_current_cipher(connection)
        let name = unsafe SSL_CIPHER_standard_name(suite)
        parameters = DTLSParameters(
            cipherSuite: unsafe name.map { unsafe String(cString: $0) } ?? "",
            srtpProfile: profile,
            hasExtendedMasterSecret: unsafe copenssl_has_extended_master_secret(connection) == 1,
            remoteFingerprint: fingerprint)
        var keys: SRTPKeyingMaterial?
        if let profile {
            guard let exported = exportKeys(profile) else {
                fail(.libraryFailure(call: "SSL_export_keying_material", code: OpenSSLError.take()))
                return
            }
            keys = exported
        }
        state = .connected
        givesUp = nil
        outputs.append(.connected(keys))
    }

    private func exportKeys(_ profile: SRTPProfile) -> SRTPKeyingMaterial? {
        let count = 2 * (profile.keyLength + profile.saltLength)
        // RFC 5764 section 4.2; no context.
        let label = "EXTRACTOR-dtls_srtp"
        return unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { block in
            let bytes = block.baseAddress
            defer { unsafe OPENSSL_cleanse(bytes, count) }
            let done = unsafe SSL_export_keying_material(
                connection, bytes?.assumingMemoryBound(to: UInt8.self), count, label,
                label.utf8.count, nil, 0, 0)
            guard done == 1 else { return nil }
            return unsafe SRTPKeyingMaterial(
                profile: profile, exported: UnsafeRawBufferPointer(block), role: role)
        }
    }

    /// Reads the records that are there.
    ///
    /// A peer that lost our last flight repeats its own: OpenSSL answers it from here.
    private func readApplicationData() {
        repeat {
            var result: Int32 = 0
            ERR_clear_error()
            // A record is shorter than the datagram it came in, also one that OpenSSL kept back.
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: longestDatagram) {
                buffer, filled in
                result = unsafe SSL_read(connection, buffer.baseAddress, Int32(buffer.count))
                filled = max(0, Int(result))
            }
            flush()
            guard result > 0 else {
                readingEnded(result)
                return
            }
            outputs.append(.data(bytes))
        } while unsafe SSL_has_pending(connection) == 1
    }

    private func readingEnded(_ result: Int32) {
        if unsafe SSL_get_error(connection, result) == SSL_ERROR_ZERO_RETURN {
            unsafe SSL_shutdown(connection)  // answers in kind
            flush()
            state = .closed
            end()
            outputs.append(.closed)
        } else if let error = takeError(result: result) {
            fail(error)
        }
    }

    /// Why a call returned `result`; nil when it only wants more datagrams.
    private func takeError(result: Int32) -> DTLSError? {
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_NONE, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            ERR_clear_error()
            return nil
        default: break
        }
        if let refusal = link.refusal {
            ERR_clear_error()
            return refusal
        }
        let code = OpenSSLError.take()
        let reason = Int(copenssl_error_reason(code))
        if let alert = UInt8(exactly: reason - Int(SSL_AD_REASON_OFFSET)) {
            return .alertReceived(code: alert)
        }
        return switch Int32(reason) {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .peerCertificateMissing
        case SSL_R_READ_TIMEOUT_EXPIRED: .timedOut
        default: .protocolViolation(code: code)
        }
    }

    private func fail(_ error: DTLSError?) {
        guard let error, state != .failed, state != .closed else { return }
        state = .failed
        end()
        outputs.append(.failed(error))
    }

    private func end() {
        parked = []
        link.incoming = nil
        givesUp = nil
    }

    private func rearm() {
        link.incoming = nil  // what OpenSSL did not read in its call it never will
        guard state == .connecting else {
            deadline = nil
            return
        }
        var retransmission: Instant?
        let left = unsafe copenssl_dtls_timeout_us(connection)
        if left >= 0 {
            // A wall clock set back would make it hours.
            let bounded = min(left, Int64(Self.retransmissionMax))
            retransmission = lastNow + .microseconds(bounded)
        }
        deadline = soonest(givesUp, retransmission)
    }
}

/// OpenSSL asks for the time until the next retransmission: 0 is the first.
private func dtlsRetransmissionTime(_ connection: OpaquePointer?, _ previous: UInt32) -> UInt32 {
    previous == 0
        ? DTLSConnection.retransmissionFirst
        : min(previous &* 2, DTLSConnection.retransmissionMax)
}
