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
    let voices: VoiceCatalog
    private let engines: [EngineVoice]
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
        engines = Self.engines(configuration, on: web, pool)
        guard let first = engines.first else {
            throw Stop(
                .internalError, "neither avatar-voice-flite nor -espeak is beside this program.")
        }
        for engine in engines { engine.start() }
        voices = VoiceCatalog(first, Array(engines.dropFirst()))
        var room = Room.Environment(
            loop: media, webSockets: webSockets, names: names,
            certificate: try DTLSCertificate(at: Loop.wallClock), log: log.logger("room"))
        room.certificateAuthorities = configuration.certificateAuthorities
        sessions = AvatarSession.Environment(
            room: room, pool: pool, voices: voices, settings: configuration.avatar)
    }

    private static func engines(
        _ configuration: Configuration, on loop: Loop, _ pool: WorkPool
    ) -> [EngineVoice] {
        EngineProfile.installed.compactMap { profile in
            profile.path().map {
                EngineVoice(
                    profile, path: $0, helpers: configuration.helpers, on: loop, pool: pool)
            }
        }
    }

    /// Shows what the threads and engines count.
    func show(in metrics: Metrics) {
        metrics.show(
            media.frameLateness, as: "avatar_frame_lateness_seconds",
            help: "How late audio frames were sent, against their nominal time.")
        for loop in [media, web] {
            metrics.show(
                loop.stalls, as: "avatar_loop_stalls_total",
                help: "Times that a loop stood still.", labels: ["loop": loop.name])
        }
        metrics.show(
            log.droppedLines, as: "avatar_log_lines_dropped_total",
            help: "Log lines that nobody read in time.")
        metrics.gauge(
            "avatar_work_waiting", help: "Pieces of synthesis and encoding that wait for a thread."
        ) { [pool] in Double(pool.waiting) }
        for engine in engines {
            let counts = engine.statistics
            let name: Metrics.Labels = ["voices": engine.voices.first?.provider ?? ""]
            metrics.show(
                counts.starts, as: "avatar_engine_starts_total",
                help: "Synthesis processes started.", labels: name)
            metrics.show(
                counts.crashes, as: "avatar_engine_crashes_total",
                help: "Synthesis processes that ended by themselves.", labels: name)
            metrics.show(
                counts.hangs, as: "avatar_engine_hangs_total",
                help: "Synthesis processes that said nothing for too long.", labels: name)
            metrics.show(
                counts.chunks, as: "avatar_engine_chunks_total",
                help: "Pieces of text that were spoken.", labels: name)
        }
    }

    /// Ends what the initialiser began, in the opposite order.
    func stop() async {
        for engine in engines { await engine.stop() }
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
        // A stream, not a continuation: who ends for another reason may leave it waiting.
        let (ends, sink) = AsyncStream.makeStream(of: Never.self)
        web.post {
            do {
                _ = try SignalWatch(on: web, [.interrupt, .terminate]) { _ in sink.finish() }
            } catch {
                sink.finish()
            }
        }
        for await _ in ends {}
    }
}
