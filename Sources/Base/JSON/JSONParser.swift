// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// What is wrong with a text that should have been JSON, and where.
    public struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
        /// The kind of mistake.
        public enum Reason: String, Sendable {
            case tooLong = "too long"
            case tooDeep = "nested too deep"
            case unexpectedEnd = "unexpected end"
            case unexpectedByte = "unexpected character"
            case invalidNumber = "invalid number"
            case invalidString = "invalid string"
            case invalidUTF8 = "not UTF-8"
            case trailingBytes = "text after the end"
        }

        /// The kind of mistake.
        public let reason: Reason
        /// Bytes from the start of the text to the mistake.
        public let offset: Int

        /// Reason and place in words.
        public var description: String { "\(reason.rawValue) at byte \(offset)" }
    }

    /// Parses one JSON document (RFC 8259).
    ///
    /// A lone surrogate escape becomes U+FFFD, as a browser would send it in UTF-8.
    ///
    /// - Parameters:
    ///   - bytes: the document, UTF-8, no byte order mark.
    ///   - maxBytes: a longer document is refused before it is read.
    ///   - maxDepth: arrays and objects nested deeper are refused.
    /// - Throws: `ParseError`, for every text that is not exactly one document.
    public init(
        parsing bytes: [UInt8], maxBytes: Int = 1 << 20, maxDepth: Int = 32
    ) throws(ParseError) {
        guard bytes.count <= maxBytes else { throw ParseError(reason: .tooLong, offset: maxBytes) }
        var parser = JSONParser(bytes: bytes, maxDepth: maxDepth)
        self = try parser.document()
    }

    /// Parses one JSON document held in a string.
    public init(parsing text: String, maxDepth: Int = 32) throws(ParseError) {
        try self.init(parsing: Array(text.utf8), maxBytes: .max, maxDepth: maxDepth)
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let maxDepth: Int
    var position = 0
    var depth = 0

    func failure(_ reason: JSONValue.ParseError.Reason) -> JSONValue.ParseError {
        JSONValue.ParseError(reason: reason, offset: position)
    }

    mutating func document() throws(JSONValue.ParseError) -> JSONValue {
        let value = try self.value()
        skipSpace()
        guard position == bytes.count else { throw failure(.trailingBytes) }
        return value
    }

    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    func peek() throws(JSONValue.ParseError) -> UInt8 {
        guard position < bytes.count else { throw failure(.unexpectedEnd) }
        return bytes[position]
    }

    mutating func value() throws(JSONValue.ParseError) -> JSONValue {
        skipSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure(.unexpectedByte)
        }
    }

    mutating func word(
        _ text: StaticString, _ value: JSONValue
    ) throws(JSONValue.ParseError) -> JSONValue {
        for byte in text.description.utf8 {
            guard try peek() == byte else { throw failure(.unexpectedByte) }
            position += 1
        }
        return value
    }

    mutating func enter() throws(JSONValue.ParseError) {
        depth += 1
        guard depth <= maxDepth else { throw failure(.tooDeep) }
        position += 1
    }

    /// Passes a comma or the closing byte; true when the list goes on.
    mutating func continues(until close: UInt8) throws(JSONValue.ParseError) -> Bool {
        skipSpace()
        let byte = try peek()
        guard byte == UInt8(ascii: ",") || byte == close else { throw failure(.unexpectedByte) }
        position += 1
        if byte == close { depth -= 1 }
        return byte != close
    }

    mutating func array() throws(JSONValue.ParseError) -> JSONValue {
        try enter()
        skipSpace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            depth -= 1
            return .array([])
        }
        var elements: [JSONValue] = []
        repeat { elements.append(try value()) } while try continues(until: UInt8(ascii: "]"))
        return .array(elements)
    }

    mutating func object() throws(JSONValue.ParseError) -> JSONValue {
        try enter()
        skipSpace()
        if try peek() == UInt8(ascii: "}") {
            position += 1
            depth -= 1
            return .object([])
        }
        var members: [JSONValue.Member] = []
        repeat {
            skipSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
            let name = try string()
            skipSpace()
            guard try peek() == UInt8(ascii: ":") else { throw failure(.unexpectedByte) }
            position += 1
            members.append(JSONValue.Member(name, try value()))
        } while try continues(until: UInt8(ascii: "}"))
        return .object(members)
    }

    mutating func digits() -> Int {
        let start = position
        while position < bytes.count, (48...57).contains(bytes[position]) { position += 1 }
        return position - start
    }

    mutating func number() throws(JSONValue.ParseError) -> JSONValue {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let integerStart = position
        let integerDigits = digits()
        guard integerDigits > 0, integerDigits == 1 || bytes[integerStart] != UInt8(ascii: "0")
        else {
            throw failure(.invalidNumber)
        }
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard digits() > 0 else { throw failure(.invalidNumber) }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < bytes.count,
                bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
            {
                position += 1
            }
            guard digits() > 0 else { throw failure(.invalidNumber) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure(.invalidNumber) }
        return .double(value)
    }

    mutating func string() throws(JSONValue.ParseError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            let start = position
            while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
                bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
            {
                position += 1
            }
            text.append(contentsOf: bytes[start..<position])
            switch try peek() {
            case UInt8(ascii: "\""):
                position += 1
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw failure(.invalidUTF8)
                }
                return valid
            case UInt8(ascii: "\\"):
                position += 1
                text.append(contentsOf: String(try escape()).utf8)
            default:
                throw failure(.invalidString)
            }
        }
    }

    mutating func escape() throws(JSONValue.ParseError) -> Unicode.Scalar {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw failure(.invalidString)
        }
        let first = try hexadecimal()
        if (0xD800..<0xDC00).contains(first), position + 6 <= bytes.count,
            bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        {
            let mark = position
            position += 2
            let second = try hexadecimal()
            if (0xDC00..<0xE000).contains(second) {
                let value = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
                return Unicode.Scalar(value) ?? "\u{FFFD}"
            }
            position = mark
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    mutating func hexadecimal() throws(JSONValue.ParseError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw failure(.unexpectedEnd) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue,
                bytes[position] < 0x80
            else { throw failure(.invalidString) }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
