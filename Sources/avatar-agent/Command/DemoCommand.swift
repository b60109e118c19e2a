// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import DevServer
internal import Net
internal import Telemetry
internal import TokenIssuer

/// `avatar-agent demo`: room server, HTTP service and agent in one process, on loopback.
struct DemoCommand {
    private let configuration: Configuration
    private let room: DevServer.Settings

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        var configuration = configuration
        if let port = try arguments.integer("--http-port", in: 0...65_535) {
            configuration.port = UInt16(port)
        }
        configuration.address = .loopback
        // Nobody but this machine reaches it, whatever a file says about other places.
        configuration.issuer.bearerKeys = []
        self.configuration = configuration
        room = try RoomServerCommand.settings(arguments, configuration)
    }

    func run() async throws -> ExitCode {
        let runtime = try await Runtime(configuration)
        do {
            try await serve(in: runtime)
        } catch {
            await runtime.stop()
            throw error
        }
        await runtime.stop()
        return .ok
    }

    private func serve(in runtime: Runtime) async throws {
        let server = try await RoomServerCommand.start(
            room, media: runtime.media, web: runtime.web, log: runtime.log)
        var configuration = configuration
        configuration.url = RoomServerCommand.url(of: server)
        configuration.issuer.publicURL = configuration.url
        let service: HTTPService
        do {
            service = try await HTTPService(
                configuration, in: runtime, portOption: "--http-port", alsoAt: .loopbackV6)
        } catch {
            await server.stop()
            throw error
        }
        write(Self.greeting(configuration, service.address), to: standardOutput)
        await runtime.untilAskedToEnd()
        await service.stop()
        await server.stop()
    }

    private static func greeting(_ configuration: Configuration, _ http: SocketAddress) -> String {
        let base = "http://\(http)"
        let isKnown = configuration.key == Configuration().key
        let keys = isKnown ? "  (key devkey, secret secret)" : ""
        return """
            avatar-agent demo is up.

              room server   \(configuration.url)\(keys)
              HTTP service  \(base)

            Open a session and make it speak; the answer has a url and a token for any LiveKit
            client, and the words wait until one has joined:

              S=$(curl -s -X POST \(base)/session-live); echo "$S"; curl -s -X POST \
            \(base)/session-live/$(echo "$S" | grep -o '"session_id":"[^"]*' | cut -d'"' -f4)/speak \
            -d '{"text":"Hello, I can speak."}'

            Ctrl-C ends it.
            """
    }
}
