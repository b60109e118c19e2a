// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct ICESimulationTests {
    /// 2,000 worlds in ten parts: loss, reordering, duplication, corruption, NATs, lite peers,
    /// role conflicts. Both sides connect, in time, and to each other.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func bothSidesConnectWheneverTheNetworkPermits(part: UInt64) throws {
        for seed in part * 200..<(part + 1) * 200 {
            var world = ICEWorld(seed: seed)
            world.left.offer()
            let isConnected = try world.connect()
            #expect(isConnected, "\(world.account)")
            guard isConnected else { continue }
            world.mend()
            // A nomination may still be on its way to the better of two pairs.
            try world.run(for: .seconds(3))
            let isConsistent = try world.isConsistent()
            #expect(isConsistent, "\(world.account)")
            #expect(world.left.agent.role != world.right.agent.role)
        }
    }

    @Test func sameSeedGivesTheSameTranscript() throws {
        func transcript(_ seed: UInt64) throws -> UInt64 {
            var world = ICEWorld(seed: seed)
            world.left.offer()
            try world.run(for: .seconds(20))
            return world.network.transcript
        }
        var seen: Set<UInt64> = []
        for seed in 0..<100 as Range<UInt64> {
            let first = try transcript(seed)
            #expect(try transcript(seed) == first)
            seen.insert(first)
        }
        #expect(seen.count == 100)
    }
}
