// SPDX-License-Identifier: Apache-2.0
public import Base
public import Net
internal import Telemetry
public import WebRTC

/// Drives one `PeerConnection` on a loop: its UDP ports, or its place on a
/// shared one, its one deadline, its outputs.
///
/// Loop's thread only. Every change goes through `update`, which drains the connection afterwards:
/// datagrams leave, events reach the handler, the deadline is armed anew. The handler may call
/// `update` itself.
public final class PeerDriver {
    /// Ports of one connection at most: an address of each family on four interfaces.
    public static let portsMax = 8
    /// Outputs taken in one drain at most; more would be a loop of our own making.
    static let outputsMax = 20_000

    private let loop: Loop
    private var connection: PeerConnection
    private let handler: (PeerEvent) -> Void
    private var ports: [UDPPort] = []
    private var mux: (port: UDPMux, member: UDPMux.Member)?
    private var armed: (time: Instant, token: DeadlineToken)?
    private var isDraining = false
    /// `close` was called.
    private var isClosing = false
    /// The ports are given back.
    private var isClosed = false

    /// Takes over a connection.
    ///
    /// - Parameters:
    ///   - connection: as made, nothing done with it.
    ///   - loop: whose thread this is.
    ///   - handler: gets every event, on the loop.
    public init(
        _ connection: consuming PeerConnection, on loop: Loop,
        handler: @escaping (PeerEvent) -> Void
    ) {
        self.connection = connection
        self.loop = loop
        self.handler = handler
    }

    deinit {
        if let armed { loop.cancel(armed.token) }
        for port in ports { port.close() }
        if let mux { mux.port.leave(mux.member) }
    }

    /// What was counted on all ports.
    public var counts: [UDPPort.Counts] { ports.map(\.counts) }

    /// Reads something of the connection, without changing it.
    public func inspect<Value>(_ body: (borrowing PeerConnection) -> Value) -> Value {
        body(connection)
    }

    /// Changes the connection and carries out what follows.
    public func update<Value, Failure: Error>(
        _ body: (inout PeerConnection, Instant) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        defer { drain() }
        return try body(&connection, loop.now)
    }

    /// Opens a port on each of our addresses that may reach the peer, and tells the connection.
    ///
    /// - Parameters:
    ///   - addresses: of our interfaces, the likeliest first; those beyond `portsMax` are left out.
    ///   - range: the ports to bind; nil lets the kernel choose.
    /// - Returns: how many ports stand.
    @discardableResult
    public func openPorts(on addresses: [IPAddress], in range: ClosedRange<UInt16>? = nil) -> Int {
        for address in addresses where ports.count < Self.portsMax {
            let port = try? UDPPort(on: loop, bindingTo: address, ports: range) {
                [weak self] datagram, remote in self?.received(datagram, remote, on: address)
            }
            guard let port else { continue }
            ports.append(port)
            update { connection, now in
                _ = connection.addLocalBase(port.localAddress, at: now)
            }
        }
        update { connection, now in connection.endLocalBases(at: now) }
        return ports.count
    }

    /// Takes a place on a port that connections share, and tells the connection its addresses.
    ///
    /// - Returns: false when the port is full.
    public func join(_ port: UDPMux) -> Bool {
        let member = port.join { [weak self] datagram, remote, local in
            self?.update { connection, now in
                connection.receive(datagram, from: remote, on: local, at: now)
            }
        } isAuthentic: { [weak self] request in
            self?.connection.isAuthentic(request) ?? false
        }
        guard let member else { return false }
        mux = (port, member)
        update { connection, now in
            for address in port.localAddresses {
                _ = connection.addLocalBase(address, at: now)
            }
            connection.endLocalBases(at: now)
        }
        return true
    }

    /// Ends the connection and gives its ports back; the farewells still go out.
    ///
    /// From within the handler the ports are given back when the drain under way is over.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        update { connection, now in connection.close(at: now) }
    }

    private func closePorts() {
        isClosed = true
        if let armed { loop.cancel(armed.token) }
        armed = nil
        for port in ports { port.close() }
        ports = []
        if let mux { mux.port.leave(mux.member) }
        mux = nil
    }

    private func received(_ datagram: [UInt8], _ remote: SocketAddress, on address: IPAddress) {
        guard let port = ports.first(where: { $0.localAddress.ip == address }) else { return }
        update { connection, now in
            connection.receive(datagram, from: remote, on: port.localAddress, at: now)
        }
    }

    private func drain() {
        // A call from within the handler changes the connection; the drain under way goes on with it.
        guard !isDraining else { return }
        if isClosed {
            while connection.poll() != nil {}
            return
        }
        isDraining = true
        var taken = 0
        while taken < Self.outputsMax, let output = connection.poll() {
            taken += 1
            switch output {
            case .transmit(let datagram, let remote, let base):
                if let mux {
                    mux.port.send(datagram, to: remote, from: base, for: mux.member)
                } else if let port = ports.first(where: { $0.localAddress == base }) {
                    _ = port.send(datagram, to: remote)
                }
            case .event(let event):
                handler(event)
            }
        }
        isDraining = false
        if isClosing {
            closePorts()
            return
        }
        if let mux { mux.port.name(mux.member, connection.localUfrag) }
        arm()
    }

    private func arm() {
        let deadline = connection.deadline
        if let armed {
            guard armed.time != deadline else { return }
            loop.cancel(armed.token)
            self.armed = nil
        }
        guard let deadline else { return }
        let token = loop.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.armed = nil
            self.update { connection, now in connection.tick(at: now) }
        }
        armed = (deadline, token)
    }
}
