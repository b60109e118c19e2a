// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A parameter of INIT, INIT-ACK or RE-CONFIG (RFC 9260 section 3.3.2.1, RFC 6525 section 4).
enum SCTPParameter: Equatable, Sendable {
    case stateCookie([UInt8])
    /// A parameter that the INIT's receiver did not know, header included.
    case unrecognizedParameter([UInt8])
    case outgoingReset(SCTPOutgoingReset)
    case incomingReset(requestSequence: UInt32, streams: [UInt16])
    case tsnReset(requestSequence: UInt32)
    case addStreams(isIncoming: Bool, requestSequence: UInt32, count: UInt16)
    case resetResponse(SCTPResetResponse)
    /// RFC 9653: the sender takes packets without a checksum; 1 means over DTLS.
    case zeroChecksum(method: UInt32)
    /// RFC 5061: chunk types beyond RFC 9260's that the sender understands.
    case supportedExtensions([UInt8])
    case forwardTSNSupported
    case other(type: UInt16, value: [UInt8])
}

/// Outgoing SSN reset request: the sender starts its streams again at zero.
struct SCTPOutgoingReset: Equatable, Sendable {
    var requestSequence: UInt32
    /// The request of the other side that this answers. Peers leave it 0; never checked.
    var responseSequence: UInt32
    var lastTSN: UInt32
    /// Empty means all.
    var streams: [UInt16]
}

/// Re-configuration response.
struct SCTPResetResponse: Equatable, Sendable {
    /// Results of RFC 6525 section 4.4; peers may send others.
    struct Result: RawRepresentable, Equatable, Sendable {
        let rawValue: UInt32
        static let nothingToDo = Result(rawValue: 0)
        static let performed = Result(rawValue: 1)
        static let denied = Result(rawValue: 2)
        static let wrongStreamSequence = Result(rawValue: 3)
        static let alreadyInProgress = Result(rawValue: 4)
        static let badSequence = Result(rawValue: 5)
        static let inProgress = Result(rawValue: 6)
    }

    var responseSequence: UInt32
    var result: Result
    /// Sender's and receiver's next TSN, only in answers to a TSN reset.
    var nextTSNs: [UInt32] = []
}

extension SCTPParameter {
    /// Parameter types by number.
    enum Kind {
        static let stateCookie: UInt16 = 7
        static let unrecognized: UInt16 = 8
        static let outgoingReset: UInt16 = 13
        static let incomingReset: UInt16 = 14
        static let tsnReset: UInt16 = 15
        static let resetResponse: UInt16 = 16
        static let addOutgoingStreams: UInt16 = 17
        static let addIncomingStreams: UInt16 = 18
        static let zeroChecksum: UInt16 = 0x8001
        static let supportedExtensions: UInt16 = 0x8008
        static let forwardTSNSupported: UInt16 = 0xC000
    }

    /// More are no honest packet: an INIT has five.
    static let countMax = 64

    /// Reads parameters to the end of `reader`.
    static func list(_ reader: inout ByteReader) throws(SCTPDecodeError) -> [SCTPParameter] {
        var list: [SCTPParameter] = []
        while !reader.isAtEnd {
            guard list.count < countMax else { throw .tooManyParameters }
            guard let type = reader.uint16(), let length = reader.uint16() else {
                throw .parameterLengthInvalid(type: 0, length: reader.remaining)
            }
            guard length >= 4, var value = reader.slice(Int(length) - 4) else {
                throw .parameterLengthInvalid(type: type, length: Int(length))
            }
            // The last parameter's padding may stand outside the chunk's length.
            _ = reader.skip(min(reader.remaining, (4 - Int(length) % 4) % 4))
            guard let parameter = one(type, &value) else {
                throw .parameterLengthInvalid(type: type, length: Int(length))
            }
            list.append(parameter)
        }
        return list
    }

    private static func one(_ type: UInt16, _ value: inout ByteReader) -> SCTPParameter? {
        switch type {
        case Kind.stateCookie: return .stateCookie(value.rest())
        case Kind.unrecognized: return .unrecognizedParameter(value.rest())
        case Kind.outgoingReset: return outgoingReset(&value)
        case Kind.incomingReset:
            guard let sequence = value.uint32(), let streams = streams(&value) else { return nil }
            return .incomingReset(requestSequence: sequence, streams: streams)
        case Kind.tsnReset:
            guard let sequence = value.uint32(), value.isAtEnd else { return nil }
            return .tsnReset(requestSequence: sequence)
        case Kind.resetResponse: return resetResponse(&value)
        case Kind.addOutgoingStreams, Kind.addIncomingStreams:
            guard let sequence = value.uint32(), let count = value.uint16(),
                value.uint16() != nil, value.isAtEnd
            else { return nil }
            return .addStreams(
                isIncoming: type == Kind.addIncomingStreams, requestSequence: sequence,
                count: count)
        case Kind.zeroChecksum:
            guard let method = value.uint32(), value.isAtEnd else { return nil }
            return .zeroChecksum(method: method)
        case Kind.supportedExtensions: return .supportedExtensions(value.rest())
        case Kind.forwardTSNSupported where value.isAtEnd: return .forwardTSNSupported
        default: return .other(type: type, value: value.rest())
        }
    }

    private static func outgoingReset(_ value: inout ByteReader) -> SCTPParameter? {
        guard let request = value.uint32(), let response = value.uint32(),
            let lastTSN = value.uint32(), let streams = streams(&value)
        else { return nil }
        return .outgoingReset(
            SCTPOutgoingReset(
                requestSequence: request, responseSequence: response, lastTSN: lastTSN,
                streams: streams))
    }

    private static func resetResponse(_ value: inout ByteReader) -> SCTPParameter? {
        guard let sequence = value.uint32(), let result = value.uint32() else { return nil }
        var response = SCTPResetResponse(
            responseSequence: sequence, result: .init(rawValue: result))
        if value.remaining == 8, let sender = value.uint32(), let receiver = value.uint32() {
            response.nextTSNs = [sender, receiver]
        }
        return value.isAtEnd ? .resetResponse(response) : nil
    }

    private static func streams(_ value: inout ByteReader) -> [UInt16]? {
        guard value.remaining % 2 == 0 else { return nil }
        var streams: [UInt16] = []
        streams.reserveCapacity(value.remaining / 2)
        while let stream = value.uint16() { streams.append(stream) }
        return streams
    }

    /// Appends the parameters, each but the last padded: the chunk's own padding does for that one.
    static func write(_ list: [SCTPParameter], to writer: inout ByteWriter) {
        for (index, parameter) in list.enumerated() {
            let start = writer.count
            writer.uint16(parameter.type)
            writer.uint16(0)
            parameter.writeValue(to: &writer)
            writer.setUInt16(UInt16(truncatingIfNeeded: writer.count - start), at: start + 2)
            if index < list.count - 1 { writer.pad(to: 4) }
        }
    }

    /// The number that stands for the parameter in a packet.
    var type: UInt16 {
        switch self {
        case .stateCookie: Kind.stateCookie
        case .unrecognizedParameter: Kind.unrecognized
        case .outgoingReset: Kind.outgoingReset
        case .incomingReset: Kind.incomingReset
        case .tsnReset: Kind.tsnReset
        case .addStreams(let isIncoming, _, _):
            isIncoming ? Kind.addIncomingStreams : Kind.addOutgoingStreams
        case .resetResponse: Kind.resetResponse
        case .zeroChecksum: Kind.zeroChecksum
        case .supportedExtensions: Kind.supportedExtensions
        case .forwardTSNSupported: Kind.forwardTSNSupported
        case .other(let type, _): type
        }
    }

    private func writeValue(to writer: inout ByteWriter) {
        switch self {
        case .stateCookie(let bytes), .unrecognizedParameter(let bytes),
            .supportedExtensions(let bytes), .other(_, let bytes):
            writer.append(bytes)
        case .outgoingReset(let reset):
            writer.uint32(reset.requestSequence)
            writer.uint32(reset.responseSequence)
            writer.uint32(reset.lastTSN)
            for stream in reset.streams { writer.uint16(stream) }
        case .incomingReset(let sequence, let streams):
            writer.uint32(sequence)
            for stream in streams { writer.uint16(stream) }
        case .tsnReset(let sequence):
            writer.uint32(sequence)
        case .addStreams(_, let sequence, let count):
            writer.uint32(sequence)
            writer.uint16(count)
            writer.uint16(0)
        case .resetResponse(let response):
            writer.uint32(response.responseSequence)
            writer.uint32(response.result.rawValue)
            for tsn in response.nextTSNs { writer.uint32(tsn) }
        case .zeroChecksum(let method):
            writer.uint32(method)
        case .forwardTSNSupported:
            break
        }
    }
}

/// A cause in ABORT or ERROR (RFC 9260 section 3.3.10).
struct SCTPErrorCause: Equatable, Sendable {
    /// Cause codes by number.
    enum Code {
        static let staleCookie: UInt16 = 3
        static let unrecognizedChunk: UInt16 = 6
        static let noUserData: UInt16 = 9
        static let userAbort: UInt16 = 12
        static let protocolViolation: UInt16 = 13
    }

    var code: UInt16
    var value: [UInt8] = []

    /// Reads causes to the end of `reader`.
    static func list(_ reader: inout ByteReader) throws(SCTPDecodeError) -> [SCTPErrorCause] {
        var list: [SCTPErrorCause] = []
        while !reader.isAtEnd {
            guard list.count < SCTPParameter.countMax else { throw .tooManyParameters }
            guard let code = reader.uint16(), let length = reader.uint16() else {
                throw .causeLengthInvalid(code: 0, length: reader.remaining)
            }
            guard length >= 4, let value = reader.array(Int(length) - 4) else {
                throw .causeLengthInvalid(code: code, length: Int(length))
            }
            _ = reader.skip(min(reader.remaining, (4 - Int(length) % 4) % 4))
            list.append(SCTPErrorCause(code: code, value: value))
        }
        return list
    }

    /// Appends the causes, each but the last padded.
    static func write(_ list: [SCTPErrorCause], to writer: inout ByteWriter) {
        for (index, cause) in list.enumerated() {
            writer.uint16(cause.code)
            writer.uint16(UInt16(truncatingIfNeeded: cause.value.count + 4))
            writer.append(cause.value)
            if index < list.count - 1 { writer.pad(to: 4) }
        }
    }
}
