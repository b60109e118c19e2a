// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import DevServer

@Suite struct LineLimitTests {
    private static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: UInt64(1_000 + milliseconds) * 1_000_000)
    }

    @Test func aFloodIsToldByItsBeginningAndThenAtAWalkingPace() {
        var limit = LineLimit()
        // A thousand a second for a minute.
        let written = (0..<60_000).count { limit.admits(at: Self.at(Int64($0))) }
        #expect(written == LineLimit.burst + 119)
    }

    @Test func whatComesAtAHumanPaceIsToldWhole() {
        var limit = LineLimit()
        let written = (0..<1_000).count { limit.admits(at: Self.at(Int64($0) * 500)) }
        #expect(written == 1_000)
    }

    @Test func aPauseBringsTheBurstBackAndNoMore() {
        var limit = LineLimit()
        for _ in 0..<100 { _ = limit.admits(at: Self.at(0)) }
        let after = (0..<100).count { _ in limit.admits(at: Self.at(86_400_000)) }
        #expect(after == LineLimit.burst)
    }
}
