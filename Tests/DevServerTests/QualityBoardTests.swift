// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import DevServer

@Suite struct QualityBoardTests {
    /// A board, and ways whose totals grow.
    private struct Bench {
        var board = QualityBoard()
        var totals: [QualityBoard.Way: QualityBoard.Totals] = [:]
        var seconds: Int64 = 0
        var participants = ["PA_1", "PA_2"]

        static let up = QualityBoard.Way(participant: "PA_1", track: "TR_1", isUp: true)
        static let down = QualityBoard.Way(participant: "PA_2", track: "TR_1", isUp: false)

        /// Five seconds in which so many of 250 packets are lost on a way.
        mutating func pass(
            _ losses: [QualityBoard.Way: Int64], expected: Int64 = 250, cutOff: Set<String> = [],
            _ change: (inout QualityBoard.Totals) -> Void = { _ in }
        ) -> [String] {
            seconds += 5
            for (way, lost) in losses {
                var one = totals[way] ?? QualityBoard.Totals()
                one.expected += expected
                one.lost += lost
                change(&one)
                totals[way] = one
            }
            let ways = totals.map { ($0.key, $0.value) }
            return board.measured(
                ways, cutOff: cutOff, of: participants,
                at: Instant(nanoseconds: UInt64(seconds) * 1_000_000_000))
        }

        func quality(_ sid: String) -> ConnectionQuality { board.grade(of: sid).quality }
    }

    @Test func withoutLossAConnectionIsExcellentAndNothingIsTold() {
        var bench = Bench()
        for _ in 0..<10 {
            let changed = bench.pass([Bench.up: 0, Bench.down: 0])
            #expect(changed.isEmpty)
        }
        #expect(bench.board.grade(of: "PA_1") == QualityBoard.Grade())
        #expect(bench.board.grade(of: "PA_1").score == 4.5)
    }

    @Test func aLossyWayFallsAtOnceAndClimbsSlowly() {
        var bench = Bench()
        _ = bench.pass([Bench.up: 0])
        // 6 %: 32 of 100, of which seven tenths count at once.
        let good = bench.pass([Bench.up: 15])
        #expect(good == ["PA_1"] && bench.quality("PA_1") == .good)
        // A third is lost.
        let poor = bench.pass([Bench.up: 80])
        #expect(poor == ["PA_1"] && bench.quality("PA_1") == .poor)
        var windows = 0
        while bench.quality("PA_1") != .excellent, windows < 20 {
            _ = bench.pass([Bench.up: 0])
            windows += 1
        }
        #expect((3...6).contains(windows), "\(windows)")
        #expect(bench.quality("PA_2") == .excellent)
    }

    /// 3.75 and 11.25 % are where livekit-server's levels lie for Opus with its own repair.
    @Test(
        arguments: zip(
            [9, 11, 27, 30] as [Int64], [.excellent, .good, .good, .poor] as [ConnectionQuality]))
    func aSteadyLossHasItsLevel(lost: Int64, level: ConnectionQuality) {
        var bench = Bench()
        for _ in 0..<12 { _ = bench.pass([Bench.up: lost]) }
        #expect(bench.quality("PA_1") == level)
    }

    @Test func whatNeverCameUpIsNoLossOnTheWayDown() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        // The hole is passed on: the receiver misses the same packets.
        let changed = bench.pass([Bench.up: 100, Bench.down: 100])
        #expect(changed == ["PA_1"])
        #expect(bench.quality("PA_2") == .excellent)
        let lossy = bench.pass([Bench.up: 0, Bench.down: 100])
        #expect(lossy.contains("PA_2") && bench.quality("PA_2") != .excellent)
    }

    @Test func aReceiverThatReportsRarelyIsJudgedByWhatItReports() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        // Two windows without a report of the receiver, while losses come up; then one for all.
        _ = bench.pass([Bench.up: 20])
        _ = bench.pass([Bench.up: 20])
        _ = bench.pass([Bench.up: 20])
        _ = bench.pass([Bench.down: 60], expected: 750)
        #expect(bench.quality("PA_2") == .excellent)
    }

    @Test func aHoleThatIsReportedLateIsStillTheSources() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        _ = bench.pass([Bench.up: 60, Bench.down: 0])
        let changed = bench.pass([Bench.up: 0, Bench.down: 60])
        #expect(!changed.contains("PA_2") && bench.quality("PA_2") == .excellent)
        // Its excuse is used up.
        let own = bench.pass([Bench.up: 0, Bench.down: 60])
        #expect(own.contains("PA_2"))
    }

    @Test func reportsAtTheReceiversOwnPaceExcuseAllTheSame() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        // Nine tenths are lost on the way up; the receiver's windows are of four and of six seconds.
        for _ in 0..<4 {
            for (packets, lost) in [(200, 180), (300, 270)] as [(Int64, Int64)] {
                bench.totals[Bench.up]?.expected += 250
                bench.totals[Bench.up]?.lost += 225
                let changed = bench.pass([Bench.down: lost], expected: packets)
                #expect(!changed.contains("PA_2"))
            }
        }
        #expect(bench.quality("PA_1") == .poor && bench.quality("PA_2") == .excellent)
    }

    @Test func whoSendsNothingIsPoorAndWhoIsMutedIsNot() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0]) }
        let dry = bench.pass([Bench.up: 0], expected: 0)
        #expect(dry == ["PA_1"] && bench.quality("PA_1") == .poor)
        let muted = bench.pass([Bench.up: 0], expected: 0) { $0.isMuted = true }
        #expect(muted == ["PA_1"] && bench.quality("PA_1") == .excellent)
    }

    @Test func whoIsCutOffIsLostUntilItIsBack() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        let lost = bench.pass([Bench.up: 0, Bench.down: 0], cutOff: ["PA_2"])
        #expect(lost == ["PA_2"] && bench.board.grade(of: "PA_2") == .lost)
        let back = bench.pass([Bench.up: 0, Bench.down: 0])
        #expect(back == ["PA_2"] && bench.quality("PA_2") == .excellent)
    }

    @Test func lossesOfATrackThatRestsWeighLittle() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 0]) }
        // Two packets a second, as in silence, a third of them lost.
        for _ in 0..<3 { _ = bench.pass([Bench.up: 3], expected: 10) }
        #expect(bench.quality("PA_1") == .excellent)
    }

    @Test func aTrackThatBeginsAnewHasNoWindowYet() {
        var bench = Bench()
        for _ in 0..<3 { _ = bench.pass([Bench.up: 100]) }
        #expect(bench.quality("PA_1") == .poor)
        bench.totals[Bench.up] = QualityBoard.Totals(expected: 10, lost: 5)
        let changed = bench.pass([:])
        #expect(changed.isEmpty, "what is counted from zero says nothing about five seconds")
    }

    @Test func aLongWayDownOrAnUnsteadyWayUpCosts() {
        var bench = Bench()
        for _ in 0..<8 { _ = bench.pass([Bench.up: 0, Bench.down: 0]) }
        for _ in 0..<8 {
            _ = bench.pass([Bench.up: 0, Bench.down: 0]) { totals in
                totals.jitter = .milliseconds(200)
                totals.roundTrip = .milliseconds(900)
            }
        }
        #expect(bench.quality("PA_1") == .good, "400 ms by jitter")
        #expect(bench.quality("PA_2") == .good, "450 ms one way")
    }
}
