// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// README.md as its readers use it: every block on the page is run, opened, served or read.
///
/// `Tests/Peers/readme_blocks.py` says which script takes which kind of block, and refuses a kind that
/// none of them knows.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(10))) struct ReadmeTests {
    @Test func everyCommandDoesWhatThePageSays() async throws {
        let result = try await Self.run("readme_commands.py")
        let ran = try #require(result["ran"])
        for section in [
            "Run", "Test", "Speak", "In Flutter", "With your LiveKit server",
            "Lip sync without a room", "Deployment",
        ] {
            #expect((ran[section]?.int ?? 0) > 0, "nothing was run of \(section)")
        }
        #expect(result["heard"]?.string == "Hello.")
        #expect((result["answers"]?.int ?? 0) >= 10)
    }

    @Test func thePictureShowsWhatTheProgramsPrintToday() async throws {
        let output = try await PythonEnvironment.output(
            of: "terminal_recording.py", [try ListeningTests.agentPath()], seconds: 120)
        let result = try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 20)
        // If they differ: Tests/Peers/terminal_recording.py .build/debug/avatar-agent --write
        #expect(result["differing"]?.array == [])
        let lines = try #require(result["lines"]?.int)
        #expect(lines == result["kept"]?.int && lines > 20)
    }

    @Test func theSnippetsForClientsSpeakWithTheDemo() async throws {
        let result = try await Self.run("readme_clients.py")
        // The page in Chromium: a mouth that closes and opens.
        let shapes = (result["page"]?["shapes"]?.array ?? []).compactMap(\.string)
        #expect(shapes.contains("MBP") && shapes.contains("Rest") && shapes.count > 3)
        #expect((result["page"]?["most"]?.int ?? 0) >= 80)
        #expect((result["page"]?["most"]?.int ?? 999) <= 100)
        #expect(result["page"]?["complaints"]?.array == [])
        let kinds = ["viseme", "clock", "interrupted"].map { JSONValue.string($0) }
        #expect(result["dart"]?.array == kinds)
    }

    @Test func whatIsForOtherMachinesIsWellFormedAndComplete() async throws {
        let result = try await Self.run("readme_files.py")
        #expect((result["commands"]?.int ?? 0) >= 6)
        #expect((result["packages"]?.array?.count ?? 0) >= 10)
        #expect((result["static"]?.int ?? 0) >= 3)
        #expect(result["mouths"]?.int == 12)
        #expect(result["services"]?.array == ["avatar-agent", "livekit"].map { .string($0) })
        let unit = try #require(result["unit"]?.string)
        if unit != "verified" { print("ReadmeTests: the unit is not verified: \(unit)") }
    }

    @Test func throughTheProxyTheCallersOwnAddressCounts() async throws {
        let result = try await Self.run("readme_proxy.py")
        if let reason = result["skipped"]?.string {
            print("ReadmeTests: the proxy is not tried: \(reason)")
            return
        }
        #expect(result["opened"]?.int == 201)
        #expect(result["url"]?.string == "wss://livekit.example.com")
        for body in ["spoken", "pieces", "longest"] {
            #expect(result[body]?.int == 200, "\(body)")
        }
        #expect(result["too_long"]?.int == 413 && result["without_key"]?.int == 401)
        // Twelve a minute, whatever the caller says about its address.
        #expect((12...13).contains(result["answered"]?.int ?? 0))
        let refused = JSONValue.array([.integer(429), .string("rate_limited"), .bool(true)])
        #expect(result["refused"]?.array == [refused])
        #expect(result["another"]?.int == 200)
        #expect(result["logged"]?.array == ["127.0.0.7", "127.0.0.8"].map { .string($0) })
        #expect(result["open"]?.int == 403 && result["ended"]?.int == 0)
    }

    private static func run(_ program: String) async throws -> JSONValue {
        let page = Fixtures.package.appending(path: "README.md").path
        let output = try await PythonEnvironment.output(
            of: program, [page, try ListeningTests.agentPath()], seconds: 220)
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 20)
    }
}
