// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing
import WebRTC

/// DTLS and SRTP with Pion, which LiveKit's servers are built on: another implementation of both.
@Suite(.serialized) struct DTLSPionTests {
    private static let profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1Tag80]

    @Test(arguments: [DTLSRole.client, .server], profiles) func pionShakesHandsAndReadsOurPackets(
        role: DTLSRole, profile: SRTPProfile
    ) throws {
        let socket = try LoopbackSocket()
        let pion = try PeerProgram.go(
            "pion_dtls",
            [role == .client ? "server" : "client", "\(socket.port)", "\(profile.rawValue)"])
        let ready = try pion.words()
        let port = try #require(UInt16(ready[1]))
        let fingerprint = try #require(
            DTLSFingerprint(algorithm: "sha-256", value: ready[2]))
        let certificate = try DTLSCertificate(
            at: WallClock(unixMilliseconds: 1_000 * Int64(time(nil))))
        var wire = try DTLSWire(
            DTLSConnection(
                role: role, certificate: certificate, remoteFingerprints: [fingerprint]),
            socket, port)
        let keys = try #require(try wire.connect())
        #expect(
            try pion.words() == ["connected", "\(profile.rawValue)", certificate.fingerprint.value])
        #expect(keys.profile == profile)
        #expect(wire.connection.parameters?.hasExtendedMasterSecret == true)

        #expect(try wire.echo([1, 2, 3]) == [1, 2, 3])
        #expect(try wire.echo([UInt8](repeating: 5, count: 1_200)).count == 1_200)
        let context = try SRTPContext(keys)
        for sequence in [65_534, 65_535, 0, 1] as [UInt16] {
            let packet: [UInt8] =
                [
                    0x80, 0x6F, UInt8(sequence >> 8), UInt8(sequence & 255), 0, 0, 3, 0xC0, 1, 2, 3,
                    4,
                ]
                + [UInt8](repeating: 9, count: 100)
            let answer = try wire.echo(context.protectRTP(packet))
            #expect(try context.unprotectRTP(answer) == packet)
            let report: [UInt8] = [0x80, 0xC9, 0, 1, 1, 2, 3, 4]
            let control = try wire.echo(context.protectRTCP(report))
            #expect(try context.unprotectRTCP(control) == report)
        }
        wire.close()
    }

    @Test func pionIsRefusedWithAnotherFingerprint() throws {
        let socket = try LoopbackSocket()
        let pion = try PeerProgram.go("pion_dtls", ["client", "\(socket.port)", "1"])
        let port = try #require(UInt16(try pion.words()[1]))
        let certificate = try DTLSCertificate(
            at: WallClock(unixMilliseconds: 1_000 * Int64(time(nil))))
        var wire = try DTLSWire(
            DTLSConnection(
                role: .server, certificate: certificate,
                remoteFingerprints: [certificate.fingerprint]), socket, port)
        #expect(throws: DTLSError.fingerprintMismatch) { try wire.connect() }
        #expect(try pion.words().first == "error")
    }
}

/// A connection on a socket, driven in the test's thread.
private struct DTLSWire {
    let connection: DTLSConnection
    private let socket: LoopbackSocket
    private let port: UInt16
    private var keys: SRTPKeyingMaterial?
    private var received: [[UInt8]] = []
    private var error: DTLSError?

    init(_ connection: DTLSConnection, _ socket: LoopbackSocket, _ port: UInt16) {
        self.connection = connection
        self.socket = socket
        self.port = port
    }

    mutating func connect() throws -> SRTPKeyingMaterial? {
        connection.start(at: LoopbackSocket.now)
        try run { $0.connection.state == .connected }
        return keys
    }

    /// Sends a message and gives the answer.
    mutating func echo(_ message: [UInt8]) throws -> [UInt8] {
        received = []
        try connection.send(message, at: LoopbackSocket.now)
        try run { !$0.received.isEmpty }
        return received.first ?? []
    }

    mutating func close() {
        connection.close(at: LoopbackSocket.now)
        drain()
    }

    private mutating func run(until isDone: (DTLSWire) -> Bool) throws {
        let limit = LoopbackSocket.now + .seconds(60)
        drain()
        while !isDone(self), error == nil, LoopbackSocket.now < limit {
            let deadline = min(limit, connection.deadline ?? limit)
            socket.wait(until: deadline)
            if let datagram = socket.receive() {
                connection.receive(datagram.bytes, at: LoopbackSocket.now)
            } else {
                connection.tick(at: LoopbackSocket.now)
            }
            drain()
        }
        if let error { throw error }
        #expect(isDone(self), "no answer in a minute")
    }

    private mutating func drain() {
        while let output = connection.poll() {
            switch output {
            case .transmit(let datagram): socket.send(datagram, to: port)
            case .connected(let keys): self.keys = keys
            case .data(let bytes): received.append(bytes)
            case .closed: break
            case .failed(let error): self.error = error
            }
        }
    }
}
