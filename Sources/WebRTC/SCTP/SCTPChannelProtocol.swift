// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Payload protocol identifiers of data channels (RFC 8831 section 8).
enum SCTPPayload {
    static let control: UInt32 = 50
    static let text: UInt32 = 51
    /// A part of a binary message, from stacks older than 2014; the last part is `binary`.
    static let binaryPartial: UInt32 = 52
    static let binary: UInt32 = 53
    static let textPartial: UInt32 = 54
    static let textEmpty: UInt32 = 56
    static let binaryEmpty: UInt32 = 57

    /// The identifier and bytes for a message: SCTP carries no empty one, so a zero stands for it.
    static func encode(_ bytes: [UInt8], _ kind: SCTPMessageKind) -> (UInt32, [UInt8]) {
        switch (kind, bytes.isEmpty) {
        case (.text, true): (textEmpty, [0])
        case (.text, false): (text, bytes)
        case (.binary, true): (binaryEmpty, [0])
        case (.binary, false): (binary, bytes)
        }
    }
}

/// A message of the Data Channel Establishment Protocol (RFC 8832 section 5).
enum SCTPChannelControl: Equatable, Sendable {
    case open(Opening)
    case acknowledgement

    /// DATA_CHANNEL_OPEN.
    struct Opening: Equatable, Sendable {
        var label: String
        var subprotocol: String
        var isOrdered: Bool
        var reliability: SCTPReliability
        var priority: UInt16 = 256
    }

    /// Why bytes are no such message.
    enum ParseError: Error, Equatable, Sendable {
        case empty
        case unknownType(UInt8)
        case lengthMismatch
        case unknownChannelType(UInt8)
        case labelTooLong(Int)
        case notUTF8
    }

    /// Label and protocol together, bytes: LiveKit's labels have ten.
    static let namesMax = 1024

    private static let acknowledgementType: UInt8 = 2
    private static let openType: UInt8 = 3
    private static let unorderedBit: UInt8 = 0x80

    /// Reads a message. An acknowledgement may be longer than its one byte: pion's has four.
    init(parsing bytes: [UInt8]) throws(ParseError) {
        var reader = ByteReader(bytes)
        guard let type = reader.uint8() else { throw .empty }
        if type == Self.acknowledgementType {
            self = .acknowledgement
            return
        }
        guard type == Self.openType else { throw .unknownType(type) }
        guard let channelType = reader.uint8(), let priority = reader.uint16(),
            let parameter = reader.uint32(), let labelSize = reader.uint16(),
            let protocolSize = reader.uint16(),
            reader.remaining == Int(labelSize) + Int(protocolSize),
            let label = reader.array(Int(labelSize)),
            let subprotocol = reader.array(Int(protocolSize))
        else { throw .lengthMismatch }
        guard label.count + subprotocol.count <= Self.namesMax else {
            throw .labelTooLong(label.count + subprotocol.count)
        }
        guard let labelText = String(validating: label, as: UTF8.self),
            let protocolText = String(validating: subprotocol, as: UTF8.self)
        else { throw .notUTF8 }
        let reliability: SCTPReliability
        switch channelType & ~Self.unorderedBit {
        case 0: reliability = .reliable
        case 1: reliability = .maxRetransmits(UInt16(clamping: parameter))
        case 2: reliability = .maxLifetime(milliseconds: UInt16(clamping: parameter))
        default: throw .unknownChannelType(channelType)
        }
        self = .open(
            Opening(
                label: labelText, subprotocol: protocolText,
                isOrdered: channelType & Self.unorderedBit == 0, reliability: reliability,
                priority: priority))
    }

    /// The message's bytes.
    func encoded() -> [UInt8] {
        guard case .open(let opening) = self else { return [Self.acknowledgementType] }
        let label = Array(opening.label.utf8)
        let subprotocol = Array(opening.subprotocol.utf8)
        let (kind, parameter): (UInt8, UInt32) =
            switch opening.reliability {
            case .reliable: (0, 0)
            case .maxRetransmits(let count): (1, UInt32(count))
            case .maxLifetime(let milliseconds): (2, UInt32(milliseconds))
            }
        var writer = ByteWriter(capacity: 12 + label.count + subprotocol.count)
        writer.uint8(Self.openType)
        writer.uint8(opening.isOrdered ? kind : kind | Self.unorderedBit)
        writer.uint16(opening.priority)
        writer.uint32(parameter)
        writer.uint16(UInt16(clamping: label.count))
        writer.uint16(UInt16(clamping: subprotocol.count))
        writer.append(label)
        writer.append(subprotocol)
        return writer.bytes
    }
}
