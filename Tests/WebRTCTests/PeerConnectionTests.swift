// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport
import Testing
import WebRTC

@Suite struct PeerConnectionTests {
    @Test(arguments: [nil, SDPSetup.active, .passive] as [SDPSetup?])
    func connectsInBothRolesOfDTLS(_ setup: SDPSetup?) throws {
        var configuration = PeerConfiguration()
        configuration.setup = setup
        let pair = PeerPair(offerer: configuration)
        let (offer, answer) = try pair.negotiate()
        #expect(offer.contains("a=setup:\(setup ?? .actpass)"))
        #expect(answer.contains("a=setup:\(setup == .active ? "passive" : "active")"))
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
        #expect(pair.offerer.states == [.connecting, .connected])
        #expect(pair.answerer.states == [.connecting, .connected])
        #expect(pair.now - PeerPair.start < .milliseconds(400))
        let ends = [pair.offerer.connection.selectedPair, pair.answerer.connection.selectedPair]
        #expect(ends.map { $0?.base } == [pair.offerer.address, pair.answerer.address])
    }

    @Test func connectsWithCandidatesInTheDescriptionsAlone() throws {
        let pair = PeerPair()
        pair.isTrickling = false
        try pair.connect()
        #expect(pair.isConnected)
    }

    @Test func connectsWithTrickledCandidatesAlone() throws {
        var configuration = PeerConfiguration()
        configuration.listsCandidates = false
        let pair = PeerPair(offerer: configuration, answerer: configuration)
        let (offer, _) = try pair.negotiate()
        #expect(!offer.contains("candidate"))
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
        #expect(pair.offerer.candidates.first?.mid == "0")
        #expect(pair.offerer.candidates.first?.line.hasPrefix("candidate:") == true)
    }

    @Test func connectsToALitePeer() throws {
        var lite = PeerConfiguration()
        lite.ice.isLite = true
        let pair = PeerPair(offerer: lite)
        let (offer, _) = try pair.negotiate()
        #expect(offer.contains("a=ice-lite"))
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
    }

    @Test func aWrongFingerprintIsRefusedOnBothSides() throws {
        let pair = PeerPair()
        let offer = try pair.offerer.connection.createOffer(at: pair.now)
        try pair.answerer.connection.setRemoteDescription(offer, at: pair.now)
        let answer = try pair.answerer.connection.createAnswer(at: pair.now)
        let right = DTLSPair.bob.fingerprint.value
        let wrong = DTLSPair.alice.fingerprint.value
        try pair.offerer.connection.setRemoteDescription(
            answer.replacingOccurrences(of: right, with: wrong), at: pair.now)
        pair.run(for: .seconds(3))
        #expect(pair.offerer.failures == [.dtls(.fingerprintMismatch)])
        #expect(pair.offerer.connection.state == .failed)
        #expect(pair.answerer.connection.state == .failed)
    }

    @Test func datagramsOfNoKnownKindAreCountedAndDropped() throws {
        let pair = PeerPair()
        try pair.connect()
        let side = pair.offerer
        let before = side.connection.statistics
        for first in [4, 19, 64, 127, 192, 255] as [UInt8] {
            side.connection.receive(
                [first, 1, 2], from: pair.answerer.address, on: side.address, at: pair.now)
        }
        side.connection.receive([], from: pair.answerer.address, on: side.address, at: pair.now)
        #expect(side.connection.statistics.datagramsUnknown == before.datagramsUnknown + 6)
        for length in 1...64 {
            for first in [0, 20, 22, 63, 128, 144, 191] as [UInt8] {
                side.connection.receive(
                    [first] + Array(repeating: 0xC8, count: length - 1),
                    from: pair.answerer.address, on: side.address, at: pair.now)
            }
        }
        pair.run(for: .seconds(1))
        #expect(pair.isConnected)
    }

    @Test func closingTellsThePeer() throws {
        let pair = PeerPair()
        try pair.connect()
        pair.offerer.connection.close(at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.offerer.connection.state == .closed)
        #expect(pair.offerer.connection.deadline == nil)
        #expect(pair.answerer.failures == [.closedByPeer])
        #expect(throws: PeerDescriptionError.wrongState) {
            try pair.offerer.connection.createOffer(at: pair.now)
        }
    }

    @Test func aDeadPathFailsAndARestartHealsIt() throws {
        let pair = PeerPair()
        try pair.connect()
        pair.wire = { _, _ in false }
        pair.run(for: .seconds(8))
        #expect(pair.offerer.connection.state == .disconnected)
        pair.wire = { _, _ in true }
        pair.run(for: .seconds(4))
        #expect(pair.isConnected)
        pair.wire = { _, _ in false }
        pair.run(for: .seconds(45))
        #expect(pair.offerer.connection.state == .failed)
        #expect(pair.offerer.failures == [.ice(.consentExpired)])
        pair.wire = { _, _ in true }
        pair.offerer.connection.restartICE()
        try pair.negotiate()
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
        #expect(pair.offerer.states.last == .connected)
    }

    /// A fatal alert of the plain kind, which nothing authenticates, and half a hello.
    private static let forgeries: [[UInt8]] = [
        [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40],
        [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0],
    ]
    private static let stranger = SocketAddress("203.0.113.9:9")

    @Test(arguments: [nil, SDPSetup.active] as [SDPSetup?])
    func strangersCannotEndTheHandshake(_ setup: SDPSetup?) throws {
        var configuration = PeerConfiguration()
        configuration.setup = setup
        let pair = PeerPair(offerer: configuration)
        let stranger = try #require(Self.stranger)
        func disturb() {
            for side in [pair.offerer, pair.answerer] {
                for forgery in Self.forgeries {
                    side.connection.receive(
                        forgery, from: stranger, on: side.address, at: pair.now)
                }
            }
            pair.collect()
        }
        for _ in 0..<10 { disturb() }
        try pair.negotiate()
        for _ in 0..<1_000 where !pair.isConnected {
            disturb()
            pair.run(for: .milliseconds(1))
        }
        #expect(pair.isConnected)
        #expect(pair.offerer.failures.isEmpty && pair.answerer.failures.isEmpty)
        #expect(pair.offerer.connection.statistics.datagramsUnknown > 20)
    }

    @Test func whatNobodyHasAuthenticatedIsNoSignOfLife() throws {
        let pair = PeerPair()
        try pair.connect()
        pair.wire = { _, _ in false }
        let stranger = try #require(Self.stranger)
        for _ in 0..<8 {
            for source in [stranger, pair.answerer.address] {
                // A byte, and a record of the right form with nothing in it that is true.
                for junk in [[0x14], [23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 9, 9, 0, 32]] as [[UInt8]] {
                    pair.offerer.connection.receive(
                        junk + Array(repeating: 7, count: 32), from: source,
                        on: pair.offerer.address, at: pair.now)
                }
            }
            pair.run(for: .seconds(1))
        }
        #expect(pair.offerer.connection.state == .disconnected)
        #expect(pair.offerer.failures.isEmpty)
    }

    @Test func dataOfThePeerIsASignOfLife() throws {
        let pair = PeerPair()
        let channel = try pair.answerer.connection.openChannel(label: "c", at: pair.now)
        try pair.connect()
        pair.run(for: .seconds(1))
        // Neither checks nor answers reach us, data does.
        pair.wire = { isOfferer, bytes in isOfferer || (bytes.first ?? 0) > 3 }
        for _ in 0..<10 {
            try pair.answerer.connection.send([1], on: channel, at: pair.now)
            pair.run(for: .seconds(1))
            #expect(pair.offerer.connection.state == .connected)
        }
        #expect(pair.offerer.messages.count == 10)
    }

    @Test func handshakeOutlivesAnAnswerThatComesLate() throws {
        let pair = PeerPair()
        let offer = try pair.offerer.connection.createOffer(at: pair.now)
        try pair.answerer.connection.setRemoteDescription(offer, at: pair.now)
        let answer = try pair.answerer.connection.createAnswer(at: pair.now)
        pair.run(for: .seconds(2))
        #expect(pair.offerer.connection.state == .new)
        try pair.offerer.connection.setRemoteDescription(answer, at: pair.now)
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
    }
}

@Suite struct PeerMediaTests {
    @Test func audioFlowsBothWaysInOneSection() throws {
        let pair = PeerPair()
        let offered = try pair.offerer.addTrack("cid-a", receives: true)
        let answered = try pair.answerer.addTrack("cid-b")
        let (offer, answer) = try pair.negotiate()
        let ssrc = try #require(pair.offerer.ssrc(of: offered))
        #expect(offer.contains("a=ssrc:\(ssrc) msid:- cid-a"))
        #expect(offer.contains("a=ssrc:\(ssrc) cname:"))
        #expect(offer.contains("a=msid:- cid-a") && offer.contains("a=sendrecv"))
        #expect(answer.contains("a=msid:- cid-b") && answer.contains("a=sendrecv"))
        #expect(pair.offerer.mid(of: offered) == "1")
        #expect(!pair.offerer.isSending(offered), "no keys yet")
        pair.run { $0.isConnected }
        #expect(pair.talk(pair.offerer, offered, count: 50) == 50)
        #expect(pair.talk(pair.answerer, answered, count: 30) == 30)
        for (side, name, count) in [(pair.answerer, "cid-a", 50), (pair.offerer, "cid-b", 30)] {
            let track = try #require(side.added.first)
            #expect(track.track == name && track.mid == "1")
            let packets = side.audio[track.id] ?? []
            #expect(packets.map { $0.payload[0] } == (0..<count).map { UInt8($0) })
            #expect(packets.map(\.timestamp) == (0..<count).map { UInt32($0 * 960) })
            #expect(packets.first?.isMarked == true && packets.last?.isMarked == false)
            #expect(packets.first?.audioLevel?.decibelsBelowFullScale == 30)
            #expect(side.gaps == 0)
        }
    }

    @Test func nothingIsSentOnceTheConnectionIsClosed() throws {
        let pair = PeerPair()
        let track = try pair.offerer.addTrack("cid")
        try pair.connect()
        #expect(pair.talk(pair.offerer, track, count: 1) == 1)
        pair.offerer.connection.close(at: pair.now)
        pair.collect()
        let count = pair.offerer.sent.count
        #expect(!pair.offerer.isSending(track))
        #expect(pair.talk(pair.offerer, track, count: 3, first: 1) == 0)
        #expect(pair.offerer.sent.count == count)
    }

    @Test func lostPacketsAreAskedForAndComeInOrder() throws {
        let pair = PeerPair()
        let track = try pair.offerer.addTrack("cid")
        try pair.connect()
        var count = 0
        // Every fifth packet is lost on its first way; answers to NACKs get through.
        var seen: Set<[UInt8]> = []
        pair.wire = { isOfferer, bytes in
            guard isOfferer, bytes.first == 0x90, RTPPacket.isRTP(bytes) else { return true }
            guard seen.insert(bytes).inserted else { return true }
            count += 1
            return count % 5 != 0
        }
        #expect(pair.talk(pair.offerer, track, count: 100) == 100)
        let packets = pair.answerer.audio[1] ?? []
        // The last lost packet has none after it that would show the loss.
        #expect(packets.count == 99)
        #expect(packets.map { $0.payload[0] } == (0..<99).map { UInt8($0) })
        #expect(pair.answerer.gaps == 0)
        #expect(pair.offerer.connection.statistics.packetsResent == 19)
        #expect(pair.answerer.connection.statistics.lossRequestsSent >= 19)
    }

    @Test func withoutAnswersToNACKsGapsAreReported() throws {
        let pair = PeerPair()
        let track = try pair.offerer.addTrack("cid")
        try pair.connect()
        var seen: Set<[UInt8]> = []
        var lost: Set<[UInt8]> = []
        pair.wire = { isOfferer, bytes in
            guard isOfferer, bytes.first == 0x90, RTPPacket.isRTP(bytes) else { return true }
            if seen.insert(bytes).inserted, seen.count % 10 == 0 { lost.insert(bytes) }
            return !lost.contains(bytes)
        }
        _ = pair.talk(pair.offerer, track, count: 55)
        #expect(lost.count == 5)
        #expect(pair.answerer.gaps == lost.count)
        let numbers = (pair.answerer.audio[1] ?? []).map(\.sequence)
        #expect(numbers == numbers.sorted() && numbers.count == 55 - lost.count)
    }

    @Test func reportsGoOutEachSecondAtFirstThenEveryThree() throws {
        let pair = PeerPair()
        let track = try pair.offerer.addTrack("cid")
        try pair.connect()
        let isReport = { (bytes: [UInt8]) in (bytes.first ?? 0) >> 6 == 2 && bytes[1] == 200 }
        let isReceiverReport = { (bytes: [UInt8]) in
            (bytes.first ?? 0) >> 6 == 2 && bytes[1] == 201
        }
        #expect(pair.talk(pair.offerer, track, count: 5) == 5)
        #expect(pair.offerer.sent.count(where: isReport) == 1, "with the first packet")
        _ = pair.talk(pair.offerer, track, count: 495, first: 5)
        let early = pair.offerer.sent.count(where: isReport)
        #expect((10...11).contains(early))
        _ = pair.talk(pair.offerer, track, count: 600, first: 500)
        #expect((4...5).contains(pair.offerer.sent.count(where: isReport) - early))
        #expect((13...16).contains(pair.answerer.sent.count(where: isReceiverReport)))
        let reports = pair.offerer.reports
        #expect((13...16).contains(reports.count))
        let roundTrip = try #require(reports.last?.roundTrip)
        #expect(roundTrip > .milliseconds(9) && roundTrip < .milliseconds(11))
        #expect(reports.allSatisfy { $0.fractionLost == 0 && $0.cumulativeLost == 0 })
        // Ten seconds after the last packet nothing is left to report.
        pair.run(for: .seconds(20))
        let idle = pair.offerer.sent.count(where: isReport)
        pair.run(for: .seconds(20))
        #expect(pair.offerer.sent.count(where: isReport) == idle)
    }

    @Test func sectionsAreAddedEmptiedAndUsedAgain() throws {
        var server = PeerConfiguration()
        server.reusesSections = true
        let pair = PeerPair(offerer: server)
        try pair.connect()
        let first = try pair.offerer.addTrack("one")
        let second = try pair.offerer.addTrack("two")
        try pair.negotiate()
        #expect(pair.answerer.added.map(\.mid) == ["1", "2"])
        #expect(pair.answerer.added.map(\.track) == ["one", "two"])
        #expect(pair.talk(pair.offerer, first, count: 5) == 5)
        #expect(pair.talk(pair.offerer, second, count: 7) == 7)
        pair.offerer.connection.removeTrack(first)
        #expect(pair.talk(pair.offerer, first, count: 1) == 0)
        let (offer, answer) = try pair.negotiate()
        #expect(pair.answerer.removed.map(\.track) == ["one"])
        let sections = try SessionDescription(parsing: offer).media
        #expect(sections.map(\.direction) == [.sendrecv, .inactive, .sendonly])
        #expect(
            try SessionDescription(parsing: answer).media.map(\.direction)
                == [.sendrecv, .inactive, .recvonly])
        let third = try pair.offerer.addTrack("three")
        try pair.negotiate()
        #expect(pair.offerer.mid(of: third) == "1")
        #expect(pair.answerer.added.map(\.track) == ["one", "two", "three"])
        #expect(pair.talk(pair.offerer, third, count: 4) == 4)
        #expect(pair.answerer.audio[1]?.count == 5 && pair.answerer.audio[2]?.count == 7)
        #expect(pair.answerer.audio[3]?.count == 4)
        #expect(pair.offerer.mid(of: first) == nil)
    }

    @Test func tracksMayComeAndGoForEver() throws {
        var server = PeerConfiguration()
        server.reusesSections = true
        let pair = PeerPair(offerer: server)
        try pair.connect()
        let count = SRTPContext.streamsMax + 10
        var sources: Set<UInt32> = []
        for number in 1...count {
            let track = try pair.offerer.addTrack("t\(number)")
            sources.insert(try #require(pair.offerer.ssrc(of: track)))
            try pair.negotiate()
            let isSent = pair.offerer.connection.sendAudio(
                [1], on: track, timestamp: 0, isMarked: true, audioLevel: nil, at: pair.now)
            #expect(isSent, "track \(number)")
            pair.run(for: .milliseconds(20))
            pair.offerer.connection.removeTrack(track)
            try pair.negotiate()
        }
        #expect(pair.answerer.audio.count == count)
        #expect(sources.count == count, "no source twice under one key")
    }

    @Test func aClientUsesNoSectionTwice() throws {
        let pair = PeerPair()
        let first = try pair.offerer.addTrack("one")
        try pair.connect()
        pair.offerer.connection.removeTrack(first)
        try pair.negotiate()
        let second = try pair.offerer.addTrack("two")
        try pair.negotiate()
        #expect(pair.offerer.mid(of: second) == "2")
        #expect(pair.talk(pair.offerer, second, count: 3) == 3)
        #expect(pair.answerer.audio[2]?.count == 3)
    }

    @Test func aSectionIsNotUsedAgainBeforeItsEndWasNegotiated() throws {
        var server = PeerConfiguration()
        server.reusesSections = true
        let pair = PeerPair(offerer: server)
        let first = try pair.offerer.addTrack("one")
        try pair.connect()
        pair.offerer.connection.removeTrack(first)
        let second = try pair.offerer.addTrack("two")
        try pair.negotiate()
        #expect(pair.offerer.mid(of: second) == "2")
    }

    @Test func receivingSectionsOfTheOffererAreFilledByTheAnswerer() throws {
        let pair = PeerPair()
        pair.offerer.connection.addReceivingSections(3)
        let track = try pair.answerer.addTrack("TR", stream: "PA|TR")
        let (offer, _) = try pair.negotiate()
        #expect(
            try SessionDescription(parsing: offer).media.map(\.direction)
                == [.sendrecv, .recvonly, .recvonly, .recvonly])
        #expect(pair.answerer.mid(of: track) == "1")
        #expect(pair.offerer.added.map(\.stream) == ["PA|TR"])
        #expect(pair.offerer.connection.idleReceivingSections == 2)
        pair.run { $0.isConnected }
        #expect(pair.talk(pair.answerer, track, count: 10) == 10)
        #expect(pair.offerer.audio[1]?.count == 10)
        pair.answerer.connection.removeTrack(track)
        try pair.negotiate()
        #expect(pair.offerer.removed.count == 1)
        #expect(pair.offerer.connection.idleReceivingSections == 3)
    }

    @Test func manyTracksAreReportedOnInDatagramsOfBoundedSize() throws {
        let pair = PeerPair()
        let tracks = (0..<70).compactMap {
            pair.offerer.connection.addAudioTrack(track: "t\($0)")
        }
        #expect(tracks.count == 70)
        try pair.connect()
        for round in 0..<100 {
            for track in tracks {
                pair.offerer.connection.sendAudio(
                    [1], on: track, timestamp: UInt32(round * 960), isMarked: false,
                    audioLevel: .silence, at: pair.now)
            }
            pair.run(for: .milliseconds(20))
        }
        pair.run(for: .seconds(2))
        #expect(pair.answerer.audio.count == 70)
        #expect(pair.answerer.audio.values.allSatisfy { $0.count == 100 })
        #expect(Set(pair.offerer.reports.map(\.cumulativeLost)) == [0])
        #expect(pair.offerer.reports.count >= 140)
        let all = pair.offerer.sent + pair.answerer.sent
        #expect(all.allSatisfy { $0.count <= 1_200 })
    }

    @Test func iceRestartKeepsKeysStreamsAndChannels() throws {
        let pair = PeerPair()
        let track = try pair.offerer.addTrack("cid")
        let channel = try pair.offerer.connection.openChannel(label: "c", at: pair.now)
        try pair.connect()
        #expect(pair.talk(pair.offerer, track, count: 10) == 10)
        let before = pair.offerer.connection.dtlsParameters
        let first = try SessionDescription(
            parsing: try pair.offerer.connection.createOffer(at: pair.now))
        pair.offerer.connection.restartICE()
        let (offer, answer) = try pair.negotiate()
        let second = try SessionDescription(parsing: offer)
        #expect(first.bundledTransport?.ufrag != second.bundledTransport?.ufrag)
        #expect(first.bundledTransport?.fingerprints == second.bundledTransport?.fingerprints)
        #expect(answer.contains("a=setup:active"))
        #expect(pair.talk(pair.offerer, track, count: 20, first: 10) == 20)
        pair.run(for: .seconds(2))
        try pair.offerer.connection.send([1, 2], on: channel, at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.isConnected)
        #expect(pair.offerer.states == [.connecting, .connected])
        #expect(pair.offerer.connection.dtlsParameters == before)
        #expect(pair.answerer.audio[1]?.map { $0.payload[0] } == (0..<30).map { UInt8($0) })
        #expect(pair.answerer.messages.map(\.bytes) == [[1, 2]])
        #expect(pair.offerer.candidates.count == 2, "told again under the new name")
    }
}

@Suite struct PeerChannelTests {
    @Test(arguments: [nil, SDPSetup.active] as [SDPSetup?])
    func channelsOfEveryKindCarryMessagesBothWays(_ setup: SDPSetup?) throws {
        var configuration = PeerConfiguration()
        configuration.setup = setup
        let pair = PeerPair(offerer: configuration)
        let reliable = try pair.offerer.connection.openChannel(label: "_reliable", at: pair.now)
        _ = try pair.offerer.connection.openChannel(
            label: "_lossy", isOrdered: false, reliability: .maxRetransmits(0), at: pair.now)
        try pair.connect()
        let server = try pair.answerer.connection.openChannel(
            label: "server", reliability: .maxLifetime(milliseconds: 500), at: pair.now)
        pair.run(for: .seconds(1))
        for side in [pair.offerer, pair.answerer] {
            #expect(Set(side.opened.map(\.label)) == ["_reliable", "_lossy", "server"])
            #expect(side.channel("_lossy")?.reliability == .maxRetransmits(0))
            #expect(side.channel("_lossy")?.isOrdered == false)
            #expect(side.channel("server")?.isRemote == (side === pair.offerer))
        }
        let long = (0..<20_000).map { UInt8(truncatingIfNeeded: $0) }
        try pair.offerer.connection.send(long, on: reliable, at: pair.now)
        try pair.answerer.connection.send([7], as: .text, on: server, at: pair.now)
        let back = try #require(pair.answerer.channel("_reliable"))
        try pair.answerer.connection.send([8], on: back.id, at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.answerer.messages.map(\.bytes) == [long])
        #expect(pair.offerer.messages.map(\.bytes).sorted { $0[0] < $1[0] } == [[7], [8]])
        pair.offerer.connection.closeChannel(reliable, at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.offerer.closed == [reliable] && pair.answerer.closed == [back.id])
        #expect(throws: SCTPSendError.channelNotOpen) {
            try pair.offerer.connection.send([1], on: reliable, at: pair.now)
        }
    }

    @Test func theSizesOfTheDescriptionBoundMessages() throws {
        var small = PeerConfiguration()
        small.maxMessageSize = 1_000
        let pair = PeerPair(answerer: small)
        let channel = try pair.offerer.connection.openChannel(label: "c", at: pair.now)
        try pair.connect()
        pair.run(for: .seconds(1))
        #expect(throws: SCTPSendError.messageTooLong(limit: 1_000)) {
            try pair.offerer.connection.send(
                Array(repeating: 0, count: 1_001), on: channel, at: pair.now)
        }
        try pair.offerer.connection.send(
            Array(repeating: 0, count: 1_000), on: channel, at: pair.now)
        pair.run(for: .seconds(1))
        #expect(pair.answerer.messages.count == 1)
    }

    @Test func channelsMayComeLaterThanAudio() throws {
        let pair = PeerPair()
        pair.offerer.connection.setBufferedAmountLowThreshold(
            0, of: try pair.offerer.connection.openChannel(label: "c", at: pair.now))
        #expect(throws: SCTPSendError.channelNotOpen) {
            let id = try #require(pair.offerer.connection.openChannels.first).id
            try pair.offerer.connection.send([1], on: id, at: pair.now)
        }
        try pair.connect()
        pair.run(for: .seconds(1))
        let id = try #require(pair.offerer.opened.first).id
        try pair.offerer.connection.send(
            Array(repeating: 1, count: 60_000), on: id, at: pair.now)
        #expect(pair.offerer.bufferedAmount(of: id) > 0)
        pair.run(for: .seconds(2))
        #expect(pair.offerer.bufferedAmount(of: id) == 0)
        #expect(pair.offerer.lows == 1)
        #expect(pair.answerer.messages.first?.bytes.count == 60_000)
    }

    @Test func withoutASectionForDataThereIsNoAssociation() throws {
        var none = PeerConfiguration()
        none.hasDataChannels = false
        let pair = PeerPair(answerer: none)
        let track = try pair.offerer.addTrack("cid")
        _ = try pair.offerer.connection.openChannel(label: "c", at: pair.now)
        let (_, answer) = try pair.negotiate()
        #expect(answer.contains("m=application 0 "))
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
        #expect(pair.talk(pair.offerer, track, count: 5) == 5)
        #expect(pair.answerer.audio[1]?.count == 5)
        #expect(pair.offerer.opened.isEmpty && pair.offerer.connection.sctpStatistics == nil)
        #expect(throws: PeerChannelError.unavailable) {
            try pair.answerer.connection.openChannel(label: "d", at: pair.now)
        }
    }
}
