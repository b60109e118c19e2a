// SPDX-License-Identifier: Apache-2.0

/// A binary min-heap: the smallest element first, ties in no order.
public struct Heap<Element: Comparable> {
    private var nodes: [Element] = []

    /// Creates an empty heap.
    public init() {}

    /// Number of elements.
    public var count: Int { nodes.count }
    /// Whether nothing is held.
    public var isEmpty: Bool { nodes.isEmpty }
    /// The smallest element.
    public var first: Element? { nodes.first }

    /// Adds an element, in O(log n).
    public mutating func insert(_ element: Element) {
        nodes.append(element)
        var child = nodes.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard nodes[child] < nodes[parent] else { break }
            nodes.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the smallest element, in O(log n).
    public mutating func popFirst() -> Element? {
        guard let smallest = nodes.first else { return nil }
        let last = nodes.removeLast()
        guard !nodes.isEmpty else { return smallest }
        nodes[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < nodes.count && nodes[child] < nodes[least] {
                least = child
            }
            guard least != parent else { return smallest }
            nodes.swapAt(parent, least)
            parent = least
        }
    }

    /// Keeps only the elements that satisfy `isIncluded`, in O(n log n).
    public mutating func filter(_ isIncluded: (Element) -> Bool) {
        let kept = nodes.filter(isIncluded)
        nodes.removeAll(keepingCapacity: true)
        for element in kept { insert(element) }
    }
}

extension Heap: Sendable where Element: Sendable {}
