// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The room server and the demo as strangers meet them: browsers, first users, attackers.
@Suite(.serialized, .timeLimit(.minutes(4))) struct RoomServerTests {
    @Test func browsersOldAndNewStayTogetherInOneRoom() async throws {
        let result = try await Self.run("browser_rooms.py", "5")
        #expect(result["there"]?.array == ["old", "one", "two"].map { .string($0) })
        #expect(result["old"]?.bool == true)
        for (name, other) in [("one", "two"), ("two", "one")] {
            let heard = (result["heard"]?[name]?.array ?? []).compactMap(\.string)
            #expect(Set(heard) == ["friend", other], "\(name)")
            let data = (result["data"]?[name]?.array ?? []).map { $0[0]?.string ?? "" }
            #expect(data == ["friend", "page", "page lossy", "words"], "\(name)")
            #expect(result["events"]?[name]?.array == [], "\(name)")
        }
        #expect(result["complaints"]?.array == [] && result["friend"]?.array == [])
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
        #expect(result["exit"]?.int == 0)
    }

    @Test func theDemoSurvivesItsFirstUser() async throws {
        let result = try await Self.run("demo_user.py")
        #expect(result["addresses"]?.array == [.bool(true), .bool(true)])
        let refused = try #require(result["refused"]?.array)
        #expect(refused.map { $0[0]?.int } == [69, 69])
        #expect(refused.map { $0[1]?.int } == [1, 1], "one sentence")
        #expect(refused.map { $0[2]?.bool } == [true, false])
        #expect(refused.map { $0[3]?.bool } == [false, true])
        #expect(result["spoken"]?["ok"]?.bool == true)
        #expect(
            result["said"]?.array
                == ["Hello, I can speak.", "I am awake again."].map { .string($0) })
        #expect(result["loudest"]?.bool == true && result["after_sleep"]?.bool == true)
        #expect(result["127.0.0.1"]?.bool == true)
        #expect(result["exit"]?.int == 0)
        #expect(result["told"]?.array?.count == 1)
    }

    private static func run(_ program: String, _ arguments: String...) async throws -> JSONValue {
        let output = try await PythonEnvironment.output(
            of: program, [try ListeningTests.agentPath()] + arguments, seconds: 220)
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 22)
    }
}
