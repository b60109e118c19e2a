// SPDX-License-Identifier: Apache-2.0
public import Base
internal import COpenSSL

// SAFETY: `context` is set up in `init` alone. Afterwards it is only passed to SSL_new, which
// OpenSSL allows from several threads: it takes references with atomic counts.

/// Our certificate with its private key, and the OpenSSL context that all its connections share.
///
/// Making one costs a signature and the context (about a millisecond); a connection from it costs
/// little. One may serve any number of connections, of both roles, on any threads; connections of
/// one certificate can be linked to each other by who sees them.
@safe public final class DTLSCertificate: @unchecked Sendable {
    /// How long a certificate is good for; as libwebrtc's and Pion's.
    public static let lifetime: Duration = .seconds(30 * 86_400)
    /// Peers' clocks may be behind ours by this much.
    private static let allowedSkew: Int64 = 86_400
    /// Bytes of certificates taken from a peer before it has proven anything: WebRTC's are one of
    /// 300 to 1,500 bytes; OpenSSL would take 100 kB.
    private static let peerCertificatesMax = 16_384

    /// Digest of the certificate, SHA-256, for our session description.
    public let fingerprint: DTLSFingerprint
    /// When the certificate ends.
    public let expires: WallClock
    let context: OpaquePointer

    /// Makes a self-signed certificate with a fresh P-256 key, valid from a day before `now`.
    public init(
        at now: WallClock, commonName: String = "WebRTC", lifetime: Duration = lifetime
    ) throws(DTLSError) {
        ERR_clear_error()
        guard let key = unsafe copenssl_generate_p256() else { throw Self.failure("EVP_EC_gen") }
        defer { unsafe EVP_PKEY_free(key) }
        let ends = now.unixSeconds + lifetime.components.seconds
        guard let certificate = unsafe X509_new() else { throw Self.failure("X509_new") }
        defer { unsafe X509_free(certificate) }
        try unsafe Self.fill(
            certificate, key, name: commonName, from: now.unixSeconds - Self.allowedSkew, to: ends)
        guard let fingerprint = unsafe Self.digest(certificate, .sha256) else {
            throw Self.failure("X509_digest")
        }
        let context = try unsafe Self.makeContext(certificate, key)
        self.fingerprint = fingerprint
        self.expires = WallClock(unixMilliseconds: ends * 1_000)
        unsafe self.context = context
    }

    deinit {
        unsafe SSL_CTX_free(context)
    }

    /// The digest of any certificate.
    static func digest(
        _ certificate: OpaquePointer, _ algorithm: DTLSFingerprint.Algorithm
    ) -> DTLSFingerprint? {
        let kind =
            switch algorithm {
            case .sha1: unsafe EVP_sha1()
            case .sha256: unsafe EVP_sha256()
            case .sha384: unsafe EVP_sha384()
            case .sha512: unsafe EVP_sha512()
            }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, kind, &bytes, &length) == 1 else { return nil }
        return DTLSFingerprint(algorithm: algorithm, bytes: Array(bytes.prefix(Int(length))))
    }

    private static func fill(
        _ certificate: OpaquePointer, _ key: OpaquePointer, name: String, from start: Int64,
        to end: Int64
    ) throws(DTLSError) {
        var serial: UInt64 = 0
        _ = unsafe withUnsafeMutableBytes(of: &serial) { bytes in
            unsafe RAND_bytes(bytes.baseAddress, Int32(bytes.count))
        }
        // Positive and not zero (RFC 5280 section 4.1.2.2).
        serial = serial >> 1 | 1
        let subject = unsafe X509_get_subject_name(certificate)
        let done =
            unsafe X509_set_version(certificate, 2) == 1
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1
            && ASN1_TIME_set(X509_getm_notBefore(certificate), Int(start)) != nil
            && ASN1_TIME_set(X509_getm_notAfter(certificate), Int(end)) != nil
            && X509_set_pubkey(certificate, key) == 1
            && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1
            && X509_set_issuer_name(certificate, subject) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
        guard done else { throw failure("X509_sign") }
    }

    private static func makeContext(
        _ certificate: OpaquePointer, _ key: OpaquePointer
    ) throws(DTLSError) -> OpaquePointer {
        guard let context = unsafe SSL_CTX_new(DTLS_method()) else { throw failure("SSL_CTX_new") }
        // Set one by one, so that the machine's openssl.cnf decides nothing. The orders are those
        // of LiveKit's servers with the cheap ones first.
        let done =
            unsafe copenssl_ctx_set_dtls12_only(context) == 1
            && SSL_CTX_set_cipher_list(context, cipherSuites) == 1
            && copenssl_ctx_set_groups(context, "X25519:P-256:P-384") == 1
            && copenssl_ctx_set_signature_algorithms(context, signatureAlgorithms) == 1
            && SSL_CTX_use_certificate(context, certificate) == 1
            && SSL_CTX_use_PrivateKey(context, key) == 1
        guard done else {
            let error = failure("SSL_CTX")
            unsafe SSL_CTX_free(context)
            throw error
        }
        unsafe SSL_CTX_set_security_level(context, 2)  // 112 bits: RSA 2,048, SHA-256
        unsafe copenssl_ctx_set_no_resumption(context)
        unsafe copenssl_ctx_set_dtls_options(context)
        unsafe copenssl_ctx_set_max_certificates(context, peerCertificatesMax)
        unsafe SSL_CTX_set_verify(
            context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        unsafe SSL_CTX_set_cert_verify_callback(context, dtlsVerifyPeer, nil)
        return unsafe context
    }

    private static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")

    private static let signatureAlgorithms = [
        "ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512", "ed25519", "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512", "RSA+SHA256", "RSA+SHA384", "RSA+SHA512",
    ].joined(separator: ":")

    private static func failure(_ call: String) -> DTLSError {
        .libraryFailure(call: call, code: OpenSSLError.take())
    }
}
