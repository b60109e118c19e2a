// SPDX-License-Identifier: Apache-2.0

/// CRC32c (Castagnoli, reflected), the checksum of an SCTP packet (RFC 9260 appendix A).
enum SCTPChecksum {
    /// Reflected form of the polynomial 0x1EDC6F41.
    private static let polynomial: UInt32 = 0x82F6_3B78

    /// Eight tables of 256 entries, one behind the other: table k moves a byte over k more bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 {
                remainder = remainder & 1 == 1 ? remainder >> 1 ^ polynomial : remainder >> 1
            }
            tables[byte] = remainder
        }
        for index in 256..<8 * 256 {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xff)]
        }
        return tables
    }()

    /// The checksum of a run of bytes.
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        ~updated(.max, bytes, 0..<bytes.count)
    }

    /// The checksum of a packet, its checksum field (bytes 8 to 11) taken as zero.
    static func ofPacket(_ bytes: [UInt8]) -> UInt32 {
        guard bytes.count >= SCTPPacket.headerSize else { return crc32c(bytes) }
        let tables = tables.span
        var state = updated(.max, bytes, 0..<8)
        for _ in 0..<4 { state = state >> 8 ^ tables[Int(state & 0xff)] }
        return ~updated(state, bytes, SCTPPacket.headerSize..<bytes.count)
    }

    private static func updated(_ start: UInt32, _ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        let tables = tables.span
        let bytes = bytes.span
        var state = start
        var index = range.lowerBound
        while index &+ 8 <= range.upperBound {
            let low =
                state ^ UInt32(bytes[index]) ^ UInt32(bytes[index &+ 1]) << 8
                ^ UInt32(bytes[index &+ 2]) << 16 ^ UInt32(bytes[index &+ 3]) << 24
            state = tables[1792 &+ Int(low & 0xff)] ^ tables[1536 &+ Int(low >> 8 & 0xff)]
            state ^= tables[1280 &+ Int(low >> 16 & 0xff)] ^ tables[1024 &+ Int(low >> 24)]
            state ^= tables[768 &+ Int(bytes[index &+ 4])] ^ tables[512 &+ Int(bytes[index &+ 5])]
            state ^= tables[256 &+ Int(bytes[index &+ 6])] ^ tables[Int(bytes[index &+ 7])]
            index &+= 8
        }
        while index < range.upperBound {
            state = state >> 8 ^ tables[Int((state ^ UInt32(bytes[index])) & 0xff)]
            index &+= 1
        }
        return state
    }
}
