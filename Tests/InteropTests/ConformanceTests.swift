// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The room server of the program beside the reference that behaves like livekit-server 1.13: what
/// official clients see of both, over one connection (`/rtc/v1`) and over two (`/rtc`).
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(10))) struct ConformanceTests {
    @Test(arguments: [
        "coming_and_going", "sound", "muting", "data", "streams_and_calls", "changing_oneself",
        "permissions", "the_same_identity_twice", "choosing_tracks", "service",
    ])
    func clientsSeeTheSameOfBothServers(scenario: String) async throws {
        let seen = try await Self.run(scenario)
        for version in ["v0", "v1"] {
            let own = try #require(seen["own"]?[version]?[scenario])
            #expect(own == seen["reference"]?[version]?[scenario], "\(version)")
        }
    }

    @Test func anOldSDKSeesTheSameOfBothServers() async throws {
        let sdk = try await PythonEnvironment.sdk(version: "0.17.5")
        // All but what that SDK cannot do: muting, streams, joining without the right to receive.
        let scenarios = [
            "coming_and_going", "sound", "data", "changing_oneself", "the_same_identity_twice",
            "choosing_tracks", "cut_signal",
        ]
        let seen = try await Self.run(["sdk:\(sdk)"] + scenarios)
        for scenario in scenarios {
            let own = try #require(seen["own"]?["v0"]?[scenario])
            #expect(own == seen["reference"]?["v0"]?[scenario])
        }
        let numbers = ["before", "0", "1", "2", "3", "4", "after"]
        let cut = try #require(seen["own"]?["v0"]?["cut_signal"])
        #expect(cut["numbers"]?.array == numbers.map { .string($0) })
        #expect(cut["heard"]?.array == [.integer(440), .integer(880)])
    }

    @Test func aBrokenSocketLosesNothing() async throws {
        let seen = try await Self.run("cut_signal")
        for version in ["v0", "v1"] {
            let own = try #require(seen["own"]?[version]?["cut_signal"])
            #expect(own == seen["reference"]?[version]?["cut_signal"], "\(version)")
            let numbers = ["before", "0", "1", "2", "3", "4", "after"]
            #expect(own["numbers"]?.array == numbers.map { .string($0) }, "\(version)")
            #expect(own["heard"]?.array == [.integer(440), .integer(880)], "\(version)")
        }
    }

    @Test func whoIsLoudIsASpeaker() async throws {
        // The reference has no speakers: nothing to compare with.
        let seen = try await Self.run("speakers", servers: ["own"])
        for version in ["v0", "v1"] {
            let own = try #require(seen["own"]?[version]?["speakers"])
            #expect(own["bob"]?.array == [.array([.string("alice")]), .array([])], "\(version)")
        }
    }

    @Test func mishapsThatAClientAsksForArePlayedAndSurvived() async throws {
        // The reference plays none. On one node a migration is a new join, as on the real server.
        let seen = try await Self.run("mishaps", servers: ["own"])
        for version in ["v0", "v1"] {
            let own = try #require(seen["own"]?[version]?["mishaps"])
            for (kind, keepsSID) in [
                ("SIGNAL_RECONNECT", true), ("NODE_FAILURE", false), ("MIGRATION", false),
                ("FULL_RECONNECT", false),
            ] {
                #expect(
                    own[kind]?.array == [.integer(440), .bool(keepsSID)], "\(version) \(kind)")
            }
            #expect(
                own["SERVER_LEAVE"]?.array?.first?.array
                    == [.string("disconnected"), .integer(3)], "\(version)")
        }
    }

    /// What clients saw, by server, version and scenario.
    static func run(
        _ scenario: String, servers: [String] = ["own", "reference"]
    ) async throws -> JSONValue {
        try await run([scenario], servers: servers)
    }

    private static func run(
        _ words: [String], servers: [String] = ["own", "reference"]
    ) async throws -> JSONValue {
        let output = try await PythonEnvironment.output(
            of: "conformance.py",
            [try ListeningTests.agentPath(), servers.joined(separator: ",")] + words,
            seconds: 230)
        let seen = try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 22)
        #expect(seen["exit"]?.int == 0)
        return seen
    }
}
