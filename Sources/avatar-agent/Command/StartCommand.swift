// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit
internal import Net
internal import Telemetry
internal import TokenIssuer
internal import Web

/// `avatar-agent start`: serves HTTP until it is asked to end.
struct StartCommand {
    private let configuration: Configuration

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        self.configuration = configuration
        // Nothing but the address protects an open service.
        guard configuration.address.isLoopback || !configuration.issuer.bearerKeys.isEmpty else {
            throw Stop(
                .configuration,
                "http.address \(configuration.address) is not loopback: set http.bearer_keys or "
                    + "AVATAR_KEY first.")
        }
        // Said at the start: otherwise every call would fail, and every client of a wrong public URL.
        for url in [configuration.url, configuration.issuer.publicURL] {
            guard (try? SignalURL(url)) != nil else {
                throw Stop(
                    .configuration,
                    "LIVEKIT_URL (livekit.url) and livekit.public_url must look like "
                        + "wss://example.com.")
            }
        }
    }

    func run() async throws -> ExitCode {
        let runtime = try await Runtime(configuration)
        let service: HTTPService
        do {
            service = try await HTTPService(configuration, in: runtime, portOption: "--port")
        } catch {
            await runtime.stop()
            throw error
        }
        await runtime.untilAskedToEnd()
        runtime.log.logger("http").info("ending")
        await service.stop()
        await runtime.stop()
        return .ok
    }
}

/// The HTTP service at work, and the sessions that it asked for.
struct HTTPService {
    private let server: HTTPServer
    private let registry: SessionRegistry

    /// Where it listens.
    var address: SocketAddress { server.address }

    /// Listens, or says in one sentence why not.
    init(_ configuration: Configuration, in runtime: Runtime, portOption: String) async throws {
        let registry = SessionRegistry(
            runtime.sessions, url: configuration.url, maxSessions: configuration.maxSessions,
            log: runtime.log.logger("session"))
        let issuer = Issuer(settings: configuration.issuer, sessions: registry) { Loop.wallClock }
        let address = SocketAddress(configuration.address, port: configuration.port)
        do throws(HTTPServer.StartError) {
            server = try HTTPServer(
                on: runtime.web, at: address, routes: issuer.routes,
                settings: issuer.serverSettings)
            try await server.start()
        } catch {
            throw Self.stop(error, address, portOption)
        }
        self.registry = registry
        runtime.log.logger("http").info(
            "listening",
            ["address": .of(server.address), "livekit": .url(configuration.url)])
    }

    /// Stops to listen and ends all sessions.
    func stop() async {
        await server.stop(within: .seconds(2))
        await registry.endAll()
    }

    private static func stop(
        _ error: HTTPServer.StartError, _ address: SocketAddress, _ option: String
    ) -> Stop {
        switch error {
        case .addressInUse:
            Stop(.unavailable, "\(address) is taken by another program; choose another \(option).")
        case .system(let error): Stop(.unavailable, "cannot listen on \(address): \(error).")
        case .library: Stop(.internalError, "the HTTP server could not be started.")
        }
    }
}
