// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The program as a user meets it who typed, configured or called something wrong: an exit code,
/// one sentence, no secret in it.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(10))) struct WrongInputTests {
    /// What a run has to end with.
    private struct Expected {
        let name: String
        let exit: Int64
        let words: String
    }

    @Test func wrongCommandsAndFilesAreRefusedInOneSentence() async throws {
        let runs = try await Self.run("commands")
        #expect(runs["nothing"]?["exit"]?.int == 64)
        #expect((runs["nothing"]?["lines"]?.int ?? 99) <= 4)
        #expect(runs["nothing"]?["all"]?.string?.hasPrefix("usage: avatar-agent") == true)
        try Self.check(
            runs,
            [
                .init(name: "command", exit: 64, words: "no command strat. Did you mean start?"),
                .init(name: "option", exit: 64, words: "no option --prot. Did you mean --port?"),
                .init(name: "value", exit: 64, words: "--port needs a value"),
                .init(name: "number", exit: 64, words: "--port must be a whole number"),
                .init(name: "word", exit: 64, words: "now is one word too many"),
                .init(name: "room", exit: 64, words: "--room is missing"),
                .init(name: "voice", exit: 65, words: "no voice nobody"),
                .init(name: "key", exit: 78, words: "key.yaml:4: livekit.api_sekret"),
                .init(name: "type", exit: 78, words: "type.yaml:2: http.port"),
                .init(name: "empty", exit: 78, words: "empty.yaml:2: http.bearer_keys"),
                .init(name: "broken", exit: 78, words: "broken.yaml:3: "),
                .init(name: "file", exit: 78, words: "none.yaml: does not exist"),
                .init(name: "taken", exit: 69, words: "is taken by another program"),
                .init(name: "open", exit: 78, words: "0.0.0.0 is not loopback"),
                .init(name: "url", exit: 78, words: "LIVEKIT_URL"),
                .init(name: "public", exit: 78, words: "livekit.public_url must look like"),
                .init(name: "proxies", exit: 78, words: "proxies.yaml:2: http.trusted_proxies"),
                .init(name: "nonsense", exit: 78, words: "voice.id names no voice"),
                .init(name: "ca", exit: 78, words: "ca.yaml:3: livekit.ca_file names a file"),
                .init(name: "operator", exit: 69, words: "choose another --operator-port"),
            ])
    }

    @Test func theDoctorFindsWhatIsWrongAndSaysWhatToDo() async throws {
        let runs = try await Self.run("doctor")
        let cases: [(name: String, exit: Int64, words: String)] = [
            ("well", 0, "ok    UDP media   a sound came through"),
            ("taken", 69, "is taken by another program"),
            ("nobody", 69, "nothing takes connections at ws://127.0.0.1:"),
            ("garbage", 69, "does not speak HTTP as we asked"),
            ("secret", 77, "the API secret is not the server's"),
            ("name", 69, "no-such-host.invalid cannot be resolved"),
            ("tls", 69, "the server's certificate is not accepted"),
            ("plain", 69, "does not speak TLS"), ("scheme", 78, "is no server's address"),
        ]
        for (name, exit, words) in cases {
            let run = try #require(runs[name], "\(name)")
            let said = run["out"]?.string ?? ""
            #expect(run["exit"]?.int == exit, "\(name): \(said)")
            #expect(said.contains(words), "\(name): \(said)")
            #expect(run["leaks"]?.bool == false && run["lines"]?.int == 0, "\(name): \(run)")
        }
    }

    @Test func aServerThatCannotBeJoinedEndsTheCommandInOneSentence() async throws {
        let runs = try await Self.run("servers")
        try Self.check(
            runs,
            [
                .init(name: "nobody", exit: 69, words: "no address of the server"),
                .init(name: "silent", exit: 69, words: "did not answer in time"),
                .init(name: "mute", exit: 69, words: "then said nothing"),
                .init(name: "scheme", exit: 78, words: "wss://example.com"),
                .init(name: "other", exit: 78, words: "wss://example.com"),
                .init(name: "name", exit: 69, words: "no-such-host.invalid cannot be resolved"),
                .init(name: "secret", exit: 77, words: "the API secret is not the server's"),
                .init(name: "unknown", exit: 77, words: "does not know this API key"),
                .init(name: "garbage", exit: 69, words: "is no LiveKit server"),
                .init(name: "messages", exit: 69, words: "is no LiveKit message"),
                .init(name: "frames", exit: 69, words: "the join failed: what answers at"),
                .init(name: "tls", exit: 69, words: "certificate signs itself"),
                .init(name: "plain", exit: 69, words: "does not speak TLS there"),
            ])
        // A signal ends the wait for a join.
        #expect(runs["interrupted"]?["exit"]?.int == 0)
        #expect((runs["interrupted"]?["seconds"]?.number ?? 99) < 4)
    }

    @Test func theServiceAnswersWrongCallsAndLeavesNothingBehind() async throws {
        let calls = try await Self.run("service")
        let expected: [(name: String, status: Int64, code: String)] = [
            ("down", 502, "room_unreachable"), ("health", 200, ""), ("made", 201, ""),
            ("path", 404, "not_found"), ("session", 404, "session_not_found"),
            ("method", 405, "method_not_allowed"), ("put", 405, "method_not_allowed"),
            ("chunks", 411, "length_required"), ("large", 413, "body_too_large"),
            ("negative", 400, ""), ("json", 400, "bad_json"), ("utf8", 400, "bad_json"),
            ("array", 400, "bad_request"), ("deep", 400, "bad_json"),
            ("blank", 422, "invalid_field"), ("missing", 422, "invalid_field"),
            ("long", 422, "invalid_field"), ("number", 422, "invalid_field"),
            ("voice", 422, "invalid_field"), ("lead", 422, "invalid_field"),
            ("host", 403, "forbidden"), ("origin", 403, "forbidden"), ("no_host", 400, ""),
            ("not_http", 400, ""), ("deleted", 200, ""), ("gone", 410, "session_ended"),
            ("again", 201, ""), ("speaks", 200, ""),
        ]
        for call in expected {
            #expect(calls[call.name]?["status"]?.int == call.status, "\(call.name)")
            #expect(calls[call.name]?["code"]?.string == call.code, "\(call.name)")
        }
        #expect(calls["method"]?["allow"]?.string == "OPTIONS, POST")
        for name in ["term", "kill"] {
            let end = try #require(calls[name])
            #expect((end["voices"]?.int ?? 0) > 0, "\(name)")
            #expect(end["gone"]?.bool == true, "\(name): the helpers live on")
            #expect(end["leaks"]?.bool == false, "\(name)")
        }
        #expect(calls["term"]?["exit"]?.int == 0)
        #expect((calls["term"]?["seconds"]?.number ?? 99) < 5)
        // The command ends by itself when its room does.
        try Self.check(calls, [.init(name: "lost", exit: 69, words: "")])
    }

    private static func check(_ runs: JSONValue, _ expected: [Expected]) throws {
        for expected in expected {
            let run = try #require(runs[expected.name])
            let all = run["all"]?.string ?? ""
            #expect(run["exit"]?.int == expected.exit, "\(expected.name): \(all)")
            let errors = (run["error"]?.array ?? []).compactMap(\.string)
            #expect(errors.count == 1, "\(expected.name): \(all)")
            #expect(
                errors.first.map { expected.words.isEmpty || $0.contains(expected.words) } == true,
                "\(expected.name): \(all)")
            #expect(run["leaks"]?.bool == false, "\(expected.name)")
            #expect((run["seconds"]?.number ?? 99) < 60, "\(expected.name)")
        }
    }

    private static func run(_ group: String) async throws -> JSONValue {
        let output = try await PythonEnvironment.output(
            of: "wrong_inputs.py", [try ListeningTests.agentPath(), group], seconds: 75)
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 20)
    }
}
