// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport
import Testing

/// `avatar-agent lipsync` as its users meet it: a process with files and pipes.
@Suite(.serialized, .timeLimit(.minutes(4))) struct LipSyncCommandTests {
    struct Run {
        let exit: Int32
        let output: String
        let errors: String

        var lines: [JSONValue] {
            get throws {
                try output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            }
        }
    }

    static let maybe = """
        {"language":"en","phones":[{"phone":"sil","start_ms":0,"end_ms":200},
        {"phone":"M","start_ms":200,"end_ms":280},{"phone":"EY1","start_ms":280,"end_ms":420},
        {"phone":"B","start_ms":420,"end_ms":490},{"phone":"IY0","start_ms":490,"end_ms":650},
        {"phone":"sil","start_ms":650,"end_ms":1000}]}
        """

    /// A folder of its own, removed with the value.
    final class Folder {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "lipsync-\(UUID().uuidString)")

        init() throws {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        func file(_ name: String, _ bytes: [UInt8]) throws -> String {
            let path = url.appending(path: name)
            try Data(bytes).write(to: path)
            return path.path
        }
    }

    static func run(_ arguments: [String], input: String = "") async throws -> Run {
        let folder = try Folder()
        let files = try ["in", "out", "err"].map {
            URL(filePath: try folder.file($0, $0 == "in" ? Array(input.utf8) : []))
        }
        let process = Process()
        process.executableURL = URL(filePath: try ListeningTests.agentPath())
        process.arguments = ["lipsync"] + arguments
        process.currentDirectoryURL = folder.url
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try await withCheckedThrowingContinuation { done in
            process.terminationHandler = { _ in done.resume() }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        return Run(
            exit: process.terminationStatus,
            output: try String(contentsOf: files[1], encoding: .utf8),
            errors: try String(contentsOf: files[2], encoding: .utf8))
    }

    /// A WAVE file of a voice-like tone.
    static func wav(rate: Int, channels: Int, seconds: Double, hertz: Double) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var data: [UInt8] = []
        for index in 0..<Int(seconds * Double(rate)) {
            let time = Double(index) / Double(rate)
            let value = (1...5).reduce(0.0) {
                $0 + sin(2 * .pi * hertz * Double($1) * time) / Double($1)
            }
            for _ in 0..<channels { data += little(Int(value * 8000), 2) }
        }
        let format =
            little(1, 2) + little(channels, 2) + little(rate, 4)
            + little(rate * channels * 2, 4) + little(channels * 2, 2) + little(16, 2)
        let body =
            Array("WAVEfmt ".utf8) + little(16, 4) + format + Array("data".utf8)
            + little(data.count, 4) + data
        return Array("RIFF".utf8) + little(body.count, 4) + body
    }

    static func weights(_ line: JSONValue) -> [String: Double] {
        var weights: [String: Double] = [:]
        for member in line["weights"]?.members ?? [] { weights[member.name] = member.value.number }
        return weights
    }

    // MARK: Output

    @Test func pronunciationsAgreeWithLexiconsOfOthers() async throws {
        let output = try await PythonEnvironment.output(
            of: "pronunciations.py", [try ListeningTests.agentPath()])
        let result = try JSONValue(parsing: Array(output.utf8))
        for (language, least) in [("en", 98.0), ("de", 95), ("es", 98), ("fr", 93), ("it", 98)] {
            #expect(result[language]?["words"]?.int == 400)
            #expect((result[language]?["classes"]?.number ?? 0) >= least, "\(language)")
        }
    }

    @Test func keyframesAreThoseOfTheContract() async throws {
        let run = try await Self.run(["--timing", "-"], input: Self.maybe)
        #expect(run.exit == 0 && run.errors.isEmpty)
        let lines = try run.lines
        #expect(lines.first?["t_ms"]?.number == 0)
        for line in lines {
            let hundredths = Self.weights(line).values.map { ($0 * 100).rounded() }
            #expect(hundredths.reduce(0, +) == 100)
        }
        #expect(try #require(lines.last.map(Self.weights)) == ["Rest": 1])
        let times = lines.compactMap { $0["t_ms"]?.number }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 && $1 - $0 <= 200 })
        // The same by name of a file, given either way.
        let folder = try Folder()
        let path = try folder.file("maybe.json", Array(Self.maybe.utf8))
        #expect(try await Self.run([path]).output == run.output)
        #expect(
            try await Self.run(["--timing=\(path)", "--format", "keyframes"]).output == run.output)
    }

    @Test(arguments: [25.0, 60, 120]) func framesComeAtTheirRateAndNeverStep(rate: Double)
        async throws
    {
        let run = try await Self.run(
            ["-", "--format", "frames", "--rate", "\(rate)"], input: Self.maybe)
        let lines = try run.lines
        for (index, line) in lines.enumerated() {
            let time = try #require(line["t_ms"]?.number)
            #expect(abs(time - Double(index) * 1000 / rate) < 0.001)
            #expect(abs(Self.weights(line).values.reduce(0, +) - 1) < 1e-9)
        }
        #expect(Double(lines.count) >= rate)
        for (left, right) in zip(lines, lines.dropFirst()).map({
            (Self.weights($0), Self.weights($1))
        }) {
            for name in Set(left.keys).union(right.keys) {
                let step = abs((left[name] ?? 0) - (right[name] ?? 0))
                #expect(step <= 0.37 * 60 / rate)
            }
        }
        for (start, end) in [(200.0, 280.0), (420, 490)] {
            let peak = lines.filter {
                ((start - 40)...(end + 40)).contains($0["t_ms"]?.number ?? -1)
            }.compactMap { Self.weights($0)["MBP"] }.max()
            #expect(try #require(peak) >= 0.9)
        }
    }

    @Test func everyTargetSpeaksItsOwnNames() async throws {
        let names: [(target: String, all: Set<String>, closed: String)] = [
            (
                "classes",
                ["Rest", "AI", "E", "O", "U", "MBP", "FV", "L", "WQ", "R", "CH", "TH"], "MBP"
            ),
            (
                "oculus",
                [
                    "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I",
                    "O", "U",
                ], "PP"
            ),
            ("azure", Set((0...21).map(String.init)), "21"),
            ("rhubarb", ["A", "B", "C", "D", "E", "F", "G", "H", "X"], "A"),
        ]
        for (target, all, closed) in names {
            let run = try await Self.run(
                ["-", "--target", target, "--format", "frames"], input: Self.maybe)
            let frames = try run.lines.map(Self.weights)
            #expect(frames.count > 60)
            #expect(frames.allSatisfy { Set($0.keys).isSubset(of: all) }, "\(target)")
            #expect(frames.allSatisfy { abs($0.values.reduce(0, +) - 1) < 1e-9 }, "\(target)")
            #expect(frames.contains { $0[closed] ?? 0 >= 0.9 }, "\(target)")
        }
        for table in ["ours", "talkinghead", "facelink"] {
            let run = try await Self.run(
                ["-", "--target", "arkit", "--arkit-table", table], input: Self.maybe)
            let frames = try run.lines.map(Self.weights)
            #expect(frames.allSatisfy { $0.count == 52 })
            #expect(frames.contains { $0["jawOpen"] ?? 0 > 0.1 }, "\(table)")
        }
        let azure = try await Self.run(["-", "--target", "azure"], input: Self.maybe).lines
        #expect(
            azure.compactMap { $0["weights"]?.members?.first?.name } == [
                "0", "21", "4", "6", "21", "6", "0",
            ])
    }

    @Test func phonesComeWithTheirTimesAndTheRung() async throws {
        let given = try await Self.run(["-", "--phones"], input: Self.maybe).lines
        #expect(given.compactMap { $0["phone"]?.string } == ["sil", "M", "EY1", "B", "IY0", "sil"])
        #expect(given.allSatisfy { $0["rung"]?.int == 1 && $0["timing"]?.string == "phones" })
        let words =
            #"{"words":[{"text":"Maybe","start_ms":100,"end_ms":520},{"text":"five","start_ms":520,"end_ms":900}]}"#
        let made = try await Self.run(["-", "--phones"], input: words).lines
        let symbols = made.compactMap { $0["phone"]?.string }.filter { $0 != "sil" }
        #expect(symbols == ["M", "EY1", "B", "IY0", "F", "AY1", "V"])
        #expect(made.allSatisfy { $0["rung"]?.int == 3 })
        let times = made.compactMap { line in
            line["start_ms"]?.number.flatMap { start in line["end_ms"]?.number.map { (start, $0) } }
        }
        #expect(times.last?.1 == 900)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0.1 <= $1.0 + 0.01 })
    }

    @Test(arguments: [
        ("de", "Pfeffer", "pf ɛ f"), ("es", "abuelo", "a β w e l o"), ("fr", "lune", "l y n"),
        ("it", "mamma", "m a m m a"),
    ])
    func otherLanguagesArePronouncedByTheirEngine(
        language: String, word: String, phones: String
    ) async throws {
        let input = """
            {"language":"\(language)","words":[{"text":"\(word)","start_ms":100,"end_ms":600}]}
            """
        let lines = try await Self.run(["-", "--phones"], input: input).lines
        let symbols = lines.compactMap { $0["phone"]?.string }
            .map { $0.filter { !"ˈˌː".contains($0) } }
        #expect(symbols.joined(separator: " ").contains(phones))
        let batch = [input, input].joined(separator: "\n")
        let both = try await Self.run(["--batch"], input: batch).lines
        #expect(both.count == 2 && both[0]["keyframes"] == both[1]["keyframes"])
        let unknown = try await Self.run(
            ["-"], input: input.replacingOccurrences(of: "\"\(language)\"", with: "\"qq\""))
        #expect(unknown.exit == 65 && unknown.errors.contains("language qq"))
    }

    @Test func aDocumentNamesTheSoundThatProsodyListensTo() async throws {
        let folder = try Folder()
        let path = try folder.file(
            "tone.wav", Self.wav(rate: 16_000, channels: 1, seconds: 0.5, hertz: 150))
        let named = try await Self.run(["-", "--prosody"], input: #"{"wav":"\#(path)"}"#)
        #expect(named.exit == 0)
        #expect(try await Self.run(["--wav", path, "--prosody"]).output == named.output)
        let none = try await Self.run(["-", "--prosody"], input: Self.maybe)
        #expect(none.exit == 65 && none.errors.contains("there is no wav to listen to"))
    }

    @Test func aByteOrderMarkIsPassedOver() async throws {
        let marked = "\u{FEFF}" + Self.maybe.replacingOccurrences(of: "\n", with: "")
        for options in [[], ["--batch"]] {
            let run = try await Self.run(["-"] + options, input: marked)
            #expect(run.exit == 0 && !run.output.isEmpty && !run.output.contains("error"))
        }
    }

    @Test func anIDComesBackAsItWasOrNotAtAll() async throws {
        let ids = ["9223372036854775807", "1.5", "\"x\"", "12345678901234567890"]
        let rest = #","phones":[{"phone":"m","start_ms":0,"end_ms":80}]}"#
        let input = ids.map { #"{"id":"# + $0 + rest }.joined(separator: "\n")
        let lines = try await Self.run(["--batch"], input: input).output.split(separator: "\n")
        #expect(lines.count == ids.count)
        for (line, id) in zip(lines, ids).dropLast() { #expect(line.hasPrefix(#"{"id":\#(id),"#)) }
        #expect(lines.last?.hasPrefix(#"{"id":null,"error":"Line 4: id must be"#) == true)
    }

    @Test func whatNobodyCanPronounceFollowsItsSound() async throws {
        let folder = try Folder()
        let path = try folder.file(
            "tone.wav", Self.wav(rate: 16_000, channels: 1, seconds: 1, hertz: 150))
        let words =
            #""words":[{"text":"你好","start_ms":100,"end_ms":500},"#
            + #"{"text":"世界","start_ms":500,"end_ms":900}]"#
        let document = #"{"language":"zh-CN","wav":"\#(path)",\#(words)}"#
        let text = #"{"language":"qq","wav":"\#(path)","text":"一 二"}"#
        let run = try await Self.run(["--batch", "--phones"], input: document + "\n" + text)
        #expect(run.exit == 0)
        for line in try run.lines {
            #expect(line["rung"]?.int == 6 && line["quality"]?.string == "energy", "\(line)")
        }
        #expect(try run.lines.count == 2)
        #expect(run.errors.split(separator: "\n").count == 1)
        #expect(run.errors.contains("nothing here pronounces the language zh-CN"))
        let mouths = try await Self.run(["--rate", "60", "-"], input: document).lines
            .map(Self.weights)
        #expect(mouths.contains { ($0["Rest"] ?? 0) < 0.5 })
    }

    @Test(arguments: [(8000, 1), (11_025, 2), (44_100, 2), (96_000, 1)])
    func prosodyHearsSoundOfEveryRate(rate: Int, channels: Int) async throws {
        let folder = try Folder()
        let path = try folder.file(
            "tone.wav", Self.wav(rate: rate, channels: channels, seconds: 0.8, hertz: 150))
        let lines = try await Self.run(["--wav", path, "--prosody"]).lines
        #expect((78...82).contains(lines.count))
        for line in lines[15..<70] {
            #expect(abs((line["pitch"]?.number ?? 0) - 150) < 2)
            #expect(abs((line["pitch_smooth"]?.number ?? 0) - 150) < 2)
            #expect(line["speaking"]?.bool == true)
        }
        let frames = try await Self.run(["--wav", path, "--prosody", "--rate", "25"]).lines
        #expect((20...22).contains(frames.count))
    }

    @Test func aBatchAnswersEveryLineAndABadOneAlone() async throws {
        let one = Self.maybe.replacingOccurrences(of: "\n", with: "")
        let input = [
            #"{"id":"first","# + one.dropFirst(), "no json", "",
            #"{"id":3,"phones":[{"phone":"m"}]}"#,
            #"{"id":"gone","wav":"nowhere.wav"}"#, #"{"id":"last","# + one.dropFirst(),
        ].joined(separator: "\n")
        let run = try await Self.run(["--batch"], input: input)
        #expect(run.exit == 0 && run.errors.isEmpty)
        let lines = try run.lines
        #expect(
            lines.compactMap { $0["id"] } == [
                .string("first"), .null, .integer(3), .string("gone"), .string("last"),
            ])
        #expect(lines[0]["keyframes"] == lines[4]["keyframes"])
        #expect((lines[0]["keyframes"]?.array?.count ?? 0) > 5)
        #expect(
            lines[1]["error"]?.string == "Line 2: it is no JSON: unexpected character at byte 1.")
        #expect(lines[2]["error"]?.string == "Line 4: phones[0].start_ms is missing.")
        #expect(lines[3]["error"]?.string == "Line 5: nowhere.wav does not exist.")
        for (options, name) in [(["--phones"], "phones"), (["--format", "frames"], "frames")] {
            let other = try await Self.run(["--batch", "-"] + options, input: input).lines
            #expect((other[0][name]?.array?.count ?? 0) > 5)
        }
    }

    @Test func aTableOfTheUsersIsFollowedOrRefusedWithItsLine() async throws {
        let folder = try Folder()
        let good = try folder.file("good.mouth", Array("language en\nEY | O 1 | round\n".utf8))
        let bad = try folder.file("bad.mouth", Array("language en\n\nEY | O 2 | round\n".utf8))
        let config = try folder.file("agent.yaml", Array("lipsync:\n  table: \(good)\n".utf8))
        let wrong = try folder.file("wrong.yaml", Array("lipsync:\n  table: \(bad)\n".utf8))
        for options in [["--table", good], ["--config", config]] {
            let frames = try await Self.run(["-", "--rate", "60"] + options, input: Self.maybe)
                .lines.map(Self.weights)
            #expect(frames.contains { $0["O"] ?? 0 > 0.5 })
        }
        let refused = try await Self.run(["-", "--table", bad], input: Self.maybe)
        #expect(refused.exit == 65 && refused.output.isEmpty)
        #expect(refused.errors.contains("bad.mouth:3: a weight must be a number"))
        let configured = try await Self.run(["-", "--config", wrong], input: Self.maybe)
        #expect(configured.exit == 78 && configured.errors.contains("bad.mouth:3: "))
    }

    // MARK: Wrong input

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"phones":3}"#, #"{"phones":[{"phone":"b","start_ms":0}]}"#,
        #"{"phones":[{"phone":"b","start_ms":-500,"end_ms":80}]}"#,
        #"{"phones":[{"phone":"b","start_ms":50,"end_ms":20}]}"#,
        #"{"words":[{"text":"a","start_ms":300,"end_ms":100}]}"#,
        #"{"words":[{"text":"a","start_ms":1e999,"end_ms":2}]}"#,
        #"{"words":[{"text":"a","start_ms":0,"end_ms":36000000}]}"#,
        #"{"words":[{"text":"a","start_ms":NaN,"end_ms":2}]}"#,
        // Ten hours, seconds, samples, too deep, not UTF-16.
        #"{"words":[{"text":"a","start_ms":36000000,"end_ms":36000200}]}"#,
        #"{"words":[{"text":"a","start_ms":0.1,"end_ms":0.4},{"text":"b","start_ms":0.4,"end_ms":0.7}]}"#,
        #"{"words":[{"text":"a","start_ms":4800,"end_ms":24000},{"text":"b","start_ms":24000,"end_ms":40000}]}"#,
        #"{"words":"# + String(repeating: "[", count: 5_000),
        #"{"text":"there is no sound to it"}"#,
    ])
    func wrongInputIsOneSentenceAnd65(input: String) async throws {
        let run = try await Self.run(["-"], input: input)
        #expect(run.exit == 65, "\(run.output.prefix(200))")
        #expect(run.output.isEmpty)
        #expect(run.errors.split(separator: "\n").count == 1)
        #expect(run.errors.hasPrefix("avatar-agent: ") && run.errors.hasSuffix(".\n"))
    }

    @Test func whatHasNoEndIsRefusedBeforeItIsRead() async throws {
        // A million and a half words: 60 MB and no end to them.
        let folder = try Folder()
        let word = Array(#"{"text":"a","start_ms":0,"end_ms":9},"#.utf8)
        var bytes = Array(#"{"words":["#.utf8)
        bytes.reserveCapacity(word.count * 500_000)
        for _ in 0..<500_000 { bytes += word }
        let run = try await Self.run([try folder.file("endless.json", bytes)])
        #expect(run.exit == 65 && run.output.isEmpty)
        #expect(run.errors.contains("larger than 16 MiB"))
    }

    @Test func halfACharacterIsAWordThatNobodyCanSay() async throws {
        let run = try await Self.run(
            ["-"],
            input: #"{"words":[{"text":"\ud800","start_ms":0,"end_ms":200},"#
                + #"{"text":"me","start_ms":200,"end_ms":400}]}"#)
        #expect(run.exit == 0 && run.errors.isEmpty)
        for line in run.output.split(separator: "\n") {
            let weights = Self.weights(try JSONValue(parsing: Array(line.utf8)))
            #expect(abs(weights.values.reduce(0, +) - 1) < 1e-9)
        }
    }

    @Test(arguments: [
        [], ["--timing", "a", "b"], ["-", "--rate", "0"], ["-", "--rate", "nan"],
        ["-", "--format", "film"], ["-", "--target", "vrm"], ["--prosody"],
        ["-", "--phones", "--prosody"], ["--batch", "--wav", "x.wav"], ["-", "--wav", "-"],
        ["-", "--arkit-table", "none"],
    ])
    func wrongOptionsAre64(arguments: [String]) async throws {
        let run = try await Self.run(arguments)
        #expect(run.exit == 64)
        #expect(run.output.isEmpty && run.errors.split(separator: "\n").count == 1)
    }

    @Test func aBatchGivesItsInputToNoSound() async throws {
        let folder = try Folder()
        let pipe = folder.url.appending(path: "pipe").path
        let line = #"{"id":1,"phones":[{"phone":"m","start_ms":0,"end_ms":80}]}"#
        let wavs = ["-", "/dev/stdin", "/dev/zero", pipe].map { #"{"wav":"\#($0)"}"# }
        let input = wavs + [String](repeating: line, count: 3_000)
        let text = Array(input.joined(separator: "\n").utf8)
        let (source, sink) = (try folder.file("in", text), try folder.file("out", []))
        // Behind another program standard input is a pipe, and holds less than all this.
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", #"mkfifo "$3"; cat "$1" | "$0" lipsync --batch --phones > "$2""#,
            try ListeningTests.agentPath(), source, sink, pipe,
        ]
        try await withCheckedThrowingContinuation { done in
            process.terminationHandler = { _ in done.resume() }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        let output = try String(contentsOfFile: sink, encoding: .utf8)
        let lines = try output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.count == input.count)
        #expect(lines.dropFirst(4).allSatisfy { $0["error"] == nil })
        #expect(lines.first?["error"]?.string == "Line 1: wav must name a file.")
        for line in lines.dropFirst().prefix(3) {
            #expect(line["error"]?.string?.hasSuffix("is no regular file.") == true)
        }
    }

    @Test func wrongFilesAre65() async throws {
        let folder = try Folder()
        let text = try folder.file("text.wav", Array("no sound at all".utf8))
        for arguments in [["nowhere.json"], ["--wav", text], ["--wav", "/"], ["/"]] {
            let run = try await Self.run(arguments)
            #expect(run.exit == 65 && run.output.isEmpty)
            #expect(run.errors.split(separator: "\n").count == 1)
        }
    }
}
