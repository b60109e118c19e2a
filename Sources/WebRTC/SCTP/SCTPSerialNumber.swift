// SPDX-License-Identifier: Apache-2.0

// Transmission sequence numbers wrap at 32 bits. They are unwrapped once, where a packet is read,
// into 64 bits, so that everything behind the codec compares and subtracts plain integers.

/// A transmission sequence number with its wraps counted.
typealias SCTPTSN = Int64

extension SCTPTSN {
    /// The number whose low 32 bits are `wire`, at most 2³¹ away from `reference` (RFC 1982).
    init(unwrapping wire: UInt32, near reference: SCTPTSN) {
        let distance = Int32(bitPattern: wire &- reference.wire)
        self = reference &+ Int64(distance)
    }

    /// The 32 bits that stand in a packet.
    var wire: UInt32 { UInt32(truncatingIfNeeded: self) }
}

/// How far `later` lies ahead of `earlier` in 16-bit serial arithmetic; negative when behind.
func sctpStreamSequenceDistance(from earlier: UInt16, to later: UInt16) -> Int {
    Int(Int16(bitPattern: later &- earlier))
}
