// SPDX-License-Identifier: Apache-2.0
internal import Base

extension SCTPTransmission {
    /// What one SACK acknowledged for the first time.
    private struct Progress {
        var bytes = 0
        var highestBeyondGap: SCTPTSN?
        var sample: Duration?
        var hasResent = false
        var isAny = false
    }

    /// Takes a SACK; false when it is old or impossible, and nothing changed.
    mutating func sackReceived(_ sack: SCTPSackChunk, at now: Instant) -> Bool {
        let acknowledged = SCTPTSN(unwrapping: sack.cumulativeTSN, near: cumulative)
        guard acknowledged >= cumulative, acknowledged < nextTSN else { return false }
        peerWindow = Int(sack.receiveWindow)
        let flightBefore = flight
        let hasAdvanced = acknowledged > cumulative
        var progress = Progress()
        acknowledge(through: acknowledged, &progress, at: now)
        let cumulativeBytes = progress.bytes
        let highestReported = acknowledgeGaps(sack.gaps, &progress, at: now)
        if let sample = progress.sample {
            roundTrip.sample(sample)
            sampleTSN = nextTSN
        }
        judgeDuplicates(sack.duplicates, at: now)
        if hasAdvanced {
            judgeTimeout(at: now)
            roundTrip.settle()
            let wasFull = isWindowFull || flightBefore + SCTPSize.segment > congestion.window
            congestion.acknowledged(cumulativeBytes, cumulative: cumulative, wasFull: wasFull)
        }
        countMisses(
            below: hasAdvanced && congestion.isInRecovery
                ? highestReported : progress.highestBeyondGap, at: now)
        if acknowledgedCount > 0 || progress.hasResent { detectLossByTime(at: now) }
        advanceForwardPoint()
        resendForward(at: now)
        if progress.isAny {
            isProbeSpent = false
            probeDeadline = nil
            armProbe(at: now)
        }
        if outstanding.isEmpty {
            retransmissionDeadline = nil
            lossDeadline = nil
        } else if hasAdvanced {
            retransmissionDeadline = now + roundTrip.timeout
        }
        return true
    }

    private mutating func acknowledge(
        through tsn: SCTPTSN, _ progress: inout Progress, at now: Instant
    ) {
        while let chunk = outstanding.first, chunk.tsn <= tsn {
            if chunk.state == .inFlight || chunk.state == .lost {
                note(chunk, &progress, at: now)
                release(0)
            } else if chunk.state == .acknowledged {
                acknowledgedCount -= 1
                progress.bytes += chunk.wireSize
            } else {
                abandonedCount -= 1
                progress.isAny = true
            }
            outstanding.removeFirst()
        }
        cumulative = tsn
        forwardPoint = max(forwardPoint, tsn)
        if forwardPoint == tsn { isForwardDue = false }
    }

    /// Takes a chunk out of the flight or the lost ones, without saying where it goes.
    private mutating func release(_ index: Int) {
        let chunk = outstanding[index]
        if chunk.state == .lost { lostCount -= 1 } else { flight -= chunk.wireSize }
        outstandingPayload -= chunk.fragment.range.count
    }

    /// A chunk arrived: what its time tells.
    private mutating func note(
        _ chunk: SCTPOutstandingChunk, _ progress: inout Progress, at now: Instant
    ) {
        progress.isAny = true
        progress.bytes += chunk.wireSize
        let took = now - chunk.sentAt
        if chunk.transmissions > 1 {
            progress.hasResent = true
            // It may be the first sending that arrived (RFC 8985 section 6.2 step 2).
            if let shortest = roundTrip.shortest, took < shortest { return }
        } else if chunk.isPrompt, chunk.tsn >= sampleTSN {
            progress.sample = took
        }
        if let newest = reordering.newestSent,
            (newest, reordering.newestTSN) >= (chunk.sentAt, chunk.tsn)
        {
            return
        }
        reordering.newestSent = chunk.sentAt
        reordering.newestTSN = chunk.tsn
        reordering.newestRoundTrip = took
    }

    /// Marks what the gap blocks report; the highest TSN they name. Blocks may overlap, stand in
    /// any order or reach beyond what was sent (usrsctp): what makes no sense is passed over.
    private mutating func acknowledgeGaps(
        _ gaps: [SCTPSackChunk.GapBlock], _ progress: inout Progress, at now: Instant
    ) -> SCTPTSN? {
        guard !gaps.isEmpty || acknowledgedCount > 0, let first = outstanding.first else {
            return nil
        }
        var blocks = gaps.filter { $0.start > 0 && $0.start <= $0.end }
        blocks.sort { $0.start < $1.start }
        var highest: SCTPTSN?
        var block = 0
        // Chunks stand one TSN apart, the oldest right behind the cumulative one.
        for index in 0..<outstanding.count {
            let offset = first.tsn + SCTPTSN(index) - cumulative
            while block < blocks.count, SCTPTSN(blocks[block].end) < offset { block += 1 }
            let isReported = block < blocks.count && SCTPTSN(blocks[block].start) <= offset
            if isReported { highest = cumulative + offset }
            switch (outstanding[index].state, isReported) {
            case (.inFlight, true), (.lost, true):
                note(outstanding[index], &progress, at: now)
                progress.highestBeyondGap = outstanding[index].tsn
                release(index)
                outstanding[index].state = .acknowledged
                acknowledgedCount += 1
            case (.acknowledged, false):
                // Taken back, or an older SACK overtaken on the way: the timer decides.
                outstanding[index].state = .inFlight
                outstanding[index].isReneged = true
                acknowledgedCount -= 1
                flight += outstanding[index].wireSize
                outstandingPayload += outstanding[index].fragment.range.count
            case (.inFlight, false), (.lost, false), (.acknowledged, true), (.abandoned, _):
                break
            }
        }
        return highest
    }

    /// Three SACKs that acknowledge something newer call a chunk lost, once (RFC 9260 section
    /// 7.2.4).
    private mutating func countMisses(below tsn: SCTPTSN?, at now: Instant) {
        guard let tsn else { return }
        var isLoss = false
        for index in 0..<outstanding.count {
            guard outstanding[index].tsn < tsn else { break }
            guard outstanding[index].state == .inFlight, !outstanding[index].isReneged else {
                continue
            }
            outstanding[index].misses += 1
            guard outstanding[index].misses >= Self.missesMax,
                !outstanding[index].isFastRetransmitted
            else { continue }
            outstanding[index].isFastRetransmitted = true
            markLost(index, at: now)
            isLoss = true
        }
        if isLoss { lossFound() }
    }

    /// SACKs that miss a chunk before it is taken for lost.
    static var missesMax: Int { 3 }

    /// Calls lost what was sent a reordering window before something that arrived, and arms the
    /// timer for what is nearly so (RFC 8985 section 6.2 step 5).
    mutating func detectLossByTime(at now: Instant) {
        lossDeadline = nil
        guard let newest = reordering.newestSent else { return }
        let width = reordering.width(roundTrip)
        var isLoss = false
        for index in 0..<outstanding.count {
            let chunk = outstanding[index]
            guard chunk.state == .inFlight, !chunk.isReneged,
                (chunk.sentAt, chunk.tsn) < (newest, reordering.newestTSN)
            else { continue }
            let due = chunk.sentAt + reordering.newestRoundTrip + width
            if due <= now {
                markLost(index, at: now)
                isLoss = true
            } else {
                lossDeadline = soonest(lossDeadline, due)
            }
        }
        if isLoss { lossFound() }
    }

    private mutating func lossFound() {
        congestion.lossDetected(highestSent: nextTSN - 1)
        reordering.recovered()
        advanceForwardPoint()
    }

    /// A duplicate of what was sent again: the first sending had arrived.
    private mutating func judgeDuplicates(_ duplicates: [UInt32], at now: Instant) {
        guard !duplicates.isEmpty, !resent.isEmpty else { return }
        var isSpurious = false
        for wire in duplicates {
            let tsn = SCTPTSN(unwrapping: wire, near: cumulative)
            guard let index = resent.firstIndex(of: tsn) else { continue }
            resent.remove(at: index)
            if tsn == lastProbeTSN { isPeerSlow = true }
            isSpurious = true
        }
        guard isSpurious else { return }
        reordering.widen()
        if timeouts > 0 { roundTrip.becomeCautious() }
    }

    /// An answer less than half a round trip after a timeout answers what was sent before it.
    private mutating func judgeTimeout(at now: Instant) {
        guard let timeout = lastTimeout else { return }
        lastTimeout = nil
        if let smoothed = roundTrip.smoothed, now - timeout < smoothed / 2 {
            roundTrip.becomeCautious()
        }
    }
}
