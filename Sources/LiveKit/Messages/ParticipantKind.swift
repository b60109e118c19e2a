// SPDX-License-Identifier: Apache-2.0

/// What a participant is: a person, or a part of the system. Open: a newer server may send kinds
/// that have no name here.
public struct ParticipantKind: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// A person, or whatever does not say.
    public static let standard = ParticipantKind(rawValue: 0)
    /// Brings a stream from outside into the room.
    public static let ingress = ParticipantKind(rawValue: 1)
    /// Records the room or streams it elsewhere.
    public static let egress = ParticipantKind(rawValue: 2)
    /// A telephone.
    public static let sip = ParticipantKind(rawValue: 3)
    /// An agent. Does not keep a room open.
    public static let agent = ParticipantKind(rawValue: 4)
    /// Connects another service.
    public static let connector = ParticipantKind(rawValue: 7)
    /// Connects another room system.
    public static let bridge = ParticipantKind(rawValue: 8)

    /// The names of the numbers from 0 on; 5 and 6 were never given out.
    public static let names = [
        "standard", "ingress", "egress", "sip", "agent", "5", "6", "connector", "bridge",
    ]

    private static let tokenNames: [(name: String, kind: ParticipantKind)] = [
        ("standard", .standard), ("ingress", .ingress), ("egress", .egress), ("sip", .sip),
        ("agent", .agent), ("connector", .connector), ("bridge", .bridge),
    ]

    /// The kind that a token's claim `kind` names; nil for a name that is not known.
    public init?(tokenName: String) {
        guard let entry = Self.tokenNames.first(where: { $0.name == tokenName }) else { return nil }
        self = entry.kind
    }

    /// The name for a token's claim `kind`; nil where there is none.
    public var tokenName: String? {
        Self.tokenNames.first { $0.kind == self }?.name
    }
}
