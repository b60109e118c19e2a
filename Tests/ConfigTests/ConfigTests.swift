// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Config

struct ConfigTests {
    enum Provider: String, CaseIterable { case flite, elevenlabs }

    static let sample = """
        # What an operator writes.
        livekit:
          url: wss://example.org
          api_key: 0123
          ports: {from: 50000, to: "60000"}
        voices:
          - id: slt
            rate: 1.25
          - id: "tom"
        provider: elevenlabs
        debug: false
        wait: 250ms
        origins: [http://localhost:*, 'b']
        nothing:
        text: |
          two
          lines
        """

    private func parse(_ text: String) throws(ConfigError) -> ConfigNode {
        try ConfigNode(parsing: Array(text.utf8), file: "agent.yaml")
    }

    private func problems(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch let error as ConfigError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func valuesComeByType() throws {
        let root = try parse(Self.sample)
        let livekit = try root.mapping("livekit")
        #expect(try livekit.text("url") == "wss://example.org")
        #expect(try livekit.text("api_key") == "0123")
        let ports = try livekit.mapping("ports")
        #expect(try ports.integer("from", in: 1...65535) == 50000)
        #expect(try ports.text("to") == "60000")
        let voices = try root.list("voices")
        #expect(try voices.map { try $0.text("id") } == ["slt", "tom"])
        #expect(try voices[0].number("rate", in: 0.5...2) == 1.25)
        #expect(try root.choice("provider", of: Provider.self) == .elevenlabs)
        #expect(try root.flag("debug") == false)
        #expect(try root.duration("wait", in: .zero ... .seconds(1)) == .milliseconds(250))
        #expect(try root.texts("origins") == ["http://localhost:*", "b"])
        #expect(try root.text("nothing") == nil)
        #expect(try root.text("absent") == nil)
        #expect(try root.text("text") == "two\nlines")
        #expect(try root.mapping("gone").mapping("deeper").text("x") == nil)
        try root.finish()
    }

    @Test func wrongValuesAreToldWithFileLineAndPath() throws {
        let root = try parse("a:\n  b:\n    - 1\n  c: '5'\n  d: yes\n  e: 5\n  f: x\n  g: 5 s\n")
        let a = try root.mapping("a")
        #expect(problems { _ = try a.text("b") } == ["agent.yaml:2: a.b must be text"])
        #expect(
            problems { _ = try a.integer("c", in: 1...9) }
                == ["agent.yaml:4: a.c must be a whole number from 1 to 9"])
        #expect(problems { _ = try a.flag("d") } == ["agent.yaml:5: a.d must be true or false"])
        #expect(
            problems { _ = try a.integer("e", in: 6...9) }
                == ["agent.yaml:6: a.e must be a whole number from 6 to 9"])
        #expect(
            problems { _ = try a.choice("f", of: Provider.self) }
                == ["agent.yaml:7: a.f must be one of flite, elevenlabs"])
        #expect(problems { _ = try a.duration("g", in: .zero ... .seconds(9)) }.count == 1)
        #expect(problems { _ = try a.mapping("e") } == ["agent.yaml:6: a.e must be a mapping"])
        #expect(problems { _ = try a.list("e") } == ["agent.yaml:6: a.e must be a list"])
        #expect(
            problems { _ = try a.list("b")[0].flag() }
                == ["agent.yaml:3: a.b[0] must be true or false"])
        #expect(a.refusal("e", "is odd").description == "agent.yaml:6: a.e is odd")
        #expect(a.refusal("z", "is missing").description == "agent.yaml:1: a.z is missing")
    }

    @Test func aValueNeverStandsInAMessage() throws {
        let root = try parse("key: hunter2\nother: [hunter2]\nhunter2 hunter2!: 1")
        let told =
            problems { _ = try root.integer("key", in: 0...1) }
            + problems { _ = try root.text("other") } + problems { try root.finish() }
        #expect(told.count == 3)
        #expect(!told.joined().contains("hunter2"))
    }

    @Test func unknownKeysAreToldTogetherWithTheNearestName() throws {
        let root = try parse("livekti:\n  url: x\nhttp:\n  prot: 1\n  zzz: 2\nlist:\n  - idd: 1\n")
        _ = try root.mapping("livekit").text("url")
        _ = try root.mapping("http").integer("port", in: 0...9)
        for element in try root.list("list") { _ = try element.text("id") }
        #expect(
            problems { try root.finish() } == [
                "agent.yaml:1: livekti is not a known key; did you mean livekit?",
                "agent.yaml:4: http.prot is not a known key; did you mean port?",
                "agent.yaml:5: http.zzz is not a known key",
                "agent.yaml:7: list[0].idd is not a known key; did you mean id?",
            ])
    }

    @Test func namesThatTheOperatorChoseAreNotUnknown() throws {
        let root = try parse("voices:\n  anna: {rate: 1}\n  tom: {rtae: 2}\n")
        let voices = try root.mapping("voices").entries()
        #expect(voices.map(\.key) == ["anna", "tom"])
        for (_, voice) in voices { _ = try voice.number("rate", in: 0...3) }
        #expect(
            problems { try root.finish() }
                == ["agent.yaml:3: voices.tom.rtae is not a known key; did you mean rate?"])
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3\n", "agent.yaml:3: a stands twice, first in line 1"),
        ("a: &x 1\nb: *x\n", "agent.yaml:1: anchors, aliases and tags are not taken"),
        ("a: *x\n", "agent.yaml:1: anchors, aliases and tags are not taken"),
        ("a: !!str 1\n", "agent.yaml:1: anchors, aliases and tags are not taken"),
        ("a: 1\n---\nb: 2\n", "agent.yaml:2: a second document is not taken"),
        ("- a\n", "agent.yaml:1: must be a mapping"),
        ("? [a]\n: 1\n", "agent.yaml:1: a key must be text"),
        ("a: \"x\\0y\"\n", "agent.yaml:1: is not UTF-8 text"),
    ])
    func whatCouldDeceiveIsRefused(text: String, told: String) {
        #expect(problems { _ = try parse(text) } == [told])
    }

    @Test func brokenTextIsToldWithItsLine() {
        #expect(
            problems { _ = try parse("a: 1\nb: [1, 2\nc: 3\n") }.first?.hasPrefix("agent.yaml:")
                == true)
        #expect(
            problems { _ = try parse("a: 1\n\tb: 2\n") }.first?.hasPrefix("agent.yaml:2:") == true)
        let latin: [UInt8] = Array("a: 1\nb: ".utf8) + [0xE4, 0x0A]
        #expect(
            problems { _ = try ConfigNode(parsing: latin, file: "x") } == ["x:2: is not UTF-8"])
        let wide: [UInt8] = [0xFF, 0xFE, 0x61, 0x00]
        #expect(problems { _ = try ConfigNode(parsing: wide, file: "x") }.count == 1)
    }

    @Test func sizesAreBounded() {
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(problems { _ = try parse("a: " + deep) } == ["agent.yaml:1: nested too deeply"])
        let many = "a: [" + String(repeating: "1,", count: 60_000) + "]"
        #expect(problems { _ = try parse(many) } == ["agent.yaml:1: too many values"])
        let large = String(repeating: "#\n", count: 1 << 19) + "a: 1"
        #expect(
            problems { _ = try parse(large) } == ["agent.yaml: is larger than 1048576 bytes"])
    }

    @Test func anEmptyFileHasDefaultsAlone() throws {
        for text in ["", "# nothing\n", "---\n", "{}"] {
            let root = try parse(text)
            #expect(try root.text("a") == nil)
            try root.finish()
        }
        #expect(
            problems { _ = try ConfigNode(contentsOf: "/nowhere.yaml") }
                == ["/nowhere.yaml: does not exist"])
    }

    @Test func aByteOrderMarkIsPassedOver() throws {
        let root = try ConfigNode(parsing: [0xEF, 0xBB, 0xBF] + Array("a: ü".utf8), file: "x")
        #expect(try root.text("a") == "ü")
    }

    @Test func noBytesStopTheReader() {
        var state: UInt64 = 88172645463325252
        func random() -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33)
        }
        let marks = Array("{}[]:-&*!|>'\"#%@`,?\n\t ".utf8)
        var taken = 0
        for _ in 0..<3000 {
            var bytes = Array(Self.sample.utf8)
            for _ in 0..<(1 + random() % 6) {
                let place = random() % bytes.count
                switch random() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random())
                case 1: bytes.remove(at: place)
                default: bytes.insert(marks[random() % marks.count], at: place)
                }
            }
            if (try? ConfigNode(parsing: bytes, file: "x")) != nil { taken += 1 }
        }
        #expect(taken > 100 && taken < 3000)
    }

    @Test(arguments: [
        ("port", "prot", 1), ("port", "ports", 1), ("port", "sort", 1), ("abc", "xyz", 3),
        ("", "a", 1), ("same", "same", 0),
    ])
    func distancesCountLetters(left: String, right: String, distance: Int) {
        #expect(Spelling.distance(left, right) == distance)
        #expect(Spelling.distance(right, left) == distance)
    }
}
