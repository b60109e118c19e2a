// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import LipSync
import Net
import Speech
import TestSupport
import Testing

/// The product as a user has it: a room server, the program, and the official Python SDK as the one
/// who listens.
@Suite(.serialized, .attempts(3), .timeLimit(.minutes(15))) struct ListeningTests {
    /// Which room server stands between the program and the listener.
    enum Server: String, CaseIterable {
        /// The one in Python that behaves like livekit-server 1.13.
        case reference
        /// The program's own.
        case own

        /// For `with_agent.py`.
        var options: [String] { self == .own ? ["server:own"] : [] }
    }

    static let sentences = [
        "Hello Bob, maybe my mother can be happy.",
        "Five lovely views from above the bay make people happy.",
        "Please bring me a pumpkin pie tomorrow.",
    ]

    @Test(arguments: Server.allCases)
    func theOfficialClientHearsAndReceivesEverySentence(through server: Server) async throws {
        let plan = try await Self.plan(mode: "plain")
        let result = try await Self.heard(plan, options: server.options) { [$0["first"]] }
        let first = try #require(result["first"])
        try Self.check(first, utterances: 3)
        #expect(first["name"]?.string == "AI Assistant")
        #expect(first["attributes"]?["avatar.rtp0"]?.string != nil)
        #expect(first["attributes"]?["lk.agent.state"]?.string == "listening")
        #expect(result["agent_exit"]?.int == 0)
        #expect(result["state"]?["state"]?.string == "live")
        // The jitter buffer of the SDK moves; all utterances lie around one constant.
        let delays = (first["utterances"]?.array ?? []).compactMap { $0["delay_ms"]?.number }
        #expect(delays.count == 3 && (delays.max() ?? 0) - (delays.min() ?? 0) <= 120)
    }

    @Test(arguments: Server.allCases)
    func anOldOfficialClientHearsAndReceivesEverySentence(through server: Server) async throws {
        let version = "0.17.5"
        let sdk = try await PythonEnvironment.sdk(version: version)
        let plan = try await Self.plan(mode: "plain")
        let result = try await Self.heard(
            plan, options: ["client:PYTHONPATH=\(sdk)"] + server.options
        ) {
            [$0["first"]]
        }
        #expect(result["sdk"]?.string == version)
        try Self.check(try #require(result["first"]), utterances: 3)
        #expect(result["agent_exit"]?.int == 0)
    }

    @Test func aTableOfTheUsersOwnMovesTheMouthOfASession() async throws {
        // Lips that never close: what the table does not name stays as it was.
        let result = try await Self.run(
            .object([
                .init("sentences", .array([.string(Self.sentences[0])])),
                .init("references", try await Self.plan(mode: "plain")["references"] ?? .null),
            ]),
            options: [
                "file:own.mouth=language en\nP B M p b m | CH 1 | hush | CH | 16 | BF\n",
                "file:own.yaml=lipsync: {table: own.mouth}", "agent:--config", "agent:own.yaml",
            ])
        let utterance = try #require(result["first"]?["utterances"]?.array?.first)
        let closures = try #require(utterance["closures"]?.array).compactMap(\.number)
        #expect(closures.count >= 6 && closures.allSatisfy { $0 < 0.1 }, "\(closures)")
        #expect((utterance["viseme_rate"]?.number ?? 0) > 5)
        #expect(result["agent_exit"]?.int == 0)
    }

    @Test(arguments: Server.allCases)
    func lateListenersHearWhatComesAfterThem(through server: Server) async throws {
        let result = try await Self.heard(
            try await Self.plan(mode: "late"), options: server.options
        ) {
            [$0["first"], $0["late"], $0["after"]]
        }
        try Self.check(try #require(result["first"]), utterances: 2)
        try Self.check(try #require(result["late"]), utterances: 2)
        try Self.check(try #require(result["after"]), utterances: 1)
        #expect(result["agent_exit"]?.int == 0)
    }

    @Test(arguments: Server.allCases)
    func twoSessionsInTwoRoomsSpeakAtOnceAndMixNothing(through server: Server) async throws {
        let result = try await Self.heard(
            try await Self.plan(mode: "rooms"), options: server.options
        ) {
            [$0["one"], $0["other"]]
        }
        #expect((result["overlap"]?.number ?? 0) >= 1, "they did not speak at once")
        for (index, name) in ["one", "other"].enumerated() {
            let report = try #require(result[name])
            try Self.check(report, utterances: 1)
            #expect(report["texts"]?.array == [.string(Self.sentences[index])], "\(name)")
            #expect(report["senders"]?.array == report["agent"].map { [$0] }, "\(name)")
            #expect((report["foreign_waveform"]?.number ?? 1) < 0.6, "\(name) hears the other")
        }
        #expect(result["agent_exit"]?.int == 0)
    }

    @Test(arguments: Server.allCases)
    func threeListenersAtOnceEachGetEverything(through server: Server) async throws {
        let result = try await Self.heard(
            try await Self.plan(mode: "three"), options: server.options
        ) {
            $0["listeners"]?.array ?? []
        }
        #expect(result["state"]?["participants"]?.int == 3)
        let reports = try #require(result["listeners"]?.array)
        #expect(reports.count == 3)
        for report in reports { try Self.check(report, utterances: 2) }
        #expect(result["agent_exit"]?.int == 0)
    }

    @Test(arguments: Server.allCases)
    func aCutIsOneFadedFrameAndTheMouthComesToRest(through server: Server) async throws {
        let result = try await Self.heard(try await Self.plan(mode: "cut"), options: server.options)
        {
            [$0["first"], $0["after"]]
        }
        // Posted before anybody listened, heard from its first word.
        try Self.check(try #require(result["first"]), utterances: 1)
        #expect(result["stopped"]?.array == [.integer(2)])
        #expect(result["queued"]?.int == 0)
        for name in ["stop", "barge"] {
            let cut = try #require(result[name])
            #expect(cut["interrupted"]?.int == 1 && cut["ends"]?.int == 0, "\(name)")
            #expect((cut["rest_after_ms"]?.number ?? 999) <= 150, "\(name)")
            // No click: the fade's steepest slope is none that the voice did not have before.
            let before = cut["step_before"]?.number ?? 0
            #expect((cut["step_fade"]?.number ?? 9) <= max(2 * before, 0.05), "\(name): \(cut)")
        }
        let quiet = try #require(result["stop"]?["rms_after"]?.number)
        #expect(quiet < 0.002, "sound goes on after the cut")
        let states = (result["state"]?["utterances"]?.array ?? []).compactMap {
            $0["state"]?.string
        }
        #expect(states == ["ended", "interrupted", "interrupted", "ended"])
        try Self.check(try #require(result["after"]), utterances: 1)
    }

    /// What a client measured, again where the machine was too busy to play sound in time.
    ///
    /// - Parameter reports: those in a result whose sound must be whole.
    static func heard(
        _ plan: JSONValue, options: [String] = [], reports: (JSONValue) -> [JSONValue?]
    ) async throws -> JSONValue {
        var result = try await run(plan, options: options)
        for _ in 0..<2 {
            let isWhole = reports(result).allSatisfy { report in
                (report?["utterances"]?.array ?? []).allSatisfy(Self.isWhole)
            }
            let disturbed = result["disturbed_ms"]?.number ?? 0
            if isWhole || disturbed < Self.undisturbed { break }
            result = try await run(plan, options: options)
        }
        return result
    }

    /// Milliseconds that a thread may have to wait where sound is to be judged: half of what a
    /// jitter buffer holds.
    private static let undisturbed = 20.0

    /// Likeness of energies to those of the voice: what a jitter buffer stretches costs some; another
    /// sentence has less than 0.6.
    private static let alike = 0.9

    private static func isWhole(_ utterance: JSONValue) -> Bool {
        let closures = (utterance["closures"]?.array ?? []).compactMap(\.number)
        // A voice that had no processor for a moment left a gap, and the rest is later by it.
        return (utterance["envelope"]?.number ?? 0) >= alike
            && (utterance["waveform"]?.number ?? 0) >= 0.8 && closures.allSatisfy { $0 >= 0.9 }
    }

    /// What every listener's report must show.
    static func check(_ report: JSONValue, utterances count: Int) throws {
        let utterances = try #require(report["utterances"]?.array)
        #expect(utterances.count == count)
        for utterance in utterances {
            let number = utterance["u"]?.int ?? 0
            #expect(utterance["starts"]?.int == 1 && utterance["ends"]?.int == 1, "u \(number)")
            #expect((utterance["envelope"]?.number ?? 0) >= alike, "energies of u \(number)")
            #expect((utterance["waveform"]?.number ?? 0) >= 0.8, "waveform of u \(number)")
            let closures = try #require(utterance["closures"]?.array).compactMap(\.number)
            #expect(!closures.isEmpty)
            #expect(closures.allSatisfy { $0 >= 0.9 }, "closures of u \(number): \(closures)")
            #expect((utterance["viseme_gap_ms"]?.number ?? 999) <= 201)
            #expect((utterance["viseme_rate"]?.number ?? 99) <= 30)
        }
        for topic in ["viseme_n", "prosody_n"] {
            let numbers = try #require(report[topic]?.array).compactMap(\.int)
            #expect(!numbers.isEmpty)
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(topic)")
        }
        let sums = try #require(report["sums"]?.array).compactMap(\.number)
        #expect(sums.allSatisfy { $0 == 1 })
    }

    static func run(
        _ plan: JSONValue, client: String = "listening_client.py", options: [String] = []
    ) async throws -> JSONValue {
        var json = JSONWriter()
        json.value(plan)
        let output = try await PythonEnvironment.output(
            of: "with_agent.py", [try Self.agentPath(), client] + options, input: json.text,
            seconds: 200)
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 24)
    }

    /// The same through every server at once, for clients that need no quiet machine.
    static func runThroughAll(
        _ plan: JSONValue, client: String
    ) async throws -> [(server: Server, result: JSONValue)] {
        try await withThrowingTaskGroup(of: (server: Server, result: JSONValue).self) { group in
            for server in Server.allCases {
                group.addTask {
                    (server, try await run(plan, client: client, options: server.options))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The program beside the test bundle.
    static func agentPath() throws -> String { try path(of: "avatar-agent") }

    /// A program of this package, beside the test bundle.
    static func path(of program: String) throws -> String {
        let here = URL(
            filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return here.deletingLastPathComponent().appending(path: program).path
    }

    /// The plan with what the voice really said: the same engine, asked directly.
    static func plan(mode: String) async throws -> JSONValue {
        let loop = try Loop(name: "voices")
        try loop.start()
        defer { loop.stop() }
        let pool = try WorkPool(threads: 1)
        defer { pool.stop() }
        let engine = try #require(EngineProfile.flite.path())
        let voice = EngineVoice(.flite, path: engine, on: loop, pool: pool)
        voice.start()
        var references: [JSONValue] = []
        for (index, sentence) in sentences.enumerated() {
            references.append(try await reference(voice, sentence, index))
        }
        await voice.stop()
        return .object([
            .init("mode", .string(mode)), .init("references", .array(references)),
            .init("sentences", .array(sentences.map { .string($0) })),
        ])
    }

    private static func reference(
        _ voice: EngineVoice, _ sentence: String, _ index: Int
    ) async throws -> JSONValue {
        let stream = voice.speak(sentence, voiceID: nil)
        var samples: [Float] = []
        var phones: [Phone] = []
        while let chunk = try await stream.next() {
            if case .pcm(let sound) = chunk.sound { samples += sound }
            if case .phones(let known) = chunk.units { phones += known }
        }
        let file = FileManager.default.temporaryDirectory
            .appending(
                path: "avatar-reference-\(ProcessInfo.processInfo.processIdentifier)-\(index).f32")
        try samples.withUnsafeBytes { Data($0) }.write(to: file)
        let onset = try #require(samples.firstIndex { abs($0) > 0.012_589 })
        return .object([
            .init("pcm", .string(file.path)), .init("onset_ms", .double(Double(onset) / 48)),
            .init(
                "phones",
                .array(
                    phones.map { .array([.string($0.symbol), .double($0.start), .double($0.end)]) })
            ),
        ])
    }
}
