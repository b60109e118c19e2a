// SPDX-License-Identifier: Apache-2.0
internal import Base

/// What somebody may still do: so much at once, and then as much as time brings back.
///
/// A value without a clock. What is spent is not refused here and may be more than is left; the
/// next one then waits until that is made up for.
struct Allowance {
    private let interval: Duration
    private let burst: Duration
    /// Up to when all that time brings is spent.
    private var spentUntil = Instant.zero

    /// Begins with all of it.
    ///
    /// - Parameters:
    ///   - units: at once.
    ///   - rate: what a second brings back.
    init(_ units: Int, perSecond rate: Int) {
        interval = .nanoseconds(1_000_000_000 / rate)
        burst = interval * units
    }

    /// When one unit is left; in the past while it is.
    var readyAt: Instant { spentUntil + interval - burst }

    /// Whether anything is left.
    func isLeft(at now: Instant) -> Bool { readyAt <= now }

    /// Takes so many units off.
    mutating func spend(_ units: Int, at now: Instant) {
        spentUntil = max(spentUntil, now) + interval * units
    }
}
