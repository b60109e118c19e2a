// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit

/// The calls about sessions.
extension Issuer {
    /// A token outlives the session by this much, so that a late reconnect still finds its end.
    private static let tokenGraceMinutes = 10

    private var tokenLifetime: Duration {
        .seconds(60 * (settings.maxMinutes + Self.tokenGraceMinutes))
    }

    func createSession(_ fields: Fields) async throws(APIError) -> APIAnswer {
        let avatar = try fields.string("avatar_id", maxCharacters: 128)
        if let avatar, let known = settings.avatars, !known.contains(avatar) {
            throw .invalidField("avatar_id", "is not one of the configured avatars")
        }
        let voice = try await self.voice(fields)
        let language = try fields.string("language", maxCharacters: 35)
        let lead = try fields.integer("lead_ms", in: -200...1000) ?? settings.lead
        let metadata = try fields.metadata("metadata", maxBytes: Self.metadataMax)

        let id = SessionID.random(secret: settings.key.secret)
        let agent = "assistant-" + SecureRandom().letters(8)
        let plan = SessionPlan(
            room: id.room, token: try agentToken(room: id.room, identity: agent), identity: agent,
            voice: voice, language: language, avatar: avatar, lead: lead,
            lifetime: .seconds(60 * settings.maxMinutes))
        let viewer = "viewer-" + SecureRandom().letters(12)
        let token = try token(
            room: id.room, identity: viewer, name: nil, metadata: metadata, attributes: nil)
        do {
            try await sessions.start(plan)
        } catch {
            throw Self.apiError(error)
        }
        return APIAnswer(status: 201) { json in
            json.member("session_id", id.description)
            json.member("webrtc") {
                $0.object {
                    $0.member("url", settings.publicURL)
                    $0.member("token", token)
                }
            }
            json.member("labels") {
                $0.object {
                    for topic in ["viseme", "prosody", "speech"] { $0.member(topic, topic) }
                }
            }
            json.member("agent") {
                $0.object {
                    $0.member("identity", agent)
                    $0.member("name", settings.agentName)
                }
            }
            json.member("lead_ms", lead)
            Self.write(token, settings.publicURL, &json)
        }
    }

    func status(_ id: SessionID) async throws(APIError) -> APIAnswer {
        guard let status = await sessions.status(room: id.room) else { throw .sessionEnded }
        return APIAnswer { json in
            json.member("session_id", id.description)
            json.member("state", status.state.rawValue)
            json.member("speaking", status.isSpeaking)
            json.member("utterances") {
                $0.array { for utterance in status.utterances { Self.write(utterance, &$0) } }
            }
            json.member("voice", status.voice)
            json.member("participants", status.participants)
            json.member("started_at", status.startedAt.unixSeconds)
            json.member("ends_at", status.endsAt.unixSeconds)
            json.member("error", ifPresent: status.error)
        }
    }

    private static func write(_ utterance: SessionStatus.Utterance, _ json: inout JSONWriter) {
        json.object {
            $0.member("u", utterance.id)
            $0.member("state", utterance.state)
            guard let error = utterance.error else { return }
            $0.member("error") {
                $0.object {
                    $0.member("code", error.code)
                    $0.member("message", error.message)
                }
            }
        }
    }

    func speak(_ id: SessionID, _ fields: Fields) async throws(APIError) -> APIAnswer {
        let text = try fields.text()
        let bargeIn = try fields.bool("barge_in") ?? false
        let voice = try await self.voice(fields)
        do {
            let accepted = try await sessions.speak(
                room: id.room, text: text, bargeIn: bargeIn, voice: voice)
            return APIAnswer {
                $0.member("ok", true)
                $0.member("u", accepted.id)
                $0.member("queued", accepted.queued)
            }
        } catch {
            throw Self.apiError(error)
        }
    }

    func stop(_ id: SessionID) async throws(APIError) -> APIAnswer {
        do {
            let stopped = try await sessions.stop(room: id.room)
            return APIAnswer {
                $0.member("ok", true)
                $0.member("stopped") { $0.array { for number in stopped { $0.value(number) } } }
            }
        } catch {
            throw Self.apiError(error)
        }
    }

    func viewerToken(_ id: SessionID, _ fields: Fields) async throws(APIError) -> APIAnswer {
        let name = try fields.string("name", maxCharacters: 256)
        let identity =
            try self.identity(fields, "identity") ?? "viewer-" + SecureRandom().letters(12)
        guard let status = await sessions.status(room: id.room),
            status.state == .live || status.state == .starting
        else { throw .sessionEnded }
        let token = try token(
            room: id.room, identity: identity, name: name, metadata: nil, attributes: nil)
        return APIAnswer { json in
            json.member("identity", identity)
            json.member("webrtc") {
                $0.object {
                    $0.member("url", settings.publicURL)
                    $0.member("token", token)
                }
            }
            Self.write(token, settings.publicURL, &json)
        }
    }

    func voices() async -> APIAnswer {
        let voices = await sessions.voices()
        var json = JSONWriter(capacity: 1024)
        json.array {
            for voice in voices {
                $0.object {
                    $0.member("id", voice.id)
                    $0.member("language", voice.language)
                    $0.member("name", voice.name)
                    $0.member("provider", voice.provider)
                }
            }
        }
        return APIAnswer(status: 200, json: json.bytes)
    }

    // MARK: Tokens

    /// `POST /token`: LiveKit's token-source form, and the older one with `room`, `identity`, `name`.
    func roomToken(_ fields: Fields) throws(APIError) -> APIAnswer {
        let room =
            try fields.string(oneOf: "room_name", "room", maxCharacters: 256)
            ?? "room-" + SecureRandom().letters(12)
        try checkRoom(room)
        var identity = try identity(fields, "participant_identity")
        if identity == nil { identity = try self.identity(fields, "identity") }
        let name = try fields.string(oneOf: "participant_name", "name", maxCharacters: 256)
        let token = try token(
            room: room, identity: identity ?? "user-" + SecureRandom().letters(12), name: name,
            metadata: try fields.metadata("participant_metadata", maxBytes: Self.metadataMax),
            attributes: try fields.stringMap("participant_attributes", maxBytes: 64 * 1024),
            isSession: false)
        return APIAnswer { Self.write(token, settings.publicURL, &$0) }
    }

    private func checkRoom(_ room: String) throws(APIError) {
        guard !room.isEmpty else { throw .invalidField("room", "must not be empty") }
        guard !room.hasPrefix(SessionID.roomPrefix) else {
            throw .forbidden("Rooms of sessions have their own token call.")
        }
        guard
            settings.bearerKeys.isEmpty
                || settings.tokenRooms.contains(where: { pattern in
                    pattern.hasSuffix("*") ? room.hasPrefix(pattern.dropLast()) : room == pattern
                })
        else {
            throw .forbidden("This room is not in token.rooms.")
        }
    }

    /// An identity that a caller chose: none of an agent's, which it would throw out.
    private func identity(_ fields: Fields, _ name: String) throws(APIError) -> String? {
        guard let identity = try fields.string(name, maxCharacters: 256) else { return nil }
        guard !identity.isEmpty, identity.utf8.count <= 256 else {
            throw .invalidField(name, "must have 1 to 256 bytes")
        }
        guard !identity.hasPrefix("assistant-"), !identity.hasPrefix("agent-") else {
            throw .forbidden("This identity is the agent's.")
        }
        return identity
    }

    private func agentToken(room: String, identity: String) throws(APIError) -> String {
        var grant = VideoGrant.joining(room)
        grant.canUpdateOwnMetadata = true
        grant.agent = true
        var claims = TokenClaims(
            identity: identity, video: grant, now: clock(), lifetime: tokenLifetime)
        claims.name = settings.agentName
        claims.kind = .agent
        claims.roomConfiguration = Self.roomConfiguration
        return try mint(claims)
    }

    private func token(
        room: String, identity: String, name: String?, metadata: String?,
        attributes: [String: String]?, isSession: Bool = true
    ) throws(APIError) -> String {
        var claims = TokenClaims(
            identity: identity, video: .joining(room), now: clock(), lifetime: tokenLifetime)
        claims.name = name ?? ""
        claims.metadata = metadata ?? ""
        claims.attributes = attributes ?? [:]
        if isSession { claims.roomConfiguration = Self.roomConfiguration }
        return try mint(claims)
    }

    /// The server's own 20 s of departure time-out would end the room under a client that reconnects.
    private static var roomConfiguration: RoomConfiguration {
        var configuration = RoomConfiguration()
        configuration.emptyTimeout = 120
        configuration.departureTimeout = 60
        return configuration
    }

    private func mint(_ claims: TokenClaims) throws(APIError) -> String {
        do {
            return try AccessToken.mint(claims, key: settings.key)
        } catch .tooLong {
            throw .invalidField("metadata", "makes the token longer than 16 kB")
        } catch {
            throw APIError(500, "internal", "The token could not be made.")
        }
    }

    private static func write(_ token: String, _ url: String, _ json: inout JSONWriter) {
        json.member("server_url", url)
        json.member("participant_token", token)
        json.member("url", url)
        json.member("token", token)
    }

    // MARK: Shared rules

    private func voice(_ fields: Fields) async throws(APIError) -> String? {
        guard let voice = try fields.string("voice_id", maxCharacters: 128) else { return nil }
        guard await sessions.voices().contains(where: { $0.id == voice }) else {
            throw .invalidField("voice_id", "is not a voice of GET /voices")
        }
        return voice
    }

    private static func apiError(_ refusal: SessionRefusal) -> APIError {
        switch refusal {
        case .ended: .sessionEnded
        case .queueFull(let most): .queueFull(most)
        case .unreachable(let reason): .unreachable(reason)
        case .overloaded(let reason): .overloaded(reason, retryAfter: 5)
        }
    }
}
