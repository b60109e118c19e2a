// SPDX-License-Identifier: Apache-2.0
public import Base

/// The receiving end of one source: statistics, packets in order, requests for lost ones.
///
/// Contract: one mutation, then ``poll()`` until nil, then one timer at ``deadline``.
public struct RTPReceiveStream: Sendable {
    /// What comes out.
    public enum Output: Hashable, Sendable {
        /// The next packet of the track, or a gap before it.
        case media(RTPReorderBuffer.Output)
        /// Ask the sender for these sequence numbers.
        case request([UInt16])
    }

    /// Counts of what came.
    public private(set) var statistics: RTPReceiveStatistics
    /// Nil passes every packet as it comes.
    private var reorder: RTPReorderBuffer?
    private var passing: RTPReceivedPacket?
    private var losses: RTPLossRequests?
    private var requested: [UInt16] = []
    /// The last known round trip, for the pace of requests.
    public var roundTrip: Duration?

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - ssrc: its source.
    ///   - clockRate: ticks a second.
    ///   - patience: how long a packet waits for those before it; nil passes packets in the order
    ///     in which they come, late ones too, for a forwarder whose receivers sort.
    ///   - requestsLosses: whether NACKs were agreed.
    public init(ssrc: UInt32, clockRate: UInt32, patience: Duration?, requestsLosses: Bool) {
        statistics = RTPReceiveStatistics(ssrc: ssrc, clockRate: clockRate)
        reorder = patience.map { RTPReorderBuffer(patience: $0) }
        losses = requestsLosses ? RTPLossRequests() : nil
    }

    /// Takes a packet of this source, after SRTP.
    public mutating func receive(
        _ packet: RTPPacket, audioLevel: RTPAudioLevel?, at now: Instant
    ) {
        let sequence = statistics.received(
            packet.header, octets: packet.payloadRange.count, at: now)
        guard let sequence else { return }
        losses?.received(sequence, at: now)
        let received = RTPReceivedPacket(
            sequence: sequence, timestamp: packet.header.timestamp,
            isMarked: packet.header.marker, payload: Array(packet.payload),
            audioLevel: audioLevel, arrivedAt: now)
        guard reorder != nil else {
            passing = received
            return
        }
        reorder?.insert(received)
        if let passed = reorder?.passedSequence { losses?.passed(passed) }
    }

    /// Takes a sender report of this source.
    public mutating func receive(_ report: RTCPSenderReport, at now: Instant) {
        statistics.received(report, at: now)
    }

    /// The block for the next receiver report; starts a new interval.
    public mutating func reportBlock(at now: Instant) -> RTCPReportBlock? {
        statistics.reportBlock(at: now)
    }

    /// When ``tick(at:)`` has something to do.
    public var deadline: Instant? { soonest(reorder?.deadline, losses?.deadline) }

    /// Gives up and asks for what is due.
    public mutating func tick(at now: Instant) {
        reorder?.tick(at: now)
        if let passed = reorder?.passedSequence { losses?.passed(passed) }
        if let numbers = losses?.due(at: now, roundTrip: roundTrip), !numbers.isEmpty {
            requested = numbers
        }
    }

    /// Packets given up as lost, and packets that came too late or twice.
    public var lateAndLost: (late: Int, lost: Int) {
        (reorder?.lateCount ?? 0, reorder?.lostCount ?? 0)
    }

    /// The next output.
    public mutating func poll() -> Output? {
        if let packet = passing {
            passing = nil
            return .media(.packet(packet))
        }
        if let output = reorder?.poll() { return .media(output) }
        guard !requested.isEmpty else { return nil }
        defer { requested = [] }
        return .request(requested)
    }
}
