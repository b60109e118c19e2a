// SPDX-License-Identifier: Apache-2.0
import Base
import Testing
import WebRTC

@testable import DevServer

/// The numbers of a forwarded track, by what was measured on livekit-server.
@Suite struct ForwardedStreamTests {
    typealias Numbers = ForwardedStream.Numbers
    static let start = Instant(nanoseconds: 1_000_000_000)

    static func at(_ milliseconds: Int64) -> Instant { start + .milliseconds(milliseconds) }

    @Test func numbersPassUnchangedThroughLossesPausesAndJumps() {
        var stream = ForwardedStream()
        let packets: [(UInt16, UInt32, Int64)] = [
            (32_767, 4_294_965_040, 0), (65_534, 4_294_966_000, 0), (65_535, 4_294_966_960, 20),
            (2, 1_584, 80),
            (3, 2_544, 5_000), (4, 482_544, 5_020),
        ]
        for (sequence, timestamp, time) in packets {
            let numbers = Numbers(sequence: sequence, timestamp: timestamp)
            let passed = stream.pass(numbers, at: Self.at(time))
            #expect(passed == numbers)
        }
    }

    @Test func aReceiverThatMissesTheBeginningOpensTheRest() throws {
        let profile = SRTPProfile.aeadAES128GCM
        let keys = (0..<2).map { [UInt8](repeating: $0, count: 28) }
        let sender = try SRTPContext(
            #require(SRTPKeyingMaterial(profile: profile, localKey: keys[0], remoteKey: keys[1])))
        let receiver = try SRTPContext(
            #require(SRTPKeyingMaterial(profile: profile, localKey: keys[1], remoteKey: keys[0])))
        var stream = ForwardedStream()
        var source = RTPSendStream(ssrc: 1, cname: "c", payloadType: 111, firstSequenceNumber: 0)
        var opened: [UInt16] = []
        for index in 0..<10 as Range<UInt16> {
            let numbers = Numbers(sequence: 65_533 &+ index, timestamp: UInt32(index) * 960)
            let passed = stream.pass(numbers, at: Self.at(Int64(index) * 20))
            let out = try #require(passed)
            #expect(out.timestamp == numbers.timestamp)
            let packet = try sender.protectRTP(
                source.packet(
                    [1], timestamp: out.timestamp, isMarked: false, audioLevel: nil,
                    sequenceNumber: out.sequence, at: Self.at(Int64(index) * 20)))
            // The packets before the publisher's wrap are lost.
            guard index >= 3 else { continue }
            opened.append(
                try RTPPacket(parsing: receiver.unprotectRTP(packet)).header.sequenceNumber)
        }
        #expect(opened == (0..<7).map { opened[0] + $0 })
    }

    @Test(arguments: [0, 1, 32_767, 32_768, 49_151, 49_152, 65_535] as [UInt16])
    func streamsBeginInTheLowerHalf(sequence: UInt16) throws {
        var stream = ForwardedStream()
        // The first, one from before it that comes late, and the next.
        let passed = [(sequence, 9_600), (sequence &- 1, 8_640), (sequence &+ 1, 10_560)].map {
            stream.pass(Numbers(sequence: $0, timestamp: $1), at: Self.start)?.sequence
        }
        let first = try #require(passed[0])
        #expect(first < 0x8000)
        #expect(first == sequence || sequence >= 0x8000)
        #expect(passed == [first, first &- 1, first &+ 1])
        #expect(first > 0 || sequence == 0, "late packets come before no wrap of ours")
    }

    @Test func aPacketThatWasSentAgainPassesLate() {
        var stream = ForwardedStream()
        for (sequence, timestamp) in [(1, 960), (3, 2880), (2, 1920), (4, 3840)] {
            let numbers = Numbers(sequence: UInt16(sequence), timestamp: UInt32(timestamp))
            let passed = stream.pass(numbers, at: Self.start)
            #expect(passed == numbers)
        }
    }

    @Test func timeThatRunsBackwardsIsDroppedUntilItHasCaughtUp() {
        var stream = ForwardedStream()
        _ = stream.pass(Numbers(sequence: 1, timestamp: 240_000), at: Self.start)
        let late = [(2, 0), (3, 239_999), (4, 240_000)].map { sequence, timestamp in
            stream.pass(
                Numbers(sequence: UInt16(sequence), timestamp: UInt32(timestamp)), at: Self.start)
        }
        #expect(late.map { $0 == nil } == [true, true, false])
    }

    @Test func afterAMuteTheStreamFollowsTheWallClock() {
        var stream = ForwardedStream()
        let early = stream.silence(at: Self.start)
        #expect(early == nil, "nothing was sent that could go on")
        _ = stream.pass(Numbers(sequence: 10, timestamp: 48_000), at: Self.at(0))
        // A second of silence of ours.
        for step in 1...51 {
            let numbers = stream.silence(at: Self.at(Int64(step) * 20))
            let wanted = Numbers(
                sequence: UInt16(10 + step), timestamp: UInt32(48_000 + step * 960))
            #expect(numbers == wanted)
        }
        // Unmuted after ten seconds; the publisher's own time stood still meanwhile.
        let numbers = stream.pass(Numbers(sequence: 11, timestamp: 48_960), at: Self.at(10_000))
        #expect(numbers == Numbers(sequence: 62, timestamp: 48_000 + 480_000))
        let next = stream.pass(Numbers(sequence: 12, timestamp: 49_920), at: Self.at(10_020))
        #expect(next == Numbers(sequence: 63, timestamp: 48_000 + 480_960))
    }

    @Test func silenceOfOursNeverRunsBackwards() {
        var stream = ForwardedStream()
        // Sent a second ahead of time.
        for step in 0..<50 {
            _ = stream.pass(
                Numbers(sequence: UInt16(step), timestamp: UInt32(step * 960)), at: Self.at(0))
        }
        let numbers = stream.silence(at: Self.at(20))
        #expect(numbers == Numbers(sequence: 50, timestamp: 50 * 960))
    }
}
