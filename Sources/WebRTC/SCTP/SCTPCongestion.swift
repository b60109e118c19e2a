// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Congestion window (RFC 9260 section 7.2), in bytes of DATA chunks with headers.
struct SCTPCongestion: Sendable {
    private(set) var window = SCTPCongestion.windowInitial
    private(set) var slowStartThreshold = Int.max
    /// Fast recovery lasts until this TSN is acknowledged; nil outside it.
    private(set) var recoveryPoint: SCTPTSN?
    /// One packet of retransmissions may go out whatever the window says.
    var isFastRetransmitPending = false
    private var partlyAcknowledged = 0

    /// Ten packets, as dcsctp and RFC 6928.
    static let windowInitial = 10 * SCTPSize.segment
    /// The floor after a loss, as dcsctp: a window of one packet makes each further loss a
    /// timeout.
    static let windowMin = 4 * SCTPSize.segment
    /// No peer has a larger receive window that matters; also bounds what we hold for resending.
    static let windowMax = 1 << 20
    /// Packets sent at one event, so that a large window does not leave as one burst.
    static let burstMax = 4
    /// The same with nothing on the wire.
    static let burstInitialMax = 10

    /// Whether a loss was answered and not yet overcome.
    var isInRecovery: Bool { recoveryPoint != nil }

    /// `count` bytes were acknowledged cumulatively; the window grows if it was used up.
    mutating func acknowledged(_ count: Int, cumulative: SCTPTSN, wasFull: Bool) {
        if let point = recoveryPoint {
            if cumulative >= point { recoveryPoint = nil }
            return
        }
        guard wasFull else { return }
        if window <= slowStartThreshold {
            window += min(count, SCTPSize.segment)
        } else {
            partlyAcknowledged += count
            if partlyAcknowledged >= window {
                partlyAcknowledged -= window
                window += SCTPSize.segment
            }
        }
        window = min(window, Self.windowMax)
    }

    /// A chunk was found lost by SACKs; one reaction a window.
    mutating func lossDetected(highestSent: SCTPTSN) {
        guard recoveryPoint == nil else { return }
        recoveryPoint = highestSent
        slowStartThreshold = max(window / 2, Self.windowMin)
        window = slowStartThreshold
        partlyAcknowledged = 0
        isFastRetransmitPending = true
    }

    /// The retransmission timer ran out.
    mutating func timedOut() {
        slowStartThreshold = max(window / 2, Self.windowMin)
        window = SCTPSize.segment
        partlyAcknowledged = 0
        recoveryPoint = nil
        isFastRetransmitPending = false
    }

    /// Nothing was sent for a timeout: what the window knew is old.
    mutating func becameIdle() {
        window = min(window, Self.windowInitial)
        partlyAcknowledged = 0
    }
}
