// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPChannelTests {
    private func connected(role: SCTPAssociation.Role = .client) -> SCTPHandPeer {
        var peer = SCTPHandPeer(role: role)
        peer.connect()
        return peer
    }

    @Test func idsFollowTheDTLSRole() throws {
        for (role, expected) in [(SCTPAssociation.Role.client, [0, 2, 4]), (.server, [1, 3, 5])] {
            var association = SCTPAssociation(dtlsRole: role, seed: 1)
            let ids = try (0..<3).map { index in
                try association.openChannel(label: "\(index)", at: .zero)
            }
            #expect(ids == expected.map { UInt16($0) })
        }
    }

    @Test func nothingIsSentOnAChannelBeforeTheAssociationIsConnected() throws {
        var peer = SCTPHandPeer()
        let id = try peer.association.openChannel(label: "_lossy", ordered: false, at: peer.now)
        try peer.association.send([1], on: id, at: peer.now)
        peer.drain()
        #expect(peer.takePackets().isEmpty)
        peer.association.start(at: peer.now)
        #expect(peer.takeChunks().count == 1)
    }

    @Test func messagesGoInOrderUntilThePeerAcknowledgedTheChannel() throws {
        var peer = connected()
        let id = try peer.association.openChannel(label: "_lossy", ordered: false, at: peer.now)
        try peer.association.send([1], on: id, at: peer.now)
        var data = peer.takeChunks().compactMap(\.asData)
        #expect(data.map(\.protocolIdentifier) == [50, 53])
        #expect(data.allSatisfy { !$0.flags.contains(.unordered) })
        #expect(data.map(\.streamSequence) == [0, 1])
        #expect(!peer.events.contains { if case .channelOpened = $0 { true } else { false } })
        // pion's acknowledgement has four bytes, Chromium's is unordered.
        peer.feed(
            peer.sack(2),
            peer.data(
                0, [2, 0, 0, 0], stream: id, flags: [.begin, .end, .unordered], identifier: 50))
        #expect(peer.association.openChannels.map(\.label) == ["_lossy"])
        #expect(peer.events.contains { if case .channelOpened = $0 { true } else { false } })
        try peer.association.send([2], on: id, at: peer.now)
        data = peer.takeChunks().compactMap(\.asData)
        #expect(data.map { $0.flags.contains(.unordered) } == [true])
    }

    @Test func dataBeforeTheAcknowledgementOpensTheChannel() throws {
        var peer = connected()
        let id = try peer.association.openChannel(label: "x", at: peer.now)
        peer.feed(peer.data(0, [5], stream: id))
        #expect(peer.messages == [[5]])
        #expect(peer.events.count == 4)
        peer.feed(peer.data(1, [2], stream: id, sequence: 1, identifier: 50))
        #expect(peer.events.count == 4)
    }

    @Test func openingsOfTheWrongParityOrWithoutSenseAreRefusedByAReset() {
        let good = SCTPChannelControl.open(
            .init(label: "ab", subprotocol: "", isOrdered: true, reliability: .reliable)
        ).encoded()
        let bad: [(stream: UInt16, bytes: [UInt8])] = [
            (2, good), (65_535, good), (1, good + [0]), (1, good.dropLast()), (1, [3]), (1, [9]),
            (1, [3, 7] + good.dropFirst(2)), (1, Array(good.dropLast(2)) + [0xff, 0xfe]),
        ]
        for (stream, bytes) in bad {
            var peer = connected()
            peer.feed(peer.data(0, bytes, stream: stream, identifier: 50))
            let chunks = peer.takeChunks()
            #expect(chunks.compactMap(\.asReset?.streams) == [[stream]], "\(bytes)")
            #expect(peer.association.openChannels.isEmpty)
            #expect(peer.association.state == .connected)
            // Not over and over.
            peer.feed(peer.data(1, bytes, stream: stream, sequence: 1, identifier: 50))
            #expect(peer.takeChunks().compactMap(\.asReset).isEmpty)
        }
    }

    @Test func aSecondOpeningOnALiveChannelIsIgnored() {
        var peer = connected()
        peer.openByPeer("first")
        peer.openByPeer("second", offset: 1)
        peer.feed(peer.data(2, [4], sequence: 1))
        #expect(peer.association.openChannels.map(\.label) == ["first"])
        #expect(peer.association.state == .connected)
    }

    @Test func dataOnAStreamWithoutAChannelIsAcknowledgedAndDropped() {
        var peer = connected()
        peer.feed(peer.data(0, [1], stream: 31))
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1000])
        #expect(peer.messages.isEmpty)
        #expect(peer.association.statistics.dataDropped == 1)
        #expect(peer.association.reassembly.heldBytes == 0)
    }

    @Test func emptyPartialAndUnknownPayloadsAreToldApart() {
        var peer = connected()
        peer.openByPeer()
        let payloads: [(UInt32, [UInt8])] = [
            (56, [0]), (57, [0]), (51, [65]), (54, [66]), (54, [67]), (51, [68]), (99, [1]),
            (52, [1]), (53, [2]),
        ]
        for (index, (identifier, bytes)) in payloads.enumerated() {
            peer.feed(
                peer.data(
                    UInt32(1 + index), bytes, sequence: UInt16(1 + index), identifier: identifier)
            )
        }
        #expect(
            peer.events.suffix(5) == [
                .message(channel: 1, kind: .text, bytes: []),
                .message(channel: 1, kind: .binary, bytes: []),
                .message(channel: 1, kind: .text, bytes: [65]),
                .message(channel: 1, kind: .text, bytes: [66, 67, 68]),
                .message(channel: 1, kind: .binary, bytes: [1, 2]),
            ])
    }

    @Test func labelsIdsAndChannelsHaveTheirBounds() throws {
        var configuration = SCTPConfiguration()
        configuration.streamsMax = 6
        var association = SCTPAssociation(
            dtlsRole: .client, seed: 1, configuration: configuration)
        #expect(throws: SCTPOpenError.labelTooLong) {
            try association.openChannel(label: String(repeating: "é", count: 513), at: .zero)
        }
        #expect(throws: SCTPOpenError.noFreeID) {
            try association.openChannel(label: "odd", id: 3, at: .zero)
        }
        #expect(throws: SCTPOpenError.noFreeID) {
            try association.openChannel(label: "high", id: 6, at: .zero)
        }
        _ = try association.openChannel(label: "named", id: 2, at: .zero)
        #expect(try association.openChannel(label: "a", at: .zero) == 0)
        #expect(try association.openChannel(label: "b", at: .zero) == 4)
        #expect(throws: SCTPOpenError.noFreeID) {
            try association.openChannel(label: "c", at: .zero)
        }
        association.close(2, at: .zero)
        #expect(try association.openChannel(label: "c", at: .zero) == 2)
    }

    @Test func twoHundredChannelsOpenAndCarryAMessageEach() throws {
        var pair = SCTPPair()
        pair.connect()
        for index in 0..<200 as Range<UInt8> {
            let id = try pair.client.openChannel(label: "\(index)", at: pair.now)
            try pair.client.send([index], on: id, at: pair.now)
        }
        pair.run(for: .seconds(2))
        #expect(pair.serverEvents.compactMap(\.messageBytes).map { $0[0] } == Array(0..<200))
        #expect(pair.server.openChannels.count == 200)
        let opened = pair.clientEvents.filter {
            if case .channelOpened = $0 { true } else { false }
        }
        #expect(opened.count == 200)
    }

    // MARK: Closing

    @Test func closingWaitsForWhatIsQueuedAndNamesTheLastTSN() throws {
        var peer = connected()
        let id = try peer.association.openChannel(label: "x", at: peer.now)
        try peer.association.send([1], on: id, at: peer.now)
        peer.association.close(id, at: peer.now)
        #expect(throws: SCTPSendError.channelNotOpen) {
            try peer.association.send([2], on: id, at: peer.now)
        }
        #expect(peer.takeChunks().compactMap(\.asReset).isEmpty)
        peer.feed(peer.sack(2))
        let reset = peer.takeChunks().compactMap(\.asReset).first
        #expect(reset?.streams == [id])
        #expect(reset?.requestSequence == peer.localTSN)
        #expect(reset?.lastTSN == peer.localTSN &+ 1)
        #expect(reset?.responseSequence == peer.initialTSN &- 1)
    }

    /// pion answers, then sends its own request, with 0 as response sequence.
    @Test func aChannelIsClosedWhenBothDirectionsAreReset() throws {
        for isAnswerFirst in [true, false] {
            var peer = connected()
            let id = try peer.association.openChannel(label: "x", at: peer.now)
            peer.drain()
            peer.feed(peer.sack(1), peer.data(0, [2], stream: id, identifier: 50))
            peer.association.close(id, at: peer.now)
            peer.drain()
            let answer = SCTPChunk.reconfiguration([
                .resetResponse(.init(responseSequence: peer.localTSN, result: .performed))
            ])
            let request = SCTPChunk.reconfiguration([
                .outgoingReset(
                    .init(
                        requestSequence: peer.initialTSN, responseSequence: 0,
                        lastTSN: peer.initialTSN, streams: [id]))
            ])
            _ = peer.takePackets()
            peer.feed(isAnswerFirst ? answer : request)
            #expect(!peer.events.contains(.channelClosed(id)))
            peer.feed(isAnswerFirst ? request : answer)
            #expect(peer.events.last == .channelClosed(id))
            #expect(peer.takeChunks().compactMap(\.asResponse?.result) == [.performed])
            #expect(peer.association.deadline == nil)
        }
    }

    @Test func aRepeatedRequestGetsTheSameAnswerAndResetsNothing() {
        var peer = connected()
        peer.openByPeer()
        peer.feed(peer.sack(1))
        let request = SCTPChunk.reconfiguration([
            .outgoingReset(
                .init(
                    requestSequence: peer.initialTSN, responseSequence: 0,
                    lastTSN: peer.initialTSN, streams: [1]))
        ])
        peer.feed(request)
        let sequence = peer.takeChunks().compactMap(\.asReset?.requestSequence).first ?? 0
        peer.feed(
            .reconfiguration([
                .resetResponse(.init(responseSequence: sequence, result: .performed))
            ]))
        // The stream is used again, at sequence number 0.
        peer.openByPeer("again", offset: 1)
        peer.feed(peer.data(2, [1], sequence: 1))
        _ = peer.takePackets()
        peer.feed(request)
        #expect(peer.takeChunks().compactMap(\.asResponse?.result) == [.performed])
        peer.feed(peer.data(3, [2], sequence: 2))
        #expect(peer.messages == [[1], [2]])
        #expect(peer.association.openChannels.map(\.label) == ["again"])
    }

    @Test func aRequestAheadOfItsDataWaitsForIt() {
        var peer = connected()
        peer.openByPeer()
        peer.feed(peer.sack(1))
        _ = peer.takePackets()
        let request = SCTPChunk.reconfiguration([
            .outgoingReset(
                .init(
                    requestSequence: peer.initialTSN, responseSequence: 0,
                    lastTSN: peer.initialTSN &+ 2, streams: [1]))
        ])
        peer.feed(request)
        peer.feed(request)
        #expect(
            peer.takeChunks().compactMap(\.asResponse?.result) == [.inProgress, .inProgress])
        peer.feed(peer.data(1, [1], sequence: 1))
        #expect(peer.takeChunks().compactMap(\.asResponse).isEmpty)
        peer.feed(peer.data(2, [2], sequence: 2))
        #expect(peer.takeChunks().compactMap(\.asResponse?.result) == [.performed])
        #expect(peer.messages == [[1], [2]])
        #expect(peer.events.contains(.channelClosing(1)))
    }

    @Test func forwardTSNAlsoEndsTheWaitForData() {
        var peer = connected()
        peer.openByPeer()
        peer.feed(
            .reconfiguration([
                .outgoingReset(
                    .init(
                        requestSequence: peer.initialTSN, responseSequence: 0,
                        lastTSN: peer.initialTSN &+ 1, streams: [1]))
            ]))
        _ = peer.takePackets()
        peer.feed(
            .forwardTSN(.init(newCumulativeTSN: peer.initialTSN &+ 1, skipped: [])))
        #expect(peer.takeChunks().compactMap(\.asResponse?.result) == [.performed])
    }

    @Test func requestsOutOfSequenceAndOtherKindsAreAnsweredAndDoNothing() {
        var peer = connected()
        peer.openByPeer()
        peer.feed(peer.sack(1))
        _ = peer.takePackets()
        func result(_ parameter: SCTPParameter) -> SCTPResetResponse.Result? {
            peer.feed(.reconfiguration([parameter]))
            return peer.takeChunks().compactMap(\.asResponse?.result).first
        }
        let first = peer.initialTSN
        #expect(
            result(
                .outgoingReset(
                    .init(
                        requestSequence: first &+ 5, responseSequence: 0, lastTSN: first,
                        streams: [1]))) == .badSequence)
        #expect(result(.incomingReset(requestSequence: first, streams: [1])) == .nothingToDo)
        #expect(result(.tsnReset(requestSequence: first &+ 1)) == .denied)
        #expect(
            result(.addStreams(isIncoming: true, requestSequence: first &+ 2, count: 3)) == .denied)
        #expect(
            result(
                .outgoingReset(
                    .init(
                        requestSequence: first &+ 3, responseSequence: 0, lastTSN: first,
                        streams: [777]))) == .performed)
        #expect(peer.association.openChannels.map(\.id) == [1])
    }

    @Test func ourRequestIsRepeatedUnderItsNumberUntilItIsAnswered() throws {
        var peer = connected()
        let id = try peer.association.openChannel(label: "x", at: peer.now)
        peer.drain()
        peer.feed(peer.sack(1))
        peer.association.close(id, at: peer.now)
        peer.wait(.seconds(5))
        var requests = peer.takeChunks().compactMap(\.asReset)
        #expect(requests.count >= 3)
        #expect(requests.allSatisfy { $0 == requests[0] })
        peer.feed(
            .reconfiguration([
                .resetResponse(.init(responseSequence: peer.localTSN, result: .inProgress))
            ]))
        peer.wait(.seconds(1))
        requests = peer.takeChunks().compactMap(\.asReset)
        #expect(requests.first?.requestSequence == peer.localTSN)
    }

    @Test func aRefusedResetLeavesTheIdAloneForGood() throws {
        var peer = connected()
        let id = try peer.association.openChannel(label: "x", at: peer.now)
        peer.drain()
        peer.feed(peer.sack(1))
        peer.association.close(id, at: peer.now)
        peer.drain()
        peer.feed(
            .reconfiguration([
                .resetResponse(.init(responseSequence: peer.localTSN, result: .denied))
            ]))
        #expect(peer.events.last == .channelClosed(id))
        #expect(throws: SCTPOpenError.noFreeID) {
            try peer.association.openChannel(label: "x", id: id, at: peer.now)
        }
        #expect(peer.association.deadline == nil)
    }

    @Test func aPeerWithoutResetsLosesTheChannelAtOnce() throws {
        var peer = SCTPHandPeer()
        peer.extensions = []
        peer.connect()
        let id = try peer.association.openChannel(label: "x", at: peer.now)
        peer.drain()
        peer.feed(peer.sack(1))
        peer.association.close(id, at: peer.now)
        peer.wait(.seconds(5))
        #expect(peer.events.last == .channelClosed(id))
        #expect(peer.takeChunks().compactMap(\.asReset).isEmpty)
    }

    /// The peer performed our reset, its answer was lost, and it uses the stream again: a message
    /// of the new channel must not be lost.
    @Test func aStreamUsedAgainBehindALostAnswerIsOpenedAgain() throws {
        var peer = connected()
        peer.openByPeer("old")
        peer.feed(peer.sack(1))
        peer.feed(
            .reconfiguration([
                .outgoingReset(
                    .init(
                        requestSequence: peer.initialTSN, responseSequence: 0,
                        lastTSN: peer.initialTSN, streams: [1]))
            ]))
        _ = peer.takePackets()
        peer.openByPeer("new", offset: 1)
        peer.feed(peer.data(2, [8], sequence: 1))
        #expect(peer.messages == [[8]])
        #expect(peer.association.openChannels.map(\.label) == ["new"])
        // The late answer resets nothing any more.
        let sent = peer.takeChunks().compactMap(\.asData)
        #expect(sent.map(\.streamSequence) == [0])
        peer.feed(
            .reconfiguration([
                .resetResponse(.init(responseSequence: peer.localTSN, result: .performed))
            ]))
        try peer.association.send([1], on: 1, at: peer.now)
        #expect(peer.takeChunks().compactMap(\.asData).map(\.streamSequence) == [1])
    }
}
