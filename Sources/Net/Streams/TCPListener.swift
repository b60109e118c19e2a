// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux

/// A listening TCP socket on a loop.
///
/// Loop's thread only. The loop holds it until `close`. When descriptors run out it stops to accept
/// for a while: a level-triggered loop would spin on a connection that it cannot take.
public final class TCPListener {
    /// Connections taken per round.
    static let maxAccepts = 16
    /// How long to leave the backlog alone when descriptors ran out.
    static let pause = Duration.milliseconds(100)
    /// Connections that wait for `accept`; the kernel cuts it to net.core.somaxconn.
    public static let defaultBacklog: Int32 = 4096

    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    public let localAddress: SocketAddress
    /// How often accepting paused because descriptors ran out.
    public private(set) var pauses = 0

    /// accept4, in the product; tests let it run out of descriptors without running out of them.
    var accept: (Int32, inout clinux_address) -> Int32 = { clinux_accept($0, &$1) }

    private let loop: Loop
    private var descriptor: Int32
    private var registration: Registration?
    private var deadline: DeadlineToken?
    private var onConnection: ((Int32, SocketAddress) -> Void)?

    /// Binds, listens and accepts.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - address: where; port 0 lets the kernel choose. IPv6 never takes the IPv4 port too.
    ///   - backlog: connections that wait for us.
    ///   - onConnection: gets each connection's descriptor, non-blocking, and owns it from then on.
    /// - Throws: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE.
    public init(
        on loop: Loop, bindingTo address: SocketAddress, backlog: Int32 = defaultBacklog,
        onConnection: @escaping (Int32, SocketAddress) -> Void
    ) throws(SystemError) {
        loop.assertOnLoop()
        self.loop = loop
        self.onConnection = onConnection
        (descriptor, localAddress) = try Self.listeningSocket(at: address, backlog: backlog)
        do throws(SystemError) {
            try watch()
        } catch {
            close()
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { CLinux.close(descriptor) }
    }

    /// A bound, listening, non-blocking socket for a library that accepts by itself.
    ///
    /// - Parameters:
    ///   - address: where; port 0 lets the kernel choose.
    ///   - backlog: connections that wait for `accept`.
    /// - Returns: the descriptor, the caller's to close, and where it listens.
    /// - Throws: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE.
    public static func listeningSocket(
        at address: SocketAddress, backlog: Int32 = defaultBacklog
    ) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        let descriptor = clinux_socket(address.ip.isV6 ? 1 : 0, Int32(SOCK_STREAM.rawValue))
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: -descriptor) }
        do throws(SystemError) {
            // A restart must not wait for the last run's connections in TIME_WAIT.
            _ = clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            var raw = address.raw
            let code = clinux_bind(descriptor, &raw)
            guard code == 0 else { throw SystemError(call: "bind", code: -code) }
            guard listen(descriptor, backlog) == 0 else {
                throw SystemError(errnoAfter: "listen")
            }
            return (descriptor, try SocketAddress(localOf: descriptor))
        } catch {
            CLinux.close(descriptor)
            throw error
        }
    }

    /// Stops to listen.
    ///
    /// Connections that were handed out stay.
    public func close() {
        onConnection = nil
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        guard descriptor >= 0 else { return }
        if let registration { loop.deregister(registration) }
        registration = nil
        CLinux.close(descriptor)
        descriptor = -1
    }

    private func watch() throws(SystemError) {
        registration = try loop.register(descriptor, for: .read) { _ in self.acceptSome() }
    }

    private func acceptSome() {
        for _ in 0..<Self.maxAccepts {
            guard let onConnection, descriptor >= 0 else { return }
            var raw = clinux_address()
            let accepted = accept(descriptor, &raw)
            switch -accepted {
            case ...0: onConnection(accepted, SocketAddress(raw))
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest()
            // The connection died in the backlog, or a signal came: on with the next one.
            default: continue
            }
        }
    }

    private func rest() {
        pauses += 1
        if let registration { loop.deregister(registration) }
        registration = nil
        deadline = loop.schedule(at: loop.now + Self.pause) {
            self.deadline = nil
            do throws(SystemError) {
                try self.watch()
            } catch {
                self.rest()
            }
        }
    }
}
