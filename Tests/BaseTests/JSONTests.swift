// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@Suite struct JSONTests {
    @Test func documentsAreReadAsTheyStand() throws {
        let value = try JSONValue(
            parsing:
                #" {"a":[1,-2.5e1,true,null,"x\né\ud83d\ude00"],"b":{},"a2":9223372036854775808} "#)
        #expect(value["a"]?[0]?.int == 1)
        #expect(value["a"]?[1]?.number == -25)
        #expect(value["a"]?[4]?.string == "x\né😀")
        #expect(value["b"]?.members?.isEmpty == true)
        #expect(value["a2"]?.int == nil && value["a2"]?.number == 9_223_372_036_854_775_808)
    }

    @Test func loneSurrogatesBecomeReplacementCharacters() throws {
        #expect(try JSONValue(parsing: #""a\ud800b\udc00""#).string == "a\u{FFFD}b\u{FFFD}")
        #expect(try JSONValue(parsing: #""\ud800\u0041""#).string == "\u{FFFD}A")
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", "-", "+1", "1e", ".5", "nul",
        "tru",
        "\"", "\"\u{1}\"", "\"\\x\"", "\"\\u12\"", "1 2", "[1 2]", "1e999", "'a'", "NaN",
        "\u{FEFF}1",
        "{\"a\"}", "{\"a\":}", "]", ",",
    ])
    func malformedTextIsRefused(text: String) {
        #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: text) }
    }

    @Test func boundsHold() {
        let deep = String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
        let tooDeep = #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: deep) }
        #expect(tooDeep?.reason == .tooDeep && tooDeep?.offset == 32)
        let tooLong = #expect(throws: JSONValue.ParseError.self) {
            try JSONValue(parsing: Array("12345".utf8), maxBytes: 4)
        }
        #expect(tooLong?.reason == .tooLong)
        #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func whatIsWrittenReadsBack() throws {
        var json = JSONWriter()
        json.object {
            $0.member("s", "q\"\\\n\u{1}é😀")
            $0.member("i", -7)
            $0.member("d", 1.005, decimals: 2)
            $0.member("whole", 3.0, decimals: 2)
            $0.member("small", -0.05, decimals: 2)
            $0.member("none", Double.nan, decimals: 2)
            $0.member("list") {
                $0.array {
                    $0.value(true); $0.null(); $0.array { _ in }
                }
            }
        }
        #expect(
            json.text.hasSuffix(#""d":1,"whole":3,"small":-0.05,"none":0,"list":[true,null,[]]}"#)
                || json.text.hasSuffix(
                    #""d":1.01,"whole":3,"small":-0.05,"none":0,"list":[true,null,[]]}"#)
        )
        let value = try JSONValue(parsing: json.bytes)
        #expect(value["s"]?.string == "q\"\\\n\u{1}é😀")
        var copy = JSONWriter()
        copy.value(value)
        #expect(copy.text == json.text)
    }

    @Test func mutatedDocumentsNeverTrap() {
        var random = SeededRandom(seed: 5)
        let seed = Array(#"{"a":[1,2.5,{"b":"c\u00e9\n"}],"d":null,"e":-1e5}"#.utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            if (try? JSONValue(parsing: bytes)) != nil { accepted += 1 }
        }
        #expect(accepted > 0 && accepted < 20_000)
    }
}
