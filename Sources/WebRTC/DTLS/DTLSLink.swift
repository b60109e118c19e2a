// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What OpenSSL calls back into: the datagrams of one connection and the check of its peer.
///
/// OpenSSL's memory BIO joins what is written to it, and DTLS needs its datagrams apart; this one
/// gives out one datagram a read and takes one a write.
final class DTLSLink {
    /// Datagrams one call may produce. A flight of the handshake is three at most; what a peer
    /// makes us say beyond this is dropped, and DTLS sends it again.
    static let outgoingMax = 64

    /// RSA of 2,048 bits or a curve of 224: what NIST SP 800-57 calls good until 2030.
    private static let securityBitsMin: Int32 = 112

    /// The datagram that OpenSSL reads next.
    var incoming: [UInt8]?
    /// What OpenSSL wrote, oldest first.
    var outgoing: [[UInt8]] = []
    private(set) var outgoingDropped: UInt64 = 0
    /// What the signalling announced of the peer; nil while unknown.
    var expected: [DTLSFingerprint]?
    /// Why the peer's certificate was refused in the handshake.
    private(set) var refusal: DTLSError?

    /// What to think of the peer's certificate.
    enum Verdict { case accepted, unknown, refused }

    /// Whether `certificate` is what the signalling announced; unknown while that is.
    func judge(_ certificate: OpaquePointer) -> Verdict {
        let bits = unsafe EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate))
        guard bits >= Self.securityBitsMin else {
            refusal = .peerKeyTooWeak
            return .refused
        }
        guard let expected else { return .unknown }
        let isMatch = DTLSFingerprint.decisive(expected).contains { fingerprint in
            unsafe DTLSCertificate.digest(certificate, fingerprint.algorithm) == fingerprint
        }
        if !isMatch { refusal = .fingerprintMismatch }
        return isMatch ? .accepted : .refused
    }

    func write(_ datagram: UnsafeRawBufferPointer) {
        guard outgoing.count < Self.outgoingMax else {
            outgoingDropped &+= 1
            return
        }
        unsafe outgoing.append(Array(datagram))
    }

    /// A BIO that reads and writes here; it does not keep us alive. Nil when memory is short.
    func makeBIO() -> OpaquePointer? {
        guard let bio = unsafe BIO_new(Self.method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    // SAFETY: written once under Swift's lock for statics, then only read by OpenSSL.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(
            BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "one datagram a call")
        unsafe BIO_meth_set_read(method, dtlsLinkRead)
        unsafe BIO_meth_set_write(method, dtlsLinkWrite)
        unsafe BIO_meth_set_ctrl(method, dtlsLinkControl)
        return unsafe method
    }()

    // SAFETY: the address was stored by `makeBIO`; DTLSConnection frees the BIO before its link.
    fileprivate static func of(_ bio: OpaquePointer?) -> DTLSLink? {
        guard let address = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<DTLSLink>.fromOpaque(address).takeUnretainedValue()
    }
}

private func dtlsLinkRead(
    _ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ room: Int32
) -> Int32 {
    guard let link = unsafe DTLSLink.of(bio), let target = unsafe target else { return -1 }
    unsafe copenssl_bio_clear_retry(bio)
    guard let datagram = link.incoming else {
        unsafe copenssl_bio_set_retry_read(bio)
        return -1
    }
    link.incoming = nil
    // SAFETY: OpenSSL lends `room` bytes at `target`; what does not fit is cut off, as a socket
    // does.
    let count = min(datagram.count, Int(room))
    return unsafe datagram.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawPointer(target).copyMemory(
            from: bytes.baseAddress ?? UnsafeRawPointer(target), byteCount: count)
        return Int32(count)
    }
}

private func dtlsLinkWrite(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ count: Int32
) -> Int32 {
    guard let link = unsafe DTLSLink.of(bio), count > 0 else { return -1 }
    unsafe copenssl_bio_clear_retry(bio)
    unsafe link.write(UnsafeRawBufferPointer(start: source, count: Int(count)))
    return count
}

/// IPv6 and UDP headers, which OpenSSL takes off a link's MTU.
private let datagramOverhead = 48

private func dtlsLinkControl(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ argument: UnsafeMutableRawPointer?
) -> Int {
    switch command {
    case BIO_CTRL_FLUSH, BIO_CTRL_DUP: 1
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: datagramOverhead
    default: 0
    }
}

/// Takes the place of OpenSSL's check of certificate chains: WebRTC's certificates are self-signed
/// and stand for what the signalling says of them (RFC 8827 section 6.5).
///
/// An unknown fingerprint lets the handshake go on; DTLSConnection checks it again before it calls
/// itself connected.
func dtlsVerifyPeer(
    _ store: OpaquePointer?, _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    guard
        let connection = unsafe X509_STORE_CTX_get_ex_data(
            store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let link = unsafe DTLSLink.of(SSL_get_rbio(OpaquePointer(connection))),
        let certificate = unsafe X509_STORE_CTX_get0_cert(store)
    else { return 0 }
    guard unsafe link.judge(certificate) == .refused else { return 1 }
    // Becomes the alert bad_certificate, which RFC 8122 section 6.2 asks for.
    unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
    return 0
}
