// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPPeerModelTests {
    /// A talking avatar: 30 messages a second over two channels.
    private func talk(
        _ habits: SCTPModelPeer.Habits, delay: Duration, count: Int = 90
    ) throws -> SCTPModelWire {
        var wire = SCTPModelWire(habits, delay: delay)
        wire.run(for: .seconds(1))
        let reliable = try wire.association.openChannel(label: "_reliable", at: wire.now)
        let lossy = try wire.association.openChannel(
            label: "_lossy", ordered: false, reliability: .maxRetransmits(0), at: wire.now)
        wire.run(for: .seconds(1))
        for index in 0..<count {
            let channel = index % 2 == 0 ? reliable : lossy
            try wire.association.send(
                Array(repeating: UInt8(truncatingIfNeeded: index), count: 200), on: channel,
                at: wire.now)
            wire.run(for: .milliseconds(33))
        }
        wire.run(for: .seconds(3))
        return wire
    }

    @Test(arguments: [1, 25, 80])
    func pionGetsEveryMessageOnce(delayMs: Int) throws {
        let wire = try talk(.pion, delay: .milliseconds(delayMs))
        #expect(wire.peer.payloads.count == 90)
        #expect(wire.peer.arrivals == 92)
        #expect(wire.association.statistics.retransmissions == 0)
        #expect(wire.association.deadline == nil)
    }

    /// A peer that delays SACKs whatever it is asked is probed in vain once or twice, then known.
    @Test(arguments: [1, 25, 80])
    func aPeerThatIgnoresTheImmediateBitIsLearnt(delayMs: Int) throws {
        var wire = SCTPModelWire(.dcsctp, delay: .milliseconds(delayMs))
        wire.run(for: .seconds(1))
        let channel = try wire.association.openChannel(label: "x", at: wire.now)
        wire.run(for: .seconds(2))
        for index in 0..<30 as Range<UInt8> {
            try wire.association.send([index], on: channel, at: wire.now)
            // Alone on the wire: its SACK comes 200 ms later than it could.
            wire.run(for: .seconds(1))
        }
        #expect(wire.peer.payloads == (0..<30).map { [$0] })
        #expect(wire.association.statistics.retransmissions <= 3)
        #expect(wire.association.state == .connected)
    }

    /// pion sends FORWARD-TSN with every SACK: the two must not answer each other for ever.
    @Test func forwardTSNWithEverySackDoesNotEchoForEver() throws {
        var wire = try talk(.pion, delay: .milliseconds(1), count: 4)
        wire.peerSends(wire.peer.message([1, 2, 3], stream: 3))
        wire.run(for: .milliseconds(50))
        #expect(wire.events.compactMap(\.messageBytes) == [[1, 2, 3]])
        let before = wire.peer.packetsReceived
        try wire.association.send([1], on: 1, at: wire.now)
        wire.run(for: .seconds(10))
        #expect(wire.peer.packetsReceived - before <= 3)
        #expect(wire.association.deadline == nil)
    }

    /// Unordered DATA with a sequence number, acknowledgements of four bytes, response sequence 0.
    @Test func pionsOddFieldsDoNoHarm() throws {
        var wire = SCTPModelWire(.pion, delay: .milliseconds(2))
        wire.run(for: .seconds(1))
        let channel = try wire.association.openChannel(
            label: "_lossy", ordered: false, at: wire.now)
        wire.run(for: .seconds(1))
        for index in 0..<5 as Range<UInt8> {
            wire.peerSends(wire.peer.message([index], stream: channel))
            wire.run(for: .milliseconds(20))
        }
        #expect(wire.events.compactMap(\.messageBytes) == (0..<5).map { [$0] })
        wire.association.close(channel, at: wire.now)
        wire.run(for: .seconds(1))
        #expect(wire.events.last == .channelClosed(channel))
        #expect(wire.association.deadline == nil)
    }
}
