// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

@Suite struct SRTPContextTests {
    @Test func libraryHasEveryProfileCheapestFirst() {
        #expect(
            SRTPProfile.supported == [.aeadAES128GCM, .aeadAES256GCM, .aes128CMHMACSHA1Tag80])
    }

    @Test(arguments: SRTPProfile.allCases) func repeatedPacketIsTheSameAndNoReplayToTheSender(
        profile: SRTPProfile
    ) throws {
        let (left, right) = try Self.pair(profile)
        var first: [[UInt8]] = []
        for sequence in 0..<1_000 { first.append(try left.protectRTP(rtp(sequence))) }
        for sequence in stride(from: 0, to: 1_000, by: 7) {
            #expect(try left.protectRTP(rtp(sequence)) == first[sequence])
        }
        for packet in first { _ = try right.unprotectRTP(packet) }
        #expect(throws: SRTPError.replayed) { try right.unprotectRTP(first[500]) }
        #expect(right.statistics.opened == 1_000)
        #expect(right.statistics.replays == 1)
    }

    @Test func anotherPacketUnderASentNumberIsRefused() throws {
        let (left, _) = try Self.pair()
        _ = try left.protectRTP(rtp(7))
        #expect(throws: SRTPError.alteredRepeat) { try left.protectRTP(rtp(7, payload: [9])) }
        var changed = rtp(7)
        changed[4] ^= 1  // the timestamp is authenticated, not encrypted: just as bad with GCM
        #expect(throws: SRTPError.alteredRepeat) { try left.protectRTP(changed) }
        _ = try left.protectRTP(rtp(7))
        _ = try left.protectRTP(rtp(7, ssrc: 2, payload: [9]))
        // The same number one round later is another index.
        for sequence in stride(from: 7, through: 7 + 65_536, by: 16_384) {
            _ = try left.protectRTP(rtp(sequence, payload: sequence == 7 ? [1, 2, 3] : [9]))
        }
    }

    @Test(arguments: SRTPProfile.allCases) func sequenceNumbersWrapManyTimes(
        profile: SRTPProfile
    ) throws {
        let (left, right) = try Self.pair(profile)
        // Every 997th packet arrives; five rounds of sequence numbers.
        for sequence in stride(from: 60_000, to: 60_000 + 5 * 65_536, by: 997) {
            let packet = try left.protectRTP(rtp(sequence))
            #expect(try right.unprotectRTP(packet) == rtp(sequence))
        }
    }

    @Test func packetsAcrossTheWrapMayPassEachOther() throws {
        let (left, right) = try Self.pair()
        let sequences = Array(65_400..<65_700)
        let packets = try sequences.map { try left.protectRTP(rtp($0)) }
        var order = Array(packets.indices)
        var random = SeededRandom(seed: 11)
        for index in stride(from: 100, to: 280, by: 20) {
            order[index..<index + 20].shuffle(using: &random)
        }
        for index in order {
            #expect(try right.unprotectRTP(packets[index]) == rtp(sequences[index]))
        }
    }

    @Test func peerMayUseOurSSRC() throws {
        let (left, right) = try Self.pair()
        let report: [UInt8] = [0x80, 0xC9, 0, 1, 0, 0, 0, 1]
        _ = try left.protectRTP(rtp(1))
        #expect(try left.unprotectRTCP(right.protectRTCP(report)) == report)
        #expect(try right.unprotectRTCP(left.protectRTCP(report)) == report)
    }

    @Test(arguments: SRTPProfile.allCases) func everyFlippedBitIsFound(
        profile: SRTPProfile
    ) throws {
        let (left, right) = try Self.pair(profile)
        let packet = try left.protectRTP(rtp(1, payload: Array(0..<20)))
        for bit in 0..<packet.count * 8 {
            var damaged = packet
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SRTPError.self) { try right.unprotectRTP(damaged) }
        }
        let control = try left.protectRTCP([0x80, 0xC9, 0, 1, 0, 0, 0, 1])
        for bit in 0..<control.count * 8 {
            var damaged = control
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SRTPError.self) { try right.unprotectRTCP(damaged) }
        }
        #expect(right.statistics.opened == 0)
        #expect(right.statistics.authenticationFailures > 0)
        #expect(try right.unprotectRTP(packet) == rtp(1, payload: Array(0..<20)))
    }

    @Test(arguments: SRTPProfile.allCases) func anyBytesAreRefusedWithoutHarm(
        profile: SRTPProfile
    ) throws {
        let (left, right) = try Self.pair(profile)
        var random = SeededRandom(seed: 3)
        for _ in 0..<5_000 {
            var bytes = random.bytes(Int.random(in: 0...80, using: &random))
            if !bytes.isEmpty, Bool.random(using: &random) { bytes[0] = bytes[0] & 0x3F | 0x80 }
            #expect(throws: SRTPError.self) { try right.unprotectRTP(bytes) }
            #expect(throws: SRTPError.self) { try right.unprotectRTCP(bytes) }
            _ = try? left.protectRTP(bytes)
            _ = try? left.protectRTCP(bytes)
        }
        let long = [0x80] + [UInt8](repeating: 0, count: SRTPContext.packetBytesMax)
        #expect(throws: SRTPError.malformed) { try right.unprotectRTP(long) }
        #expect(throws: SRTPError.malformed) { try left.protectRTP(long) }
        #expect(right.statistics.opened == 0)
    }

    @Test func peersStreamsAreBoundedAndTheOldestGivesWay() throws {
        let (left, right) = try Self.pair()
        // Two senders, because each may open only so many streams itself.
        let (third, _) = try Self.pair()
        let most = UInt32(SRTPContext.streamsMax)
        let early = try (0..<most).map { try left.protectRTP(rtp(1, ssrc: $0)) }
        for packet in early { _ = try right.unprotectRTP(packet) }
        #expect(right.statistics.streamsEvicted == 0)
        _ = try right.unprotectRTP(left.protectRTP(rtp(2, ssrc: 0)))  // not the oldest any more
        for ssrc in most..<most + 10 {
            _ = try right.unprotectRTP(third.protectRTP(rtp(1, ssrc: ssrc)))
        }
        #expect(right.statistics.streamsEvicted == 10)
        #expect(throws: SRTPError.replayed) {
            try right.unprotectRTP(left.protectRTP(rtp(2, ssrc: 0)))
        }
        // libsrtp has forgotten the evicted stream: its first packet opens a new one.
        #expect(try right.unprotectRTP(early[1]) == rtp(1, ssrc: 1))
        #expect(throws: SRTPError.tooManyStreams) {
            try left.protectRTP(rtp(1, ssrc: most + 20))
        }
    }

    @Test func anEndedStreamMakesRoomForAnother() throws {
        let (left, right) = try Self.pair()
        for ssrc in 0..<UInt32(SRTPContext.streamsMax) {
            _ = try left.protectRTP(rtp(1, ssrc: ssrc))
        }
        let next = rtp(1, ssrc: 1_000)
        #expect(throws: SRTPError.tooManyStreams) { try left.protectRTP(next) }
        left.endStream(999)  // never was
        #expect(throws: SRTPError.tooManyStreams) { try left.protectRTP(next) }
        left.endStream(7)
        #expect(try right.unprotectRTP(left.protectRTP(next)) == next)
        #expect(throws: SRTPError.tooManyStreams) { try left.protectRTP(rtp(1, ssrc: 7)) }
    }

    @Test func keysOfTheWrongLengthMakeNoMaterial() {
        let key = [UInt8](repeating: 1, count: 28)
        #expect(
            SRTPKeyingMaterial(profile: .aeadAES256GCM, localKey: key, remoteKey: key) == nil)
        let keys = SRTPKeyingMaterial(profile: .aeadAES128GCM, localKey: key, remoteKey: key)
        #expect(keys?.description == "SRTPKeyingMaterial(SRTP_AEAD_AES_128_GCM, <redacted>)")
    }

    /// Two ends of one connection; the keys are the same in all calls.
    static func pair(
        _ profile: SRTPProfile = .aeadAES128GCM
    ) throws -> (SRTPContext, SRTPContext) {
        var random = SeededRandom(seed: 5)
        let one = random.bytes(profile.keyLength + profile.saltLength)
        let two = random.bytes(profile.keyLength + profile.saltLength)
        let left = SRTPKeyingMaterial(profile: profile, localKey: one, remoteKey: two)
        let right = SRTPKeyingMaterial(profile: profile, localKey: two, remoteKey: one)
        return (try SRTPContext(#require(left)), try SRTPContext(#require(right)))
    }

    private func rtp(
        _ sequence: Int, ssrc: UInt32 = 1, payload: [UInt8] = [1, 2, 3]
    ) -> [UInt8] {
        let stamp = UInt32(truncatingIfNeeded: sequence * 960)
        var writer = ByteWriter()
        writer.uint16(0x806F)
        writer.uint16(UInt16(truncatingIfNeeded: sequence))
        writer.uint32(stamp)
        writer.uint32(ssrc)
        return writer.bytes + payload
    }
}
