// SPDX-License-Identifier: Apache-2.0

/// A first-in, first-out queue with a fixed bound, in one block of memory.
public struct RingBuffer<Element> {
    private var storage: [Element?]
    private var head = 0
    /// Number of elements held.
    public private(set) var count = 0

    /// Creates an empty queue that holds at most `capacity` elements.
    public init(capacity: Int) {
        precondition(capacity > 0, "a queue needs room for one element")
        storage = Array(repeating: nil, count: capacity)
    }

    /// The most elements it holds.
    public var capacity: Int { storage.count }
    /// Whether nothing is held.
    public var isEmpty: Bool { count == 0 }
    /// Whether the next append is refused.
    public var isFull: Bool { count == storage.count }
    /// The oldest element.
    public var first: Element? { isEmpty ? nil : storage[head] }

    /// The element `offset` places behind the oldest; nil outside the queue.
    public subscript(offset: Int) -> Element? {
        guard offset >= 0, offset < count else { return nil }
        return storage[(head + offset) % storage.count]
    }

    /// Adds an element at the back; false when the queue is full.
    @discardableResult
    public mutating func append(_ element: Element) -> Bool {
        guard !isFull else { return false }
        storage[(head + count) % storage.count] = element
        count += 1
        return true
    }

    /// Adds an element at the back and gives up the oldest when the queue is full.
    @discardableResult
    public mutating func appendDroppingOldest(_ element: Element) -> Element? {
        let dropped = isFull ? popFirst() : nil
        append(element)
        return dropped
    }

    /// Takes the oldest element.
    public mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer {
            storage[head] = nil
            head = (head + 1) % storage.count
            count -= 1
        }
        return storage[head]
    }

    /// Drops everything.
    public mutating func removeAll() {
        while !isEmpty { _ = popFirst() }
        head = 0
    }
}

extension RingBuffer: Sendable where Element: Sendable {}
