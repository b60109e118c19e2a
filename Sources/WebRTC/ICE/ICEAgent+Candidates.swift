// SPDX-License-Identifier: Apache-2.0
public import Base

// Candidates of both sides, and the pairs they form.
extension ICEAgent {
    // MARK: Ours

    /// Adds a local address that datagrams can be sent from, and its host candidate.
    ///
    /// May be called at any time; an address that was removed may come back.
    /// - Parameters:
    ///   - base: what the shell's socket is bound to; not a wildcard.
    ///   - advertised: the address to tell the peer instead, where a router maps it one to one.
    ///   - localPreference: higher is better; nil: earlier calls beat later ones.
    /// - Returns: false when the address is no proper one, or there are too many.
    @discardableResult
    public mutating func addLocalCandidate(
        base: SocketAddress, advertisedAs advertised: SocketAddress? = nil,
        localPreference: UInt16? = nil
    ) -> Bool {
        guard state != .closed, !base.ip.isUnspecified, !base.ip.isMulticast, base.port != 0 else {
            return false
        }
        let preference =
            localPreference ?? ICEPriority.highestLocalPreference - UInt16(clamping: bases.count)
        var index = bases.firstIndex { $0.address == base }
        if let index {
            guard bases[index].isRemoved else { return true }
            bases[index].isRemoved = false
            bases[index].localPreference = preference
        } else {
            guard bases.count < ICEConfiguration.basesMax else { return false }
            bases.append(
                ICEBase(address: base, transport: .udp, localPreference: preference))
            index = bases.count - 1
        }
        guard let index else { return false }
        let candidate = ICECandidate(
            foundation: ICEPriority.foundation(.host, base: base.ip),
            priority: ICEPriority.candidate(.host, localPreference: preference),
            address: advertised ?? base.unscoped, kind: .host, ufrag: generation.local.ufrag)
        guard tell(candidate, base: index) else { return false }
        isGatheringCompleted = false
        queueGathering(base: index)
        for remote in remotes.indices { formPair(base: index, remote: remote) }
        return true
    }

    /// Says that no more local addresses will come for now, so that gathering can complete.
    public mutating func endLocalCandidates() {
        localBasesEnded = true
    }

    /// Takes away a local address: its socket or its interface is gone.
    ///
    /// If it was in use, other pairs are checked again and the best takes its place.
    public mutating func removeLocalBase(_ address: SocketAddress) {
        guard state != .closed,
            let base = bases.firstIndex(where: { $0.address == address && !$0.isRemoved })
        else { return }
        bases[base].isRemoved = true
        for index in locals.indices where locals[index].base == base {
            locals[index].isGone = true
        }
        gatherQueue.removeAll { $0.base == base }
        transactions.removeAll { $0.base == base }
        let lost = selected.flatMap { checkList[$0] }.map { $0.base == base } ?? false
        checkList.removeAll { $0.base == base }
        forgetGonePairs()
        guard lost else { return }
        loseSelected(.localAddressRemoved)
    }

    /// Keeps a candidate of ours and has it told to the peer; false when there are too many.
    mutating func tell(_ candidate: ICECandidate, base: Int) -> Bool {
        if let known = locals.firstIndex(where: {
            $0.base == base && $0.candidate.kind == candidate.kind
                && $0.candidate.address == candidate.address
        }) {
            guard locals[known].isGone else { return true }
            locals[known] = ICELocalCandidate(candidate: candidate, base: base)
        } else {
            guard locals.count < ICEConfiguration.localsMax else { return false }
            locals.append(ICELocalCandidate(candidate: candidate, base: base))
        }
        outputs.append(.localCandidate(candidate))
        return true
    }

    /// The index of the candidate as which the peer sees a base: a new peer-reflexive one when
    /// the address is news (RFC 8445 section 7.2.5.3.1).
    mutating func localIndex(seenAs address: SocketAddress, base: Int) -> Int? {
        if let known = locals.firstIndex(where: {
            $0.base == base && $0.candidate.address == address
        }) {
            return known
        }
        let reflexive = locals.count { $0.candidate.kind == .prflx }
        guard locals.count < ICEConfiguration.localsMax,
            reflexive < ICEConfiguration.reflexiveLocalsMax
        else { return nil }
        let own = bases[base]
        locals.append(
            ICELocalCandidate(
                candidate: ICECandidate(
                    foundation: ICEPriority.foundation(.prflx, base: own.address.ip),
                    priority: own.reflexivePriority, address: address, kind: .prflx,
                    relatedAddress: own.address, ufrag: generation.local.ufrag),
                base: base))
        return locals.count - 1
    }

    // MARK: The peer's

    /// Takes a candidate that the peer signalled, at any time.
    ///
    /// One that names a `ufrag` which we do not know yet waits for its credentials. Of no use
    /// are other components than the first and addresses that no datagram can go to.
    public mutating func addRemoteCandidate(_ candidate: ICECandidate) {
        guard state != .closed else { return }
        if let ufrag = candidate.ufrag ?? generation.remote?.ufrag,
            ufrag == generation.remote?.ufrag
        {
            take(candidate)
        } else {
            if earlyCandidates.count >= ICEConfiguration.earlyCandidatesMax {
                earlyCandidates.removeFirst()
                counters.candidatesDropped += 1
            }
            earlyCandidates.append(candidate)
        }
    }

    /// Says that the peer will signal no more candidates in this generation.
    public mutating func endRemoteCandidates() {
        remoteCandidatesEnded = true
        updateState()
    }

    /// Whether an address is the peer's by its signalling or by an authentic check from there.
    func knowsRemote(_ address: SocketAddress) -> Bool {
        let address = address.unscoped
        return remotes.contains { $0.candidate.address == address }
    }

    mutating func take(_ candidate: ICECandidate) {
        var candidate = candidate
        candidate.address = candidate.address.unscoped
        let ip = candidate.address.ip
        guard candidate.component == 1, !ip.isUnspecified, !ip.isMulticast,
            candidate.address.port != 0
        else {
            counters.candidatesDropped += 1
            return
        }
        if let known = remotes.firstIndex(where: {
            $0.candidate.address == candidate.address
                && $0.candidate.transport == candidate.transport
        }) {
            // A check came before the signal, so that now we learn what it was (RFC 8838 section
            // 11.4), or it is one of the generation before.
            let old = remotes[known].candidate
            if (old.kind == .prflx && candidate.kind != .prflx) || old.ufrag != candidate.ufrag {
                remotes[known].candidate = candidate
                remotes[known].foundation = foundationNumber(of: candidate)
                reprioritize()
            }
            for base in bases.indices { formPair(base: base, remote: known) }
            return
        }
        let signalled = remotes.count { $0.candidate.kind != .prflx }
        guard signalled < ICEConfiguration.signalledRemotesMax,
            let remote = append(candidate)
        else {
            counters.candidatesDropped += 1
            return
        }
        if candidate.transport != .udp { counters.candidatesUnpaired += 1 }
        for base in bases.indices { formPair(base: base, remote: remote) }
    }

    /// The index of the peer's candidate at `address`; a new peer-reflexive one when none is
    /// known (RFC 8445 section 7.3.1.3).
    mutating func remoteIndex(
        at address: SocketAddress, priority: UInt32, ufrag: String
    ) -> Int? {
        if let known = remotes.firstIndex(where: {
            $0.candidate.address == address && $0.candidate.transport == .udp
        }) {
            return known
        }
        // The order makes the foundation unique, as section 7.3.1.3 wants it.
        let candidate = ICECandidate(
            foundation: "prflx\(remoteOrder)", priority: priority, address: address, kind: .prflx,
            ufrag: ufrag)
        let reflexive = remotes.indices.filter { remotes[$0].candidate.kind == .prflx }
        guard reflexive.count >= ICEConfiguration.reflexiveRemotesMax else {
            return append(candidate)
        }
        let used = selected.flatMap { checkList[$0]?.remote }
        guard
            let oldest = reflexive.filter({ $0 != used })
                .min(by: { remotes[$0].order < remotes[$1].order })
        else { return nil }
        checkList.removeAll { $0.remote == oldest }
        forgetGonePairs()
        remotes[oldest] = numbered(candidate)
        return oldest
    }

    private mutating func append(_ candidate: ICECandidate) -> Int? {
        guard remotes.count < ICEConfiguration.remotesMax else { return nil }
        remotes.append(numbered(candidate))
        return remotes.count - 1
    }

    private mutating func numbered(_ candidate: ICECandidate) -> ICERemoteCandidate {
        remoteOrder += 1
        return ICERemoteCandidate(
            candidate: candidate, foundation: foundationNumber(of: candidate), order: remoteOrder)
    }

    /// A number that candidates with the same foundation share.
    private func foundationNumber(of candidate: ICECandidate) -> Int {
        remotes.first { $0.candidate.foundation == candidate.foundation }?.foundation
            ?? remoteOrder
    }

    // MARK: Pairs

    /// Forms the pair of a base and a remote candidate unless it is there; its identifier.
    ///
    /// A full list takes only better pairs than its worst, but always one through which the peer
    /// has just reached us.
    @discardableResult
    mutating func formPair(base: Int, remote: Int, isProven: Bool = false) -> Int? {
        guard bases[base].isPairable(with: remotes[remote].candidate, isProven: isProven),
            let local = locals.firstIndex(where: {
                $0.base == base && $0.candidate.kind == .host && !$0.isGone
            })
        else { return nil }
        if let known = checkList.find(base: base, remote: remote, generation: generation.number) {
            return known.id
        }
        let rank = rank(base: base, remote: remote)
        let id = checkList.insert(
            base: base, remote: remote, generation: generation.number, priority: rank.priority,
            foundation: rank.foundation, local: local, keeping: selected, isProven: isProven)
        forgetGonePairs()
        return id
    }

    /// Ranks all pairs anew: the role or a candidate's priority changed.
    mutating func reprioritize() {
        let agent = self
        checkList.reprioritize { agent.rank(base: $0.base, remote: $0.remote) }
    }

    private func rank(base: Int, remote: Int) -> (priority: UInt64, foundation: Int) {
        let mine = ICEPriority.candidate(.host, localPreference: bases[base].localPreference)
        let theirs = remotes[remote].candidate.priority
        // Bases with the same address share a foundation (RFC 8445 section 5.1.1.3).
        let ip = bases[base].address.ip
        let first = bases.firstIndex { $0.address.ip == ip } ?? base
        return (
            role == .controlling
                ? ICEPriority.pair(controlling: mine, controlled: theirs)
                : ICEPriority.pair(controlling: theirs, controlled: mine),
            remotes[remote].foundation &* ICEConfiguration.basesMax &+ first
        )
    }

    /// Drops what refers to pairs that are no more.
    mutating func forgetGonePairs() {
        let list = checkList
        func isGone(_ id: Int) -> Bool { list.index(of: id) == nil }
        triggered.removeAll(where: isGone)
        transactions.removeAll { $0.pair.map(isGone) ?? false }
        if nominating.map(isGone) ?? false { nominating = nil }
        if (rival?.pair).map(isGone) ?? false { rival = nil }
    }
}
