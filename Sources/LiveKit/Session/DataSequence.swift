// SPDX-License-Identifier: Apache-2.0

/// Numbers our reliable packets, and knows those of others that came before.
///
/// A server drops a reliable packet whose number is not above its sender's last one, so numbers are
/// given in the order in which packets enter the channel, and nowhere else.
struct DataSequence {
    /// Senders remembered; the one longest silent is forgotten first.
    static let maxSenders = 1024

    /// The number of our last reliable packet; 0 before the first.
    private(set) var lastSent: UInt32 = 0
    private var lastReceived: [String: (sequence: UInt32, order: UInt64)] = [:]
    private var order: UInt64 = 0

    /// The next number of ours. After 2³²−1 packets it is 0, which servers take for unnumbered.
    var next: UInt32 { lastSent &+ 1 }

    /// Our packet with the next number went out.
    mutating func sent() { lastSent = next }

    /// Whether a reliable packet is new. Unnumbered ones, and those of unnamed senders, always are.
    mutating func isNew(sender sid: String, sequence: UInt32) -> Bool {
        guard sequence > 0, !sid.isEmpty else { return true }
        if let known = lastReceived[sid], sequence <= known.sequence { return false }
        if lastReceived[sid] == nil, lastReceived.count >= Self.maxSenders,
            let oldest = lastReceived.min(by: { $0.value.order < $1.value.order })
        {
            lastReceived[oldest.key] = nil
        }
        order += 1
        lastReceived[sid] = (sequence, order)
        return true
    }

    /// The last number of each sender, for `SyncState`.
    var receiveStates: [SyncState.DataChannelReceiveState] {
        lastReceived.sorted { $0.key < $1.key }.map { sid, last in
            var state = SyncState.DataChannelReceiveState()
            state.publisherSID = sid
            state.lastSequence = last.sequence
            return state
        }
    }
}
