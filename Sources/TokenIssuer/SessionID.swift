// SPDX-License-Identifier: Apache-2.0
internal import Crypto

/// The name by which HTTP clients know a session: its room and a tag by the API secret.
///
/// Any issuer with the same secret finds the room from it without shared state, and nobody who is
/// in the room, and so knows its name, can make it.
public struct SessionID: Hashable, Sendable, CustomStringConvertible {
    /// Every session's room begins so; `POST /token` refuses such rooms.
    public static let roomPrefix = "avatar-"
    /// 128 bits: not to be guessed.
    static let tagBytes = 16

    /// The session's room.
    public let room: String
    /// Room, a dot, and the tag.
    public let description: String

    /// The id of a room's session.
    public init(room: String, secret: String) {
        self.room = room
        description = room + "." + Self.tag(room, secret)
    }

    /// A new session with a room that nobody can guess.
    public static func random(secret: String) -> SessionID {
        SessionID(room: roomPrefix + SecureRandom().letters(20), secret: secret)
    }

    /// Reads an id back; nil when its tag is not ours.
    public init?(_ text: String, secret: String) {
        guard text.utf8.count <= 300, let dot = text.lastIndex(of: ".") else { return nil }
        let room = String(text[..<dot])
        let tag = text[text.index(after: dot)...]
        guard !room.isEmpty, constantTimeEqual(Array(tag.utf8), Array(Self.tag(room, secret).utf8))
        else { return nil }
        self.room = room
        description = text
    }

    private static func tag(_ room: String, _ secret: String) -> String {
        let full = hmacSHA256(key: Array(secret.utf8), Array("session:\(room)".utf8))
        return Base64.encodeURL(Array(full.prefix(tagBytes)))
    }
}
