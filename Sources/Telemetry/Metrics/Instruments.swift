// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// A number that only grows.
///
/// Any thread may add; it costs one atomic addition.
public final class Counter: Sendable {
    private let total = Atomic<UInt64>(0)

    /// Creates a counter at 0, not yet in any registry.
    public init() {}

    /// What was counted so far.
    public var value: UInt64 { total.load(ordering: .relaxed) }

    /// Counts `amount` more.
    public func add(_ amount: UInt64 = 1) {
        total.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// A number that goes up and down.
///
/// Any thread may change it.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// Creates a gauge at 0, not yet in any registry.
    public init() {}

    /// The present value.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Replaces the value.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Adds to the value; negative amounts lower it.
    public func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}

/// How often values fell into each of a few ranges.
///
/// Any thread may record; a short lock is taken.
public final class Histogram: Sendable {
    /// What a histogram held at one moment.
    public struct Snapshot: Hashable, Sendable {
        /// Upper bounds of the buckets, rising; the last bucket, above them all, has none.
        public let bounds: [Double]
        /// Values in each bucket (not summed up), one more than there are bounds.
        public let counts: [UInt64]
        /// The sum of all values.
        public let sum: Double
        /// The largest value; 0 when there is none.
        public let max: Double

        /// The number of values.
        public var count: UInt64 { counts.reduce(0, &+) }

        /// The upper bound of the bucket in which the `share` (0…1) of all values is reached; the
        /// largest value if that is the last bucket, nil without values.
        public func quantile(_ share: Double) -> Double? {
            guard count > 0 else { return nil }
            let rank = Swift.max(1, (share * Double(count)).rounded(.up))
            var reached = 0.0
            for (bound, number) in zip(bounds, counts) {
                reached += Double(number)
                if reached >= rank { return Swift.min(bound, self.max) }
            }
            return self.max
        }
    }

    private struct State {
        var counts: [UInt64]
        var sum = 0.0
        var max = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    /// Creates an empty histogram whose buckets end at `bounds`, which must rise.
    public init(bounds: [Double]) {
        precondition(
            zip(bounds, bounds.dropFirst()).allSatisfy(<), "a histogram's bounds must rise")
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one value.
    ///
    /// What is not finite is left out.
    public func record(_ value: Double) {
        guard value.isFinite else { return }
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        state.withLock {
            $0.counts[bucket] &+= 1
            $0.sum += value
            $0.max = Swift.max($0.max, value)
        }
    }

    /// What it holds now.
    public var snapshot: Snapshot {
        state.withLock { Snapshot(bounds: bounds, counts: $0.counts, sum: $0.sum, max: $0.max) }
    }
}
