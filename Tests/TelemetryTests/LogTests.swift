// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Synchronization
import Testing

@testable import Telemetry

/// A pipe whose other end a test reads.
final class LogPipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// At least `count` whole lines, waiting for them.
    func lines(_ count: Int) -> [String] {
        var text: [UInt8] = []
        while text.count(where: { $0 == 10 }) < count || text.last != 10 {
            var chunk = [UInt8](repeating: 0, count: 65536)
            let number = read(reader, &chunk, chunk.count)
            guard number > 0 else { break }
            text += chunk[..<number]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

struct LogRecordTests {
    private func line(
        _ fields: LogFields, _ level: LogLevel = .info, _ format: LogFormat = .text
    ) -> String {
        let record = LogRecord(
            time: WallClock(unixMilliseconds: 1_763_700_000_123), level: level, label: "net",
            message: "hello there", fields: [fields])
        return String(decoding: record.line(format), as: UTF8.self)
    }

    @Test func textLinesReadWell() {
        #expect(
            line([
                "room": "blue", "took_ms": .number(3.14159), "count": 3, "ok": true,
                "said": "a \"b\"", "empty": "",
            ])
                == "2025-11-21T04:40:00.123Z info    net: hello there room=blue took_ms=3.142 "
                + "count=3 ok=true said=\"a \\\"b\\\"\" empty=\"\"\n")
    }

    @Test func jsonLinesParse() throws {
        let text = line(["a": "x\n\"y\"", "n": .number(0.5), "i": -3, "f": false], .warning, .json)
        let value = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(value["level"] as? String == "warning")
        #expect(value["logger"] as? String == "net")
        #expect(value["message"] as? String == "hello there")
        #expect(value["time"] as? String == "2025-11-21T04:40:00.123Z")
        #expect(value["a"] as? String == "x\n\"y\"")
        #expect(value["n"] as? Double == 0.5)
        #expect(value["i"] as? Int == -3)
        #expect(value["f"] as? Bool == false)
    }

    @Test func noValueMakesALineOrSteersATerminal() {
        let text = line(["a": "x\ny\u{1B}[31m\u{85}\u{2028}\u{202E}ü"])
        #expect(text.contains("a=\"x\\ny\\u{1b}[31m\\u{85}\\u{2028}\\u{202e}ü\"\n"))
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test func longValuesAreCutAtACharacter() {
        let text = line(["a": .text(String(repeating: "ü", count: 5000))])
        #expect(text.utf8.count < LogRecord.maxValueLength + 100)
        #expect(text.hasSuffix("ü…\"\n"))
        let odd = line(["a": .text("x" + String(repeating: "ü", count: 5000))])
        #expect(odd.hasSuffix("ü…\"\n"))
    }

    @Test func personalDataStaysOnTheDebugLevels() {
        for level in LogLevel.allCases {
            let text = line(["pii.identity": "anna"], level)
            #expect(text.contains("anna") == (level <= .debug))
        }
    }

    @Test(arguments: [
        "token", "livekit.token", "api_key", "apikey", "user_password", "Authorization",
        "client-secret", "private_key", "set_cookie",
    ])
    func keysOfSecretsHideTheirValuesOnAllLevels(key: String) {
        #expect(!Redaction.isShown(key: key, level: .trace))
    }

    @Test(arguments: ["key", "tokens_issued", "monkey", "keyframes", "took_ms", "u"])
    func otherKeysShowTheirValues(key: String) {
        #expect(Redaction.isShown(key: key, level: .error))
    }

    @Test func aSecretPrintsNothingHoweverItIsPrinted() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump([secret], to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped] {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("redacted") || text == dumped)
        }
        #expect(secret.reveal() == "hunter2")
        #expect(line(["a": .of(secret)]).contains("a=<redacted>"))
    }

    @Test(arguments: [
        ("wss://user:pw@host:443/rtc?access_token=x#y", "wss://host:443/rtc"),
        ("https://host/a@b?x", "https://host/a@b"),
        ("https://a@b@host", "https://host"),
        ("user:pw@host/x?y", "host/x"),
        ("host", "host"),
        ("?token=x", ""),
        ("", ""),
    ])
    func urlsLoseWhatMayBeSecret(url: String, shown: String) {
        #expect(Redaction.url(url) == shown)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
        (-5, "1970-01-01T00:00:00.000Z"),
    ])
    func civilTimeFollowsTheCalendar(milliseconds: Int64, text: String) {
        #expect(CivilTime(WallClock(unixMilliseconds: milliseconds)).description == text)
    }

    @Test func civilTimeAgreesWithFoundation() {
        let formatter = ISO8601DateFormatter()
        for index in 0..<3000 as Range<Int64> {
            let seconds = index * 1_234_567
            let date = Date(timeIntervalSince1970: Double(seconds))
            let ours = CivilTime(WallClock(unixMilliseconds: seconds * 1000)).description
            #expect(ours == formatter.string(from: date).replacing("Z", with: ".000Z"))
        }
    }
}

struct LogWriterTests {
    @Test func linesComeInOrderAndLevelsCostNothingBelow() {
        let pipe = LogPipe()
        let writer = LogWriter(level: .info, format: .text, descriptor: pipe.writer)
        let log = writer.logger("room").with(["session": "s1"])
        let isAsked = Atomic<Bool>(false)
        func fields() -> LogFields {
            isAsked.store(true, ordering: .relaxed)
            return [:]
        }
        log.debug("not written", fields())
        log.info("first", ["a": 1])
        log.error("second")
        let closed = writer.close()
        #expect(closed)
        let again = writer.close()
        #expect(again, "closing twice tells the same")
        let lines = pipe.lines(2)
        #expect(lines[0].hasSuffix("info    room: first session=s1 a=1"))
        #expect(lines[1].hasSuffix("error   room: second session=s1"))
        let asked = isAsked.load(ordering: .relaxed)
        #expect(!asked)
    }

    @Test func theLevelChangesAtRunTime() {
        let pipe = LogPipe()
        let writer = LogWriter(level: .error, descriptor: pipe.writer)
        let log = writer.logger("x")
        log.info("lost")
        writer.level = .debug
        log.debug("seen")
        writer.close()
        #expect(pipe.lines(1).first?.hasSuffix("x: seen") == true)
    }

    @Test func aFullPipeStopsNobodyAndWhatIsLostIsTold() {
        let pipe = LogPipe()
        let writer = LogWriter(level: .info, descriptor: pipe.writer)
        let log = writer.logger("x")
        let filler = String(repeating: "y", count: 200)
        // Nobody reads: the pipe fills up, then the queue does, and the call still returns.
        let total = 12_000
        for _ in 0..<total { log.info("line", ["filler": .text(filler)]) }
        let dropped = writer.droppedLines.value
        #expect(dropped > 0)
        log.error("the reserve is for this")
        #expect(writer.droppedLines.value == dropped)
        let closed = writer.close(within: .milliseconds(20))
        #expect(!closed, "the reader is to blame")
        // The loss is told in pieces, whenever a line could be taken again.
        var lines: [String] = []
        var told: UInt64 = 0
        while told < dropped || !lines.contains(where: { $0.contains("the reserve is for") }) {
            let more = pipe.lines(1)
            lines += more
            for line in more where line.contains("log lines dropped") {
                told += line.split(separator: "=").last.flatMap { UInt64($0) } ?? 0
            }
        }
        #expect(told == dropped)
        #expect(lines.count { $0.contains("x: line") } == total - Int(dropped))
    }

    @Test func aBrokenDescriptorIsCountedAndHarmless() {
        let writer = LogWriter(level: .info, descriptor: -1)
        writer.logger("x").info("into nothing")
        writer.close()
        #expect(writer.droppedLines.value == 1)
        writer.logger("x").info("after the end")
        #expect(writer.droppedLines.value == 2)
    }

    @Test func threadsMayLogTogether() async {
        let pipe = LogPipe()
        let writer = LogWriter(level: .info, descriptor: pipe.writer)
        let log = writer.logger("x")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for index in 0..<100 {
                        log.info("n", ["task": .count(task), "i": .count(index)])
                    }
                }
            }
        }
        writer.close()
        let lines = pipe.lines(400)
        #expect(lines.count == 400)
        for task in 0..<4 {
            let own = lines.filter { $0.contains("task=\(task) ") }
            #expect(own.indices.allSatisfy { own[$0].hasSuffix("i=\($0)") })
        }
    }

    @Test func whatHappensOftenIsOneLineASecondWithItsCount() {
        let pipe = LogPipe()
        let writer = LogWriter(level: .info, descriptor: pipe.writer)
        let tally = writer.logger("rtp").tally(.warning, "bad packet")
        let clock = ContinuousClock()
        let taken = clock.measure {
            for index in 0..<1000 { tally.add(1, ["first": .count(index)]) }
        }
        // The rest comes when the writer is closed, or a second has passed.
        writer.close()
        let lines = pipe.lines(2)
        #expect(lines[0].hasSuffix("rtp: bad packet first=0 count=1"))
        // Where the machine stood still for a second, its writer told in between.
        if taken < .seconds(1) {
            #expect(lines[1].hasSuffix("rtp: bad packet first=1 count=999"))
        }
    }

    @Test func aTallyTellsItsRestAfterASecondByItself() {
        let pipe = LogPipe()
        let writer = LogWriter(level: .info, descriptor: pipe.writer)
        let tally = writer.logger("rtp").tally(.warning, "bad packet")
        tally.add()
        tally.add(5)
        // Reading blocks until the writer's own timer has told.
        let lines = pipe.lines(2)
        #expect(lines.last?.hasSuffix("count=5") == true)
        #expect(tally.flush(at: .zero) == nil)
        writer.close()
    }
}
