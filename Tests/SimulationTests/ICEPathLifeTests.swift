// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

/// What happens to a path after it was found: silence, moves, restarts.
@Suite struct ICEPathLifeTests {
    private static let poor = SimulatedLink(
        delay: .milliseconds(40), jitter: .milliseconds(20), loss: 0.1, duplication: 0.05,
        corruption: 0.02)

    private func connected(
        _ seed: UInt64, _ shape: ICEWorld.Shape, link: SimulatedLink = poor
    ) throws -> ICEWorld {
        var world = ICEWorld(seed: seed, shape: shape, link: link)
        world.left.offer()
        let isConnected = try world.connect()
        #expect(isConnected, "\(world.account)")
        try world.run(for: .seconds(2))
        return world
    }

    // MARK: Silence

    @Test(arguments: ICEWorld.Shape.allCases)
    func silenceIsNoticedAndEndsInFailureAtTheRightTimes(shape: ICEWorld.Shape) throws {
        for seed in 0..<20 as Range<UInt64> {
            var world = try connected(seed, shape, link: .perfect)
            let end = world.network.now
            world.network.setLink(.down)
            try world.run(for: .seconds(45))
            for side in [world.left, world.right] {
                let gone = try #require(side.states.first { $0.state == .disconnected })
                let failed = try #require(side.states.last)
                #expect(failed.state == .failed, "\(world.account)")
                // Silent for 7 s: the last consent check before the end was answered ≤ 6 s ago.
                #expect((.seconds(1)..<(.seconds(8))).contains(gone.at - end))
                // Consent for 30 s after the last answer, which was ≤ 6 s ago.
                #expect((.seconds(24)...(.seconds(30.1))).contains(failed.at - end))
                #expect(side.agent.statistics.reason == .consentExpired)
                #expect(side.agent.selectedPair == nil)
                #expect(side.selections.last?.pair == nil)
                #expect(side.agent.deadline == nil)
            }
            let quiet = world.left.transmissions + world.right.transmissions
            try world.run(for: .seconds(60))
            #expect(world.left.transmissions + world.right.transmissions == quiet)
        }
    }

    @Test(arguments: ICEWorld.Shape.allCases)
    func pathComesBackAfterAnOutage(shape: ICEWorld.Shape) throws {
        for seed in 0..<20 as Range<UInt64> {
            var world = try connected(seed, shape)
            world.network.setLink(.down)
            try world.run(for: .seconds(15))
            #expect(world.left.state == .disconnected)
            #expect(world.right.state == .disconnected)
            world.network.removeLinks()
            let isBack = try world.connect(within: .seconds(10))
            #expect(isBack, "\(world.account)")
            world.mend()
            try world.run(for: .seconds(8))
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
        }
    }

    @Test func dataAloneKeepsAPathConnectedButConsentStillEnds() throws {
        var world = try connected(1, .open, link: .perfect)
        let end = world.network.now
        // Only the way from right to left works.
        world.network.setLink(.down, from: world.left.agent.selectedPair!.base.ip)
        for base in world.left.bases { world.network.setLink(.down, from: base.ip) }
        let left = world.left
        while left.state.isConnected, world.network.now - end < .seconds(60) {
            world.right.sendData([1])
            try world.run(for: .milliseconds(20))
            // The right side hears nothing, and its consent ends in turn.
        }
        #expect(!left.states.contains { $0.state == .disconnected && $0.at - end < .seconds(20) })
        #expect(left.state == .failed || left.state == .disconnected)
    }

    @Test func idlePathsStayUpForAnHour() throws {
        var world = try connected(2, .open, link: .perfect)
        let sent = world.left.agent.statistics.requestsSent
        let states = world.left.states.count
        try world.run(for: .seconds(3600))
        #expect(world.left.states.count == states)
        let checks = world.left.agent.statistics.requestsSent - sent
        #expect((600...900).contains(checks))
    }

    // MARK: Moves

    /// The NAT before the left side forgets its bindings; sometimes it gets another address.
    @Test(arguments: [ICEWorld.Shape.oneNAT, .twoNATs])
    func natRebindingIsFollowed(shape: ICEWorld.Shape) throws {
        for seed in 0..<60 as Range<UInt64> {
            var world = try connected(seed, shape)
            let nat = try #require(world.nat)
            world.network.rebindNAT(
                nat, publicIP: seed % 3 == 0 ? IPAddress("192.0.2.200")! : nil)
            let moved = world.network.now
            switch world.rightFiltering {
            case .addressAndPortDependent?: world.left.offer(restarting: true)
            case .addressDependent? where seed % 3 == 0: world.right.offer(restarting: true)
            default: break  // nothing stands in the way of the new binding
            }
            var isBack = false
            while !isBack, world.network.now - moved < .seconds(25) {
                try world.run(for: .milliseconds(500))
                isBack = try world.isConsistent()
            }
            #expect(isBack, "\(world.account)")
            #expect(world.network.now - moved < .seconds(20), "\(world.account)")
            #expect(world.left.state != .failed && world.right.state != .failed)
        }
    }

    @Test func natRebindingBeforeALiteServerIsFollowed() throws {
        for seed in stride(from: 0, to: 80, by: 2) as StrideTo<UInt64> {
            var world = try connected(seed, .lite)
            world.network.rebindNAT(try #require(world.nat))
            try world.run(for: .seconds(12))
            world.mend()
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
            #expect(world.left.isConnected && world.right.isConnected)
        }
    }

    /// The interface in use goes down; a new one comes up, as from Wi-Fi to mobile.
    @Test(arguments: [ICEWorld.Shape.open, .oneNAT, .lite, .conflict])
    func sideThatLosesItsAddressFindsAnotherWay(shape: ICEWorld.Shape) throws {
        for seed in 0..<40 as Range<UInt64> {
            var world = try connected(seed, shape)
            let left = world.left
            let old = try #require(left.agent.selectedPair?.base)
            world.network.setDown(true, old.ip)
            left.remove(base: old)
            #expect(left.agent.selectedPair?.base != old)
            left.add(
                base: ICEWorld.address(old.ip.isV6 ? "[2001:db8:9::9]:9009" : "192.0.2.99:9009"))
            let isBack = try world.run(for: .seconds(20)) {
                $0.left.isConnected && $0.left.agent.selectedPair != nil
            }
            #expect(isBack, "\(world.account)")
            try world.run(for: .seconds(8))
            world.mend()
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
            #expect(left.agent.selectedPair?.base != old)
        }
    }

    // MARK: Restarts

    @Test(arguments: ICEWorld.Shape.allCases)
    func restartKeepsDataFlowing(shape: ICEWorld.Shape) throws {
        for seed in 0..<8 as Range<UInt64> {
            var world = try connected(seed, shape, link: .perfect)
            try world.run(for: .seconds(1))
            let (offerer, answerer) =
                seed % 2 == 0 ? (world.left, world.right) : (world.right, world.left)
            let old = offerer.agent.localCredentials
            let selections = offerer.selections.count
            offerer.arrivals = []
            answerer.arrivals = []
            offerer.offer(restarting: true)
            for number in 0..<200 as Range<UInt8> {
                #expect(offerer.sendData([number]) && answerer.sendData([number]))
                try world.run(for: .milliseconds(20))
                #expect(offerer.isConnected && answerer.isConnected)
            }
            try world.run(for: .seconds(1))
            #expect(offerer.agent.localCredentials != old)
            #expect(offerer.selections.count > selections, "\(world.account)")
            #expect(!offerer.selections.contains { $0.pair == nil })
            #expect(Set(offerer.arrivals.map(\.payload)).count == 200, "\(world.account)")
            #expect(Set(answerer.arrivals.map(\.payload)).count == 200, "\(world.account)")
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
        }
    }

    /// A restart at any moment, also before there is a path, by either side, over a poor network.
    @Test func restartMidwayConnects() throws {
        for seed in 0..<200 as Range<UInt64> {
            var world = ICEWorld(seed: seed)
            world.left.offer()
            try world.run(for: .milliseconds(Int64(seed * 37 % 3000)))
            // Nobody offers again before the first answer is there (RFC 8829 section 4.1.8).
            try world.run(for: .seconds(2)) { $0.left.agent.remoteCredentials != nil }
            let offerer = seed % 2 == 0 ? world.right : world.left
            offerer.offer(restarting: true)
            let isConnected = try world.run(for: .seconds(30)) {
                [$0.left, $0.right].allSatisfy {
                    $0.isConnected && $0.agent.remoteCredentials != nil
                } && $0.left.agent.remoteCredentials == $0.right.agent.localCredentials
                    && $0.right.agent.remoteCredentials == $0.left.agent.localCredentials
            }
            #expect(isConnected, "\(world.account)")
            world.mend()
            try world.run(for: .seconds(10))
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
        }
    }

    @Test func restartHealsAFailedConnection() throws {
        for seed in 0..<30 as Range<UInt64> {
            var world = try connected(seed, .open)
            world.network.setLink(.down)
            try world.run(for: .seconds(40))
            #expect(world.left.state == .failed && world.right.state == .failed)
            world.network.removeLinks()
            world.left.offer(restarting: true)
            #expect(world.left.state == .checking)
            let isConnected = try world.connect()
            #expect(isConnected, "\(world.account)")
        }
    }

    // MARK: No way

    @Test func unreachablePeersFailInTimeAndSayWhy() throws {
        var world = ICEWorld(seed: 3, shape: .open, link: .down)
        world.left.offer()
        try world.run(for: .seconds(60))
        for side in [world.left, world.right] {
            let failed = try #require(side.states.last)
            #expect(side.states.map(\.state) == [.checking, .failed])
            #expect((.seconds(30)...(.seconds(31))).contains(failed.at - world.start))
            #expect(side.agent.statistics.reason == .noAnswer)
        }
    }

    /// Any order of outages, moves, restarts: once the network is well and the sides restart,
    /// they connect.
    @Test func chaosHeals() throws {
        for seed in 0..<100 as Range<UInt64> {
            var random = SeededRandom(seed: seed &+ 0xC4A05)
            var world = ICEWorld(seed: seed)
            world.left.offer()
            for _ in 0..<6 {
                try world.run(
                    for: .milliseconds(Int64.random(in: 50...12_000, using: &random)))
                switch Int.random(in: 0..<5, using: &random) {
                case 0: world.network.defaultLink = .down
                case 1: world.network.defaultLink = .impaired(using: &random)
                case 2: if let nat = world.nat { world.network.rebindNAT(nat) }
                case 3: world.left.offer(restarting: true)
                default:
                    if world.right.agent.remoteCredentials != nil {
                        world.right.offer(restarting: true)
                    }
                }
            }
            world.mend()
            try world.run(for: .seconds(2))
            world.left.offer(restarting: true)
            try world.run(for: .seconds(12))
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
            #expect(world.left.isConnected && world.right.isConnected, "\(world.account)")
        }
    }
}
