// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Offers of the publisher connection, one at a time.
///
///     idle ── requested ──▶ creating ── offerCreated ──▶ waiting ── answerReceived ──▶ idle
///
/// A request in between is kept, and the next offer follows the answer.
struct PublisherNegotiation {
    private enum State {
        case idle
        case creating
        case waiting(id: UInt32, until: Instant)
    }

    private var state = State.idle
    private var isWanted = false
    private var lastID: UInt32 = 0

    /// When the answer is overdue.
    var deadline: Instant? {
        if case .waiting(_, let until) = state { return until }
        return nil
    }

    /// Something changed that the server must know; true when an offer is to be made now.
    mutating func requested() -> Bool {
        guard case .idle = state else {
            isWanted = true
            return false
        }
        state = .creating
        isWanted = false
        return true
    }

    /// The offer is made; returns the id under which it is sent, nil when none was asked for.
    mutating func offerCreated(answeredBy deadline: Instant) -> UInt32? {
        guard case .creating = state else { return nil }
        lastID &+= 1
        if lastID == 0 { lastID = 1 }
        state = .waiting(id: lastID, until: deadline)
        return lastID
    }

    /// An answer came; whether it is to the offer that waits. Server 1.8 writes no id.
    mutating func answerReceived(id: UInt32) -> Bool {
        guard case .waiting(let expected, _) = state, id == 0 || id == expected else {
            return false
        }
        state = .idle
        return true
    }

    /// Whether changes came meanwhile, so that the next offer is due.
    mutating func isNextDue() -> Bool {
        isWanted && requested()
    }
}
