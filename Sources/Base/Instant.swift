// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock, in nanoseconds since an arbitrary start.
///
/// The product fills it from CLOCK_BOOTTIME, so that a suspended laptop counts as time passed;
/// tests fill it from a counter. Pure code takes it as an argument and never reads a clock.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public let nanoseconds: UInt64

    /// The clock's start.
    public static let zero = Instant(nanoseconds: 0)

    /// Creates an instant from nanoseconds since the clock's start.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether the left instant is earlier.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The instant `duration` later; never before the clock's start.
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let delta = duration.nanoseconds
        if delta >= 0 {
            let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(UInt64(delta))
            return Instant(nanoseconds: overflow ? .max : sum)
        }
        let back = delta.magnitude
        return Instant(nanoseconds: back > instant.nanoseconds ? 0 : instant.nanoseconds - back)
    }

    /// The instant `duration` earlier; never before the clock's start.
    public static func - (instant: Instant, duration: Duration) -> Instant {
        instant + (.zero - duration)
    }

    /// The signed time from `earlier` to `later`.
    public static func - (later: Instant, earlier: Instant) -> Duration {
        if later.nanoseconds >= earlier.nanoseconds {
            return .nanoseconds(Int64(clamping: later.nanoseconds - earlier.nanoseconds))
        }
        return .nanoseconds(-Int64(clamping: earlier.nanoseconds - later.nanoseconds))
    }

    /// Moves the instant by `duration`.
    public static func += (instant: inout Instant, duration: Duration) {
        instant = instant + duration
    }
}

extension Duration {
    /// The whole duration in nanoseconds, clamped to 292 years either way.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, wrapped) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return wrapped ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in milliseconds, with its fraction.
    public var milliseconds: Double { Double(nanoseconds) / 1e6 }

    /// The duration in seconds, with its fraction.
    public var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// The earlier of two optional deadlines; nil means none.
public func soonest(_ first: Instant?, _ second: Instant?) -> Instant? {
    guard let first else { return second }
    guard let second else { return first }
    return min(first, second)
}

/// Civil time: milliseconds since 1970-01-01 UTC. For sender reports, tokens and logs only; never
/// for measuring a wait.
public struct WallClock: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01 UTC.
    public let unixMilliseconds: Int64

    /// Creates a civil time from milliseconds since 1970-01-01 UTC.
    public init(unixMilliseconds: Int64) {
        self.unixMilliseconds = unixMilliseconds
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down.
    public var unixSeconds: Int64 {
        Int64((Double(unixMilliseconds) / 1000).rounded(.down))
    }

    /// Whether the left time is earlier.
    public static func < (left: WallClock, right: WallClock) -> Bool {
        left.unixMilliseconds < right.unixMilliseconds
    }
}
