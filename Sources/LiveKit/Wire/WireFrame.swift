// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

/// Why a frame's bytes are no message.
public enum WireError: Error, Equatable, Sendable {
    /// Longer than such a frame may be.
    case tooLong
    /// Not protobuf of this kind, or so nested that decoding it would take too much memory.
    case malformed
    /// A list with more elements than any real one.
    case tooManyElements
}

/// A message that is a frame of its own.
protocol WireFrame: WireMessage {
    /// protoc-c's `…__unpack`.
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<C>?
    { get }
    /// protoc-c's `…__get_packed_size`.
    static var packedSize: (UnsafePointer<C>?) -> Int { get }
    /// protoc-c's `…__pack`.
    static var pack: (UnsafePointer<C>?, UnsafeMutablePointer<UInt8>?) -> Int { get }
    /// The longest frame that is decoded, in bytes.
    static var maxLength: Int { get }
}

extension WireFrame {
    /// Memory that a decoded frame may take beside its length: lists of small members unfold into
    /// structs of up to 200 bytes each. The largest real frame, a full room's participants, takes
    /// a tenth of it.
    static var memoryBudget: Int { 8 << 20 }

    init(frame bytes: [UInt8], ledger: WireArena.Ledger? = nil) throws(WireError) {
        guard bytes.count <= Self.maxLength else { throw .tooLong }
        let arena = WireArena(budget: Self.memoryBudget, ledger: ledger)
        let unpacked = arena.withAllocator { Self.unpack($0, bytes.count, bytes) }
        guard let unpacked else { throw .malformed }
        var wire = WireCoder.reader(arena)
        self = wire.read(unpacked)
        withExtendedLifetime(arena) {}
        guard !wire.isOverLimit else { throw .tooManyElements }
    }

    var frame: [UInt8] {
        let arena = WireArena(budget: .max)
        var wire = WireCoder.writer(arena)
        var value = self
        var c = Self.blank
        value.code(&c, &wire)
        let size = Self.packedSize(&c)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            // SAFETY: protobuf-c writes exactly the size that it computed from the same struct.
            count = Self.pack(&c, buffer.baseAddress)
        }
        withExtendedLifetime(arena) {}
        return bytes
    }
}

/// The number of the first field that our protos do not have.
func unknownField(_ base: ProtobufCMessage) -> UInt32? {
    // SAFETY: protobuf-c keeps `n_unknown_fields` fields behind the pointer.
    base.n_unknown_fields > 0 ? base.unknown_fields?[0].tag : nil
}

extension SignalRequest {
    /// The longest frame of signalling that is read, in bytes: half of what a server takes.
    public static let maxFrameLength = 1 << 20

    /// Reads a client's frame.
    ///
    /// - Throws: `WireError` for bytes that are no such frame; whatever they are, it never traps.
    public init(decoding frame: [UInt8]) throws(WireError) {
        self = try SignalRequestFrame(frame: frame).message
    }

    /// The frame's bytes; none for `unknown`.
    public var encoded: [UInt8] { SignalRequestFrame(message: self).frame }
}

extension SignalResponse {
    /// The longest frame of signalling that is read, in bytes: half of what a server sends.
    public static let maxFrameLength = 1 << 20

    /// Reads a server's frame.
    ///
    /// - Throws: `WireError` for bytes that are no such frame; whatever they are, it never traps.
    public init(decoding frame: [UInt8]) throws(WireError) {
        self = try SignalResponseFrame(frame: frame).message
    }

    /// The frame's bytes; none for `unknown`.
    public var encoded: [UInt8] { SignalResponseFrame(message: self).frame }
}

extension DataPacket {
    /// The longest message that a server takes on a data channel, in bytes; a longer one closes
    /// the channel without a word.
    public static let maxMessageLength = 65_535
    /// The longest packet that may be sent, in bytes (what official clients keep to).
    public static let maxEncodedLength = 64_000

    /// Reads a data channel's message.
    ///
    /// - Throws: `WireError` for bytes that are no such packet; whatever they are, it never traps.
    public init(decoding message: [UInt8]) throws(WireError) {
        try self.init(frame: message)
    }

    /// The packet's bytes.
    public var encoded: [UInt8] { frame }
}

extension AddTrackRequest: WireFrame {
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__AddTrackRequest>?
    { livekit__add_track_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__AddTrackRequest>?) -> Int {
        livekit__add_track_request__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__AddTrackRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    { livekit__add_track_request__pack }
    static var maxLength: Int { SignalRequest.maxFrameLength }

    /// The announcement that a server echoes with its answer; nil for the echo of something else.
    public init?(echo: RequestResponse.Echo) {
        guard echo.field == RequestResponse.Echo.addTrackField,
            let request = try? AddTrackRequest(frame: echo.bytes)
        else { return nil }
        self = request
    }

    /// What an answer to this announcement echoes.
    public var echo: RequestResponse.Echo {
        RequestResponse.Echo(field: RequestResponse.Echo.addTrackField, bytes: frame)
    }
}

extension UpdateParticipantMetadata: WireFrame {
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__UpdateParticipantMetadata>?
    { livekit__update_participant_metadata__unpack }
    static var packedSize: (UnsafePointer<Livekit__UpdateParticipantMetadata>?) -> Int {
        livekit__update_participant_metadata__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__UpdateParticipantMetadata>?, UnsafeMutablePointer<UInt8>?) -> Int
    { livekit__update_participant_metadata__pack }
    static var maxLength: Int { SignalRequest.maxFrameLength }

    /// What an answer to this change echoes.
    public var echo: RequestResponse.Echo {
        RequestResponse.Echo(field: RequestResponse.Echo.updateMetadataField, bytes: frame)
    }
}
