// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

@Suite struct SCTPSimulationTests {
    /// 2,000 worlds in twenty parts: loss to 40 %, bursts, duplicates, reordering, corruption,
    /// delays to 2 s, one-way outages, black holes for long packets, small windows, sequence
    /// numbers near their wrap.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func everyPromiseIsKeptOnEveryNetwork(part: UInt64) throws {
        for seed in part * 100..<(part + 1) * 100 {
            var world = SCTPWorld(seed: seed)
            let isQuiet = try world.run()
            let fault = world.fault()
            #expect(fault == nil, "\(world.description)")
            if !isQuiet {
                print(
                    seed, world.left.association.state, world.right.association.state,
                    world.left.association.deadline as Any, world.right.association.deadline as Any,
                    world.network.now, world.left.association.openChannels,
                    world.right.association.openChannels)
            }
            #expect(isQuiet, "\(world.description)")
        }
    }

    @Test func sameSeedGivesTheSameTranscript() throws {
        func transcript(_ seed: UInt64) throws -> UInt64 {
            var world = SCTPWorld(seed: seed)
            _ = try world.run()
            return world.network.transcript
        }
        var distinct: Set<UInt64> = []
        for seed in 0..<40 as Range<UInt64> {
            let first = try transcript(seed)
            #expect(try transcript(seed) == first)
            distinct.insert(first)
        }
        #expect(distinct.count == 40)
    }
}
