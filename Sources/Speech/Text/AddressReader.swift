// SPDX-License-Identifier: Apache-2.0

/// Reads addresses of the web and of mail aloud.
enum AddressReader {
    /// Characters of an address that are said; the rest is a matter for browsers.
    private static let maxBytes = 60

    /// The words of an address; nil where `core` is none.
    static func words(_ core: [UInt8]) -> [String]? {
        guard core.count >= 4 else { return nil }
        var rest = core.map(lowered)
        if let scheme = schemeEnd(rest) {
            rest.removeFirst(scheme)
        } else if rest.starts(with: Array("www.".utf8)) {
            // said as it is
        } else if !isMail(rest) && !isHost(rest) {
            return nil
        }
        // Queries and fragments have no sound worth hearing.
        if let end = rest.firstIndex(where: { $0 == 0x3F || $0 == 0x23 }) {
            rest.removeSubrange(end...)
        }
        while rest.last == 0x2F { rest.removeLast() }
        let words = spell(rest.prefix(maxBytes))
        return words.isEmpty ? nil : words
    }

    private static func schemeEnd(_ bytes: [UInt8]) -> Int? {
        guard let colon = bytes.firstIndex(of: 0x3A), colon > 1, colon <= 10,
            bytes.count > colon + 3, bytes[colon + 1] == 0x2F, bytes[colon + 2] == 0x2F,
            bytes[..<colon].allSatisfy({ isLower($0) || isDigit($0) })
        else { return nil }
        return colon + 3
    }

    private static func isMail(_ bytes: [UInt8]) -> Bool {
        guard let at = bytes.firstIndex(of: 0x40), at > 0,
            bytes[..<at].allSatisfy({
                isLower($0) || isDigit($0) || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F || $0 == 0x2B
            })
        else { return false }
        let host = bytes[(at + 1)...]
        return host.contains(0x2E) && host.first.map { isLower($0) || isDigit($0) } == true
    }

    private static func isHost(_ bytes: [UInt8]) -> Bool {
        let host = bytes.prefix { $0 != 0x2F && $0 != 0x3A }
        guard let dot = host.lastIndex(of: 0x2E), dot > 1, dot < host.count - 1 else {
            return false
        }
        let top = String(decoding: host[(dot + 1)...], as: UTF8.self)
        guard SpokenForms.domains.contains(top) else { return false }
        let name = host[..<dot]
        return name.allSatisfy { isLower($0) || isDigit($0) || $0 == 0x2D || $0 == 0x2E }
            && name.contains(where: isLower) && !name.contains(0x2E)
            || name.starts(with: Array("www.".utf8))
            || bytes.count > host.count && name.contains(where: isLower)
    }

    private static func spell(_ bytes: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var letters: [UInt8] = []
        var digits: [UInt8] = []
        func flush() {
            if !letters.isEmpty {
                words += TokenReader.lowercaseWord(letters)
                letters = []
            }
            if !digits.isEmpty {
                let value = digits.count <= 4 ? NumberWords.value(of: digits) : nil
                words +=
                    value.map(NumberWords.cardinal) ?? NumberWords.digits(digits)
                digits = []
            }
        }
        for byte in bytes {
            if isLower(byte) {
                if !digits.isEmpty { flush() }
                letters.append(byte)
                continue
            }
            if isDigit(byte) {
                if !letters.isEmpty { flush() }
                digits.append(byte)
                continue
            }
            flush()
            switch byte {
            case 0x2E: words.append("dot")
            case 0x40: words.append("at")
            case 0x2F: words.append("slash")
            case 0x2D: words.append("dash")
            case 0x5F: words.append("underscore")
            case 0x3A: words.append("colon")
            case 0x2B: words.append("plus")
            default: break
            }
        }
        flush()
        return words
    }
}
