// SPDX-License-Identifier: Apache-2.0

/// What went out under each of a stream's last sequence numbers, so that an answer to a NACK is
/// known to be the same packet.
///
/// Two texts under one number give away the key stream and, with GCM, the key that authenticates
/// (RFC 7714 section 8.1). One extension rewritten on the way, a send time for example, is enough.
struct SRTPSentPackets {
    /// As many as libsrtp lets repeat; it refuses older ones itself.
    private static let slots = Int(SRTPContext.replayWindow)
    /// Per slot: used, sequence number, 47 bits of the packet's hash.
    private var marks = [UInt64](repeating: 0, count: slots)

    /// Sequence number and hash of a packet that has an RTP header.
    static func mark(of packet: [UInt8]) -> UInt64 {
        // Only compared within the process, so a seed of the process's own does no harm.
        var hasher = Hasher()
        unsafe packet.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        let hash = UInt64(UInt(bitPattern: hasher.finalize())) & (1 << 47 - 1)
        let sequence = UInt64(packet[2]) << 8 | UInt64(packet[3])
        return 1 << 63 | sequence << 47 | hash
    }

    /// Whether another packet went out under the same number.
    func conflicts(with mark: UInt64) -> Bool {
        let sent = marks[Self.slot(of: mark)]
        return sent >> 47 == mark >> 47 && sent != mark
    }

    /// Notes a packet that goes out.
    mutating func note(_ mark: UInt64) {
        marks[Self.slot(of: mark)] = mark
    }

    private static func slot(of mark: UInt64) -> Int {
        Int(mark >> 47 & 0xFFFF) % slots
    }
}
