// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Names one scheduled deadline of one loop.
///
/// Good for one firing; stale afterwards, harmlessly.
public struct DeadlineToken: Hashable, Sendable {
    let id: UInt64
}

/// Bodies ordered by the time they are due, earliest first, in the order scheduled on ties.
///
/// Cancelling is O(1): the heap keeps the entry until it surfaces or until more than half of the
/// heap is such dead entries, when it is rebuilt.
struct DeadlineQueue {
    private struct Entry: Comparable {
        let time: Instant
        let id: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.time, left.id) < (right.time, right.id)
        }
    }

    /// Rebuilding a smaller heap costs more than it frees.
    private static let smallestRebuild = 64

    private var heap = Heap<Entry>()
    private var bodies: [UInt64: () -> Void] = [:]
    private var lastID: UInt64 = 0

    /// Deadlines scheduled and not cancelled.
    var count: Int { bodies.count }
    /// Entries held, dead ones too: what the bound is about.
    var heldEntries: Int { heap.count }

    /// The earliest time at which something is due.
    var next: Instant? {
        mutating get {
            while let entry = heap.first {
                if bodies[entry.id] != nil { return entry.time }
                _ = heap.popFirst()
            }
            return nil
        }
    }

    mutating func schedule(at time: Instant, _ body: @escaping () -> Void) -> DeadlineToken {
        lastID += 1
        bodies[lastID] = body
        heap.insert(Entry(time: time, id: lastID))
        return DeadlineToken(id: lastID)
    }

    /// The cancelled body, or nil if it was not scheduled any more.
    mutating func cancel(_ token: DeadlineToken) -> (() -> Void)? {
        guard let body = bodies.removeValue(forKey: token.id) else { return nil }
        if heap.count > Self.smallestRebuild, heap.count > 2 * bodies.count {
            let live = bodies
            heap.filter { live[$0.id] != nil }
        }
        return body
    }

    /// Takes the earliest body due at `now`.
    mutating func popDue(at now: Instant) -> (() -> Void)? {
        guard let time = next, time <= now, let entry = heap.popFirst() else { return nil }
        return bodies.removeValue(forKey: entry.id)
    }

    /// The number given last: bodies scheduled later have higher ones.
    var horizon: UInt64 { lastID }

    /// Takes the earliest body due at `now` that was scheduled up to `horizon`.
    ///
    /// A body that schedules another one in the past so cannot keep a round from ending.
    mutating func popDue(at now: Instant, upTo horizon: UInt64) -> (() -> Void)? {
        guard next != nil, let entry = heap.first, entry.id <= horizon else { return nil }
        return popDue(at: now)
    }
}
