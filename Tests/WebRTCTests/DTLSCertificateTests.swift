// SPDX-License-Identifier: Apache-2.0
import Base
import COpenSSL
import Crypto
import TestSupport
import Testing

@testable import WebRTC

@Suite struct DTLSCertificateTests {
    @Test func certificateIsWhatPeersShow() throws {
        let now = WallClock(unixMilliseconds: 1_800_000_000_000)
        let certificate = try DTLSCertificate(at: now)
        let x509 = SSL_CTX_get0_certificate(certificate.context)
        let name = X509_NAME_oneline(X509_get_subject_name(x509), nil, 0)
        defer { CRYPTO_free(name, nil, 0) }
        #expect(String(cString: try #require(name)) == "/CN=WebRTC")
        #expect(X509_verify(x509, X509_get0_pubkey(x509)) == 1)  // signed by itself
        var days: Int32 = 0
        var seconds: Int32 = 0
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x509), X509_get0_notAfter(x509))
        #expect(days == 31 && seconds == 0)
        #expect(certificate.expires.unixSeconds == now.unixSeconds + 30 * 86_400)
        #expect(i2d_X509(x509, nil) < 330)  // two fit in one datagram with their signatures
    }

    @Test func fingerprintIsTheDigestOfTheCertificate() throws {
        let certificate = DTLSPair.alice
        let x509 = SSL_CTX_get0_certificate(certificate.context)
        var der: UnsafeMutablePointer<UInt8>?
        let length = Int(i2d_X509(x509, &der))
        defer { CRYPTO_free(der, nil, 0) }
        let bytes = Array(UnsafeBufferPointer(start: der, count: length))
        #expect(certificate.fingerprint.bytes == sha256(bytes))
        #expect(certificate.fingerprint.algorithm == .sha256)
        #expect(certificate.fingerprint.description.hasPrefix("sha-256 "))
        #expect(certificate.fingerprint.value.count == 95)
    }

    @Test func everyCertificateHasItsOwnKey() {
        #expect(DTLSPair.alice.fingerprint != DTLSPair.bob.fingerprint)
    }

    @Test func oneCertificateServesManyConnections() throws {
        for _ in 0..<20 {
            var pair = try DTLSPair()
            pair.connect()
            #expect(pair.client.isConnected && pair.server.isConnected)
        }
    }

    @Test(arguments: DTLSFingerprint.Algorithm.allCases) func anyKnownAlgorithmIsChecked(
        algorithm: DTLSFingerprint.Algorithm
    ) throws {
        let x509 = try #require(SSL_CTX_get0_certificate(DTLSPair.bob.context))
        let right = try #require(DTLSCertificate.digest(x509, algorithm))
        var bytes = right.bytes
        bytes[bytes.count - 1] ^= 1
        let wrong = try #require(DTLSFingerprint(algorithm: algorithm, bytes: bytes))
        for (expected, isRight) in [([right], true), ([wrong], false), ([wrong, right], true)] {
            var pair = try DTLSPair(clientExpects: expected)
            pair.connect()
            #expect(pair.client.isConnected == isRight)
        }
    }

    @Test func strongestAlgorithmAloneDecides() throws {
        let x509 = try #require(SSL_CTX_get0_certificate(DTLSPair.bob.context))
        let weak = try #require(DTLSCertificate.digest(x509, .sha1))
        let wrong = try #require(
            DTLSFingerprint(algorithm: .sha256, bytes: [UInt8](repeating: 1, count: 32)))
        var pair = try DTLSPair(clientExpects: [weak, wrong])
        pair.connect()
        #expect(pair.client.error == .fingerprintMismatch)
    }

    @Test func noFingerprintMatchesNobody() throws {
        var pair = try DTLSPair(clientExpects: [])
        pair.connect()
        #expect(pair.client.error == .fingerprintMismatch)
    }

    @Test func fingerprintTextIsReadInAnyCase() {
        let fingerprint = DTLSPair.alice.fingerprint
        let value = fingerprint.value
        #expect(DTLSFingerprint(algorithm: "sha-256", value: value) == fingerprint)
        #expect(DTLSFingerprint(algorithm: "SHA-256", value: value.lowercased()) == fingerprint)
        #expect(DTLSFingerprint(algorithm: "sha-256", bytes: fingerprint.bytes) == fingerprint)
    }

    @Test func malformedFingerprintsAreRefused() {
        let value = DTLSPair.alice.fingerprint.value
        let bad = [
            ("sha-224", value), ("md5", value), ("sha-384", value), ("sha-256", ""),
            ("sha-256", String(value.dropLast())), ("sha-256", String(value.dropFirst())),
            ("sha-256", value + ":00"), ("sha-256", "G" + value.dropFirst()),
            ("sha-256", value.replacing(":", with: "-")), ("sha-256", "+" + value.dropFirst()),
            ("sha-256", "é" + value.dropFirst(2)),
        ]
        for (algorithm, value) in bad {
            #expect(DTLSFingerprint(algorithm: algorithm, value: value) == nil)
        }
        #expect(DTLSFingerprint(algorithm: .sha256, bytes: []) == nil)
    }
}
