// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import LiveKit

private func varint(_ value: Int) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    repeat {
        bytes.append(UInt8(value & 0x7F) | (value > 0x7F ? 0x80 : 0))
        value >>= 7
    } while value > 0
    return bytes
}

/// A field that holds bytes.
private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
}

private func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    Array((0..<count).map { _ in bytes }.joined())
}

@Suite struct WireBoundTests {
    @Test func aFrameLongerThanAMegabyteIsRefused() {
        let long = field(16, [UInt8](repeating: 65, count: 1 << 20))
        #expect(throws: WireError.tooLong) { try SignalResponse(decoding: long) }
        #expect(throws: WireError.tooLong) { try SignalRequest(decoding: long) }
        let packet = field(2, field(2, [UInt8](repeating: 0, count: 65_535)))
        #expect(throws: WireError.tooLong) { try DataPacket(decoding: packet) }
    }

    /// Two bytes on the wire, two hundred in memory: half a million participants would take 100 MB.
    @Test func aFrameThatUnfoldsWithoutLimitIsRefused() {
        let frame = field(5, repeated([0x0A, 0x00], 500_000))
        #expect(throws: WireError.malformed) { try SignalResponse(decoding: frame) }
    }

    @Test func aListWithoutEndIsRefused() {
        let sids = field(6, repeated([0x0A, 0x00], 20_000))
        #expect(throws: WireError.tooManyElements) { try SignalRequest(decoding: sids) }
        let fine = field(6, repeated([0x0A, 0x00], 16_384))
        #expect(throws: Never.self) { try SignalRequest(decoding: fine) }
    }

    @Test func aMessageOfTheFutureIsNamedByItsNumber() throws {
        #expect(try SignalResponse(decoding: field(99, [1, 2, 3])) == .unknown(field: 99))
        #expect(try SignalRequest(decoding: field(1234, [])) == .unknown(field: 1234))
        #expect(try DataPacket(decoding: field(77, [1])).value == .unknown(field: 77))
        #expect(try SignalResponse(decoding: []) == .unknown(field: nil))
        // A known one beside it is still read.
        let both = field(99, [1]) + field(16, Array("token".utf8))
        #expect(try SignalResponse(decoding: both) == .refreshToken("token"))
    }

    @Test func anUnknownNumberOfAnEnumIsKept() throws {
        var leave = LeaveRequest()
        leave.reason = DisconnectReason(rawValue: 4711)
        leave.action = LeaveAction(rawValue: -1)
        let again = try SignalResponse(decoding: SignalResponse.leave(leave).encoded)
        #expect(again == .leave(leave))
        #expect(leave.reason.description == "4711")
        #expect(DisconnectReason.roomDeleted.description == "roomDeleted")
    }

    @Test func theLastMemberOfARepeatedOneofCounts() throws {
        let twice = field(16, Array("one".utf8)) + field(2, field(2, Array("sdp".utf8)))
        var answer = SignalDescription()
        answer.sdp = "sdp"
        #expect(try SignalResponse(decoding: twice) == .answer(answer))
    }

    @Test func textThatIsNotUTF8IsRepaired() throws {
        let frame = field(16, [0x61, 0xFF, 0x62])
        #expect(try SignalResponse(decoding: frame) == .refreshToken("a\u{FFFD}b"))
    }

    @Test func packetsOfTheApplicationSurvive() throws {
        let packet = DataPacket(
            topic: "viseme", payload: Array(0...255), kind: .lossy, destinations: ["a", "ü"])
        #expect(try DataPacket(decoding: packet.encoded) == packet)
        var empty = DataPacket(topic: "", payload: [], kind: .reliable)
        empty.sequence = .max
        let again = try DataPacket(decoding: empty.encoded)
        #expect(again == empty)
        guard case .user(let user) = again.value else {
            Issue.record("a user packet became \(again.value)")
            return
        }
        #expect(user.topic == "", "an empty topic is a topic")
        #expect(user.id == nil)
    }

    /// Every decoding gives all of its memory back, whether it succeeds or not, and nothing traps.
    @Test func mutatedFramesNeitherLeakNorTrap() throws {
        var seeds: [[UInt8]] = []
        for run in ["1.13.3/py120_v0_misc", "1.8.4/py120_v0", "1.11.0/py120_v0_kill"] {
            seeds += try RecordedFrame.frames(of: run).map(\.bytes)
        }
        let ledger = WireArena.Ledger()
        var random = SeededRandom(seed: 20_260)
        var accepted = 0
        for round in 0..<40_000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = seeds[round / 2 % seeds.count]
                for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
            } else {
                bytes = random.bytes(Int.random(in: 0..<64, using: &random))
            }
            if let message = try? SignalResponseFrame(frame: bytes, ledger: ledger).message {
                _ = message.encoded
                accepted += 1
            }
            if round % 4 == 0 {
                _ = try? SignalRequestFrame(frame: bytes, ledger: ledger)
                _ = try? DataPacket(frame: bytes, ledger: ledger)
            }
        }
        #expect(ledger.blocks == 0)
        #expect(accepted > 2_000, "the mutations are so wild that nothing is reached")
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: place)
        case 3: bytes.removeSubrange(place...)
        default:
            let end = min(bytes.count, place + Int.random(in: 1...32, using: &random))
            bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
    }
}

@Suite struct SecretTextTests {
    /// Whoever logs an event or a message whole gives nothing away.
    @Test func secretsOfMessagesAreNotPrinted() {
        var join = JoinResponse()
        join.room.turnPassword = "hidden-1"
        var server = ICEServerInfo()
        server.credential = "hidden-2"
        join.iceServers = [server]
        var moved = RoomMoved()
        moved.token = "hidden-3"
        let messages: [SignalResponse] = [
            .join(join), .roomMoved(moved), .refreshToken("hidden-4"),
        ]
        var printed = "\(messages) \(String(reflecting: messages)) \(SessionEvent.joined(join))"
        dump(messages, to: &printed)
        #expect(!printed.contains("hidden"))
        #expect(printed.contains("<redacted>"))
        #expect((try? SignalResponse(decoding: messages[2].encoded)) == messages[2])
    }
}
