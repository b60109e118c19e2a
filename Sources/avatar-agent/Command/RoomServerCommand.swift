// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import DevServer
internal import LiveKit
internal import Net
internal import Telemetry
internal import WebRTC

/// `avatar-agent room-server`: a LiveKit-compatible room server for this machine.
struct RoomServerCommand {
    private let configuration: Configuration
    private let settings: DevServer.Settings

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        self.configuration = configuration
        settings = try Self.settings(arguments, configuration)
    }

    /// Where a room server listens and for whom, by a command's options.
    static func settings(
        _ arguments: Arguments, _ configuration: Configuration
    ) throws -> DevServer.Settings {
        var settings = DevServer.Settings(keys: [configuration.key])
        if let port = try arguments.integer("--room-port", in: 0...65_535) {
            settings.port = UInt16(port)
        }
        if let text = arguments["--bind"] {
            guard let ip = IPAddress(text), !ip.isUnspecified else {
                throw Arguments.Outcome.usage(
                    "avatar-agent \(arguments.command): --bind must be one IP address of this "
                        + "machine.")
            }
            // Everybody knows the keys that stand in the documentation.
            guard ip.isLoopback || configuration.key != Configuration().key else {
                throw Stop(
                    .configuration,
                    "--bind \(ip) is not loopback: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET "
                        + "first.")
            }
            settings.addresses = ip.isLoopback ? [ip] : [.loopback, ip]
        }
        return settings
    }

    func run() async throws -> ExitCode {
        _ = ProcessLimits.raiseOpenFiles()
        _ = SRTPProfile.supported
        let log = LogWriter(level: configuration.logLevel, format: configuration.logFormat)
        let media = try Loop(name: "media")
        let web = try Loop(name: "web")
        try media.start()
        try web.start()
        defer {
            web.stop()
            media.stop()
            log.close()
        }
        let server = try await Self.start(settings, media: media, web: web, log: log)
        write("room server: \(Self.url(of: server))", to: standardOutput)
        await Runtime.untilAskedToEnd(on: web)
        await server.stop()
        return .ok
    }

    /// Starts a server, or says in one sentence why not.
    static func start(
        _ settings: DevServer.Settings, media: Loop, web: Loop, log: LogWriter
    ) async throws -> DevServer {
        let certificate = try DTLSCertificate(at: Loop.wallClock)
        do {
            return try await DevServer.start(
                settings, media: media, web: web, certificate: certificate,
                log: log.logger("room-server"))
        } catch {
            switch error {
            case .addressInUse(let address):
                throw Stop(
                    .unavailable,
                    "\(address) is taken by another program; choose another --room-port.")
            case .system(let error, let address):
                throw Stop(.unavailable, "cannot listen on \(address): \(error).")
            case .library: throw Stop(.internalError, "the HTTP server could not be started.")
            }
        }
    }

    /// The address for clients.
    static func url(of server: DevServer) -> String { "ws://\(server.addresses[0])" }
}
