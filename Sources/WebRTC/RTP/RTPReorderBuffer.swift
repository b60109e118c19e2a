// SPDX-License-Identifier: Apache-2.0
public import Base

/// A packet of a remote track, in order.
public struct RTPReceivedPacket: Hashable, Sendable {
    /// Sequence number with the count of wraps above it.
    public var sequence: Int64
    /// On the stream's clock.
    public var timestamp: UInt32
    /// The first packet after silence.
    public var isMarked: Bool
    /// The codec's packet.
    public var payload: [UInt8]
    /// The sender's statement of loudness, where it makes one.
    public var audioLevel: RTPAudioLevel?
    /// When it came in.
    public var arrivedAt: Instant

    /// Creates a packet.
    public init(
        sequence: Int64, timestamp: UInt32, isMarked: Bool, payload: [UInt8],
        audioLevel: RTPAudioLevel?, arrivedAt: Instant
    ) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.isMarked = isMarked
        self.payload = payload
        self.audioLevel = audioLevel
        self.arrivedAt = arrivedAt
    }
}

/// Gives out packets in the order of their sequence numbers, and says what is missing.
///
/// A packet in order passes at once. One that is ahead waits for those before it, at most
/// `patience`; then they count as lost and it passes. This is no jitter buffer: timing stays with
/// whoever plays.
public struct RTPReorderBuffer: Sendable {
    /// What comes out.
    public enum Output: Hashable, Sendable {
        /// The next packet.
        case packet(RTPReceivedPacket)
        /// So many packets before the next one are lost.
        case gap(Int)
    }

    /// Packets held at most, and the widest step ahead that is waited for: 1.28 s of audio.
    public static let capacity = 64

    private var waiting: [RTPReceivedPacket] = []
    private var next: Int64?
    private var outputs: RingBuffer<Output>
    /// How long a packet waits for those before it.
    public let patience: Duration
    /// The last packet that passed or was given up; nil before the first.
    var passedSequence: Int64? { next.map { $0 - 1 } }
    /// Packets that came after they were given up, or twice.
    public private(set) var lateCount = 0
    /// Packets that were given up.
    public private(set) var lostCount = 0

    /// Creates a buffer.
    public init(patience: Duration) {
        self.patience = patience
        // Every held packet may come out with a gap before it, and one more that just came.
        outputs = RingBuffer(capacity: 2 * Self.capacity + 2)
    }

    /// Takes a packet. Call ``poll()`` until nil afterwards.
    public mutating func insert(_ packet: RTPReceivedPacket) {
        guard let next else {
            self.next = packet.sequence + 1
            outputs.append(.packet(packet))
            return
        }
        guard packet.sequence >= next else {
            lateCount += 1
            return
        }
        if packet.sequence == next, waiting.isEmpty {
            self.next = next + 1
            outputs.append(.packet(packet))
            return
        }
        if packet.sequence - next >= Int64(Self.capacity) {
            flush()
            pass(packet)
            return
        }
        let index = waiting.firstIndex { $0.sequence >= packet.sequence } ?? waiting.count
        if index < waiting.count, waiting[index].sequence == packet.sequence {
            lateCount += 1
            return
        }
        waiting.insert(packet, at: index)
        release()
    }

    /// When the first held packet has waited long enough.
    public var deadline: Instant? {
        waiting.lazy.map(\.arrivedAt).min().map { $0 + patience }
    }

    /// Gives up what has been waited for long enough.
    public mutating func tick(at now: Instant) {
        while let deadline, deadline <= now, let first = waiting.first {
            waiting.removeFirst()
            pass(first)
            release()
        }
    }

    /// Gives out all that is held, with its gaps.
    public mutating func flush() {
        for packet in waiting { pass(packet) }
        waiting.removeAll(keepingCapacity: true)
    }

    /// The next packet or gap in order.
    public mutating func poll() -> Output? {
        outputs.popFirst()
    }

    private mutating func release() {
        while let first = waiting.first, first.sequence == next {
            waiting.removeFirst()
            pass(first)
        }
    }

    private mutating func pass(_ packet: RTPReceivedPacket) {
        if let next, packet.sequence > next {
            // A jump of the numbering is no loss of a hundred thousand packets.
            let lost = min(Int(clamping: packet.sequence - next), RTPSequence.dropoutMax)
            lostCount += lost
            outputs.append(.gap(lost))
        }
        next = packet.sequence + 1
        outputs.append(.packet(packet))
    }
}
