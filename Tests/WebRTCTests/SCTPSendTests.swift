// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPSendTests {
    /// Connected with one channel of ours that the peer knows; TSN 0 was its opening.
    private func connected(
        _ reliability: SCTPReliability = .reliable, ordered: Bool = true,
        configuration: SCTPConfiguration = .init()
    ) throws -> (peer: SCTPHandPeer, channel: UInt16) {
        var peer = SCTPHandPeer(configuration: configuration)
        peer.connect()
        let channel = try peer.association.openChannel(
            label: "x", ordered: ordered, reliability: reliability, at: peer.now)
        peer.drain()
        peer.now += .milliseconds(20)
        peer.feed(peer.sack(1), peer.data(0, [2], stream: channel, identifier: 50))
        _ = peer.takePackets()
        #expect(peer.association.statistics.retransmissions == 0)
        return (peer, channel)
    }

    private func offsets(_ chunks: [SCTPChunk], _ peer: SCTPHandPeer) -> [UInt32] {
        chunks.compactMap(\.asData).map { $0.tsn &- peer.localTSN }
    }

    @Test func smallMessagesOfOneDrainShareAPacketAndOnlyTheLastAsksForAnAnswer() throws {
        var (peer, channel) = try connected()
        for value in 0..<5 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
        }
        let packets = peer.takePackets()
        #expect(packets.count == 1)
        let data = packets.flatMap(\.chunks).compactMap(\.asData)
        #expect(data.map(\.payload) == [[0], [1], [2], [3], [4]])
        #expect(data.map { $0.flags.contains(.immediate) } == [false, false, false, false, true])
        #expect(data.map(\.streamSequence) == [1, 2, 3, 4, 5])
    }

    @Test func longMessagesGoInFragmentsOf1160Bytes() throws {
        var (peer, channel) = try connected()
        try peer.association.send(Array(repeating: 7, count: 3000), on: channel, at: peer.now)
        let packets = peer.takePackets()
        #expect(packets.map { $0.encoded().count } == [1188, 1188, 28 + 680])
        let data = packets.flatMap(\.chunks).compactMap(\.asData)
        #expect(data.map(\.payload.count) == [1160, 1160, 680])
        #expect(data.map(\.flags) == [.begin, [], [.end, .immediate]])
        #expect(Set(data.map(\.streamSequence)) == [1])
    }

    @Test func streamsTakeTurnsMessageByMessage() throws {
        var (peer, first) = try connected()
        let second = try peer.association.openChannel(label: "y", at: peer.now)
        peer.drain()
        peer.feed(peer.sack(2))
        _ = peer.takePackets()
        for index in 0..<3 {
            let size = index == 0 ? 2000 : 10
            try peer.association.send(Array(repeating: 1, count: size), on: first, at: peer.now)
            try peer.association.send(Array(repeating: 2, count: 10), on: second, at: peer.now)
        }
        let data = peer.takeChunks().compactMap(\.asData)
        #expect(data.map(\.stream) == [first, first, second, first, second, first, second])
    }

    @Test func initialWindowLimitsTheFirstFlightAndAcknowledgementsOpenIt() throws {
        var (peer, channel) = try connected()
        try peer.association.send(Array(repeating: 0, count: 60_000), on: channel, at: peer.now)
        #expect(peer.takePackets().count == 10)
        #expect(peer.association.bufferedAmount(of: channel) == 60_000 - 10 * 1160)
        peer.now += .milliseconds(20)
        peer.feed(peer.sack(1 + 10))
        // Nothing is on the wire: ten again; later four an event, though the windows have room.
        #expect(peer.takePackets().count == 10)
        peer.now += .milliseconds(20)
        peer.feed(peer.sack(1 + 15))
        #expect(peer.takePackets().count == 4)
    }

    @Test func closedWindowIsProbedByOneChunkUntilItOpens() throws {
        var (peer, channel) = try connected()
        peer.feed(peer.sack(1, window: 0))
        for value in 0..<3 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
        }
        #expect(offsets(peer.takeChunks(), peer) == [1])
        peer.wait(.seconds(10))
        #expect(Set(offsets(peer.takeChunks(), peer)) == [1])
        #expect(peer.association.state == .connected)
        peer.feed(peer.sack(2, window: 1000))
        #expect(offsets(peer.takeChunks(), peer) == [2, 3])
    }

    /// §12: the tail is found by a probe after two round trips, not by the timer.
    @Test func lostTailIsProbedOnceThenTimedOut() throws {
        var (peer, channel) = try connected()
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.wait(.milliseconds(60))
        #expect(offsets(peer.takeChunks(), peer) == [1])
        #expect(peer.association.statistics.probes == 1)
        peer.wait(.milliseconds(200))
        #expect(offsets(peer.takeChunks(), peer) == [1])
        #expect(peer.association.statistics.timeouts == 1)
        // Doubling, and never more than 4 s.
        var gaps: [Double] = []
        var last = peer.now
        while gaps.count < 7, let due = peer.association.deadline {
            peer.wait(due - peer.now)
            if !peer.takePackets().isEmpty {
                gaps.append((peer.now - last).seconds)
                last = peer.now
            }
        }
        #expect(gaps.last == 4)
        #expect(gaps.allSatisfy { $0 <= 4 })
        peer.feed(peer.sack(2))
        #expect(peer.association.deadline == nil)
    }

    @Test func aChunkThatSuccessorsOvertookIsResentAfterTheReorderingWindow() throws {
        var (peer, channel) = try connected()
        for value in 0..<3 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
            peer.drain()
            peer.now += .milliseconds(6)
        }
        _ = peer.takePackets()
        peer.now += .milliseconds(14)
        // The second came, the first did not.
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 2)]))
        // Sent 6 ms before one that took 26 ms, it is due since 6 ms; the window is 5 ms.
        #expect(offsets(peer.takeChunks(), peer) == [1])
        #expect(peer.association.statistics.timeouts == 0)
        peer.feed(peer.sack(4))
        #expect(peer.association.deadline == nil)
    }

    @Test func threeReportsThatMissAChunkResendItOnce() throws {
        var (peer, channel) = try connected()
        for value in 0..<6 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
            peer.drain()
        }
        _ = peer.takePackets()
        // All within no time, so that only counting can tell.
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 2)]))
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 3)]))
        #expect(offsets(peer.takeChunks(), peer) == [])
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 4)]))
        #expect(offsets(peer.takeChunks(), peer) == [1])
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 5)]))
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 6)]))
        #expect(offsets(peer.takeChunks(), peer) == [])
        #expect(peer.association.transmission.congestion.window == 5 * SCTPSize.segment)
    }

    @Test func aReportThatIsTakenBackIsResentByTheTimer() throws {
        var (peer, channel) = try connected()
        for value in 0..<3 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
            peer.drain()
        }
        _ = peer.takePackets()
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 3)]))
        peer.feed(peer.sack(2))
        #expect(peer.association.transmission.outstanding.count == 2)
        #expect(offsets(peer.takeChunks(), peer) == [])
        peer.wait(.seconds(1))
        #expect(Set(offsets(peer.takeChunks(), peer)).isSuperset(of: [2, 3]))
        peer.feed(peer.sack(4))
        #expect(peer.association.deadline == nil)
    }

    /// usrsctp sends overlapping blocks; others are simply impossible.
    @Test func oddAcknowledgementsChangeNothingWrong() throws {
        var (peer, channel) = try connected()
        for value in 0..<4 as Range<UInt8> {
            try peer.association.send([value], on: channel, at: peer.now)
            peer.drain()
        }
        _ = peer.takePackets()
        peer.feed(peer.sack(6))
        peer.feed(peer.sack(0))
        #expect(peer.association.statistics.packetsRejected == 2)
        #expect(peer.association.transmission.outstanding.count == 4)
        peer.feed(
            peer.sack(
                1,
                gaps: [
                    .init(start: 3, end: 3), .init(start: 2, end: 3), .init(start: 9, end: 5),
                    .init(start: 0, end: 1), .init(start: 60_000, end: 65_535),
                ]))
        #expect(peer.association.transmission.acknowledgedCount == 2)
        #expect(peer.association.transmission.outstandingPayload == 2)
        peer.feed(peer.sack(5))
        #expect(peer.association.transmission.flight == 0)
    }

    @Test func oneTryMessagesAreGivenUpAndThePeerIsTold() throws {
        var (peer, channel) = try connected(.maxRetransmits(0), ordered: false)
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        try peer.association.send([2], on: channel, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.now += .milliseconds(30)
        peer.feed(peer.sack(1, gaps: [.init(start: 2, end: 2)]))
        peer.wait(.milliseconds(10))
        let chunks = peer.takeChunks()
        #expect(offsets(chunks, peer) == [])
        // Unordered messages have no entry.
        #expect(
            chunks.compactMap(\.asForward)
                == [.init(newCumulativeTSN: peer.localTSN &+ 1, skipped: [])])
        peer.feed(peer.sack(3))
        #expect(peer.association.deadline == nil)
        #expect(peer.association.statistics.messagesAbandoned == 1)
    }

    @Test func aLostForwardTSNIsRepeated() throws {
        var (peer, channel) = try connected(.maxRetransmits(0))
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.wait(.seconds(2))
        let forwards = peer.takeChunks().compactMap(\.asForward)
        #expect(forwards.count >= 2)
        #expect(
            forwards.allSatisfy {
                $0
                    == .init(
                        newCumulativeTSN: peer.localTSN &+ 1,
                        skipped: [.init(stream: channel, streamSequence: 1)])
            })
        peer.feed(peer.sack(2))
        #expect(peer.association.deadline == nil)
    }

    /// A message that is given up while its rest still waits gets one last TSN that stands for
    /// that rest: usrsctp aborts on a FORWARD-TSN into a message.
    @Test func aHalfSentMessageIsGivenUpToItsEnd() throws {
        var (peer, channel) = try connected(.maxLifetime(milliseconds: 100), ordered: false)
        try peer.association.send(Array(repeating: 1, count: 60_000), on: channel, at: peer.now)
        #expect(peer.takePackets().count == 10)
        peer.wait(.seconds(1))
        #expect(peer.association.bufferedAmount(of: channel) == 0)
        let forward = peer.takeChunks().compactMap(\.asForward).first
        #expect(forward?.newCumulativeTSN == peer.localTSN &+ 11)
        peer.feed(peer.sack(12))
        try peer.association.send([3], on: channel, at: peer.now)
        #expect(offsets(peer.takeChunks(), peer) == [12])
    }

    @Test func messagesThatExpireBeforeTheirTurnTakeNoNumber() throws {
        var (peer, channel) = try connected(.maxLifetime(milliseconds: 50))
        peer.feed(peer.sack(1, window: 0))
        try peer.association.send([1], on: channel, at: peer.now)
        try peer.association.send([2], on: channel, at: peer.now)
        #expect(offsets(peer.takeChunks(), peer) == [1])
        peer.now += .milliseconds(100)
        peer.feed(peer.sack(2))
        try peer.association.send([3], on: channel, at: peer.now)
        let data = peer.takeChunks().compactMap(\.asData)
        #expect(data.map(\.payload) == [[3]])
        #expect(data.map(\.streamSequence) == [2])
        #expect(peer.association.statistics.messagesAbandoned == 1)
    }

    @Test func withoutForwardTSNEveryChannelIsReliable() throws {
        var peer = SCTPHandPeer()
        peer.extensions = [.supportedExtensions([0x82])]
        peer.connect()
        let channel = try peer.association.openChannel(
            label: "x", reliability: .maxRetransmits(0), at: peer.now)
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.wait(.seconds(5))
        let chunks = peer.takeChunks()
        #expect(chunks.compactMap(\.asForward).isEmpty)
        #expect(offsets(chunks, peer).contains(1))
    }

    @Test func fullQueueTooLongMessagesAndUnknownChannelsAreRefused() throws {
        var configuration = SCTPConfiguration()
        configuration.sendBufferMax = 10_000
        configuration.remoteMaxMessageSize = 9_000
        var (peer, channel) = try connected(configuration: configuration)
        peer.feed(peer.sack(1, window: 0))
        try peer.association.send([0], on: channel, at: peer.now)
        peer.drain()
        #expect(throws: SCTPSendError.messageTooLong(limit: 9_000)) {
            try peer.association.send(
                Array(repeating: 0, count: 9_001), on: channel, at: peer.now)
        }
        peer.association.setBufferedAmountLowThreshold(4_000, of: channel)
        try peer.association.send(Array(repeating: 0, count: 9_000), on: channel, at: peer.now)
        #expect(throws: SCTPSendError.queueFull) {
            try peer.association.send(
                Array(repeating: 0, count: 1_001), on: channel, at: peer.now)
        }
        #expect(throws: SCTPSendError.channelNotOpen) {
            try peer.association.send([1], on: 44, at: peer.now)
        }
        #expect(!peer.events.contains(.bufferedAmountLow(channel)))
        peer.feed(peer.sack(2))
        peer.drain()
        #expect(peer.events.filter { $0 == .bufferedAmountLow(channel) }.count == 1)
        #expect(peer.association.bufferedAmount(of: channel) == 0)
    }

    @Test func anUnnamedLimitOfThePeerStillMeans64000() {
        var configuration = SCTPConfiguration()
        configuration.remoteMaxMessageSize = 0
        #expect(configuration.sendMessageMax == 64_000)
        configuration.remoteMaxMessageSize = 1 << 30
        #expect(configuration.sendMessageMax == 64_000)
        configuration.remoteMaxMessageSize = 1200
        #expect(configuration.sendMessageMax == 1200)
    }

    @Test func aRestoredPathResendsAtOnceAndForgetsTheBackOff() throws {
        var (peer, channel) = try connected()
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        peer.wait(.seconds(30))
        _ = peer.takePackets()
        peer.association.pathRestored(at: peer.now)
        #expect(offsets(peer.takeChunks(), peer) == [1])
        let wait = peer.association.deadline.map { $0 - peer.now }
        #expect(wait.map { $0 <= .milliseconds(500) } == true)
    }

    @Test func aLateTickFiresEachTimerOnce() throws {
        var (peer, channel) = try connected()
        try peer.association.send([1], on: channel, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.now += .seconds(20)
        peer.association.tick(at: peer.now)
        peer.association.tick(at: peer.now)
        #expect(offsets(peer.takeChunks(), peer) == [1])
        #expect(peer.association.statistics.timeouts == 1)
    }

    @Test func timeRunningBackwardsDoesNoHarm() throws {
        var (peer, channel) = try connected()
        peer.association.tick(at: peer.now + .seconds(5))
        peer.association.tick(at: .zero)
        try peer.association.send([1], on: channel, at: .zero)
        #expect(offsets(peer.takeChunks(), peer) == [1])
    }
}
