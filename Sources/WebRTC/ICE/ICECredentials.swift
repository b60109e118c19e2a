// SPDX-License-Identifier: Apache-2.0

/// A user name fragment and a password: what authenticates connectivity checks in one generation
/// of one agent (RFC 8445 section 5.3).
public struct ICECredentials: Equatable, Sendable {
    /// Names the generation; 4…256 of the letters, digits, `+` and `/`.
    public let ufrag: String
    /// Signs every check sent to this agent; 22…256 of the same characters.
    public let password: String

    /// Takes a description's `ice-ufrag` and `ice-pwd`; nil when they break RFC 8839 section 5.4.
    public init?(ufrag: String, password: String) {
        guard (4...256).contains(ufrag.utf8.count), (22...256).contains(password.utf8.count),
            ufrag.utf8.allSatisfy(Self.isICECharacter),
            password.utf8.allSatisfy(Self.isICECharacter)
        else { return nil }
        self.ufrag = ufrag
        self.password = password
    }

    /// Draws fresh credentials, 48 and 144 bits: RFC 8445 section 5.3 asks for 24 and 128.
    ///
    /// The product passes a generator that nobody can guess.
    public init(using random: inout some RandomNumberGenerator) {
        func text(_ count: Int) -> String {
            let alphabet = Self.alphabet
            var bytes: [UInt8] = []
            for _ in 0..<count { bytes.append(alphabet[Int(random.next() >> 58)]) }
            return String(decoding: bytes, as: UTF8.self)
        }
        ufrag = text(8)
        password = text(24)
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Real peers also use `-` and `_`, which do no harm.
    private static func isICECharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension ICECredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The fragment alone: the password is a secret.
    public var description: String { "ICECredentials(\(ufrag), <redacted>)" }
    /// The same as `description`.
    public var debugDescription: String { description }
    /// The fragment alone.
    public var customMirror: Mirror { Mirror(self, children: ["ufrag": ufrag]) }
}
