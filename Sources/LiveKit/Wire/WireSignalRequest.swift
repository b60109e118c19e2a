// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

/// A client's frame: a oneof and nothing else.
struct SignalRequestFrame: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__SignalRequest>?) -> Void {
        livekit__signal_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__SignalRequest>?
    { livekit__signal_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__SignalRequest>?) -> Int {
        livekit__signal_request__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__SignalRequest>?, UnsafeMutablePointer<UInt8>?) -> Int {
        livekit__signal_request__pack
    }
    static var maxLength: Int { SignalRequest.maxFrameLength }

    /// Members that are bytes in our proto: of one C type, so they share their place in the union.
    private static let carriedFields: Set<UInt32> = [10, 11, 18, 19, 20, 21, 22, 23]

    var message: SignalRequest

    init() { message = .unknown(field: nil) }

    init(message: SignalRequest) { self.message = message }

    mutating func code(_ c: inout Livekit__SignalRequest, _ wire: inout WireCoder) {
        if wire.isReading {
            message = Self.message(of: c, &wire)
        } else if let tag {
            write(&c, &wire)
            c.message_case = tag
        }
    }

    private static func message(
        of c: Livekit__SignalRequest, _ wire: inout WireCoder
    ) -> SignalRequest {
        switch c.message_case {
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_OFFER:
            return .offer(wire.read(c.offer))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_ANSWER:
            return .answer(wire.read(c.answer))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_TRICKLE:
            return .trickle(wire.read(c.trickle))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_ADD_TRACK:
            return .addTrack(wire.read(c.add_track))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_MUTE:
            let value: MutedTrack = wire.read(c.mute)
            return .mute(sid: value.sid, muted: value.isMuted)
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_SUBSCRIPTION:
            return .subscription(wire.read(c.subscription))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_TRACK_SETTING:
            return .trackSettings(wire.read(c.track_setting))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_LEAVE:
            return .leave(wire.read(c.leave))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_SYNC_STATE:
            return .syncState(wire.read(c.sync_state))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_SIMULATE:
            return .simulate(wire.read(c.simulate))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_PING:
            return .ping(c.ping)
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_UPDATE_METADATA:
            return .updateMetadata(wire.read(c.update_metadata))
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_PING_REQ:
            let value: PingRequest = wire.read(c.ping_req)
            return .pingRequest(timestamp: value.timestamp, roundTrip: value.roundTrip)
        case LIVEKIT__SIGNAL_REQUEST__MESSAGE_UPDATE_AUDIO_TRACK:
            let value: AudioTrackUpdate = wire.read(c.update_audio_track)
            return .updateAudioTrack(sid: value.sid, features: value.features)
        default:
            if carriedFields.contains(c.message_case.rawValue) {
                return .carried(field: c.message_case.rawValue, wire.array(c.update_layers))
            }
            return .unknown(field: unknownField(c.base))
        }
    }

    private func write(_ c: inout Livekit__SignalRequest, _ wire: inout WireCoder) {
        switch message {
        case .offer(let value):
            c.offer = wire.write(value)
        case .answer(let value):
            c.answer = wire.write(value)
        case .trickle(let value):
            c.trickle = wire.write(value)
        case .addTrack(let value):
            c.add_track = wire.write(value)
        case .mute(let sid, let muted):
            c.mute = wire.write(MutedTrack(sid: sid, isMuted: muted))
        case .subscription(let value):
            c.subscription = wire.write(value)
        case .trackSettings(let value):
            c.track_setting = wire.write(value)
        case .leave(let value):
            c.leave = wire.write(value)
        case .syncState(let value):
            c.sync_state = wire.write(value)
        case .simulate(let value):
            c.simulate = wire.write(value)
        case .ping(let value):
            c.ping = value
        case .updateMetadata(let value):
            c.update_metadata = wire.write(value)
        case .pingRequest(let timestamp, let roundTrip):
            c.ping_req = wire.write(PingRequest(timestamp: timestamp, roundTrip: roundTrip))
        case .updateAudioTrack(let sid, let features):
            c.update_audio_track = wire.write(AudioTrackUpdate(sid: sid, features: features))
        case .carried(let field, let bytes):
            if Self.carriedFields.contains(field) { c.update_layers = wire.copy(bytes) }
        case .unknown: break
        }
    }

    /// Which member of the oneof it is; nil for none.
    private var tag: Livekit__SignalRequest__MessageCase? {
        switch message {
        case .offer: LIVEKIT__SIGNAL_REQUEST__MESSAGE_OFFER
        case .answer: LIVEKIT__SIGNAL_REQUEST__MESSAGE_ANSWER
        case .trickle: LIVEKIT__SIGNAL_REQUEST__MESSAGE_TRICKLE
        case .addTrack: LIVEKIT__SIGNAL_REQUEST__MESSAGE_ADD_TRACK
        case .mute: LIVEKIT__SIGNAL_REQUEST__MESSAGE_MUTE
        case .subscription: LIVEKIT__SIGNAL_REQUEST__MESSAGE_SUBSCRIPTION
        case .trackSettings: LIVEKIT__SIGNAL_REQUEST__MESSAGE_TRACK_SETTING
        case .leave: LIVEKIT__SIGNAL_REQUEST__MESSAGE_LEAVE
        case .syncState: LIVEKIT__SIGNAL_REQUEST__MESSAGE_SYNC_STATE
        case .simulate: LIVEKIT__SIGNAL_REQUEST__MESSAGE_SIMULATE
        case .ping: LIVEKIT__SIGNAL_REQUEST__MESSAGE_PING
        case .updateMetadata: LIVEKIT__SIGNAL_REQUEST__MESSAGE_UPDATE_METADATA
        case .pingRequest: LIVEKIT__SIGNAL_REQUEST__MESSAGE_PING_REQ
        case .updateAudioTrack: LIVEKIT__SIGNAL_REQUEST__MESSAGE_UPDATE_AUDIO_TRACK
        case .carried(let field, _):
            Self.carriedFields.contains(field)
                ? Livekit__SignalRequest__MessageCase(rawValue: field) : nil
        case .unknown: nil
        }
    }
}
