// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

/// A server's frame: a oneof and nothing else.
struct SignalResponseFrame: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__SignalResponse>?) -> Void {
        livekit__signal_response__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__SignalResponse>?
    { livekit__signal_response__unpack }
    static var packedSize: (UnsafePointer<Livekit__SignalResponse>?) -> Int {
        livekit__signal_response__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__SignalResponse>?, UnsafeMutablePointer<UInt8>?) -> Int
    { livekit__signal_response__pack }
    static var maxLength: Int { SignalResponse.maxFrameLength }

    /// Members that are bytes in our proto: of one C type, so they share their place in the union.
    private static let carriedFields: Set<UInt32> = [13, 14, 26, 27, 28, 29, 30, 31]

    var message: SignalResponse

    init() { message = .unknown(field: nil) }

    init(message: SignalResponse) { self.message = message }

    mutating func code(_ c: inout Livekit__SignalResponse, _ wire: inout WireCoder) {
        if wire.isReading {
            message = Self.message(of: c, &wire)
        } else if let tag {
            write(&c, &wire)
            c.message_case = tag
        }
    }

    private static func message(
        of c: Livekit__SignalResponse, _ wire: inout WireCoder
    ) -> SignalResponse {
        switch c.message_case {
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_JOIN:
            return .join(wire.read(c.join))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ANSWER:
            return .answer(wire.read(c.answer))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_OFFER:
            return .offer(wire.read(c.offer))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRICKLE:
            return .trickle(wire.read(c.trickle))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_LEAVE:
            return .leave(wire.read(c.leave))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_REFRESH_TOKEN:
            return .refreshToken(SecretText(wire.string(c.refresh_token)))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_PONG:
            return .pong(c.pong)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_RECONNECT:
            return .reconnect(wire.read(c.reconnect))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_PONG_RESP:
            let value: PongResponse = wire.read(c.pong_resp)
            return .pongResponse(lastPing: value.lastPing, timestamp: value.timestamp)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_REQUEST_RESPONSE:
            return .requestResponse(wire.read(c.request_response))
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_MEDIA_SECTIONS_REQUIREMENT:
            let value: SectionsRequirement = wire.read(c.media_sections_requirement)
            return .mediaSectionsRequirement(audios: value.audios, videos: value.videos)
        default: return roomMessage(of: c, &wire)
        }
    }

    private static func roomMessage(
        of c: Livekit__SignalResponse, _ wire: inout WireCoder
    ) -> SignalResponse {
        switch c.message_case {
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_UPDATE:
            let value: ParticipantList = wire.read(c.update)
            return .update(value.participants)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_PUBLISHED:
            let value: SyncState.PublishedTrack = wire.read(c.track_published)
            return .trackPublished(cid: value.cid, track: value.track)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_MUTE:
            let value: MutedTrack = wire.read(c.mute)
            return .mute(sid: value.sid, muted: value.isMuted)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SPEAKERS_CHANGED:
            let value: SpeakerList = wire.read(c.speakers_changed)
            return .speakersChanged(value.speakers)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ROOM_UPDATE:
            let value: RoomWrapper = wire.read(c.room_update)
            return .roomUpdate(value.room)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_CONNECTION_QUALITY:
            let value: QualityList = wire.read(c.connection_quality)
            return .connectionQuality(value.updates)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SUBSCRIPTION_PERMISSION_UPDATE:
            let value: PermissionUpdate = wire.read(c.subscription_permission_update)
            return .subscriptionPermissionUpdate(
                participantSID: value.participantSID, trackSID: value.trackSID,
                allowed: value.isAllowed)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_UNPUBLISHED:
            let value: UnpublishedTrack = wire.read(c.track_unpublished)
            return .trackUnpublished(sid: value.sid)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SUBSCRIPTION_RESPONSE:
            let value: SubscriptionAnswer = wire.read(c.subscription_response)
            return .subscriptionResponse(sid: value.sid, error: value.error)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_SUBSCRIBED:
            let value: SubscribedTrack = wire.read(c.track_subscribed)
            return .trackSubscribed(sid: value.sid)
        case LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ROOM_MOVED:
            return .roomMoved(wire.read(c.room_moved))
        default:
            if carriedFields.contains(c.message_case.rawValue) {
                return .carried(field: c.message_case.rawValue, wire.array(c.stream_state_update))
            }
            return .unknown(field: unknownField(c.base))
        }
    }

    private func write(_ c: inout Livekit__SignalResponse, _ wire: inout WireCoder) {
        switch message {
        case .join(let value):
            c.join = wire.write(value)
        case .answer(let value):
            c.answer = wire.write(value)
        case .offer(let value):
            c.offer = wire.write(value)
        case .trickle(let value):
            c.trickle = wire.write(value)
        case .update(let value):
            c.update = wire.write(ParticipantList(participants: value))
        case .trackPublished(let cid, let track):
            c.track_published = wire.write(SyncState.PublishedTrack(cid: cid, track: track))
        case .leave(let value):
            c.leave = wire.write(value)
        case .mute(let sid, let muted):
            c.mute = wire.write(MutedTrack(sid: sid, isMuted: muted))
        case .speakersChanged(let value):
            c.speakers_changed = wire.write(SpeakerList(speakers: value))
        case .roomUpdate(let value):
            c.room_update = wire.write(RoomWrapper(room: value))
        case .connectionQuality(let value):
            c.connection_quality = wire.write(QualityList(updates: value))
        case .subscriptionPermissionUpdate(let participantSID, let trackSID, let allowed):
            c.subscription_permission_update = wire.write(
                PermissionUpdate(
                    participantSID: participantSID, trackSID: trackSID, isAllowed: allowed))
        case .refreshToken(let token):
            c.refresh_token = wire.copy(token.text)
        case .trackUnpublished(let sid):
            c.track_unpublished = wire.write(UnpublishedTrack(sid: sid))
        case .pong(let value):
            c.pong = value
        case .reconnect(let value):
            c.reconnect = wire.write(value)
        case .pongResponse(let lastPing, let timestamp):
            c.pong_resp = wire.write(PongResponse(lastPing: lastPing, timestamp: timestamp))
        case .subscriptionResponse(let sid, let error):
            c.subscription_response = wire.write(SubscriptionAnswer(sid: sid, error: error))
        case .requestResponse(let value):
            c.request_response = wire.write(value)
        case .trackSubscribed(let sid):
            c.track_subscribed = wire.write(SubscribedTrack(sid: sid))
        case .roomMoved(let value):
            c.room_moved = wire.write(value)
        case .mediaSectionsRequirement(let audios, let videos):
            c.media_sections_requirement = wire.write(
                SectionsRequirement(audios: audios, videos: videos))
        case .carried(let field, let bytes):
            if Self.carriedFields.contains(field) { c.stream_state_update = wire.copy(bytes) }
        case .unknown: break
        }
    }

    /// Which member of the oneof it is; nil for none.
    private var tag: Livekit__SignalResponse__MessageCase? {
        switch message {
        case .join: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_JOIN
        case .answer: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ANSWER
        case .offer: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_OFFER
        case .trickle: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRICKLE
        case .update: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_UPDATE
        case .trackPublished: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_PUBLISHED
        case .leave: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_LEAVE
        case .mute: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_MUTE
        case .speakersChanged: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SPEAKERS_CHANGED
        case .roomUpdate: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ROOM_UPDATE
        case .connectionQuality: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_CONNECTION_QUALITY
        case .subscriptionPermissionUpdate:
            LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SUBSCRIPTION_PERMISSION_UPDATE
        case .refreshToken: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_REFRESH_TOKEN
        case .trackUnpublished: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_UNPUBLISHED
        case .pong: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_PONG
        case .reconnect: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_RECONNECT
        case .pongResponse: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_PONG_RESP
        case .subscriptionResponse: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_SUBSCRIPTION_RESPONSE
        case .requestResponse: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_REQUEST_RESPONSE
        case .trackSubscribed: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_TRACK_SUBSCRIBED
        case .roomMoved: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_ROOM_MOVED
        case .mediaSectionsRequirement: LIVEKIT__SIGNAL_RESPONSE__MESSAGE_MEDIA_SECTIONS_REQUIREMENT
        case .carried(let field, _):
            Self.carriedFields.contains(field)
                ? Livekit__SignalResponse__MessageCase(rawValue: field) : nil
        case .unknown: nil
        }
    }
}
