// SPDX-License-Identifier: Apache-2.0
internal import CSRTP

/// One direction of an `SRTPContext`: a libsrtp session and the streams open in it.
///
/// The directions are two sessions, because servers send RTCP under our own SSRC, which libsrtp
/// takes for a collision within one session.
@safe final class SRTPSession {
    enum Direction { case inbound, outbound }

    enum PacketKind {
        case rtp, rtcp

        /// Bytes of the fixed header, SSRC included.
        var headerLength: Int {
            switch self {
            case .rtp: 12
            case .rtcp: 8
            }
        }

        /// Bytes between the payload and the tag: SRTCP's index.
        var trailerLength: Int {
            switch self {
            case .rtp: 0
            case .rtcp: 4
            }
        }

        func ssrc(in packet: [UInt8]) -> UInt32? {
            let offset = headerLength - 4
            guard packet.count >= headerLength else { return nil }
            return packet[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// libsrtp keeps its ciphers in global tables, filled by the first call.
    private static let libraryStatus: srtp_err_status_t = srtp_init()

    // SAFETY: written once under Swift's lock for statics and never used.
    /// A session that is never closed. Debian's libsrtp encrypts with NSS and loads its libraries
    /// with the first session, unloads them with the last: 0.8 ms a session instead of 0.02, most
    /// of it in the dynamic linker, on the loop's thread.
    nonisolated(unsafe) private static let anchor: srtp_t? = {
        var policy = unsafe srtp_policy_t()
        unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
        unsafe srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        unsafe policy.ssrc.type = ssrc_any_outbound
        var key = [UInt8](repeating: 0, count: Int(SRTP_MASTER_KEY_LEN))
        var session: srtp_t?
        _ = unsafe key.withUnsafeMutableBufferPointer { key in
            unsafe policy.key = key.baseAddress
            return unsafe srtp_create(&session, &policy)
        }
        return unsafe session
    }()

    private(set) var evictions: UInt64 = 0
    private let direction: Direction
    private let raw: srtp_t
    /// SSRCs with a stream in `raw`, with the number of the packet that used it last.
    private var streams: [UInt32: UInt64] = [:]
    private var packets: UInt64 = 0
    /// What an outbound stream has sent; RTP only, SRTCP numbers its packets itself.
    private var sent: [UInt32: SRTPSentPackets] = [:]

    init(_ keys: SRTPKeyingMaterial, direction: Direction) throws(SRTPError) {
        guard Self.libraryStatus == srtp_err_status_ok else {
            throw .refused(status: Self.libraryStatus.rawValue)
        }
        _ = unsafe Self.anchor
        self.direction = direction
        var policy = unsafe srtp_policy_t()
        let profile = keys.profile.libraryProfile
        let known = unsafe [
            srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile),
            srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile),
        ]
        guard known.allSatisfy({ $0 == srtp_err_status_ok }) else {
            throw .refused(status: srtp_err_status_bad_param.rawValue)
        }
        unsafe policy.ssrc.type = direction == .inbound ? ssrc_any_inbound : ssrc_any_outbound
        unsafe policy.window_size = SRTPContext.replayWindow
        // An answer to a NACK is the same packet again.
        unsafe policy.allow_repeat_tx = direction == .outbound ? 1 : 0
        var session: srtp_t?
        // SAFETY: libsrtp derives its session keys during the call and keeps no pointer to ours.
        let create = { (key: UnsafeMutablePointer<UInt8>?) -> srtp_err_status_t in
            unsafe policy.key = key
            return unsafe srtp_create(&session, &policy)
        }
        let status =
            unsafe direction == .inbound ? keys.withRemoteKey(create) : keys.withLocalKey(create)
        guard status == srtp_err_status_ok, let session = unsafe session else {
            throw .refused(status: status.rawValue)
        }
        unsafe raw = session
    }

    deinit {
        unsafe srtp_dealloc(raw)
    }

    /// Protects or opens a packet, by the session's direction.
    func process(
        _ packet: [UInt8], _ kind: PacketKind, ssrc: UInt32
    ) -> Result<[UInt8], SRTPError> {
        if streams[ssrc] == nil, streams.count >= SRTPContext.streamsMax {
            // Ours are a handful, more is a mistake; a peer's come and go with its tracks.
            guard direction == .inbound else { return .failure(.tooManyStreams) }
        }
        let mark = direction == .outbound && kind == .rtp ? SRTPSentPackets.mark(of: packet) : nil
        if let mark, sent[ssrc]?.conflicts(with: mark) == true {
            return .failure(.alteredRepeat)
        }
        var status = srtp_err_status_ok
        let room = direction == .outbound ? Int(csrtp_trailer_room()) : 0
        // SAFETY: the buffer holds the packet and the room libsrtp may write behind it; the length
        // it returns is within both.
        let output = unsafe [UInt8](unsafeUninitializedCapacity: packet.count + room) {
            buffer, filled in
            _ = unsafe buffer.initialize(from: packet)
            var length = Int32(packet.count)
            let bytes = buffer.baseAddress
            switch (direction, kind) {
            case (.outbound, .rtp): status = unsafe srtp_protect(raw, bytes, &length)
            case (.outbound, .rtcp): status = unsafe srtp_protect_rtcp(raw, bytes, &length)
            case (.inbound, .rtp): status = unsafe srtp_unprotect(raw, bytes, &length)
            case (.inbound, .rtcp): status = unsafe srtp_unprotect_rtcp(raw, bytes, &length)
            }
            filled = status == srtp_err_status_ok ? Int(length) : 0
        }
        guard status == srtp_err_status_ok else { return .failure(Self.error(status)) }
        used(ssrc)
        if let mark { sent[ssrc, default: SRTPSentPackets()].note(mark) }
        return .success(output)
    }

    /// Notes a stream's use and closes the one unused the longest when there are too many.
    private func used(_ ssrc: UInt32) {
        packets &+= 1
        streams[ssrc] = packets
        guard streams.count > SRTPContext.streamsMax,
            let oldest = streams.min(by: { $0.value < $1.value })?.key
        else { return }
        streams[oldest] = nil
        remove(oldest)
        evictions &+= 1
    }

    /// Closes a stream, if it is open.
    func end(_ ssrc: UInt32) {
        guard streams.removeValue(forKey: ssrc) != nil else { return }
        sent[ssrc] = nil
        remove(ssrc)
    }

    /// Frees a stream of libsrtp, which finds it by the SSRC in network byte order.
    private func remove(_ ssrc: UInt32) {
        _ = unsafe srtp_remove_stream(raw, ssrc.bigEndian)
    }

    private static func error(_ status: srtp_err_status_t) -> SRTPError {
        switch status {
        case srtp_err_status_auth_fail: .authenticationFailed
        case srtp_err_status_replay_fail, srtp_err_status_replay_old,
            srtp_err_status_pkt_idx_old:
            .replayed
        case srtp_err_status_bad_param, srtp_err_status_parse_err: .malformed
        case srtp_err_status_key_expired: .keyExpired
        default: .refused(status: status.rawValue)
        }
    }
}
