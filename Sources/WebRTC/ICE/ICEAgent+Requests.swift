// SPDX-License-Identifier: Apache-2.0
internal import Base

// Checks from the peer (RFC 8445 section 7.3).
extension ICEAgent {
    /// A Binding request came: answers it if it is authentic, and learns from it.
    mutating func requestReceived(
        _ datagram: STUNDatagram, from remote: SocketAddress, on base: Int
    ) {
        let request = datagram.message
        guard let username = request.username, datagram.hasIntegrity else {
            refuse(datagram, .badRequest, to: remote, on: base)
            return
        }
        guard let called = called(by: username), datagram.isAuthentic(key: called.localKey),
            let caller = caller(in: username, of: called)
        else {
            counters.unauthenticated += 1
            refuse(datagram, .unauthorized, to: remote, on: base)
            return
        }
        counters.requestsReceived += 1
        var answer = STUNMessage(kind: .success, transactionID: request.transactionID)
        if !datagram.unknownRequired.isEmpty {
            answer.kind = .failure
            answer.errorCode = .unknownAttribute
            answer.unknownAttributes = datagram.unknownRequired
            counters.refusals += 1
        } else if hasConflict(request) {
            answer.kind = .failure
            answer.errorCode = .roleConflict
            counters.refusals += 1
        } else {
            answer.xorMappedAddress = remote
        }
        transmit(answer.encoded(key: called.localKey), to: remote, from: base)
        guard answer.kind == .success else { return }
        if called.number == generation.number {
            learn(from: request, caller: caller, at: remote, on: base)
        } else if let pair = selected.flatMap({ checkList[$0] }), pair.base == base,
            pair.generation == called.number, remotes[pair.remote].candidate.address == remote
        {
            livenessAt = clock
        }
    }

    /// The generation of ours that a request's user name calls.
    private func called(by username: [UInt8]) -> Generation? {
        for candidate in [generation] + (previous.map { [$0] } ?? []) {
            if username.starts(with: Array(candidate.local.ufrag.utf8) + [UInt8(ascii: ":")]) {
                return candidate
            }
        }
        return nil
    }

    /// The peer's ufrag in a request's user name; nil when it is not the one we know.
    private func caller(in username: [UInt8], of called: Generation) -> String? {
        let caller = String(
            decoding: username.dropFirst(called.local.ufrag.utf8.count + 1), as: UTF8.self)
        guard let known = called.remote else { return caller }
        return known.ufrag == caller ? caller : nil
    }

    /// Whether a request claims our role and is to be told so; if it is we who must give way, we
    /// do (RFC 8445 section 7.3.1.1).
    private mutating func hasConflict(_ request: STUNMessage) -> Bool {
        let theirs: UInt64
        switch role {
        case .controlling:
            guard let claimed = request.iceControlling else { return false }
            theirs = claimed
        case .controlled:
            guard let claimed = request.iceControlled else { return false }
            theirs = claimed
        }
        counters.roleConflicts += 1
        // Who faces a lite agent controls, whoever has the greater number (section 6.1.1).
        if configuration.isLite || isRemoteLite { return true }
        let weAreGreater = tieBreaker >= theirs
        if weAreGreater == (role == .controlling) { return true }
        switchRole()
        return false
    }

    /// Sends an error answer that nothing protects: rarely, and never longer than the question,
    /// because the source may be forged.
    private mutating func refuse(
        _ datagram: STUNDatagram, _ error: STUNErrorCode, to remote: SocketAddress, on base: Int
    ) {
        let earned = (clock - errorTokensAt) / ICEConfiguration.errorInterval
        if earned >= 1 {
            errorTokens = min(
                ICEConfiguration.errorBurst,
                errorTokens + Int(min(earned, Double(ICEConfiguration.errorBurst))))
            errorTokensAt = clock
        }
        var answer = STUNMessage(
            kind: .failure, transactionID: datagram.message.transactionID)
        answer.errorCode = error
        let bytes = answer.encoded()
        guard errorTokens > 0, bytes.count <= datagram.bytes.count else { return }
        errorTokens -= 1
        counters.refusals += 1
        transmit(bytes, to: remote, from: base)
    }

    /// An authentic request of this generation: its source is a candidate, its pair is checked.
    private mutating func learn(
        from request: STUNMessage, caller: String, at address: SocketAddress, on base: Int
    ) {
        isHolding = false
        let priority =
            request.priority
            ?? ICEPriority.candidate(.prflx, localPreference: ICEPriority.highestLocalPreference)
        guard
            let remote = remoteIndex(at: address, priority: priority, ufrag: caller),
            let id = formPair(base: base, remote: remote, isProven: true)
        else { return }
        if id == selected { livenessAt = clock }
        if configuration.isLite {
            // A lite agent takes the peer's word: it sends no checks (RFC 8445 section 7.3.2).
            checkList.update(id) { [clock] in
                $0.state = .succeeded
                $0.answeredAt = clock
            }
        } else {
            trigger(id)
        }
        noteNomination(request.useCandidate, of: id)
    }

    /// Queues a check of the pair that the peer has just checked (RFC 8445 section 7.3.1.4).
    private mutating func trigger(_ id: Int) {
        guard let pair = checkList[id] else { return }
        switch pair.state {
        case .succeeded:
            // Under our control a pair that the peer turns to may be the way it moved to: it is
            // checked anew, which puts the selected one to the test.
            guard role == .controlling, let selected, selected != id,
                pair.answeredAt.map({ clock - $0 > ICEConfiguration.recheckInterval }) ?? true
            else { return }
        case .inProgress:
            for index in transactions.indices where transactions[index].pair == id {
                transactions[index].abandon(at: clock)
            }
            checkList.update(id) { $0.state = .waiting }
        case .frozen, .waiting, .failed:
            checkList.update(id) { $0.state = .waiting }
        }
        if !triggered.contains(id) { triggered.append(id) }
    }
}
