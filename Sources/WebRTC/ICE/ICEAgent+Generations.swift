// SPDX-License-Identifier: Apache-2.0
internal import Base

// Credentials of the peer, and restarts (RFC 8445 section 9).
extension ICEAgent {
    /// Takes the peer's credentials of this generation from its description.
    ///
    /// Nothing happens when they are known already. Other ones than before need a `restart`
    /// first: a description that changes them is a restart by the peer.
    /// - Parameters:
    ///   - credentials: the description's `ice-ufrag` and `ice-pwd`.
    ///   - isLite: whether it says `ice-lite`; we become controlling then.
    ///   - holdingChecks: whether our own checks wait until the peer's first one shows that it
    ///     has our credentials (at most `heldCheckDelay`). For who answers a restart: libwebrtc
    ///     that is checked before it has the answer stays on the old path for good.
    /// - Returns: false when the credentials were refused.
    @discardableResult
    public mutating func setRemote(
        credentials: ICECredentials, isLite: Bool, holdingChecks: Bool = false
    ) -> Bool {
        guard state != .closed else { return false }
        if let known = generation.remote { return known == credentials }
        generation.remote = credentials
        generation.remoteKey = Array(credentials.password.utf8)
        // Only now checks can begin: they get the whole time, also after a wait without a path.
        searchingSince = nil
        isRemoteLite = isLite
        if isLite, !configuration.isLite, role == .controlled { switchRole() }
        isHolding = holdingChecks
        heldSince = nil
        dropStrangers(ufrag: credentials.ufrag)
        let early = earlyCandidates
        earlyCandidates = early.filter { ($0.ufrag ?? credentials.ufrag) != credentials.ufrag }
        for candidate in early where (candidate.ufrag ?? credentials.ufrag) == credentials.ufrag {
            take(candidate)
        }
        updateState()
        return true
    }

    /// Begins a new generation: new credentials of ours, the peer's to come by `setRemote`.
    ///
    /// The local candidates are told again under the new name, and STUN servers asked again. A
    /// selected path stays in use until a new one is nominated.
    public mutating func restart(credentials: ICECredentials) {
        guard state != .closed, credentials.ufrag != generation.local.ufrag else { return }
        let kept = selected.flatMap { checkList[$0] }
        // The path may be older than the generation that ends, which then never found one.
        if kept == nil || kept?.generation == generation.number { previous = generation }
        generation = Generation(number: generation.number + 1, local: credentials)
        isRemoteLite = false
        remoteCandidatesEnded = false
        isHolding = false
        nominating = nil
        rival = nil
        doesPeerChoose = false
        firstValidAt = nil
        searchingSince = nil
        isSearchGivenUp = false
        triggered = []
        earlyCandidates.removeAll { $0.ufrag == nil }
        transactions.removeAll { $0.purpose == .gather || $0.pair != kept?.id }
        keepOnly(kept)
        if selected == nil { setState(.checking, .none) }
        tellLocalCandidatesAgain()
    }

    /// Removes all pairs and remote candidates but those of the path in use.
    private mutating func keepOnly(_ kept: ICEIndexedPair?) {
        checkList.removeAll { $0.id != kept?.id }
        guard let kept else {
            remotes = []
            return
        }
        remotes = [remotes[kept.remote]]
        checkList.update(kept.id) { $0.remote = 0 }
    }

    private mutating func tellLocalCandidatesAgain() {
        isGatheringCompleted = false
        for index in locals.indices where locals[index].candidate.kind != .prflx {
            locals[index].candidate.ufrag = generation.local.ufrag
            guard !locals[index].isGone else { continue }
            outputs.append(.localCandidate(locals[index].candidate))
        }
        gatherQueue = []
        for base in bases.indices { queueGathering(base: base) }
    }

    /// Peer-reflexive candidates from before the peer's credentials came, under another name.
    private mutating func dropStrangers(ufrag: String) {
        let strangers = remotes.indices.filter {
            remotes[$0].candidate.kind == .prflx
                && (remotes[$0].candidate.ufrag ?? ufrag) != ufrag
        }
        guard !strangers.isEmpty else { return }
        let number = generation.number
        checkList.removeAll { $0.generation == number && strangers.contains($0.remote) }
        forgetGonePairs()
    }

    /// The generation with this number, while its credentials count.
    func generation(_ number: Int) -> Generation? {
        if number == generation.number { return generation }
        return previous.flatMap { $0.number == number ? $0 : nil }
    }

    /// Takes the other role (RFC 8445 section 7.3.1.1) and ranks the pairs by it.
    mutating func switchRole() {
        role = role.opposite
        nominating = nil
        rival = nil
        reprioritize()
    }
}
