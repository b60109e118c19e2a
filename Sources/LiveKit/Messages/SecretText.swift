// SPDX-License-Identifier: Apache-2.0

/// A token or password that came over the wire. Prints as nothing, however it is printed, so that
/// a logged event or message gives nothing away.
public struct SecretText: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The secret itself.
    public var text: String

    /// Holds a secret.
    public init(_ text: String) {
        self.text = text
    }

    /// Holds a secret that stands in the source: in tests.
    public init(stringLiteral value: String) {
        text = value
    }

    /// Whether there is none.
    public var isEmpty: Bool { text.isEmpty }
}

extension SecretText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Hides the secret, but not that there is none.
    public var description: String { text.isEmpty ? "<none>" : "<redacted>" }
    /// Hides the secret.
    public var debugDescription: String { description }
    /// Hides the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
