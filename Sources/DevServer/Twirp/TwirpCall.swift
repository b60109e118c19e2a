// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit

/// An error of Twirp, with the status and the text of livekit-server.
struct TwirpError: Error, Equatable {
    let status: Int
    let code: String
    let message: String
    /// The route that was asked for, where there is none.
    var invalidRoute: String?

    init(_ status: Int, _ code: String, _ message: String, invalidRoute: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.invalidRoute = invalidRoute
    }

    static let denied = TwirpError(401, "unauthenticated", "permissions denied")
    static let malformed = TwirpError(
        400, "malformed", "the json request could not be decoded")
    static let malformedProtobuf = TwirpError(
        400, "malformed", "the protobuf request could not be decoded")
    static let noRoom = TwirpError(
        404, "not_found", "twirp error unknown: requested room does not exist")
    static let noParticipant = TwirpError(
        404, "not_found", "twirp error unknown: participant does not exist")
    static let noTrack = TwirpError(404, "not_found", "twirp error unknown: track is not found")
    static let noRemoteUnmute = TwirpError(
        412, "failed_precondition", "twirp error unknown: remote unmute not enabled")
    static let unavailable = TwirpError(
        503, "unavailable", "twirp error unknown: no response from servers")
    static let tooManyRooms = TwirpError(
        429, "resource_exhausted", "twirp error unknown: the server has no room for more")

    /// What livekit-server without its cloud answers to forwarding and moving.
    static let notImplemented = TwirpError(
        500, "unknown", "twirp error unknown: not implemented")
    /// What livekit-server does and this one does not.
    static let noCalls = TwirpError(
        501, "unimplemented", "this server makes no calls of its own to participants")

    /// A path that there is not.
    static func badRoute(_ path: String) -> TwirpError {
        TwirpError(
            404, "bad_route", "no handler for path \"\(path)\"", invalidRoute: "POST \(path)")
    }

    /// The body of the answer.
    var json: [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("code", code)
            $0.member("msg", message)
            if let invalidRoute {
                $0.member("meta") { json in
                    json.object { $0.member("twirp_invalid_route", invalidRoute) }
                }
            }
        }
        return json.bytes
    }
}

/// A call of RoomService, read from JSON or protobuf.
struct TwirpCall: Sendable {
    /// How a call and its answer are written.
    enum Form: Sendable {
        case json
        case protobuf

        /// By a request's content type; nil for another.
        init?(contentType: String) {
            let type = contentType.split(separator: ";").first.map(String.init) ?? ""
            switch type {
            case "application/json": self = .json
            case "application/protobuf": self = .protobuf
            default: return nil
            }
        }

        var contentType: String { self == .json ? "application/json" : "application/protobuf" }
    }

    let request: RoomServiceRequest
    let form: Form

    /// Reads a call.
    ///
    /// - Throws: what to answer instead.
    init(method: String, contentType: String, body: [UInt8], path: String) throws(TwirpError) {
        guard let form = Form(contentType: contentType) else {
            throw TwirpError(
                404, "bad_route", "unexpected Content-Type: \"\(contentType.prefix(100))\"",
                invalidRoute: "POST \(path)")
        }
        self.form = form
        let request: RoomServiceRequest?
        switch form {
        case .protobuf:
            do {
                request = try RoomServiceRequest(method: method, decoding: body)
            } catch {
                throw .malformedProtobuf
            }
        case .json:
            request = try RoomServiceRequest(method: method, json: body)
        }
        guard let request else { throw .badRoute(path) }
        self.request = request
    }

    /// Whether a token allows the call.
    func isAllowed(by claims: TokenClaims?) -> Bool {
        guard let grant = claims?.video else { return false }
        switch request {
        case .createRoom, .deleteRoom: return grant.roomCreate
        case .listRooms: return grant.roomList
        case .relocateParticipant(let room, _, let destination):
            return grant.roomAdmin && !grant.room.isEmpty && grant.room == room
                && grant.destinationRoom == destination
        default: return grant.roomAdmin && !grant.room.isEmpty && grant.room == request.room
        }
    }

    /// The answer's body.
    func body(of response: RoomServiceResponse) -> [UInt8] {
        form == .json ? response.json : response.encoded
    }
}

extension RoomServiceRequest {
    /// Reads a call in JSON, with names in either case; nil for a method that there is not.
    init?(method: String, json bytes: [UInt8]) throws(TwirpError) {
        guard let json = try? JSONValue(parsing: bytes, maxBytes: Self.maxLength, maxDepth: 8),
            json.members != nil
        else { throw .malformed }
        let fields = CallFields(json)
        let room = try fields.text("room")
        let identity = try fields.text("identity")
        switch method {
        case "CreateRoom":
            var request = CreateRoomRequest()
            request.name = try fields.text("name")
            request.emptyTimeout = try fields.number("empty_timeout")
            request.departureTimeout = try fields.number("departure_timeout")
            request.maxParticipants = try fields.number("max_participants")
            request.metadata = try fields.text("metadata")
            self = .createRoom(request)
        case "ListRooms": self = .listRooms(names: try fields.texts("names"))
        case "DeleteRoom": self = .deleteRoom(room: room)
        case "ListParticipants": self = .listParticipants(room: room)
        case "GetParticipant": self = .getParticipant(room: room, identity: identity)
        case "RemoveParticipant": self = .removeParticipant(room: room, identity: identity)
        case "MutePublishedTrack":
            self = .mutePublishedTrack(
                room: room, identity: identity, track: try fields.text("track_sid"),
                isMuted: try fields.flag("muted"))
        case "UpdateParticipant":
            var request = UpdateParticipantRequest()
            request.room = room
            request.identity = identity
            request.metadata = try fields.text("metadata")
            request.name = try fields.text("name")
            request.attributes = try fields.map("attributes")
            if let permission = fields["permission"] {
                request.permission = try ParticipantPermission(CallFields(permission))
            }
            self = .updateParticipant(request)
        case "UpdateSubscriptions":
            self = .updateSubscriptions(
                room: room, identity: identity, tracks: try fields.texts("track_sids"),
                subscribe: try fields.flag("subscribe"))
        case "SendData":
            var request = SendDataRequest()
            request.room = room
            guard let data = Base64.decode(try fields.text("data")) else { throw .malformed }
            request.data = data
            request.kind = fields["kind"]?.string == "LOSSY" || fields["kind"]?.int == 1 ? 1 : 0
            request.topic = fields["topic"]?.string
            request.destinations = try fields.texts("destination_identities")
            self = .sendData(request)
        case "UpdateRoomMetadata":
            self = .updateRoomMetadata(room: room, metadata: try fields.text("metadata"))
        case "ForwardParticipant", "MoveParticipant":
            self = .relocateParticipant(
                room: room, identity: identity, destination: try fields.text("destination_room"))
        case "PerformRpc":
            self = .performRPC(
                room: room, identity: try fields.text("destination_identity"))
        default: return nil
        }
    }
}

/// The fields of a call in JSON. Absent and null ones are zero; wrong kinds are refused.
private struct CallFields {
    private var values: [String: JSONValue] = [:]

    init(_ json: JSONValue) {
        for member in json.members ?? [] where !member.value.isNull {
            values[Self.snakeCase(member.name)] = member.value
        }
    }

    subscript(name: String) -> JSONValue? { values[name] }

    func text(_ name: String) throws(TwirpError) -> String {
        guard let value = values[name] else { return "" }
        guard let text = value.string else { throw .malformed }
        return text
    }

    func flag(_ name: String) throws(TwirpError) -> Bool {
        guard let value = values[name] else { return false }
        guard let flag = value.bool else { throw .malformed }
        return flag
    }

    func number(_ name: String) throws(TwirpError) -> UInt32 {
        guard let value = values[name] else { return 0 }
        let number = value.int ?? value.string.flatMap { Int64($0) }
        guard let number, let exact = UInt32(exactly: number) else { throw .malformed }
        return exact
    }

    func texts(_ name: String) throws(TwirpError) -> [String] {
        guard let value = values[name] else { return [] }
        let texts = value.array?.compactMap(\.string) ?? []
        guard texts.count == value.array?.count else { throw .malformed }
        return texts
    }

    func map(_ name: String) throws(TwirpError) -> [String: String] {
        guard let value = values[name] else { return [:] }
        guard let members = value.members else { throw .malformed }
        var map: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { throw .malformed }
            map[member.name] = text
        }
        return map
    }

    private static func snakeCase(_ name: String) -> String {
        var result = ""
        for character in name.prefix(64) {
            if character.isASCII, character.isUppercase { result += "_" }
            result += character.lowercased()
        }
        return result
    }
}

extension ParticipantPermission {
    fileprivate init(_ fields: CallFields) throws(TwirpError) {
        self.init()
        canSubscribe = try fields.flag("can_subscribe")
        canPublish = try fields.flag("can_publish")
        canPublishData = try fields.flag("can_publish_data")
        canPublishSources = (fields["can_publish_sources"]?.array ?? []).compactMap { value in
            value.int.map { TrackSource(rawValue: Int32(truncatingIfNeeded: $0)) }
                ?? value.string.flatMap { name in
                    (0...4).map { TrackSource(rawValue: $0) }.first { $0.jsonName == name }
                }
        }
        isHidden = try fields.flag("hidden")
        canUpdateMetadata = try fields.flag("can_update_metadata")
        isAgent = try fields.flag("agent")
        canSubscribeMetrics = try fields.flag("can_subscribe_metrics")
        canManageAgentSession = try fields.flag("can_manage_agent_session")
    }
}
