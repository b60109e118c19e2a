// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A message that waits for its first fragment to leave.
struct SCTPOutgoingMessage: Sendable {
    var bytes: [UInt8]
    var protocolIdentifier: UInt32
    var isOrdered: Bool
    /// Retransmissions allowed for each fragment; nil for any number.
    var maxRetransmits: UInt16?
    /// From then on nothing of it is sent again, and it is not begun.
    var expiry: Instant?
    /// DCEP, which does not count as buffered by the application.
    var isControl = false
}

/// A piece of a message, as one DATA chunk carries it.
struct SCTPFragment: Sendable {
    /// The whole message; `range` of it is the payload, so that nothing is copied before the wire.
    var message: [UInt8]
    var range: Range<Int>
    var stream: UInt16
    var streamSequence: UInt16
    var protocolIdentifier: UInt32
    var flags: SCTPDataChunk.Flags
    /// Counts messages, so that all fragments of one can be given up together.
    var messageNumber: UInt64
    var maxRetransmits: UInt16?
    var expiry: Instant?
}

/// Messages not yet on the wire: first in, first out in each stream, and the streams take turns
/// message by message (without RFC 8260 the fragments of two messages may not mix).
struct SCTPSendQueue: Sendable {
    private struct Stream: Sendable {
        var messages: [SCTPOutgoingMessage] = []
        /// Index of the oldest message; the front of the array is dropped now and then.
        var head = 0
        var nextSequence: UInt16
        var bufferedBytes = 0
        /// Nil until the application asks.
        var lowThreshold: Int?
        /// The last TSN that a fragment of the stream was given.
        var lastTSN: SCTPTSN?

        var isEmpty: Bool { head == messages.count }
        var first: SCTPOutgoingMessage? { isEmpty ? nil : messages[head] }

        mutating func popFirst() -> SCTPOutgoingMessage? {
            guard let message = first else { return nil }
            messages[head].bytes = []
            head += 1
            if head == messages.count {
                messages.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 64, head * 2 >= messages.count {
                messages.removeFirst(head)
                head = 0
            }
            return message
        }
    }

    private struct Current: Sendable {
        var message: SCTPOutgoingMessage
        var stream: UInt16
        var streamSequence: UInt16
        var number: UInt64
        var offset = 0
    }

    private var streams: [UInt16: Stream] = [:]
    /// Streams with messages, the next one first.
    private var rotation: [UInt16] = []
    private var current: Current?
    private var messagesBegun: UInt64 = 0
    private let initialStreamSequence: UInt16
    /// Streams whose buffered bytes fell to their threshold since the owner last looked.
    var becameLow: [UInt16] = []
    /// Messages whose time ran out before they were begun.
    private(set) var expired = 0

    /// Messages that wait on one stream, so that empty ones have a bound too.
    static let messagesMax = 8192

    init(configuration: SCTPConfiguration) {
        initialStreamSequence = configuration.initialStreamSequence
    }

    /// Whether nothing waits.
    var isEmpty: Bool { current == nil && rotation.isEmpty }

    /// Messages begun so far.
    var messagesSent: UInt64 { messagesBegun }

    /// Bytes of the application that wait on a stream.
    func bufferedBytes(of stream: UInt16) -> Int { streams[stream]?.bufferedBytes ?? 0 }

    /// Whether a stream's next message would be one too many.
    func isFull(_ stream: UInt16) -> Bool {
        guard let state = streams[stream] else { return false }
        return state.messages.count - state.head >= Self.messagesMax
    }

    /// Whether all of a stream is on the wire, and its last TSN there.
    func drained(_ stream: UInt16) -> (isDrained: Bool, lastTSN: SCTPTSN?) {
        guard let state = streams[stream] else { return (true, nil) }
        return (state.isEmpty && current?.stream != stream, state.lastTSN)
    }

    /// Sets where `becameLow` speaks up for a stream.
    mutating func setLowThreshold(_ bytes: Int, of stream: UInt16) {
        streams[stream, default: Stream(nextSequence: initialStreamSequence)].lowThreshold = bytes
    }

    /// Appends a message to its stream.
    mutating func append(_ message: SCTPOutgoingMessage, to stream: UInt16) {
        let wasEmpty = streams[stream]?.isEmpty ?? true
        let count = message.isControl ? 0 : message.bytes.count
        streams[stream, default: Stream(nextSequence: initialStreamSequence)].messages
            .append(message)
        streams[stream]?.bufferedBytes += count
        if wasEmpty, current?.stream != stream { rotation.append(stream) }
    }

    /// Bytes that the next fragment would carry; nil when nothing waits.
    ///
    /// Messages whose time ran out are dropped on the way; none is begun.
    mutating func nextFragmentSize(at now: Instant) -> Int? {
        if let current {
            return min(current.message.bytes.count - current.offset, SCTPSize.payloadMax)
        }
        while let stream = rotation.first {
            if let message = streams[stream]?.first {
                guard let expiry = message.expiry, expiry <= now else {
                    return min(message.bytes.count, SCTPSize.payloadMax)
                }
                expired += 1
                unbuffer(message.bytes.count, of: stream)
                _ = streams[stream]?.popFirst()
            }
            if streams[stream]?.isEmpty ?? true { rotation.removeFirst() }
        }
        return nil
    }

    /// Takes the next fragment, which will leave as `tsn`.
    mutating func popFragment(tsn: SCTPTSN, at now: Instant) -> SCTPFragment? {
        guard let size = nextFragmentSize(at: now) else { return nil }
        if current == nil { beginMessage() }
        guard let begun = current else { return nil }
        var flags: SCTPDataChunk.Flags = begun.message.isOrdered ? [] : .unordered
        if begun.offset == 0 { flags.insert(.begin) }
        let end = begun.offset + size
        let isLast = end == begun.message.bytes.count
        if isLast { flags.insert(.end) }
        if !begun.message.isControl { unbuffer(size, of: begun.stream) }
        streams[begun.stream]?.lastTSN = tsn
        if isLast { finishMessage(begun.stream) } else { current?.offset = end }
        return SCTPFragment(
            message: begun.message.bytes, range: begun.offset..<end, stream: begun.stream,
            streamSequence: begun.streamSequence,
            protocolIdentifier: begun.message.protocolIdentifier, flags: flags,
            messageNumber: begun.number, maxRetransmits: begun.message.maxRetransmits,
            expiry: begun.message.expiry)
    }

    /// Drops the rest of a message whose first fragments are on the wire, and returns an empty
    /// last fragment that stands for it under `tsn`, so that the peer can be told of a message's
    /// end; nil when nothing is left of that message.
    mutating func abandon(messageNumber: UInt64, tsn: SCTPTSN) -> SCTPFragment? {
        guard let begun = current, begun.number == messageNumber else { return nil }
        if !begun.message.isControl {
            unbuffer(begun.message.bytes.count - begun.offset, of: begun.stream)
        }
        streams[begun.stream]?.lastTSN = tsn
        finishMessage(begun.stream)
        return SCTPFragment(
            message: [], range: 0..<0, stream: begun.stream, streamSequence: begun.streamSequence,
            protocolIdentifier: begun.message.protocolIdentifier,
            flags: begun.message.isOrdered ? .end : [.end, .unordered],
            messageNumber: begun.number, maxRetransmits: nil, expiry: nil)
    }

    /// Drops a stream's messages that were not begun.
    mutating func dropWaiting(of stream: UInt16) {
        guard let state = streams[stream] else { return }
        let waiting = state.messages[state.head...].reduce(0) {
            $0 + ($1.isControl ? 0 : $1.bytes.count)
        }
        streams[stream]?.messages = []
        streams[stream]?.head = 0
        streams[stream]?.bufferedBytes -= waiting
        rotation.removeAll { $0 == stream }
    }

    /// The stream starts again at its first sequence number, as after a reset.
    mutating func reset(_ stream: UInt16) {
        rotation.removeAll { $0 == stream }
        streams[stream] = nil
    }

    /// Begins the oldest message of the stream whose turn it is.
    private mutating func beginMessage() {
        guard let stream = rotation.first, let message = streams[stream]?.popFirst() else { return }
        rotation.removeFirst()
        var sequence: UInt16 = 0
        if message.isOrdered, let next = streams[stream]?.nextSequence {
            sequence = next
            streams[stream]?.nextSequence = next &+ 1
        }
        messagesBegun += 1
        current = Current(
            message: message, stream: stream, streamSequence: sequence, number: messagesBegun)
    }

    private mutating func finishMessage(_ stream: UInt16) {
        current = nil
        if let state = streams[stream], !state.isEmpty { rotation.append(stream) }
    }

    private mutating func unbuffer(_ count: Int, of stream: UInt16) {
        guard let state = streams[stream] else { return }
        let before = state.bufferedBytes
        streams[stream]?.bufferedBytes = before - count
        if let low = state.lowThreshold, before > low, before - count <= low {
            becameLow.append(stream)
        }
    }
}
