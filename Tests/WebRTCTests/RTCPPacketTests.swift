// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct RTCPPacketTests {
    /// RFC 3550 figure 2: the sender report of 10 Nov 1995 11:33:25.125 UTC.
    @Test func senderReportOfTheRFCIsReadAndWritten() throws {
        let bytes = hex("80c80006 00000001 b44db705 20000000 00000e10 00000005 00000200")
        let report = RTCPSenderReport(
            ssrc: 1, ntpTime: NTPTime(bits: 0xB44D_B705_2000_0000), rtpTimestamp: 3_600,
            packetCount: 5, octetCount: 512)
        #expect(try RTCPPacket.parse(bytes) == [.senderReport(report)])
        #expect(RTCPPacket.write([.senderReport(report)]) == bytes)
        #expect(report.ntpTime.middle == 0xB705_2000)
    }

    /// What livekit-server sent to a publisher: its own SSRC is the one that it reports on.
    @Test func packetsOfTheServerAreRead() throws {
        let reference = try RTCPPacket.parse(hex("80cf000461aef8f104000002eeabe68c855aa19d"))
        #expect(
            reference == [
                .extendedReport(
                    RTCPExtendedReport(
                        ssrc: 0x61AE_F8F1,
                        receiverReferenceTime: NTPTime(bits: 0xEEAB_E68C_855A_A19D)))
            ])
        let parsed = try RTCPPacket.parse(hex("81cd000361aef8f161aef8f13dd801ff"))
        guard case .genericNACK(let nack)? = parsed.first else {
            Issue.record("no NACK")
            return
        }
        #expect(nack.sender == nack.media)
        #expect(nack.sequenceNumbers == Array(0x3DD8...0x3DE1))
        let description = try RTCPPacket.parse(
            hex(
                "81ca000b638f5157012150415f4e354a35586737456f6657567c54525f414d4136626e766e7676"
                    + "6970774a0f01310000"))
        guard case .sourceDescription(let chunks)? = description.first else {
            Issue.record("no SDES")
            return
        }
        #expect(chunks.first?.cname == "PA_N5J5Xg7EofWV|TR_AMA6bnvnvvipwJ")
        #expect(chunks.first?.items.last?.type == RTCPSourceDescription.midType)
        #expect(chunks.first?.items.last?.value == Array("1".utf8))
    }

    @Test func compoundOfEveryKindIsWrittenAndReadBack() throws {
        let block = RTCPReportBlock(
            ssrc: 9, fractionLost: 128, cumulativeLost: -3, highestSequence: 0x0001_0005,
            jitter: 77, lastSenderReport: 0xB705_2000, delaySinceLastSenderReport: 0x0005_4000)
        let packets: [RTCPPacket] = [
            .senderReport(
                RTCPSenderReport(
                    ssrc: 1, ntpTime: NTPTime(bits: 2), rtpTimestamp: 3, packetCount: 4,
                    octetCount: 5, blocks: [block, block])),
            .receiverReport(RTCPReceiverReport(ssrc: 2, blocks: [block])),
            .receiverReport(RTCPReceiverReport(ssrc: 2, blocks: [])),
            .sourceDescription([
                RTCPSourceDescription(ssrc: 1, cname: "a"),
                RTCPSourceDescription(ssrc: 2, cname: "abc"),
                RTCPSourceDescription(ssrc: 3, items: []),
            ]),
            .goodbye(ssrcs: [1, 2]),
            .genericNACK(
                RTCPGenericNACK(sender: 1, media: 2, sequenceNumbers: [65_534, 65_535, 14, 15])),
            .pictureLossIndication(sender: 1, media: 2),
            .fullIntraRequest(sender: 1, media: [2, 3]),
            .extendedReport(
                RTCPExtendedReport(
                    ssrc: 1, receiverReferenceTime: NTPTime(bits: 7),
                    delays: [
                        RTCPExtendedReport.Delay(ssrc: 3, lastReceiverReport: 4, delay: 5)
                    ])),
        ]
        let bytes = RTCPPacket.write(packets)
        #expect(bytes.count % 4 == 0)
        #expect(try RTCPPacket.parse(bytes) == packets)
    }

    @Test func lossListBecomesFieldsAndBack() {
        let nack = RTCPGenericNACK(
            sender: 1, media: 2, sequenceNumbers: [65_535, 0, 15, 16, 16, 100])
        #expect(
            nack.items == [
                RTCPGenericNACK.Item(first: 65_535, mask: 0x8001),
                RTCPGenericNACK.Item(first: 16, mask: 0), RTCPGenericNACK.Item(first: 100, mask: 0),
            ])
        #expect(nack.sequenceNumbers == [65_535, 0, 15, 16, 100])
    }

    @Test(arguments: [
        ("", RTCPError.truncated), ("80c9", .truncated), ("80c90001", .truncated),
        ("40c90001 00000001", .wrongVersion), ("81c90001 00000001", .malformed(type: 201)),
        ("80c80001 00000001", .malformed(type: 200)), ("81ca0001 00000001", .malformed(type: 202)),
        ("81ca0002 00000001 01ff4141", .malformed(type: 202)),
        ("82cb0001 00000001", .malformed(type: 203)), ("81cd0001 00000001", .malformed(type: 205)),
        ("81ce0001 00000001", .malformed(type: 206)),
        ("80cf0002 00000001 04000002", .malformed(type: 207)),
        ("a0c90001 00000000", .malformed(type: 201)), ("80c90001 00000001 80", .truncated),
    ])
    func malformedDatagramsAreRefused(_ text: String, _ error: RTCPError) {
        #expect(throws: error) { try RTCPPacket.parse(hex(text)) }
    }

    @Test func unknownTypesAndBlocksArePassedOver() throws {
        let bytes =
            hex("80cc0001 00000001") + hex("8fcd0001 00000001") + hex("8fce0000")
            + hex("80cf0003 00000001 99000001 00000000")
        #expect(
            try RTCPPacket.parse(bytes) == [
                .other(type: 204, format: 0), .other(type: 205, format: 15),
                .other(type: 206, format: 15), .extendedReport(RTCPExtendedReport(ssrc: 1)),
            ])
        let many = (0...RTCPPacket.packetsMax).flatMap { _ in hex("80cb0000") }
        #expect(throws: RTCPError.tooManyPackets) { try RTCPPacket.parse(many) }
    }

    @Test func mutatedDatagramsNeverTrap() {
        var random = SeededRandom(seed: 3)
        let block = RTCPReportBlock(
            ssrc: 9, fractionLost: 1, cumulativeLost: 2, highestSequence: 3, jitter: 4,
            lastSenderReport: 5, delaySinceLastSenderReport: 6)
        let seed = RTCPPacket.write([
            .receiverReport(RTCPReceiverReport(ssrc: 1, blocks: [block])),
            .sourceDescription([RTCPSourceDescription(ssrc: 1, cname: "name")]),
            .genericNACK(RTCPGenericNACK(sender: 1, media: 2, sequenceNumbers: [1, 2, 40])),
            .extendedReport(
                RTCPExtendedReport(ssrc: 1, receiverReferenceTime: NTPTime(bits: 7))),
            .goodbye(ssrcs: [1]),
        ])
        var parsed = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<8, using: &random) {
                case 0: if bytes.count > 1 { bytes.remove(at: index) }
                case 1: bytes.insert(.random(in: 0...255, using: &random), at: index)
                case 2: bytes.removeLast(bytes.count - max(1, index))
                default: bytes[index] = .random(in: 0...255, using: &random)
                }
            }
            guard let packets = try? RTCPPacket.parse(bytes) else { continue }
            parsed += 1
            _ = RTCPPacket.write(packets)
        }
        #expect(parsed > 1_000 && parsed < 19_000)
    }
}
