// SPDX-License-Identifier: Apache-2.0
import COpenSSL

@testable import WebRTC

/// A peer that is not ours: plain OpenSSL with the settings a test asks for.
final class DTLSForeignPeer {
    enum Key {
        case none, p256, p384, rsa(Int32)
    }

    struct Settings {
        var role = DTLSRole.client
        var key = Key.p256
        var ciphers = "ALL:@SECLEVEL=0"
        var lowestVersion = DTLS1_VERSION
        var highestVersion = DTLS1_2_VERSION
        var groups = "X25519:P-256:P-384"
        var srtpProfiles = "SRTP_AES128_CM_SHA1_80"
        var hasExtendedMasterSecret = true
        /// Bytes of names that swell the hello, as key shares of large algorithms do.
        var extraHelloBytes = 0
        var mtu = 1_200
    }

    private(set) var isConnected = false
    private(set) var isBroken = false
    private(set) var fingerprint: DTLSFingerprint?
    private let connection: OpaquePointer?
    private let link = DTLSLink()

    init(_ settings: Settings) {
        let context = SSL_CTX_new(DTLS_method())
        defer { SSL_CTX_free(context) }
        let limits = [
            (SSL_CTRL_SET_MIN_PROTO_VERSION, settings.lowestVersion),
            (SSL_CTRL_SET_MAX_PROTO_VERSION, settings.highestVersion),
        ]
        for (command, version) in limits {
            precondition(SSL_CTX_ctrl(context, command, Int(version), nil) == 1)
        }
        SSL_CTX_set_security_level(context, 0)
        precondition(SSL_CTX_set_cipher_list(context, settings.ciphers) == 1)
        precondition(copenssl_ctx_set_groups(context, settings.groups) == 1)
        if !settings.hasExtendedMasterSecret { SSL_CTX_set_options(context, 1) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
        if let key = Self.makeKey(settings.key) {
            let certificate = Self.makeCertificate(key)
            fingerprint = certificate.flatMap { DTLSCertificate.digest($0, .sha256) }
            SSL_CTX_use_certificate(context, certificate)
            SSL_CTX_use_PrivateKey(context, key)
            X509_free(certificate)
            EVP_PKEY_free(key)
        }
        copenssl_ctx_set_dtls_options(context)
        connection = SSL_new(context)
        SSL_set_tlsext_use_srtp(connection, settings.srtpProfiles)
        let names = Self.names(settings.extraHelloBytes)
        if !names.isEmpty { SSL_set_alpn_protos(connection, names, UInt32(names.count)) }
        copenssl_set_mtu(connection, settings.mtu)
        let bio = link.makeBIO()
        SSL_set_bio(connection, bio, bio)
        switch settings.role {
        case .client: SSL_set_connect_state(connection)
        case .server: SSL_set_accept_state(connection)
        }
    }

    deinit {
        SSL_free(connection)
    }

    /// The suite in use.
    var cipherSuite: String {
        String(cString: SSL_CIPHER_standard_name(SSL_get_current_cipher(connection)))
    }

    /// Takes a datagram, nil for none, and gives what there is to send.
    func step(_ datagram: [UInt8]? = nil) -> [[UInt8]] {
        link.incoming = datagram
        ERR_clear_error()
        if !isConnected {
            let result = SSL_do_handshake(connection)
            isConnected = result == 1
            if result != 1, SSL_get_error(connection, result) == SSL_ERROR_SSL { isBroken = true }
        } else {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let result = SSL_read(connection, &bytes, 4_096)
            if result <= 0, SSL_get_error(connection, result) == SSL_ERROR_SSL { isBroken = true }
        }
        defer { link.outgoing = [] }
        return link.outgoing
    }

    /// Runs a handshake with a connection of ours over a wire that loses nothing.
    static func run(_ peer: DTLSForeignPeer, _ ours: DTLSConnection) -> DTLSPair.Side {
        var side = DTLSPair.Side(connection: ours)
        let now = DTLSPair.start
        ours.start(at: now)
        var waiting = peer.step()
        while true {
            for datagram in waiting { ours.receive(datagram, at: now) }
            let answers = DTLSPair.drain(&side)
            waiting = answers.flatMap { peer.step($0) }
            if answers.isEmpty, waiting.isEmpty { return side }
        }
    }

    private static func makeKey(_ key: Key) -> OpaquePointer? {
        let context: OpaquePointer?
        switch key {
        case .none: return nil
        case .p256, .p384:
            context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
            EVP_PKEY_keygen_init(context)
            if case .p384 = key {
                EVP_PKEY_CTX_set_group_name(context, "P-384")
            } else {
                EVP_PKEY_CTX_set_group_name(context, "P-256")
            }
        case .rsa(let bits):
            context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
            EVP_PKEY_keygen_init(context)
            EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
        }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        precondition(EVP_PKEY_generate(context, &made) == 1)
        return made
    }

    private static func makeCertificate(_ key: OpaquePointer) -> OpaquePointer? {
        let certificate = X509_new()
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3_600)
        X509_set_pubkey(certificate, key)
        precondition(X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate
    }

    /// ALPN names of about `count` bytes in all.
    private static func names(_ count: Int) -> [UInt8] {
        var names: [UInt8] = []
        while names.count < count {
            let length = min(255, max(1, count - names.count - 1))
            names += [UInt8(length)] + [UInt8](repeating: UInt8(ascii: "a"), count: length)
        }
        return names
    }
}
