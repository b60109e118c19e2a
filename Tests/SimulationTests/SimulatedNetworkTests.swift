// SPDX-License-Identifier: Apache-2.0
import Base
@testable import TestSupport
import Testing

/// Answers everything with its own bytes, and sends one datagram a second to a target.
private final class Echo: SimulatedEndpoint {
    let address: SocketAddress
    var target: SocketAddress?
    var deadline: Instant?
    var received: [SimulatedDatagram] = []
    private var outbox: [SimulatedDatagram] = []

    init(_ address: String, target: SocketAddress? = nil) {
        self.address = SocketAddress(address)!
        self.target = target
        deadline = target == nil ? nil : .zero
    }

    func isReachable(at address: SocketAddress) -> Bool { address == self.address }

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        received.append(datagram)
        if target == nil {
            outbox.append(
                SimulatedDatagram(
                    datagram.bytes, from: datagram.destination, to: datagram.source))
        }
    }

    func tick(at now: Instant) {
        guard let target else { return }
        outbox.append(SimulatedDatagram([1, 2, 3, 4], from: address, to: target))
        deadline = now + .seconds(1)
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        defer { outbox = [] }
        return outbox
    }
}

@Suite struct SimulatedNetworkTests {
    private let server = SocketAddress("198.51.100.1:9")!

    @Test func perfectLinkDeliversAfterItsDelay() throws {
        let left = Echo("192.0.2.1:5", target: server)
        let right = Echo("198.51.100.1:9")
        var network = SimulatedNetwork(seed: 1)
        let done = try network.run([left, right], until: .zero + .seconds(9)) {
            left.received.count == 1
        }
        #expect(done)
        #expect(network.now - Instant(nanoseconds: 1_000_000_000) == .milliseconds(20))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func sameSeedGivesTheSameTranscript(
        seed: UInt64
    )
        throws
    {
        func transcript(_ seed: UInt64) throws -> (UInt64, SimulatedNetwork.Counts) {
            var random = SeededRandom(seed: seed)
            var network = SimulatedNetwork(seed: seed, link: .impaired(using: &random))
            try network.run(
                [Echo("192.0.2.1:5", target: server), Echo("198.51.100.1:9")],
                until: .zero + .seconds(60))
            return (network.transcript, network.counts)
        }
        let first = try transcript(seed)
        #expect(try transcript(seed) == first)
        #expect(try transcript(seed + 100).0 != first.0)
        #expect(first.1.lost > 0)
    }

    @Test func natTranslatesFiltersAndRebinds() throws {
        let left = Echo("10.0.0.2:5", target: server)
        let right = Echo("198.51.100.1:9")
        let stranger = Echo("203.0.113.9:7", target: SocketAddress("192.0.2.1:40000")!)
        var network = SimulatedNetwork(seed: 1)
        let nat = network.addNAT(
            SimulatedNAT(
                publicIP: IPAddress("192.0.2.1")!, inside: [IPAddress("10.0.0.2")!],
                filtering: .addressDependent))
        try network.run([left, right, stranger], until: .zero + .milliseconds(3500))
        #expect(left.received.count == 3)
        #expect(left.received.allSatisfy { $0.source == server })
        #expect(Set(right.received.map(\.source)) == [SocketAddress("192.0.2.1:40000")!])
        network.rebindNAT(nat)
        try network.run([left, right, stranger], until: .zero + .milliseconds(4500))
        #expect(right.received.last?.source == SocketAddress("192.0.2.1:40001")!)
        #expect(left.received.count == 4)
    }

    @Test func symmetricNATGivesEveryRemoteItsOwnPort() {
        var nat = SimulatedNAT(
            publicIP: IPAddress("192.0.2.1")!, inside: [],
            mapping: .addressAndPortDependent, filtering: .addressAndPortDependent)
        let inner = SocketAddress("10.0.0.2:5")!
        let other = SocketAddress("198.51.100.1:10")!
        let first = nat.translateOut(inner, to: server)
        #expect(nat.translateOut(inner, to: server) == first)
        #expect(nat.translateOut(inner, to: other) != first)
        #expect(nat.translateIn(first, from: server) == inner)
        #expect(nat.translateIn(first, from: other) == nil)
    }

    @Test func downAddressesAndLinksSwallowEverything() throws {
        let left = Echo("192.0.2.1:5", target: server)
        let right = Echo("198.51.100.1:9")
        var network = SimulatedNetwork(seed: 1)
        network.setDown(true, server.ip)
        try network.run([left, right], until: .zero + .seconds(3))
        #expect(right.received.isEmpty)
        network.setDown(false, server.ip)
        network.setLink(.down, from: server.ip)
        try network.run([left, right], until: .zero + .seconds(6))
        #expect(!right.received.isEmpty && left.received.isEmpty)
    }

    @Test func queueDelaysAndOverflows() throws {
        let right = Echo("198.51.100.1:9")
        var network = SimulatedNetwork(
            seed: 1, link: SimulatedLink(bytesPerSecond: 1000, queueBytes: 500))
        for _ in 0..<10 {
            network.send(
                SimulatedDatagram(
                    Array(repeating: 0, count: 100), from: SocketAddress("192.0.2.1:5")!,
                    to: server))
        }
        #expect(network.counts.lost == 5)
        try network.run([right], until: network.now + .milliseconds(520))
        #expect(right.received.count == 5)
    }

    @Test func spinningEndpointIsReported() {
        final class Spinner: SimulatedEndpoint {
            var deadline: Instant? { .zero }
            func isReachable(at address: SocketAddress) -> Bool { false }
            func receive(_ datagram: SimulatedDatagram, at now: Instant) {}
            func tick(at now: Instant) {}
            func drain(at now: Instant) -> [SimulatedDatagram] { [] }
        }
        var network = SimulatedNetwork(seed: 1)
        #expect(throws: SimulatedNetwork.Failure.endpointSpins(index: 0)) {
            try network.run([Spinner()], until: .zero + .seconds(3))
        }
    }
}
