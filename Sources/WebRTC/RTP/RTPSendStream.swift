// SPDX-License-Identifier: Apache-2.0
public import Base

/// What a remote receiver told about a stream of ours.
public struct RTPRemoteReport: Hashable, Sendable {
    /// Share of packets lost since its report before, 0 to 1.
    public var fractionLost: Double
    /// Packets lost in all, less duplicates.
    public var cumulativeLost: Int32
    /// The highest sequence number that came, and the count of wraps above it.
    public var highestSequence: UInt32
    /// Interarrival jitter.
    public var jitter: Duration
    /// Round trip by LSR and DLSR (RFC 3550 section 6.4.1); nil before the first SR came back.
    public var roundTrip: Duration?
}

/// The clock of who made a stream that we pass on, as its own sender report told it.
public struct RTPForeignClock: Hashable, Sendable {
    /// Its civil time.
    public var ntpTime: NTPTime
    /// The stream's timestamp at that time, as our receivers see it.
    public var timestamp: UInt32
    /// When the report came.
    public var receivedAt: Instant

    /// Joins the three.
    public init(ntpTime: NTPTime, timestamp: UInt32, receivedAt: Instant) {
        self.ntpTime = ntpTime
        self.timestamp = timestamp
        self.receivedAt = receivedAt
    }

    /// Both clocks now: what the report said, and the time since.
    func reading(at now: Instant, rate: UInt32) -> (NTPTime, UInt32) {
        let elapsed = max(.zero, now - receivedAt)
        // A day of nanoseconds times the rate would not fit 64 bits.
        let seconds = elapsed.nanoseconds / 1_000_000_000
        let rest = elapsed.nanoseconds % 1_000_000_000
        let ticks = seconds &* Int64(rate) &+ rest &* Int64(rate) / 1_000_000_000
        return (
            ntpTime.advanced(by: elapsed), timestamp &+ UInt32(truncatingIfNeeded: ticks)
        )
    }
}

/// The sending end of one audio source: sequence numbers, header extensions, history, reports.
///
/// One call makes the packet, the caller protects and records it. It allocates the packet and
/// nothing else.
public struct RTPSendStream: Sendable {
    /// Whose clock sender reports tell: nil for our own.
    public var foreignClock: RTPForeignClock?
    /// The stream's source.
    public let ssrc: UInt32
    /// The canonical name in SDES.
    public let cname: String
    /// Ticks a second of the stream's clock.
    public let clockRate: UInt32
    /// The agreed payload type.
    public var payloadType: UInt8
    /// The agreed numbers of header extensions.
    public var extensionIDs: RTPExtensionIDs {
        didSet { needsTwoByteForm = Self.needsTwoByteForm(extensionIDs, mid: mid) }
    }
    /// The section's mid, sent while nobody can know the SSRC yet; nil sends none.
    public var mid: [UInt8]? {
        didSet { needsTwoByteForm = Self.needsTwoByteForm(extensionIDs, mid: mid) }
    }
    /// Packets made so far, resent ones not counted.
    public private(set) var packetCount: UInt64 = 0
    /// Payload bytes of them.
    public private(set) var octetCount: UInt64 = 0
    /// Packets sent again because a NACK asked.
    public private(set) var resentCount: UInt64 = 0
    /// The sequence number of the next packet.
    public private(set) var nextSequenceNumber: UInt16

    private var history = RTPSendHistory()
    private var clock: RTPClock
    private var needsTwoByteForm = false

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - ssrc: its source, as announced in SDP.
    ///   - cname: the canonical name.
    ///   - payloadType: as agreed in SDP.
    ///   - firstSequenceNumber: random; below 32,768, so that no receiver meets a wrap while it
    ///     may still have missed the beginning (RFC 3711 appendix A).
    ///   - clockRate: ticks a second.
    public init(
        ssrc: UInt32, cname: String, payloadType: UInt8, firstSequenceNumber: UInt16,
        clockRate: UInt32 = SDPOpus.clockRate
    ) {
        self.ssrc = ssrc
        self.cname = cname
        self.payloadType = payloadType
        self.clockRate = clockRate
        nextSequenceNumber = firstSequenceNumber & 0x7FFF
        extensionIDs = RTPExtensionIDs()
        clock = RTPClock(rate: clockRate)
    }

    /// Packets at the start of a stream that carry the mid: libwebrtc stops when it is heard of,
    /// we after one second.
    static let midPackets: UInt64 = 50
    /// Room for SRTP's tag (RFC 3711, RFC 7714: 16 bytes at most) behind a packet.
    static let tagRoom = 16

    /// The next packet of the stream, before SRTP.
    ///
    /// - Parameters:
    ///   - payload: one Opus packet.
    ///   - timestamp: its first sample on the stream's clock. It must never run backwards.
    ///   - isMarked: the first packet after silence.
    ///   - audioLevel: its loudness, sent where agreed.
    ///   - captureTime: when its first sample was made, sent where agreed.
    ///   - sequenceNumber: a forwarder's own, to pass on gaps; nil counts up.
    ///   - now: when it goes out.
    /// - Returns: the bytes, with room for the authentication tag reserved.
    public mutating func packet(
        _ payload: [UInt8], timestamp: UInt32, isMarked: Bool, audioLevel: RTPAudioLevel?,
        captureTime: NTPTime? = nil, sequenceNumber: UInt16? = nil, at now: Instant
    ) -> [UInt8] {
        if let sequenceNumber { nextSequenceNumber = sequenceNumber }
        let header = RTPHeader(
            payloadType: payloadType, sequenceNumber: nextSequenceNumber, timestamp: timestamp,
            ssrc: ssrc, marker: isMarked)
        let level = audioLevel.flatMap { level in extensionIDs.audioLevel.map { ($0, level) } }
        let time = captureTime.flatMap { time in
            extensionIDs.absoluteCaptureTime.map { ($0, time) }
        }
        let name = packetCount < Self.midPackets ? mid : nil
        let nameID = name == nil ? nil : extensionIDs.mid
        var bytes: [UInt8] = []
        bytes.reserveCapacity(RTPHeader.size + 36 + payload.count + Self.tagRoom)
        let hasExtension = level != nil || time != nil || nameID != nil
        header.append(to: &bytes, hasExtension: hasExtension)
        if hasExtension {
            let writer = RTPExtensionWriter(in: &bytes, isTwoByte: needsTwoByteForm)
            if let (id, level) = level { writer.append(id, byte: level.byte, to: &bytes) }
            if let (id, time) = time { writer.append(id, word: time.bits, to: &bytes) }
            if let nameID, let name { writer.append(nameID, name, to: &bytes) }
            writer.finish(&bytes)
        }
        bytes.append(contentsOf: payload)
        nextSequenceNumber &+= 1
        packetCount += 1
        octetCount += UInt64(payload.count)
        clock.sent(timestamp, at: now)
        return bytes
    }

    /// Keeps the protected form of the packet made last, to answer NACKs with.
    public mutating func record(_ protected: [UInt8], at now: Instant) {
        history.record(protected, sequenceNumber: nextSequenceNumber &- 1, at: now)
    }

    /// The protected packets that answer a NACK: those at hand, not too old, not just sent.
    public mutating func retransmissions(
        for nack: RTCPGenericNACK, at now: Instant
    ) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for item in nack.items.prefix(RTPSendHistory.capacity) {
            var mask = UInt32(item.mask) << 1 | 1
            var number = item.first
            while mask != 0 {
                if mask & 1 == 1, let bytes = history.resend(number, at: now) {
                    result.append(bytes)
                }
                mask >>= 1
                number &+= 1
            }
        }
        resentCount += UInt64(result.count)
        return result
    }

    /// A sender report for this moment; nil before the first packet.
    public func senderReport(
        at now: Instant, ntpTime: NTPTime, blocks: [RTCPReportBlock] = []
    ) -> RTCPSenderReport? {
        guard var timestamp = clock.timestamp(at: now) else { return nil }
        var ntpTime = ntpTime
        if let foreignClock {
            (ntpTime, timestamp) = foreignClock.reading(at: now, rate: clockRate)
        }
        return RTCPSenderReport(
            ssrc: ssrc, ntpTime: ntpTime, rtpTimestamp: timestamp,
            packetCount: UInt32(truncatingIfNeeded: packetCount),
            octetCount: UInt32(truncatingIfNeeded: octetCount), blocks: blocks)
    }

    /// When the last packet was made.
    public var lastSentAt: Instant? { clock.lastSentAt }

    /// Reads a block about this stream.
    public func remoteReport(_ block: RTCPReportBlock, now: NTPTime) -> RTPRemoteReport {
        var roundTrip: Duration?
        if block.lastSenderReport != 0 {
            let units = now.middle &- block.lastSenderReport &- block.delaySinceLastSenderReport
            // A clock that differs by a rounding gives −1, which is no round trip of 18 hours.
            roundTrip = units < 0x8000_0000 ? Duration(rtcpUnits: units) : .zero
        }
        let jitter = Int64(block.jitter) * 1_000_000_000 / Int64(max(1, clockRate))
        return RTPRemoteReport(
            fractionLost: Double(block.fractionLost) / 256, cumulativeLost: block.cumulativeLost,
            highestSequence: block.highestSequence, jitter: .nanoseconds(jitter),
            roundTrip: roundTrip)
    }

    private static func needsTwoByteForm(_ ids: RTPExtensionIDs, mid: [UInt8]?) -> Bool {
        let all = [ids.audioLevel, ids.mid, ids.absoluteCaptureTime]
        return all.contains { ($0 ?? 1) > 14 } || (mid?.count ?? 1) > 16
    }
}

/// Which RTP timestamp a stream is at between and beside its packets.
///
/// A packet may leave late, never early, so the line through the earliest packets is the true
/// clock: a later packet moves it by a little, an earlier one at once.
struct RTPClock: Sendable {
    /// A packet this far off the line has another time line: the stream jumped.
    static let jump: Duration = .milliseconds(500)

    private let rate: UInt32
    private var anchor: (timestamp: UInt32, instant: Instant)?
    private(set) var lastSentAt: Instant?

    init(rate: UInt32) {
        self.rate = rate
    }

    /// A packet with this timestamp went out.
    mutating func sent(_ timestamp: UInt32, at now: Instant) {
        lastSentAt = now
        guard let anchor else {
            self.anchor = (timestamp, now)
            return
        }
        let ticks = Int64(Int32(bitPattern: timestamp &- anchor.timestamp))
        let media = Duration.nanoseconds(ticks * 1_000_000_000 / Int64(rate))
        let late = (now - anchor.instant) - media
        if late <= .zero || late > Self.jump {
            self.anchor = (timestamp, now)
        } else {
            self.anchor = (timestamp, now - late + late / 64)
        }
    }

    /// The timestamp of this moment.
    func timestamp(at now: Instant) -> UInt32? {
        guard let anchor else { return nil }
        // Far from the last packet the product of nanoseconds and rate would not fit 64 bits.
        let nanoseconds = (now - anchor.instant).nanoseconds
        let seconds = nanoseconds / 1_000_000_000
        let rest = nanoseconds % 1_000_000_000
        let ticks = seconds &* Int64(rate) &+ rest &* Int64(rate) / 1_000_000_000
        return anchor.timestamp &+ UInt32(truncatingIfNeeded: ticks)
    }
}
