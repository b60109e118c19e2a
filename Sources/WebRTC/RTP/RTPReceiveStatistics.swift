// SPDX-License-Identifier: Apache-2.0
public import Base

/// Extends 16-bit sequence numbers by the count of wraps (RFC 3550 appendix A.1).
///
/// SRTP has proved who sent the packet, so there is no probation of a new source; a jump is still
/// believed only when a second packet confirms it.
public struct RTPSequence: Sendable {
    /// A step ahead beyond which a packet must be confirmed (RFC 3550: MAX_DROPOUT).
    static let dropoutMax = 3_000
    /// A step back beyond which a packet must be confirmed (RFC 3550: MAX_MISORDER).
    static let misorderMax = 100

    /// The highest extended number so far; nil before the first packet.
    public private(set) var highest: Int64?
    /// The first extended number of the current run.
    public private(set) var base: Int64 = 0
    /// Times that a jump was believed.
    public private(set) var restartCount = 0
    private var suspect: UInt16?

    /// Creates a sequence that has seen nothing.
    public init() {}

    /// The extended number of a packet; nil when it is a jump that awaits confirmation.
    public mutating func extend(_ number: UInt16) -> Int64? {
        guard let highest else {
            self.highest = Int64(number)
            base = Int64(number)
            return Int64(number)
        }
        let last = UInt16(truncatingIfNeeded: highest)
        let delta = Int(Int16(bitPattern: number &- last))
        if delta >= Self.dropoutMax || delta <= -Self.misorderMax {
            guard suspect == number else {
                suspect = number &+ 1
                return nil
            }
            suspect = nil
            restartCount += 1
            // The next multiple of 2^16 keeps the low bits and never goes back.
            let restarted = (highest >> 16 + 1) << 16 | Int64(number)
            self.highest = restarted
            base = restarted
            return restarted
        }
        suspect = nil
        let extended = highest + Int64(delta)
        if delta > 0 { self.highest = extended }
        return extended
    }
}

/// Counts what comes of one source, for report blocks (RFC 3550 appendices A.1, A.3, A.8).
public struct RTPReceiveStatistics: Sendable {
    /// The source.
    public let ssrc: UInt32
    /// Ticks a second of its clock.
    public let clockRate: UInt32
    /// Packets that came, duplicates included.
    public private(set) var receivedCount: Int64 = 0
    /// Payload bytes of them.
    public private(set) var octetCount: Int64 = 0
    /// Sequence numbers, extended.
    public private(set) var sequence = RTPSequence()
    /// The source's last sender report, and when it came.
    public private(set) var senderReport: (report: RTCPSenderReport, at: Instant)?

    private var receivedSinceBase: Int64 = 0
    private var expectedPrior: Int64 = 0
    private var receivedPrior: Int64 = 0
    /// Jitter in 1/16 tick, as appendix A.8 keeps it against rounding.
    private var scaledJitter: Int64 = 0
    private var lastTransit: Int32?

    /// Creates statistics of a source that has sent nothing yet.
    public init(ssrc: UInt32, clockRate: UInt32) {
        self.ssrc = ssrc
        self.clockRate = clockRate
    }

    /// Counts a packet; returns its extended sequence number, nil for an unconfirmed jump.
    public mutating func received(
        _ header: RTPHeader, octets: Int, at now: Instant
    ) -> Int64? {
        let restarts = sequence.restartCount
        guard let extended = sequence.extend(header.sequenceNumber) else { return nil }
        if sequence.restartCount != restarts {
            receivedSinceBase = 0
            expectedPrior = 0
            receivedPrior = 0
            lastTransit = nil
        }
        receivedCount += 1
        receivedSinceBase += 1
        octetCount += Int64(octets)
        let arrival = UInt32(truncatingIfNeeded: ticks(now))
        let transit = Int32(bitPattern: arrival &- header.timestamp)
        if let lastTransit {
            let change = Int64((transit &- lastTransit).magnitude)
            scaledJitter += change - (scaledJitter + 8) >> 4
        }
        lastTransit = transit
        return extended
    }

    /// Keeps a sender report of this source.
    public mutating func received(_ report: RTCPSenderReport, at now: Instant) {
        senderReport = (report, now)
    }

    /// Packets that should have come.
    public var expectedCount: Int64 {
        guard let highest = sequence.highest else { return 0 }
        return highest - sequence.base + 1
    }

    /// Packets lost; negative where duplicates outweigh losses.
    public var lostCount: Int64 { expectedCount - receivedSinceBase }

    /// Interarrival jitter in ticks.
    public var jitter: UInt32 { UInt32(clamping: scaledJitter >> 4) }

    /// Interarrival jitter in time.
    public var jitterTime: Duration {
        .nanoseconds(Int64(jitter) * 1_000_000_000 / Int64(max(1, clockRate)))
    }

    /// The block for the next report; starts a new interval. Nil before the first packet.
    public mutating func reportBlock(at now: Instant) -> RTCPReportBlock? {
        guard let highest = sequence.highest else { return nil }
        let expected = expectedCount
        let expectedInterval = expected - expectedPrior
        let lostInterval = expectedInterval - (receivedSinceBase - receivedPrior)
        expectedPrior = expected
        receivedPrior = receivedSinceBase
        var fraction: UInt8 = 0
        if expectedInterval > 0, lostInterval > 0 {
            fraction = UInt8(clamping: lostInterval << 8 / expectedInterval)
        }
        return RTCPReportBlock(
            ssrc: ssrc, fractionLost: fraction,
            cumulativeLost: Int32(min(max(lostCount, -0x80_0000), 0x7F_FFFF)),
            highestSequence: UInt32(truncatingIfNeeded: highest), jitter: jitter,
            lastSenderReport: senderReport?.report.ntpTime.middle ?? 0,
            delaySinceLastSenderReport: senderReport.map { (now - $0.at).rtcpUnits } ?? 0)
    }

    private func ticks(_ instant: Instant) -> UInt64 {
        let seconds = instant.nanoseconds / 1_000_000_000
        let rest = instant.nanoseconds % 1_000_000_000
        return seconds &* UInt64(clockRate) &+ rest &* UInt64(clockRate) / 1_000_000_000
    }
}
