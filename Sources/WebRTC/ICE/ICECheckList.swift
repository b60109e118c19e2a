// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A local address to send from: one socket of the shell's.
///
/// The place for other transports: a TCP connection or a TURN allocation is one more kind of
/// base, whose `transport` says with which remote candidates it pairs.
struct ICEBase: Sendable {
    let address: SocketAddress
    let transport: ICECandidate.Transport
    var localPreference: UInt16
    var isRemoved = false

    /// The priority of what a peer learns from our checks (RFC 8445 section 7.1.1).
    var reflexivePriority: UInt32 {
        ICEPriority.candidate(.prflx, localPreference: localPreference)
    }

    /// Whether datagrams can go from this base to that candidate.
    ///
    /// Loopback leads to other addresses of the same machine only: that it does is known once a
    /// datagram came from there.
    func isPairable(with remote: ICECandidate, isProven: Bool) -> Bool {
        let mine = address.ip
        let theirs = remote.address.ip
        guard !isRemoved, transport == remote.transport, mine.isV6 == theirs.isV6 else {
            return false
        }
        // RFC 8445 section 6.1.2.2: link-local IPv6 pairs with its like alone.
        if mine.isV6, mine.isLinkLocal != theirs.isLinkLocal { return false }
        return isProven || !mine.isLoopback || theirs.isLoopback
    }
}

extension SocketAddress {
    /// The address as it stands in candidates and STUN messages, which know no scope.
    var unscoped: SocketAddress {
        guard case .v6(let high, let low, let scope) = ip, scope != 0 else { return self }
        return SocketAddress(.v6(high: high, low: low), port: port)
    }

    /// A link-local address with the scope of the base it is sent from.
    func scoped(like base: SocketAddress) -> SocketAddress {
        guard ip.isLinkLocal, case .v6(let high, let low, _) = ip,
            case .v6(_, _, let scope) = base.ip
        else { return self }
        return SocketAddress(.v6(high: high, low: low, scope: scope), port: port)
    }
}

/// One of our candidates and the base it belongs to.
struct ICELocalCandidate: Sendable {
    var candidate: ICECandidate
    let base: Int
    /// Its base went away; it keeps its place, because pairs name candidates by place.
    var isGone = false
}

/// One of the peer's candidates.
struct ICERemoteCandidate: Sendable {
    var candidate: ICECandidate
    /// Equal for equal foundations.
    var foundation: Int
    /// Grows with every candidate: tells the oldest.
    var order: Int
}

/// A candidate pair: a base of ours and a candidate of the peer's, by their places in the lists
/// of the agent, so that it is a small value.
///
/// Reflexive candidates of ours have no pairs: checks leave from their base (RFC 8445 section
/// 6.1.2.4 prunes such pairs). `local` tells as what the peer sees this base.
struct ICEIndexedPair: Sendable {
    /// RFC 8445 section 6.1.2.6.
    enum State: Sendable {
        case frozen
        case waiting
        case inProgress
        case succeeded
        case failed
    }

    let id: Int
    let base: Int
    /// Changes only when the list of remote candidates is cleared.
    var remote: Int
    let generation: Int
    var priority: UInt64
    /// The pair's foundation: the base's and the remote candidate's in one number.
    var foundation: Int
    var state: State
    /// Index of our candidate as the peer sees it.
    var local: Int
    /// Sendings of the check under way.
    var attempts = 0
    /// The peer, controlling, last asked for this pair.
    var isNominatedByPeer = false
    /// The peer sent a check without nomination here before: a later one with it is a choice.
    var hadPlainRequest = false
    /// To be selected when its check succeeds, because the peer asked.
    var isSelectedOnSuccess = false
    /// When the last authenticated answer came.
    var answeredAt: Instant?
    var roundTripTime: Duration?

    mutating func noteRoundTrip(_ sample: Duration) {
        // RFC 6298's smoothing.
        roundTripTime = roundTripTime.map { ($0 * 7 + sample) / 8 } ?? sample
    }
}

/// The pairs, best first; ties go to the older.
struct ICECheckList: Sendable {
    private(set) var pairs: [ICEIndexedPair] = []
    private var nextID = 0

    /// The place of a pair.
    func index(of id: Int) -> Int? { pairs.firstIndex { $0.id == id } }

    /// The pair with this identifier.
    subscript(id: Int) -> ICEIndexedPair? { pairs.first { $0.id == id } }

    func find(base: Int, remote: Int, generation: Int) -> ICEIndexedPair? {
        pairs.first { $0.base == base && $0.remote == remote && $0.generation == generation }
    }

    /// Changes a pair in place; nothing when it is gone. Not for priorities.
    mutating func update(_ id: Int, _ change: (inout ICEIndexedPair) -> Void) {
        guard let place = index(of: id) else { return }
        change(&pairs[place])
    }

    /// Inserts a pair in its place; nil when the list is full of better or needed ones.
    ///
    /// A full list gives up its worst pair (RFC 8445 section 6.1.2.5), `kept` excepted; for a pair
    /// that is `isProven` by the peer also one that is better.
    mutating func insert(
        base: Int, remote: Int, generation: Int, priority: UInt64, foundation: Int, local: Int,
        keeping kept: Int?, isProven: Bool
    ) -> Int? {
        if pairs.count >= ICEConfiguration.pairsMax {
            guard
                let worst = pairs.lastIndex(where: { $0.id != kept && $0.state != .succeeded }),
                isProven || pairs[worst].priority < priority
            else { return nil }
            pairs.remove(at: worst)
        }
        nextID += 1
        let place = pairs.firstIndex { $0.priority < priority } ?? pairs.count
        let active = pairs.contains {
            $0.foundation == foundation && $0.generation == generation
                && ($0.state == .waiting || $0.state == .inProgress)
        }
        let proven = pairs.contains {
            $0.foundation == foundation && $0.generation == generation && $0.state == .succeeded
        }
        // RFC 8838 section 12: trickled pairs join the foundation's progress.
        pairs.insert(
            ICEIndexedPair(
                id: nextID, base: base, remote: remote, generation: generation,
                priority: priority, foundation: foundation,
                state: proven || !active ? .waiting : .frozen, local: local), at: place)
        return nextID
    }

    mutating func removeAll(where isGone: (ICEIndexedPair) -> Bool) {
        pairs.removeAll(where: isGone)
    }

    /// Gives all pairs the priorities and foundations that hold now, and sorts them anew.
    mutating func reprioritize(_ ranks: (ICEIndexedPair) -> (priority: UInt64, foundation: Int)) {
        for index in pairs.indices {
            (pairs[index].priority, pairs[index].foundation) = ranks(pairs[index])
        }
        pairs.sort { ($1.priority, $0.id) < ($0.priority, $1.id) }
    }

    /// Sets every pair that fits to a state.
    mutating func set(_ state: ICEIndexedPair.State, where fits: (ICEIndexedPair) -> Bool) {
        for index in pairs.indices where fits(pairs[index]) { pairs[index].state = state }
    }

    /// The pair to check next when none is triggered (RFC 8445 section 6.1.4.2), in `generation`.
    ///
    /// Frozen pairs come when no waiting one is left: first those whose foundation rests, then
    /// those whose foundation's check had to be repeated. RFC 8445 would let the latter wait for
    /// the end of that check, but some peers give all candidates one foundation.
    func nextOrdinary(generation: Int) -> Int? {
        let own = pairs.lazy.filter { $0.generation == generation }
        if let waiting = own.first(where: { $0.state == .waiting }) { return waiting.id }
        return own.first { pair in
            pair.state == .frozen
                && !own.contains {
                    $0.foundation == pair.foundation && $0.state == .inProgress
                        && $0.attempts < 2
                }
        }?.id
    }
}
