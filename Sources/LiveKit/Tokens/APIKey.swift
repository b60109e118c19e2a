// SPDX-License-Identifier: Apache-2.0

/// A LiveKit API key and its secret. Prints without the secret, however it is printed.
public struct APIKey: Hashable, Sendable {
    /// The public half: `iss` of every token.
    public let id: String
    /// The secret half. Its UTF-8 is the HMAC key.
    public let secret: String

    /// Joins a key and its secret.
    public init(id: String, secret: String) {
        self.id = id
        self.secret = secret
    }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The id alone.
    public var description: String { "APIKey(\(id), <redacted>)" }
    /// The id alone.
    public var debugDescription: String { description }
    /// The id alone.
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
