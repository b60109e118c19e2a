// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

@Suite struct SCTPHandshakeTests {
    enum Kind: CaseIterable { case initiation, initiationAck, cookieEcho, cookieAck }

    private static func kind(_ packet: SCTPPacket) -> Kind? {
        switch packet.chunks.first {
        case .initiation: .initiation
        case .initiationAck: .initiationAck
        case .cookieEcho: .cookieEcho
        case .cookieAck: .cookieAck
        default: nil
        }
    }

    /// With both sides sending INIT one lost packet of a kind delays nobody, or by one T1.
    @Test(arguments: Kind.allCases, [true, false])
    func oneLostPacketCostsAtMostOneTimeout(kind: Kind, isFromClient: Bool) {
        var pair = SCTPPair()
        var isLost = false
        pair.swallows = { fromClient, packet in
            guard fromClient == isFromClient, Self.kind(packet) == kind, !isLost else {
                return false
            }
            isLost = true
            return true
        }
        pair.client.start(at: pair.now)
        pair.server.start(at: pair.now)
        pair.run(for: .milliseconds(600))
        #expect(isLost)
        #expect(pair.client.state == .connected)
        #expect(pair.server.state == .connected)
    }

    /// Each of the six packets lost once on both sides.
    @Test func everyPacketLostOnceStillConnects() {
        var pair = SCTPPair()
        var lost: [(Bool, Kind)] = []
        pair.swallows = { fromClient, packet in
            guard let kind = Self.kind(packet) else { return false }
            if lost.contains(where: { $0 == (fromClient, kind) }) { return false }
            lost.append((fromClient, kind))
            return true
        }
        pair.client.start(at: pair.now)
        pair.server.start(at: pair.now)
        pair.run(for: .seconds(4))
        #expect(pair.client.state == .connected)
        #expect(pair.server.state == .connected)
    }

    /// aiortc up to 1.15 sends no INIT of its own where it is not in control.
    @Test func oneSidedStartConnects() {
        var pair = SCTPPair()
        pair.client.start(at: pair.now)
        pair.run(for: .milliseconds(100))
        #expect(pair.client.state == .connected)
        #expect(pair.server.state == .connected)
    }

    @Test func startLaterThanThePeersInitSendsNothingMore() {
        var pair = SCTPPair()
        pair.client.start(at: pair.now)
        pair.run(for: .milliseconds(100))
        let before = pair.transcript.count
        pair.server.start(at: pair.now)
        pair.run(for: .seconds(10))
        #expect(pair.transcript.count == before)
        #expect(pair.server.state == .connected)
    }

    @Test func unansweredInitsEndAfterTenTries() {
        var peer = SCTPHandPeer()
        peer.association.start(at: peer.now)
        peer.wait(.seconds(60))
        #expect(peer.takePackets().count == SCTPHandshake.attemptsMax)
        #expect(peer.events.last == .closed(.handshakeTimedOut))
        #expect(peer.association.state == .closed)
        #expect(peer.association.deadline == nil)
    }

    /// RFC 9260 section 5.2.1: tag, TSN and parameters stay the same in every answer.
    @Test func everyInitAckTellsTheSameTagAndTSN() throws {
        var peer = SCTPHandPeer()
        peer.feed(.initiation(peer.initBody()), tag: 0)
        peer.association.start(at: peer.now)
        peer.feed(.initiation(peer.initBody()), tag: 0)
        let chunks = peer.takeChunks()
        guard chunks.count == 3, case .initiationAck(let first) = chunks[0],
            case .initiation(let own) = chunks[1], case .initiationAck(let second) = chunks[2]
        else {
            Issue.record("\(chunks)")
            return
        }
        #expect(first.initiateTag == own.initiateTag && second.initiateTag == own.initiateTag)
        #expect(first.initialTSN == own.initialTSN && second.initialTSN == own.initialTSN)
        #expect(own.parameters.contains(.forwardTSNSupported))
        #expect(own.parameters.contains(.supportedExtensions([0x82, 0xC0])))
        #expect(own.parameters.count == 2)
    }

    @Test func initWhenConnectedIsIgnored() {
        var peer = SCTPHandPeer()
        peer.connect()
        peer.feed(.initiation(peer.initBody()), tag: 0)
        #expect(peer.takePackets().isEmpty)
        #expect(peer.association.state == .connected)
    }

    @Test func cookieOfAnotherMakeOrAnotherAssociationIsDropped() {
        var peer = SCTPHandPeer()
        peer.feed(.initiation(peer.initBody()), tag: 0)
        guard case .initiationAck(let body) = peer.takeChunks().first,
            case .stateCookie(let cookie) = body.parameters.first
        else {
            Issue.record("no INIT-ACK")
            return
        }
        for index in cookie.indices {
            var forged = cookie
            forged[index] ^= 1
            peer.feed(.cookieEcho(forged), tag: body.initiateTag)
        }
        peer.feed(.cookieEcho([]), tag: body.initiateTag)
        peer.feed(.cookieEcho(cookie + [0]), tag: body.initiateTag)
        #expect(peer.takePackets().isEmpty)
        #expect(peer.association.state == .new)
        peer.feed(.cookieEcho(cookie), tag: body.initiateTag)
        #expect(peer.takeChunks() == [.cookieAck])
        #expect(peer.association.state == .connected)
        // The COOKIE-ACK was lost: again, and nothing else changes.
        peer.feed(.cookieEcho(cookie), tag: body.initiateTag)
        #expect(peer.takeChunks() == [.cookieAck])
    }

    @Test func cookieOlderThanAMinuteIsAnsweredAsStale() {
        var peer = SCTPHandPeer()
        peer.feed(.initiation(peer.initBody()), tag: 0)
        guard case .initiationAck(let body) = peer.takeChunks().first,
            case .stateCookie(let cookie) = body.parameters.first
        else {
            Issue.record("no INIT-ACK")
            return
        }
        peer.now += .seconds(61)
        peer.feed(.cookieEcho(cookie), tag: body.initiateTag)
        guard case .error(let causes) = peer.takeChunks().first else {
            Issue.record("no ERROR")
            return
        }
        #expect(causes.map(\.code) == [3])
        #expect(peer.association.state == .new)
    }

    @Test func partialReliabilityIsSeenInEitherAnnouncement() {
        let announcements: [([SCTPParameter], Bool)] = [
            ([.forwardTSNSupported], true), ([.supportedExtensions([0xC0])], true),
            ([.supportedExtensions([0x82])], false), ([], false),
        ]
        for (extensions, expected) in announcements {
            var peer = SCTPHandPeer()
            peer.extensions = extensions
            peer.connect()
            #expect(peer.association.transmission.isPartialReliabilitySupported == expected)
        }
    }

    @Test func unknownParametersAreReportedByTheirClass() {
        var peer = SCTPHandPeer()
        peer.extensions = [
            .other(type: 0x9001, value: [1]), .other(type: 0xC111, value: [2, 3]),
            .other(type: 0x4111, value: [4]), .other(type: 0xC112, value: []),
        ]
        peer.feed(.initiation(peer.initBody()), tag: 0)
        guard case .initiationAck(let body) = peer.takeChunks().first else {
            Issue.record("no INIT-ACK")
            return
        }
        // 0x9001 is skipped silently, 0x4111 is reported and ends the search.
        let reports = body.parameters.filter {
            if case .unrecognizedParameter = $0 { return true }
            return false
        }
        #expect(
            reports == [
                .unrecognizedParameter([0xC1, 0x11, 0, 6, 2, 3]),
                .unrecognizedParameter([0x41, 0x11, 0, 5, 4]),
            ])
    }

    @Test func dataBeforeTheCookieAckIsTaken() {
        var peer = SCTPHandPeer()
        peer.association.start(at: peer.now)
        peer.drain()
        guard case .initiation(let own) = peer.takeChunks().first else {
            Issue.record("no INIT")
            return
        }
        peer.feed(
            .initiationAck(peer.initBody([.stateCookie([9])])), tag: own.initiateTag)
        _ = peer.takeChunks()
        let opening = SCTPChannelControl.Opening(
            label: "early", subprotocol: "", isOrdered: true, reliability: .reliable)
        peer.feed(
            peer.data(0, SCTPChannelControl.open(opening).encoded(), identifier: 50),
            tag: own.initiateTag)
        #expect(peer.takeChunks().compactMap(\.asSack?.cumulativeTSN) == [1000])
        #expect(peer.association.state == .connecting)
        peer.feed(.cookieAck, tag: own.initiateTag)
        #expect(peer.association.state == .connected)
        // The DCEP acknowledgement waited for the connection.
        #expect(peer.takeChunks().compactMap(\.asData?.payload) == [[2]])
    }

    @Test func zeroChecksumIsAcceptedAndNeverAnnouncedNorSent() {
        var peer = SCTPHandPeer()
        peer.connect()
        peer.feed(.heartbeat([0, 1, 0, 8, 1, 2, 3, 4]), isZeroChecksum: true)
        let packets = peer.takePackets()
        #expect(packets.flatMap(\.chunks) == [.heartbeatAck([0, 1, 0, 8, 1, 2, 3, 4])])
        #expect(packets.allSatisfy { $0.checksum == .valid })
    }
}
