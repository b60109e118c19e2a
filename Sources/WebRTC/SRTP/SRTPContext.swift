// SPDX-License-Identifier: Apache-2.0
internal import CSRTP

/// Why a packet was not protected or not let in.
public enum SRTPError: Error, Hashable, Sendable {
    /// Too short, too long, or a header that does not fit the packet.
    case malformed
    /// The tag does not fit: forged, damaged, or of another key.
    case authenticationFailed
    /// Seen before, or too old for the replay window.
    case replayed
    /// Another packet went out under this sequence number before: sending both would break the
    /// cipher.
    case alteredRepeat
    /// The key has protected as many packets as it may (RFC 3711 section 9.2).
    case keyExpired
    /// As many streams are open as may be (`SRTPContext.streamsMax`).
    case tooManyStreams
    /// libsrtp refused with this status.
    case refused(status: UInt32)
}

/// Protects outgoing and opens incoming RTP and RTCP of one connection (RFC 3711, RFC 7714).
///
/// Any SSRC is taken in both directions; its roll-over counter starts at 0 with its first packet.
/// Not for use from two threads at once. A packet that fails changes nothing but the counters.
public final class SRTPContext {
    /// Streams open in one direction. A room of a hundred people that come and go stays below it;
    /// without a bound a peer could make us allocate one per packet.
    public static let streamsMax = 256
    /// Longest packet taken, in bytes: more never came in one datagram of the paths we use.
    public static let packetBytesMax = 9_216
    /// Sequence numbers that may still come late, and that may be sent again: libsrtp's default of
    /// 128 is a quarter of a second of video. Counts packets.
    static let replayWindow: UInt = 1_024

    /// What happened so far.
    public struct Statistics: Hashable, Sendable {
        /// Packets protected, RTP and RTCP.
        public var protected: UInt64 = 0
        /// Packets opened, RTP and RTCP.
        public var opened: UInt64 = 0
        /// Packets with a wrong tag.
        public var authenticationFailures: UInt64 = 0
        /// Packets seen before or too old.
        public var replays: UInt64 = 0
        /// Packets that are no RTP or RTCP, or too long.
        public var malformed: UInt64 = 0
        /// Streams that gave way to newer ones.
        public var streamsEvicted: UInt64 = 0
    }

    /// What the packets are protected with.
    public let profile: SRTPProfile
    /// What happened so far.
    public private(set) var statistics = Statistics()
    private let sender: SRTPSession
    private let receiver: SRTPSession

    /// Makes both directions ready.
    public init(_ keys: SRTPKeyingMaterial) throws(SRTPError) {
        profile = keys.profile
        sender = try SRTPSession(keys, direction: .outbound)
        receiver = try SRTPSession(keys, direction: .inbound)
    }

    /// The SRTP packet for an RTP packet.
    ///
    /// A packet sent before (an answer to a NACK) is protected again and gives the same bytes, if
    /// it is no more than 1,024 behind. It must be the same bit for bit, header extensions too:
    /// another under its number is refused, because it would break the cipher (RFC 7714 section
    /// 8.1).
    public func protectRTP(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
        try protected(packet, .rtp)
    }

    /// The SRTCP packet for a compound RTCP packet.
    public func protectRTCP(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
        try protected(packet, .rtcp)
    }

    /// The RTP packet within an SRTP packet.
    public func unprotectRTP(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
        try opened(packet, .rtp)
    }

    /// The compound RTCP packet within an SRTCP packet.
    public func unprotectRTCP(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
        try opened(packet, .rtcp)
    }

    /// Ends an outgoing stream, so that another may take its place among ``streamsMax``.
    ///
    /// Never send under its SSRC again: the roll-over counter would begin anew, and the same key
    /// stream would cover other packets.
    public func endStream(_ ssrc: UInt32) {
        sender.end(ssrc)
    }

    private func protected(
        _ packet: [UInt8], _ kind: SRTPSession.PacketKind
    ) throws(SRTPError) -> [UInt8] {
        guard packet.count >= kind.headerLength, packet.count <= Self.packetBytesMax,
            let ssrc = kind.ssrc(in: packet)
        else { throw count(.malformed) }
        switch sender.process(packet, kind, ssrc: ssrc) {
        case .success(let output):
            statistics.protected &+= 1
            return output
        case .failure(let error): throw count(error)
        }
    }

    private func opened(
        _ packet: [UInt8], _ kind: SRTPSession.PacketKind
    ) throws(SRTPError) -> [UInt8] {
        // libsrtp subtracts the tag from the length before it looks: shorter packets stop here.
        let least = kind.headerLength + kind.trailerLength + profile.tagLength
        guard packet.count >= least, packet.count <= Self.packetBytesMax,
            let ssrc = kind.ssrc(in: packet)
        else { throw count(.malformed) }
        switch receiver.process(packet, kind, ssrc: ssrc) {
        case .success(let output):
            statistics.opened &+= 1
            statistics.streamsEvicted = receiver.evictions
            return output
        case .failure(let error): throw count(error)
        }
    }

    private func count(_ error: SRTPError) -> SRTPError {
        switch error {
        case .malformed: statistics.malformed &+= 1
        case .authenticationFailed: statistics.authenticationFailures &+= 1
        case .replayed: statistics.replays &+= 1
        case .alteredRepeat, .keyExpired, .tooManyStreams, .refused: break
        }
        return error
    }
}
