// SPDX-License-Identifier: Apache-2.0
internal import Base

// Which valid pair is used (RFC 8445 section 8), and when another takes its place.
extension ICEAgent {
    /// Whether a path of this generation is in use.
    var hasPath: Bool {
        guard let selected, let pair = checkList[selected] else { return false }
        return pair.generation == generation.number
    }

    // MARK: Controlling

    /// The best valid pair of this generation, and whether a better one may still come soon.
    private var nominee: (id: Int, isContested: Bool)? {
        var isContested = false
        for pair in checkList.pairs where pair.generation == generation.number {
            switch pair.state {
            case .succeeded: return (pair.id, isContested)
            case .frozen, .waiting, .inProgress: isContested = true
            case .failed: break
            }
        }
        return nil
    }

    private var mayNominate: Bool {
        role == .controlling && !configuration.isLite && nominating == nil && !hasPath
            && generation.remote != nil
    }

    /// When a contested nomination goes ahead.
    var nominationDeadline: Instant? {
        guard mayNominate, nominee != nil else { return nil }
        return firstValidAt.map { $0 + configuration.nominationGrace }
    }

    /// Regular nomination: the best valid pair, as soon as nothing better is likely to come
    /// (RFC 8445 section 8.1.1). Lite peers need it so: of aggressive nominations they take the
    /// first to arrive.
    mutating func nominateIfSensible() {
        guard mayNominate, let nominee, let deadline = nominationDeadline,
            !nominee.isContested || clock >= deadline
        else { return }
        nominate(nominee.id)
    }

    /// Has the pair checked once more, with USE-CANDIDATE.
    mutating func nominate(_ id: Int) {
        nominating = id
        triggered.removeAll { $0 == id }
        triggered.insert(id, at: 0)
    }

    // MARK: Controlled

    /// The peer checked a pair, with USE-CANDIDATE or without.
    mutating func noteNomination(_ isNominated: Bool, of id: Int) {
        guard role == .controlled, let pair = checkList[id] else { return }
        // Who nominates every pair from the first check on is aggressive, and means the best of
        // them; who nominates one that it checked before without has chosen.
        let isChoice = isNominated && pair.hadPlainRequest && !pair.isNominatedByPeer
        checkList.update(id) {
            $0.isNominatedByPeer = isNominated
            $0.hadPlainRequest = $0.hadPlainRequest || !isNominated
        }
        guard isNominated, id != selected else { return }
        guard pair.state == .succeeded else {
            checkList.update(id) { $0.isSelectedOnSuccess = true }
            doesPeerChoose = doesPeerChoose || isChoice
            return
        }
        doesPeerChoose = doesPeerChoose || isChoice
        follow(id, isChoice: isChoice)
    }

    /// Uses the pair that the peer nominated, or finds out whether it should.
    mutating func follow(_ id: Int, isChoice: Bool) {
        guard let current = selected.flatMap({ checkList[$0] }),
            current.generation == generation.number, let pair = checkList[id]
        else {
            select(id)
            return
        }
        guard current.id != id else { return }
        if isChoice || (!doesPeerChoose && pair.priority > current.priority) {
            select(id)
        } else {
            suspect(insteadOf: id)
        }
    }

    // MARK: Both

    /// Puts the selected pair to the test, because the peer turned to another valid one: it may
    /// have moved. If no answer comes, that other one takes its place.
    mutating func suspect(insteadOf id: Int) {
        guard rival == nil, let selected, selected != id, hasPath else { return }
        rival = Rival(
            pair: id, since: clock, until: clock + configuration.suspicionTimeout)
        if configuration.isLite { return }
        sendConsentCheck(isProbe: true)
    }

    /// Decides between the selected pair and its rival when the time of the test is over.
    mutating func runRival() {
        guard let contest = rival, clock >= contest.until else { return }
        rival = nil
        guard let pair = checkList[contest.pair], pair.state == .succeeded else { return }
        // A lite agent cannot probe: a check by the peer on the selected pair is its answer. Media
        // says nothing, it may come from where the peer has moved to.
        let checkedAt = selected.flatMap { checkList[$0]?.answeredAt }
        if configuration.isLite, let checkedAt, checkedAt > contest.since { return }
        switch role {
        case .controlled: select(pair.id)
        case .controlling: nominate(pair.id)
        }
    }

    /// The selected pair answered: it stays.
    mutating func noteSelectedAnswered(requestSentAt sent: Instant) {
        if let rival, sent >= rival.since { self.rival = nil }
    }

    /// Uses a pair from now on; checks of the others end.
    mutating func select(_ id: Int) {
        selected = id
        nominating = nil
        rival = nil
        searchingSince = nil
        let number = generation.number
        checkList.removeAll { $0.generation != number }
        forgetGonePairs()
        endOtherChecks()
        livenessAt = clock
        selectedAt = clock
        nextConsentAt = clock + consentWait()
        counters.selections += 1
        guard let pair = checkList[id] else { return }
        outputs.append(.selectedPair(description(of: pair)))
        let isFresh = pair.answeredAt.map { clock - $0 < configuration.suspicionTimeout } ?? false
        if !isFresh, !configuration.isLite { sendConsentCheck(isProbe: true) }
    }

    /// Ends checks that nobody needs while a path is in use; those that the peer asked to be
    /// selected go on.
    mutating func endOtherChecks() {
        let list = checkList
        let chosen = selected
        let nominee = nominating
        func isNeeded(_ id: Int?) -> Bool {
            guard let id else { return false }
            return id == chosen || id == nominee || list[id]?.isSelectedOnSuccess ?? false
        }
        triggered.removeAll { !isNeeded($0) }
        for index in transactions.indices
        where transactions[index].isCheck && !isNeeded(transactions[index].pair) {
            transactions[index].abandon(at: clock)
        }
        checkList.set(.frozen) {
            ($0.state == .waiting || $0.state == .inProgress) && !isNeeded($0.id)
        }
    }

    /// The selected pair is gone: others are tried again.
    mutating func loseSelected(_ reason: ICEStateReason) {
        selected = nil
        nominating = nil
        nextConsentAt = nil
        rival = nil
        firstValidAt = nil
        isSearchGivenUp = false
        outputs.append(.selectedPair(nil))
        recheckOthers()
        setState(.disconnected, reason)
    }

    /// Has every other pair of this generation checked again, the valid ones too: what was true
    /// before the silence may not be now.
    mutating func recheckOthers() {
        let number = generation.number
        let chosen = selected
        checkList.set(.waiting) {
            $0.generation == number && $0.id != chosen && $0.state != .inProgress
        }
    }
}
