// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Stream resets both ways, which is how channels close (RFC 6525, RFC 8831 section 6.7).
///
/// One request of ours is outstanding at a time. A repeated request of the peer gets the last
/// answer again and resets nothing: a stream that is in use again would lose its messages.
struct SCTPStreamReset: Sendable {
    /// What a peer's request, or the end of its waiting, led to.
    struct Performed: Equatable, Sendable {
        var answer: SCTPParameter
        /// The peer's streams that start again; empty and `isAll` false where nothing happens.
        var streams: [UInt16] = []
        var isAll = false
    }

    /// What our own request led to.
    enum Conclusion: Equatable, Sendable {
        case nothing
        /// Our side of these streams starts again.
        case reset([UInt16])
        /// The peer refused: these ids must not be used again.
        case refused([UInt16])
    }

    private struct Request: Sendable {
        var sequence: UInt32
        var lastTSN: UInt32
        var streams: [UInt16]
        /// Those of them that start again when the answer comes.
        var awaited: [UInt16]
    }

    /// When our request goes out again.
    private(set) var deadline: Instant?
    private var nextSequence: UInt32
    private var request: Request?
    private var isRequestDue = false
    private var wait: Duration = .zero
    private var isWaitingForPeer = false
    /// Streams to be named in the next request.
    private var queued: [UInt16] = []

    private var peerSequence: UInt32
    private var lastAnswer: SCTPParameter?
    /// A request of the peer that waits for DATA still on the way.
    private var deferred: SCTPOutgoingReset?

    /// Streams in one request: half a packet.
    static let streamsMax = 256
    /// The longest wait between two sendings.
    static let waitMax: Duration = .seconds(4)

    /// Both sequences start at the initial TSN of their sender.
    init(localTSN: UInt32, peerTSN: UInt32) {
        nextSequence = localTSN
        peerSequence = peerTSN &- 1
    }

    /// Whether `nextRequest` has one to send.
    var isDue: Bool { isRequestDue || (request == nil && !queued.isEmpty) }

    /// Asks for a reset of our side of a stream, all of whose DATA was acknowledged.
    mutating func append(_ stream: UInt16) {
        if !queued.contains(stream) { queued.append(stream) }
    }

    /// Streams that wait for the next request; each at most once.
    var queuedCount: Int { queued.count }

    /// The request to send now; nil when none is due. The timer runs from here.
    mutating func nextRequest(
        lastTSN: UInt32, timeout: Duration, at now: Instant
    ) -> SCTPParameter? {
        if request == nil, !queued.isEmpty {
            let streams = Array(queued.prefix(Self.streamsMax))
            request = Request(
                sequence: nextSequence, lastTSN: lastTSN, streams: streams, awaited: streams)
            queued.removeFirst(min(queued.count, Self.streamsMax))
            nextSequence &+= 1
            wait = timeout
            isRequestDue = true
        }
        guard isRequestDue, let request else { return nil }
        isRequestDue = false
        deadline = now + wait
        return .outgoingReset(
            SCTPOutgoingReset(
                requestSequence: request.sequence, responseSequence: peerSequence,
                lastTSN: request.lastTSN, streams: request.streams))
    }

    /// Sends our request again, later and later; a peer that is at it is no failure.
    mutating func tick(at now: Instant) {
        guard let due = deadline, due <= now else { return }
        deadline = nil
        isRequestDue = request != nil
        wait = isWaitingForPeer ? wait : min(wait * 2, Self.waitMax)
        isWaitingForPeer = false
    }

    /// Takes the answer to our request.
    mutating func responseReceived(
        _ response: SCTPResetResponse, timeout: Duration, at now: Instant
    ) -> Conclusion {
        guard let current = request, response.responseSequence == current.sequence else {
            return .nothing
        }
        switch response.result {
        case .inProgress, .alreadyInProgress:
            isWaitingForPeer = true
            wait = timeout
            deadline = now + timeout
            return .nothing
        case .performed, .nothingToDo:
            conclude()
            return .reset(current.awaited)
        default:
            conclude()
            return .refused(current.awaited)
        }
    }

    /// The peer uses a stream again, so its answer to our request was lost; whether it was.
    mutating func settle(_ stream: UInt16) -> Bool {
        guard let index = request?.awaited.firstIndex(of: stream) else { return false }
        request?.awaited.remove(at: index)
        return true
    }

    private mutating func conclude() {
        request = nil
        deadline = nil
        isRequestDue = false
        isWaitingForPeer = false
    }

    /// Takes a request of the peer to reset its side of streams.
    mutating func requestReceived(
        _ reset: SCTPOutgoingReset, cumulative: SCTPTSN
    ) -> Performed {
        if reset.requestSequence == peerSequence, let lastAnswer {
            return Performed(answer: lastAnswer)
        }
        guard reset.requestSequence == peerSequence &+ 1 else {
            return Performed(answer: Self.answer(reset.requestSequence, .badSequence))
        }
        peerSequence = reset.requestSequence
        if SCTPTSN(unwrapping: reset.lastTSN, near: cumulative) > cumulative {
            deferred = reset
            return Performed(answer: note(.inProgress))
        }
        return perform(reset)
    }

    /// Finishes a request that waited for DATA, once all of it came or was given up.
    mutating func cumulativeAdvanced(to cumulative: SCTPTSN) -> Performed? {
        guard let reset = deferred,
            SCTPTSN(unwrapping: reset.lastTSN, near: cumulative) <= cumulative
        else { return nil }
        return perform(reset)
    }

    /// Answers a request of another kind: incoming resets need no help of ours, TSN resets and
    /// more streams are denied.
    mutating func otherRequestReceived(
        sequence: UInt32, result: SCTPResetResponse.Result
    ) -> SCTPParameter {
        if sequence == peerSequence, let lastAnswer { return lastAnswer }
        guard sequence == peerSequence &+ 1 else { return Self.answer(sequence, .badSequence) }
        peerSequence = sequence
        deferred = nil
        return note(result)
    }

    private mutating func perform(_ reset: SCTPOutgoingReset) -> Performed {
        deferred = nil
        return Performed(
            answer: note(.performed), streams: reset.streams, isAll: reset.streams.isEmpty)
    }

    private mutating func note(_ result: SCTPResetResponse.Result) -> SCTPParameter {
        let answer = Self.answer(peerSequence, result)
        lastAnswer = answer
        return answer
    }

    private static func answer(
        _ sequence: UInt32, _ result: SCTPResetResponse.Result
    ) -> SCTPParameter {
        .resetResponse(SCTPResetResponse(responseSequence: sequence, result: result))
    }
}
