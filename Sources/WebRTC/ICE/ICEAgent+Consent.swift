// SPDX-License-Identifier: Apache-2.0
internal import Base

// The life of the selected path: consent (RFC 7675), silence, and the state that follows.
extension ICEAgent {
    /// RFC 7675 section 5.1: 0.8…1.2 times the interval, so that agents do not fall in step.
    mutating func consentWait() -> Duration {
        let permille = Int.random(in: 800...1200, using: &random)
        return configuration.consentInterval * permille / 1000
    }

    /// When consent ends, or the path counts as silent, or the next check is due.
    var pathDeadline: Instant? {
        guard let pair = selected.flatMap({ checkList[$0] }) else { return nil }
        var time = configuration.isLite ? nil : nextConsentAt
        if state.isConnected { time = soonest(time, silenceAt) }
        return soonest(time, consentEnd(of: pair))
    }

    private var silenceAt: Instant { livenessAt + configuration.disconnectedTimeout }

    private func consentEnd(of pair: ICEIndexedPair) -> Instant {
        // A lite agent sends no checks: the peer's own are all the consent there is.
        let last = configuration.isLite ? livenessAt : max(pair.answeredAt ?? .zero, selectedAt)
        return last + configuration.consentTimeout
    }

    mutating func runConsent() {
        guard let pair = selected.flatMap({ checkList[$0] }) else { return }
        if clock >= consentEnd(of: pair) {
            consentEnded(pair)
        } else if let due = nextConsentAt, clock >= due, !configuration.isLite {
            sendConsentCheck(isProbe: false)
            nextConsentAt = clock + consentWait()
        }
    }

    /// Checks the selected pair. Controlling, we nominate it again with each check: if our own
    /// address changed on the way, the peer sees a new pair, and knows at once that it counts.
    mutating func sendConsentCheck(isProbe: Bool) {
        guard let pair = selected.flatMap({ checkList[$0] }) else { return }
        for index in transactions.indices
        where transactions[index].purpose == .consent(pair: pair.id) {
            transactions[index].abandon(at: clock)
        }
        if !isProbe { counters.consentRequestsSent += 1 }
        send(
            .consent(pair: pair.id), on: pair, useCandidate: role == .controlling,
            attemptsMax: ICEConfiguration.consentAttemptsMax,
            timeout: configuration.retransmissionTimeout)
    }

    private mutating func consentEnded(_ pair: ICEIndexedPair) {
        // A path of the generation before may end while the new one is being sought.
        let isOld = pair.generation != generation.number
        checkList.removeAll { $0.id == pair.id && isOld }
        forgetGonePairs()
        if isOld, !isSearchGivenUp {
            loseSelected(.consentExpired)
        } else {
            fail(.consentExpired)
        }
    }

    // MARK: Search

    /// When the search for a path is given up; at once when it has not begun yet.
    ///
    /// A first offer may wait for its answer as long as signalling likes. After a restart without
    /// a path the wait is part of the search, else nothing would ever end it.
    var searchDeadline: Instant? {
        let misses = generation.number > 0 && selected == nil
        guard generation.remote != nil || misses, !hasPath, !isSearchGivenUp else { return nil }
        return searchingSince.map { $0 + configuration.searchTimeout } ?? clock
    }

    mutating func startSearch() {
        guard let deadline = searchDeadline else { return }
        guard searchingSince != nil else {
            searchingSince = clock
            return
        }
        guard clock >= deadline else { return }
        if selected == nil {
            let isUseless = generation.remote != nil && checkList.pairs.isEmpty
            fail(isUseless ? .noUsableCandidate : .noAnswer)
        } else {
            isSearchGivenUp = true
        }
    }

    mutating func runHold() {
        guard isHolding else { return }
        let since = heldSince ?? clock
        heldSince = since
        if clock >= since + configuration.heldCheckDelay { isHolding = false }
    }

    // MARK: State

    mutating func fail(_ reason: ICEStateReason) {
        let hadPath = selected != nil
        drop()
        if hadPath { outputs.append(.selectedPair(nil)) }
        setState(.failed, reason)
    }

    /// Forgets everything under way.
    mutating func drop() {
        selected = nil
        nominating = nil
        rival = nil
        nextConsentAt = nil
        triggered = []
        transactions = []
        gatherQueue = []
        checkList.removeAll { _ in true }
    }

    mutating func setState(_ new: ICEState, _ reason: ICEStateReason) {
        guard new != state else { return }
        state = new
        counters.reason = reason
        outputs.append(.stateChanged(new))
    }

    /// The state that follows from what is.
    mutating func updateState() {
        guard state != .closed, state != .failed else { return }
        guard selected != nil else {
            if generation.remote != nil, state == .new { setState(.checking, .none) }
            return
        }
        guard clock < silenceAt else {
            guard state != .disconnected else { return }
            setState(.disconnected, .silence)
            recheckOthers()
            return
        }
        if state == .disconnected, hasPath { endOtherChecks() }
        setState(isComplete ? .completed : .connected, .none)
    }

    private var isComplete: Bool {
        guard hasPath, remoteCandidatesEnded, isGatheringCompleted else { return false }
        // A check of another pair later on does not take it back.
        return state == .completed
            || triggered.isEmpty && !checkList.pairs.contains { $0.state == .inProgress }
    }
}
