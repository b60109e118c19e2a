// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A channel and how far it got.
struct SCTPChannelEntry: Sendable {
    /// How far a channel got.
    enum State: Equatable, Sendable {
        /// Our OPEN is unanswered; sending works, in order until the answer comes.
        case opening
        case open
        /// No more sending; waits for both sides' resets.
        case closing
    }

    var channel: SCTPChannel
    var state: State
    /// Our reset was asked for.
    var isResetRequested = false
    /// Our side starts again at zero.
    var isOutgoingReset = false
    /// The peer's side starts again at zero.
    var isIncomingReset = false
    /// The first parts of a message that an old stack sends in parts.
    var partial: [UInt8] = []

    /// Whether messages must go in order: always until the peer surely knows of the channel.
    var isOrderedNow: Bool { channel.isOrdered || state == .opening }
}

/// The channels of an association, by stream id.
struct SCTPChannelTable: Sendable {
    private var entries: [UInt16: SCTPChannelEntry] = [:]
    /// The ids in `entries`, sorted, as a dictionary's order is not to be relied on.
    private(set) var ids: [UInt16] = []
    /// Closing channels whose reset was not yet asked for.
    private var closing: [UInt16] = []
    /// Ids that a peer refused to reset, and streams of the peer that we refused.
    private var burned: Set<UInt16> = []
    private var nextID: UInt16?

    /// Channels at once, ours and the peer's; LiveKit has three.
    static let countMax = 1024

    subscript(id: UInt16) -> SCTPChannelEntry? { entries[id] }

    var isFull: Bool { ids.count >= Self.countMax }

    /// An id of our parity that is not in use: fresh ones first, as peers are prone to mix up a
    /// stream that is used again.
    mutating func freeID(parity: UInt16, limit: UInt16) -> UInt16? {
        var candidate = nextID ?? parity
        for _ in 0...Int(limit) / 2 + 1 {
            if candidate >= limit { candidate = parity }
            if candidate < limit, isFree(candidate) {
                nextID = candidate &+ 2
                return candidate
            }
            candidate &+= 2
        }
        return nil
    }

    func isFree(_ id: UInt16) -> Bool { entries[id] == nil && !burned.contains(id) }

    /// Adds a channel under a free id.
    mutating func insert(_ entry: SCTPChannelEntry) {
        let id = entry.channel.id
        entries[id] = entry
        ids.insert(id, at: ids.firstIndex { $0 > id } ?? ids.count)
    }

    mutating func update(_ id: UInt16, _ change: (inout SCTPChannelEntry) -> Void) {
        guard entries[id] != nil else { return }
        change(&entries[id, default: .placeholder])
    }

    /// Takes a channel to `closing`; false when it is there already or unknown.
    mutating func close(_ id: UInt16) -> Bool {
        guard let entry = entries[id], entry.state != .closing else { return false }
        entries[id]?.state = .closing
        entries[id]?.partial = []
        closing.append(id)
        return true
    }

    /// The closing channels whose every message the peer has; each is told once.
    mutating func takeReadyToReset(_ transmission: SCTPTransmission) -> [UInt16] {
        guard !closing.isEmpty else { return [] }
        var ready: [UInt16] = []
        for id in closing {
            let (isDrained, lastTSN) = transmission.queue.drained(id)
            guard isDrained, lastTSN ?? .min <= transmission.cumulative else { continue }
            entries[id]?.isResetRequested = true
            ready.append(id)
        }
        closing.removeAll { ready.contains($0) }
        return ready
    }

    mutating func remove(_ id: UInt16) {
        entries[id] = nil
        ids.removeAll { $0 == id }
        closing.removeAll { $0 == id }
    }

    /// Takes all channels out and returns their ids in order.
    mutating func removeAll() -> [UInt16] {
        let all = ids
        self = SCTPChannelTable()
        return all
    }

    /// Whether a stream without a channel is refused for the first time; bounded, so that a peer
    /// cannot have us ask for the same reset over and over.
    mutating func burn(_ id: UInt16) -> Bool {
        guard burned.count < Self.countMax else { return false }
        return burned.insert(id).inserted
    }

    /// The peer reset a stream that we had refused.
    mutating func unburn(_ id: UInt16) { burned.remove(id) }
}

extension SCTPChannelEntry {
    fileprivate static let placeholder = SCTPChannelEntry(
        channel: SCTPChannel(
            id: 0, label: "", subprotocol: "", isOrdered: true, reliability: .reliable,
            isRemote: false), state: .closing)
}
