// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A whole message as it left a stream.
struct SCTPIncomingMessage: Equatable, Sendable {
    var stream: UInt16
    var protocolIdentifier: UInt32
    var bytes: [UInt8]
}

/// Puts fragments together and ordered messages in order (RFC 9260 section 6.5 and 6.9).
///
/// A message is a run of consecutive TSNs from a B to an E fragment with one stream, one order
/// flag and, if ordered, one stream sequence number. Runs are kept sorted by TSN, so that the next
/// fragment of a message finds its run by binary search.
struct SCTPReassembly: Sendable {
    private struct Run: Sendable, SCTPRun {
        var first: SCTPTSN
        var fragments: [[UInt8]]
        var stream: UInt16
        var streamSequence: UInt16
        var protocolIdentifier: UInt32
        var isUnordered: Bool
        var hasBegin: Bool
        var hasEnd: Bool
        var byteCount: Int

        var last: SCTPTSN { first + SCTPTSN(fragments.count) - 1 }

        /// Whether both are parts of one message. The sequence number of an unordered one means
        /// nothing: pion sets it.
        func isSameMessage(_ other: Run) -> Bool {
            stream == other.stream && isUnordered == other.isUnordered
                && (isUnordered || streamSequence == other.streamSequence)
        }
    }

    private struct Waiting: Sendable {
        var streamSequence: UInt16
        var message: SCTPIncomingMessage
    }

    private struct Stream: Sendable {
        var next: UInt16
        /// Complete messages that earlier ones hold back, by sequence number.
        var waiting: [Waiting] = []
        /// Nothing more is delivered until the stream is reset.
        var isRefused = false
    }

    /// Messages ready for delivery; the owner takes them out.
    var delivered: [SCTPIncomingMessage] = []
    /// Streams on which a message grew too long since the owner last looked.
    var oversized: [UInt16] = []
    /// Payload bytes held in fragments and waiting messages.
    private(set) var heldBytes = 0
    /// Fragments and messages that were thrown away because they cannot make sense.
    private(set) var discarded = 0

    private var runs: [Run] = []
    private var streams: [UInt16: Stream] = [:]
    private var heldChunks = 0
    private let capacity: Int
    private let messageMax: Int
    private let initialStreamSequence: UInt16

    /// Room beyond the window for the chunks that fill the lowest gap: without it a full buffer
    /// whose lowest fragment is missing would never empty again.
    static let slack = 64 << 10
    /// Chunks held at most, so that many tiny ones cannot make us hold many times their bytes.
    static let chunksMax = 4096
    /// Streams whose state is kept; LiveKit uses three.
    static let streamsMax = 1024

    init(configuration: SCTPConfiguration) {
        capacity = configuration.receiveWindow
        messageMax = configuration.receiveMessageMax
        initialStreamSequence = configuration.initialStreamSequence
    }

    /// The window to announce.
    var receiveWindow: Int { max(0, capacity - heldBytes) }

    /// Whether `count` more bytes may be kept; `isNext` when they close the lowest gap.
    func hasRoom(for count: Int, isNext: Bool) -> Bool {
        if isNext { return heldBytes + count <= capacity + Self.slack }
        return heldBytes + count <= capacity && heldChunks < Self.chunksMax
    }

    /// Takes a chunk that was not seen before.
    mutating func insert(_ chunk: SCTPDataChunk, tsn: SCTPTSN) {
        guard isStreamServed(chunk.stream) else {
            discarded += 1
            return
        }
        let isUnordered = chunk.flags.contains(.unordered)
        if chunk.flags.isSuperset(of: [.begin, .end]) {
            guard chunk.payload.count <= messageMax else { return refuse(chunk.stream) }
            complete(
                SCTPIncomingMessage(
                    stream: chunk.stream, protocolIdentifier: chunk.protocolIdentifier,
                    bytes: chunk.payload),
                streamSequence: isUnordered ? nil : chunk.streamSequence)
            return
        }
        hold(
            Run(
                first: tsn, fragments: [chunk.payload], stream: chunk.stream,
                streamSequence: chunk.streamSequence,
                protocolIdentifier: chunk.protocolIdentifier, isUnordered: isUnordered,
                hasBegin: chunk.flags.contains(.begin), hasEnd: chunk.flags.contains(.end),
                byteCount: chunk.payload.count))
    }

    /// Throws away what can no longer complete now that all up to `cumulative` came.
    mutating func cumulativeAdvanced(to cumulative: SCTPTSN) {
        var dead = 0
        while dead < runs.count {
            let run = runs[dead]
            let lacksBegin = !run.hasBegin && run.first <= cumulative + 1
            let lacksEnd = run.last < cumulative
            guard lacksBegin || lacksEnd else { break }
            drop(run)
            dead += 1
        }
        if dead > 0 { runs.removeFirst(dead) }
    }

    /// Gives up what FORWARD-TSN skips, and delivers what that releases.
    mutating func forward(to tsn: SCTPTSN, skipped: [SCTPForwardTSNChunk.Skip]) {
        let passed = runs.prefix { $0.first <= tsn }.count
        for run in runs.prefix(passed) { drop(run) }
        if passed > 0 { runs.removeFirst(passed) }
        for skip in skipped {
            guard streams[skip.stream] != nil || isStreamServed(skip.stream) else { continue }
            release(skip.stream, through: skip.streamSequence)
        }
    }

    /// The peer starts the stream again at zero.
    mutating func reset(_ stream: UInt16) {
        if let state = streams.removeValue(forKey: stream) { forget(state) }
    }

    /// The peer starts all its streams again at zero.
    mutating func resetAll() {
        for run in runs { drop(run) }
        runs.removeAll()
        streams.removeAll()
        heldBytes = 0
        heldChunks = 0
    }

    /// Delivers nothing more of the stream until it is reset.
    mutating func refuse(_ stream: UInt16) {
        guard let state = streams[stream], !state.isRefused else { return }
        forget(state)
        streams[stream] = Stream(next: state.next, isRefused: true)
        oversized.append(stream)
    }

    private mutating func forget(_ state: Stream) {
        for waiting in state.waiting {
            heldBytes -= waiting.message.bytes.count
            heldChunks -= 1
        }
    }

    private mutating func isStreamServed(_ stream: UInt16) -> Bool {
        if let state = streams[stream] { return !state.isRefused }
        guard streams.count < Self.streamsMax else { return false }
        streams[stream] = Stream(next: initialStreamSequence)
        return true
    }

    private mutating func drop(_ run: Run) {
        heldBytes -= run.byteCount
        heldChunks -= run.fragments.count
        discarded += 1
    }

    private mutating func hold(_ fragment: Run) {
        heldBytes += fragment.byteCount
        heldChunks += 1
        var at = runs.firstIndex(beyond: fragment.first)
        if at > 0, runs[at - 1].last == fragment.first - 1, !runs[at - 1].hasEnd,
            !fragment.hasBegin, runs[at - 1].isSameMessage(fragment)
        {
            at -= 1
            runs[at].fragments.append(contentsOf: fragment.fragments)
            runs[at].byteCount += fragment.byteCount
            runs[at].hasEnd = fragment.hasEnd
        } else {
            runs.insert(fragment, at: at)
        }
        if at + 1 < runs.count, runs[at + 1].first == runs[at].last + 1, !runs[at].hasEnd,
            !runs[at + 1].hasBegin, runs[at].isSameMessage(runs[at + 1])
        {
            let next = runs.remove(at: at + 1)
            runs[at].fragments.append(contentsOf: next.fragments)
            runs[at].byteCount += next.byteCount
            runs[at].hasEnd = next.hasEnd
        }
        if runs[at].byteCount > messageMax {
            let run = runs.remove(at: at)
            drop(run)
            refuse(run.stream)
        } else if runs[at].hasBegin, runs[at].hasEnd {
            assemble(runs.remove(at: at))
        }
    }

    private mutating func assemble(_ run: Run) {
        heldBytes -= run.byteCount
        heldChunks -= run.fragments.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(run.byteCount)
        for fragment in run.fragments { bytes.append(contentsOf: fragment) }
        complete(
            SCTPIncomingMessage(
                stream: run.stream, protocolIdentifier: run.protocolIdentifier, bytes: bytes),
            streamSequence: run.isUnordered ? nil : run.streamSequence)
    }

    /// Delivers a whole message, or keeps it until its turn; nil is an unordered one's turn.
    private mutating func complete(_ message: SCTPIncomingMessage, streamSequence: UInt16?) {
        guard let streamSequence else {
            delivered.append(message)
            return
        }
        guard let next = streams[message.stream]?.next else { return }
        let distance = sctpStreamSequenceDistance(from: next, to: streamSequence)
        if distance == 0 {
            delivered.append(message)
            streams[message.stream]?.next = next &+ 1
            releaseInOrder(message.stream)
        } else if distance > 0 {
            wait(message, streamSequence)
        } else {
            discarded += 1
        }
    }

    private mutating func wait(_ message: SCTPIncomingMessage, _ streamSequence: UInt16) {
        guard let state = streams[message.stream] else { return }
        let distance = sctpStreamSequenceDistance(from: state.next, to: streamSequence)
        // Mostly the newest: search from the back.
        var at = state.waiting.count
        while at > 0 {
            let other = sctpStreamSequenceDistance(
                from: state.next, to: state.waiting[at - 1].streamSequence)
            if other == distance {
                discarded += 1
                return
            }
            if other < distance { break }
            at -= 1
        }
        heldBytes += message.bytes.count
        heldChunks += 1
        streams[message.stream]?.waiting.insert(
            Waiting(streamSequence: streamSequence, message: message), at: at)
    }

    /// Delivers the waiting messages up to a sequence number that is given up, and those behind.
    private mutating func release(_ stream: UInt16, through last: UInt16) {
        guard let state = streams[stream], !state.isRefused,
            sctpStreamSequenceDistance(from: state.next, to: last) >= 0
        else { return }
        let passed = state.waiting.prefix {
            sctpStreamSequenceDistance(from: $0.streamSequence, to: last) >= 0
        }.count
        deliverWaiting(stream, passed)
        streams[stream]?.next = last &+ 1
        releaseInOrder(stream)
    }

    private mutating func releaseInOrder(_ stream: UInt16) {
        guard let state = streams[stream], !state.waiting.isEmpty else { return }
        var next = state.next
        var ready = 0
        while ready < state.waiting.count, state.waiting[ready].streamSequence == next {
            next &+= 1
            ready += 1
        }
        deliverWaiting(stream, ready)
        streams[stream]?.next = next
    }

    private mutating func deliverWaiting(_ stream: UInt16, _ count: Int) {
        guard count > 0, let state = streams[stream] else { return }
        for waiting in state.waiting.prefix(count) {
            heldBytes -= waiting.message.bytes.count
            heldChunks -= 1
            delivered.append(waiting.message)
        }
        streams[stream]?.waiting.removeFirst(count)
    }
}
