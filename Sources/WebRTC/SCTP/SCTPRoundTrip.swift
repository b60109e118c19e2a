// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Round-trip estimate and retransmission timeout (RFC 9260 section 6.3.1, RFC 6298).
struct SCTPRoundTrip: Sendable {
    /// The smoothed round trip; nil before the first sample.
    private(set) var smoothed: Duration?
    /// The shortest round trip seen.
    private(set) var shortest: Duration?
    /// The timeout, doublings included.
    private(set) var timeout = SCTPRoundTrip.timeoutInitial
    private var variation: Duration = .zero
    private var floor = SCTPRoundTrip.timeoutMin

    /// Before the first sample, and after a path change.
    static let timeoutInitial: Duration = .milliseconds(500)
    /// Above the 200 ms for which pion and dcsctp delay a SACK.
    static let timeoutMin: Duration = .milliseconds(220)
    /// The floor for a peer that let us time out too early once: dcsctp's own.
    static let timeoutMinCautious: Duration = .milliseconds(400)
    /// RFC 9260 has 60 s, with which an outage of half a minute lasts a minute.
    static let timeoutMax: Duration = .seconds(4)

    /// Takes a sample from a chunk that was sent once and acknowledged at once.
    mutating func sample(_ measured: Duration) {
        let measured = max(measured, .microseconds(1))
        shortest = min(shortest ?? measured, measured)
        if let previous = smoothed {
            let error = previous > measured ? previous - measured : measured - previous
            variation = (variation * 3 + error) / 4
            smoothed = (previous * 7 + measured) / 8
        } else {
            smoothed = measured
            variation = measured / 2
        }
        settle()
    }

    /// The timer ran out: wait twice as long.
    mutating func backOff() {
        timeout = min(timeout * 2, Self.timeoutMax)
    }

    /// New data was acknowledged: the doublings end.
    mutating func settle() {
        guard let smoothed else {
            timeout = Self.timeoutInitial
            return
        }
        timeout = min(max(smoothed + variation * 4, floor), Self.timeoutMax)
    }

    /// A timeout proved premature.
    mutating func becomeCautious() {
        floor = Self.timeoutMinCautious
    }

    /// The path changed: what was measured means nothing any more.
    mutating func restart() {
        smoothed = nil
        shortest = nil
        variation = .zero
        timeout = Self.timeoutInitial
    }
}
