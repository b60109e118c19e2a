// SPDX-License-Identifier: Apache-2.0

/// Writes JSON straight into bytes; commas come by themselves.
///
/// ```swift
/// var json = JSONWriter()
/// json.object {
///     $0.member("t_ms", 1200)
///     $0.member("weights") { $0.object { $0.member("Rest", 0.25, decimals: 2) } }
/// }
/// send(json.bytes)
/// ```
public struct JSONWriter: Sendable {
    /// The text so far, UTF-8.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Starts empty, with room for `capacity` bytes.
    public init(capacity: Int = 128) {
        bytes.reserveCapacity(capacity)
    }

    /// The text so far.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Containers

    /// Writes an object whose members `body` writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        wrap(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    /// Writes an array whose elements `body` writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        wrap(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    private mutating func wrap(
        _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void
    ) {
        separate()
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }

    // MARK: Members

    /// Writes a member whose value `value` writes.
    public mutating func member(_ name: String, _ value: (inout JSONWriter) -> Void) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
        value(&self)
        needsComma = true
    }

    /// Writes a string member.
    public mutating func member(_ name: String, _ value: String) {
        member(name) { $0.value(value) }
    }

    /// Writes a string member, or nothing for nil.
    public mutating func member(_ name: String, ifPresent value: String?) {
        if let value { member(name, value) }
    }

    /// Writes an integer member.
    public mutating func member(_ name: String, _ value: some BinaryInteger) {
        member(name) { $0.value(value) }
    }

    /// Writes a boolean member.
    public mutating func member(_ name: String, _ value: Bool) {
        member(name) { $0.value(value) }
    }

    /// Writes a number member with at most `decimals` places.
    public mutating func member(_ name: String, _ value: Double, decimals: Int) {
        member(name) { $0.value(value, decimals: decimals) }
    }

    /// Writes a member of any value.
    public mutating func member(_ name: String, _ value: JSONValue) {
        member(name) { $0.value(value) }
    }

    // MARK: Values

    /// Writes a string.
    public mutating func value(_ value: String) {
        separate()
        quote(value)
        needsComma = true
    }

    /// Writes an integer.
    public mutating func value(_ value: some BinaryInteger) {
        raw(String(value))
    }

    /// Writes a boolean.
    public mutating func value(_ value: Bool) {
        raw(value ? "true" : "false")
    }

    /// Writes null.
    public mutating func null() {
        raw("null")
    }

    /// Writes a number rounded to at most `decimals` places (0…9), without trailing zeros; what is
    /// not finite, or beyond 9e9, which no field of ours is, is written as 0.
    public mutating func value(_ value: Double, decimals: Int) {
        let places = min(max(decimals, 0), 9)
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        guard value.isFinite, abs(value) < 9e9 else { return raw("0") }
        var scaled = Int64((value * Double(scale)).rounded())
        var digits = places
        while digits > 0, scaled % 10 == 0 {
            scaled /= 10
            digits -= 1
            scale /= 10
        }
        var text = scaled < 0 ? "-" : ""
        text += String(scaled.magnitude / UInt64(scale))
        if digits > 0 {
            let fraction = String(scaled.magnitude % UInt64(scale))
            text += "." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
        }
        raw(text)
    }

    /// Writes any value.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): self.value(flag)
        case .integer(let number): self.value(number)
        case .double(let number): raw(number.isFinite ? "\(number)" : "null")
        case .string(let text): self.value(text)
        case .array(let elements): array { for element in elements { $0.value(element) } }
        case .object(let members):
            object { for member in members { $0.member(member.name, member.value) } }
        }
    }

    /// Writes text that is JSON already.
    public mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                let hex = String(byte, radix: 16)
                bytes.append(
                    contentsOf: ("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
