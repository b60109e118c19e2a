// SPDX-License-Identifier: Apache-2.0

/// What one message of a data channel holds (`livekit.DataPacket`).
public struct DataPacket: Hashable, Sendable {
    /// How it travels; a server writes what its channel says.
    public var kind = DataPacketKind.reliable
    /// Who sent it; a server writes it.
    public var participantIdentity = ""
    /// Who shall get it; empty for all.
    public var destinationIdentities: [String] = []
    /// What it says.
    public var value = Value.unknown(field: nil)
    /// Counts a sender's reliable packets from 1; 0 for uncounted ones.
    public var sequence: UInt32 = 0
    /// Who sent it; a server (not 1.8) writes it.
    public var participantSID = ""

    /// The kinds of contents.
    public enum Value: Hashable, Sendable {
        /// An application's own packet.
        case user(UserPacket)
        /// Who speaks (deprecated).
        case speaker([SpeakerInfo])
        /// A telephone key.
        case sipDTMF(code: UInt32, digit: String)
        case transcription(Transcription)
        case chatMessage(ChatMessage)
        case rpcRequest(RPCRequest)
        /// The request arrived.
        case rpcAck(requestID: String)
        case rpcResponse(RPCResponse)
        case streamHeader(DataStreamHeader)
        case streamChunk(DataStreamChunk)
        case streamTrailer(DataStreamTrailer)
        /// A message that this program passes over: its field number and its bytes.
        case carried(field: UInt32, [UInt8])
        /// A message that is newer than this program, by its field number; nil for none at all.
        case unknown(field: UInt32?)
    }

    /// Measurements: the number of `metrics` among what is carried.
    public static let metricsField: UInt32 = 8

    /// An empty packet.
    public init() {}

    /// A packet of the application, for `destinations` or for all.
    public init(
        topic: String, payload: [UInt8], kind: DataPacketKind, destinations: [String] = []
    ) {
        var user = UserPacket()
        user.payload = payload
        user.topic = topic
        self.kind = kind
        destinationIdentities = destinations
        value = .user(user)
    }
}

/// An application's own packet (`livekit.UserPacket`).
public struct UserPacket: Hashable, Sendable {
    /// Who sent it; a server writes it, and older clients read only this.
    public var participantSID = ""
    /// Who sent it; a server writes it.
    public var participantIdentity = ""
    /// What it says.
    public var payload: [UInt8] = []
    /// Who shall get it, by sid (deprecated).
    public var destinationSIDs: [String] = []
    /// Who shall get it (deprecated: the packet around it says so).
    public var destinationIdentities: [String] = []
    /// What it is about.
    public var topic: String?
    /// Its own id.
    public var id: String?
    /// From when it counts, in the sender's own time.
    public var startTime: UInt64?
    /// Until when it counts.
    public var endTime: UInt64?
    /// 16 bytes by which a server knows a repeated packet.
    public var nonce: [UInt8] = []

    /// An empty packet.
    public init() {}
}

/// Text of what somebody says (`livekit.Transcription`); servers forward it from agents only.
public struct Transcription: Hashable, Sendable {
    /// Who says it.
    public var participantIdentity = ""
    /// In which track.
    public var trackSID = ""
    /// What is said.
    public var segments: [Segment] = []

    /// A piece of speech (`livekit.TranscriptionSegment`).
    public struct Segment: Hashable, Sendable {
        /// Stays the same while the text grows.
        public var id = ""
        /// So far.
        public var text = ""
        /// Milliseconds.
        public var startTime: UInt64 = 0
        /// Milliseconds.
        public var endTime: UInt64 = 0
        /// Whether the text is settled.
        public var isFinal = false
        /// Such as `en`.
        public var language = ""

        /// Says nothing.
        public init() {}
    }

    /// Says nothing.
    public init() {}
}

/// A line of chat (`livekit.ChatMessage`).
public struct ChatMessage: Hashable, Sendable {
    /// Its own id.
    public var id = ""
    /// Milliseconds since 1970.
    public var timestamp: Int64 = 0
    /// When it was changed, in milliseconds since 1970; nil for never.
    public var editTimestamp: Int64?
    /// The text.
    public var message = ""
    /// Takes the line back.
    public var isDeleted = false
    /// Not written by a person.
    public var isGenerated = false

    /// Says nothing.
    public init() {}
}

/// Calls a method of another participant (`livekit.RpcRequest`).
public struct RPCRequest: Hashable, Sendable {
    /// Ties the answer to it.
    public var id = ""
    /// Which method.
    public var method = ""
    /// Its argument.
    public var payload = ""
    /// How long the caller waits, in milliseconds.
    public var responseTimeoutMilliseconds: UInt32 = 0
    /// 1.
    public var version: UInt32 = 0
    /// The argument, packed.
    public var compressedPayload: [UInt8] = []

    /// Calls nothing.
    public init() {}
}

/// What a called method says (`livekit.RpcResponse`).
public struct RPCResponse: Hashable, Sendable {
    /// The request's id.
    public var requestID = ""
    /// The answer.
    public var value = Value.none

    /// The kinds of answers.
    public enum Value: Hashable, Sendable {
        case payload(String)
        case error(code: UInt32, message: String, data: String)
        case compressedPayload([UInt8])
        /// Nothing, or something newer.
        case none
    }

    /// Says nothing.
    public init() {}
}

/// The start of a stream (`livekit.DataStream.Header`).
public struct DataStreamHeader: Hashable, Sendable {
    /// The stream's id.
    public var streamID = ""
    /// Milliseconds since 1970.
    public var timestamp: Int64 = 0
    /// What it is about.
    public var topic = ""
    /// Such as `text/plain`.
    public var mimeType = ""
    /// Bytes of content; nil when not known yet.
    public var totalLength: UInt64?
    /// End-to-end encryption (deprecated).
    public var encryption = TrackEncryption.none
    /// Names and values of the application.
    public var attributes: [String: String] = [:]
    /// What it holds.
    public var content = Content.none
    /// All of the content, where the stream is one packet.
    public var inlineContent: [UInt8]?
    /// How the content is packed.
    public var compression = DataStreamCompression.none

    /// The kinds of streams.
    public enum Content: Hashable, Sendable {
        case text(TextHeader)
        case bytes(name: String)
        /// Nothing, or something newer.
        case none
    }

    /// About a text (`livekit.DataStream.TextHeader`).
    public struct TextHeader: Hashable, Sendable {
        /// What it does.
        public var operation = DataStreamOperation.create
        /// Counts updates.
        public var version: Int32 = 0
        /// The stream that it answers.
        public var replyToStreamID = ""
        /// Streams of bytes that belong to it.
        public var attachedStreamIDs: [String] = []
        /// Not written by a person.
        public var isGenerated = false

        /// Says nothing.
        public init() {}
    }

    /// Says nothing.
    public init() {}
}

/// A piece of a stream (`livekit.DataStream.Chunk`).
public struct DataStreamChunk: Hashable, Sendable {
    /// The stream's id.
    public var streamID = ""
    /// Counts from 0.
    public var index: UInt64 = 0
    /// At most 15,000 bytes.
    public var content: [UInt8] = []
    /// Of a piece that replaces another.
    public var version: Int32 = 0
    /// For end-to-end encryption (deprecated).
    public var iv: [UInt8]?

    /// Says nothing.
    public init() {}
}

/// The end of a stream (`livekit.DataStream.Trailer`).
public struct DataStreamTrailer: Hashable, Sendable {
    /// The stream's id.
    public var streamID = ""
    /// Why it ended; empty for well.
    public var reason = ""
    /// They stand above those of the header.
    public var attributes: [String: String] = [:]

    /// Says nothing.
    public init() {}
}
