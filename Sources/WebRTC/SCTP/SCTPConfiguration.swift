// SPDX-License-Identifier: Apache-2.0

/// What an association may be told; the defaults suit LiveKit and browsers.
public struct SCTPConfiguration: Sendable {
    /// Our port of the session description's `a=sctp-port`.
    public var localPort: UInt16 = 5000
    /// The peer's port of the session description's `a=sctp-port`.
    public var remotePort: UInt16 = 5000
    /// The peer's `a=max-message-size`, bytes; 0 means that it names no limit (RFC 8841).
    public var remoteMaxMessageSize = 65_536
    /// Bytes of unread messages and fragments that the peer may have us hold.
    public var receiveWindow = 1 << 20
    /// The longest message that is put together, bytes; a longer one closes its channel.
    public var receiveMessageMax = 256 << 10
    /// Bytes that wait on one channel before `send` refuses.
    public var sendBufferMax = 1 << 20
    /// Highest number of streams either way, as announced: all that a 16-bit id can name.
    public var streamsMax: UInt16 = 65_535

    /// Our verification tag instead of a random one; for replays of recorded packets.
    var verificationTag: UInt32?
    /// Where the sequence numbers start instead of at a random place; for tests of their wrap.
    var initialTSN: UInt32?
    /// Where the stream sequence numbers start, the same at both ends; for tests of their wrap.
    var initialStreamSequence: UInt16 = 0

    /// Creates the defaults.
    public init() {}

    /// The longest message that may be sent: 64,000 bytes, as the LiveKit SDKs have it (a server
    /// closes the channel on anything above 65,535), or less where the peer says so.
    var sendMessageMax: Int {
        remoteMaxMessageSize == 0 ? 64_000 : min(64_000, max(0, remoteMaxMessageSize))
    }
}

/// Sizes on the wire.
enum SCTPSize {
    /// The largest packet we send: with UDP, IPv6, DTLS and a TURN channel it fits 1,280 bytes.
    static let packetMax = 1188
    /// The largest payload of one DATA chunk: common and DATA header off, whole words.
    static let payloadMax = (packetMax - 28) & ~3
    /// What one packet adds to the flight; the unit of the congestion window.
    static let segment = packetMax - SCTPPacket.headerSize

    /// Bytes of a DATA chunk with its header and padding.
    static func dataChunk(payload: Int) -> Int {
        SCTPDataChunk.headerSize + (payload + 3) & ~3
    }
}

/// How hard a channel tries (RFC 8832 section 5.1, RFC 3758).
public enum SCTPReliability: Hashable, Sendable {
    /// Until it arrives.
    case reliable
    /// At most so many retransmissions of each fragment; 0 sends once.
    case maxRetransmits(UInt16)
    /// No retransmission this many milliseconds after `send`.
    case maxLifetime(milliseconds: UInt16)
}

/// Text or bytes, as the peer's application will see it.
public enum SCTPMessageKind: Hashable, Sendable {
    /// UTF-8 text; what a peer sends is not checked.
    case text
    /// Bytes.
    case binary
}

/// A data channel as its opener described it (RFC 8832).
public struct SCTPChannel: Hashable, Sendable {
    /// The stream id, the same in both directions.
    public let id: UInt16
    /// The name its opener gave it; need not be unique.
    public let label: String
    /// The application protocol's name, mostly empty.
    public let subprotocol: String
    /// Whether messages arrive in the order of sending.
    public let isOrdered: Bool
    /// How hard its opener asked to try.
    public let reliability: SCTPReliability
    /// Whether the peer opened it.
    public let isRemote: Bool
}

/// Why `send` refused.
public enum SCTPSendError: Error, Hashable, Sendable {
    /// No such channel, or it is closing.
    case channelNotOpen
    /// Longer than the peer takes; nothing was queued.
    case messageTooLong(limit: Int)
    /// The channel's send buffer is full: wait for `bufferedAmountLow`.
    case queueFull
    /// The association has ended.
    case associationClosed
}

/// Why a channel was not opened.
public enum SCTPOpenError: Error, Hashable, Sendable {
    /// Label and protocol are longer than 1,024 bytes together.
    case labelTooLong
    /// Every id of our parity is in use, or the one asked for is, or is not ours to use.
    case noFreeID
    /// The association has ended.
    case associationClosed
}

/// Why an association ended.
public enum SCTPCloseReason: Hashable, Sendable {
    /// `abort` was called.
    case abortedLocally
    /// The peer sent ABORT, with this first cause code if it named one.
    case abortedByPeer(cause: UInt16?)
    /// The peer shut down in order.
    case shutDownByPeer
    /// Ten INIT or COOKIE-ECHO chunks went unanswered.
    case handshakeTimedOut
}

/// Counts for operators; they only grow.
public struct SCTPStatistics: Hashable, Sendable {
    /// Packets handed out.
    public var packetsSent = 0
    /// Packets taken in, bad ones included.
    public var packetsReceived = 0
    /// Packets that could not be read, had a wrong tag or came at the wrong time.
    public var packetsRejected = 0
    /// Messages handed out.
    public var messagesReceived = 0
    /// Messages given to the wire whole or in part.
    public var messagesSent = 0
    /// DATA chunks that came more than once.
    public var duplicatesReceived = 0
    /// DATA chunks or messages that were not kept: no room, no channel, no sense.
    public var dataDropped = 0
    /// DATA chunks sent again.
    public var retransmissions = 0
    /// Times the retransmission timer ran out.
    public var timeouts = 0
    /// Tail-loss probes sent.
    public var probes = 0
    /// Messages given up by their channel's reliability, before or after sending.
    public var messagesAbandoned = 0
}
