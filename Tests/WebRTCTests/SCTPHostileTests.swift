// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

@Suite struct SCTPHostileTests {
    /// Recorded packets of all kinds, to be bent.
    private static let corpus: [[UInt8]] = {
        var packets: [[UInt8]] = []
        for name in [
            "livekit-1.13.3/probe_02", "chromium-156/probe", "livekit-1.8.4/drops.publisher",
        ] {
            for case .packet(let packet) in (try? SCTPRecordings.lines("\(name).jsonl")) ?? [] {
                packets.append(packet.bytes)
            }
        }
        for vector in (try? Fixtures.jsonLines("sctp/vectors.jsonl")) ?? [] {
            if let text = vector["hex"]?.string { packets.append(hex(text)) }
        }
        return packets
    }()

    /// Bends a packet in a few places.
    private func mutated(_ packet: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = packet
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard bytes.count > 13 else { break }
            let at = Int.random(in: 12..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeLast(Int.random(in: 0..<bytes.count - 12, using: &random))
            case 3: bytes.insert(contentsOf: random.bytes(4), at: at & ~3)
            case 4: bytes += packet.suffix(from: 12)
            default: bytes[at] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
            }
        }
        return bytes
    }

    /// A chunk that could be right: numbers near those in use.
    private func plausible(
        _ association: SCTPAssociation, _ random: inout SeededRandom
    ) -> SCTPChunk {
        func near(_ tsn: SCTPTSN) -> UInt32 {
            let spread: Int64 = Bool.random(using: &random) ? 8 : 20_000
            return (tsn + Int64.random(in: -spread...spread, using: &random)).wire
        }
        let received = association.tracker?.cumulative ?? 0
        let sent = association.transmission.cumulative
        let stream = UInt16.random(in: 0...(Bool.random(using: &random) ? 6 : .max), using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1, 2:
            let size = Bool.random(using: &random) ? 20 : 1160
            return .data(
                SCTPDataChunk(
                    flags: .init(rawValue: UInt8.random(in: 0..<16, using: &random)),
                    tsn: near(received), stream: stream,
                    streamSequence: UInt16.random(in: 0...9, using: &random),
                    protocolIdentifier: UInt32.random(in: 50...57, using: &random),
                    payload: random.bytes(Int.random(in: 0...size, using: &random))))
        case 3:
            let gaps = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                SCTPSackChunk.GapBlock(
                    start: UInt16.random(in: 0...40, using: &random),
                    end: UInt16.random(in: 0...60, using: &random))
            }
            return .sack(
                SCTPSackChunk(
                    cumulativeTSN: near(sent),
                    receiveWindow: UInt32.random(in: 0...200_000, using: &random), gaps: gaps,
                    duplicates: [near(sent)]))
        case 4:
            return .forwardTSN(
                SCTPForwardTSNChunk(
                    newCumulativeTSN: near(received),
                    skipped: [.init(stream: stream, streamSequence: 3)]))
        case 5:
            let sequence = Bool.random(using: &random) ? near(received) : near(sent)
            return .reconfiguration([
                .outgoingReset(
                    .init(
                        requestSequence: sequence, responseSequence: 0, lastTSN: near(received),
                        streams: Bool.random(using: &random) ? [] : [stream]))
            ])
        case 6:
            return .reconfiguration([
                .resetResponse(
                    .init(
                        responseSequence: near(sent),
                        result: .init(rawValue: UInt32.random(in: 0...7, using: &random))))
            ])
        default:
            return .unrecognized(
                type: UInt8.random(in: 0...255, using: &random), flags: 0,
                value: random.bytes(Int.random(in: 0...30, using: &random)))
        }
    }

    private func connected() throws -> SCTPHandPeer {
        var peer = SCTPHandPeer()
        peer.connect()
        for index in 0..<3 {
            let id = try peer.association.openChannel(
                label: "\(index)", ordered: index == 0,
                reliability: index == 1 ? .maxRetransmits(0) : .reliable, at: peer.now)
            try peer.association.send(Array(repeating: 1, count: 4000), on: id, at: peer.now)
        }
        _ = peer.takePackets()
        return peer
    }

    /// 24,000 packets: nothing traps, nothing grows beyond its bound, and an association that was
    /// not aborted goes on working.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func bentPacketsNeitherTrapNorFillMemory(part: UInt64) throws {
        var random = SeededRandom(seed: 900 + part)
        var peer = try connected()
        var aborts = 0
        for round in 0..<6000 {
            var bytes: [UInt8]
            if Bool.random(using: &random) {
                bytes = mutated(Self.corpus.randomElement(using: &random) ?? [], &random)
            } else {
                let chunks = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    plausible(peer.association, &random)
                }
                bytes =
                    SCTPPacket(
                        sourcePort: 5000, destinationPort: 5000, verificationTag: 0,
                        chunks: chunks
                    ).encoded()
                if Int.random(in: 0..<4, using: &random) == 0 { bytes = mutated(bytes, &random) }
            }
            if bytes.count >= 12, Int.random(in: 0..<50, using: &random) != 0 {
                // The right tag and checksum, so that the packet is looked at.
                for index in 0..<4 {
                    bytes[4 + index] = UInt8(
                        truncatingIfNeeded: peer.localTag >> (24 - 8 * UInt32(index)))
                }
                let checksum = SCTPChecksum.ofPacket(bytes)
                for index in 0..<4 {
                    bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index)))
                }
            }
            peer.now += .milliseconds(Int.random(in: 0...5, using: &random))
            peer.association.receive(bytes, at: peer.now)
            let replies = peer.takePackets()
            #expect(replies.count <= 20)
            #expect(replies.allSatisfy { $0.encoded().count <= 1188 })
            checkBounds(peer.association)
            if round % 50 == 0 { peer.wait(.milliseconds(700)) }
            if peer.association.state == .closed {
                aborts += 1
                peer = try connected()
            }
            peer.events.removeAll()
        }
        #expect(aborts < 300)
    }

    private func checkBounds(_ association: SCTPAssociation) {
        let configuration = SCTPConfiguration()
        let held = association.reassembly.heldBytes
        #expect(held >= 0 && held <= configuration.receiveWindow + SCTPReassembly.slack)
        #expect(association.openChannels.count <= SCTPChannelTable.countMax)
        #expect(association.transmission.outstanding.count <= SCTPOutstanding.countMax + 1)
        #expect(association.transmission.flight >= 0)
        #expect(association.transmission.outstandingPayload >= 0)
        #expect(association.transmission.lostCount >= 0)
        #expect(association.transmission.acknowledgedCount >= 0)
    }

    @Test func randomBytesGiveNoOutput() {
        var random = SeededRandom(seed: 17)
        var peer = SCTPHandPeer()
        peer.connect()
        for length in 0..<2000 {
            peer.association.receive(random.bytes(length % 300), at: peer.now)
        }
        #expect(peer.takePackets().isEmpty)
        #expect(peer.association.statistics.packetsRejected == 2000)
    }

    /// Every other TSN of the window, all in fragments that complete nothing.
    @Test func fragmentsThatNeverCompleteStayWithinTheirBounds() {
        var peer = SCTPHandPeer()
        peer.connect()
        for offset in stride(from: UInt32(2), to: 16_000, by: 2) {
            peer.feed(
                peer.data(
                    offset, Array(repeating: 1, count: 700), stream: UInt16(offset % 2000),
                    flags: [.begin, .unordered]))
        }
        #expect(peer.association.reassembly.heldBytes <= 1 << 20)
        #expect(peer.association.tracker?.hasGap == true)
        let sacks = peer.takeChunks().compactMap(\.asSack)
        #expect(sacks.last?.gaps.count == SCTPAssociation.sackGapsMax)
        // Giving all of it up frees all of it.
        peer.feed(.forwardTSN(.init(newCumulativeTSN: 1000 &+ 16_000, skipped: [])))
        #expect(peer.association.reassembly.heldBytes == 0)
    }

    @Test func resetsAndOpeningsInTurnDoNotPileUp() {
        var peer = SCTPHandPeer()
        peer.connect()
        let opening = SCTPChannelControl.open(
            .init(label: "", subprotocol: "", isOrdered: true, reliability: .reliable)
        ).encoded()
        var sequence = peer.initialTSN
        for round in 0..<3000 as Range<UInt32> {
            let stream = UInt16(round % 40) * 2
            peer.feed(
                peer.data(
                    round, opening, stream: stream, flags: [.begin, .end, .unordered],
                    identifier: 50))
            peer.feed(
                .reconfiguration([
                    .outgoingReset(
                        .init(
                            requestSequence: sequence, responseSequence: 0,
                            lastTSN: peer.initialTSN &+ round, streams: [stream]))
                ]))
            sequence &+= 1
        }
        let requests = peer.takeChunks().compactMap(\.asReset)
        #expect(Set(requests.map(\.requestSequence)).count == 1)
        #expect(peer.association.reset?.queuedCount ?? 0 <= 40)
    }

    @Test func errorsAreReportedOnceASecond() {
        var peer = SCTPHandPeer()
        peer.connect()
        for _ in 0..<200 {
            peer.feed(.unrecognized(type: 0xff, flags: 0, value: Array(repeating: 1, count: 1000)))
            peer.now += .milliseconds(10)
        }
        let packets = peer.takePackets()
        #expect(packets.count == 2)
        #expect(packets.allSatisfy { $0.encoded().count <= 300 })
    }
}
