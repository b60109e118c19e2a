// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The room server and the demo as strangers meet them: browsers, first users, attackers.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(30))) struct RoomServerTests {
    @Test func fiveTabsOldAndNewStayTogetherForAMinute() async throws {
        let result = try await LongRuns.shared.result(of: .tabs)
        let avatar = try #require(result["avatar"]?.string)
        let tabs = ["four", "old", "one", "three", "two"]
        #expect(result["there"]?.array == ([avatar] + tabs).sorted().map { .string($0) })
        for tab in tabs {
            let others = tabs.filter { $0 != tab }
            let heard = (result["heard"]?[tab]?.array ?? []).compactMap(\.string)
            #expect(Set(heard) == Set(others + ["friend", avatar]), "\(tab)")
            let data = Set((result["data"]?[tab]?.array ?? []).compactMap(\.string))
            let sent = others.flatMap { other in
                [
                    "page: \(other): hello from \(other)",
                    "page lossy: \(other): hello from \(other)",
                    "words: \(other): text of hello from \(other)",
                ]
            }
            let friends = ["friend: friend: hello from friend", "words: friend: many words"]
            #expect(data == Set(sent + friends), "\(tab)")
            #expect((result["visemes"]?[tab]?.int ?? 0) > 0, "\(tab)")
            #expect(result["events"]?[tab]?.array == [], "\(tab)")
            #expect(result["states"]?[tab]?.string == "connected", "\(tab)")
        }
        let called = ["TWO", "THREE", "FOUR", "OLD", "FRIEND", "ONE"]
        #expect(result["answers"]?.array == called.map { .string("HELLO \($0)") })
        #expect(result["stopped"]?.array == [], "sound that no longer comes")
        #expect(result["complaints"]?.array == [] && result["friend"]?.array == [])
        #expect(result["exit"]?.int == 0)
    }

    @Test func theDemoSurvivesItsFirstUser() async throws {
        let result = try await LongRuns.shared.result(of: .sleep)
        #expect(result["addresses"]?.array == [.bool(true), .bool(true)])
        let refused = try #require(result["refused"]?.array)
        #expect(refused.map { $0[0]?.int } == [69, 69])
        #expect(refused.map { $0[1]?.int } == [1, 1], "one sentence")
        #expect(refused.map { $0[2]?.bool } == [true, false])
        #expect(refused.map { $0[3]?.bool } == [false, true])
        #expect(result["spoken"]?["ok"]?.bool == true)
        #expect(result["said"]?.array == [.string("Hello, I can speak.")])
        #expect(result["loudest"]?.bool == true && result["loud"]?.bool == true)
        // Half a minute of sleep: the session lives on, or says that it is over.
        if result["after_sleep"]?.string != "lives" {
            #expect(result["after_sleep"]?.string == "ended")
            #expect(["ended", "failed"].contains(result["word"]?[0]?.string))
            #expect(result["word"]?[1]?.string == "session_ended")
        }
        #expect(result["awake"]?.string == "I am awake again.")
        #expect(result["127.0.0.1"]?.bool == true)
        #expect(result["exit"]?.int == 0)
        #expect(result["told"]?.array?.count == 1)
    }

    @Test func withoutANetworkOurOwnListenerHearsAndTheDoctorExplains() async throws {
        let result = try await LongRuns.shared.result(of: .loopback)
        if let reason = result["skipped"]?.string {
            return print("no network namespace here, so nothing was tested: \(reason)")
        }
        #expect(result["interfaces"]?.array == [.string("lo")])
        #expect(result["rooms"]?.array == [.string("OK"), .string("OK")], "127.0.0.1 and ::1")
        #expect(result["http"]?.array == [.string("ok"), .string("ok")], "127.0.0.1 and ::1")
        for host in ["127.0.0.1", "[::1]"] {
            let visit = try #require(result["doctor"]?[host])
            #expect(visit[0]?.int == 0)
            let lines = (visit[1]?.array ?? []).compactMap(\.string)
            #expect(lines.contains { $0.contains("a sound came through") }, "\(lines)")
            #expect(lines.contains { $0.contains("no address but loopback") })
            #expect(lines.contains { $0.contains("SDKs look for no path over loopback") })
        }
        #expect(result["exit"]?.int == 0)
        #expect(result["session"]?[0]?.int == 0, "\(String(describing: result["session"]))")
    }

    @Test func lostSoundIsSentAgainAndTheQualityOfTheConnectionIsTold() async throws {
        let result = try await LongRuns.shared.result(of: .loss)
        let tenth = (result["tenth"]?["down"]?.array ?? []).compactMap(\.int)
        try #require(tenth.count == 3)
        // Of what went down, some was lost; a tenth of what is sent again is lost again.
        #expect(tenth[1] > 10, "\(tenth)")
        #expect(tenth[2] * 10 >= tenth[1] * 6, "\(tenth)")
        #expect((result["most"]?["down"]?[1]?.int ?? 0) > 10)
        for told in [result["told"], result["tab"]] {
            let words = (told?.array ?? []).filter { $0[0]?.string == "tab" }
            let qualities = words.compactMap { $0[1]?.string }
            #expect(qualities.first == "excellent" && qualities.last == "excellent")
            #expect(qualities.contains("poor"), "\(qualities)")
        }
        #expect(result["events"]?.array == [])
        #expect(result["exit"]?.int == 0)
    }

    @Test func whoNeverAnswersAnOfferIsAskedToJoinAnew() async throws {
        let result = try await LongRuns.shared.result(of: .unanswered)
        #expect((result["kept"]?.int ?? 0) > 0)
        // State mismatch, reconnect: what livekit-server says after 15 s.
        #expect(result["reason"]?.int == 6 && result["action"]?.int == 2)
        #expect((result["waited"]?.number ?? 0) > 14)
        #expect(result["heard"]?.int == 440)
        let events = (result["bob"]?.array ?? []).compactMap { $0[0]?.string }
        #expect(events == ["reconnecting", "reconnected"])
        #expect(result["alice"]?.array == [] && result["exit"]?.int == 0)
        #expect(result["log"]?.array?.count == 1)
    }

    @Test func theOfficialAgentsFrameworkConnects() async throws {
        let result = try await LongRuns.shared.result(of: .agents)
        #expect(result["version"]?.string == LongRun.agentsVersion)
        #expect(result["heard"]?.int == 330 && result["report"]?["heard"]?.int == 440)
        #expect(result["report"]?["user"]?.string == "user")
        let text = result["texts"]?[0]
        #expect(text?[0]?.string == "worker")
        #expect(text?[1]?.string == "Hello there, this is the other agent speaking.")
        #expect(result["kind"]?.int == 4, "an agent")
        #expect(result["errors"]?.array == [])
        #expect(result["exit"]?.int == 0)
    }

    @Test func hostileClientsDisturbNobody() async throws {
        let result = try await Self.run("hostile_clients.py")
        // What came was refused, and said so by its end.
        #expect(result["garbage_frames"]?.int == 20)
        #expect(result["wrong_descriptions"]?.bool == true)
        #expect(result["too_long_messages"]?.int == 3)
        // Those in the room noticed nothing, and another could come.
        #expect(result["numbers"]?.bool == true && result["heard"]?.int == 440)
        #expect(result["undisturbed"]?.bool == true && result["newcomer"]?.int == 440)
        let before = try #require(result["memory_before"]?.int)
        let after = try #require(result["memory_after"]?.int)
        #expect(after - before < 60, "megabytes: \(before) before, \(after) after")
        #expect((result["warnings"]?.int ?? 99) < 20)
        // Two thousand joins: all are told of, most of them by count.
        let joined = try #require(result["flood_of_joins"]?[0]?.int)
        #expect(joined == 2_000)
        let seconds = try #require(result["log"]?["seconds"]?.int)
        for event in ["joined", "left"] {
            let lines = try #require(result["log"]?["told"]?[event]?.int)
            #expect(lines <= 30 + 3 * (seconds + 1), "\(lines) lines in \(seconds) s")
            #expect((result["log"]?["counted"]?[event]?.int ?? 0) > joined, "\(event)")
        }
        #expect(result["exit"]?.int == 0)
    }

    fileprivate static func run(
        _ program: String, _ arguments: String...
    ) async throws -> JSONValue {
        let output = try await PythonEnvironment.output(
            of: program, [try ListeningTests.agentPath()] + arguments, seconds: 220)
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 22)
    }
}

/// A run in which little is done and much is waited for.
private enum LongRun: CaseIterable {
    /// Five tabs of Chromium for a minute. Six jitter buffers times six are much for a small
    /// machine: they have it to themselves.
    case tabs
    /// The demo's first user, whose laptop sleeps for half a minute.
    case sleep
    /// A network namespace with nothing but loopback.
    case loopback
    /// The official agents framework.
    case agents
    /// A client that never answers an offer.
    case unanswered
    /// A tab behind a relay that loses datagrams.
    case loss

    static let agentsVersion = "1.8.9"

    func run() async throws -> JSONValue {
        switch self {
        case .tabs: return try await RoomServerTests.run("browser_rooms.py", "60")
        case .sleep: return try await RoomServerTests.run("demo_user.py", "30")
        case .loopback:
            return try await RoomServerTests.run(
                "loopback_only.py", try ListeningTests.path(of: "avatar-bench"))
        case .agents:
            let sdk = try await PythonEnvironment.agents(version: Self.agentsVersion)
            return try await RoomServerTests.run("agents_connect.py", sdk)
        case .unanswered: return try await RoomServerTests.run("unanswered_offer.py")
        case .loss: return try await RoomServerTests.run("lossy_room.py")
        }
    }
}

/// The long runs, most beside each other: whichever test asks first starts all, and each waits until
/// all are over, so that none is left behind.
private struct LongRuns: Sendable {
    static let shared = LongRuns()

    private let runs: [LongRun: Task<JSONValue, any Error>]

    private init() {
        var runs = [LongRun.tabs: Task { try await LongRun.tabs.run() }]
        for chain in [[LongRun.sleep, .loopback, .agents], [.unanswered, .loss]] {
            var earlier = runs[.tabs]
            for run in chain {
                let task = Task { [earlier] in
                    _ = await earlier?.result
                    return try await run.run()
                }
                runs[run] = task
                earlier = task
            }
        }
        self.runs = runs
    }

    /// What a run gave; a second attempt runs it alone.
    func result(of run: LongRun) async throws -> JSONValue {
        for run in LongRun.allCases { _ = await runs[run]?.result }
        guard Attempts.number == 1, let task = runs[run] else { return try await run.run() }
        return try await task.value
    }
}
