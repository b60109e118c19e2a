// SPDX-License-Identifier: Apache-2.0
import Base
import CVirtualTime
import TestSupport
import WebRTC

/// A DTLS connection on the simulated network. OpenSSL's clock follows the network's while one of
/// its methods runs.
final class DTLSEndpoint: SimulatedEndpoint {
    let connection: DTLSConnection
    private(set) var keys: SRTPKeyingMaterial?
    private(set) var isConnected = false
    private(set) var isClosed = false
    private(set) var error: DTLSError?
    private(set) var received: [[UInt8]] = []
    /// Departures of datagrams, for tests of the retransmission's rhythm.
    private(set) var departures: [Instant] = []
    private(set) var connectedAt: Instant?
    private let address: SocketAddress
    private let peer: SocketAddress

    init(_ connection: DTLSConnection, at address: SocketAddress, peer: SocketAddress) {
        self.connection = connection
        self.address = address
        self.peer = peer
    }

    var deadline: Instant? { connection.deadline }

    func isReachable(at address: SocketAddress) -> Bool { address == self.address }

    func start(at now: Instant) {
        Self.atVirtualTime(now) { connection.start(at: now) }
    }

    func send(_ bytes: [UInt8], at now: Instant) throws {
        try Self.atVirtualTime(now) { try connection.send(bytes, at: now) }
    }

    func expect(_ fingerprint: DTLSFingerprint, at now: Instant) {
        Self.atVirtualTime(now) { connection.setRemoteFingerprints([fingerprint], at: now) }
    }

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        Self.atVirtualTime(now) { connection.receive(datagram.bytes, at: now) }
    }

    func tick(at now: Instant) {
        Self.atVirtualTime(now) { connection.tick(at: now) }
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        var datagrams: [SimulatedDatagram] = []
        while let output = connection.poll() {
            switch output {
            case .transmit(let bytes):
                datagrams.append(SimulatedDatagram(bytes, from: address, to: peer))
                departures.append(now)
            case .connected(let keys):
                self.keys = keys
                isConnected = true
                connectedAt = now
            case .data(let bytes): received.append(bytes)
            case .closed: isClosed = true
            case .failed(let error): self.error = error
            }
        }
        return datagrams
    }

    /// OpenSSL runs on this thread only while `body` does, so other tests keep their time.
    private static func atVirtualTime<Result, Failure: Error>(
        _ now: Instant, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        cvirtualtime_set_us(1_800_000_000_000_000 + Int64(now.nanoseconds / 1_000))
        defer { cvirtualtime_stop() }
        return try body()
    }
}
