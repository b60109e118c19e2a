// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct RTPPacketTests {
    /// Laid out by hand after RFC 3550 figure 1 and RFC 8285 section 4.2: two CSRCs, elements 1
    /// (level), 4 ("1"), a padding byte, 2 (time), payload of three bytes, padding of five.
    private let oneByteForm = hex(
        """
        b2 ef 3d d8 7b 6b 5d 7f 61 ae f8 f1 00 00 00 07 00 00 00 08
        be de 00 04 10 9e 40 31 00 27 ee ab e6 8c 85 5a a1 9d 00 00
        f8 ff fe 00 00 00 00 05
        """)

    @Test func everyFieldOfAPacketIsRead() throws {
        let packet = try RTPPacket(parsing: oneByteForm)
        #expect(
            packet.header
                == RTPHeader(
                    payloadType: 111, sequenceNumber: 0x3DD8, timestamp: 0x7B6B_5D7F,
                    ssrc: 0x61AE_F8F1, marker: true))
        #expect(packet.csrcs == [7, 8])
        #expect(
            packet.audioLevel(1) == RTPAudioLevel(isVoice: true, decibelsBelowFullScale: 30))
        #expect(packet.mid(4) == "1")
        #expect(packet.absoluteCaptureTime(2)?.bits == 0xEEAB_E68C_855A_A19D)
        #expect(packet.element(3) == nil && packet.element(0) == nil)
        #expect(Array(packet.payload) == [0xF8, 0xFF, 0xFE])
    }

    @Test func twoByteFormIsReadWithEmptyAndLongElements() throws {
        var bytes = hex("90 6f 0001 00000002 00000003")
        bytes += hex("1000 0006 05 00 ff 12")
        bytes += (1...18).map { UInt8($0) } + hex("00 00") + hex("aabb")
        let packet = try RTPPacket(parsing: bytes)
        #expect(packet.element(5).map { $0.isEmpty } == true)
        #expect(packet.element(255).map(Array.init) == (1...18).map { UInt8($0) })
        #expect(packet.audioLevel(5) == nil && packet.mid(5) == nil)
        #expect(Array(packet.payload) == [0xAA, 0xBB])
    }

    @Test func elementsAfterTheReservedNumberAreNotRead() throws {
        let bytes = hex("90 6f 0001 00000002 00000003 bede 0001 f0 00 10 05 01")
        #expect(try RTPPacket(parsing: bytes).element(1) == nil)
    }

    @Test func elementThatRunsOverTheExtensionIsNotRead() throws {
        let bytes = hex("90 6f 0001 00000002 00000003 bede 0001 13 00 00 00 01")
        #expect(try RTPPacket(parsing: bytes).element(1) == nil)
    }

    @Test(arguments: [
        ("", RTPError.truncated), ("80", .truncated), ("40 6f", .wrongVersion),
        ("80 6f 0001 00000002 000000", .truncated), ("82 6f 0001 00000002 00000003", .truncated),
        ("90 6f 0001 00000002 00000003", .truncated),
        ("90 6f 0001 00000002 00000003 bede 0001", .truncated),
        ("a0 6f 0001 00000002 00000003", .malformedPadding),
        ("a0 6f 0001 00000002 00000003 00", .malformedPadding),
        ("a0 6f 0001 00000002 00000003 0003", .malformedPadding),
    ])
    func malformedPacketsAreRefused(_ text: String, _ error: RTPError) {
        #expect(throws: error) { try RTPPacket(parsing: hex(text)) }
    }

    @Test func packetOfPaddingAloneHasAnEmptyPayload() throws {
        let packet = try RTPPacket(parsing: hex("a0 6f 0001 00000002 00000003 0002"))
        #expect(packet.payload.isEmpty)
    }

    @Test func rtpAndRTCPAreToldApart() {
        #expect(RTPPacket.isRTP(oneByteForm))
        for type in 200...207 { #expect(!RTPPacket.isRTP([0x80, UInt8(type)])) }
        #expect(RTPPacket.isRTP([0x80, 0xFF]) && RTPPacket.isRTP([0x80, 63]))
        #expect(!RTPPacket.isRTP([0x80]))
        #expect(RTPPacket.ssrc(of: oneByteForm) == 0x61AE_F8F1)
        #expect(RTPPacket.ssrc(of: [0x80]) == nil)
    }

    @Test func writtenPacketsAreReadBack() throws {
        var bytes: [UInt8] = []
        let header = RTPHeader(
            payloadType: 63, sequenceNumber: 65_535, timestamp: .max, ssrc: 9, marker: false)
        header.append(to: &bytes, hasExtension: true, csrcs: [1, 2, 3])
        let writer = RTPExtensionWriter(in: &bytes, isTwoByte: true)
        #expect(writer.append(200, [], to: &bytes))
        #expect(writer.append(201, Array(repeating: 7, count: 40), to: &bytes))
        #expect(!writer.append(0, [1], to: &bytes))
        writer.finish(&bytes)
        bytes += [1, 2, 3]
        let packet = try RTPPacket(parsing: bytes)
        #expect(packet.header == header && packet.csrcs == [1, 2, 3])
        #expect(packet.element(200)?.count == 0 && packet.element(201)?.count == 40)
        #expect(Array(packet.payload) == [1, 2, 3])
        var small: [UInt8] = []
        let oneByte = RTPExtensionWriter(in: &small)
        #expect(!oneByte.append(15, [1], to: &small) && !oneByte.append(1, [], to: &small))
        #expect(!oneByte.append(1, Array(repeating: 0, count: 17), to: &small))
    }

    @Test func mutatedPacketsNeverTrap() throws {
        var random = SeededRandom(seed: 11)
        var parsed = 0
        for _ in 0..<20_000 {
            var bytes = oneByteForm
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(.random(in: 0...255, using: &random), at: index)
                case 2: bytes.removeLast(bytes.count - index)
                default: bytes[index] = .random(in: 0...255, using: &random)
                }
            }
            guard let packet = try? RTPPacket(parsing: bytes) else { continue }
            parsed += 1
            _ = packet.csrcs
            for id in 0...255 as ClosedRange<UInt8> { _ = packet.element(id) }
            #expect(packet.payloadRange.upperBound <= bytes.count)
        }
        #expect(parsed > 1_000 && parsed < 19_000)
    }
}
