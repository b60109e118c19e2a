// SPDX-License-Identifier: Apache-2.0

/// A first-in, first-out queue that lets go of what is taken at once and grows as needed.
///
/// Its users bound it. An array's slice would hold on to what was taken until it is copied.
struct FIFO<Element> {
    /// Smaller blocks are not worth moving.
    private static var smallestMove: Int { 32 }

    private var storage: [Element?] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    /// What is queued, oldest first.
    var elements: [Element] { storage[head...].compactMap { $0 } }

    mutating func append(_ element: Element) {
        storage.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: head <= Self.smallestMove)
            head = 0
        } else if head > Self.smallestMove, head > storage.count / 2 {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes the first element for which `predicate` holds.
    mutating func remove(where predicate: (Element) -> Bool) -> Element? {
        let place = storage[head...].firstIndex { $0.map(predicate) ?? false }
        guard let place else { return nil }
        return storage.remove(at: place)
    }
}

extension FIFO: Sendable where Element: Sendable {}
