// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Unpacks gzip (RFC 1952) with DEFLATE inside (RFC 1951), for join requests of a few kilobytes.
///
/// Written for input from strangers: the output is bounded, every code is checked, nothing traps.
struct GzipReader {
    /// Why bytes are no gzip.
    private enum Failure: Error {
        case malformed
    }

    /// Longest code of DEFLATE.
    private static let codeBitsMax = 15

    private var reader: ByteReader
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []
    private let maxBytes: Int

    private init(_ bytes: [UInt8], maxBytes: Int) {
        reader = ByteReader(bytes)
        self.maxBytes = maxBytes
    }

    /// The contents of one gzip member; nil for anything that is none, or is longer than `maxBytes`
    /// inside. What follows the member is passed over.
    static func inflate(_ bytes: [UInt8], maxBytes: Int) -> [UInt8]? {
        var gzip = GzipReader(bytes, maxBytes: maxBytes)
        do throws(Failure) {
            try gzip.header()
            try gzip.blocks()
        } catch {
            return nil
        }
        return gzip.isTrue ? gzip.output : nil
    }

    // MARK: The member

    private mutating func header() throws(Failure) {
        // 1f 8b, method 8, flags, time, extra flags, system.
        guard reader.uint16() == 0x1f8b, reader.uint8() == 8, let flags = reader.uint8(),
            flags & 0xe0 == 0, reader.skip(6)
        else { throw .malformed }
        if flags & 4 != 0 {
            guard let low = reader.uint8(), let high = reader.uint8(),
                reader.skip(Int(high) << 8 | Int(low))
            else { throw .malformed }
        }
        for flag: UInt8 in [8, 16] where flags & flag != 0 { try skipText() }
        if flags & 2 != 0, !reader.skip(2) { throw .malformed }
    }

    private mutating func skipText() throws(Failure) {
        while let byte = reader.uint8() { if byte == 0 { return } }
        throw .malformed
    }

    /// Whether the checksum and the length behind the blocks fit.
    private var isTrue: Bool {
        var rest = reader
        guard let checksum = rest.uint32(), let length = rest.uint32() else { return false }
        return checksum.byteSwapped == Self.checksum(output)
            && length.byteSwapped == UInt32(truncatingIfNeeded: output.count)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0xffff_ffff
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        return ~value
    }

    // MARK: Blocks

    private mutating func blocks() throws(Failure) {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1: try compressed(Self.fixedLengths, Self.fixedDistances)
            case 2: try dynamic()
            default: throw .malformed
            }
        }
        // Whole bytes that were read ahead belong to what follows: at most three.
        let ahead = bitCount / 8
        reader = ByteReader(reader.bytes, in: (reader.position - ahead)..<reader.end)
    }

    private mutating func stored() throws(Failure) {
        let ahead = bitCount / 8
        reader = ByteReader(reader.bytes, in: (reader.position - ahead)..<reader.end)
        bits = 0
        bitCount = 0
        guard let low = reader.uint16(), let high = reader.uint16(), low == ~high else {
            throw .malformed
        }
        let count = Int(low.byteSwapped)
        guard output.count + count <= maxBytes, let bytes = reader.array(count) else {
            throw .malformed
        }
        output += bytes
    }

    private mutating func dynamic() throws(Failure) {
        let lengthCount = Int(try take(5)) + 257
        let distanceCount = Int(try take(5)) + 1
        let codeCount = Int(try take(4)) + 4
        guard lengthCount <= 286, distanceCount <= 30 else { throw .malformed }
        // RFC 1951 section 3.2.7.
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in order.prefix(codeCount) { lengths[index] = UInt8(try take(3)) }
        let codes = try Code(lengths)
        lengths = []
        while lengths.count < lengthCount + distanceCount {
            switch try symbol(codes) {
            case let length where length < 16: lengths.append(UInt8(length))
            case 16:
                guard let last = lengths.last else { throw .malformed }
                lengths += repeatElement(last, count: 3 + Int(try take(2)))
            case 17: lengths += repeatElement(0, count: 3 + Int(try take(3)))
            default: lengths += repeatElement(0, count: 11 + Int(try take(7)))
            }
        }
        guard lengths.count == lengthCount + distanceCount, lengths[256] > 0 else {
            throw .malformed
        }
        try compressed(
            try Code(Array(lengths[..<lengthCount])), try Code(Array(lengths[lengthCount...])))
    }

    /// RFC 1951 section 3.2.5.
    private static let lengthBases: [Int] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ]
    private static let distanceBases: [Int] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ]

    private mutating func compressed(_ lengths: Code, _ distances: Code) throws(Failure) {
        while true {
            let symbol = try symbol(lengths)
            if symbol < 256 {
                guard output.count < maxBytes else { throw .malformed }
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            let index = symbol - 257
            guard Self.lengthBases.indices.contains(index) else { throw .malformed }
            let lengthBits = index < 8 || index == 28 ? 0 : (index - 4) / 4
            let length = Self.lengthBases[index] + Int(try take(lengthBits))
            let place = try self.symbol(distances)
            guard Self.distanceBases.indices.contains(place) else { throw .malformed }
            let distanceBits = place < 4 ? 0 : (place - 2) / 2
            let distance = Self.distanceBases[place] + Int(try take(distanceBits))
            guard distance <= output.count, output.count + length <= maxBytes else {
                throw .malformed
            }
            // One by one: a copy may reach into what it writes.
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    // MARK: Bits and codes

    private mutating func take(_ count: Int) throws(Failure) -> UInt32 {
        while bitCount < count {
            guard let byte = reader.uint8() else { throw .malformed }
            bits |= UInt32(byte) << UInt32(bitCount)
            bitCount += 8
        }
        let value = bits & (1 << UInt32(count) - 1)
        bits >>= UInt32(count)
        bitCount -= count
        return value
    }

    /// A canonical Huffman code: how many codes there are of each length, and the symbols in the
    /// order of their codes.
    private struct Code {
        var counts = [Int](repeating: 0, count: codeBitsMax + 1)
        var symbols: [Int] = []

        init(_ lengths: [UInt8]) throws(Failure) {
            for length in lengths { counts[Int(length)] += 1 }
            counts[0] = 0
            var left = 1
            for bits in 1...codeBitsMax {
                left = left * 2 - counts[bits]
                // More codes than there is room for.
                guard left >= 0 else { throw .malformed }
            }
            for bits in 1...codeBitsMax where counts[bits] > 0 {
                for (symbol, length) in lengths.enumerated() where Int(length) == bits {
                    symbols.append(symbol)
                }
            }
        }

        /// For the codes that DEFLATE fixes, which are known to be good.
        init(fixed lengths: [UInt8]) {
            for length in lengths { counts[Int(length)] += 1 }
            counts[0] = 0
            for bits in 1...codeBitsMax where counts[bits] > 0 {
                for (symbol, length) in lengths.enumerated() where Int(length) == bits {
                    symbols.append(symbol)
                }
            }
        }
    }

    private static let fixedLengths = Code(
        fixed: [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
            + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8))
    private static let fixedDistances = Code(fixed: [UInt8](repeating: 5, count: 30))

    private mutating func symbol(_ code: Code) throws(Failure) -> Int {
        var value = 0
        var first = 0
        var index = 0
        for length in 1...Self.codeBitsMax {
            value |= Int(try take(1))
            let count = code.counts[length]
            if value - first < count { return code.symbols[index + value - first] }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw .malformed
    }
}
