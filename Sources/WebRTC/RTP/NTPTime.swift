// SPDX-License-Identifier: Apache-2.0
public import Base

/// A time stamp of NTP: 32 bits of seconds since 1900, 32 bits of fraction (RFC 3550 section 4).
public struct NTPTime: Hashable, Sendable {
    /// Seconds in the upper, fraction in the lower half.
    public var bits: UInt64

    /// Creates a time stamp from its 64 bits.
    public init(bits: UInt64) {
        self.bits = bits
    }

    /// Seconds from 1900 to 1970.
    static let secondsToUnix: UInt64 = 2_208_988_800

    /// Creates a time stamp from civil time and a duration after it.
    public init(_ wall: WallClock, plus duration: Duration = .zero) {
        let start = Int64(clamping: wall.unixMilliseconds).multipliedReportingOverflow(
            by: 1_000_000)
        let (total, overflow) = start.partialValue.addingReportingOverflow(duration.nanoseconds)
        guard !start.overflow, !overflow, total >= 0 else {
            bits = Self.secondsToUnix << 32
            return
        }
        let nanoseconds = UInt64(total)
        let seconds = nanoseconds / 1_000_000_000 &+ Self.secondsToUnix
        let fraction = (nanoseconds % 1_000_000_000) << 32 / 1_000_000_000
        bits = seconds << 32 | fraction
    }

    /// The time stamp so much later.
    func advanced(by duration: Duration) -> NTPTime {
        let nanoseconds = max(0, duration.nanoseconds)
        let seconds = UInt64(nanoseconds / 1_000_000_000)
        let fraction = UInt64(nanoseconds % 1_000_000_000) << 32 / 1_000_000_000
        return NTPTime(bits: bits &+ seconds << 32 &+ fraction)
    }

    /// The middle 32 bits: 16 of seconds, 16 of fraction; what LSR and LRR carry.
    public var middle: UInt32 { UInt32(truncatingIfNeeded: bits >> 16) }

    /// Milliseconds since 1970, the fraction dropped; before 2036 only.
    public var wallClock: WallClock {
        let seconds = Int64(bits >> 32) - Int64(Self.secondsToUnix)
        let milliseconds = Int64(((bits & 0xFFFF_FFFF) * 1_000) >> 32)
        return WallClock(unixMilliseconds: seconds * 1_000 + milliseconds)
    }
}

extension Duration {
    /// The duration in units of 1/65,536 s, as RTCP's delays count (RFC 3550 section 6.4.1).
    public var rtcpUnits: UInt32 {
        let nanoseconds = max(0, self.nanoseconds)
        // Beyond 18 hours the field is full.
        guard nanoseconds < 65_535 * 1_000_000_000 else { return .max }
        return UInt32(truncatingIfNeeded: nanoseconds / 1_000 * 65_536 / 1_000_000)
    }

    /// The duration of `units` of 1/65,536 s.
    public init(rtcpUnits units: UInt32) {
        self = .nanoseconds(Int64(units) * 1_000_000_000 / 65_536)
    }
}

/// Ties the monotonic clock to civil time once, so that reports never jump when civil time does.
public struct NTPMapping: Hashable, Sendable {
    private let instant: Instant
    private let wall: WallClock

    /// States that `instant` is `wall`.
    public init(_ instant: Instant, is wall: WallClock) {
        self.instant = instant
        self.wall = wall
    }

    /// The NTP time of an instant.
    public func time(at now: Instant) -> NTPTime {
        NTPTime(wall, plus: now - instant)
    }
}
