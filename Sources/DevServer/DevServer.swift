// SPDX-License-Identifier: Apache-2.0
public import Base
internal import Crypto
public import LiveKit
public import Net
public import Telemetry
internal import Transport
internal import Web
public import WebRTC

/// A room server for one machine that LiveKit's clients take for livekit-server: signalling over
/// websockets, audio and data passed on between the participants of a room.
///
/// For development and tests: one process, no clustering, no TURN, audio only; whoever publishes
/// video is refused. It listens on loopback unless told otherwise.
public final class DevServer: Sendable {
    /// Where it listens, and for whom.
    public struct Settings: Sendable {
        /// For HTTP and websockets, and for media. The first must be this machine's; others that it
        /// does not have are left out.
        public var addresses: [IPAddress] = [.loopback, .loopbackV6]
        /// The port of HTTP and websockets; 0 lets the kernel choose.
        public var port: UInt16 = 7880
        /// The UDP port of all media; 0 lets the kernel choose.
        public var mediaPort: UInt16 = 0
        /// The keys whose tokens open rooms; the first signs nothing that another did not open.
        public var keys: [APIKey]

        /// The defaults, for these keys.
        public init(keys: [APIKey]) { self.keys = keys }
    }

    /// Why it does not start.
    public enum StartError: Error, Sendable, Equatable {
        /// Another program listens at the address.
        case addressInUse(SocketAddress)
        /// The system refused the address.
        case system(SystemError, SocketAddress)
        /// The HTTP library refused.
        case library
    }

    /// Where it listens for HTTP and websockets.
    public let addresses: [SocketAddress]
    private let servers: [HTTPServer]
    private let directory: RoomDirectory

    private init(
        addresses: [SocketAddress], servers: [HTTPServer], directory: RoomDirectory
    ) {
        self.addresses = addresses
        self.servers = servers
        self.directory = directory
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - settings: where, and for whom.
    ///   - media: the loop of rooms and media.
    ///   - web: the loop of HTTP and websockets.
    ///   - certificate: of all our peer connections.
    ///   - log: where rooms log to.
    /// - Returns: the server; clients may come.
    /// - Throws: why it does not start.
    public static func start(
        _ settings: Settings, media: Loop, web: Loop, certificate: DTLSCertificate, log: Logger
    ) async throws(StartError) -> DevServer {
        let environment = ServedEnvironment(
            loop: media, keys: settings.keys, certificate: certificate)
        let directory: RoomDirectory
        do {
            directory = try await media.run { () throws(SystemError) in
                try RoomDirectory(
                    environment, addresses: settings.addresses, port: settings.mediaPort, log: log)
            }
        } catch {
            let first = settings.addresses.first ?? .loopback
            throw .system(error, SocketAddress(first, port: settings.mediaPort))
        }
        let endpoint = SignalEndpoint(keys: settings.keys, directory: directory, media: media)
        var servers: [HTTPServer] = []
        var port = settings.port
        for address in settings.addresses {
            let place = SocketAddress(address, port: port)
            do throws(HTTPServer.StartError) {
                let server = try HTTPServer(
                    on: web, at: place, routes: endpoint.routes, settings: endpoint.serverSettings)
                try await server.start()
                servers.append(server)
                // All addresses have the port that the first was given.
                port = server.address.port
            } catch {
                let isOptional: Bool
                if case .system = error {
                    isOptional = !servers.isEmpty
                } else {
                    isOptional = false
                }
                if isOptional { continue }
                for server in servers { await server.stop(within: .zero) }
                await directory.stop()
                throw StartError(error, place)
            }
        }
        return DevServer(
            addresses: servers.map(\.address), servers: servers, directory: directory)
    }

    /// Tells all participants, closes all rooms, stops to listen.
    public func stop(within: Duration = .seconds(2)) async {
        await directory.stop()
        for server in servers { await server.stop(within: within) }
    }
}

extension DevServer.StartError {
    init(_ error: HTTPServer.StartError, _ place: SocketAddress) {
        switch error {
        case .addressInUse: self = .addressInUse(place)
        case .system(let error): self = .system(error, place)
        case .library: self = .library
        }
    }
}
