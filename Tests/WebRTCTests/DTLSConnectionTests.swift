// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

@Suite struct DTLSConnectionTests {
    @Test func bothSidesConnectAndProveTheirCertificates() throws {
        var pair = try DTLSPair()
        pair.connect()
        #expect(pair.client.isConnected && pair.server.isConnected)
        #expect(pair.client.connection.state == .connected)
        let seen = try #require(pair.client.connection.parameters)
        #expect(seen.remoteFingerprint == DTLSPair.bob.fingerprint)
        #expect(seen.cipherSuite == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        #expect(seen.hasExtendedMasterSecret)
        #expect(
            pair.server.connection.parameters?.remoteFingerprint == DTLSPair.alice.fingerprint)
        #expect(pair.client.connection.deadline == nil)
        #expect(pair.server.connection.deadline == nil)
    }

    @Test func noDatagramOfTheHandshakeExceedsTheMTU() throws {
        for mtu in [300, 576, 1_200] {
            var configuration = DTLSConfiguration()
            configuration.mtu = mtu
            var pair = try DTLSPair(client: configuration, server: configuration)
            pair.connect()
            #expect(pair.client.isConnected && pair.server.isConnected)
            let longest = (pair.client.sent + pair.server.sent).map(\.count).max() ?? 0
            #expect(longest <= mtu)
        }
    }

    @Test(arguments: SRTPProfile.allCases) func keysProtectForTheOtherSide(
        profile: SRTPProfile
    ) throws {
        var configuration = DTLSConfiguration()
        configuration.srtpProfiles = [profile]
        var pair = try DTLSPair(server: configuration)
        pair.connect()
        let left = try SRTPContext(try #require(pair.client.keys))
        let right = try SRTPContext(try #require(pair.server.keys))
        #expect(left.profile == profile && right.profile == profile)
        let packet: [UInt8] = [0x80, 0x6F, 0, 1, 0, 0, 3, 0xC0, 1, 2, 3, 4] + [UInt8](1...100)
        let forth = try left.protectRTP(packet)
        #expect(forth.count == packet.count + profile.tagLength)
        #expect(try right.unprotectRTP(forth) == packet)
        #expect(try left.unprotectRTP(right.protectRTP(packet)) == packet)
        let ours = try left.protectRTP([0x80, 0x6F, 0, 1, 0, 0, 3, 0xC0, 9, 9, 9, 9])
        #expect(throws: SRTPError.authenticationFailed) { try left.unprotectRTP(ours) }
    }

    @Test func serverTakesItsFavouriteProfile() throws {
        var client = DTLSConfiguration()
        client.srtpProfiles = [.aes128CMHMACSHA1Tag80, .aeadAES256GCM, .aeadAES128GCM]
        var pair = try DTLSPair(client: client)
        pair.connect()
        #expect(pair.client.keys?.profile == .aeadAES128GCM)
        #expect(pair.server.keys?.profile == .aeadAES128GCM)
    }

    @Test func peersWithoutCommonProfileGetNoKeys() throws {
        var client = DTLSConfiguration()
        client.srtpProfiles = []
        var pair = try DTLSPair(client: client)
        pair.connect()
        #expect(pair.client.isConnected && pair.server.isConnected)
        #expect(pair.client.keys == nil && pair.server.keys == nil)
    }

    @Test func clientRefusesAnotherCertificate() throws {
        var pair = try DTLSPair(clientExpects: [DTLSPair.alice.fingerprint])
        pair.connect()
        #expect(!pair.client.isConnected && !pair.server.isConnected)
        #expect(pair.client.error == .fingerprintMismatch)
        #expect(pair.server.error == .alertReceived(code: 42))  // bad_certificate
        #expect(pair.client.connection.deadline == nil)
    }

    @Test func serverRefusesAnotherCertificate() throws {
        var pair = try DTLSPair(serverExpects: [DTLSPair.bob.fingerprint])
        pair.connect()
        #expect(!pair.client.isConnected && !pair.server.isConnected)
        #expect(pair.server.error == .fingerprintMismatch)
        #expect(pair.client.error == .alertReceived(code: 42))
    }

    @Test func applicationBytesArriveOneRecordADatagram() throws {
        var pair = try DTLSPair()
        pair.connect()
        var random = SeededRandom(seed: 7)
        let messages = [1, 13, 100, 1_200, 1_400].map { random.bytes($0) }
        for message in messages {
            try pair.client.connection.send(message, at: pair.time)
            try pair.server.connection.send(message, at: pair.time)
        }
        pair.exchange()
        #expect(pair.client.received == messages)
        #expect(pair.server.received == messages)
        #expect(throws: DTLSSendError.unfitLength(1_401)) {
            try pair.client.connection.send(random.bytes(1_401), at: pair.time)
        }
        #expect(throws: DTLSSendError.unfitLength(0)) {
            try pair.client.connection.send([], at: pair.time)
        }
    }

    @Test func closeTellsThePeer() throws {
        var pair = try DTLSPair()
        pair.connect()
        pair.client.connection.close(at: pair.time)
        pair.exchange()
        #expect(pair.server.isClosed)
        #expect(pair.server.connection.state == .closed)
        #expect(pair.client.connection.state == .closed)
        #expect(throws: DTLSSendError.notConnected) {
            try pair.server.connection.send([1], at: pair.time)
        }
    }

    @Test func helloBeforeStartIsKept() throws {
        var pair = try DTLSPair()
        pair.client.connection.start(at: pair.time)
        pair.exchange()
        #expect(pair.server.sent.isEmpty)
        pair.server.connection.start(at: pair.time)
        pair.exchange()
        #expect(pair.client.isConnected && pair.server.isConnected)
    }

    @Test(arguments: [true, false]) func lateFingerprintDecides(isRight: Bool) throws {
        var pair = try DTLSPair(serverExpects: nil)
        pair.connect()
        #expect(pair.client.isConnected && !pair.server.isConnected)
        #expect(pair.server.connection.state == .connecting)
        #expect(pair.server.connection.deadline != nil)
        try pair.client.connection.send([1, 2, 3], at: pair.time)
        pair.exchange()
        #expect(pair.server.received.isEmpty)
        let fingerprint = isRight ? DTLSPair.alice.fingerprint : DTLSPair.bob.fingerprint
        pair.server.connection.setRemoteFingerprints([fingerprint], at: pair.time)
        pair.exchange()
        #expect(pair.server.isConnected == isRight)
        #expect(pair.server.received == (isRight ? [[1, 2, 3]] : []))
        #expect(pair.server.error == (isRight ? nil : .fingerprintMismatch))
    }
}
