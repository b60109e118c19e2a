// SPDX-License-Identifier: Apache-2.0
public import Base

/// One address at which an agent may be reached (RFC 8445 section 5.1).
public struct ICECandidate: Hashable, Sendable {
    /// How the address was found.
    public enum Kind: String, Sendable, CaseIterable {
        /// An address of the machine's own.
        case host
        /// Seen by a STUN server.
        case srflx
        /// Seen by the peer in a check.
        case prflx
        /// Allocated on a TURN server.
        case relay
    }

    /// What carries the datagrams.
    public enum Transport: String, Sendable {
        /// Datagrams as they are.
        case udp
        /// A stream with a two-byte length before each datagram (RFC 6544, RFC 4571).
        case tcp
    }

    /// Who opens the connection of a TCP candidate (RFC 6544 section 4.5).
    public enum TCPType: String, Sendable {
        /// This side.
        case active
        /// The peer.
        case passive
        /// Both at once.
        case so
    }

    /// Candidates with equal foundations probably fare alike; at most 32 characters.
    public var foundation: String
    /// 1, because RTP and RTCP share a port here; peers may name 2.
    public var component: Int
    /// UDP or TCP.
    public var transport: Transport
    /// Higher is better (RFC 8445 section 5.1.2).
    public var priority: UInt32
    /// Where the peer sends to.
    public var address: SocketAddress
    /// How the address was found.
    public var kind: Kind
    /// Who connects; nil for UDP.
    public var tcpType: TCPType?
    /// The base of a reflexive candidate, the mapped address of a relayed one; for people only.
    public var relatedAddress: SocketAddress?
    /// The generation that it belongs to, when the sender says so.
    public var ufrag: String?
    /// libwebrtc's count of restarts.
    public var generation: Int?
    /// libwebrtc's cost of the network, 0…999: a tie breaker that we carry and do not use.
    public var networkCost: Int?

    /// Joins the parts.
    public init(
        foundation: String, component: Int = 1, transport: Transport = .udp, priority: UInt32,
        address: SocketAddress, kind: Kind, tcpType: TCPType? = nil,
        relatedAddress: SocketAddress? = nil, ufrag: String? = nil, generation: Int? = nil,
        networkCost: Int? = nil
    ) {
        self.foundation = foundation
        self.component = component
        self.transport = transport
        self.priority = priority
        self.address = address
        self.kind = kind
        self.tcpType = tcpType
        self.relatedAddress = relatedAddress
        self.ufrag = ufrag
        self.generation = generation
        self.networkCost = networkCost
    }
}

extension ICECandidate.Kind {
    /// The type preference that RFC 8445 section 5.1.2.2 recommends.
    public var preference: UInt32 {
        switch self {
        case .host: 126
        case .prflx: 110
        case .srflx: 100
        case .relay: 0
        }
    }
}

/// The priorities of RFC 8445.
public enum ICEPriority {
    /// The local preference of the only, or best, base.
    public static let highestLocalPreference: UInt16 = .max

    /// A candidate's priority (section 5.1.2.1).
    public static func candidate(
        _ kind: ICECandidate.Kind, localPreference: UInt16, component: Int = 1
    ) -> UInt32 {
        kind.preference << 24 | UInt32(localPreference) << 8
            | UInt32(256 - min(max(component, 1), 256))
    }

    /// The highest priority a candidate may have (section 5.1.2).
    private static let candidateMax: UInt32 = 0x7FFF_FFFF

    /// A pair's priority (section 6.1.2.3): the same number on both sides.
    ///
    /// What a peer claims above the highest priority counts as the highest.
    public static func pair(controlling: UInt32, controlled: UInt32) -> UInt64 {
        let controlling = min(controlling, candidateMax)
        let controlled = min(controlled, candidateMax)
        let lower = UInt64(min(controlling, controlled))
        let higher = UInt64(max(controlling, controlled))
        return lower << 32 + 2 * higher + (controlling > controlled ? 1 : 0)
    }

    /// A foundation: equal for candidates of the same kind, base address, server and transport
    /// (section 5.1.1.3).
    static func foundation(
        _ kind: ICECandidate.Kind, base: IPAddress, server: IPAddress? = nil,
        transport: ICECandidate.Transport = .udp
    ) -> String {
        let server = server.map { "\($0)" } ?? ""
        let text = "\(kind.rawValue) \(base) \(server) \(transport.rawValue)"
        return String(STUNFingerprint.crc32(Array(text.utf8)[...]))
    }
}
