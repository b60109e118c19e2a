// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import Crypto
internal import LiveKit
internal import Net
internal import Room
internal import Web

/// Looks at the room server: its name, its door, our keys, its clock, and a whole way of a sound
/// through it, from one participant to another.
struct ServerCheck {
    let configuration: Configuration
    let runtime: Runtime
    private let room = "avatar-doctor-" + SecureRandom().letters(8)

    init(configuration: Configuration, runtime: Runtime) {
        self.configuration = configuration
        self.runtime = runtime
    }

    /// How far clocks may differ before tokens suffer: ours are valid from 10 s before their making.
    private static let clockMax = Duration.seconds(10)
    /// Until a sound must have come through.
    private static let soundMax = Duration.seconds(10)

    /// One finding a step, up to the first that makes the next meaningless.
    func examine(_ report: inout DoctorReport) async {
        guard let url = try? SignalURL(configuration.url) else {
            report.add(
                .bad(
                    "server", "\(configuration.url.debugDescription) is no server's address",
                    .configuration,
                    advice: "Set LIVEKIT_URL (livekit.url) to something like wss://example.com."))
            return
        }
        guard let addresses = await find(url, &report) else { return }
        guard await ask(url, &report) else { return }
        if !url.isSecure, let address = addresses.first {
            await reportRelayPort(of: address, &report)
        }
        await listen(&report)
    }

    private func find(_ url: SignalURL, _ report: inout DoctorReport) async -> [IPAddress]? {
        do {
            let addresses = try await runtime.names.addresses(of: url.host)
            let list = addresses.prefix(4).map(\.description).joined(separator: ", ")
            report.add(.good("server", "\(url) is at \(list)"))
            return addresses
        } catch {
            report.add(
                .bad(
                    "server", "the name \(url.host) cannot be resolved", .unavailable,
                    advice: "Check LIVEKIT_URL and this machine's name service."))
            return nil
        }
    }

    // MARK: The door and the keys

    private func ask(_ url: SignalURL, _ report: inout DoctorReport) async -> Bool {
        let scheme = url.isSecure ? "https" : "http"
        var request = HTTPClientRequest(
            method: "GET", url: "\(scheme)://\(url.authority)\(url.prefix)/rtc/validate",
            timeout: .seconds(10))
        request.certificateAuthorities = configuration.certificateAuthorities
        guard let token = token("doctor-knocks", isAgent: false) else {
            report.add(Self.noToken)
            return false
        }
        request.headers["Authorization"] = "Bearer \(token)"
        let client = HTTPClient(on: runtime.web)
        let status: Int
        let date: String?
        let refusal: JoinRefusal
        do {
            let response = try await client.send(request)
            status = response.status
            date = response.headers["Date"]
            let body = try await response.body.collect(max: 4096)
            // Servers repeat a token that they refuse; this keeps it out of sight.
            refusal = JoinRefusal(
                status: status, body: String(decoding: body, as: UTF8.self))
            await client.stop()
        } catch {
            await client.stop()
            report.add(Self.unreachable(error as? HTTPClientError, url))
            return false
        }
        if let date, let skew = Self.skew(date) { report.add(Self.clock(skew)) }
        switch status {
        case 200:
            report.add(.good("keys", "the server takes tokens of \(configuration.key.id)"))
            return true
        case 401, 403:
            report.add(
                .bad(
                    "keys", "\(refusal)", .refused,
                    advice: "LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be a pair that this "
                        + "server knows."))
        default:
            report.add(
                .bad(
                    "server", "\(url) answers with status \(status), as no LiveKit server does",
                    .unavailable, advice: "Check LIVEKIT_URL, its port, and a proxy before it."))
        }
        return false
    }

    private static func unreachable(_ error: HTTPClientError?, _ url: SignalURL) -> DoctorFinding {
        switch error {
        case .tls(.handshake):
            .bad(
                "TLS", "\(url) does not speak TLS", .unavailable,
                advice: "ws:// for a plain port, wss:// for one with TLS.")
        case .tls(let failure):
            .bad(
                "TLS", "the server's certificate is not accepted (\(failure))", .unavailable,
                advice: "The certificate must be for \(url.host) and of an authority in "
                    + "livekit.ca_file; check this machine's clock too.")
        case .timedOut:
            .bad(
                "server", "\(url) takes connections and does not answer", .unavailable,
                advice: "Check the port in LIVEKIT_URL and whether the server is overloaded.")
        case .unreachable, .unknownHost:
            .bad(
                "server", "nothing takes connections at \(url)", .unavailable,
                advice: "Start the server (`avatar-agent demo` brings its own), or correct "
                    + "LIVEKIT_URL; a firewall may also drop TCP to port \(url.port).")
        default:
            .bad(
                "server", "what listens at \(url) does not speak HTTP as we asked", .unavailable,
                advice: "ws:// for a plain port, wss:// for one with TLS.")
        }
    }

    private static func clock(_ skew: Duration) -> DoctorFinding {
        let seconds = Int(skew.milliseconds / 1000)
        let words = "the server's clock is \(abs(seconds)) s \(seconds < 0 ? "behind" : "ahead")"
        guard skew > clockMax || skew < .zero - clockMax else {
            return .good("clock", "ours and the server's agree to the second or so")
        }
        return .bad(
            "clock", words, .unavailable,
            advice: "Tokens will be refused as expired or too early: set both clocks by NTP.")
    }

    /// The server's time minus ours; nil when the header is not of the form that HTTP asks for.
    static func skew(_ date: String, now: WallClock = Loop.wallClock) -> Duration? {
        guard let theirs = HTTPDate.unixSeconds(date) else { return nil }
        return .milliseconds(theirs * 1000 - now.unixMilliseconds)
    }

    // MARK: The media

    /// Only a note: the avatar itself speaks UDP.
    private func reportRelayPort(
        of address: IPAddress, _ report: inout DoctorReport
    ) async {
        let port = SocketAddress(address, port: 7881)
        let web = runtime.web
        let isOpen = await withCheckedContinuation { continuation in
            web.post {
                var waiting: CheckedContinuation<Bool, Never>? = continuation
                var connection: TCPConnection?
                func end(_ isOpen: Bool) {
                    waiting?.resume(returning: isOpen)
                    waiting = nil
                    connection?.close()
                    connection = nil
                }
                do throws(SystemError) {
                    connection = try TCPConnection(on: web, to: port, limit: .seconds(2)) { event in
                        if case .opened = event { end(true) } else { end(false) }
                    }
                } catch {
                    end(false)
                }
            }
        }
        report.add(
            isOpen
                ? .good("TCP media", "port 7881 of the server is open")
                : .note(
                    "TCP media",
                    "port 7881 of the server is closed: clients whose network drops "
                        + "UDP cannot fall back to it"))
    }

    private static let noToken = DoctorFinding.bad(
        "keys", "no token can be made with these keys", .configuration,
        advice: "Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET.")

    /// A speaker and a listener of our own in a room of their own.
    private func listen(_ report: inout DoctorReport) async {
        guard let speaking = token("doctor-speaks", isAgent: true),
            let listening = token("doctor-listens", isAgent: false)
        else { return report.add(Self.noToken) }
        let environment = runtime.sessions.room
        let begin = Loop.now
        var rooms: [Room] = []
        do {
            let speaker = try await Room.join(
                url: configuration.url, token: speaking, version: Program.version,
                environment: environment)
            rooms.append(speaker)
            let track = try await speaker.publishAudio(name: "doctor")
            let listener = try await Room.join(
                url: configuration.url, token: listening, version: Program.version,
                autoSubscribe: true, environment: environment)
            rooms.append(listener)
            let joined = Int((Loop.now - begin).milliseconds)
            report.add(.good("room", "two participants joined in \(joined) ms"))
            let sound = SoundWay(
                speaker: speaker, listener: listener, track: track, loop: runtime.media)
            report.add(await sound.finding(within: Self.soundMax))
        } catch {
            report.add(
                .bad(
                    "room", error.description, ConnectCommand.stop(error).code,
                    advice: "The server's log says why it did not let us in."))
        }
        for room in rooms { await room.leave() }
    }

    private func token(_ identity: String, isAgent: Bool) -> String? {
        var claims = TokenClaims(
            identity: identity, video: .joining(room), now: Loop.wallClock, lifetime: .seconds(300))
        if isAgent { claims.kind = .agent }
        return try? AccessToken.mint(claims, key: configuration.key)
    }
}
