// SPDX-License-Identifier: Apache-2.0
internal import Base

// Sending checks and taking their answers (RFC 8445 section 7.2).
extension ICEAgent {
    /// Whether ordinary checks go on: there is no path yet, or it is silent.
    var isSearching: Bool {
        (!hasPath && !isSearchGivenUp) || state == .disconnected
    }

    private var mayCheck: Bool {
        generation.remote != nil && !configuration.isLite && !isHolding
            && transactions.count < ICEConfiguration.transactionsMax
    }

    /// The pair to be checked next.
    func nextCheck() -> Int? {
        guard mayCheck else { return nil }
        if let first = triggered.first { return first }
        return isSearching ? checkList.nextOrdinary(generation: generation.number) : nil
    }

    /// Sends the next check if its time has come: one each Ta.
    mutating func runChecks() {
        guard clock >= nextCheckAt, let id = nextCheck(), let pair = checkList[id] else { return }
        triggered.removeAll { $0 == id }
        nextCheckAt = clock + configuration.checkInterval
        let nominates = nominating == id
        // Another check of the same pair is no longer repeated: this one tells the same.
        for index in transactions.indices
        where transactions[index].pair == id && transactions[index].isCheck {
            transactions[index].abandon(at: clock)
        }
        checkList.update(id) {
            if !nominates { $0.state = .inProgress }
            $0.attempts = 1
        }
        send(
            .check(pair: id, nominates: nominates), on: pair, useCandidate: nominates,
            attemptsMax: ICEConfiguration.checkAttemptsMax, timeout: checkTimeout)
    }

    /// RFC 8445 section 14.3: with many checks under way each waits longer.
    private var checkTimeout: Duration {
        let active = checkList.pairs.count { $0.state == .waiting || $0.state == .inProgress }
        return max(configuration.retransmissionTimeout, configuration.checkInterval * active)
    }

    /// Signs and sends a request on a pair, with the credentials of the pair's generation.
    mutating func send(
        _ purpose: ICETransaction.Purpose, on pair: ICEIndexedPair, useCandidate: Bool,
        attemptsMax: Int, timeout: Duration
    ) {
        guard let credentials = generation(pair.generation), let remote = credentials.remote,
            transactions.count < ICEConfiguration.transactionsMax
        else { return }
        var request = STUNMessage(
            kind: .request, transactionID: STUNTransactionID(using: &random))
        request.username = Array("\(remote.ufrag):\(credentials.local.ufrag)".utf8)
        request.priority = bases[pair.base].reflexivePriority
        switch role {
        case .controlling: request.iceControlling = tieBreaker
        case .controlled: request.iceControlled = tieBreaker
        }
        request.useCandidate = useCandidate
        let transaction = ICETransaction(
            id: request.transactionID, purpose: purpose, role: role, generation: pair.generation,
            base: pair.base, destination: remotes[pair.remote].candidate.address,
            bytes: request.encoded(key: credentials.remoteKey), firstSentAt: clock,
            attemptsMax: attemptsMax, timeout: timeout,
            timeoutMax: max(timeout, configuration.retransmissionTimeoutMax),
            nextAt: clock + timeout)
        counters.requestsSent += 1
        transmit(transaction)
        transactions.append(transaction)
    }

    mutating func transmit(_ transaction: ICETransaction) {
        transmit(transaction.bytes, to: transaction.destination, from: transaction.base)
    }

    mutating func transmit(_ bytes: [UInt8], to destination: SocketAddress, from base: Int) {
        let own = bases[base].address
        outputs.append(.transmit(bytes, to: destination.scoped(like: own), from: own))
    }

    /// Repeats requests that are due, and gives up those that were repeated enough.
    mutating func runTransactions() {
        var index = 0
        while index < transactions.count {
            switch transactions[index].timeout(at: clock) {
            case .none:
                index += 1
            case .transmitAgain:
                counters.retransmissions += 1
                transmit(transactions[index])
                if let pair = transactions[index].pair {
                    checkList.update(pair) { $0.attempts += 1 }
                }
                index += 1
            case .giveUp:
                let lost = transactions.remove(at: index)
                if !lost.isAbandoned { checkFailed(lost) }
            }
        }
    }

    private mutating func checkFailed(_ transaction: ICETransaction) {
        guard case .check(let id, let nominates) = transaction.purpose else { return }
        if nominates, nominating == id { nominating = nil }
        // Of the pair in use consent decides, and of an abandoned check its successor.
        guard id != selected, !transaction.isAbandoned else { return }
        checkList.update(id) { $0.state = .failed }
        // A search goes round until its time is over: a peer that never checks, a lite one, may
        // open its port late.
        guard isSearching else { return }
        let number = generation.number
        let chosen = selected
        let others = checkList.pairs.lazy.filter { $0.generation == number && $0.id != chosen }
        if others.allSatisfy({ $0.state == .failed }) {
            checkList.set(.waiting) { $0.generation == number && $0.id != chosen }
        }
    }

    // MARK: Answers

    /// An answer came: it counts when it belongs to a request of ours, is authentic and took the
    /// way back.
    mutating func responseReceived(
        _ datagram: STUNDatagram, from remote: SocketAddress, on base: Int
    ) {
        let answer = datagram.message
        guard let index = transactions.firstIndex(where: { $0.id == answer.transactionID }) else {
            counters.unauthenticated += 1
            return
        }
        let transaction = transactions[index]
        if transaction.purpose == .gather {
            gatherAnswerReceived(answer, from: remote, on: base, index: index)
            return
        }
        guard let credentials = generation(transaction.generation),
            datagram.isAuthentic(key: credentials.remoteKey), datagram.unknownRequired.isEmpty
        else {
            counters.unauthenticated += 1
            return
        }
        // RFC 8445 section 7.2.5.2.1: what does not take the way back is no path, and RFC 7675
        // section 5.1: no consent.
        guard remote == transaction.destination, base == transaction.base else {
            guard transaction.isCheck else { return }
            transactions.remove(at: index)
            checkFailed(transaction)
            return
        }
        switch answer.kind {
        case .failure:
            transactions.remove(at: index)
            refused(transaction, answer.errorCode?.code ?? 0)
        case .success:
            guard let mapped = answer.reflexiveAddress else { return }
            transactions.remove(at: index)
            counters.responsesReceived += 1
            answered(transaction, seenAs: mapped)
        case .request, .indication: break
        }
    }

    private mutating func refused(_ transaction: ICETransaction, _ code: Int) {
        guard code == STUNErrorCode.roleConflict.code else {
            checkFailed(transaction)
            return
        }
        guard let id = transaction.pair else { return }
        if nominating == id { nominating = nil }
        if transaction.role == role, !configuration.isLite, !isRemoteLite {
            counters.roleConflicts += 1
            switchRole()
            // RFC 8445 section 7.2.5.1 wants a new number, so that a tie cannot last.
            tieBreaker = random.next()
        }
        guard transaction.isCheck, checkList[id]?.state != .succeeded else { return }
        checkList.update(id) { $0.state = .waiting }
        if !triggered.contains(id) { triggered.append(id) }
    }

    private mutating func answered(_ transaction: ICETransaction, seenAs mapped: SocketAddress) {
        guard let id = transaction.pair, let pair = checkList[id] else { return }
        let local = localIndex(seenAs: mapped, base: pair.base)
        let now = clock
        checkList.update(id) {
            $0.answeredAt = now
            if let local { $0.local = local }
            // Karn: of a repeated request nobody knows which one was answered.
            if transaction.attempts == 1 { $0.noteRoundTrip(now - transaction.firstSentAt) }
        }
        if id == selected {
            livenessAt = now
            noteSelectedAnswered(requestSentAt: transaction.firstSentAt)
        }
        guard case .check(_, let nominates) = transaction.purpose else { return }
        let wasChosen = pair.isSelectedOnSuccess
        checkList.update(id) {
            $0.state = .succeeded
            $0.isSelectedOnSuccess = false
        }
        // RFC 8445 section 7.2.5.3.3.
        checkList.set(.waiting) {
            $0.state == .frozen && $0.foundation == pair.foundation
                && $0.generation == pair.generation
        }
        guard pair.generation == generation.number else { return }
        firstValidAt = firstValidAt ?? now
        switch role {
        case .controlling:
            if nominates, transaction.role == .controlling, nominating == id {
                select(id)
            } else if id != selected, !transaction.isAbandoned {
                suspect(insteadOf: id)
            }
        case .controlled:
            if wasChosen {
                follow(id, isChoice: pair.hadPlainRequest && pair.isNominatedByPeer)
            } else if id != selected, state == .disconnected, pair.isNominatedByPeer {
                suspect(insteadOf: id)
            }
        }
    }
}
