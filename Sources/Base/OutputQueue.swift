// SPDX-License-Identifier: Apache-2.0

/// What a state machine wants done, in order, until its owner has taken it all.
///
/// Memory is kept from one round to the next: packets pass here fifty times a second and session.
public struct OutputQueue<Output> {
    private var waiting: [Output] = []
    private var taken = 0

    /// An empty queue.
    public init() {}

    /// Whether all were taken.
    public var isEmpty: Bool { taken == waiting.count }

    /// Puts one behind the others.
    public mutating func append(_ output: Output) { waiting.append(output) }

    /// Takes the first one; nil when all are taken.
    public mutating func next() -> Output? {
        guard taken < waiting.count else {
            waiting.removeAll(keepingCapacity: waiting.count <= Self.kept)
            taken = 0
            return nil
        }
        defer { taken += 1 }
        return waiting[taken]
    }

    /// Room for so many stays allocated; a burst's memory goes back.
    private static var kept: Int { 64 }
}

extension OutputQueue: Sendable where Output: Sendable {}
