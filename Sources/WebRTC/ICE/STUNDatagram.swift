// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto

/// Why a datagram is not a STUN message.
public enum STUNParseError: Error, Equatable, Sendable {
    /// Its first bits or the magic cookie are another protocol's.
    case notSTUN
    /// It is shorter than a header, longer than `STUNDatagram.bytesMax`, or its length field does
    /// not fit.
    case badLength
    /// An attribute reaches over the end.
    case truncatedAttribute
    /// More than `STUNDatagram.attributesMax` attributes.
    case tooManyAttributes
    /// A known attribute, given by its type, has an impossible value or place.
    case malformedAttribute(UInt16)
    /// FINGERPRINT does not fit.
    case badFingerprint
}

/// A STUN message as it was received, with its bytes, so that its integrity can be checked.
public struct STUNDatagram: Sendable {
    /// Longest message read: checks with a DTLS hello inside (attribute 0xC070) stay below the
    /// path's 1,500 bytes.
    public static let bytesMax = 2048
    /// Most attributes read: the largest checks seen have twelve.
    public static let attributesMax = 32
    /// Most unknown attributes reported back in a 420.
    static let unknownRequiredMax = 8

    /// What it says.
    public let message: STUNMessage
    /// The datagram.
    public let bytes: [UInt8]
    /// Comprehension-required attributes that are not understood: a request with such gets 420,
    /// an answer with such is dropped (RFC 8489 section 6.3).
    public let unknownRequired: [UInt16]
    /// Whether a FINGERPRINT was there; it fits, else nothing is parsed.
    public let hasFingerprint: Bool
    private let integrityOffset: Int?

    /// Whether a datagram is STUN rather than DTLS, RTP or RTCP (RFC 7983 section 7), judged by
    /// its first byte and the magic cookie.
    public static func isSTUN(_ datagram: [UInt8]) -> Bool {
        datagram.count >= STUNMessage.headerBytes && datagram[0] < 4
            && datagram[4] == 0x21 && datagram[5] == 0x12 && datagram[6] == 0xA4
            && datagram[7] == 0x42
    }

    /// Parses a whole datagram.
    public init(parsing bytes: [UInt8]) throws(STUNParseError) {
        guard Self.isSTUN(bytes) else {
            throw bytes.count < STUNMessage.headerBytes ? .badLength : .notSTUN
        }
        var reader = ByteReader(bytes)
        guard bytes.count <= Self.bytesMax, let type = reader.uint16(),
            let length = reader.uint16(), reader.skip(4), let high = reader.uint32(),
            let low = reader.uint64(), Int(length) == reader.remaining, length % 4 == 0,
            let kind = STUNMessage.Kind(rawValue: (type >> 7 & 2) | (type >> 4 & 1))
        else { throw .badLength }
        var attributes = STUNAttributeReader(
            message: STUNMessage(
                kind: kind, method: (type >> 2 & 0xF80) | (type >> 1 & 0x070) | (type & 0x00F),
                transactionID: STUNTransactionID(high: high, low: low)))
        var count = 0
        while !reader.isAtEnd {
            count += 1
            guard count <= Self.attributesMax else { throw .tooManyAttributes }
            try attributes.next(from: &reader)
        }
        message = attributes.message
        unknownRequired = attributes.unknownRequired
        hasFingerprint = attributes.hasFingerprint
        integrityOffset = attributes.integrityOffset
        self.bytes = bytes
    }

    /// Whether a MESSAGE-INTEGRITY is there, true or not.
    public var hasIntegrity: Bool { integrityOffset != nil }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key`.
    public func isAuthentic(key: [UInt8]) -> Bool {
        guard let offset = integrityOffset, bytes.count >= offset + 24 else { return false }
        var covered = ByteWriter()
        covered.bytes = Array(bytes[..<offset])
        // The length as it was before anything followed the integrity.
        covered.setUInt16(UInt16(clamping: offset + 24 - STUNMessage.headerBytes), at: 2)
        return constantTimeEqual(
            hmacSHA1(key: key, covered.bytes), Array(bytes[offset + 4..<offset + 24]))
    }

    /// The part of USERNAME before the colon: in a request, the ufrag of the agent it is for.
    ///
    /// Ports shared by several agents tell them apart by it.
    public var destinationUfrag: String? {
        guard let username = message.username,
            let colon = username.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return String(decoding: username[..<colon], as: UTF8.self)
    }
}

/// Collects attributes one by one.
private struct STUNAttributeReader {
    var message: STUNMessage
    var unknownRequired: [UInt16] = []
    var hasFingerprint = false
    var integrityOffset: Int?
    private var seen: [STUNAttributeType] = []

    init(message: STUNMessage) {
        self.message = message
    }

    mutating func next(from reader: inout ByteReader) throws(STUNParseError) {
        let offset = reader.position
        guard let type = reader.uint16(), let length = reader.uint16(),
            let value = reader.slice(Int(length)), reader.skip((4 - Int(length) % 4) % 4)
        else { throw .truncatedAttribute }
        guard !hasFingerprint else { throw .malformedAttribute(type) }
        guard let known = STUNAttributeType(rawValue: type) else {
            noteUnknown(type)
            return
        }
        if known == .fingerprint {
            try readFingerprint(value, at: offset)
            return
        }
        // Behind the integrity nothing is protected, so nothing counts (RFC 8489 section 14.5).
        guard integrityOffset == nil, !seen.contains(known) else { return }
        seen.append(known)
        if known == .messageIntegrity {
            guard value.remaining == 20 else { throw .malformedAttribute(type) }
            integrityOffset = offset
            return
        }
        var rest = value
        guard read(known, &rest) else { throw .malformedAttribute(type) }
    }

    private mutating func noteUnknown(_ type: UInt16) {
        guard STUNAttributeType.isRequired(type), integrityOffset == nil,
            unknownRequired.count < STUNDatagram.unknownRequiredMax,
            !unknownRequired.contains(type)
        else { return }
        unknownRequired.append(type)
    }

    private mutating func readFingerprint(
        _ value: ByteReader, at offset: Int
    ) throws(STUNParseError) {
        var rest = value
        guard let check = rest.uint32(), rest.isAtEnd else {
            throw .malformedAttribute(STUNAttributeType.fingerprint.rawValue)
        }
        guard check == STUNFingerprint.value(of: value.bytes[..<offset]) else {
            throw .badFingerprint
        }
        hasFingerprint = true
    }

    /// False when the value is impossible.
    private mutating func read(_ type: STUNAttributeType, _ value: inout ByteReader) -> Bool {
        switch type {
        case .mappedAddress:
            message.mappedAddress = Self.address(&value, .none)
            return message.mappedAddress != nil
        case .xorMappedAddress:
            message.xorMappedAddress = Self.address(
                &value, STUNAddressMask(message.transactionID))
            return message.xorMappedAddress != nil
        case .username:
            guard value.remaining <= STUNMessage.usernameBytesMax else { return false }
            message.username = value.rest()
        case .software:
            guard value.remaining <= STUNMessage.softwareBytesMax else { return false }
            message.software = String(decoding: value.rest(), as: UTF8.self)
        case .priority:
            message.priority = value.uint32()
            return message.priority != nil && value.isAtEnd
        case .iceControlled:
            message.iceControlled = value.uint64()
            return message.iceControlled != nil && value.isAtEnd
        case .iceControlling:
            message.iceControlling = value.uint64()
            return message.iceControlling != nil && value.isAtEnd
        case .useCandidate:
            message.useCandidate = true
            return value.isAtEnd
        case .errorCode:
            return readErrorCode(&value)
        case .unknownAttributes:
            return readUnknownAttributes(&value)
        case .realm, .nonce, .messageIntegritySHA256, .messageIntegrity, .fingerprint:
            break
        }
        return true
    }

    private mutating func readErrorCode(_ value: inout ByteReader) -> Bool {
        guard value.skip(2), let hundreds = value.uint8(), let rest = value.uint8(),
            (3...6).contains(hundreds & 7), rest < 100,
            value.remaining <= STUNErrorCode.reasonBytesMax
        else { return false }
        message.errorCode = STUNErrorCode(
            code: Int(hundreds & 7) * 100 + Int(rest),
            reason: String(decoding: value.rest(), as: UTF8.self))
        return true
    }

    private mutating func readUnknownAttributes(_ value: inout ByteReader) -> Bool {
        guard value.remaining % 2 == 0 else { return false }
        while let type = value.uint16() {
            guard message.unknownAttributes.count < STUNDatagram.attributesMax else { break }
            message.unknownAttributes.append(type)
        }
        return true
    }

    private static func address(
        _ value: inout ByteReader, _ mask: STUNAddressMask
    ) -> SocketAddress? {
        guard value.skip(1), let family = value.uint8(), let port = value.uint16(),
            value.remaining == (family == 1 ? 4 : 16), family == 1 || family == 2,
            let ip = IPAddress(bytes: value.rest())
        else { return nil }
        return mask.applied(to: SocketAddress(ip, port: port))
    }
}
