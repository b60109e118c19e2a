// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Synchronization

/// How many requests one caller may make: for each address a bucket that holds a minute's worth and
/// fills again evenly.
///
/// An IPv6 caller is its /64, since a household or a server has all of one.
final class RateLimit: Sendable {
    /// Addresses remembered at once, a few megabytes. Those that come on top, in a flood from many
    /// places, share one bucket until others are full again and forgotten.
    static let callersMax = 20_000

    private struct Bucket {
        /// Requests that may still be made.
        var level: Double
        var seen: WallClock
    }

    private struct State {
        var buckets: [IPAddress: Bucket] = [:]
        var swept: WallClock?
    }

    private let perMinute: Double
    private let state = Mutex(State())

    /// Limits to so many requests a minute; 0 limits nobody.
    init(perMinute: Int) {
        self.perMinute = Double(perMinute)
    }

    /// Counts a request.
    ///
    /// - Returns: nil when it may be answered, else the seconds after which one may be.
    func wait(for caller: IPAddress, at now: WallClock) -> Int? {
        guard perMinute > 0 else { return nil }
        return state.withLock { state in
            let key = bucketKey(caller, in: &state, at: now)
            var bucket = state.buckets[key] ?? Bucket(level: perMinute, seen: now)
            bucket.level = level(of: bucket, at: now)
            bucket.seen = now
            let isAllowed = bucket.level >= 1
            if isAllowed { bucket.level -= 1 }
            state.buckets[key] = bucket
            guard !isAllowed else { return nil }
            return max(1, Int(((1 - bucket.level) * 60 / perMinute).rounded(.up)))
        }
    }

    /// What has flowed in since; a clock that was set back adds nothing.
    private func level(of bucket: Bucket, at now: WallClock) -> Double {
        let passed = max(0, now.unixMilliseconds - bucket.seen.unixMilliseconds)
        return min(perMinute, bucket.level + Double(passed) * perMinute / 60_000)
    }

    private func bucketKey(
        _ caller: IPAddress, in state: inout State, at now: WallClock
    ) -> IPAddress {
        let key = Self.network(of: caller)
        guard state.buckets[key] == nil, state.buckets.count >= Self.callersMax else { return key }
        // At most once a second: it looks at all of them.
        if now.unixMilliseconds - (state.swept?.unixMilliseconds ?? .min / 2) >= 1_000 {
            state.swept = now
            state.buckets = state.buckets.filter { level(of: $0.value, at: now) < perMinute }
        }
        return state.buckets.count < Self.callersMax ? key : Self.others
    }

    /// The bucket of those for whom there is no room: an address that nobody calls from.
    private static let others = IPAddress.v4(0)

    private static func network(of caller: IPAddress) -> IPAddress {
        switch caller.unmapped {
        case .v4(let value): .v4(value)
        case .v6(let high, _, _): .v6(high: high, low: 0)
        }
    }
}
