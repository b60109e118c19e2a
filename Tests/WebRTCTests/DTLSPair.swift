// SPDX-License-Identifier: Apache-2.0
import Base

@testable import WebRTC

/// Two connections that hand each other every datagram at once.
struct DTLSPair {
    struct Side {
        let connection: DTLSConnection
        var keys: SRTPKeyingMaterial?
        var received: [[UInt8]] = []
        var sent: [[UInt8]] = []
        var error: DTLSError?
        var isConnected = false
        var isClosed = false
    }

    static let now = WallClock(unixMilliseconds: 1_800_000_000_000)
    /// One for all tests that do not care: making one costs a millisecond.
    static let alice = try! DTLSCertificate(at: now)
    static let bob = try! DTLSCertificate(at: now)

    var client: Side
    var server: Side
    static let start = Instant.zero + .seconds(1)
    var time = start
    /// Sees each datagram on its way; nil drops it.
    var wire: (DTLSRole, [UInt8]) -> [UInt8]? = { $1 }

    init(
        client: DTLSConfiguration = DTLSConfiguration(),
        server: DTLSConfiguration = DTLSConfiguration(),
        clientExpects: [DTLSFingerprint]? = [bob.fingerprint],
        serverExpects: [DTLSFingerprint]? = [alice.fingerprint]
    ) throws {
        self.client = Side(
            connection: try DTLSConnection(
                role: .client, certificate: Self.alice, remoteFingerprints: clientExpects,
                configuration: client))
        self.server = Side(
            connection: try DTLSConnection(
                role: .server, certificate: Self.bob, remoteFingerprints: serverExpects,
                configuration: server))
    }

    mutating func connect() {
        server.connection.start(at: time)
        client.connection.start(at: time)
        exchange()
    }

    /// Hands datagrams over until both are silent.
    mutating func exchange() {
        while true {
            let fromClient = Self.drain(&client)
            for datagram in fromClient {
                guard let datagram = wire(.client, datagram) else { continue }
                server.connection.receive(datagram, at: time)
            }
            let fromServer = Self.drain(&server)
            for datagram in fromServer {
                guard let datagram = wire(.server, datagram) else { continue }
                client.connection.receive(datagram, at: time)
            }
            if fromClient.isEmpty, fromServer.isEmpty { return }
        }
    }

    static func drain(_ side: inout Side) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        while let output = side.connection.poll() {
            switch output {
            case .transmit(let datagram): datagrams.append(datagram)
            case .connected(let keys):
                side.isConnected = true
                side.keys = keys
            case .data(let bytes): side.received.append(bytes)
            case .closed: side.isClosed = true
            case .failed(let error): side.error = error
            }
        }
        side.sent += datagrams
        return datagrams
    }
}
