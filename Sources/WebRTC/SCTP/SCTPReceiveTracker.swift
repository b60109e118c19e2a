// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Which sequence numbers came: all up to `cumulative`, and runs beyond it.
struct SCTPReceiveTracker: Sendable {
    /// What a sequence number is to us.
    enum Verdict: Equatable, Sendable {
        case new
        case duplicate
        /// Beyond the window, or one run too many: not kept, not acknowledged.
        case refused
    }

    private struct Run: Sendable, SCTPRun {
        var first: SCTPTSN
        var last: SCTPTSN
    }

    /// Everything up to here was received or given up by the peer.
    private(set) var cumulative: SCTPTSN
    private var runs: [Run] = []
    private var duplicates: [UInt32] = []

    /// How far ahead of `cumulative` a number may be: 1 MiB in messages of 64 bytes, and well
    /// within the 16 bits of a gap block.
    static let windowMax: SCTPTSN = 16_384
    /// Runs kept, so that one chunk in two cannot make us hold much: 32 KiB.
    static let runsMax = 2048
    /// Duplicates told in one SACK.
    static let duplicatesMax = 32

    /// Starts before the peer's initial sequence number.
    init(initialTSN: UInt32) {
        cumulative = SCTPTSN(initialTSN) - 1
    }

    /// Whether something is missing below what was received.
    var hasGap: Bool { !runs.isEmpty }

    /// Judges a sequence number and notes nothing.
    func verdict(on tsn: SCTPTSN) -> Verdict {
        if tsn <= cumulative { return .duplicate }
        guard tsn <= cumulative + Self.windowMax else { return .refused }
        let after = runs.firstIndex(beyond: tsn)
        if after > 0, runs[after - 1].last >= tsn { return .duplicate }
        if runs.count >= Self.runsMax, tsn != cumulative + 1 {
            let joinsLeft = after > 0 && runs[after - 1].last == tsn - 1
            let joinsRight = after < runs.count && runs[after].first == tsn + 1
            if !joinsLeft, !joinsRight { return .refused }
        }
        return .new
    }

    /// Notes a number that `verdict(on:)` called new.
    mutating func insert(_ tsn: SCTPTSN) {
        if tsn == cumulative + 1 {
            cumulative = tsn
            swallowRuns()
            return
        }
        let after = runs.firstIndex(beyond: tsn)
        let joinsLeft = after > 0 && runs[after - 1].last == tsn - 1
        let joinsRight = after < runs.count && runs[after].first == tsn + 1
        switch (joinsLeft, joinsRight) {
        case (true, true):
            runs[after - 1].last = runs[after].last
            runs.remove(at: after)
        case (true, false): runs[after - 1].last = tsn
        case (false, true): runs[after].first = tsn
        case (false, false): runs.insert(Run(first: tsn, last: tsn), at: after)
        }
    }

    /// Notes that a number came again, to be told in the next SACK.
    mutating func noteDuplicate(_ tsn: SCTPTSN) {
        if duplicates.count < Self.duplicatesMax { duplicates.append(tsn.wire) }
    }

    /// Moves `cumulative` up as FORWARD-TSN says; false when it lies behind already.
    mutating func forward(to tsn: SCTPTSN) -> Bool {
        guard tsn > cumulative else { return false }
        cumulative = tsn
        swallowRuns()
        return true
    }

    /// The SACK for now; at most `gapsMax` gap blocks, and the duplicates are told but once.
    mutating func sack(receiveWindow: Int, gapsMax: Int) -> SCTPSackChunk {
        let told = duplicates
        duplicates.removeAll(keepingCapacity: true)
        return SCTPSackChunk(
            cumulativeTSN: cumulative.wire, receiveWindow: UInt32(clamping: receiveWindow),
            gaps: runs.prefix(max(0, gapsMax)).map {
                SCTPSackChunk.GapBlock(
                    start: UInt16(clamping: $0.first - cumulative),
                    end: UInt16(clamping: $0.last - cumulative))
            }, duplicates: told)
    }

    private mutating func swallowRuns() {
        var swallowed = 0
        while swallowed < runs.count, runs[swallowed].first <= cumulative + 1 {
            cumulative = max(cumulative, runs[swallowed].last)
            swallowed += 1
        }
        if swallowed > 0 { runs.removeFirst(swallowed) }
    }
}

/// When the next SACK goes out (RFC 9260 section 6.2).
struct SCTPAcknowledger: Sendable {
    /// When it must go out; nil when nothing waits for it.
    private(set) var deadline: Instant?
    /// Whether it goes out with the next flush.
    private(set) var isDue = false
    private var packetsUnacknowledged = 0
    private var isFirstData = true

    /// How long a SACK may wait. RFC 9260 allows 500 ms; pion's tail probe comes after two round
    /// trips and 2 ms, so a late SACK would provoke duplicates.
    static let delay: Duration = .milliseconds(20)

    /// Whether a SACK should ride on data that leaves anyway.
    var isPending: Bool { isDue || deadline != nil }

    /// A packet with DATA came: the first of all and every second are acknowledged at once.
    mutating func dataReceived(at now: Instant, isUrgent: Bool) {
        packetsUnacknowledged += 1
        if isUrgent || isFirstData || packetsUnacknowledged >= 2 {
            isDue = true
        } else if deadline == nil {
            deadline = now + Self.delay
        }
        isFirstData = false
    }

    /// Something asks for a SACK now.
    mutating func require() { isDue = true }

    /// Something asks for a SACK, but not more than one in 20 ms.
    mutating func requireSoon(at now: Instant) {
        if deadline == nil { deadline = now + Self.delay }
    }

    /// The time moved on.
    mutating func tick(at now: Instant) {
        if let deadline, deadline <= now { isDue = true }
    }

    /// A SACK went out.
    mutating func acknowledged() {
        deadline = nil
        isDue = false
        packetsUnacknowledged = 0
    }
}

/// A stretch of sequence numbers in a list kept in their order.
protocol SCTPRun {
    /// The first number of the stretch.
    var first: SCTPTSN { get }
}

extension Array where Element: SCTPRun {
    /// Index of the first run that starts beyond `tsn`; the count when there is none.
    func firstIndex(beyond tsn: SCTPTSN) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].first > tsn { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
