// SPDX-License-Identifier: Apache-2.0
public import Base
internal import Crypto

/// The 96 random bits that tie a STUN response to its request (RFC 8489 section 5).
public struct STUNTransactionID: Hashable, Sendable {
    /// The first four bytes.
    public var high: UInt32
    /// The last eight bytes.
    public var low: UInt64

    /// Joins the two parts.
    public init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws a fresh identifier.
    public init(using random: inout some RandomNumberGenerator) {
        high = UInt32(truncatingIfNeeded: random.next())
        low = random.next()
    }
}

/// Why a STUN request was refused (RFC 8489 section 14.8).
public struct STUNErrorCode: Hashable, Sendable {
    /// 300…699.
    public var code: Int
    /// Words for people, at most `reasonBytesMax` bytes are read or written.
    public var reason: String

    /// Joins a number and its words.
    public init(code: Int, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// The request is malformed: here, without USERNAME or MESSAGE-INTEGRITY.
    public static let badRequest = STUNErrorCode(code: 400, reason: "Bad Request")
    /// The user name or the integrity does not fit.
    public static let unauthorized = STUNErrorCode(code: 401, reason: "Unauthorized")
    /// A comprehension-required attribute is not understood.
    public static let unknownAttribute = STUNErrorCode(code: 420, reason: "Unknown Attribute")
    /// Both agents claim the same ICE role (RFC 8445 section 7.3.1.1).
    public static let roleConflict = STUNErrorCode(code: 487, reason: "Role Conflict")

    /// RFC 8489 section 14.8 allows 509 bytes on the wire, 763 on reading.
    static let reasonBytesMax = 763
}

/// A STUN message (RFC 8489): the Binding method with the attributes that ICE uses.
///
/// An attribute that occurs twice counts once, the first time. What is optional and unknown is
/// not kept.
public struct STUNMessage: Equatable, Sendable {
    /// Request, indication, or one of the two answers.
    public enum Kind: UInt16, Sendable, CaseIterable {
        /// Asks for an answer.
        case request = 0
        /// Asks for none.
        case indication = 1
        /// Answers: done.
        case success = 2
        /// Answers: refused, see `errorCode`.
        case failure = 3
    }

    /// The Binding method, the only one that ICE uses.
    public static let binding: UInt16 = 0x001
    /// Bytes before the first attribute.
    static let headerBytes = 20
    /// Bytes 4…7 of every message (RFC 8489 section 5).
    static let magicCookie: UInt32 = 0x2112_A442
    /// RFC 8489 section 14.3: a user name has fewer than 509 bytes; readers of RFC 5389 take 513.
    static let usernameBytesMax = 513
    /// RFC 8489 section 14.14: 128 characters, so at most 763 bytes.
    static let softwareBytesMax = 763

    /// Request, indication or answer.
    public var kind: Kind
    /// The 12-bit method.
    public var method: UInt16
    /// Ties answers to requests.
    public var transactionID: STUNTransactionID
    /// USERNAME: `<receiver's ufrag>:<sender's ufrag>` in ICE.
    public var username: [UInt8]?
    /// PRIORITY: what a peer-reflexive candidate learnt from this request gets.
    public var priority: UInt32?
    /// USE-CANDIDATE: the controlling side nominates this pair.
    public var useCandidate = false
    /// ICE-CONTROLLED with its tie breaker.
    public var iceControlled: UInt64?
    /// ICE-CONTROLLING with its tie breaker.
    public var iceControlling: UInt64?
    /// XOR-MAPPED-ADDRESS: whence the request came.
    public var xorMappedAddress: SocketAddress?
    /// MAPPED-ADDRESS: the same without disguise, from servers of RFC 3489.
    public var mappedAddress: SocketAddress?
    /// ERROR-CODE of a refusal.
    public var errorCode: STUNErrorCode?
    /// UNKNOWN-ATTRIBUTES of a refusal with 420.
    public var unknownAttributes: [UInt16] = []
    /// SOFTWARE: the sender's name, for people.
    public var software: String?

    /// Creates a message without attributes.
    public init(
        kind: Kind, method: UInt16 = STUNMessage.binding, transactionID: STUNTransactionID
    ) {
        self.kind = kind
        self.method = method
        self.transactionID = transactionID
    }

    /// The address that the answer reports, in whichever form.
    public var reflexiveAddress: SocketAddress? { xorMappedAddress ?? mappedAddress }

    /// The message in wire format, with FINGERPRINT, and with MESSAGE-INTEGRITY when there is a
    /// key: for short-term credentials the password's bytes (RFC 8489 section 9.1.1).
    public func encoded(key: [UInt8]? = nil) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.uint16(messageType)
        writer.uint16(0)
        writer.uint32(Self.magicCookie)
        writer.uint32(transactionID.high)
        writer.uint64(transactionID.low)
        appendTexts(to: &writer)
        appendICE(to: &writer)
        if let key {
            Self.setLength(&writer, following: 24)
            let code = hmacSHA1(key: key, writer.bytes)
            Self.append(.messageIntegrity, to: &writer) { $0.append(code) }
        }
        Self.setLength(&writer, following: 8)
        let check = STUNFingerprint.value(of: writer.bytes[...])
        Self.append(.fingerprint, to: &writer) { $0.uint32(check) }
        return writer.bytes
    }

    /// Method and class share bits (RFC 8489 section 5, figure 3).
    private var messageType: UInt16 {
        let m = method & 0xFFF
        let c = kind.rawValue
        return (m & 0xF80) << 2 | (m & 0x070) << 1 | (m & 0x00F) | (c & 2) << 7 | (c & 1) << 4
    }

    private func appendTexts(to writer: inout ByteWriter) {
        if let software {
            let text = software.utf8.prefix(Self.softwareBytesMax)
            Self.append(.software, to: &writer) { $0.append(text) }
        }
        if let username {
            let text = username.prefix(Self.usernameBytesMax)
            Self.append(.username, to: &writer) { $0.append(text) }
        }
        if let errorCode {
            Self.append(.errorCode, to: &writer) {
                $0.uint16(0)
                $0.uint8(UInt8(clamping: errorCode.code / 100))
                $0.uint8(UInt8(clamping: errorCode.code % 100))
                $0.append(errorCode.reason.utf8.prefix(STUNErrorCode.reasonBytesMax))
            }
        }
        if !unknownAttributes.isEmpty {
            Self.append(.unknownAttributes, to: &writer) {
                for type in unknownAttributes { $0.uint16(type) }
            }
        }
    }

    private func appendICE(to writer: inout ByteWriter) {
        if let xorMappedAddress {
            let mask = STUNAddressMask(transactionID)
            Self.append(.xorMappedAddress, to: &writer) {
                Self.append(xorMappedAddress, mask, to: &$0)
            }
        }
        if let mappedAddress {
            Self.append(.mappedAddress, to: &writer) {
                Self.append(mappedAddress, .none, to: &$0)
            }
        }
        if let priority { Self.append(.priority, to: &writer) { $0.uint32(priority) } }
        if let iceControlled {
            Self.append(.iceControlled, to: &writer) { $0.uint64(iceControlled) }
        }
        if let iceControlling {
            Self.append(.iceControlling, to: &writer) { $0.uint64(iceControlling) }
        }
        if useCandidate { Self.append(.useCandidate, to: &writer) { _ in } }
    }

    private static func append(
        _ type: STUNAttributeType, to writer: inout ByteWriter,
        _ value: (inout ByteWriter) -> Void
    ) {
        writer.uint16(type.rawValue)
        let lengthAt = writer.count
        writer.uint16(0)
        value(&writer)
        writer.setUInt16(UInt16(clamping: writer.count - lengthAt - 2), at: lengthAt)
        writer.pad(to: 4)
    }

    private static func append(
        _ address: SocketAddress, _ mask: STUNAddressMask, to writer: inout ByteWriter
    ) {
        writer.uint8(0)
        writer.uint8(address.ip.isV6 ? 2 : 1)
        let masked = mask.applied(to: address)
        writer.uint16(masked.port)
        writer.append(masked.ip.bytes)
    }

    /// Sets the length as if `following` more bytes stood there: both checks cover the length
    /// that the message has with them (RFC 8489 sections 14.5 and 14.7).
    private static func setLength(_ writer: inout ByteWriter, following: Int) {
        writer.setUInt16(UInt16(clamping: writer.count - headerBytes + following), at: 2)
    }
}

/// The attributes we know (RFC 8489 section 18.3, RFC 8445 section 20.1).
enum STUNAttributeType: UInt16 {
    case mappedAddress = 0x0001
    case username = 0x0006
    case messageIntegrity = 0x0008
    case errorCode = 0x0009
    case unknownAttributes = 0x000A
    case realm = 0x0014
    case nonce = 0x0015
    /// May follow MESSAGE-INTEGRITY; where both are, the older one is what ICE peers check.
    case messageIntegritySHA256 = 0x001C
    case xorMappedAddress = 0x0020
    case priority = 0x0024
    case useCandidate = 0x0025
    case software = 0x8022
    case fingerprint = 0x8028
    case iceControlled = 0x8029
    case iceControlling = 0x802A

    /// Below 0x8000 stand the attributes that must be understood (RFC 8489 section 14).
    static func isRequired(_ type: UInt16) -> Bool { type < 0x8000 }
}

/// What an address is XORed with in XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
struct STUNAddressMask {
    private let cookie: UInt32
    private let low: UInt64
    private let high: UInt32

    /// No disguise: MAPPED-ADDRESS.
    static let none = STUNAddressMask(cookie: 0, high: 0, low: 0)

    init(_ transactionID: STUNTransactionID) {
        self.init(
            cookie: STUNMessage.magicCookie, high: transactionID.high, low: transactionID.low)
    }

    private init(cookie: UInt32, high: UInt32, low: UInt64) {
        self.cookie = cookie
        self.high = high
        self.low = low
    }

    /// The disguised address, or the plain one of a disguised.
    func applied(to address: SocketAddress) -> SocketAddress {
        let port = address.port ^ UInt16(truncatingIfNeeded: cookie >> 16)
        switch address.ip {
        case .v4(let value):
            return SocketAddress(.v4(value ^ cookie), port: port)
        case .v6(let first, let second, _):
            let mask = UInt64(cookie) << 32 | UInt64(high)
            return SocketAddress(.v6(high: first ^ mask, low: second ^ low), port: port)
        }
    }
}

/// FINGERPRINT: a CRC-32 that tells STUN from other protocols (RFC 8489 section 14.7).
enum STUNFingerprint {
    /// XORed over the CRC, "STUN" in ASCII, so that a CRC of another layer does not pass.
    private static let disguise: UInt32 = 0x5354_554E

    /// ISO 3309, reflected polynomial 0xEDB88320.
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }

    /// The attribute's value for the bytes before it.
    static func value(of bytes: ArraySlice<UInt8>) -> UInt32 { crc32(bytes) ^ disguise }

    /// The plain CRC-32.
    static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let table = Self.table
        var crc = UInt32.max
        for byte in bytes {
            crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
        }
        return ~crc
    }
}
