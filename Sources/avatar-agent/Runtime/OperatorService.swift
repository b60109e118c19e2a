// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc
internal import Net
internal import Telemetry
internal import Web

/// The operator's port: `/metrics`, `/ready`, `/health`.
///
/// Apart from the service's own port, so that no proxy in front of that one shows it to the world.
struct OperatorService {
    private let server: HTTPServer

    /// Listens.
    ///
    /// - Throws: when the port is taken or the system refuses.
    init(
        at address: SocketAddress, in runtime: Runtime, metrics: Metrics,
        registry: SessionRegistry
    ) async throws(HTTPServer.StartError) {
        var routes = HTTPRoutes()
        routes.on("GET", "/health") { _ in .json(Array(#"{"status":"ok"}"#.utf8)) }
        routes.on("GET", "/ready") { _ in
            await registry.isReady
                ? .json(Array(#"{"status":"ready"}"#.utf8))
                : .json(Array(#"{"status":"busy"}"#.utf8), status: 503)
        }
        routes.on("GET", "/metrics") { _ in
            HTTPResponse(
                headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: .bytes(Array(metrics.text.utf8)))
        }
        runtime.show(in: metrics)
        Self.show(registry, in: metrics, since: runtime.web.now)
        server = try HTTPServer(on: runtime.web, at: address, routes: routes)
        try await server.start()
        runtime.log.logger("http").info("operator's port", ["address": .of(server.address)])
    }

    func stop() async {
        await server.stop(within: .seconds(1))
    }

    private static func show(
        _ registry: SessionRegistry, in metrics: Metrics, since start: Instant
    ) {
        metrics.show(
            registry.started, as: "avatar_sessions_started_total", help: "Sessions asked for.")
        metrics.show(
            registry.failed, as: "avatar_sessions_failed_total",
            help: "Sessions whose room could not be joined.")
        metrics.gauge("avatar_sessions", help: "Sessions that run.") { registry.live.value }
        metrics.gauge("avatar_uptime_seconds", help: "Time since the start.") {
            Double((Loop.now - start).nanoseconds) / 1e9
        }
        metrics.gauge("avatar_resident_bytes", help: "Memory of this process.") { residentBytes() }
        let info = metrics.gauge(
            "avatar_info", help: "The program.", labels: ["version": Program.version])
        info.set(1)
    }

    /// The second field of /proc/self/statm, in pages.
    private static func residentBytes() -> Double {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .nan }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &text, text.count)
        let fields = text.prefix(max(count, 0)).split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = Double(String(decoding: fields[1], as: UTF8.self))
        else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// Counts requests, and writes each into the log for who wants to see them.
struct RequestLog: Sendable {
    let metrics: Metrics
    let log: Logger
    let client: @Sendable (HTTPRecord) -> IPAddress

    func callAsFunction(_ record: HTTPRecord) {
        let route = record.route.isEmpty ? "none" : record.route
        metrics.counter(
            "avatar_http_requests_total", help: "Requests that ended.",
            labels: ["route": route, "status": "\(record.status / 100)xx"]
        ).add()
        metrics.histogram(
            "avatar_http_request_seconds", help: "From the request line to the answer's end.",
            labels: ["route": route], bounds: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]
        ).record(Double(record.duration.nanoseconds) / 1e9)
        log.debug(
            "request",
            [
                "method": .of(record.method), "route": .of(route), "status": .count(record.status),
                "pii.client": .of(client(record)),
            ])
    }
}
