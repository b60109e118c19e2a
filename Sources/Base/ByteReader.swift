// SPDX-License-Identifier: Apache-2.0

/// Reads big-endian integers and byte runs from the front of a byte array; a read past the end
/// returns nil and moves nothing.
///
/// Every parser of a stranger's bytes stands on it, so it never traps whatever it is given.
public struct ByteReader: Sendable {
    /// The array that is read, whole.
    public let bytes: [UInt8]
    /// Index into `bytes` of the next byte.
    public private(set) var position: Int
    /// Index one past the last readable byte.
    public let end: Int

    /// Reads all of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    /// Reads `range` of `bytes`; the range is clamped to the array.
    public init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        let clamped = range.clamped(to: 0..<bytes.count)
        position = clamped.lowerBound
        end = clamped.upperBound
    }

    /// Number of bytes not yet read.
    public var remaining: Int { end - position }

    /// Whether everything was read.
    public var isAtEnd: Bool { position >= end }

    /// The next byte.
    public mutating func uint8() -> UInt8? {
        guard remaining >= 1 else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next two bytes, big-endian.
    public mutating func uint16() -> UInt16? {
        guard remaining >= 2 else { return nil }
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    /// The next three bytes, big-endian.
    public mutating func uint24() -> UInt32? {
        guard remaining >= 3 else { return nil }
        defer { position += 3 }
        return UInt32(bytes[position]) << 16 | UInt32(bytes[position + 1]) << 8
            | UInt32(bytes[position + 2])
    }

    /// The next four bytes, big-endian.
    public mutating func uint32() -> UInt32? {
        guard remaining >= 4 else { return nil }
        defer { position += 4 }
        return UInt32(bytes[position]) << 24 | UInt32(bytes[position + 1]) << 16
            | UInt32(bytes[position + 2]) << 8 | UInt32(bytes[position + 3])
    }

    /// The next eight bytes, big-endian.
    public mutating func uint64() -> UInt64? {
        guard remaining >= 8, let high = uint32(), let low = uint32() else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// A copy of the next `count` bytes; nil when fewer are left or `count` is negative.
    public mutating func array(_ count: Int) -> [UInt8]? {
        guard count >= 0, remaining >= count else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// A reader over the next `count` bytes, which this one passes over.
    public mutating func slice(_ count: Int) -> ByteReader? {
        guard count >= 0, remaining >= count else { return nil }
        defer { position += count }
        return ByteReader(bytes, in: position..<position + count)
    }

    /// Passes over `count` bytes; false, and nothing moved, when fewer are left.
    public mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, remaining >= count else { return false }
        position += count
        return true
    }

    /// A copy of everything not yet read.
    public mutating func rest() -> [UInt8] {
        defer { position = end }
        return Array(bytes[position..<end])
    }
}
