// SPDX-License-Identifier: Apache-2.0
public import Base

/// A network address translator (RFC 4787): hosts inside share one public address.
public struct SimulatedNAT: Sendable {
    /// On what a mapping or a filter depends (RFC 4787 sections 4.1 and 5).
    public enum Behaviour: Sendable, CaseIterable {
        /// Not on the remote end: a "full cone".
        case endpointIndependent
        /// On the remote address.
        case addressDependent
        /// On the remote address and port: as a mapping, a "symmetric" NAT.
        case addressAndPortDependent
    }

    /// The address that the outside sees.
    public var publicIP: IPAddress
    /// The hosts behind it.
    public var inside: [IPAddress]
    /// How external ports are chosen.
    public var mapping: Behaviour
    /// Whose datagrams are let in.
    public var filtering: Behaviour
    /// Whether a datagram from inside to the public address comes back in.
    public var hairpins: Bool

    private struct Binding: Sendable {
        var inner: SocketAddress
        var remote: SocketAddress?
        var externalPort: UInt16
        var permitted: [SocketAddress]
    }
    private var bindings: [Binding] = []
    private var nextPort: UInt16 = 40_000

    /// Describes a NAT; `SimulatedNetwork.addNAT` puts it to work.
    public init(
        publicIP: IPAddress, inside: [IPAddress], mapping: Behaviour = .endpointIndependent,
        filtering: Behaviour = .addressAndPortDependent, hairpins: Bool = false
    ) {
        self.publicIP = publicIP
        self.inside = inside
        self.mapping = mapping
        self.filtering = filtering
        self.hairpins = hairpins
    }

    /// Forgets all bindings, as after a restart: the next datagram out gets another port.
    mutating func forgetBindings() {
        bindings.removeAll()
    }

    /// The public source of a datagram from inside; opens a binding and the way back.
    mutating func translateOut(_ inner: SocketAddress, to remote: SocketAddress) -> SocketAddress {
        let key = mapping.key(remote)
        var index = bindings.firstIndex { $0.inner == inner && $0.remote == key }
        if index == nil {
            bindings.append(
                Binding(inner: inner, remote: key, externalPort: nextPort, permitted: []))
            nextPort = nextPort == .max ? 40_000 : nextPort + 1
            index = bindings.count - 1
        }
        let place = index!
        let permit = filtering.key(remote) ?? remote
        if !bindings[place].permitted.contains(permit) { bindings[place].permitted.append(permit) }
        return SocketAddress(publicIP, port: bindings[place].externalPort)
    }

    /// The inside address for a datagram from `remote` to `external`; nil when it is filtered.
    func translateIn(_ external: SocketAddress, from remote: SocketAddress) -> SocketAddress? {
        guard let binding = bindings.first(where: { $0.externalPort == external.port }) else {
            return nil
        }
        guard let key = filtering.key(remote) else { return binding.inner }
        return binding.permitted.contains(key) ? binding.inner : nil
    }
}

extension SimulatedNAT.Behaviour {
    /// The part of the remote address that counts; nil when none does.
    fileprivate func key(_ remote: SocketAddress) -> SocketAddress? {
        switch self {
        case .endpointIndependent: nil
        case .addressDependent: SocketAddress(remote.ip, port: 0)
        case .addressAndPortDependent: remote
        }
    }
}
