// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport

@testable import WebRTC

/// Two endpoints and a bad network between them, all drawn from one seed.
struct SCTPWorld {
    let seed: UInt64
    var network: SimulatedNetwork
    let left: SCTPEndpoint
    let right: SCTPEndpoint
    /// What was drawn, for messages of failed tests.
    private(set) var description: String

    private let leftIP = IPAddress.v4(0x0A00_0001)
    private let rightIP = IPAddress.v4(0x0A00_0002)
    private let start = Instant(nanoseconds: 1_000_000_000)
    private let there: SimulatedLink
    private let back: SimulatedLink
    private var outage: (from: Instant, to: Instant, isLeftMute: Bool)?
    /// When the network turns perfect.
    private let mendedAt: Instant

    init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        network = SimulatedNetwork(seed: seed)
        there = Self.link(&random)
        back = Self.link(&random)
        network.setLink(there, from: leftIP, to: rightIP)
        network.setLink(back, from: rightIP, to: leftIP)
        let leftAddress = SocketAddress(leftIP, port: 5000)
        let rightAddress = SocketAddress(rightIP, port: 5000)
        var configuration = Self.configuration(&random)
        let talk: Duration = .seconds(6)
        left = SCTPEndpoint(
            "L", role: .client, seed: random.next(), configuration: configuration,
            at: leftAddress, peer: rightAddress, start: start,
            plan: Self.plan(&random, from: start, for: talk), isAudited: seed % 8 == 0)
        if Bool.random(using: &random) {
            let sequence = configuration.initialStreamSequence
            configuration = Self.configuration(&random)
            configuration.initialStreamSequence = sequence
        }
        right = SCTPEndpoint(
            "R", role: .server, seed: random.next(), configuration: configuration,
            at: rightAddress, peer: leftAddress,
            start: start + .milliseconds(Int.random(in: 0...1500, using: &random)),
            plan: Self.plan(&random, from: start, for: talk), isAudited: seed % 8 == 0)
        if UInt64.random(in: 0..<4, using: &random) == 0 {
            let from = start + .milliseconds(Int.random(in: 0...5000, using: &random))
            let length: Duration = .milliseconds(Int.random(in: 500...10_000, using: &random))
            outage = (from, from + length, Bool.random(using: &random))
        }
        mendedAt = start + .seconds(17)
        description = "seed \(seed): \(there) / \(back), outage \(String(describing: outage))"
    }

    /// Runs until all is quiet after the network was mended; false when it never is.
    mutating func run() throws -> Bool {
        if let outage {
            try network.run([left, right], until: outage.from)
            let (mute, deaf) = outage.isLeftMute ? (leftIP, rightIP) : (rightIP, leftIP)
            network.setLink(.down, from: mute, to: deaf)
            try network.run([left, right], until: outage.to)
            network.setLink(outage.isLeftMute ? there : back, from: mute, to: deaf)
            if seed % 2 == 0 {
                left.pathRestored(at: network.now)
                right.pathRestored(at: network.now)
            }
        }
        try network.run([left, right], until: mendedAt)
        network.removeLinks()
        let left = left
        let right = right
        try network.run([left, right], until: mendedAt + .seconds(80)) {
            left.isQuiet && right.isQuiet
        }
        // Late copies may still wake somebody for a moment.
        try network.run([left, right], until: network.now + .seconds(5))
        return left.isQuiet && right.isQuiet && network.nextArrival == nil
    }

    /// What is wrong with what was delivered; nil when nothing is.
    func fault() -> String? {
        if let failure = (left.failures + right.failures).first { return failure }
        return fault(from: left, to: right) ?? fault(from: right, to: left)
    }

    private func fault(from sender: SCTPEndpoint, to receiver: SCTPEndpoint) -> String? {
        for label in sender.sent.keys.sorted() {
            guard let sent = sender.sent[label] else { continue }
            let received = receiver.received[label]?.numbers ?? []
            if Set(received).count != received.count { return "\(label): delivered twice" }
            if !Set(received).isSubset(of: sent.numbers) { return "\(label): never sent" }
            if sent.isOrdered, received != received.sorted() { return "\(label): out of order" }
            // Who hears of the closing drops what waits; who closes drops what still comes.
            let isWhole =
                !sender.closedHere.contains(label) && !receiver.closedHere.contains(label)
            if sent.isReliable, isWhole, received.count != sent.numbers.count {
                return "\(label): \(received.count) of \(sent.numbers.count) delivered"
            }
        }
        return nil
    }

    private static func link(_ random: inout SeededRandom) -> SimulatedLink {
        var link = SimulatedLink.impaired(using: &random)
        link.loss = Double.random(in: 0...0.4, using: &random)
        if Int.random(in: 0..<5, using: &random) == 0 { link.loss = 0 }
        link.duplication = Double.random(in: 0...0.2, using: &random)
        link.reordering = Double.random(in: 0...0.3, using: &random)
        link.reorderingDelay = .milliseconds(Int.random(in: 1...200, using: &random))
        if Int.random(in: 0..<8, using: &random) == 0 {
            link.delay = .milliseconds(Int.random(in: 200...2000, using: &random))
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
            link.bytesPerSecond = 20_000
            link.queueBytes = 10_000
        }
        if Int.random(in: 0..<12, using: &random) == 0 { link.largestDatagram = 700 }
        return link
    }

    private static func configuration(_ random: inout SeededRandom) -> SCTPConfiguration {
        var configuration = SCTPConfiguration()
        if Int.random(in: 0..<4, using: &random) == 0 {
            configuration.receiveWindow = Int.random(in: 1500...6000, using: &random)
        }
        if Bool.random(using: &random) {
            configuration.initialTSN = 0 &- UInt32.random(in: 0...12, using: &random)
        }
        if Bool.random(using: &random) { configuration.initialStreamSequence = 65_530 }
        return configuration
    }

    private static func plan(
        _ random: inout SeededRandom, from start: Instant, for talk: Duration
    ) -> SCTPEndpoint.Plan {
        func moment(_ random: inout SeededRandom) -> Instant {
            start + .nanoseconds(Int64.random(in: 0...talk.nanoseconds, using: &random))
        }
        let kinds: [(Bool, SCTPReliability)] = [
            (true, .reliable), (false, .reliable), (false, .maxRetransmits(0)),
            (true, .maxRetransmits(0)), (true, .maxRetransmits(2)),
            (false, .maxLifetime(milliseconds: 300)), (true, .maxLifetime(milliseconds: 100)),
        ]
        var plan = SCTPEndpoint.Plan()
        for index in 0..<Int.random(in: 0...3, using: &random) {
            let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
            let at = index == 0 ? start : moment(&random)
            plan.openings.append((at, kind.0, kind.1))
        }
        for _ in 0..<Int.random(in: 4...24, using: &random) {
            let isLong = Int.random(in: 0..<10, using: &random) == 0
            let size = Int.random(in: 4...(isLong ? 4000 : 120), using: &random)
            plan.messages.append((moment(&random), size))
        }
        // Bursts share packets.
        if let at = plan.messages.first?.at {
            for _ in 0..<Int.random(in: 0...6, using: &random) { plan.messages.append((at, 40)) }
        }
        if Int.random(in: 0..<3, using: &random) == 0 { plan.closings.append(moment(&random)) }
        plan.openings.sort { $0.at < $1.at }
        plan.messages.sort { $0.at < $1.at }
        return plan
    }
}
