// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A request that waits for its answer.
struct ICETransaction: Sendable {
    enum Purpose: Sendable, Equatable {
        /// A connectivity check; whether it nominates.
        case check(pair: Int, nominates: Bool)
        /// A consent check, or a probe, of the selected pair.
        case consent(pair: Int)
        /// Asks a STUN server for our address.
        case gather
    }

    let id: STUNTransactionID
    let purpose: Purpose
    /// The role that the request claimed.
    let role: ICERole
    /// Whose credentials sign it.
    let generation: Int
    let base: Int
    let destination: SocketAddress
    let bytes: [UInt8]
    let firstSentAt: Instant
    var attempts = 1
    let attemptsMax: Int
    /// Time to the next repetition, or to giving up after the last.
    var timeout: Duration
    let timeoutMax: Duration
    var nextAt: Instant
    /// Not repeated any more, but its answer still counts.
    var isAbandoned = false

    var pair: Int? {
        switch purpose {
        case .check(let pair, _), .consent(let pair): pair
        case .gather: nil
        }
    }

    var isCheck: Bool {
        if case .check = purpose { return true }
        return false
    }

    mutating func abandon(at now: Instant) {
        guard !isAbandoned else { return }
        isAbandoned = true
        nextAt = now + ICEConfiguration.abandonedLife
    }

    enum Timeout {
        case none
        case transmitAgain
        case giveUp
    }

    /// What is due at `now`; a repetition is counted as sent.
    mutating func timeout(at now: Instant) -> Timeout {
        guard now >= nextAt else { return .none }
        guard !isAbandoned, attempts < attemptsMax else { return .giveUp }
        attempts += 1
        timeout = min(timeout * 2, timeoutMax)
        nextAt = now + timeout
        return .transmitAgain
    }
}
