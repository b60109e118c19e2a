// SPDX-License-Identifier: Apache-2.0
public import Base

// Server-reflexive candidates (RFC 8445 section 5.1.1.2): they trickle, nothing waits for them.
extension ICEAgent {
    /// Sets the STUN servers to be asked from every base, by addresses already looked up.
    ///
    /// Those of a family that has no base, and more than four, are passed over.
    public mutating func setSTUNServers(_ addresses: [SocketAddress]) {
        guard state != .closed else { return }
        let fresh = addresses.prefix(ICEConfiguration.serversMax).filter {
            !servers.contains($0) && $0.port != 0 && !$0.ip.isUnspecified && !$0.ip.isMulticast
        }
        servers = Array(addresses.prefix(ICEConfiguration.serversMax))
        for base in bases.indices {
            for server in fresh { queueGathering(base: base, server: server) }
        }
    }

    /// Whether a request to a server is under way or waits.
    var isGathering: Bool {
        !gatherQueue.isEmpty || transactions.contains { $0.purpose == .gather }
    }

    mutating func queueGathering(base: Int) {
        for server in servers { queueGathering(base: base, server: server) }
    }

    private mutating func queueGathering(base: Int, server: SocketAddress) {
        let own = bases[base]
        guard !own.isRemoved, own.transport == .udp, own.address.ip.isV6 == server.ip.isV6,
            !own.address.ip.isLinkLocal, !own.address.ip.isLoopback || server.ip.isLoopback
        else { return }
        isGatheringCompleted = false
        gatherQueue.append((base, server))
    }

    /// Sends the next request to a server, one each Ta beside the checks.
    mutating func runGathering() {
        if clock >= nextGatherAt, !gatherQueue.isEmpty,
            transactions.count < ICEConfiguration.transactionsMax
        {
            let (base, server) = gatherQueue.removeFirst()
            nextGatherAt = clock + configuration.checkInterval
            let request = STUNMessage(
                kind: .request, transactionID: STUNTransactionID(using: &random))
            let timeout = Duration.milliseconds(500)  // RFC 8489 section 6.2.1
            let transaction = ICETransaction(
                id: request.transactionID, purpose: .gather, role: role,
                generation: generation.number, base: base, destination: server,
                bytes: request.encoded(), firstSentAt: clock,
                attemptsMax: ICEConfiguration.gatherAttemptsMax, timeout: timeout,
                timeoutMax: configuration.retransmissionTimeoutMax, nextAt: clock + timeout)
            transmit(transaction)
            transactions.append(transaction)
        }
        if localBasesEnded, !isGatheringCompleted, !isGathering {
            isGatheringCompleted = true
            outputs.append(.gatheringCompleted)
        }
    }

    /// A server answered: what it saw is a candidate unless we know it already.
    mutating func gatherAnswerReceived(
        _ answer: STUNMessage, from server: SocketAddress, on base: Int, index: Int
    ) {
        let transaction = transactions[index]
        guard server == transaction.destination, base == transaction.base else { return }
        transactions.remove(at: index)
        guard answer.kind == .success, let mapped = answer.reflexiveAddress, mapped.port != 0,
            !mapped.ip.isUnspecified, !mapped.ip.isMulticast,
            mapped.ip.isV6 == bases[base].address.ip.isV6,
            !locals.contains(where: {
                $0.candidate.address == mapped && !$0.isGone && $0.candidate.kind != .prflx
            })
        else { return }
        let own = bases[base]
        _ = tell(
            ICECandidate(
                foundation: ICEPriority.foundation(
                    .srflx, base: own.address.ip, server: server.ip),
                priority: ICEPriority.candidate(.srflx, localPreference: own.localPreference),
                address: mapped, kind: .srflx, relatedAddress: own.address,
                ufrag: generation.local.ufrag),
            base: base)
    }
}
