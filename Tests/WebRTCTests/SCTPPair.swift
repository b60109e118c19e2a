// SPDX-License-Identifier: Apache-2.0
import Base

@testable import WebRTC

/// Two associations on a wire without loss, in virtual time.
struct SCTPPair {
    var client: SCTPAssociation
    var server: SCTPAssociation
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What each side told its application.
    var clientEvents: [SCTPAssociation.Output] = []
    var serverEvents: [SCTPAssociation.Output] = []
    /// Packets in the order of sending; `isFromClient` and the bytes.
    var transcript: [(isFromClient: Bool, bytes: [UInt8])] = []
    /// One-way delay of the wire.
    var delay: Duration = .milliseconds(5)
    /// Whether a packet is swallowed: its number from 0 in its direction, from the client or not.
    var swallows: (_ isFromClient: Bool, _ packet: SCTPPacket) -> Bool = { _, _ in false }

    private var wire: [(due: Instant, isFromClient: Bool, bytes: [UInt8])] = []

    init(
        seed: UInt64 = 1, client: SCTPConfiguration = .init(), server: SCTPConfiguration = .init()
    ) {
        self.client = SCTPAssociation(
            dtlsRole: .client, seed: seed, configuration: client)
        self.server = SCTPAssociation(
            dtlsRole: .server, seed: seed &+ 1000, configuration: server)
    }

    /// Starts both and lets the handshake run.
    mutating func connect() {
        client.start(at: now)
        server.start(at: now)
        run(for: .milliseconds(100))
    }

    /// Lets time pass.
    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            drain()
            var next = soonest(client.deadline, server.deadline)
            next = soonest(next, wire.map(\.due).min())
            guard let next, next <= end else { break }
            now = max(now, next)
            if let index = wire.firstIndex(where: { $0.due <= now }) {
                let packet = wire.remove(at: index)
                if packet.isFromClient {
                    server.receive(packet.bytes, at: now)
                } else {
                    client.receive(packet.bytes, at: now)
                }
            } else {
                client.tick(at: now)
                server.tick(at: now)
            }
        }
        now = end
    }

    /// Takes all outputs of both.
    mutating func drain() {
        while let output = client.poll() { took(output, isFromClient: true) }
        while let output = server.poll() { took(output, isFromClient: false) }
    }

    private mutating func took(_ output: SCTPAssociation.Output, isFromClient: Bool) {
        guard case .transmit(let bytes) = output else {
            if isFromClient { clientEvents.append(output) } else { serverEvents.append(output) }
            return
        }
        transcript.append((isFromClient, bytes))
        if let packet = try? SCTPPacket(parsing: bytes), swallows(isFromClient, packet) { return }
        wire.append((now + delay, isFromClient, bytes))
    }
}

extension SCTPAssociation.Output {
    /// The bytes of a message.
    var messageBytes: [UInt8]? {
        if case .message(_, _, let bytes) = self { return bytes }
        return nil
    }
}
