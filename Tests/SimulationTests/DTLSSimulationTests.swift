// SPDX-License-Identifier: Apache-2.0
import Base
import CVirtualTime
import TestSupport
import Testing
import WebRTC

/// Handshakes over bad networks, in virtual time.
@Suite struct DTLSSimulationTests {
    private static let certificates = try! [
        DTLSCertificate(at: WallClock(unixMilliseconds: 1_800_000_000_000)),
        DTLSCertificate(at: WallClock(unixMilliseconds: 1_800_000_000_000)),
        DTLSCertificate(at: WallClock(unixMilliseconds: 1_800_000_000_000)),
    ]
    private static let clientAddress = SocketAddress("192.0.2.1:5000")!
    private static let serverAddress = SocketAddress("198.51.100.1:6000")!

    @Test func openSSLFollowsTheVirtualClock() throws {
        var run = try Run(seed: 1, link: .down)
        let before = cvirtualtime_reads()
        try run.network.run(run.ends, until: run.network.now + .seconds(1))
        #expect(cvirtualtime_reads() > before)
    }

    @Test func unansweredHelloIsRepeatedUntilTheHandshakeIsGivenUp() throws {
        var run = try Run(seed: 1, link: .down)
        let start = run.network.now
        try run.network.run(run.ends, until: start + .seconds(60))
        // 100 ms, doubling to 3 s; OpenSSL rounds up to 15 ms down.
        let expected = [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.1, 9.1, 12.1, 15.1, 18.1, 21.1, 24.1]
        let found = run.client.departures.map { ($0 - start).seconds }
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 0.02) }
        #expect(run.client.error == .timedOut)
        #expect(run.client.deadline == nil)
        #expect(run.client.connection.statistics.retransmissions == 12)
        // The server heard nothing; its patience ends too.
        #expect(run.server.error == .timedOut)
    }

    @Test func twelveLostFlightsAreSurvived() throws {
        var run = try Run(seed: 1, link: .down)
        let start = run.network.now
        try run.network.run(run.ends, until: start + .milliseconds(23_900))
        #expect(run.client.departures.count == 12)
        run.network.defaultLink = .perfect
        #expect(try run.connect())
        #expect(run.network.now - start < .milliseconds(24_300))
        try run.check()
    }

    @Test(arguments: 0..<250 as Range<UInt64>) func impairedLinksConnectWithTheRightPeer(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        var link = SimulatedLink.impaired(using: &random)
        link.corruption = 0
        var configuration = DTLSConfiguration()
        configuration.mtu = [1_200, 576, 300][Int(seed % 3)]
        if seed % 5 == 0 {
            configuration.applicationProtocols = (0..<8).map { _ in
                String(repeating: "a", count: 200)
            }
        }
        var run = try Run(seed: seed, link: link, configuration: configuration)
        #expect(try run.connect(), "seed \(seed), \(link)")
        try run.check()
        // The fingerprints did not decide by luck: what flows is readable at the other end.
        run.network.defaultLink = .perfect
        try run.client.send([1, 2, 3], at: run.network.now)
        try run.server.send([4, 5, 6], at: run.network.now)
        try run.network.run(run.ends, until: run.network.now + .seconds(5))
        #expect(run.server.received.contains([1, 2, 3]))
        #expect(run.client.received.contains([4, 5, 6]))
    }

    /// A flipped bit in a handshake in the clear may end it, never mislead it.
    @Test(arguments: 0..<100 as Range<UInt64>) func corruptionNeverConnectsTheWrongPeer(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        var link = SimulatedLink.impaired(using: &random)
        link.corruption = 0.3
        var run = try Run(seed: seed, link: link)
        let connected = try run.connect()
        if connected { try run.check() }
        for end in run.ends where end.isConnected {
            let expected = end === run.client ? 1 : 0
            #expect(
                end.connection.parameters?.remoteFingerprint
                    == Self.certificates[expected].fingerprint)
        }
        #expect(!run.client.isConnected || run.client.error == nil || run.client.keys != nil)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func strangersNeverConnect(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let link = SimulatedLink.impaired(using: &random)
        // Either the client or the server shows the third certificate.
        let isClientStrange = seed % 2 == 0
        var run = try Run(
            seed: seed, link: link, client: isClientStrange ? 2 : 0,
            server: isClientStrange ? 1 : 2)
        try run.network.run(run.ends, until: run.network.now + .seconds(40))
        let honest = isClientStrange ? run.server : run.client
        #expect(!honest.isConnected && honest.error != nil)
    }

    @Test(arguments: 1...8) func lostLastFlightIsSentAgain(losses: Int) throws {
        var run = try Run(seed: 1, link: .perfect)
        try run.loseLastFlight()
        // The server stands and has nothing to wait for; the client repeats its own last flight
        // until an answer comes through.
        #expect(run.server.isConnected && run.server.deadline == nil)
        let sent = run.server.departures.count
        try run.network.run(
            run.ends, until: run.network.now + .seconds(25),
            isDone: { run.server.departures.count > sent + 2 * (losses - 1) })
        #expect(!run.client.isConnected)
        run.network.removeLinks()
        #expect(try run.connect())
        try run.check()
    }

    @Test func dataThatOvertakesTheLastFlightIsNotLost() throws {
        var run = try Run(seed: 1, link: .perfect)
        try run.loseLastFlight()
        run.network.removeLinks()
        try run.server.send([7, 7, 7], at: run.network.now)
        #expect(try run.connect())
        try run.network.run(run.ends, until: run.network.now + .seconds(1))
        #expect(run.client.received == [[7, 7, 7]])
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func lateFingerprintConnectsWithoutLoss(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        var link = SimulatedLink.impaired(using: &random)
        link.corruption = 0
        var run = try Run(seed: seed, link: link, serverKnowsClient: false)
        let late = Duration.milliseconds(Int.random(in: 0...2_000, using: &random))
        try run.network.run(run.ends, until: run.network.now + late)
        #expect(!run.server.isConnected)
        run.server.expect(Self.certificates[0].fingerprint, at: run.network.now)
        #expect(try run.connect())
        try run.check()
    }

    /// Two connections on one simulated network.
    private struct Run {
        var network: SimulatedNetwork
        let client: DTLSEndpoint
        let server: DTLSEndpoint
        var ends: [DTLSEndpoint] { [client, server] }

        /// The numbers are those of the certificates shown; the first is expected of the client,
        /// the second of the server.
        init(
            seed: UInt64, link: SimulatedLink, client: Int = 0, server: Int = 1,
            serverKnowsClient: Bool = true, configuration: DTLSConfiguration = .init()
        ) throws {
            network = SimulatedNetwork(seed: seed, link: link)
            let shown = DTLSSimulationTests.certificates
            self.client = DTLSEndpoint(
                try DTLSConnection(
                    role: .client, certificate: shown[client],
                    remoteFingerprints: [shown[1].fingerprint], configuration: configuration),
                at: clientAddress, peer: serverAddress)
            self.server = DTLSEndpoint(
                try DTLSConnection(
                    role: .server, certificate: shown[server],
                    remoteFingerprints: serverKnowsClient ? [shown[0].fingerprint] : nil,
                    configuration: configuration),
                at: serverAddress, peer: clientAddress)
            self.server.start(at: network.now)
            self.client.start(at: network.now)
        }

        /// Runs until both stand, or one has failed, or both have given up.
        mutating func connect() throws -> Bool {
            let (client, server) = (client, server)
            try network.run(ends, until: network.now + .seconds(60)) {
                (client.isConnected && server.isConnected)
                    || (client.error != nil && server.error != nil)
            }
            return client.isConnected && server.isConnected
        }

        /// Runs until the server stands while its datagrams are lost from its last flight on.
        mutating func loseLastFlight() throws {
            let (client, server) = (client, server)
            try network.run(ends, until: network.now + .seconds(5)) {
                client.departures.count == 2
            }
            network.setLink(.down, from: serverAddress.ip)
            try network.run(ends, until: network.now + .seconds(5)) { server.isConnected }
        }

        /// Both know each other and hold the same keys.
        func check() throws {
            let shown = DTLSSimulationTests.certificates
            #expect(
                client.connection.parameters?.remoteFingerprint == shown[1].fingerprint)
            #expect(
                server.connection.parameters?.remoteFingerprint == shown[0].fingerprint)
            let left = try SRTPContext(try #require(client.keys))
            let right = try SRTPContext(try #require(server.keys))
            let packet: [UInt8] = [0x80, 0x6F, 0, 1, 0, 0, 3, 0xC0, 1, 2, 3, 4, 5, 6, 7]
            #expect(try right.unprotectRTP(left.protectRTP(packet)) == packet)
            #expect(try left.unprotectRTP(right.protectRTP(packet)) == packet)
        }
    }
}
