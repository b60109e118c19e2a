// SPDX-License-Identifier: Apache-2.0
import Base
import CVirtualTime
import TestSupport
import Testing
import WebRTC

/// Whole connections with real OpenSSL and libsrtp over bad networks, in virtual time.
@Suite struct PeerSimulationTests {
    private static let now = WallClock(unixMilliseconds: 1_800_000_000_000)
    private static let certificates: [DTLSCertificate] = ([1, 2] as [UInt64]).map { seed in
        cvirtualtime_seed_random(seed)
        defer { cvirtualtime_stop_random() }
        return try! DTLSCertificate(at: now)
    }

    /// Two connections and what happens to them, drawn from a seed.
    final class World {
        var network: SimulatedNetwork
        let offerer: PeerEndpoint
        let answerer: PeerEndpoint
        var random: SeededRandom
        var link: SimulatedLink
        let nat: Int?

        init(seed: UInt64, corruption: Double = 0) {
            random = SeededRandom(seed: seed)
            link = .impaired(using: &random)
            link.corruption = corruption
            network = SimulatedNetwork(seed: random.next(), link: link)
            let start = network.now
            var configuration = PeerConfiguration()
            configuration.setup = [nil, .active, .passive][Int(seed % 3)]
            configuration.listsCandidates = seed % 2 == 0
            let inside = SocketAddress("10.0.0.1:5000")!
            offerer = PeerEndpoint(
                role: .offerer, base: inside, certificate: PeerSimulationTests.certificates[0],
                seed: random.next(), startingAt: start, configuration: configuration)
            configuration = PeerConfiguration()
            configuration.ice.isLite = seed % 7 == 3
            answerer = PeerEndpoint(
                role: .answerer, base: SocketAddress("198.51.100.1:7882")!,
                certificate: PeerSimulationTests.certificates[1], seed: random.next(),
                startingAt: start, configuration: configuration)
            if seed % 4 == 1 {
                nat = network.addNAT(
                    SimulatedNAT(
                        publicIP: IPAddress("203.0.113.1")!, inside: [inside.ip],
                        mapping: SimulatedNAT.Behaviour.allCases.randomElement(using: &random)!,
                        filtering: SimulatedNAT.Behaviour.allCases.randomElement(using: &random)!
                    ))
            } else {
                nat = nil
            }
            offerer.peer = answerer
            answerer.peer = offerer
        }

        var ends: [PeerEndpoint] { [offerer, answerer] }

        func run(_ duration: Duration, isDone: () -> Bool = { false }) throws {
            try network.run(ends, until: network.now + duration, isDone: isDone)
            for end in ends { end.advance(to: network.now) }
        }

        /// Opens channels, offers, and waits for both ends.
        func connect() throws -> Bool {
            offerer.openChannel("_reliable", isOrdered: true, .reliable)
            offerer.openChannel("_lossy", isOrdered: false, .maxRetransmits(0))
            if Bool.random(using: &random) { answerer.addSpeech("back") }
            offerer.addSpeech("one", receives: true)
            offerer.offer()
            // A server that is heard too late has its hello given up after 30 s.
            try run(.seconds(60)) { self.ends.allSatisfy { $0.state == .connected } }
            return ends.allSatisfy { $0.state == .connected }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func connectionsCarryAllTheyMustOverBadNetworks(
        seed: UInt64
    ) throws {
        try live(World(seed: seed), seed: seed)
    }

    /// Every byte of a run follows from its seed, OpenSSL's keys and signatures too.
    @Test(arguments: [3, 11, 24, 42] as [UInt64])
    func aSeedGivesTheSameRunToTheBit(seed: UInt64) throws {
        let runs = [World(seed: seed), World(seed: seed)]
        for world in runs { try live(world, seed: seed) }
        #expect(runs[0].network.transcript == runs[1].network.transcript)
        #expect(runs[0].network.counts == runs[1].network.counts)
        let other = World(seed: seed + 5)
        try live(other, seed: seed + 5)
        #expect(runs[0].network.transcript != other.network.transcript)
    }

    /// A connection's life: connect, talk, renegotiate, be disturbed, renegotiate, settle.
    private func live(_ world: World, seed: UInt64) throws {
        let isConnected = try world.connect()
        #expect(isConnected, "seed \(seed) \(world.offerer.failures) \(world.answerer.failures)")
        guard isConnected else { return }
        // Handshakes in the clear do not survive damage; what is encrypted does.
        world.network.defaultLink.corruption = Double.random(in: 0...0.03, using: &world.random)
        for end in world.ends { end.startTalking() }
        try world.run(.milliseconds(500))
        world.offerer.addSpeech("two")
        world.offerer.offer()
        try world.run(.milliseconds(Int.random(in: 50...500, using: &world.random)))
        try disturb(world, seed: seed)
        world.offerer.endSpeech("two")
        world.offerer.addSpeech("three")
        world.offerer.offer()
        try world.run(.milliseconds(500))
        world.network.defaultLink = .perfect
        // A handshake of SCTP that lost much of itself waits seconds between two tries.
        try world.run(.seconds(20)) { world.ends.allSatisfy { $0.channels.count == 2 } }
        try world.run(.milliseconds(400))
        for end in world.ends { end.isTalking = false }
        try world.run(.seconds(15))
        check(world, seed)
    }

    /// Lost flights, another address, a restart: what a day on a train brings.
    private func disturb(_ world: World, seed: UInt64) throws {
        let link = world.network.defaultLink
        switch seed % 5 {
        case 0: break
        case 1:
            world.network.defaultLink = .down
            try world.run(.milliseconds(Int.random(in: 500...6_000, using: &world.random)))
            world.network.defaultLink = link
        case 2:
            world.offerer.offer(restarting: true)
        case 3:
            if let nat = world.nat {
                world.network.rebindNAT(nat, publicIP: IPAddress("203.0.113.9")!)
            } else {
                world.offerer.move(to: SocketAddress("10.0.0.1:6000")!)
            }
            world.offerer.offer(restarting: true)
        default:
            world.network.defaultLink = .down
            world.offerer.offer(restarting: true)
            try world.run(.milliseconds(Int.random(in: 100...3_000, using: &world.random)))
            world.network.defaultLink = link
        }
        try world.run(.milliseconds(800))
    }

    private func check(_ world: World, _ seed: UInt64) {
        for (end, other) in [(world.offerer, world.answerer), (world.answerer, world.offerer)] {
            #expect(end.defects.isEmpty, "seed \(seed) \(end.defects)")
            #expect(end.failures.isEmpty && end.state == .connected, "seed \(seed)")
            let reliable = end.received["_reliable"] ?? []
            let count = other.sent["_reliable", default: 0]
            #expect(count > 0 && reliable == Array(0..<count), "seed \(seed)")
            let lossy = end.received["_lossy"] ?? []
            #expect(Set(lossy).count == lossy.count && !lossy.isEmpty, "seed \(seed)")
            #expect(lossy.allSatisfy { $0 < other.sent["_lossy", default: 0] })
            for speech in other.speeches {
                let numbers = end.heard[speech.name] ?? []
                #expect(!numbers.isEmpty, "seed \(seed) \(speech.name)")
                #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
                #expect(numbers.allSatisfy { $0 < speech.next })
            }
        }
        #expect(world.answerer.tracks == ["one": 1, "two": 0, "three": 1], "seed \(seed)")
        #expect(world.network.counts.sent > 200)
    }

    /// Damage from the first datagram on may end a connection, never make a wrong one.
    @Test(arguments: 1_000..<1_040 as Range<UInt64>)
    func damageFromTheStartNeverMisleads(seed: UInt64) throws {
        let world = World(seed: seed, corruption: 0.2)
        let isConnected = try world.connect()
        for end in world.ends { end.startTalking() }
        try world.run(.seconds(1))
        for end in world.ends { end.isTalking = false }
        world.network.defaultLink = .perfect
        try world.run(.seconds(20))
        for (end, other) in [(world.offerer, world.answerer), (world.answerer, world.offerer)] {
            #expect(end.damages == 0, "seed \(seed)")
            guard isConnected, end.failures.isEmpty, other.failures.isEmpty else { continue }
            #expect(end.defects.isEmpty, "seed \(seed) \(end.defects)")
            let count = other.sent["_reliable", default: 0]
            #expect(end.received["_reliable"] ?? [] == Array(0..<count), "seed \(seed)")
        }
    }

    @Test func cleanNetworkConnectsInAFewRoundTrips() throws {
        let world = World(seed: 0)
        world.network.defaultLink = SimulatedLink(delay: .milliseconds(10))
        let start = world.network.now
        #expect(try world.connect())
        #expect(world.network.now - start < .milliseconds(400))
    }

    @Test func closingEndsThePeerAtOnce() throws {
        let world = World(seed: 0)
        world.network.defaultLink = .perfect
        #expect(try world.connect())
        world.offerer.close()
        try world.run(.milliseconds(100))
        #expect(world.offerer.state == .closed && world.offerer.deadline == nil)
        #expect(world.answerer.failures == [.closedByPeer])
    }
}
