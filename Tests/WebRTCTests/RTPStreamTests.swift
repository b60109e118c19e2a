// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct RTPSendStreamTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    private func stream() -> RTPSendStream {
        var stream = RTPSendStream(
            ssrc: 77, cname: "name", payloadType: 111, firstSequenceNumber: 40_000)
        stream.extensionIDs = RTPExtensionIDs(audioLevel: 1, mid: 4, absoluteCaptureTime: 2)
        stream.mid = Array("1".utf8)
        return stream
    }

    @Test func packetsCountUpAndCarryTheAgreedExtensions() throws {
        var stream = stream()
        for index in 0..<60 {
            let level = RTPAudioLevel(isVoice: true, decibelsBelowFullScale: 20)
            let bytes = stream.packet(
                [1, 2, 3], timestamp: UInt32(index * 960), isMarked: index == 0,
                audioLevel: level, captureTime: NTPTime(bits: 99),
                at: start + .milliseconds(20 * index))
            let packet = try RTPPacket(parsing: bytes)
            #expect(packet.header.sequenceNumber == 40_000 % 32_768 + UInt16(index))
            #expect(packet.header.timestamp == UInt32(index * 960))
            #expect(packet.header.marker == (index == 0) && packet.header.ssrc == 77)
            #expect(packet.audioLevel(1) == level)
            #expect(packet.absoluteCaptureTime(2)?.bits == 99)
            #expect(packet.mid(4) == (index < 50 ? "1" : nil))
            #expect(Array(packet.payload) == [1, 2, 3])
        }
        #expect(stream.packetCount == 60 && stream.octetCount == 180)
    }

    @Test func noExtensionIsWrittenWhereNoneIsAgreed() {
        var stream = RTPSendStream(
            ssrc: 1, cname: "n", payloadType: 96, firstSequenceNumber: 5)
        let bytes = stream.packet(
            [9], timestamp: 8, isMarked: false, audioLevel: .silence, at: start)
        #expect(bytes == hex("80 60 0005 00000008 00000001 09"))
    }

    @Test func numbersAboveFourteenUseTheTwoByteForm() throws {
        var stream = RTPSendStream(
            ssrc: 1, cname: "n", payloadType: 96, firstSequenceNumber: 5)
        stream.extensionIDs = RTPExtensionIDs(audioLevel: 15)
        let bytes = stream.packet(
            [9], timestamp: 8, isMarked: false, audioLevel: .silence, at: start)
        let packet = try RTPPacket(parsing: bytes)
        #expect(packet.extensionProfile == 0x1000 && packet.audioLevel(15) == .silence)
    }

    @Test func lostPacketsAreSentAgainOncePerInterval() {
        var stream = stream()
        var sent: [[UInt8]] = []
        for index in 0..<300 {
            let now = start + .milliseconds(20 * index)
            let bytes = stream.packet(
                [UInt8(index & 255)], timestamp: UInt32(index * 960), isMarked: false,
                audioLevel: nil, at: now)
            stream.record(bytes, at: now)
            sent.append(bytes)
        }
        let first = 40_000 % 32_768
        func nack(_ index: Int) -> RTCPGenericNACK {
            RTCPGenericNACK(
                sender: 77, media: 77, sequenceNumbers: [UInt16(first + index)])
        }
        var now = start + .milliseconds(20 * 299)
        #expect(stream.retransmissions(for: nack(299), at: now).isEmpty, "only just sent")
        now += .milliseconds(50)
        #expect(stream.retransmissions(for: nack(299), at: now) == [sent[299]])
        #expect(stream.retransmissions(for: nack(299), at: now + .milliseconds(30)).isEmpty)
        #expect(
            stream.retransmissions(for: nack(299), at: now + .milliseconds(80)) == [sent[299]])
        // 200 packets back is 4 s: still there at the limit, gone beyond it.
        let back = now - .milliseconds(50)
        #expect(stream.retransmissions(for: nack(99), at: back) == [sent[99]])
        #expect(stream.retransmissions(for: nack(98), at: back).isEmpty)
        #expect(stream.retransmissions(for: nack(30), at: back).isEmpty, "overwritten")
        #expect(stream.retransmissions(for: nack(301), at: back).isEmpty, "never sent")
        #expect(stream.resentCount == 3)
    }

    @Test func aFloodOfRequestsIsBounded() {
        var stream = stream()
        for index in 0..<200 {
            let now = start + .milliseconds(index)
            let bytes = stream.packet(
                [1], timestamp: UInt32(index), isMarked: false, audioLevel: nil, at: now)
            stream.record(bytes, at: now)
        }
        let numbers = (0..<200).map { UInt16(40_000 % 32_768 + $0) }
        let nack = RTCPGenericNACK(sender: 1, media: 77, sequenceNumbers: numbers)
        var count = 0
        for step in 0..<20 {
            let now = start + .milliseconds(500 + 50 * step)
            count += stream.retransmissions(for: nack, at: now).count
        }
        #expect(count == 100)
    }

    @Test func senderReportFollowsTheEarliestPackets() throws {
        var stream = stream()
        #expect(stream.senderReport(at: start, ntpTime: NTPTime(bits: 0)) == nil)
        var random = SeededRandom(seed: 5)
        for index in 0..<500 {
            let late = Duration.microseconds(Int.random(in: 0...8_000, using: &random))
            _ = stream.packet(
                [1, 2], timestamp: UInt32.max &- 9_599 &+ UInt32(index * 960), isMarked: false,
                audioLevel: nil, at: start + .milliseconds(20 * index) + late)
        }
        let now = start + .milliseconds(20 * 500 + 7)
        let wall = NTPTime(WallClock(unixMilliseconds: 1_700_000_000_000))
        let report = try #require(stream.senderReport(at: now, ntpTime: wall))
        let expected = UInt32.max &- 9_599 &+ UInt32(500 * 960 + 7 * 48)
        let error = Int32(bitPattern: report.rtpTimestamp &- expected)
        #expect(abs(error) < 48, "within a millisecond, although packets left up to 8 ms late")
        #expect(report.packetCount == 500 && report.octetCount == 1_000)
    }

    @Test func senderReportFollowsAJumpOfTheStream() throws {
        var stream = stream()
        _ = stream.packet([1], timestamp: 0, isMarked: false, audioLevel: nil, at: start)
        _ = stream.packet(
            [1], timestamp: 960, isMarked: true, audioLevel: nil, at: start + .seconds(10))
        let report = try #require(
            stream.senderReport(at: start + .seconds(11), ntpTime: NTPTime(bits: 0)))
        #expect(report.rtpTimestamp == 960 + 48_000)
    }

    @Test func senderReportOfAPassedOnStreamTellsItsMakersClock() throws {
        var stream = stream()
        _ = stream.packet([1], timestamp: 96_000, isMarked: false, audioLevel: nil, at: start)
        // A clock 500 s wrong, and timestamps of its own.
        let theirs = NTPTime(WallClock(unixMilliseconds: 1_700_000_500_000))
        stream.foreignClock = RTPForeignClock(
            ntpTime: theirs, timestamp: 4_294_967_000, receivedAt: start)
        let report = try #require(
            stream.senderReport(
                at: start + .milliseconds(1_500),
                ntpTime: NTPTime(WallClock(unixMilliseconds: 1_700_000_000_000))))
        #expect(report.ntpTime.wallClock.unixMilliseconds == 1_700_000_501_500)
        #expect(report.rtpTimestamp == UInt32(4_294_967_000) &+ 72_000)
    }

    /// RFC 3550 figure 2: 46,864.500 − 5.250 − 46,853.125 = 6.125 s.
    @Test func roundTripOfTheRFC() {
        let block = RTCPReportBlock(
            ssrc: 77, fractionLost: 64, cumulativeLost: 5, highestSequence: 1, jitter: 480,
            lastSenderReport: 0xB705_2000, delaySinceLastSenderReport: 0x0005_4000)
        let report = stream().remoteReport(block, now: NTPTime(bits: 0xB44D_B710_8000_0000))
        #expect(report.roundTrip == .milliseconds(6_125))
        #expect(report.fractionLost == 0.25 && report.jitter == .milliseconds(10))
    }

    /// From a run against livekit-server 1.13.3: our SR left at 1795254283.7278318 and the RR
    /// came back 0.80122 s later.
    @Test func roundTripOfARealServer() throws {
        let wall = WallClock(unixMilliseconds: 1_795_254_283_727)
        let sent = NTPTime(wall, plus: .nanoseconds(831_800))
        // The log's clock was read 0.14 ms after the report's.
        #expect(abs(Int64(sent.middle) - 3_867_916_874) <= 10)
        let block = RTCPReportBlock(
            ssrc: 1_638_856_945, fractionLost: 0, cumulativeLost: 0, highestSequence: 15_063,
            jitter: 19, lastSenderReport: 3_867_916_874, delaySinceLastSenderReport: 52_458)
        let back = NTPTime(wall, plus: .nanoseconds(831_800 + 801_220_000))
        let report = stream().remoteReport(block, now: back)
        let roundTrip = try #require(report.roundTrip)
        #expect(roundTrip > .microseconds(600) && roundTrip < .microseconds(1_000))
        var early = block
        early.delaySinceLastSenderReport += 70
        #expect(stream().remoteReport(early, now: back).roundTrip == .zero)
        early.lastSenderReport = 0
        #expect(stream().remoteReport(early, now: back).roundTrip == nil)
    }

    @Test func ntpTimeIsCivilTimeSince1900() {
        let time = NTPTime(WallClock(unixMilliseconds: 816_003_205_125))
        #expect(time.bits == 0xB44D_B705_2000_0000)
        #expect(time.wallClock.unixMilliseconds == 816_003_205_125)
        let mapping = NTPMapping(start, is: WallClock(unixMilliseconds: 816_003_205_125))
        #expect(mapping.time(at: start + .milliseconds(11_375)).bits == 0xB44D_B710_8000_0000)
        #expect(Duration.milliseconds(5_250).rtcpUnits == 0x0005_4000)
        #expect(Duration(rtcpUnits: 0x0005_4000) == .milliseconds(5_250))
        #expect(Duration.seconds(100_000).rtcpUnits == .max)
        #expect(Duration.seconds(-1).rtcpUnits == 0)
    }
}

@Suite struct RTPReceiveStreamTests {
    private let start = Instant(nanoseconds: 9_000_000_000)

    private func packet(_ number: Int) throws -> RTPPacket {
        var bytes: [UInt8] = []
        RTPHeader(
            payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: number),
            timestamp: UInt32(truncatingIfNeeded: number * 960), ssrc: 9
        ).append(to: &bytes, hasExtension: false)
        return try RTPPacket(parsing: bytes + [UInt8(truncatingIfNeeded: number)])
    }

    private func stream(requests: Bool = false) -> RTPReceiveStream {
        RTPReceiveStream(
            ssrc: 9, clockRate: 48_000, patience: .milliseconds(60), requestsLosses: requests)
    }

    private func block(
        _ stream: inout RTPReceiveStream, at now: Instant
    ) throws -> RTCPReportBlock {
        let block = stream.reportBlock(at: now)
        return try #require(block)
    }

    private func drain(_ stream: inout RTPReceiveStream) -> [String] {
        var result: [String] = []
        while let output = stream.poll() {
            switch output {
            case .media(.packet(let packet)): result.append("\(packet.sequence)")
            case .media(.gap(let count)): result.append("gap \(count)")
            case .request(let numbers): result.append("ask \(numbers)")
            }
        }
        return result
    }

    @Test func packetsInOrderPassAtOnceAcrossTheWrap() throws {
        var stream = stream()
        for number in 65_530..<65_545 {
            stream.receive(try packet(number), audioLevel: nil, at: start)
            #expect(drain(&stream) == ["\(number)"])
        }
        #expect(stream.deadline == nil)
    }

    @Test func withoutPatienceEveryPacketPassesAsItComesAndLossesAreAskedFor() throws {
        var stream = RTPReceiveStream(
            ssrc: 9, clockRate: 48_000, patience: nil, requestsLosses: true)
        for number in [100, 103, 102] {
            stream.receive(try packet(number), audioLevel: nil, at: start)
            #expect(drain(&stream) == ["\(number)"])
        }
        let due = try #require(stream.deadline)
        stream.tick(at: due)
        #expect(drain(&stream) == ["ask [101]"])
        stream.receive(try packet(101), audioLevel: nil, at: due + .milliseconds(5))
        #expect(drain(&stream) == ["101"])
        #expect(stream.deadline == nil, "nothing is missing any more")
    }

    @Test func overtakenPacketsComeInOrder() throws {
        var stream = stream()
        for number in [100, 102, 101, 105, 104, 104, 103] {
            stream.receive(try packet(number), audioLevel: nil, at: start)
        }
        #expect(drain(&stream) == ["100", "101", "102", "103", "104", "105"])
        #expect(stream.lateAndLost == (1, 0))
    }

    @Test func lostPacketsAreGivenUpAfterThePatience() throws {
        var stream = stream()
        stream.receive(try packet(1), audioLevel: nil, at: start)
        stream.receive(try packet(4), audioLevel: nil, at: start + .milliseconds(20))
        stream.receive(try packet(6), audioLevel: nil, at: start + .milliseconds(40))
        #expect(drain(&stream) == ["1"])
        #expect(stream.deadline == start + .milliseconds(80))
        stream.tick(at: start + .milliseconds(79))
        #expect(drain(&stream) == [])
        stream.tick(at: start + .milliseconds(80))
        #expect(drain(&stream) == ["gap 2", "4"])
        stream.receive(try packet(3), audioLevel: nil, at: start + .milliseconds(85))
        #expect(drain(&stream) == [])
        stream.receive(try packet(5), audioLevel: nil, at: start + .milliseconds(90))
        #expect(drain(&stream) == ["5", "6"])
        #expect(stream.lateAndLost == (1, 2))
    }

    @Test func aWideStepAheadIsNotWaitedFor() throws {
        var stream = stream()
        stream.receive(try packet(1), audioLevel: nil, at: start)
        stream.receive(try packet(3), audioLevel: nil, at: start)
        stream.receive(try packet(500), audioLevel: nil, at: start)
        #expect(drain(&stream) == ["1", "gap 1", "3", "gap 496", "500"])
    }

    @Test func aJumpOfTheNumberingIsBelievedWhenConfirmed() throws {
        var stream = stream()
        stream.receive(try packet(1), audioLevel: nil, at: start)
        stream.receive(try packet(30_000), audioLevel: nil, at: start)
        #expect(drain(&stream) == ["1"])
        stream.receive(try packet(30_001), audioLevel: nil, at: start)
        #expect(drain(&stream) == ["gap 3000", "\(65_536 + 30_001)"])
        stream.receive(try packet(30_002), audioLevel: nil, at: start)
        #expect(drain(&stream) == ["\(65_536 + 30_002)"])
        let block = try block(&stream, at: start)
        #expect(block.cumulativeLost == 0 && block.highestSequence == 65_536 + 30_002)
    }

    @Test func lossesAreAskedForUntilTheyComeOrPass() throws {
        var stream = stream(requests: true)
        stream.receive(try packet(10), audioLevel: nil, at: start)
        stream.receive(try packet(13), audioLevel: nil, at: start)
        #expect(drain(&stream) == ["10"])
        #expect(stream.deadline == start + .milliseconds(10))
        stream.tick(at: start + .milliseconds(10))
        #expect(drain(&stream) == ["ask [11, 12]"])
        stream.tick(at: start + .milliseconds(30))
        #expect(drain(&stream) == [])
        stream.receive(try packet(11), audioLevel: nil, at: start + .milliseconds(40))
        #expect(drain(&stream) == ["11"])
        stream.tick(at: start + .milliseconds(60))
        #expect(drain(&stream) == ["gap 1", "13"])
        #expect(stream.deadline == nil)
    }

    /// RFC 3550 appendix A.3 by hand: 10 expected, 8 came; then 10 more, all came.
    @Test func reportBlockCountsLosses() throws {
        var stream = stream()
        #expect(stream.reportBlock(at: start) == nil)
        for number in 65_530..<65_540 where number != 65_535 && number != 65_536 {
            stream.receive(
                try packet(number), audioLevel: nil,
                at: start + .milliseconds(20 * (number - 65_530)))
        }
        stream.receive(
            RTCPSenderReport(
                ssrc: 9, ntpTime: NTPTime(bits: 0xB44D_B705_2000_0000), rtpTimestamp: 0,
                packetCount: 0, octetCount: 0), at: start)
        let first = try block(&stream, at: start + .milliseconds(5_250))
        #expect(
            first
                == RTCPReportBlock(
                    ssrc: 9, fractionLost: 51, cumulativeLost: 2, highestSequence: 65_539,
                    jitter: 0, lastSenderReport: 0xB705_2000,
                    delaySinceLastSenderReport: 0x0005_4000))
        for number in 65_540..<65_550 {
            stream.receive(
                try packet(number), audioLevel: nil,
                at: start + .milliseconds(20 * (number - 65_530)))
        }
        let second = try block(&stream, at: start + .seconds(6))
        #expect(second.fractionLost == 0 && second.cumulativeLost == 2)
        #expect(second.highestSequence == 65_549)
    }

    /// RFC 3550 appendix A.8: packets 10 ms early and late in turn give D = 20 ms = 960 ticks,
    /// and J goes to 960.
    @Test func jitterConvergesToTheMeanDeviation() throws {
        var stream = stream()
        stream.receive(try packet(0), audioLevel: nil, at: start)
        for number in 1...400 {
            let shift = number % 2 == 0 ? -10 : 10
            stream.receive(
                try packet(number), audioLevel: nil,
                at: start + .milliseconds(20 * number + shift))
            if number == 1 { #expect(try block(&stream, at: start).jitter == 30) }
        }
        let jitter = try block(&stream, at: start).jitter
        #expect((955...961).contains(jitter))
    }

    @Test func randomArrivalKeepsOrderAndCountsEveryPacketOnce() throws {
        for seed in 0..<50 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var stream = stream(requests: seed % 2 == 0)
            var arrivals: [(Instant, Int)] = []
            for number in 0..<400
            where number == 0 || Double.random(in: 0..<1, using: &random) > 0.1 {
                let delay = Int.random(in: 0...(number == 0 ? 0 : 90), using: &random)
                arrivals.append((start + .milliseconds(20 * number + delay), number))
                if Double.random(in: 0..<1, using: &random) < 0.05 {
                    arrivals.append((start + .milliseconds(20 * number + delay + 3), number))
                }
            }
            arrivals.sort { ($0.0, $0.1) < ($1.0, $1.1) }
            var next = 0
            var played = 0
            func take(_ outputs: [String]) {
                for text in outputs where !text.hasPrefix("ask") {
                    if text.hasPrefix("gap ") {
                        next += Int(text.dropFirst(4)) ?? -1
                    } else {
                        #expect(Int(text) == next, "seed \(seed)")
                        next += 1
                        played += 1
                    }
                }
            }
            for (time, number) in arrivals {
                while let deadline = stream.deadline, deadline <= time {
                    stream.tick(at: deadline)
                    take(drain(&stream))
                }
                stream.receive(try packet(number), audioLevel: nil, at: time)
                take(drain(&stream))
            }
            while let deadline = stream.deadline {
                stream.tick(at: deadline)
                take(drain(&stream))
            }
            let (late, lost) = stream.lateAndLost
            #expect(played + lost == next && played + late == arrivals.count, "seed \(seed)")
        }
    }
}
