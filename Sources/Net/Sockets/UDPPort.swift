// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux

/// A UDP socket on a loop: datagrams in by callback, out without waiting.
///
/// Loop's thread only. Lives until `close`: the loop holds it. One peer connection has one port,
/// bound to the address that the route to its server gives (`localAddress(toward:)`), so that the
/// source of what we send is known without ancillary data.
public final class UDPPort {
    /// What happened to datagrams, since the port was opened.
    public struct Counts: Hashable, Sendable {
        /// Handed to the kernel.
        public var sent: UInt64 = 0
        /// Taken from the kernel and passed on.
        public var received: UInt64 = 0
        /// Not sent: the send buffer was full (EAGAIN, ENOBUFS).
        public var droppedFull: UInt64 = 0
        /// Not sent: larger than the path's known MTU (EMSGSIZE).
        public var droppedTooLong: UInt64 = 0
        /// Not sent for another reason: no route, a firewall, a refusal twice in a row.
        public var droppedOther: UInt64 = 0
        /// ICMP port unreachable seen, on a send or a receive.
        ///
        /// A hint only.
        public var refusals: UInt64 = 0
        /// Not passed on: came from elsewhere, before `connect`.
        public var strangers: UInt64 = 0
        /// Not passed on: longer than `maxDatagram`.
        public var truncated: UInt64 = 0
    }

    /// Longer than any datagram of WebRTC over Ethernet, jumbo frames apart, which nobody sends.
    public static let maxDatagram = 2048
    /// Datagrams read per round: one busy socket does not hold up the others.
    static let maxReceives = 8
    /// Ports tried in a range: 4 ms at worst, while the media thread waits.
    static let maxBinds = 1024
    /// Expedited forwarding, RFC 3246, what RFC 8837 section 5 asks for interactive audio.
    public static let expeditedForwarding: Int32 = 184

    /// What was counted so far.
    public private(set) var counts = Counts()
    /// Where the port is bound.
    public let localAddress: SocketAddress
    /// Where it is connected to; nil before `connect`.
    public private(set) var remoteAddress: SocketAddress?

    private let loop: Loop
    private(set) var descriptor: Int32
    private var registration: Registration?
    private var receive: (([UInt8], SocketAddress) -> Void)?

    /// Opens, binds and watches a port.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - ip: the local address; an IPv6 port never takes the IPv4 port of the same number.
    ///   - ports: tried from a random one on; nil lets the kernel choose.
    ///   - trafficClass: of IP_TOS or IPV6_TCLASS.
    ///   - receiveBuffer: bytes that the kernel may hold for us, as far as it allows; nil leaves
    ///     its default, which is enough for one peer.
    ///   - receive: called for each datagram, with its source.
    /// - Throws: EADDRINUSE when no port of the range is free, EADDRNOTAVAIL when the address is
    ///   not ours, EMFILE.
    public init(
        on loop: Loop, bindingTo ip: IPAddress, ports: ClosedRange<UInt16>? = nil,
        trafficClass: Int32 = expeditedForwarding, receiveBuffer: Int32? = nil,
        receive: @escaping ([UInt8], SocketAddress) -> Void
    ) throws(SystemError) {
        loop.assertOnLoop()
        self.loop = loop
        self.receive = receive
        let descriptor = clinux_socket(ip.isV6 ? 1 : 0, Int32(SOCK_DGRAM.rawValue))
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: -descriptor) }
        self.descriptor = descriptor
        do throws(SystemError) {
            clinux_set_datagram_options(descriptor, ip.isV6 ? 1 : 0, trafficClass)
            if let receiveBuffer {
                _ = clinux_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer)
            }
            try Self.bind(descriptor, ip, ports)
            localAddress = try SocketAddress(localOf: descriptor)
        } catch {
            CLinux.close(descriptor)
            throw error
        }
        do throws(SystemError) {
            registration = try loop.register(descriptor, for: .read) { _ in self.read() }
        } catch {
            close()
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { CLinux.close(descriptor) }
    }

    private static func bind(
        _ descriptor: Int32, _ ip: IPAddress, _ ports: ClosedRange<UInt16>?
    ) throws(SystemError) {
        let ports = ports ?? 0...0
        let start = Int.random(in: 0..<ports.count)
        var code: Int32 = 0
        for step in 0..<min(ports.count, maxBinds) {
            let offset = (start + step) % ports.count
            var raw = SocketAddress(ip, port: ports.lowerBound + UInt16(offset)).raw
            code = clinux_bind(descriptor, &raw)
            if code != -EADDRINUSE { break }
        }
        guard code == 0 else { throw SystemError(call: "bind", code: -code) }
    }

    /// Sends to `remote` and takes from it alone from now on; calling it again changes the remote.
    ///
    /// The local port stays. What others sent before and is still queued is dropped and counted.
    /// Saves 5 % of a send, so for the nominated pair; not while the remote may roam.
    public func connect(to remote: SocketAddress) throws(SystemError) {
        guard descriptor >= 0 else { throw SystemError(call: "connect", code: EBADF) }
        var raw = remote.raw
        let code = clinux_connect(descriptor, &raw)
        guard code == 0 else { throw SystemError(call: "connect", code: -code) }
        remoteAddress = remote
    }

    /// Sends one datagram, at once or never.
    ///
    /// - Returns: whether the kernel took it. If not, `counts` tells why; nothing is queued here,
    ///   because a late media packet is worth nothing and the protocols above repeat the others.
    @discardableResult
    public func send(_ datagram: [UInt8], to address: SocketAddress) -> Bool {
        var result = sendOnce(datagram, to: address)
        if result == -Int(ECONNREFUSED) || result == -Int(EINTR) {
            // An ICMP answer to an earlier datagram was waiting: this one was not sent.
            if result == -Int(ECONNREFUSED) { counts.refusals += 1 }
            result = sendOnce(datagram, to: address)
        }
        switch -result {
        case ...0:
            counts.sent += 1
            return true
        case Int(EAGAIN), Int(ENOBUFS): counts.droppedFull += 1
        case Int(EMSGSIZE): counts.droppedTooLong += 1
        default: counts.droppedOther += 1
        }
        return false
    }

    private func sendOnce(_ datagram: [UInt8], to address: SocketAddress) -> Int {
        if address == remoteAddress {
            return clinux_send(descriptor, datagram, datagram.count, nil)
        }
        var raw = address.raw
        return clinux_send(descriptor, datagram, datagram.count, &raw)
    }

    /// Ends the port.
    ///
    /// The callback is not called again; later sends fail.
    public func close() {
        guard descriptor >= 0 else { return }
        if let registration { loop.deregister(registration) }
        registration = nil
        CLinux.close(descriptor)
        descriptor = -1
        receive = nil
    }

    private func read() {
        for _ in 0..<Self.maxReceives {
            // The callback may have closed the port.
            guard let receive, descriptor >= 0 else { return }
            var raw = clinux_address()
            let count = clinux_receive_datagram(
                descriptor, &loop.scratch, Self.maxDatagram, &raw)
            switch count {
            case -Int(EAGAIN): return
            case -Int(ECONNREFUSED): counts.refusals += 1
            case ..<0: continue  // EINTR, or an ICMP error that reading has cleared
            case (Self.maxDatagram + 1)...: counts.truncated += 1
            default:
                let source = SocketAddress(raw)
                if let remoteAddress, source != remoteAddress {
                    counts.strangers += 1
                } else {
                    counts.received += 1
                    receive(Array(loop.scratch[..<count]), source)
                }
            }
        }
    }

    /// The source address that the kernel's route to `remote` gives; nil without a route.
    public static func localAddress(toward remote: SocketAddress) -> IPAddress? {
        let descriptor = clinux_socket(remote.ip.isV6 ? 1 : 0, Int32(SOCK_DGRAM.rawValue))
        guard descriptor >= 0 else { return nil }
        defer { CLinux.close(descriptor) }
        var raw = remote.raw
        // Port 0 cannot be connected to; any other gives the same route.
        if raw.port == 0 { raw.port = 9 }
        guard clinux_connect(descriptor, &raw) == 0 else { return nil }
        return (try? SocketAddress(localOf: descriptor))?.ip
    }
}
