// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux

/// A TCP connection on a loop: frames in by callback, bytes out through a bounded buffer.
///
/// Loop's thread only. The loop holds it until it is closed. Every connection tells exactly one
/// `closed` as its last event, unless its owner calls `close`, after which it tells nothing.
public final class TCPConnection {
    /// What a connection tells its owner.
    public enum Event: Hashable, Sendable {
        /// Connected; only for connections of ours.
        case opened
        /// A frame (with `Framing.none`: some bytes).
        case received([UInt8])
        /// The peer sends no more.
        ///
        /// We still may; `finish` when done.
        case peerFinished
        /// All bytes that waited went to the kernel: there is room again.
        case drained
        /// It is over; nil if both sides finished in order.
        case closed(SystemError?)
    }

    /// A peer that reads nothing costs at most so much: a second of 2 Mb/s.
    public static let defaultOutputCapacity = 256 * 1024

    /// The other end.
    public let remoteAddress: SocketAddress
    /// Our end; nil while connecting.
    public private(set) var localAddress: SocketAddress?

    private let loop: Loop
    private let framing: Framing
    private let outputCapacity: Int
    private var onEvent: ((Event) -> Void)?
    private var connecting: (descriptor: Int32, registration: Registration?)?
    private var deadline: DeadlineToken?
    private var stream: ByteStream?

    /// Starts to connect.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - remote: where to.
    ///   - local: the address to come from; nil lets the kernel choose.
    ///   - limit: until `opened`, else `closed` with ETIMEDOUT.
    ///   - framing: how the peer's bytes are cut.
    ///   - outputCapacity: bytes that may wait for the peer.
    ///   - onEvent: called on the loop, never from within this initialiser.
    /// - Throws: what the kernel refuses at once: no descriptor, no route.
    public convenience init(
        on loop: Loop, to remote: SocketAddress, from local: IPAddress? = nil, limit: Duration,
        framing: Framing = .none, outputCapacity: Int = defaultOutputCapacity,
        onEvent: @escaping (Event) -> Void
    ) throws(SystemError) {
        self.init(loop, remote, framing, outputCapacity, onEvent)
        let descriptor = clinux_socket(remote.ip.isV6 ? 1 : 0, Int32(SOCK_STREAM.rawValue))
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: -descriptor) }
        connecting = (descriptor, nil)
        do throws(SystemError) {
            if let local {
                var raw = SocketAddress(local, port: 0).raw
                let code = clinux_bind(descriptor, &raw)
                guard code == 0 else { throw SystemError(call: "bind", code: -code) }
            }
            var raw = remote.raw
            let code = clinux_connect(descriptor, &raw)
            guard code == 0 || code == -EINPROGRESS else {
                throw SystemError(call: "connect", code: -code)
            }
            let registration = try loop.register(descriptor, for: .write) { _ in self.connected() }
            connecting = (descriptor, registration)
        } catch {
            close()
            throw error
        }
        deadline = loop.schedule(at: loop.now + limit) {
            self.end(SystemError(call: "connect", code: ETIMEDOUT))
        }
    }

    /// Takes over a connected, non-blocking socket, as a `TCPListener` gives it.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - descriptor: ours from now on, also when this throws.
    ///   - remote: the other end.
    ///   - framing: how the peer's bytes are cut.
    ///   - outputCapacity: bytes that may wait for the peer.
    ///   - onEvent: called on the loop, never from within this initialiser.
    /// - Throws: what the kernel refuses.
    public convenience init(
        on loop: Loop, adopting descriptor: Int32, remote: SocketAddress,
        framing: Framing = .none, outputCapacity: Int = defaultOutputCapacity,
        onEvent: @escaping (Event) -> Void
    ) throws(SystemError) {
        self.init(loop, remote, framing, outputCapacity, onEvent)
        try open(descriptor)
    }

    private init(
        _ loop: Loop, _ remote: SocketAddress, _ framing: Framing, _ outputCapacity: Int,
        _ onEvent: @escaping (Event) -> Void
    ) {
        loop.assertOnLoop()
        self.loop = loop
        self.framing = framing
        self.outputCapacity = outputCapacity
        self.onEvent = onEvent
        remoteAddress = remote
    }

    deinit {
        if let connecting { CLinux.close(connecting.descriptor) }
    }

    /// Bytes that wait for the peer to read.
    public var pendingBytes: Int { stream?.pendingBytes ?? 0 }

    /// Sends bytes, as they are: framing outwards is the caller's.
    ///
    /// - Returns: false if they do not fit into the buffer, the connection is not open (yet), or
    ///   was finished; then none of them goes out.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        stream?.send(bytes) ?? false
    }

    /// Ends our direction after what was sent; the peer may go on.
    public func finish() {
        stream?.finish()
    }

    /// Leaves further input in the kernel, so that the peer has to wait.
    public func pauseReading() {
        stream?.pause()
    }

    /// Reads on.
    public func resumeReading() {
        stream?.resume()
    }

    /// Ends everything at once; what waits is lost.
    ///
    /// No event comes after it.
    public func close() {
        onEvent = nil
        stream?.close()
        stream = nil
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        guard let connecting else { return }
        if let registration = connecting.registration { loop.deregister(registration) }
        CLinux.close(connecting.descriptor)
        self.connecting = nil
    }

    private func connected() {
        guard let (descriptor, registration) = connecting else { return }
        let code = clinux_get_option(descriptor, SOL_SOCKET, SO_ERROR)
        guard code == 0 else { return end(SystemError(call: "connect", code: abs(code))) }
        if let registration { loop.deregister(registration) }
        connecting = nil
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        do throws(SystemError) {
            try open(descriptor)
        } catch {
            return end(error)
        }
        onEvent?(.opened)
    }

    private func open(_ descriptor: Int32) throws(SystemError) {
        // Small frames must not wait for the peer's acknowledgement.
        _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        stream = try ByteStream(
            on: loop, adopting: descriptor, isSocket: true, directions: [.read, .write],
            framing: framing, outputCapacity: outputCapacity, owner: self
        ) { [weak self] in self?.handle($0) }
        localAddress = try? SocketAddress(localOf: descriptor)
    }

    private func handle(_ event: ByteStream.Event) {
        switch event {
        case .received(let frame): onEvent?(.received(frame))
        case .ended: onEvent?(.peerFinished)
        case .drained: onEvent?(.drained)
        case .failed(let error): end(error)
        }
    }

    private func end(_ error: SystemError?) {
        let tell = onEvent
        close()
        tell?(.closed(error))
    }
}
