// SPDX-License-Identifier: Apache-2.0

/// One chunk of an SCTP packet (RFC 9260 section 3.3, RFC 3758, RFC 6525, RFC 8260).
enum SCTPChunk: Equatable, Sendable {
    case data(SCTPDataChunk)
    case initiation(SCTPInitChunk)
    case initiationAck(SCTPInitChunk)
    case sack(SCTPSackChunk)
    /// The chunk's whole value: it goes back byte for byte.
    case heartbeat([UInt8])
    case heartbeatAck([UInt8])
    case abort(isTagReflected: Bool, causes: [SCTPErrorCause])
    case shutdown(cumulativeTSN: UInt32)
    case shutdownAck
    case shutdownComplete(isTagReflected: Bool)
    case error([SCTPErrorCause])
    case cookieEcho([UInt8])
    case cookieAck
    case interleavedData(SCTPInterleavedDataChunk)
    case reconfiguration([SCTPParameter])
    case forwardTSN(SCTPForwardTSNChunk)
    case interleavedForwardTSN(newCumulativeTSN: UInt32, skipped: [SCTPInterleavedSkip])
    /// Everything else, PAD and ECNE among it.
    case unrecognized(type: UInt8, flags: UInt8, value: [UInt8])
}

/// Chunk types by number.
enum SCTPChunkType {
    static let data: UInt8 = 0
    static let initiation: UInt8 = 1
    static let initiationAck: UInt8 = 2
    static let sack: UInt8 = 3
    static let heartbeat: UInt8 = 4
    static let heartbeatAck: UInt8 = 5
    static let abort: UInt8 = 6
    static let shutdown: UInt8 = 7
    static let shutdownAck: UInt8 = 8
    static let error: UInt8 = 9
    static let cookieEcho: UInt8 = 10
    static let cookieAck: UInt8 = 11
    static let explicitCongestionEcho: UInt8 = 12
    static let congestionWindowReduced: UInt8 = 13
    static let shutdownComplete: UInt8 = 14
    static let interleavedData: UInt8 = 0x40
    static let reconfiguration: UInt8 = 0x82
    static let pad: UInt8 = 0x84
    static let forwardTSN: UInt8 = 0xC0
    static let interleavedForwardTSN: UInt8 = 0xC2
}

/// DATA (RFC 9260 section 3.3.1).
struct SCTPDataChunk: Equatable, Sendable {
    /// The flag bits of the chunk header.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        /// Last fragment of its message.
        static let end = Flags(rawValue: 1)
        /// First fragment of its message.
        static let begin = Flags(rawValue: 2)
        /// Delivered as soon as it is complete, whatever its stream sequence number says.
        static let unordered = Flags(rawValue: 4)
        /// Please acknowledge at once (RFC 7053).
        static let immediate = Flags(rawValue: 8)
    }

    /// Chunk header and the fields before the payload, bytes.
    static let headerSize = 16

    var flags: Flags
    var tsn: UInt32
    var stream: UInt16
    var streamSequence: UInt16
    var protocolIdentifier: UInt32
    var payload: [UInt8]
}

/// I-DATA (RFC 8260 section 2.1): read so that it can be refused, never negotiated.
struct SCTPInterleavedDataChunk: Equatable, Sendable {
    var flags: SCTPDataChunk.Flags
    var tsn: UInt32
    var stream: UInt16
    var messageIdentifier: UInt32
    /// The payload protocol identifier on a first fragment, the fragment's number on others.
    var protocolIdentifierOrFragment: UInt32
    var payload: [UInt8]
}

/// INIT and INIT-ACK (RFC 9260 sections 3.3.2 and 3.3.3).
struct SCTPInitChunk: Equatable, Sendable {
    var initiateTag: UInt32
    var receiveWindow: UInt32
    var outboundStreams: UInt16
    var inboundStreams: UInt16
    var initialTSN: UInt32
    var parameters: [SCTPParameter]
}

/// SACK (RFC 9260 section 3.3.4).
struct SCTPSackChunk: Equatable, Sendable {
    /// A run of received TSNs, as offsets from the cumulative one.
    struct GapBlock: Equatable, Sendable {
        var start: UInt16
        var end: UInt16
    }

    var cumulativeTSN: UInt32
    var receiveWindow: UInt32
    var gaps: [GapBlock]
    var duplicates: [UInt32]
}

/// FORWARD-TSN (RFC 3758 section 3.2).
struct SCTPForwardTSNChunk: Equatable, Sendable {
    /// An ordered stream and the last of its sequence numbers that is given up.
    struct Skip: Equatable, Sendable {
        var stream: UInt16
        var streamSequence: UInt16
    }

    var newCumulativeTSN: UInt32
    var skipped: [Skip]
}

/// One entry of I-FORWARD-TSN (RFC 8260 section 2.3.1).
struct SCTPInterleavedSkip: Equatable, Sendable {
    var stream: UInt16
    var isUnordered: Bool
    var messageIdentifier: UInt32
}

/// A packet: common header and chunks (RFC 9260 section 3).
struct SCTPPacket: Equatable, Sendable {
    /// Bytes of the common header.
    static let headerSize = 12
    /// Bytes of a chunk's header.
    static let chunkHeaderSize = 4

    /// What the checksum field said.
    enum Checksum: Equatable, Sendable {
        case valid
        /// Zero where the CRC32c is not zero: the sender left it out (RFC 9653).
        case absent
    }

    var sourcePort: UInt16
    var destinationPort: UInt16
    var verificationTag: UInt32
    var chunks: [SCTPChunk]
    var checksum: Checksum = .valid
}

/// Why a packet cannot be read. The packet is dropped whole.
enum SCTPDecodeError: Error, Equatable, Sendable {
    case packetTooShort(Int)
    case packetTooLong(Int)
    case portZero
    case checksumMismatch
    case noChunk
    case tooManyChunks
    /// One to three bytes behind the last chunk.
    case trailingBytes(Int)
    case chunkLengthInvalid(type: UInt8, length: Int)
    case chunkTooShort(type: UInt8, length: Int)
    case initNotAlone
    case initTagZero
    case initStreamsZero
    case initWindowTooSmall(UInt32)
    /// The counts in a SACK, FORWARD-TSN or RE-CONFIG do not fit its length.
    case countMismatch(type: UInt8)
    case parameterLengthInvalid(type: UInt16, length: Int)
    case tooManyParameters
    case causeLengthInvalid(code: UInt16, length: Int)
}
