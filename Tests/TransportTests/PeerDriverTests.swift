// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import Net
import Testing
import WebRTC

@testable import Transport

/// A connection on a loop.
@Suite(.timeLimit(.minutes(5))) struct PeerDriverTests {
    /// Two drivers that open a channel between them. Loop's thread only.
    final class World {
        let port: UDPMux
        var client: PeerDriver?
        var server: PeerDriver?

        init(on loop: Loop, onEvent: @escaping (World, Bool, PeerEvent) -> Void) throws {
            port = try UDPMux(on: loop, bindingTo: [.loopback])
            let certificate = try DTLSCertificate(at: Loop.wallClock)
            func driver(_ role: PeerRole) -> PeerDriver {
                PeerDriver(
                    PeerConnection(
                        role: role, certificate: certificate,
                        clock: NTPMapping(loop.now, is: Loop.wallClock), random: SecureRandom()),
                    on: loop
                ) { [weak self] event in
                    if let self { onEvent(self, role == .offerer, event) }
                }
            }
            let client = driver(.offerer)
            let server = driver(.answerer)
            self.client = client
            self.server = server
            _ = server.join(port)
            client.openPorts(on: [.loopback])
            let offer = try client.update { connection, now in
                _ = try? connection.openChannel(label: "c", at: now)
                return try connection.createOffer(at: now)
            }
            let answer = try server.update { connection, now in
                try connection.setRemoteDescription(offer, at: now)
                return try connection.createAnswer(at: now)
            }
            try client.update { connection, now in
                try connection.setRemoteDescription(answer, at: now)
            }
        }

        func close() {
            client?.close()
            server?.close()
            port.close()
        }
    }

    /// The one has ports of its own, the other a place on a shared one.
    @Test(arguments: [true, false])
    func aConnectionThatEndsItselfInItsHandlerStillTellsThePeer(isClient: Bool) async throws {
        let loop = try Loop(name: "driver")
        try loop.start()
        defer { loop.stop() }
        // SAFETY: touched on the loop alone.
        nonisolated(unsafe) var world: World?
        let failure: PeerFailure? = await withCheckedContinuation { continuation in
            loop.post {
                // SAFETY: resumed once, on the loop.
                nonisolated(unsafe) var waiting: CheckedContinuation<PeerFailure?, Never>? =
                    continuation
                do {
                    world = try World(on: loop) { world, isClientEvent, event in
                        switch event {
                        case .channelOpened where isClientEvent == isClient:
                            (isClient ? world.client : world.server)?.close()
                        case .failed(let failure) where isClientEvent != isClient:
                            waiting?.resume(returning: failure)
                            waiting = nil
                        default: break
                        }
                    }
                } catch {
                    waiting?.resume(returning: nil)
                    waiting = nil
                }
            }
        }
        #expect(failure == .closedByPeer)
        let members = await loop.run {
            world?.close()
            defer { world = nil }
            return world?.port.memberCount
        }
        #expect(members == 0)
    }
}
