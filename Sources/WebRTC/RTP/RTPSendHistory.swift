// SPDX-License-Identifier: Apache-2.0
internal import Base

/// The last packets of a stream as they went out, so that a NACK can be answered.
///
/// It holds encrypted packets: SRTP is not asked twice for the same sequence number, and a resent
/// packet is the same bytes, which is what a receiver without RTX expects.
struct RTPSendHistory: Sendable {
    /// Packets kept: at 20 ms a packet a little over five seconds; a power of two, so that a
    /// sequence number finds its place by its low bits.
    static let capacity = 256
    /// Age beyond which a packet is of no use to anybody's jitter buffer.
    static let ageMax: Duration = .seconds(4)
    /// Shortest time between two copies of one packet: livekit-server repeats its NACK every 80 ms
    /// until the packet is there, so what comes sooner asks for what is already on its way.
    static let resendInterval: Duration = .milliseconds(40)
    /// Resent packets a second beyond which NACKs are an attack or the path is beyond help: twice
    /// the rate of an audio stream.
    static let resendsPerSecond = 100

    private struct Entry {
        var sequenceNumber: UInt16
        var sentAt: Instant
        var resentAt: Instant
        var bytes: [UInt8]
    }

    private var entries: [Entry?] = Array(repeating: nil, count: capacity)
    private var windowStart = Instant.zero
    private var windowCount = 0

    /// Keeps a packet in place of the one `capacity` packets before.
    mutating func record(_ bytes: [UInt8], sequenceNumber: UInt16, at now: Instant) {
        entries[Int(sequenceNumber) % Self.capacity] = Entry(
            sequenceNumber: sequenceNumber, sentAt: now, resentAt: now, bytes: bytes)
    }

    /// The packet to send again; nil when it is gone, too old, just sent, or too many were asked.
    mutating func resend(_ sequenceNumber: UInt16, at now: Instant) -> [UInt8]? {
        let index = Int(sequenceNumber) % Self.capacity
        guard let entry = entries[index], entry.sequenceNumber == sequenceNumber,
            now - entry.sentAt <= Self.ageMax, now - entry.resentAt >= Self.resendInterval
        else { return nil }
        if now - windowStart >= .seconds(1) {
            windowStart = now
            windowCount = 0
        }
        guard windowCount < Self.resendsPerSecond else { return nil }
        windowCount += 1
        entries[index]?.resentAt = now
        return entry.bytes
    }
}
