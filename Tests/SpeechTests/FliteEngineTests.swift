// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import Speech

/// The program itself, behind blocking pipes.
final class EngineProcess {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ profile: EngineProfile = .flite, _ arguments: [String] = []) throws {
        // One that has died fails its test, not the run.
        signal(SIGPIPE, SIG_IGN)
        let path = try #require(profile.path(), "build \(profile.program) first")
        // Not for the children of other tests, which would keep this one's input open.
        for end in [input, output] {
            for handle in [end.fileHandleForReading, end.fileHandleForWriting] {
                _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
        }
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func send(_ bytes: [UInt8]) throws { try input.fileHandleForWriting.write(contentsOf: bytes) }
    func send(_ line: String) throws { try send(Array(line.utf8) + [0x0A]) }
    func endInput() throws { try input.fileHandleForWriting.close() }

    /// The next frame; nil at the end of its output.
    func frame() throws -> (kind: Character, payload: [UInt8])? {
        guard let header = try read(5) else { return nil }
        let length = header[1...].reduce(0) { $0 << 8 | Int($1) }
        guard let payload = try read(length) else { return nil }
        return (Character(UnicodeScalar(header[0])), payload)
    }

    /// Everything about one chunk: its times, bytes of sound, how it ended; `cancelling` stops it
    /// when its times are known.
    func chunk(
        cancelling id: UInt32? = nil
    ) throws -> (times: JSONValue?, bytes: Int, end: JSONValue)? {
        var times: JSONValue?
        var bytes = 0
        while let (kind, payload) = try frame() {
            switch kind {
            case "T":
                times = try JSONValue(parsing: payload, maxBytes: 1 << 20)
                if let id { try send(EngineWire.cancel(id: id)) }
            case "A": bytes += payload.count - 4
            case "E": return (times, bytes, try JSONValue(parsing: payload, maxBytes: 1_024))
            default: break
            }
        }
        return nil
    }

    private func read(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let more = try output.fileHandleForReading.read(upToCount: count - bytes.count),
                !more.isEmpty
            else { return nil }
            bytes += more
        }
        return bytes
    }

    deinit { if process.isRunning { process.terminate() } }
}

@Suite(.serialized) struct FliteEngineTests {
    @Test func itSpeaksChecksCancelsAndEndsWithItsInput() throws {
        let engine = try EngineProcess(.flite, ["--memory-mb", "512", "--quiet"])
        #expect(try engine.frame()?.kind == "R")
        try engine.send(#"{"load":"slt"}"#)
        #expect(try engine.frame()?.kind == "L")

        try engine.send(
            #"{"speak":7,"voice":"slt","words":[["hello",","],["don't",""],["_a","."]]}"#)
        let spoken = try #require(try engine.chunk())
        #expect(spoken.end["id"]?.int == 7 && spoken.end["status"]?.string == "done")
        let phones = spoken.times?["phones"]?.array?.compactMap { $0[0]?.string } ?? []
        #expect(phones == ["pau", "hh", "ax", "l", "ow", "pau", "d", "ow", "n", "t", "ey", "pau"])
        #expect(spoken.times?["words"]?.array?.count == 3)
        #expect(Int(spoken.end["samples"]?.int ?? 0) * 2 == spoken.bytes && spoken.bytes > 20_000)

        for bad in [
            #"{"speak":8,"voice":"slt","words":[["Hello","."]]}"#,
            #"{"speak":8,"voice":"slt","words":[["hello",".."]]}"#,
            #"{"speak":8,"voice":"slt","words":[["","."]]}"#,
            #"{"speak":8,"voice":"slt","words":[["'",""]]}"#,
            #"{"speak":8,"voice":"slt","words":[["\#(String(repeating: "a", count: 41))",""]]}"#,
            #"{"speak":8,"voice":"nobody","words":[["hello",""]]}"#,
            #"{"speak":8,"voice":"slt","words":[]}"#, #"{"speak":8}"#,
            #"{"speak":8,"voice":"slt","words":["hello"]}"#,
        ] {
            try engine.send(bad)
            #expect(try engine.chunk()?.end["status"]?.string == "refused", "\(bad)")
        }
        for noise in ["", "{", "[]", "null", #"{"speak":-1}"#, #"{"cancel":99}"#, "\u{0}\u{7}"] {
            try engine.send(noise)
        }

        let words = (0..<100).map { _ in #"["wonderful",""]"# }.joined(separator: ",")
        try engine.send(#"{"speak":9,"voice":"slt","words":[\#(words)]}"#)
        try engine.send(#"{"speak":10,"voice":"kal16","words":[["one",""]]}"#)
        try engine.send(#"{"speak":11,"voice":"kal16","words":[["two",""]]}"#)
        #expect(try engine.frame()?.kind == "T")
        try engine.send("{\"cancel\":10}\n{\"cancel\":9}")
        var ends: [String] = []
        while ends.count < 3, let end = try engine.chunk()?.end {
            ends.append("\(end["id"]?.int ?? 0) \(end["status"]?.string ?? "")")
        }
        #expect(ends == ["10 cancelled", "9 cancelled", "11 done"])

        try engine.endInput()
        #expect(try engine.frame() == nil)
        engine.process.waitUntilExit()
        #expect(engine.process.terminationStatus == 0)
    }

    @Test func itEndsInMidSpeechWhenItsInputEnds() throws {
        let engine = try EngineProcess()
        let words = (0..<100).map { _ in #"["wonderful",""]"# }.joined(separator: ",")
        try engine.send(#"{"speak":1,"voice":"slt","words":[\#(words)]}"#)
        while let (kind, _) = try engine.frame(), kind != "A" {}
        try engine.endInput()
        var frames = 0
        while try engine.frame() != nil { frames += 1 }
        engine.process.waitUntilExit()
        #expect(engine.process.terminationStatus == 0 && frames < 100)
    }

    @Test func anEndlessLineEndsIt() throws {
        let engine = try EngineProcess()
        signal(SIGPIPE, SIG_IGN)
        try? engine.send([UInt8](repeating: 0x61, count: 200_000))
        engine.process.waitUntilExit()
        #expect(engine.process.terminationStatus == 0)
    }

    @Test(arguments: [["-x"], ["--memory-mb"], ["--memory-mb", "0"], ["--memory-mb", "much"]])
    func wrongArgumentsAreUsageErrors(arguments: [String]) throws {
        let engine = try EngineProcess(.flite, arguments)
        engine.process.waitUntilExit()
        #expect(engine.process.terminationStatus == 64)
    }
}

@Suite(.serialized) struct FliteFailureTests {
    private static let long = String(
        repeating: "One two three four five six seven eight. ", count: 40)

    @Test func aDeadEngineCostsItsUtteranceOnlyAndIsReplaced() async throws {
        try await withFlite { voice in
            for round in 1...3 {
                let stream = voice.speak(Self.long, voiceID: "slt")
                _ = try await stream.next()
                let waiting = voice.speak("I wait for my turn.", voiceID: "kal16")
                for pid in await voice.engines.pids { kill(pid, SIGKILL) }
                // What it speaks when it dies is lost; which of the two that is, is a matter of
                // luck. The other is spoken by the next engine.
                let outcomes = await [outcome(stream), outcome(waiting)]
                #expect(outcomes.filter { $0 == "voice_failed" }.count <= 1, "\(outcomes)")
                #expect(outcomes.filter { $0 == "whole" }.count >= 1, "\(outcomes)")
                #expect(try await Heard(voice.speak("Back again.", voiceID: nil)).seconds > 0.4)
                #expect(voice.statistics.crashes.value == UInt64(round))
            }
        }
    }

    @Test func aHangingEngineIsKilledAndReplaced() async throws {
        try await withFlite({ $0.hangLimit = .seconds(4) }) { voice in
            _ = try await Heard(voice.speak("Warm.", voiceID: nil))
            for pid in await voice.engines.pids { kill(pid, SIGSTOP) }
            await #expect(throws: VoiceError.timedOut) {
                try await Heard(voice.speak("Nobody hears me.", voiceID: nil))
            }
            #expect(try await Heard(voice.speak("Back again.", voiceID: nil)).seconds > 0.4)
            #expect(voice.statistics.hangs.value == 1)
        }
    }

    @Test func anEngineThatHangsBeforeItsFirstWordIsReplacedToo() async throws {
        let program = FileManager.default.temporaryDirectory
            .appending(path: "silent-engine-\(UUID().uuidString)")
        try Data("#!/bin/sh\nexec cat >/dev/null\n".utf8).write(to: program)
        defer { try? FileManager.default.removeItem(at: program) }
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700], ofItemAtPath: program.path)
        try await withFlite({
            $0.path = program.path
            $0.loadLimit = .milliseconds(50)
            $0.queueLimit = .milliseconds(100)
        }) { voice in
            // Each of them lasts as long as a job waits for an engine.
            for _ in 0..<300 where voice.statistics.hangs.value < 2 {
                await #expect(throws: VoiceError.self) {
                    try await Heard(voice.speak("Nobody hears me.", voiceID: nil))
                }
            }
            #expect(voice.statistics.hangs.value >= 2)
            #expect(voice.statistics.starts.value >= 2)
        }
    }

    @Test func whoeverWaitsTooLongForAnEngineIsTold() async throws {
        try await withFlite({ $0.queueLimit = .seconds(4) }) { voice in
            _ = try await Heard(voice.speak("Warm.", voiceID: nil))
            for pid in await voice.engines.pids { kill(pid, SIGSTOP) }
            let first = voice.speak("I block the engine.", voiceID: nil)
            await #expect(throws: VoiceError.timedOut) {
                try await Heard(voice.speak("I wait.", voiceID: nil))
            }
            for pid in await voice.engines.pids { kill(pid, SIGCONT) }
            #expect(try await Heard(first).seconds > 0.5)
        }
    }

    @Test func aMissingEngineIsAnErrorAtOnce() async throws {
        try await withFlite({ $0.path = "/nonexistent/avatar-voice-flite" }) { voice in
            await #expect(throws: VoiceError.self) {
                try await Heard(voice.speak("Hello.", voiceID: nil))
            }
        }
    }

    @Test func aProgramThatIsNoEngineIsAnErrorAndBringsNothingDown() async throws {
        for path in ["/bin/true", "/bin/cat"] {
            try await withFlite({
                $0.path = path
                $0.queueLimit = .milliseconds(500)
            }) { voice in
                await #expect(throws: VoiceError.self) {
                    try await Heard(voice.speak("Hello.", voiceID: nil))
                }
                #expect(voice.statistics.starts.value < 12)
            }
        }
    }

    @Test func aTiredEngineIsReplacedWithoutAnyoneNoticing() async throws {
        try await withFlite({ $0.chunksPerEngine = 3 }) { voice in
            for _ in 0..<10 {
                let heard = try await Heard(voice.speak("Again.", voiceID: "kal16"))
                #expect(heard.seconds > 0.2)
            }
            #expect(voice.statistics.starts.value >= 3 && voice.statistics.crashes.value == 0)
        }
    }

    @Test func stoppingEndsUtterancesAndEngines() async throws {
        try await withFlite { voice in
            let stream = voice.speak(Self.long, voiceID: nil)
            _ = try await stream.next()
            let pids = await voice.engines.pids
            await voice.stop()
            #expect(await outcome(stream) == "voice_failed")
            #expect(await outcome(voice.speak("Hello.", voiceID: nil)) == "voice_failed")
            #expect(!pids.isEmpty)
        }
    }

    private func outcome(_ stream: VoiceStream) async -> String {
        do throws(VoiceError) {
            _ = try await Heard(stream)
            return "whole"
        } catch {
            return error.code
        }
    }
}
