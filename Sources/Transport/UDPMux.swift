// SPDX-License-Identifier: Apache-2.0
public import Base
public import Net
internal import Telemetry
internal import WebRTC

/// One UDP port that many peer connections share, on one or more local addresses.
///
/// Datagrams find their connection by the remote address. An address is learnt from a binding
/// request that names the connection (RFC 8445 section 7.2.2) and is signed with its password, so
/// that nobody turns another's packets to himself; or, as long as it is nobody's, from what the
/// connection itself sends there. Loop's thread only.
public final class UDPMux {
    /// What happened to datagrams that no connection saw.
    public struct Counts: Hashable, Sendable {
        /// From an address that is nobody's, and no request for anybody.
        public var strangers: UInt64 = 0
        /// A request with a name that nobody has, or with a wrong signature.
        public var refused: UInt64 = 0
    }

    /// A connection on the port.
    public struct Member: Hashable, Sendable {
        let number: UInt64
    }

    /// Connections at most.
    public static let membersMax = 8192
    /// Remote addresses of one connection: as many as its agent may check. With fewer the checks of
    /// others would push out the one in use.
    public static let addressesMax = ICEConfiguration.remotesMax
    /// What the kernel may hold for all of them while we are kept from reading: a second of fifty
    /// speakers, each packet counted by it as 2 kB at most.
    static let receiveBuffer: Int32 = 4 << 20
    /// Names of one connection: each restart of ICE has its own, the last two are in use.
    static let namesMax = 2

    private struct Record {
        let receive: ([UInt8], SocketAddress, SocketAddress) -> Void
        let isAuthentic: (STUNDatagram) -> Bool
        var names: [String] = []
        var addresses: [SocketAddress] = []
    }

    /// Where the port is bound, once an address.
    public private(set) var localAddresses: [SocketAddress] = []
    /// What was counted so far.
    public private(set) var counts = Counts()

    private var ports: [UDPPort] = []
    private var records: [Member: Record] = [:]
    private var membersByName: [String: Member] = [:]
    private var membersByAddress: [SocketAddress: Member] = [:]
    private var lastNumber: UInt64 = 0

    /// Binds the port.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - addresses: the local addresses, each with a port of its own; those that this machine
    ///     does not have are left out.
    ///   - port: which; 0 lets the kernel choose for each address.
    /// - Throws: what the system refused, when no address could be bound.
    public init(
        on loop: Loop, bindingTo addresses: [IPAddress], port: UInt16 = 0
    )
        throws(SystemError)
    {
        var refusal: SystemError?
        for address in addresses {
            do throws(SystemError) {
                let port = try UDPPort(
                    on: loop, bindingTo: address, ports: port == 0 ? nil : port...port,
                    receiveBuffer: Self.receiveBuffer
                ) { [weak self] datagram, remote in
                    self?.received(datagram, from: remote, on: address)
                }
                ports.append(port)
                localAddresses.append(port.localAddress)
            } catch {
                refusal = refusal ?? error
            }
        }
        if ports.isEmpty, let refusal { throw refusal }
    }

    /// Ends the port; connections on it fall silent.
    public func close() {
        for port in ports { port.close() }
        ports = []
        records = [:]
        membersByName = [:]
        membersByAddress = [:]
    }

    /// Connections on the port.
    public var memberCount: Int { records.count }

    // MARK: For drivers

    /// Adds a connection; nil when there are too many.
    func join(
        receive: @escaping ([UInt8], SocketAddress, SocketAddress) -> Void,
        isAuthentic: @escaping (STUNDatagram) -> Bool
    ) -> Member? {
        guard records.count < Self.membersMax, !ports.isEmpty else { return nil }
        lastNumber += 1
        let member = Member(number: lastNumber)
        records[member] = Record(receive: receive, isAuthentic: isAuthentic)
        return member
    }

    /// Tells the name of a connection's ICE credentials, each time that it has new ones.
    func name(_ member: Member, _ ufrag: String) {
        guard var record = records[member], record.names.last != ufrag else { return }
        record.names.append(ufrag)
        membersByName[ufrag] = member
        if record.names.count > Self.namesMax {
            membersByName[record.names.removeFirst()] = nil
        }
        records[member] = record
    }

    /// Takes a connection away.
    func leave(_ member: Member) {
        guard let record = records.removeValue(forKey: member) else { return }
        for name in record.names where membersByName[name] == member { membersByName[name] = nil }
        for address in record.addresses where membersByAddress[address] == member {
            membersByAddress[address] = nil
        }
    }

    /// Sends from one of our addresses.
    func send(
        _ datagram: [UInt8], to remote: SocketAddress, from base: SocketAddress, for member: Member
    ) {
        guard let port = ports.first(where: { $0.localAddress == base }) else { return }
        // What answers comes from there; a signed request takes the address over if it is another's.
        if membersByAddress[remote] == nil { bind(remote, to: member) }
        _ = port.send(datagram, to: remote)
    }

    // MARK: Inside

    func received(_ datagram: [UInt8], from remote: SocketAddress, on local: IPAddress) {
        guard let base = localAddresses.first(where: { $0.ip == local }) else { return }
        let known = membersByAddress[remote]
        if STUNDatagram.isSTUN(datagram), let request = try? STUNDatagram(parsing: datagram),
            let name = request.destinationUfrag, request.message.kind == .request
        {
            guard let named = membersByName[name], let record = records[named] else {
                counts.refused &+= 1
                return
            }
            if named != known {
                guard record.isAuthentic(request) else {
                    counts.refused &+= 1
                    return
                }
                bind(remote, to: named)
            }
            record.receive(datagram, remote, base)
            return
        }
        guard let known, let record = records[known] else {
            counts.strangers &+= 1
            return
        }
        record.receive(datagram, remote, base)
    }

    private func bind(_ remote: SocketAddress, to member: Member) {
        guard var record = records[member] else { return }
        if let old = membersByAddress[remote] {
            records[old]?.addresses.removeAll { $0 == remote }
        }
        if record.addresses.count >= Self.addressesMax {
            // The one learnt first is the one that the peer has most likely left.
            membersByAddress[record.addresses.removeFirst()] = nil
        }
        record.addresses.append(remote)
        membersByAddress[remote] = member
        records[member] = record
    }
}
