// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Testing

@testable import WebRTC

/// What peers with other settings than ours get.
@Suite struct DTLSForeignPeerTests {
    @Test func clientWithoutCertificateIsRefused() throws {
        let (peer, side) = try run { $0.key = .none }
        #expect(side.error == .peerCertificateMissing)
        #expect(!side.isConnected && !peer.isConnected)
    }

    @Test(arguments: [DTLSRole.client, .server]) func otherKindsOfCertificateAreWelcome(
        role: DTLSRole
    ) throws {
        for key in [DTLSForeignPeer.Key.p384, .rsa(2_048)] {
            let (peer, side) = try run {
                $0.role = role
                $0.key = key
            }
            #expect(side.isConnected && peer.isConnected)
            #expect(side.connection.parameters?.remoteFingerprint == peer.fingerprint)
        }
    }

    @Test func weakKeysAreRefused() throws {
        for role in [DTLSRole.client, .server] {
            let (peer, side) = try run {
                $0.role = role
                $0.key = .rsa(1_024)
            }
            #expect(!side.isConnected && !peer.isConnected)
            #expect(side.error == .peerKeyTooWeak)
        }
    }

    @Test(arguments: [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ]) func everySuiteOfOursIsSpoken(suite: String) throws {
        for role in [DTLSRole.client, .server] {
            let (peer, side) = try run {
                $0.role = role
                $0.ciphers = suite
            }
            #expect(side.isConnected && peer.isConnected)
            #expect(side.connection.parameters?.cipherSuite == peer.cipherSuite)
        }
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "aNULL:@SECLEVEL=0"])
    func weakSuitesAreRefused(suite: String) throws {
        for role in [DTLSRole.client, .server] {
            let (peer, side) = try run {
                $0.role = role
                $0.ciphers = suite
            }
            #expect(!side.isConnected && !peer.isConnected)
            #expect(side.error != nil)
        }
    }

    @Test func olderVersionIsRefused() throws {
        for role in [DTLSRole.client, .server] {
            let (peer, side) = try run {
                $0.role = role
                $0.highestVersion = DTLS1_VERSION
            }
            #expect(!side.isConnected && !peer.isConnected)
            #expect(side.error != nil)
        }
    }

    // Without P-256 the peer could not read our certificate.
    @Test(arguments: ["X25519:P-256", "P-256", "P-384:P-256"]) func everyGroupOfOursIsSpoken(
        group: String
    ) throws {
        for role in [DTLSRole.client, .server] {
            let (peer, side) = try run {
                $0.role = role
                $0.groups = group
            }
            #expect(side.isConnected && peer.isConnected)
        }
    }

    @Test func peerWithoutExtendedMasterSecretIsSeen() throws {
        let (_, side) = try run { $0.hasExtendedMasterSecret = false }
        #expect(side.isConnected)
        #expect(side.connection.parameters?.hasExtendedMasterSecret == false)
    }

    @Test func peersFavouriteProfileCountsWhenItIsTheServer() throws {
        let (_, side) = try run {
            $0.role = .server
            $0.srtpProfiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"
        }
        #expect(side.keys?.profile == .aes128CMHMACSHA1Tag80)
    }

    /// Hellos with key shares of large algorithms span datagrams; a listener without reassembly
    /// cannot read them.
    @Test(arguments: [1_500, 4_000]) func helloOverSeveralDatagramsIsReadInAnyOrder(
        extra: Int
    ) throws {
        for order in 0..<3 {
            let peer = DTLSForeignPeer(.init(extraHelloBytes: extra))
            let ours = try DTLSConnection(
                role: .server, certificate: DTLSPair.bob,
                remoteFingerprints: [try #require(peer.fingerprint)])
            ours.start(at: DTLSPair.start)
            var hello = peer.step()
            #expect(hello.count == extra / 1_200 + 1)
            #expect(hello.allSatisfy { $0.count <= 1_200 })
            if order == 1 { hello.reverse() }
            if order == 2 { hello += hello }
            for datagram in hello { ours.receive(datagram, at: DTLSPair.start) }
            let side = DTLSForeignPeer.run(peer, ours)
            #expect(side.isConnected && peer.isConnected)
        }
    }

    @Test func severalRecordsInOneDatagramAreRead() throws {
        let peer = DTLSForeignPeer(.init(extraHelloBytes: 1_500, mtu: 400))
        let ours = try DTLSConnection(
            role: .server, certificate: DTLSPair.bob,
            remoteFingerprints: [try #require(peer.fingerprint)])
        ours.start(at: DTLSPair.start)
        let hello = peer.step()
        #expect(hello.count >= 4)
        ours.receive(hello.flatMap { $0 }, at: DTLSPair.start)
        #expect(DTLSForeignPeer.run(peer, ours).isConnected)
    }

    /// A handshake of a peer set up by `change`, we in the other role.
    private func run(
        _ change: (inout DTLSForeignPeer.Settings) -> Void
    ) throws -> (DTLSForeignPeer, DTLSPair.Side) {
        var settings = DTLSForeignPeer.Settings()
        change(&settings)
        let peer = DTLSForeignPeer(settings)
        let ours = try DTLSConnection(
            role: settings.role == .client ? .server : .client, certificate: DTLSPair.bob,
            remoteFingerprints: [peer.fingerprint ?? DTLSPair.alice.fingerprint])
        return (peer, DTLSForeignPeer.run(peer, ours))
    }
}
