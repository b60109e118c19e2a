// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A DATA chunk that has a TSN and is not yet acknowledged cumulatively.
struct SCTPOutstandingChunk: Sendable {
    /// Where it is, as far as we know.
    enum State: Equatable, Sendable {
        case inFlight
        /// Taken for lost; to be sent again.
        case lost
        /// Received above a gap. The peer may take that back (RFC 9260 section 6.2.1).
        case acknowledged
        /// Given up with its message.
        case abandoned
    }

    var fragment: SCTPFragment
    var tsn: SCTPTSN
    var state = State.inFlight
    var sentAt: Instant
    var transmissions = 1
    /// SACKs that acknowledged something newer.
    var misses = 0
    var isFastRetransmitted = false
    /// Whether the peer was asked to acknowledge at once, so that its answer measures the path.
    var isPrompt = false
    /// Acknowledged above a gap once, and then no more: only the timer may call it lost.
    var isReneged = false

    /// Bytes in the packet.
    var wireSize: Int { SCTPSize.dataChunk(payload: fragment.range.count) }

    /// Whether the message's reliability lets it go out once more.
    func mayBeSentAgain(at now: Instant) -> Bool {
        if let limit = fragment.maxRetransmits, transmissions > Int(limit) { return false }
        if let expiry = fragment.expiry, expiry <= now { return false }
        return true
    }
}

/// The outstanding chunks in TSN order, found by TSN in O(1).
struct SCTPOutstanding: Sendable {
    private var chunks: [SCTPOutstandingChunk] = []
    /// Index of the oldest; the front of the array is dropped now and then.
    private var head = 0

    /// Chunks outstanding at most: a quarter of the window in which our own receiver, and half of
    /// that in which pion takes TSNs.
    static let countMax = 4096

    var count: Int { chunks.count - head }
    var isEmpty: Bool { head == chunks.count }
    var first: SCTPOutstandingChunk? { isEmpty ? nil : chunks[head] }

    /// The chunk `offset` places behind the oldest, which must exist.
    subscript(offset: Int) -> SCTPOutstandingChunk {
        get { chunks[head + offset] }
        _modify { yield &chunks[head + offset] }
    }

    mutating func append(_ chunk: SCTPOutstandingChunk) { chunks.append(chunk) }

    mutating func removeFirst() {
        guard head < chunks.count else { return }
        chunks[head].fragment.message = []
        head += 1
        if head == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= chunks.count {
            chunks.removeFirst(head)
            head = 0
        }
    }
}
