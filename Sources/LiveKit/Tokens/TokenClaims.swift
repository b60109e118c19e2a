// SPDX-License-Identifier: Apache-2.0
public import Base

/// What a LiveKit access token says about its bearer. Times are whole seconds since 1970 UTC.
public struct TokenClaims: Hashable, Sendable {
    /// `iss`: the API key's id. Minting writes the key's own.
    public var issuer = ""
    /// `sub`: the participant's identity; `jti` where `sub` is absent.
    public var identity = ""
    /// `nbf`: not valid before.
    public var notBefore: Int64?
    /// `exp`: not valid after.
    public var expiresAt: Int64?
    /// `iat`: when it was made.
    public var issuedAt: Int64?
    /// `jti`: the token's own id.
    public var id = ""
    /// The participant's display name.
    public var name = ""
    /// The participant's kind; nil when the token does not say.
    public var kind: ParticipantKind?
    /// The participant's metadata.
    public var metadata = ""
    /// The participant's attributes.
    public var attributes: [String: String] = [:]
    /// Base64 of the SHA-256 of a webhook's body.
    public var sha256 = ""
    /// The name of a room configuration that the server holds.
    public var roomPreset = ""
    /// How the room is set up if this join creates it.
    public var roomConfiguration: RoomConfiguration?
    /// What the bearer may do in rooms.
    public var video: VideoGrant?
    /// Claims that this program does not use (sip, agent, inference …), kept as they came.
    public var others: [JSONValue.Member] = []

    /// A token becomes valid this long before it is made: a server's clock may be behind.
    public static let backdating: Int64 = 10

    /// Creates claims that say nothing; such a token is valid for ever and for nothing.
    public init() {}

    /// The claims of a token for `identity`, valid from ten seconds ago until `lifetime` from now.
    public init(
        identity: String, video: VideoGrant, now: WallClock, lifetime: Duration
    ) {
        self.identity = identity
        self.video = video
        let seconds = now.unixSeconds
        notBefore = seconds - Self.backdating
        issuedAt = seconds
        expiresAt = seconds.addingReportingOverflow(lifetime.components.seconds).partialValue
    }
}

extension TokenClaims {
    init(json: JSONValue) throws(AccessToken.Refusal) {
        guard let members = json.members else { throw .malformed }
        for member in members where !member.value.isNull {
            try read(member)
        }
        if identity.isEmpty { identity = id }
    }

    private mutating func read(_ member: JSONValue.Member) throws(AccessToken.Refusal) {
        switch member.name {
        case "iss": issuer = try ClaimReader.string(member)
        case "sub": identity = try ClaimReader.string(member)
        case "nbf": notBefore = try ClaimReader.date(member)
        case "exp": expiresAt = try ClaimReader.date(member)
        case "iat": issuedAt = try ClaimReader.date(member)
        case "jti": id = try ClaimReader.string(member)
        case "identity": break  // `sub` stands above it on every server
        case "name": name = try ClaimReader.string(member)
        case "kind":
            let text = try ClaimReader.string(member)
            kind = ParticipantKind(tokenName: text)
            if kind == nil, !text.isEmpty { others.append(member) }
        case "metadata": metadata = try ClaimReader.string(member)
        case "attributes": attributes = try ClaimReader.dictionary(member)
        case "sha256": sha256 = try ClaimReader.string(member)
        case "roomPreset": roomPreset = try ClaimReader.string(member)
        case "roomConfig": roomConfiguration = try RoomConfiguration(json: member.value)
        case "video": video = try VideoGrant(json: member.value)
        default: others.append(member)
        }
    }

    var json: [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            for (name, text) in [("iss", issuer), ("sub", identity)] where !text.isEmpty {
                json.member(name, text)
            }
            for (name, date) in [("nbf", notBefore), ("exp", expiresAt), ("iat", issuedAt)] {
                if let date { json.member(name, date) }
            }
            let kindName = kind?.tokenName
            let texts = [
                ("jti", id), ("name", name), ("kind", kindName ?? ""), ("metadata", metadata),
                ("sha256", sha256), ("roomPreset", roomPreset),
            ]
            for (name, text) in texts where !text.isEmpty { json.member(name, text) }
            if !attributes.isEmpty {
                json.member("attributes") { ClaimReader.write(attributes, into: &$0) }
            }
            if let roomConfiguration {
                json.member("roomConfig") { roomConfiguration.write(into: &$0) }
            }
            if let video { json.member("video") { video.write(into: &$0) } }
            for member in others { json.member(member.name, member.value) }
        }
        return json.bytes
    }
}
