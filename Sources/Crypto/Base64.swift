// SPDX-License-Identifier: Apache-2.0

/// The two alphabets of RFC 4648.
public enum Base64 {
    private static let standard = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Encodes with `+` and `/`, padded.
    public static func encode(_ bytes: [UInt8]) -> String {
        encode(bytes, standard, padded: true)
    }

    /// Encodes with `-` and `_`, unpadded unless asked.
    public static func encodeURL(_ bytes: [UInt8], padded: Bool = false) -> String {
        encode(bytes, url, padded: padded)
    }

    /// Decodes the standard alphabet; padding is required. Nil for anything malformed.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let symbols = Array(text.utf8)
        guard symbols.count % 4 == 0 else { return nil }
        var end = symbols.count
        while end > 0, symbols.count - end < 2, symbols[end - 1] == UInt8(ascii: "=") { end -= 1 }
        return decode(symbols[..<end], plus: UInt8(ascii: "+"), slash: UInt8(ascii: "/"))
    }

    /// Decodes the URL alphabet, with or without padding. Nil for anything malformed.
    public static func decodeURL(_ text: some StringProtocol) -> [UInt8]? {
        let symbols = Array(text.utf8)
        var end = symbols.count
        if symbols.count % 4 == 0 {
            while end > 0, symbols.count - end < 2, symbols[end - 1] == UInt8(ascii: "=") {
                end -= 1
            }
        }
        return decode(symbols[..<end], plus: UInt8(ascii: "-"), slash: UInt8(ascii: "_"))
    }

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], padded: Bool) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
            }
            for place in 0...count {
                output.append(alphabet[Int(group >> UInt32(18 - 6 * place)) & 63])
            }
            if padded, count < 3 {
                output.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - count))
            }
            index += 3
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func decode(
        _ symbols: ArraySlice<UInt8>, plus: UInt8, slash: UInt8
    ) -> [UInt8]? {
        guard symbols.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(symbols.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for symbol in symbols {
            let value: UInt8
            switch symbol {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = symbol - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = symbol - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = symbol - UInt8(ascii: "0") + 52
            case plus: value = 62
            case slash: value = 63
            default: return nil
            }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
                buffer &= (1 << UInt32(bits)) - 1
            }
        }
        // Non-zero leftover bits: the same bytes would have two spellings, which a token must not.
        return buffer == 0 ? output : nil
    }
}
