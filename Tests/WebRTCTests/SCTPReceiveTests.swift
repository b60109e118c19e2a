// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPReceiveTests {
    private func connected(_ configuration: SCTPConfiguration = .init()) -> SCTPHandPeer {
        var peer = SCTPHandPeer(configuration: configuration)
        peer.connect()
        peer.openByPeer()
        _ = peer.takePackets()
        // The DCEP acknowledgement is out of the way.
        peer.feed(peer.sack(1))
        return peer
    }

    @Test func secondPacketIsAcknowledgedAtOnceAndALoneOneWithin20Milliseconds() {
        var peer = connected()
        peer.feed(peer.data(1, [1], sequence: 1))
        #expect(peer.takePackets().isEmpty)
        peer.wait(.milliseconds(20))
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1001])
        peer.feed(peer.data(2, [2], sequence: 2))
        #expect(peer.takePackets().isEmpty)
        peer.feed(peer.data(3, [3], sequence: 3))
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1003])
        peer.feed(
            peer.data(4, [4], sequence: 4, flags: [.begin, .end, .immediate]))
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1004])
        #expect(peer.association.deadline == nil)
    }

    @Test func gapsAndDuplicatesAreReportedAtOnce() {
        var peer = connected()
        peer.feed(peer.data(3, [3], sequence: 3))
        var sack = peer.takeChunks().compactMap(\.asSack).first
        #expect(sack?.cumulativeTSN == 1000)
        #expect(sack?.gaps == [.init(start: 3, end: 3)])
        peer.feed(peer.data(5, [5], sequence: 5), peer.data(6, [6], sequence: 6))
        sack = peer.takeChunks().compactMap(\.asSack).first
        #expect(sack?.gaps == [.init(start: 3, end: 3), .init(start: 5, end: 6)])
        peer.feed(peer.data(5, [5], sequence: 5))
        sack = peer.takeChunks().compactMap(\.asSack).first
        #expect(sack?.duplicates == [1005])
        peer.feed(peer.data(1, [1], sequence: 1))
        #expect(peer.takeChunks().compactMap(\.asSack?.duplicates) == [[]])
        peer.feed(peer.data(2, [2], sequence: 2))
        sack = peer.takeChunks().compactMap(\.asSack).first
        #expect(sack?.cumulativeTSN == 1003)
        #expect(sack?.gaps == [.init(start: 2, end: 3)])
        peer.feed(peer.data(4, [4], sequence: 4))
        sack = peer.takeChunks().compactMap(\.asSack).first
        #expect(
            sack
                == .init(
                    cumulativeTSN: 1006, receiveWindow: 1 << 20, gaps: [], duplicates: []))
        #expect(peer.messages == (1...6).map { [$0] })
    }

    @Test func acknowledgementRidesOnDataThatLeaves() throws {
        var peer = connected()
        peer.feed(peer.data(1, [1], sequence: 1))
        try peer.association.send([7], on: 1, at: peer.now)
        let packets = peer.takePackets()
        #expect(packets.count == 1)
        #expect(packets.first?.chunks.first?.asSack?.cumulativeTSN == 1001)
        #expect(packets.first?.chunks.last?.asData?.payload == [7])
    }

    @Test func fragmentsInAnyOrderMakeTheMessage() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<50 {
            var peer = connected()
            var chunks: [SCTPChunk] = []
            for index in 0..<8 as Range<UInt32> {
                var flags: SCTPDataChunk.Flags = index < 4 ? [] : .unordered
                if index % 4 == 0 { flags.insert(.begin) }
                if index % 4 == 3 { flags.insert(.end) }
                // An unordered message's sequence number means nothing: pion sets it.
                let sequence: UInt16 = index < 4 ? 1 : UInt16(index)
                chunks.append(
                    peer.data(1 + index, [UInt8(index)], sequence: sequence, flags: flags))
            }
            chunks.shuffle(using: &random)
            for chunk in chunks { peer.feed(chunk) }
            #expect(Set(peer.messages) == [[0, 1, 2, 3], [4, 5, 6, 7]])
            #expect(peer.messages.count == 2)
            #expect(peer.association.reassembly.heldBytes == 0)
        }
    }

    @Test func brokenFragmentRunsAreThrownAwayOnceNothingCanCompleteThem() {
        var peer = connected()
        // A beginning after a beginning, a middle without a beginning, an end without either.
        peer.feed(peer.data(1, [1], sequence: 1, flags: .begin))
        peer.feed(peer.data(2, [2], sequence: 1, flags: .begin))
        peer.feed(peer.data(3, [3], sequence: 9, flags: []))
        peer.feed(peer.data(4, [4], sequence: 9, flags: .end))
        #expect(peer.association.reassembly.heldBytes == 0)
        #expect(peer.messages.isEmpty)
        peer.feed(peer.data(5, [5], sequence: 1))
        #expect(peer.messages == [[5]])
    }

    @Test func forwardTSNReleasesWhatItsMessagesHeldBack() {
        var peer = connected()
        peer.feed(peer.data(1, [1], sequence: 1, flags: .begin))
        peer.feed(peer.data(3, [3], sequence: 2))
        peer.feed(peer.data(4, [4], sequence: 3, flags: .begin))
        #expect(peer.messages.isEmpty)
        _ = peer.takePackets()
        peer.feed(
            .forwardTSN(
                .init(newCumulativeTSN: 1002, skipped: [.init(stream: 1, streamSequence: 1)])))
        #expect(peer.messages == [[3]])
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1004])
        // The half that came is gone, the one beyond the point is kept.
        #expect(peer.association.reassembly.heldBytes == 1)
        peer.feed(peer.data(5, [5], sequence: 3, flags: .end))
        #expect(peer.messages == [[3], [4, 5]])
    }

    @Test func forwardTSNDropsUnorderedFragmentsOnEveryStream() {
        var peer = connected()
        peer.feed(peer.data(1, [1], stream: 1, flags: [.begin, .unordered]))
        peer.feed(peer.data(3, [1], stream: 9, flags: [.begin, .unordered]))
        peer.feed(.forwardTSN(.init(newCumulativeTSN: 1004, skipped: [])))
        #expect(peer.association.reassembly.heldBytes == 0)
    }

    /// pion lists unordered streams too, and one stream may stand in the list twice (usrsctp#289).
    @Test func forwardTSNMayNameAStreamTwiceOrOneWithoutState() {
        var peer = connected()
        peer.feed(peer.data(4, [4], sequence: 4))
        peer.feed(
            .forwardTSN(
                .init(
                    newCumulativeTSN: 1003,
                    skipped: [
                        .init(stream: 1, streamSequence: 1), .init(stream: 77, streamSequence: 5),
                        .init(stream: 1, streamSequence: 3),
                    ])))
        #expect(peer.messages == [[4]])
    }

    @Test func repeatedForwardTSNsAreAnsweredOnceIn20Milliseconds() {
        var peer = connected()
        peer.feed(peer.data(1, [1], sequence: 1))
        peer.wait(.milliseconds(30))
        _ = peer.takePackets()
        for _ in 0..<10 {
            peer.feed(.forwardTSN(.init(newCumulativeTSN: 1001, skipped: [])))
        }
        #expect(peer.takePackets().isEmpty)
        peer.wait(.milliseconds(20))
        #expect(peer.takePackets().count == 1)
    }

    @Test func forwardTSNBeyondTheWindowOrNotNegotiatedChangesNothing() {
        var peer = connected()
        peer.feed(.forwardTSN(.init(newCumulativeTSN: 1000 &+ 16_385, skipped: [])))
        #expect(peer.takePackets().isEmpty)
        #expect(peer.association.tracker?.cumulative == 1000)
        var other = SCTPHandPeer()
        other.extensions = []
        other.connect()
        other.feed(.forwardTSN(.init(newCumulativeTSN: 1005, skipped: [])))
        guard case .error(let causes) = other.takeChunks().first else {
            Issue.record("no ERROR")
            return
        }
        #expect(causes.first?.code == 6)
        #expect(other.association.tracker?.cumulative == 999)
    }

    @Test func windowShrinksByWhatIsHeldAndDropsWhatDoesNotFit() {
        var configuration = SCTPConfiguration()
        configuration.receiveWindow = 3000
        var peer = connected(configuration)
        for offset in 2...4 as ClosedRange<UInt32> {
            peer.feed(
                peer.data(offset, Array(repeating: 1, count: 1000), sequence: UInt16(offset)))
        }
        #expect(peer.takeChunks().compactMap(\.asSack?.receiveWindow).last == 0)
        peer.feed(peer.data(5, [1], sequence: 5))
        #expect(
            peer.takeChunks().compactMap(\.asSack).last?.gaps == [.init(start: 2, end: 4)])
        // The chunk that closes the lowest gap is taken into the full buffer.
        peer.feed(peer.data(1, Array(repeating: 1, count: 1000), sequence: 1))
        #expect(peer.messages.count == 4)
        let sack = peer.takeChunks().compactMap(\.asSack).last
        #expect(sack?.cumulativeTSN == 1004)
        #expect(sack?.receiveWindow == 3000)
    }

    @Test func numbersBeyondTheWindowAreNeitherKeptNorAcknowledged() {
        var peer = connected()
        peer.feed(peer.data(16_385, [1], sequence: 1))
        #expect(peer.takePackets().isEmpty)
        peer.feed(peer.data(16_384, [1], sequence: 1))
        #expect(
            peer.takeChunks().compactMap(\.asSack).last?.gaps
                == [.init(start: 16_384, end: 16_384)])
    }

    @Test func sequenceNumbersWrapOnTheReceivingSide() {
        var configuration = SCTPConfiguration()
        configuration.initialStreamSequence = 65_534
        var pair = SCTPHandPeer(configuration: configuration)
        pair.connect()
        pair.openByPeer()
        #expect(pair.events.last == .stateChanged(.connected))
        // Sequence number 0 is two ahead here: it waits for 65534 and 65535.
        pair.feed(pair.data(2, [2], sequence: 65_535))
        pair.feed(
            pair.data(
                1,
                SCTPChannelControl.open(
                    .init(label: "w", subprotocol: "", isOrdered: true, reliability: .reliable)
                ).encoded(), sequence: 65_534, identifier: 50))
        #expect(pair.messages == [[2]])
        #expect(pair.association.openChannels.map(\.label) == ["w"])
    }

    @Test func messageAboveTheCapClosesItsChannelAlone() {
        var configuration = SCTPConfiguration()
        configuration.receiveMessageMax = 5000
        var peer = connected(configuration)
        peer.openByPeer("other", stream: 3, offset: 1)
        peer.feed(peer.sack(2))
        for index in 0..<6 as Range<UInt32> {
            peer.feed(
                peer.data(
                    2 + index, Array(repeating: 1, count: 1000), sequence: 1,
                    flags: index == 0 ? .begin : []))
        }
        peer.feed(peer.data(8, [9], stream: 3, sequence: 1))
        #expect(peer.messages == [[9]])
        #expect(peer.events.contains(.channelClosing(1)))
        #expect(!peer.events.contains(.channelClosing(3)))
        #expect(peer.association.state == .connected)
        #expect(peer.takeChunks().compactMap(\.asReset?.streams) == [[1]])
        #expect(peer.association.reassembly.heldBytes == 0)
    }

    @Test func emptyDataIsReportedAndNotAcknowledged() {
        var peer = connected()
        peer.feed(peer.data(1, [], sequence: 1))
        let chunks = peer.takeChunks()
        #expect(chunks == [.error([SCTPErrorCause(code: 9, value: [0, 0, 0x03, 0xE9])])])
    }

    @Test func unknownChunksAreTreatedByTheirTwoHighestBits() {
        func reaction(_ type: UInt8) -> (isDataTaken: Bool, isReported: Bool) {
            var peer = connected()
            peer.feed(
                .unrecognized(type: type, flags: 0, value: [1, 2, 3, 4]),
                peer.data(1, [1], sequence: 1))
            let isReported = peer.takeChunks().contains {
                if case .error(let causes) = $0 { return causes.first?.code == 6 }
                return false
            }
            return (!peer.messages.isEmpty, isReported)
        }
        #expect(reaction(0x3f) == (false, false))
        #expect(reaction(0x7f) == (false, true))
        #expect(reaction(0xbf) == (true, false))
        #expect(reaction(0xff) == (true, true))
        #expect(reaction(SCTPChunkType.pad) == (true, false))
        #expect(reaction(SCTPChunkType.explicitCongestionEcho) == (true, false))
    }

    @Test func interleavedDataIsIgnoredAndTheAssociationLives() {
        var peer = connected()
        peer.feed(
            .interleavedData(
                .init(
                    flags: [.begin, .end], tsn: 1001, stream: 1, messageIdentifier: 0,
                    protocolIdentifierOrFragment: 53, payload: [1])))
        peer.feed(.interleavedForwardTSN(newCumulativeTSN: 1005, skipped: []))
        #expect(peer.takePackets().isEmpty)
        #expect(peer.messages.isEmpty)
        peer.feed(peer.data(1, [1], sequence: 1))
        #expect(peer.messages == [[1]])
    }

    @Test func wrongTagsAndPortsAreDropped() {
        var peer = connected()
        peer.feed(peer.data(1, [1], sequence: 1), tag: peer.localTag ^ 1)
        peer.feed(.abort(isTagReflected: false, causes: []), tag: peer.tag)
        let packet = SCTPPacket(
            sourcePort: 5001, destinationPort: 5000, verificationTag: peer.localTag,
            chunks: [peer.data(1, [1], sequence: 1)])
        peer.association.receive(packet.encoded(), at: peer.now)
        #expect(peer.messages.isEmpty)
        #expect(peer.association.state == .connected)
        #expect(peer.association.statistics.packetsRejected == 3)
    }

    @Test func heartbeatsAreEchoedByteForByteAndNotEndlessly() {
        var peer = connected()
        peer.feed(.heartbeat([]))
        peer.feed(.heartbeat([0, 1, 0, 7, 1, 2, 3]))
        #expect(peer.takeChunks() == [.heartbeatAck([]), .heartbeatAck([0, 1, 0, 7, 1, 2, 3])])
        for _ in 0..<100 { peer.feed(.heartbeat([])) }
        #expect(peer.takePackets().count == 48)
        peer.feed(.heartbeat(Array(repeating: 0, count: 2000)))
        #expect(peer.takePackets().isEmpty)
    }

    @Test func abortClosesWithoutAnAnswerAlsoWithTheTagReflected() {
        for isReflected in [false, true] {
            var peer = connected()
            peer.feed(
                .abort(isTagReflected: isReflected, causes: [SCTPErrorCause(code: 12)]),
                tag: isReflected ? peer.tag : peer.localTag)
            #expect(peer.takePackets().isEmpty)
            #expect(
                peer.events.suffix(3) == [
                    .channelClosed(1), .stateChanged(.closed), .closed(.abortedByPeer(cause: 12)),
                ])
            peer.feed(peer.data(1, [1], sequence: 1))
            peer.association.tick(at: peer.now + .seconds(100))
            #expect(peer.takePackets().isEmpty)
            #expect(peer.association.deadline == nil)
        }
    }

    @Test func shutdownIsAnsweredOnceAllIsAcknowledged() throws {
        var peer = connected()
        try peer.association.send([5], on: 1, at: peer.now)
        peer.drain()
        _ = peer.takePackets()
        peer.feed(.shutdown(cumulativeTSN: peer.localTSN))
        #expect(peer.takePackets().isEmpty)
        #expect(throws: SCTPSendError.associationClosed) {
            try peer.association.send([6], on: 1, at: peer.now)
        }
        peer.feed(peer.sack(2))
        #expect(peer.takeChunks() == [.shutdownAck])
        peer.wait(.milliseconds(600))
        #expect(peer.takeChunks().contains(.shutdownAck))
        peer.feed(.shutdownComplete(isTagReflected: false))
        #expect(peer.events.last == .closed(.shutDownByPeer))
    }

    @Test func abortTellsThePeerWhy() {
        var peer = connected()
        peer.association.abort(at: peer.now)
        #expect(
            peer.takeChunks()
                == [.abort(isTagReflected: false, causes: [SCTPErrorCause(code: 12)])])
        #expect(peer.events.last == .closed(.abortedLocally))
    }
}
