// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import WebRTC

/// The numbers of one track on its way to one participant.
///
/// Timestamps pass unchanged, so that a receiver knows the media time of what it plays; sequence
/// numbers do unless the stream would begin in their upper half. After a mute the stream is aligned
/// to the wall clock again; what runs backwards is dropped. Both as livekit-server does.
struct ForwardedStream {
    /// Ticks a second of Opus.
    static let clockRate: Int64 = 48_000
    /// Ticks of a packet.
    static let packetTicks: UInt32 = 960
    /// Twenty milliseconds of silence in Opus, padded as the real server does.
    static let silence: [UInt8] = [0xf8, 0xff, 0xfe] + [UInt8](repeating: 0, count: 77)

    /// A packet's numbers for the receiver.
    struct Numbers: Equatable {
        var sequence: UInt16
        var timestamp: UInt32
    }

    /// From the publisher's timestamps to the receiver's.
    private(set) var timestampOffset: UInt32 = 0
    private var sequenceOffset: UInt16 = 0
    /// The newest packet that came in, and that went out.
    private var lastIn: Numbers?
    private var lastOut: Numbers?
    /// The first packet that went out, and when.
    private var anchor: (timestamp: UInt32, at: Instant)?
    /// What comes next follows silence of ours.
    private var isRealigning = false

    /// Takes a packet; nil when it is not passed on.
    mutating func pass(_ numbers: Numbers, at now: Instant) -> Numbers? {
        if isRealigning, let lastOut {
            timestampOffset = expected(at: now, after: lastOut) &- numbers.timestamp
            sequenceOffset = lastOut.sequence &+ 1 &- numbers.sequence
        } else if let lastIn {
            let isNewer = Int16(bitPattern: numbers.sequence &- lastIn.sequence) > 0
            let isEarlier = Int32(bitPattern: numbers.timestamp &- lastIn.timestamp) < 0
            if isNewer, isEarlier { return nil }
        } else {
            sequenceOffset = Self.start(at: numbers.sequence) &- numbers.sequence
        }
        isRealigning = false
        if lastIn.map({ Int32(bitPattern: numbers.timestamp &- $0.timestamp) >= 0 }) ?? true {
            lastIn = numbers
        }
        return note(
            Numbers(
                sequence: numbers.sequence &+ sequenceOffset,
                timestamp: numbers.timestamp &+ timestampOffset), at: now)
    }

    /// The numbers of a packet of silence; nil before anything was sent.
    mutating func silence(at now: Instant) -> Numbers? {
        guard let lastOut else { return nil }
        isRealigning = true
        return note(
            Numbers(
                sequence: lastOut.sequence &+ 1, timestamp: expected(at: now, after: lastOut)),
            at: now)
    }

    /// What is next comes after a break.
    mutating func realign() { isRealigning = lastOut != nil }

    /// The number that a stream begins with: in the lower half, because a receiver that misses the
    /// packets before the first wrap takes the roll-over counter for 0, and opens nothing ever after
    /// (RFC 3711 appendix A); and far enough from 0 for packets that come late from before it.
    private static func start(at sequence: UInt16) -> UInt16 {
        sequence < 0x8000 ? sequence : sequence & 0x3FFF | 0x4000
    }

    private mutating func note(_ numbers: Numbers, at now: Instant) -> Numbers {
        if anchor == nil { anchor = (numbers.timestamp, now) }
        if lastOut.map({ Int32(bitPattern: numbers.timestamp &- $0.timestamp) >= 0 }) ?? true {
            lastOut = numbers
        }
        return numbers
    }

    /// The timestamp of this moment by the wall clock, never before the next packet's.
    private func expected(at now: Instant, after last: Numbers) -> UInt32 {
        let next = last.timestamp &+ Self.packetTicks
        guard let anchor else { return next }
        let nanoseconds = (now - anchor.at).nanoseconds
        let seconds = nanoseconds / 1_000_000_000
        let rest = nanoseconds % 1_000_000_000
        let ticks = seconds &* Self.clockRate &+ rest &* Self.clockRate / 1_000_000_000
        let clocked = anchor.timestamp &+ UInt32(truncatingIfNeeded: ticks)
        return Int32(bitPattern: clocked &- next) > 0 ? clocked : next
    }
}
