// SPDX-License-Identifier: Apache-2.0

/// Why a datagram is no RTCP. Nothing of it is used then.
public enum RTCPError: Error, Hashable, Sendable {
    /// Shorter than a packet in it announces.
    case truncated
    /// The first two bits of a packet are not 2.
    case wrongVersion
    /// More than ``RTCPPacket/packetsMax`` packets.
    case tooManyPackets
    /// A packet whose inside does not fit its length.
    case malformed(type: UInt8)
}

/// One packet of RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, RFC 3611).
public enum RTCPPacket: Hashable, Sendable {
    /// SR: what a source has sent, on its clock and on civil time.
    case senderReport(RTCPSenderReport)
    /// RR: what a receiver got.
    case receiverReport(RTCPReceiverReport)
    /// SDES.
    case sourceDescription([RTCPSourceDescription])
    /// BYE: these sources end.
    case goodbye(ssrcs: [UInt32])
    /// Generic NACK: please send again.
    case genericNACK(RTCPGenericNACK)
    /// PLI: a video receiver wants a key frame.
    case pictureLossIndication(sender: UInt32, media: UInt32)
    /// FIR: a video receiver demands a key frame of these sources.
    case fullIntraRequest(sender: UInt32, media: [UInt32])
    /// XR with the blocks we know.
    case extendedReport(RTCPExtendedReport)
    /// A type or format that has no case here.
    case other(type: UInt8, format: UInt8)

    /// Bound on the packets of one datagram; a 1,500-byte one holds no more than 375.
    public static let packetsMax = 64
}

/// SR (RFC 3550 section 6.4.1).
public struct RTCPSenderReport: Hashable, Sendable {
    /// Whose report.
    public var ssrc: UInt32
    /// When it was made, on the sender's civil clock.
    public var ntpTime: NTPTime
    /// The same moment on the stream's clock.
    public var rtpTimestamp: UInt32
    /// Packets sent so far.
    public var packetCount: UInt32
    /// Payload bytes sent so far.
    public var octetCount: UInt32
    /// What the sender receives; at most 31.
    public var blocks: [RTCPReportBlock]

    /// Creates a report.
    public init(
        ssrc: UInt32, ntpTime: NTPTime, rtpTimestamp: UInt32, packetCount: UInt32,
        octetCount: UInt32, blocks: [RTCPReportBlock] = []
    ) {
        self.ssrc = ssrc
        self.ntpTime = ntpTime
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
        self.blocks = blocks
    }
}

/// RR (RFC 3550 section 6.4.2).
public struct RTCPReceiverReport: Hashable, Sendable {
    /// Who reports. LiveKit writes the SSRC of the very stream that it reports on.
    public var ssrc: UInt32
    /// At most 31.
    public var blocks: [RTCPReportBlock]

    /// Creates a report.
    public init(ssrc: UInt32, blocks: [RTCPReportBlock]) {
        self.ssrc = ssrc
        self.blocks = blocks
    }
}

/// What a receiver tells about one source (RFC 3550 section 6.4.1).
public struct RTCPReportBlock: Hashable, Sendable {
    /// The source that is told about.
    public var ssrc: UInt32
    /// Lost since the last report, in 1/256.
    public var fractionLost: UInt8
    /// Lost in all; −2^23 to 2^23 − 1, negative where duplicates outweigh losses.
    public var cumulativeLost: Int32
    /// Highest sequence number with the count of wraps above it.
    public var highestSequence: UInt32
    /// Interarrival jitter in units of the stream's clock.
    public var jitter: UInt32
    /// ``NTPTime/middle`` of the last SR of the source; 0 for none.
    public var lastSenderReport: UInt32
    /// Time since that SR in 1/65,536 s.
    public var delaySinceLastSenderReport: UInt32

    /// Creates a block.
    public init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequence: UInt32,
        jitter: UInt32, lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.highestSequence = highestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }
}

/// A chunk of SDES (RFC 3550 section 6.5): a source and its items.
public struct RTCPSourceDescription: Hashable, Sendable {
    /// The source.
    public var ssrc: UInt32
    /// Item types and values, in order. CNAME is 1; LiveKit adds 15 with the mid.
    public var items: [Item]

    /// An item of a chunk.
    public struct Item: Hashable, Sendable {
        /// 1 to 255.
        public var type: UInt8
        /// At most 255 bytes.
        public var value: [UInt8]

        /// Creates an item.
        public init(type: UInt8, value: [UInt8]) {
            self.type = type
            self.value = value
        }
    }

    /// The item type of CNAME.
    public static let cnameType: UInt8 = 1
    /// The item type of MID (RFC 9143 section 15.1).
    public static let midType: UInt8 = 15

    /// Creates a chunk.
    public init(ssrc: UInt32, items: [Item]) {
        self.ssrc = ssrc
        self.items = items
    }

    /// Creates a chunk with a CNAME.
    public init(ssrc: UInt32, cname: String) {
        self.init(
            ssrc: ssrc, items: [Item(type: Self.cnameType, value: Array(cname.utf8.prefix(255)))])
    }

    /// The CNAME, where the chunk has one.
    public var cname: String? {
        items.first { $0.type == Self.cnameType }.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

/// Generic NACK (RFC 4585 section 6.2.1).
public struct RTCPGenericNACK: Hashable, Sendable {
    /// Who asks. LiveKit writes the SSRC of the very stream that it asks for.
    public var sender: UInt32
    /// The source whose packets are missing.
    public var media: UInt32
    /// Pairs of a lost sequence number and a mask of the 16 after it.
    public var items: [Item]

    /// One field of the packet.
    public struct Item: Hashable, Sendable {
        /// The first lost packet.
        public var first: UInt16
        /// Bit i: packet `first + i + 1` is lost too.
        public var mask: UInt16

        /// Creates a field.
        public init(first: UInt16, mask: UInt16) {
            self.first = first
            self.mask = mask
        }
    }

    /// Creates a NACK from fields.
    public init(sender: UInt32, media: UInt32, items: [Item]) {
        self.sender = sender
        self.media = media
        self.items = items
    }

    /// Creates a NACK for sequence numbers in ascending order (across a wrap).
    public init(sender: UInt32, media: UInt32, sequenceNumbers: [UInt16]) {
        var items: [Item] = []
        for number in sequenceNumbers {
            if let last = items.last, (1...16).contains(number &- last.first) {
                items[items.count - 1].mask |= 1 << (number &- last.first &- 1)
            } else if items.last?.first != number {
                items.append(Item(first: number, mask: 0))
            }
        }
        self.init(sender: sender, media: media, items: items)
    }

    /// The lost sequence numbers, in the order of the fields.
    public var sequenceNumbers: [UInt16] {
        var result: [UInt16] = []
        for item in items {
            result.append(item.first)
            for bit in 0..<16 as Range<UInt16> where item.mask >> bit & 1 == 1 {
                result.append(item.first &+ bit &+ 1)
            }
        }
        return result
    }
}

/// XR (RFC 3611): the two blocks by which a receiver that sends nothing measures the round trip.
public struct RTCPExtendedReport: Hashable, Sendable {
    /// Who reports.
    public var ssrc: UInt32
    /// RRTR: the reporter's time, to be sent back in a DLRR.
    public var receiverReferenceTime: NTPTime?
    /// DLRR: when the last RRTRs came.
    public var delays: [Delay]

    /// A sub-block of DLRR.
    public struct Delay: Hashable, Sendable {
        /// Whose RRTR.
        public var ssrc: UInt32
        /// ``NTPTime/middle`` of that RRTR.
        public var lastReceiverReport: UInt32
        /// Time since it came in 1/65,536 s.
        public var delay: UInt32

        /// Creates a sub-block.
        public init(ssrc: UInt32, lastReceiverReport: UInt32, delay: UInt32) {
            self.ssrc = ssrc
            self.lastReceiverReport = lastReceiverReport
            self.delay = delay
        }
    }

    /// Creates a report.
    public init(ssrc: UInt32, receiverReferenceTime: NTPTime? = nil, delays: [Delay] = []) {
        self.ssrc = ssrc
        self.receiverReferenceTime = receiverReferenceTime
        self.delays = delays
    }
}
