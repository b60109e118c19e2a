// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// What an operator sees of the program while it runs.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(10))) struct OperatorTests {
    @Test func figuresAndReadinessStandOnAPortOfTheirOwn() async throws {
        let result = try await ListeningTests.run(
            .object([]), client: "operator_client.py",
            options: [
                "operator", "agent:--config", "agent:operator.yaml", "agent:--log-level",
                "agent:debug", "file:operator.yaml=http: {trusted_proxies: [127.0.0.0/8]}",
            ])
        #expect(result["kind"]?.string == "text/plain; version=0.0.4; charset=utf-8")
        #expect(result["ready"]?.int == 200 && result["health"]?.int == 200)
        // Neither port answers for the other.
        #expect(result["other"]?.int == 404 && result["metrics_of_service"]?.int == 404)
        let before = try #require(result["before"])
        let during = try #require(result["during"])
        #expect(before["avatar_sessions"]?.number == 0)
        #expect(during["avatar_sessions"]?.number == 1)
        #expect(during["avatar_sessions_started_total"]?.number == 1)
        #expect(during["avatar_sessions_failed_total"]?.number == 0)
        #expect((during["avatar_resident_bytes"]?.number ?? 0) > 1_000_000)
        let posts = #"avatar_http_requests_total{route="/session-live",status="2xx"}"#
        #expect(during[posts]?.number == 1)
        #expect(during[#"avatar_frame_lateness_seconds_bucket{le="+Inf"}"#] != nil)
        #expect(during[#"avatar_loop_stalls_total{loop="media"}"#] != nil)
        // The trusted proxy's word about the caller, in the log.
        let lines = (result["agent_log"]?.array ?? []).compactMap(\.string)
        #expect(lines.contains { $0.contains("/voices") && $0.contains("203.0.113.9") })
        #expect(result["agent_exit"]?.int == 0)
    }
}
