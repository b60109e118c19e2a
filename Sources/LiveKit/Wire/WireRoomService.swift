// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

// The calls of `livekit.RoomService`.

extension RoomServiceRequest {
    /// The longest call that is read, in bytes.
    public static let maxLength = 1 << 20

    /// Reads a call in protobuf; nil for a method that there is not.
    ///
    /// - Throws: `WireError` for bytes that are no such call; whatever they are, it never traps.
    public init?(method: String, decoding bytes: [UInt8]) throws(WireError) {
        switch method {
        case "CreateRoom": self = .createRoom(try CreateRoomRequest(frame: bytes))
        case "ListRooms": self = .listRooms(names: try RoomNames(frame: bytes).names)
        case "DeleteRoom": self = .deleteRoom(room: try RoomMember(frame: bytes).room)
        case "ListParticipants":
            self = .listParticipants(room: try RoomMember(frame: bytes).room)
        case "GetParticipant":
            let member = try RoomMember(frame: bytes)
            self = .getParticipant(room: member.room, identity: member.identity)
        case "RemoveParticipant":
            let member = try RoomMember(frame: bytes)
            self = .removeParticipant(room: member.room, identity: member.identity)
        case "MutePublishedTrack":
            let call = try MuteCall(frame: bytes)
            self = .mutePublishedTrack(
                room: call.room, identity: call.identity, track: call.track, isMuted: call.isMuted)
        case "UpdateParticipant":
            self = .updateParticipant(try UpdateParticipantRequest(frame: bytes))
        case "UpdateSubscriptions":
            let call = try SubscriptionsCall(frame: bytes)
            self = .updateSubscriptions(
                room: call.room, identity: call.identity, tracks: call.tracks,
                subscribe: call.subscribe)
        case "SendData": self = .sendData(try SendDataRequest(frame: bytes))
        case "UpdateRoomMetadata":
            let call = try MetadataCall(frame: bytes)
            self = .updateRoomMetadata(room: call.room, metadata: call.metadata)
        case "ForwardParticipant", "MoveParticipant":
            // Its three texts have the numbers of a mute's.
            let call = try MuteCall(frame: bytes)
            self = .relocateParticipant(
                room: call.room, identity: call.identity, destination: call.track)
        case "PerformRpc":
            let member = try RoomMember(frame: bytes)
            self = .performRPC(room: member.room, identity: member.identity)
        default: return nil
        }
    }
}

extension RoomServiceResponse {
    /// The answer in protobuf.
    public var encoded: [UInt8] {
        switch self {
        case .room(let room): room.frame
        case .rooms(let rooms): RoomList(rooms: rooms).frame
        case .participant(let participant): participant.frame
        case .participants(let participants): ParticipantAnswer(participants: participants).frame
        case .track(let track): TrackAnswer(track: track).frame
        case .done: []
        }
    }
}

private struct RoomNames {
    var names: [String] = []
}

/// Also the whole of DeleteRoomRequest and ListParticipantsRequest.
private struct RoomMember {
    var room = ""
    var identity = ""
}

private struct MuteCall {
    var room = ""
    var identity = ""
    var track = ""
    var isMuted = false
}

private struct SubscriptionsCall {
    var room = ""
    var identity = ""
    var tracks: [String] = []
    var subscribe = false
}

private struct MetadataCall {
    var room = ""
    var metadata = ""
}

private struct RoomList {
    var rooms: [RoomInfo] = []
}

private struct ParticipantAnswer {
    var participants: [ParticipantInfo] = []
}

private struct TrackAnswer {
    var track = TrackInfo()
}

extension CreateRoomRequest: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__CreateRoomRequest>?) -> Void {
        livekit__create_room_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__CreateRoomRequest>?
    { livekit__create_room_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__CreateRoomRequest>?) -> Int {
        livekit__create_room_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__CreateRoomRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__create_room_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__CreateRoomRequest, _ wire: inout WireCoder) {
        wire.text(&name, &c.name)
        wire.number(&emptyTimeout, &c.empty_timeout, &c.has_empty_timeout)
        wire.number(&maxParticipants, &c.max_participants, &c.has_max_participants)
        wire.text(&metadata, &c.metadata)
        wire.number(&departureTimeout, &c.departure_timeout, &c.has_departure_timeout)
    }
}

extension RoomNames: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__ListRoomsRequest>?) -> Void {
        livekit__list_rooms_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__ListRoomsRequest>?
    { livekit__list_rooms_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__ListRoomsRequest>?) -> Int {
        livekit__list_rooms_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__ListRoomsRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__list_rooms_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__ListRoomsRequest, _ wire: inout WireCoder) {
        wire.texts(&names, &c.names, &c.n_names)
    }
}

extension RoomMember: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__RoomParticipantIdentity>?) -> Void {
        livekit__room_participant_identity__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__RoomParticipantIdentity>?
    { livekit__room_participant_identity__unpack }
    static var packedSize: (UnsafePointer<Livekit__RoomParticipantIdentity>?) -> Int {
        livekit__room_participant_identity__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__RoomParticipantIdentity>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__room_participant_identity__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__RoomParticipantIdentity, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.text(&identity, &c.identity)
    }
}

extension MuteCall: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__MuteRoomTrackRequest>?) -> Void {
        livekit__mute_room_track_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__MuteRoomTrackRequest>?
    { livekit__mute_room_track_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__MuteRoomTrackRequest>?) -> Int {
        livekit__mute_room_track_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__MuteRoomTrackRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__mute_room_track_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__MuteRoomTrackRequest, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.text(&identity, &c.identity)
        wire.text(&track, &c.track_sid)
        wire.flag(&isMuted, &c.muted, &c.has_muted)
    }
}

extension UpdateParticipantRequest: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateParticipantRequest>?) -> Void {
        livekit__update_participant_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__UpdateParticipantRequest>?
    { livekit__update_participant_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__UpdateParticipantRequest>?) -> Int {
        livekit__update_participant_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__UpdateParticipantRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__update_participant_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__UpdateParticipantRequest, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.text(&identity, &c.identity)
        wire.text(&metadata, &c.metadata)
        wire.message(&permission, &c.permission)
        wire.text(&name, &c.name)
        wire.map(&attributes, &c.attributes, &c.n_attributes)
    }
}

extension SubscriptionsCall: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateSubscriptionsRequest>?) -> Void {
        livekit__update_subscriptions_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__UpdateSubscriptionsRequest>?
    { livekit__update_subscriptions_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__UpdateSubscriptionsRequest>?) -> Int {
        livekit__update_subscriptions_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__UpdateSubscriptionsRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__update_subscriptions_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__UpdateSubscriptionsRequest, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.text(&identity, &c.identity)
        wire.texts(&tracks, &c.track_sids, &c.n_track_sids)
        wire.flag(&subscribe, &c.subscribe, &c.has_subscribe)
    }
}

extension SendDataRequest: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__SendDataRequest>?) -> Void {
        livekit__send_data_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__SendDataRequest>?
    { livekit__send_data_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__SendDataRequest>?) -> Int {
        livekit__send_data_request__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__SendDataRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__send_data_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__SendDataRequest, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.bytes(&data, &c.data, &c.has_data)
        wire.number(&kind, &c.kind, &c.has_kind)
        wire.text(&topic, &c.topic)
        wire.texts(
            &destinations, &c.destination_identities, &c.n_destination_identities)
    }
}

extension MetadataCall: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateRoomMetadataRequest>?) -> Void {
        livekit__update_room_metadata_request__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__UpdateRoomMetadataRequest>?
    { livekit__update_room_metadata_request__unpack }
    static var packedSize: (UnsafePointer<Livekit__UpdateRoomMetadataRequest>?) -> Int {
        livekit__update_room_metadata_request__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__UpdateRoomMetadataRequest>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__update_room_metadata_request__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__UpdateRoomMetadataRequest, _ wire: inout WireCoder) {
        wire.text(&room, &c.room)
        wire.text(&metadata, &c.metadata)
    }
}

extension RoomList: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__ListRoomsResponse>?) -> Void {
        livekit__list_rooms_response__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__ListRoomsResponse>?
    { livekit__list_rooms_response__unpack }
    static var packedSize: (UnsafePointer<Livekit__ListRoomsResponse>?) -> Int {
        livekit__list_rooms_response__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__ListRoomsResponse>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__list_rooms_response__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__ListRoomsResponse, _ wire: inout WireCoder) {
        wire.messages(&rooms, &c.rooms, &c.n_rooms)
    }
}

extension ParticipantAnswer: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__ListParticipantsResponse>?) -> Void {
        livekit__list_participants_response__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__ListParticipantsResponse>?
    { livekit__list_participants_response__unpack }
    static var packedSize: (UnsafePointer<Livekit__ListParticipantsResponse>?) -> Int {
        livekit__list_participants_response__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__ListParticipantsResponse>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__list_participants_response__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__ListParticipantsResponse, _ wire: inout WireCoder) {
        wire.messages(&participants, &c.participants, &c.n_participants)
    }
}

extension TrackAnswer: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__MuteRoomTrackResponse>?) -> Void {
        livekit__mute_room_track_response__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__MuteRoomTrackResponse>?
    { livekit__mute_room_track_response__unpack }
    static var packedSize: (UnsafePointer<Livekit__MuteRoomTrackResponse>?) -> Int {
        livekit__mute_room_track_response__get_packed_size
    }
    static var pack:
        (UnsafePointer<Livekit__MuteRoomTrackResponse>?, UnsafeMutablePointer<UInt8>?) -> Int
    {
        livekit__mute_room_track_response__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }

    mutating func code(_ c: inout Livekit__MuteRoomTrackResponse, _ wire: inout WireCoder) {
        wire.message(&track, &c.track)
    }
}

extension RoomInfo: WireFrame {
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__Room>?
    { livekit__room__unpack }
    static var packedSize: (UnsafePointer<Livekit__Room>?) -> Int {
        livekit__room__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__Room>?, UnsafeMutablePointer<UInt8>?) -> Int {
        livekit__room__pack
    }
    static var maxLength: Int { RoomServiceRequest.maxLength }
}

extension ParticipantInfo: WireFrame {
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__ParticipantInfo>?
    { livekit__participant_info__unpack }
    static var packedSize: (UnsafePointer<Livekit__ParticipantInfo>?) -> Int {
        livekit__participant_info__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__ParticipantInfo>?, UnsafeMutablePointer<UInt8>?) -> Int
    { livekit__participant_info__pack }
    static var maxLength: Int { RoomServiceRequest.maxLength }
}
