// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import TokenIssuer

@Suite struct RateLimitTests {
    private func time(_ milliseconds: Int64) -> WallClock {
        WallClock(unixMilliseconds: 1_800_000_000_000 + milliseconds)
    }

    @Test func aMinutesWorthMayComeAtOnceAndThenEvenly() {
        let limit = RateLimit(perMinute: 60)
        let caller = IPAddress.v4(0xCB00_7109)
        for _ in 0..<60 { #expect(limit.wait(for: caller, at: time(0)) == nil) }
        #expect(limit.wait(for: caller, at: time(0)) == 1)
        #expect(limit.wait(for: caller, at: time(999)) == 1)
        #expect(limit.wait(for: caller, at: time(1_000)) == nil)
        #expect(limit.wait(for: caller, at: time(1_000)) == 1)
        // Rest is saved up for a minute, not longer.
        for _ in 0..<60 { #expect(limit.wait(for: caller, at: time(3_600_000)) == nil) }
        #expect(limit.wait(for: caller, at: time(3_600_000)) == 1)
    }

    @Test func aClockThatIsSetBackGivesNothingAndTakesNothing() {
        let limit = RateLimit(perMinute: 2)
        let caller = IPAddress.v4(1)
        #expect(limit.wait(for: caller, at: time(100_000)) == nil)
        #expect(limit.wait(for: caller, at: time(0)) == nil)
        #expect(limit.wait(for: caller, at: time(0)) == 30)
        #expect(limit.wait(for: caller, at: time(30_000)) == nil)
    }

    @Test func zeroLimitsNobody() {
        let limit = RateLimit(perMinute: 0)
        for _ in 0..<10_000 { #expect(limit.wait(for: .v4(1), at: time(0)) == nil) }
    }

    @Test func anIPv6NetworkIsOneCallerAndAMappedAddressItsIPv4One() {
        let limit = RateLimit(perMinute: 1)
        let high: UInt64 = 0x2001_0DB8_0000_0001
        #expect(limit.wait(for: .v6(high: high, low: 1), at: time(0)) == nil)
        #expect(limit.wait(for: .v6(high: high, low: 2), at: time(0)) == 60)
        #expect(limit.wait(for: .v6(high: high + 1, low: 1), at: time(0)) == nil)
        #expect(limit.wait(for: .v4(0xCB00_7109), at: time(0)) == nil)
        #expect(limit.wait(for: .v6(high: 0, low: 0xFFFF_CB00_7109), at: time(0)) == 60)
    }

    @Test func aFloodFromEverywhereIsOneCallerOnceTheTableIsFull() {
        let limit = RateLimit(perMinute: 2)
        for number in 1...UInt32(RateLimit.callersMax) {
            #expect(limit.wait(for: .v4(number), at: time(0)) == nil)
        }
        let late = (1...6).map { limit.wait(for: .v4(0xF000_0000 + $0), at: time(0)) }
        #expect(late.filter { $0 == nil }.count <= 2)
        // Those who were there keep their own; and what rests is forgotten.
        #expect(limit.wait(for: .v4(7), at: time(0)) == nil)
        for number in 1...6 as ClosedRange<UInt32> {
            #expect(limit.wait(for: .v4(0xF000_0000 + number), at: time(120_000)) == nil)
        }
    }
}
