// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import Net
import Testing
import WebRTC

@testable import Transport

/// Many connections on one port.
@Suite(.timeLimit(.minutes(5))) struct UDPMuxTests {
    /// A client with a port of its own and a server's side on the shared one. Loop's thread only.
    final class Pair {
        let client: PeerDriver
        let server: PeerDriver
        var received: [UInt8] = []
        var channel: PeerChannelID?
        private let onMessage: () -> Void

        init?(_ number: UInt8, on loop: Loop, port: UDPMux, onMessage: @escaping () -> Void) {
            self.onMessage = onMessage
            guard let certificate = try? DTLSCertificate(at: Loop.wallClock) else { return nil }
            let clock = NTPMapping(loop.now, is: Loop.wallClock)
            var heard: ((PeerEvent) -> Void)?
            client = PeerDriver(
                PeerConnection(
                    role: .offerer, certificate: certificate, clock: clock, random: SecureRandom()),
                on: loop
            ) { _ in }
            server = PeerDriver(
                PeerConnection(
                    role: .answerer, certificate: certificate, clock: clock, random: SecureRandom()),
                on: loop
            ) { heard?($0) }
            heard = { [weak self] event in
                if case .channelMessage(_, let bytes, _) = event {
                    self?.received += bytes
                    onMessage()
                }
            }
            guard server.join(port), client.openPorts(on: [.loopback]) == 1 else { return nil }
            channel = client.update { connection, now in
                try? connection.openChannel(label: "c", at: now)
            }
            connect(number)
        }

        private func connect(_ number: UInt8) {
            guard
                let offer = client.update({ connection, now in
                    try? connection.createOffer(at: now)
                }),
                let answer = server.update({ connection, now in
                    try? connection.setRemoteDescription(offer, at: now)
                    return try? connection.createAnswer(at: now)
                })
            else { return }
            client.update { connection, now in
                try? connection.setRemoteDescription(answer, at: now)
                if let channel { try? connection.send([number], on: channel, at: now) }
            }
        }

        func close() {
            client.close()
            server.close()
        }
    }

    /// State of one run, on its loop.
    final class World {
        var port: UDPMux?
        var pairs: [Pair] = []
    }

    @Test func everyConnectionGetsItsOwnDatagrams() async throws {
        let loop = try Loop(name: "mux")
        try loop.start()
        defer { loop.stop() }
        // SAFETY: touched on the loop alone.
        nonisolated(unsafe) let world = World()
        let count = 8
        let received: [[UInt8]] = await withCheckedContinuation { continuation in
            loop.post {
                // SAFETY: resumed once, on the loop.
                nonisolated(unsafe) var waiting: CheckedContinuation<[[UInt8]], Never>? =
                    continuation
                guard let port = try? UDPMux(on: loop, bindingTo: [.loopback, .loopbackV6]) else {
                    waiting?.resume(returning: [])
                    return
                }
                world.port = port
                for number in 0..<count {
                    let pair = Pair(UInt8(number), on: loop, port: port) {
                        guard world.pairs.allSatisfy({ !$0.received.isEmpty }),
                            world.pairs.count == count
                        else { return }
                        waiting?.resume(returning: world.pairs.map(\.received))
                        waiting = nil
                    }
                    if let pair { world.pairs.append(pair) }
                }
            }
        }
        #expect(received == (0..<count).map { [UInt8($0)] })
        let (members, counts) = await loop.run {
            for pair in world.pairs { pair.close() }
            defer { world.port?.close() }
            return (world.port?.memberCount, world.port?.counts)
        }
        #expect(members == 0)
        #expect(counts?.refused == 0)
    }

    /// A member of a port who takes no request for authentic, on a loop of its own; then what came to
    /// it, what was refused, and what came from strangers.
    private func counts(
        after body: @escaping @Sendable (UDPMux, UDPMux.Member, SocketAddress) -> Void
    ) async throws -> [UInt64] {
        let loop = try Loop(name: "mux")
        try loop.start()
        defer { loop.stop() }
        return await loop.run { () -> [UInt64] in
            guard let port = try? UDPMux(on: loop, bindingTo: [.loopback]) else { return [] }
            defer { port.close() }
            var delivered: UInt64 = 0
            let member = port.join { _, _, _ in
                delivered += 1
            } isAuthentic: { _ in
                false
            }
            guard let member, let local = port.localAddresses.first else { return [] }
            body(port, member, local)
            return [delivered, port.counts.refused, port.counts.strangers]
        }
    }

    @Test func aRequestWithoutTheRightSignatureTakesNothingOver() async throws {
        let counts = try await counts { port, member, local in
            port.name(member, "abcd")
            let stranger = SocketAddress(.loopback, port: 9)
            var request = STUNMessage(
                kind: .request, transactionID: STUNTransactionID(high: 1, low: 2))
            request.username = Array("abcd:efgh".utf8)
            port.received(request.encoded(), from: stranger, on: local.ip)
            request.username = Array("none:efgh".utf8)
            port.received(request.encoded(), from: stranger, on: local.ip)
            port.received([20, 1, 2], from: stranger, on: local.ip)
        }
        #expect(counts == [0, 2, 1])
    }

    @Test func checksOfOtherAddressesDoNotPushOutTheOneInUse() async throws {
        let counts = try await counts { port, member, local in
            // Nobody listens in 127.9.0.0/16.
            let remotes = (0..<UInt32(ICEConfiguration.remotesMax)).map {
                SocketAddress(.v4(0x7F09_0000 | $0), port: 9)
            }
            for remote in remotes {
                port.send([0, 1], to: remote, from: local, for: member)
            }
            for remote in remotes { port.received([20, 1, 2], from: remote, on: local.ip) }
        }
        #expect(counts == [UInt64(ICEConfiguration.remotesMax), 0, 0])
    }
}
