// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import DevServer

@Suite struct SpeakerBoardTests {
    private static func play(
        _ board: inout SpeakerBoard, _ sid: String, level: UInt8, from start: Int64, _ packets: Int
    ) {
        for step in 0..<packets {
            board.heard(sid, level: level, now: at(start + Int64(step) * 20))
        }
    }

    private static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: UInt64(1_000 + milliseconds) * 1_000_000)
    }

    /// Ends the window under way.
    private static func end(_ board: inout SpeakerBoard) -> [SpeakerInfo] {
        guard let due = board.deadline else { return [] }
        return board.tick(now: due)
    }

    /// A tone at −15 dBov, as it came out of livekit-server 1.13: an eighth, then two.
    @Test func aToneRisesInStepsAsTheRealServersDoes() {
        var board = SpeakerBoard()
        Self.play(&board, "PA_1", level: 15, from: 0, 20)
        let first = Self.end(&board)
        #expect(first.map(\.level) == [0.125] && first.map(\.isActive) == [true])
        Self.play(&board, "PA_1", level: 15, from: 400, 20)
        let second = Self.end(&board)
        #expect(second.map(\.level) == [0.25])
        Self.play(&board, "PA_1", level: 15, from: 800, 20)
        let third = Self.end(&board)
        #expect(third.isEmpty, "nothing changed")
        let last = Self.end(&board)
        #expect(last.map(\.level) == [0] && last.map(\.isActive) == [false])
        #expect(board.deadline == nil, "all are silent, and told so")
    }

    @Test func aCoughAndANoiseFloorAreNoSpeech() {
        var board = SpeakerBoard()
        Self.play(&board, "PA_1", level: 5, from: 0, SpeakerBoard.activePackets - 1)
        let told = Self.end(&board)
        #expect(told.isEmpty)
        Self.play(&board, "PA_2", level: 36, from: 400, 20)
        #expect(board.deadline == nil)
    }

    @Test func itIsNotDueBeforeItsTime() {
        var board = SpeakerBoard()
        Self.play(&board, "PA_1", level: 5, from: 0, 20)
        let told = board.tick(now: Self.at(399))
        #expect(told.isEmpty)
    }
}
