// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import Net
internal import Room
internal import Speech
internal import Telemetry
internal import Web
internal import WebRTC

/// The threads and libraries that sessions share, from the start of a command to its end.
final class Runtime: Sendable {
    let media: Loop
    let web: Loop
    let log: LogWriter
    let pool: WorkPool
    let names: Names
    let webSockets: WebSocketClient
    let voices: FliteVoice
    let sessions: AvatarSession.Environment

    init(_ configuration: Configuration) async throws {
        _ = ProcessLimits.raiseOpenFiles()
        // libsrtp tests itself at its first use: here, not on the loop at the first join.
        _ = SRTPProfile.supported
        log = LogWriter(level: configuration.logLevel, format: configuration.logFormat)
        media = try Loop(name: "media")
        web = try Loop(name: "web")
        try media.start()
        try web.start()
        pool = try WorkPool()
        names = try Names(on: web)
        webSockets = try WebSocketClient(connectionsMax: configuration.maxSessions + 50)
        guard let engine = EmbeddedVoices.enginePath() else {
            throw Stop(.internalError, "avatar-voice-flite is not beside this program.")
        }
        voices = FliteVoice(on: web, pool: pool, enginePath: engine)
        voices.start()
        var room = Room.Environment(
            loop: media, webSockets: webSockets, names: names,
            certificate: try DTLSCertificate(at: Loop.wallClock), log: log.logger("room"))
        room.certificateAuthorities = configuration.certificateAuthorities
        sessions = AvatarSession.Environment(
            room: room, pool: pool, voices: voices, settings: configuration.avatar)
    }

    /// Ends what the initialiser began, in the opposite order.
    func stop() async {
        await voices.stop()
        webSockets.stop()
        names.stop()
        pool.stop()
        web.stop()
        media.stop()
        log.close()
    }

    /// Waits for SIGINT or SIGTERM.
    func untilAskedToEnd() async { await Self.untilAskedToEnd(on: web) }

    /// Waits for SIGINT or SIGTERM.
    static func untilAskedToEnd(on web: Loop) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            web.post {
                var waiting: CheckedContinuation<Void, Never>? = continuation
                do {
                    _ = try SignalWatch(on: web, [.interrupt, .terminate]) { _ in
                        waiting?.resume()
                        waiting = nil
                    }
                } catch {
                    waiting?.resume()
                    waiting = nil
                }
            }
        }
    }
}
