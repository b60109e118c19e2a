// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Giving messages up and telling the peer so (RFC 3758).
extension SCTPTransmission {
    /// Ordered streams named in one FORWARD-TSN: what fits a packet beside a SACK.
    static var forwardSkipsMax: Int { 256 }

    /// Gives up the whole message of a chunk, its unsent rest included: a peer that gets a part of
    /// a message holds it until FORWARD-TSN passes the message's end.
    mutating func abandonMessage(at index: Int, now: Instant) {
        let number = outstanding[index].fragment.messageNumber
        var first = index
        while first > 0, outstanding[first - 1].fragment.messageNumber == number { first -= 1 }
        var last = first
        while last < outstanding.count, outstanding[last].fragment.messageNumber == number {
            abandonChunk(last)
            last += 1
        }
        if let end = queue.abandon(messageNumber: number, tsn: nextTSN) {
            var chunk = SCTPOutstandingChunk(fragment: end, tsn: nextTSN, sentAt: now)
            chunk.state = .abandoned
            outstanding.append(chunk)
            nextTSN += 1
            abandonedCount += 1
        }
        messagesAbandoned += 1
    }

    private mutating func abandonChunk(_ index: Int) {
        let chunk = outstanding[index]
        switch chunk.state {
        case .inFlight:
            flight -= chunk.wireSize
            outstandingPayload -= chunk.fragment.range.count
        case .lost:
            lostCount -= 1
            outstandingPayload -= chunk.fragment.range.count
        case .acknowledged:
            acknowledgedCount -= 1
        case .abandoned:
            return
        }
        abandonedCount += 1
        outstanding[index].state = .abandoned
    }

    /// Finds the highest message end up to which all is acknowledged or given up. It never lies
    /// within a message: usrsctp aborts on that, others throw away what they hold of it.
    mutating func advanceForwardPoint() {
        guard abandonedCount > 0 else { return }
        var point = cumulative
        for index in 0..<outstanding.count {
            let chunk = outstanding[index]
            if chunk.state == .abandoned {
                if chunk.fragment.flags.contains(.end) { point = chunk.tsn }
            } else if chunk.state != .acknowledged {
                break
            }
        }
        guard point > forwardPoint else { return }
        forwardPoint = point
        isForwardDue = true
    }

    /// A SACK from behind the forward point, a round trip after FORWARD-TSN: it was lost.
    mutating func resendForward(at now: Instant) {
        guard forwardPoint > cumulative, let lastForward else { return }
        let wait = max(roundTrip.smoothed ?? roundTrip.timeout, SCTPAcknowledger.delay)
        if now - lastForward > wait { isForwardDue = true }
    }

    /// Lays in FORWARD-TSN if it is due.
    mutating func fillForward(_ packets: inout SCTPPacketizer, at now: Instant) {
        guard isForwardDue else { return }
        isForwardDue = false
        guard forwardPoint > cumulative, isPartialReliabilitySupported else { return }
        var skipped: [SCTPForwardTSNChunk.Skip] = []
        var reached = cumulative
        for index in 0..<outstanding.count {
            let chunk = outstanding[index]
            guard chunk.tsn <= forwardPoint else { break }
            let fragment = chunk.fragment
            if chunk.state == .abandoned, !fragment.flags.contains(.unordered) {
                let known = skipped.firstIndex { $0.stream == fragment.stream }
                if let known {
                    skipped[known].streamSequence = fragment.streamSequence
                } else if skipped.count < Self.forwardSkipsMax {
                    skipped.append(
                        SCTPForwardTSNChunk.Skip(
                            stream: fragment.stream, streamSequence: fragment.streamSequence))
                } else {
                    break
                }
            }
            if chunk.state == .abandoned, fragment.flags.contains(.end) { reached = chunk.tsn }
        }
        guard reached > cumulative else { return }
        lastForward = now
        packets.append(
            .forwardTSN(
                SCTPForwardTSNChunk(newCumulativeTSN: reached.wire, skipped: skipped)),
            size: 8 + 4 * skipped.count)
    }
}
