// SPDX-License-Identifier: Apache-2.0

/// A call of `livekit.RoomService`, as far as the room server of this program answers it.
public enum RoomServiceRequest: Hashable, Sendable {
    /// Makes a room, or finds it.
    case createRoom(CreateRoomRequest)
    /// The rooms of these names; of none, all.
    case listRooms(names: [String])
    case deleteRoom(room: String)
    case listParticipants(room: String)
    case getParticipant(room: String, identity: String)
    case removeParticipant(room: String, identity: String)
    case mutePublishedTrack(room: String, identity: String, track: String, isMuted: Bool)
    case updateParticipant(UpdateParticipantRequest)
    case updateSubscriptions(room: String, identity: String, tracks: [String], subscribe: Bool)
    case sendData(SendDataRequest)
    case updateRoomMetadata(room: String, metadata: String)
    /// Shows a participant in another room too, or moves it there.
    case relocateParticipant(room: String, identity: String, destination: String)
    /// Calls a method of a participant; what is to be called stays unread.
    case performRPC(room: String, identity: String)

    /// The room that a call is about; nil for those about rooms as such.
    public var room: String? {
        switch self {
        case .createRoom, .listRooms: nil
        case .deleteRoom(let room), .listParticipants(let room): room
        case .getParticipant(let room, _), .removeParticipant(let room, _): room
        case .mutePublishedTrack(let room, _, _, _): room
        case .updateParticipant(let request): request.room
        case .updateSubscriptions(let room, _, _, _): room
        case .sendData(let request): request.room
        case .updateRoomMetadata(let room, _): room
        case .relocateParticipant(let room, _, _), .performRPC(let room, _): room
        }
    }
}

/// Makes a room (`livekit.CreateRoomRequest`).
public struct CreateRoomRequest: Hashable, Sendable {
    /// Its name.
    public var name = ""
    /// Seconds that it stays open before the first participant; 0 for the server's own limit.
    public var emptyTimeout: UInt32 = 0
    /// Seconds that it stays open after the last participant; 0 for the server's own limit.
    public var departureTimeout: UInt32 = 0
    /// The most participants; 0 for the server's own limit.
    public var maxParticipants: UInt32 = 0
    /// Text of the application.
    public var metadata = ""

    /// Names none.
    public init() {}
}

/// Changes a participant (`livekit.UpdateParticipantRequest`).
public struct UpdateParticipantRequest: Hashable, Sendable {
    /// Its room.
    public var room = ""
    /// Who.
    public var identity = ""
    /// New metadata; empty leaves the old one.
    public var metadata = ""
    /// What it may do from now on; nil leaves that.
    public var permission: ParticipantPermission?
    /// A new name; empty leaves the old one.
    public var name = ""
    /// Attributes to set; an empty value takes one away.
    public var attributes: [String: String] = [:]

    /// Changes nothing.
    public init() {}
}

/// Sends data into a room (`livekit.SendDataRequest`).
public struct SendDataRequest: Hashable, Sendable {
    /// The room.
    public var room = ""
    /// The payload.
    public var data: [UInt8] = []
    /// 0 for reliable, 1 for lossy.
    public var kind: Int32 = 0
    /// What it is about.
    public var topic: String?
    /// To whom; empty for all.
    public var destinations: [String] = []

    /// Sends nothing.
    public init() {}
}

/// What a call of `livekit.RoomService` is answered.
public enum RoomServiceResponse: Hashable, Sendable {
    case room(RoomInfo)
    case rooms([RoomInfo])
    case participant(ParticipantInfo)
    case participants([ParticipantInfo])
    case track(TrackInfo)
    /// Nothing but that it was done.
    case done
}
