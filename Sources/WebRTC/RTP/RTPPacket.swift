// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Why bytes are no RTP packet (RFC 3550 section 5.1).
public enum RTPError: Error, Hashable, Sendable {
    /// Fewer bytes than the header announces.
    case truncated
    /// The first two bits are not 2.
    case wrongVersion
    /// The padding count is 0 or longer than the payload.
    case malformedPadding
}

/// The fixed fields of an RTP packet (RFC 3550 section 5.1).
public struct RTPHeader: Hashable, Sendable {
    /// For audio: the first packet after silence.
    public var marker: Bool
    /// 0 to 127.
    public var payloadType: UInt8
    /// Goes up by one with every packet and wraps.
    public var sequenceNumber: UInt16
    /// In units of the payload's clock; wraps.
    public var timestamp: UInt32
    /// The stream's source.
    public var ssrc: UInt32

    /// Creates a header.
    public init(
        payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32,
        marker: Bool = false
    ) {
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.marker = marker
    }

    /// Bytes of the fixed header.
    public static let size = 12

    /// Appends the fixed header.
    ///
    /// - Parameters:
    ///   - bytes: what the header is appended to.
    ///   - hasExtension: whether a header extension follows.
    ///   - hasPadding: whether the packet ends with padding.
    ///   - csrcs: contributing sources; the first 15 are written.
    public func append(
        to bytes: inout [UInt8], hasExtension: Bool, hasPadding: Bool = false, csrcs: [UInt32] = []
    ) {
        let count = UInt8(min(csrcs.count, 15))
        bytes.append(0x80 | (hasPadding ? 0x20 : 0) | (hasExtension ? 0x10 : 0) | count)
        bytes.append((marker ? 0x80 : 0) | (payloadType & 0x7F))
        bytes.appendBigEndian(sequenceNumber)
        bytes.appendBigEndian(timestamp)
        bytes.appendBigEndian(ssrc)
        for csrc in csrcs.prefix(15) { bytes.appendBigEndian(csrc) }
    }
}

/// A received RTP packet: its bytes, and where in them the parts are. Parsing copies nothing.
public struct RTPPacket: Hashable, Sendable {
    /// The packet as it came, after SRTP.
    public let bytes: [UInt8]
    /// The fixed fields.
    public let header: RTPHeader
    /// Where the contributing sources are, four bytes each.
    public let csrcRange: Range<Int>
    /// The extension's first word: 0xBEDE one-byte form, 0x100x two-byte form; 0 for none.
    public let extensionProfile: UInt16
    /// Where the extension's elements are, without the first word and the length.
    public let extensionRange: Range<Int>
    /// Where the payload is, without padding.
    public let payloadRange: Range<Int>

    /// Parses a packet; keeps the array, so no byte is copied.
    public init(parsing bytes: [UInt8]) throws(RTPError) {
        var reader = ByteReader(bytes)
        guard let first = reader.uint8(), let second = reader.uint8() else { throw .truncated }
        guard first >> 6 == 2 else { throw .wrongVersion }
        guard let sequence = reader.uint16(), let timestamp = reader.uint32(),
            let ssrc = reader.uint32()
        else { throw .truncated }
        let csrcStart = reader.position
        guard reader.skip(4 * Int(first & 15)) else { throw .truncated }
        csrcRange = csrcStart..<reader.position
        var profile: UInt16 = 0
        var elements = reader.position..<reader.position
        if first & 0x10 != 0 {
            guard let word = reader.uint16(), let length = reader.uint16() else {
                throw .truncated
            }
            let start = reader.position
            guard reader.skip(4 * Int(length)) else { throw .truncated }
            profile = word
            elements = start..<reader.position
        }
        var end = bytes.count
        if first & 0x20 != 0 {
            guard let last = bytes.last, last != 0, Int(last) <= reader.remaining else {
                throw .malformedPadding
            }
            end -= Int(last)
        }
        self.bytes = bytes
        extensionProfile = profile
        extensionRange = elements
        payloadRange = reader.position..<end
        header = RTPHeader(
            payloadType: second & 0x7F, sequenceNumber: sequence, timestamp: timestamp, ssrc: ssrc,
            marker: second & 0x80 != 0)
    }

    /// The payload, as a view of ``bytes``.
    public var payload: ArraySlice<UInt8> { bytes[payloadRange] }

    /// The contributing sources.
    public var csrcs: [UInt32] {
        var reader = ByteReader(bytes, in: csrcRange)
        var result: [UInt32] = []
        while let csrc = reader.uint32() { result.append(csrc) }
        return result
    }

    /// Whether a datagram is RTP rather than RTCP, by its second byte (RFC 5761 section 4); only
    /// for datagrams whose first byte says RTP or RTCP (RFC 7983).
    public static func isRTP(_ datagram: [UInt8]) -> Bool {
        datagram.count >= 2 && !(192...223).contains(datagram[1])
    }

    /// The SSRC of a packet whose rest may be encrypted.
    public static func ssrc(of datagram: [UInt8]) -> UInt32? {
        guard datagram.count >= RTPHeader.size else { return nil }
        return UInt32(datagram[8]) << 24 | UInt32(datagram[9]) << 16 | UInt32(datagram[10]) << 8
            | UInt32(datagram[11])
    }
}

extension [UInt8] {
    /// Appends an integer, most significant byte first.
    mutating func appendBigEndian(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    /// Appends an integer, most significant byte first.
    mutating func appendBigEndian(_ value: UInt32) {
        appendBigEndian(UInt16(truncatingIfNeeded: value >> 16))
        appendBigEndian(UInt16(truncatingIfNeeded: value))
    }

    /// Appends an integer, most significant byte first.
    mutating func appendBigEndian(_ value: UInt64) {
        appendBigEndian(UInt32(truncatingIfNeeded: value >> 32))
        appendBigEndian(UInt32(truncatingIfNeeded: value))
    }
}
