// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto

/// What the peer said in INIT or INIT-ACK.
struct SCTPPeerParameters: Equatable, Sendable {
    var tag: UInt32
    var initialTSN: UInt32
    var receiveWindow: UInt32
    var outboundStreams: UInt16
    var inboundStreams: UInt16
    /// FORWARD-TSN, by its parameter or by the list: pion sends the list alone.
    var isPartialReliabilitySupported = false
    var isResetSupported = false

    init(_ chunk: SCTPInitChunk) {
        tag = chunk.initiateTag
        initialTSN = chunk.initialTSN
        receiveWindow = chunk.receiveWindow
        outboundStreams = chunk.outboundStreams
        inboundStreams = chunk.inboundStreams
        for parameter in chunk.parameters {
            switch parameter {
            case .forwardTSNSupported:
                isPartialReliabilitySupported = true
            case .supportedExtensions(let types):
                if types.contains(SCTPChunkType.forwardTSN) { isPartialReliabilitySupported = true }
                if types.contains(SCTPChunkType.reconfiguration) { isResetSupported = true }
            case .stateCookie, .unrecognizedParameter, .outgoingReset, .incomingReset, .tsnReset,
                .addStreams, .resetResponse, .zeroChecksum, .other:
                break
            }
        }
    }
}

/// The state cookie of our INIT-ACK: the peer's parameters under a MAC, so that answering an INIT
/// keeps nothing (RFC 9260 section 5.1.3).
struct SCTPCookie: Equatable, Sendable {
    var peer: SCTPPeerParameters
    var issued: Instant

    /// How long a cookie is good: RFC 9260's Valid.Cookie.Life.
    static let lifetime: Duration = .seconds(60)

    /// Bytes of MAC: half a SHA-256, RFC 2104's floor.
    private static let tagSize = 16
    private static let bodySize = 4 + 4 + 4 + 2 + 2 + 4 + 8
    static let size = bodySize + tagSize

    init(peer: SCTPPeerParameters, issued: Instant) {
        self.peer = peer
        self.issued = issued
    }

    /// Reads a cookie that `sealed(key:)` wrote; nil for any other bytes.
    init?(opening bytes: [UInt8], key: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        let body = Array(bytes.prefix(Self.bodySize))
        let mac = Array(hmacSHA256(key: key, body).prefix(Self.tagSize))
        guard constantTimeEqual(mac, Array(bytes.suffix(Self.tagSize))) else { return nil }
        var reader = ByteReader(body)
        guard let tag = reader.uint32(), let tsn = reader.uint32(), let window = reader.uint32(),
            let outbound = reader.uint16(), let inbound = reader.uint16(),
            let features = reader.uint32(), let issued = reader.uint64()
        else { return nil }
        peer = SCTPPeerParameters(
            SCTPInitChunk(
                initiateTag: tag, receiveWindow: window, outboundStreams: outbound,
                inboundStreams: inbound, initialTSN: tsn, parameters: []))
        peer.isPartialReliabilitySupported = features & 1 == 1
        peer.isResetSupported = features & 2 == 2
        self.issued = Instant(nanoseconds: issued)
    }

    /// The cookie's bytes.
    func sealed(key: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.size)
        writer.uint32(peer.tag)
        writer.uint32(peer.initialTSN)
        writer.uint32(peer.receiveWindow)
        writer.uint16(peer.outboundStreams)
        writer.uint16(peer.inboundStreams)
        let reliability: UInt32 = peer.isPartialReliabilitySupported ? 1 : 0
        writer.uint32(reliability | (peer.isResetSupported ? 2 : 0))
        writer.uint64(issued.nanoseconds)
        writer.append(hmacSHA256(key: key, writer.bytes).prefix(Self.tagSize))
        return writer.bytes
    }
}
