// SPDX-License-Identifier: Apache-2.0

/// A request's target, taken apart and percent-decoded (RFC 3986 section 2.1).
struct HTTPTarget: Equatable {
    /// Items of a query at most; a form of ours has a handful.
    static let queryItemsMax = 128

    /// The path's segments, decoded; `/a/b` is `["a", "b"]`, `/` is `[""]`.
    let segments: [String]
    /// The query's names and values in their order, decoded, a plus as a blank.
    let query: [HTTPRequest.QueryItem]

    /// Takes a target apart; nil when it is not an absolute path, or holds a bad escape, an encoded
    /// NUL, or bytes that are not UTF-8.
    init?(_ raw: String) {
        guard raw.utf8.first == UInt8(ascii: "/") else { return nil }
        let parts = raw.utf8.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var segments: [String] = []
        let path = parts[0].dropFirst()
        for segment in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let text = Self.decoded(segment, plusIsBlank: false) else { return nil }
            segments.append(text)
        }
        var query: [HTTPRequest.QueryItem] = []
        if parts.count == 2 {
            for item in parts[1].split(separator: UInt8(ascii: "&")) {
                let pair = item.split(
                    separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                guard query.count < Self.queryItemsMax,
                    let name = Self.decoded(pair[0], plusIsBlank: true),
                    let value = pair.count == 2 ? Self.decoded(pair[1], plusIsBlank: true) : ""
                else { return nil }
                query.append(HTTPRequest.QueryItem(name: name, value: value))
            }
        }
        self.segments = segments
        self.query = query
    }

    private static func decoded(_ raw: Substring.UTF8View, plusIsBlank: Bool) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        var rest = raw
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit),
                    let low = rest.popFirst().flatMap(digit), high << 4 | low != 0
                else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
