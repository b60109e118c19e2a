// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPAssociationTests {
    @Test func crossingInitsConnectBothSides() {
        var pair = SCTPPair()
        pair.connect()
        #expect(pair.client.state == .connected)
        #expect(pair.server.state == .connected)
        #expect(pair.client.deadline == nil)
        #expect(pair.server.deadline == nil)
    }

    @Test func aChannelOpensAndCarriesBothKinds() throws {
        var pair = SCTPPair()
        let id = try pair.server.openChannel(label: "_reliable", at: pair.now)
        try pair.server.send(Array("early".utf8), as: .text, on: id, at: pair.now)
        pair.connect()
        #expect(id == 1)
        try pair.client.send([1, 2, 3], on: id, at: pair.now)
        try pair.client.send([], as: .text, on: id, at: pair.now)
        pair.run(for: .milliseconds(100))
        let channel = SCTPChannel(
            id: 1, label: "_reliable", subprotocol: "", isOrdered: true, reliability: .reliable,
            isRemote: true)
        #expect(
            pair.clientEvents == [
                .stateChanged(.connecting), .stateChanged(.connected), .channelOpened(channel),
                .message(channel: 1, kind: .text, bytes: Array("early".utf8)),
            ])
        #expect(
            pair.serverEvents.suffix(2) == [
                .message(channel: 1, kind: .binary, bytes: [1, 2, 3]),
                .message(channel: 1, kind: .text, bytes: []),
            ])
    }

    @Test func aLongMessageArrivesWhole() throws {
        var pair = SCTPPair()
        pair.connect()
        let id = try pair.client.openChannel(label: "x", ordered: false, at: pair.now)
        var random = SeededRandom(seed: 5)
        let bytes = random.bytes(64_000)
        try pair.client.send(bytes, on: id, at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.serverEvents.compactMap(\.messageBytes) == [bytes])
        #expect(pair.client.statistics.retransmissions == 0)
        #expect(pair.client.bufferedAmount(of: id) == 0)
    }

    @Test func aLostTailIsResentWithinTwoRoundTrips() throws {
        var pair = SCTPPair()
        pair.connect()
        let id = try pair.client.openChannel(label: "x", at: pair.now)
        pair.run(for: .seconds(1))
        var dropped = 0
        pair.swallows = { isFromClient, packet in
            guard isFromClient, dropped == 0 else { return false }
            dropped += 1
            return true
        }
        let sent = pair.now
        try pair.client.send([9], on: id, at: pair.now)
        pair.run(for: .milliseconds(60))
        #expect(pair.serverEvents.compactMap(\.messageBytes) == [[9]], "\(pair.now - sent)")
        #expect(pair.client.statistics.probes == 1)
        #expect(pair.client.statistics.timeouts == 0)
    }

    @Test func closingAChannelFreesItsIdOnBothSides() throws {
        var pair = SCTPPair()
        pair.connect()
        for round in 0..<100 {
            let id = try pair.client.openChannel(label: "again", id: 4, at: pair.now)
            try pair.client.send([UInt8(round)], on: id, at: pair.now)
            pair.run(for: .milliseconds(30))
            pair.client.close(id, at: pair.now)
            pair.run(for: .milliseconds(60))
            #expect(pair.clientEvents.last == .channelClosed(4))
            #expect(pair.serverEvents.last == .channelClosed(4))
            #expect(pair.client.openChannels.isEmpty)
        }
        #expect(pair.serverEvents.compactMap(\.messageBytes) == (0..<100).map { [$0] })
    }
}
