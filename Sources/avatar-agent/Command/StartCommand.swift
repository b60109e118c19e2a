// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import LiveKit
internal import Net
internal import Speech
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
        for (name, url) in [
            ("LIVEKIT_URL (livekit.url)", configuration.url),
            ("livekit.public_url", configuration.issuer.publicURL),
        ] {
            guard (try? SignalURL(url)) != nil else {
                throw Stop(.configuration, "\(name) must look like wss://example.com.")
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
        let operatorService: OperatorService?
        do {
            operatorService = try await service.openOperatorPort(configuration, in: runtime)
        } catch {
            await service.stop()
            await runtime.stop()
            throw error
        }
        await runtime.untilAskedToEnd()
        runtime.log.logger("http").info("ending")
        await service.stop()
        await operatorService?.stop()
        await runtime.stop()
        return .ok
    }
}

/// The HTTP service at work, and the sessions that it asked for.
struct HTTPService {
    private let servers: [HTTPServer]
    private let registry: SessionRegistry
    private let metrics = Metrics()

    /// Where it listens.
    let address: SocketAddress

    /// Listens, or says in one sentence why not.
    ///
    /// - Parameters:
    ///   - configuration: where, and for whom.
    ///   - runtime: what it runs in.
    ///   - portOption: the option that chooses another port, to be named when this one is taken.
    ///   - second: listens there too, with the same port, where the machine has that address.
    /// - Throws: `Stop` when a port is taken or the system refuses.
    init(
        _ configuration: Configuration, in runtime: Runtime, portOption: String,
        alsoAt second: IPAddress? = nil
    ) async throws {
        // Said at the start: otherwise every word of every session would fail.
        guard runtime.voices.voice(configuration.avatar.voice) != nil else {
            throw Stop(
                .configuration, "voice.id names no voice; avatar-agent voices lists them.")
        }
        let registry = SessionRegistry(
            runtime.sessions, url: configuration.url, maxSessions: configuration.maxSessions,
            log: runtime.log.logger("session"))
        let issuer = Issuer(settings: configuration.issuer, sessions: registry) { Loop.wallClock }
        let address = SocketAddress(configuration.address, port: configuration.port)
        var settings = issuer.serverSettings
        let proxies = configuration.issuer.trustedProxies
        let requests = RequestLog(metrics: metrics, log: runtime.log.logger("http")) { record in
            proxies.client(of: record.remoteAddress.ip, forwardedFor: record.forwardedFor)
        }
        settings.observe = { requests($0) }
        func listen(at address: SocketAddress) async throws(HTTPServer.StartError) -> HTTPServer {
            let server = try HTTPServer(
                on: runtime.web, at: address, routes: issuer.routes, settings: settings)
            try await server.start()
            return server
        }
        var place = address
        var servers: [HTTPServer] = []
        do throws(HTTPServer.StartError) {
            let server = try await listen(at: place)
            servers.append(server)
            if let second {
                place = SocketAddress(second, port: server.address.port)
                do throws(HTTPServer.StartError) {
                    servers.append(try await listen(at: place))
                } catch {
                    // A machine without IPv6 lacks nothing that anybody here asks for.
                    guard case .system = error else { throw error }
                }
            }
        } catch {
            for server in servers { await server.stop(within: .zero) }
            throw Self.stop(error, place, portOption)
        }
        self.address = servers[0].address
        self.servers = servers
        self.registry = registry
        for server in servers {
            runtime.log.logger("http").info(
                "listening",
                ["address": .of(server.address), "livekit": .url(configuration.url)])
        }
    }

    /// Opens the operator's port, if there is to be one.
    ///
    /// The default port may be another program's, a second agent's perhaps: then there is none, and
    /// the log says so. One that was asked for must be free.
    func openOperatorPort(
        _ configuration: Configuration, in runtime: Runtime
    ) async throws -> OperatorService? {
        guard let port = configuration.operatorPort else { return nil }
        let address = SocketAddress(configuration.operatorAddress, port: port)
        do throws(HTTPServer.StartError) {
            return try await OperatorService(
                at: address, in: runtime, metrics: metrics, registry: registry)
        } catch {
            if error == .addressInUse, !configuration.isOperatorPortChosen {
                runtime.log.logger("http").warning(
                    "no operator's port: another program has it", ["address": .of(address)])
                return nil
            }
            throw Self.stop(error, address, "--operator-port")
        }
    }

    /// Stops to listen and ends all sessions.
    func stop() async {
        for server in servers { await server.stop(within: .seconds(2)) }
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
