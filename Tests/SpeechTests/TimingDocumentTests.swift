// SPDX-License-Identifier: Apache-2.0
import Base
import LipSync
import Speech
import Testing

@Suite struct TimingDocumentTests {
    static func read(_ text: String) throws -> TimingDocument {
        try TimingDocument(parsing: Array(text.utf8))
    }

    static func words(_ text: String) throws -> [WordTiming] {
        guard case .words(let words) = try read(text).content else { return [] }
        return words
    }

    @Test func phonesOfBothAlphabetsAreRead() throws {
        let document = try Self.read(
            """
            {"id":7,"language":"de","wav":"a.wav","phones":[
             {"phone":"ˈaɪ","start_ms":0,"end_ms":120.5},{"phone":"AH1","start_ms":120.5,"end_ms":200},
             {"phone":"sil","start_ms":200,"end_ms":300}]}
            """)
        #expect(document.id == .integer(7) && document.language == "de" && document.wav == "a.wav")
        guard case .phones(let phones) = document.content else { return #expect(Bool(false)) }
        #expect(phones.map(\.symbol) == ["aɪ", "AH", "sil"])
        #expect(phones.map(\.stress) == [1, 1, 0])
        #expect(phones.map(\.end) == [120.5, 200, 300])
    }

    @Test func whatIsEmptyHidesNothingAndPausesAreNoWords() throws {
        let full = """
            "alignment":{"characters":["H","i"],"character_start_times_seconds":[0,0.1],
             "character_end_times_seconds":[0.1,0.3]}
            """
        let none = """
            "normalized_alignment":{"characters":[],"character_start_times_seconds":[],
             "character_end_times_seconds":[]}
            """
        #expect(try Self.words("{\(none),\(full)}").map(\.text) == ["Hi"])
        #expect(try Self.words("{\"words\":[],\"phones\":[],\(full)}").map(\.text) == ["Hi"])
        let tier = try Self.words(
            """
            {"words":[{"text":"sp","start_ms":0,"end_ms":90},
             {"text":"HI","start_ms":90,"end_ms":200},{"text":"<eps>","start_ms":200,"end_ms":300}]}
            """)
        #expect(tier.map(\.text) == ["HI"])
    }

    @Test func wordsAndTextAreRead() throws {
        let words = try Self.words(
            #"{"words":[{"text":"Hi,","start_ms":10,"end_ms":200},{"word":"you","start_ms":1e2,"end_ms":3.5e2}]}"#
        )
        #expect(
            words == [
                WordTiming("Hi,", phones: [], start: 10, end: 200),
                WordTiming("you", phones: [], start: 100, end: 350),
            ])
        guard
            case .text(let list, let start, let end) = try Self.read(
                #"{"text":" one  two\nthree ","end_ms":900}"#
            ).content
        else { return #expect(Bool(false)) }
        #expect(list == ["one", "two", "three"] && start == nil && end == 900)
        guard case .nothing = try Self.read(#"{"id":"x","wav":"a.wav","words":null}"#).content
        else { return #expect(Bool(false)) }
    }

    /// "Hi u" as ElevenLabs' HTTP and websocket calls spell it.
    static let seconds =
        #""characters":["H","i"," ","u"],"character_start_times_seconds":[0,0.1,0.2,0.3],"#
        + #""character_end_times_seconds":[0.1,0.2,0.3,0.4]"#
    static func milliseconds(_ s: String) -> String {
        #""chars":["H","i"," ","u"],"char\#(s)StartTimesMs":[0,100,200,300],"#
            + #""char\#(s)DurationsMs":[100,100,100,100]"#
    }
    static let spellings = [
        "{\(seconds)}",
        #"{"alignment":{\#(seconds)},"normalized_alignment":null}"#,
        "{\(milliseconds(""))}",
        "{\(milliseconds("s"))}",
        #"{"text":"Hi 1","alignment":{"chars":["1"],"charStartTimesMs":[0],"charDurationsMs":[9]},"#
            + #""normalizedAlignment":{\#(milliseconds(""))}}"#,
    ]

    @Test(arguments: spellings)
    func charactersAreReadInEverySpelling(text: String) throws {
        let words = try Self.words(text)
        #expect(words.map(\.text) == ["Hi", "u"])
        #expect(words.map { $0.start.rounded() } == [0, 300])
        #expect(words.map { $0.end.rounded() } == [200, 400])
        #expect(words.first?.letters.count == 2)
    }

    @Test(arguments: [
        ("", "it is no JSON: unexpected end at byte 0"),
        ("[1]", "it is no JSON object"),
        (#"{"phones":{}}"#, "phones must be a list"),
        (#"{"phones":[{"start_ms":0,"end_ms":1}]}"#, "phones[0].phone must be the name of a sound"),
        (#"{"phones":[{"phone":"b","start_ms":0}]}"#, "phones[0].end_ms is missing"),
        (
            #"{"phones":[{"phone":"b","start_ms":0,"end_ms":"1"}]}"#,
            "phones[0].end_ms must be a number"
        ),
        (
            #"{"phones":[{"phone":"b","start_ms":0,"end_ms":NaN}]}"#,
            "it is no JSON: unexpected character at byte 46"
        ),
        (
            #"{"phones":[{"phone":"b","start_ms":0,"end_ms":1e999}]}"#,
            "it is no JSON: invalid number at byte 51"
        ),
        (#"{"words":[3]}"#, "words[0].text must be a word"),
        (#"{"words":[{"text":"a","end_ms":1}]}"#, "words[0].start_ms is missing"),
        (
            #"{"characters":["a"],"character_start_times_seconds":[0]}"#,
            "character_end_times_seconds is missing"
        ),
        (
            #"{"characters":["a","b"],"character_start_times_seconds":[0]}"#,
            "character_start_times_seconds has 1 times for 2 characters"
        ),
        (
            #"{"characters":[1],"character_start_times_seconds":[0],"character_end_times_seconds":[1]}"#,
            "characters[0] must be a text"
        ),
        (
            #"{"characters":["a"],"character_start_times_seconds":[null],"character_end_times_seconds":[1]}"#,
            "character_start_times_seconds[0] must be a number"
        ),
        (#"{"text":5}"#, "text must be a text"),
        (#"{"text":"a","end_ms":true}"#, "text.end_ms must be a number"),
        (#"{"language":"","text":"a"}"#, "language must be a tag like en or de-AT"),
        (#"{"language":7}"#, "language must be a text"),
        (#"{"wav":[]}"#, "wav must be a text"),
    ])
    func wrongDocumentsAreRefusedInOneSentence(text: String, message: String) {
        let failure = #expect(throws: TimingDocument.Failure.self) { try Self.read(text) }
        #expect(failure?.description == message)
    }

    @Test func loneSurrogatesAndDepthAndLengthDoNoHarm() throws {
        let words = try Self.words(#"{"words":[{"text":"\ud800","start_ms":0,"end_ms":9}]}"#)
        #expect(words.first?.text == "\u{FFFD}")
        let deep = String(repeating: "[", count: 100)
        #expect(throws: TimingDocument.Failure.self) { try Self.read(#"{"words":"# + deep) }
        let long = [UInt8](repeating: 0x20, count: TimingDocument.maxBytes + 1)
        #expect(throws: TimingDocument.Failure.self) { try TimingDocument(parsing: long) }
        let word = String(repeating: "a", count: 1001)
        #expect(throws: TimingDocument.Failure.self) {
            try Self.read(#"{"words":[{"text":"\#(word)","start_ms":0,"end_ms":9}]}"#)
        }
    }

    @Test func changedDocumentsNeverTrap() {
        var random = SeededRandom(seed: 31)
        let seeds = [
            #"{"language":"en","words":[{"text":"Hi","start_ms":10,"end_ms":200}]}"#,
            #"{"phones":[{"phone":"AA1","start_ms":0,"end_ms":90},{"phone":"m","start_ms":90,"end_ms":180}]}"#,
            "{\(Self.seconds)}",
            #"{"chars":["a"],"charStartTimesMs":[0],"charDurationsMs":[9],"text":"a b","end_ms":5}"#,
        ].map { Array($0.utf8) }
        let pieces = ["-", "9", "e", ".", "null", "\"", "[", "]", "{", "}", ",", "1e300", "\u{0}"]
        for _ in 0..<10_000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                if Bool.random(using: &random) {
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                } else {
                    let piece = pieces[Int.random(in: 0..<pieces.count, using: &random)]
                    bytes.replaceSubrange(place..<place + 1, with: piece.utf8)
                }
            }
            guard let document = try? TimingDocument(parsing: bytes) else { continue }
            if case .phones(let phones) = document.content {
                // Whatever they are, what is made of them is a mouth.
                let curve = MouthCurve(phones.filter { $0.end < 5000 && $0.start < 5000 })
                #expect(curve.samples.allSatisfy { abs($0.shape.sum - 1) < 1e-9 })
            }
        }
    }
}
