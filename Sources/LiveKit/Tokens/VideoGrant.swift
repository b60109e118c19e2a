// SPDX-License-Identifier: Apache-2.0
public import Base

/// What a token lets its bearer do in rooms: the claim `video`.
///
/// A flag that is false is not written. The optional ones tell "not said" (nil, the server's
/// default, given at each) from "no".
public struct VideoGrant: Hashable, Sendable {
    /// May create and delete rooms.
    public var roomCreate = false
    /// May list all rooms.
    public var roomList = false
    /// May record rooms.
    public var roomRecord = false
    /// May administer `room`, and that one only.
    public var roomAdmin = false
    /// May join `room` as a participant.
    public var roomJoin = false
    /// The room's name; empty for grants that name none.
    public var room = ""
    /// The room into which participants may be moved or forwarded; empty for none.
    public var destinationRoom = ""
    /// May publish tracks; nil means yes.
    public var canPublish: Bool?
    /// May subscribe to tracks; nil means yes.
    public var canSubscribe: Bool?
    /// May send data; nil means as `canPublish`.
    public var canPublishData: Bool?
    /// Sources that may be published (`camera`, `microphone`, `screen_share`,
    /// `screen_share_audio`); when not empty it stands above `canPublish`.
    public var canPublishSources: [String] = []
    /// May change its own name, metadata and attributes; nil means no.
    public var canUpdateOwnMetadata: Bool?
    /// May administer ingresses.
    public var ingressAdmin = false
    /// Is not shown to other participants.
    public var hidden = false
    /// Is a recorder (deprecated by the participant's kind).
    public var recorder = false
    /// May register as an agent worker; in a join token, the participant counts as an agent.
    public var agent = false
    /// May subscribe to metrics; nil means no.
    public var canSubscribeMetrics: Bool?
    /// May manage an agent session by remote calls; nil means no.
    public var canManageAgentSession: Bool?
    /// Members that this program does not know, kept as they came.
    public var others: [JSONValue.Member] = []

    /// Creates a grant of nothing.
    public init() {}

    /// The grant of somebody who joins `room`, publishes, subscribes and sends data.
    public static func joining(_ room: String) -> VideoGrant {
        var grant = VideoGrant()
        grant.roomJoin = true
        grant.room = room
        grant.canPublish = true
        grant.canSubscribe = true
        grant.canPublishData = true
        return grant
    }

    /// The grant of somebody who administers `room`.
    public static func administering(_ room: String) -> VideoGrant {
        var grant = VideoGrant()
        grant.roomAdmin = true
        grant.room = room
        return grant
    }
}

extension VideoGrant {
    private static var flags: [(name: String, path: WritableKeyPath<VideoGrant, Bool>)] {
        [
            ("roomCreate", \.roomCreate), ("roomList", \.roomList), ("roomRecord", \.roomRecord),
            ("roomAdmin", \.roomAdmin), ("roomJoin", \.roomJoin),
            ("ingressAdmin", \.ingressAdmin), ("hidden", \.hidden), ("recorder", \.recorder),
            ("agent", \.agent),
        ]
    }

    private static var choices: [(name: String, path: WritableKeyPath<VideoGrant, Bool?>)] {
        [
            ("canPublish", \.canPublish), ("canSubscribe", \.canSubscribe),
            ("canPublishData", \.canPublishData), ("canUpdateOwnMetadata", \.canUpdateOwnMetadata),
            ("canSubscribeMetrics", \.canSubscribeMetrics),
            ("canManageAgentSession", \.canManageAgentSession),
        ]
    }

    private static var names: [(name: String, path: WritableKeyPath<VideoGrant, String>)] {
        [("room", \.room), ("destinationRoom", \.destinationRoom)]
    }

    init(json: JSONValue) throws(AccessToken.Refusal) {
        guard let members = json.members else { throw .invalidClaim("video") }
        for member in members where !member.value.isNull {
            if let flag = Self.flags.first(where: { $0.name == member.name }) {
                self[keyPath: flag.path] = try ClaimReader.bool(member)
            } else if let choice = Self.choices.first(where: { $0.name == member.name }) {
                self[keyPath: choice.path] = try ClaimReader.bool(member)
            } else if let name = Self.names.first(where: { $0.name == member.name }) {
                self[keyPath: name.path] = try ClaimReader.string(member)
            } else if member.name == "canPublishSources" {
                canPublishSources = try ClaimReader.strings(member)
            } else {
                others.append(member)
            }
        }
    }

    func write(into json: inout JSONWriter) {
        json.object { json in
            for flag in Self.flags where self[keyPath: flag.path] { json.member(flag.name, true) }
            for name in Self.names where !self[keyPath: name.path].isEmpty {
                json.member(name.name, self[keyPath: name.path])
            }
            for choice in Self.choices {
                if let value = self[keyPath: choice.path] { json.member(choice.name, value) }
            }
            if !canPublishSources.isEmpty {
                json.member("canPublishSources") { json in
                    json.array { for source in canPublishSources { $0.value(source) } }
                }
            }
            for member in others { json.member(member.name, member.value) }
        }
    }
}
