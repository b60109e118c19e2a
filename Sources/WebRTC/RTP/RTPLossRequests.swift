// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Which packets of a stream are missing, and when to ask for them again (RFC 4585).
struct RTPLossRequests: Sendable {
    /// Packets asked for at most; what is older is given up.
    static let missingMax = 64
    /// Wait before the first NACK: a packet overtaken by its successor comes within this time.
    static let firstDelay: Duration = .milliseconds(10)
    /// Shortest time between two NACKs for one packet, if the round trip is not longer.
    static let interval: Duration = .milliseconds(50)
    /// NACKs for one packet.
    static let triesMax = 5

    private struct Missing {
        var sequence: Int64
        var due: Instant
        var tries = 0
    }

    private var missing: [Missing] = []
    private var highest: Int64?

    /// A packet came: it is missing no longer, those it skipped are.
    mutating func received(_ sequence: Int64, at now: Instant) {
        guard let highest else {
            self.highest = sequence
            return
        }
        if sequence <= highest {
            missing.removeAll { $0.sequence == sequence }
            return
        }
        self.highest = sequence
        guard sequence > highest + 1 else { return }
        guard sequence - highest <= Int64(RTPSequence.dropoutMax) else {
            missing.removeAll(keepingCapacity: true)
            return
        }
        let first = max(highest + 1, sequence - Int64(Self.missingMax))
        for number in first..<sequence {
            missing.append(Missing(sequence: number, due: now + Self.firstDelay))
        }
        if missing.count > Self.missingMax {
            missing.removeFirst(missing.count - Self.missingMax)
        }
    }

    /// The stream is played up to here: nothing before it is worth asking for.
    mutating func passed(_ sequence: Int64) {
        guard !missing.isEmpty else { return }
        missing.removeAll { $0.sequence <= sequence }
    }

    /// When the next NACK is due.
    var deadline: Instant? {
        missing.lazy.map(\.due).min()
    }

    /// The sequence numbers to ask for now, ascending.
    mutating func due(at now: Instant, roundTrip: Duration?) -> [UInt16] {
        var numbers: [UInt16] = []
        for index in missing.indices where missing[index].due <= now {
            numbers.append(UInt16(truncatingIfNeeded: missing[index].sequence))
            missing[index].tries += 1
            missing[index].due = now + max(Self.interval, roundTrip ?? .zero)
        }
        missing.removeAll { $0.tries >= Self.triesMax }
        return numbers
    }
}
