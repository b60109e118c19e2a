// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto
internal import Crypto

// What a client says first, in the target of `/rtc/v1`.

extension JoinRequest: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__JoinRequest>?) -> Void {
        livekit__join_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__JoinRequest>?
    { livekit__join_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__JoinRequest>?) -> Int {
        livekit__join_request__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__JoinRequest>?, UnsafeMutablePointer<UInt8>?) -> Int {
        livekit__join_request__pack
    }
    /// Inflated: real ones with a first offer have 16 KB.
    static var maxLength: Int { 256 * 1024 }

    /// Reads the parameter `join_request`: base64url with padding around a wrapper, which holds the
    /// request as it is or in gzip.
    ///
    /// - Throws: `WireError` for anything else; whatever it is, it never traps, and it never takes
    ///   more memory than a real one needs.
    public init(parameter text: String) throws(WireError) {
        guard text.utf8.count % 4 == 0, let bytes = Base64.decodeURL(text) else { throw .malformed }
        let wrapped = try WrappedJoinRequest(frame: bytes)
        var request = wrapped.bytes
        if wrapped.isCompressed {
            guard let inflated = GzipReader.inflate(request, maxBytes: Self.maxLength) else {
                throw .malformed
            }
            request = inflated
        }
        try self.init(frame: request)
    }

    /// The parameter `join_request`, not compressed.
    public var parameter: String {
        var wrapped = WrappedJoinRequest()
        wrapped.bytes = frame
        return Base64.encodeURL(wrapped.frame, padded: true)
    }

    mutating func code(_ c: inout Livekit__JoinRequest, _ wire: inout WireCoder) {
        wire.message(&client, &c.client_info)
        wire.message(&settings, &c.connection_settings)
        wire.text(&metadata, &c.metadata)
        wire.map(&attributes, &c.participant_attributes, &c.n_participant_attributes)
        wire.messages(&addTrackRequests, &c.add_track_requests, &c.n_add_track_requests)
        wire.message(&publisherOffer, &c.publisher_offer)
        wire.flag(&reconnects, &c.reconnect, &c.has_reconnect)
        wire.number(&reconnectReason, &c.reconnect_reason, &c.has_reconnect_reason)
        wire.text(&participantSID, &c.participant_sid)
        wire.message(&syncState, &c.sync_state)
    }
}

/// The wrapper around a join request (`livekit.WrappedJoinRequest`).
struct WrappedJoinRequest: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__WrappedJoinRequest>?) -> Void {
        livekit__wrapped_join_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__WrappedJoinRequest>?
    { livekit__wrapped_join_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__WrappedJoinRequest>?) -> Int {
        livekit__wrapped_join_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__WrappedJoinRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    { livekit__wrapped_join_request__pack }
    /// What fits a request line.
    static var maxLength: Int { 16 * 1024 }

    var isCompressed = false
    var bytes: [UInt8] = []

    init() {}

    mutating func code(_ c: inout Livekit__WrappedJoinRequest, _ wire: inout WireCoder) {
        let gzip = LIVEKIT__WRAPPED_JOIN_REQUEST__COMPRESSION__GZIP
        if wire.isReading {
            isCompressed = c.compression == gzip
        } else if isCompressed {
            c.compression = gzip
            c.has_compression = 1
        }
        wire.bytes(&bytes, &c.join_request, &c.has_join_request)
    }
}

extension ClientInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ClientInfo>?) -> Void {
        livekit__client_info__init
    }

    mutating func code(_ c: inout Livekit__ClientInfo, _ wire: inout WireCoder) {
        wire.number(&sdk, &c.sdk, &c.has_sdk)
        wire.text(&version, &c.version)
        wire.number(&signalProtocol, &c.protocol, &c.has_protocol)
        wire.text(&os, &c.os)
        wire.text(&osVersion, &c.os_version)
        wire.text(&deviceModel, &c.device_model)
        wire.text(&browser, &c.browser)
        wire.text(&browserVersion, &c.browser_version)
        wire.text(&address, &c.address)
        wire.text(&network, &c.network)
        wire.text(&otherSDKs, &c.other_sdks)
        wire.number(&clientProtocol, &c.client_protocol, &c.has_client_protocol)
        wire.numbers(&capabilities, &c.capabilities, &c.n_capabilities)
    }
}

extension ConnectionSettings: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ConnectionSettings>?) -> Void {
        livekit__connection_settings__init
    }

    mutating func code(_ c: inout Livekit__ConnectionSettings, _ wire: inout WireCoder) {
        wire.flag(&autoSubscribe, &c.auto_subscribe, &c.has_auto_subscribe)
        wire.flag(&adaptiveStream, &c.adaptive_stream, &c.has_adaptive_stream)
        code(&subscriberAllowPause, &c.subscriber_allow_pause, &c.has_subscriber_allow_pause, wire)
        wire.flag(&disableICELite, &c.disable_ice_lite, &c.has_disable_ice_lite)
        code(
            &autoSubscribeDataTrack, &c.auto_subscribe_data_track,
            &c.has_auto_subscribe_data_track, wire)
    }

    /// A flag that may be absent.
    private func code(
        _ value: inout Bool?, _ c: inout protobuf_c_boolean, _ has: inout protobuf_c_boolean,
        _ wire: WireCoder
    ) {
        if wire.isReading {
            value = has != 0 ? c != 0 : nil
        } else if let value {
            c = value ? 1 : 0
            has = 1
        }
    }
}
