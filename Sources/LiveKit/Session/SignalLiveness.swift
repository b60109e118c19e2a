// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Knows when to ping and when signalling is dead.
///
/// Whatever is received moves the deadline; what is sent never does, or a dead link would look
/// alive for ever.
struct SignalLiveness {
    private let interval: Duration
    private let timeout: Duration
    private var nextPing: Instant?
    private var silentSince: Instant?
    private var lastPing: Instant?
    /// The last round trip, in milliseconds; 0 before the first.
    private(set) var roundTrip: Int64 = 0

    /// Starts with a ping.
    ///
    /// - Parameters:
    ///   - intervalSeconds: between pings; 0 for none.
    ///   - timeoutSeconds: of silence that mean a dead link; 0 for never.
    ///   - now: when the join came.
    init(intervalSeconds: Int32, timeoutSeconds: Int32, at now: Instant) {
        interval = .seconds(max(0, intervalSeconds))
        timeout = .seconds(max(0, timeoutSeconds))
        // Both or neither: without pings a healthy server may be silent for longer.
        let isOn = intervalSeconds > 0 && timeoutSeconds > 0
        nextPing = isOn ? now : nil
        silentSince = isOn ? now : nil
    }

    /// When something is due.
    var deadline: Instant? { soonest(nextPing, silentSince.map { $0 + timeout }) }

    /// A frame came.
    mutating func frameReceived(at now: Instant) {
        if silentSince != nil { silentSince = now }
    }

    /// The answer to a ping came.
    mutating func pongReceived(timestamp: Int64, at now: Instant) {
        guard let sent = lastPing, Self.milliseconds(sent) == timestamp else { return }
        roundTrip = (now - sent).nanoseconds / 1_000_000
        lastPing = nil
    }

    /// Whether the link is dead.
    func isDead(at now: Instant) -> Bool {
        silentSince.map { now >= $0 + timeout } ?? false
    }

    /// The timestamp of a ping that is due.
    mutating func ping(at now: Instant) -> Int64? {
        guard let due = nextPing, now >= due else { return nil }
        nextPing = now + interval
        lastPing = now
        return Self.milliseconds(now)
    }

    private static func milliseconds(_ instant: Instant) -> Int64 {
        Int64(clamping: instant.nanoseconds / 1_000_000)
    }
}
