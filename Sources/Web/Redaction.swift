// SPDX-License-Identifier: Apache-2.0

/// Takes secrets out of text that a server sent us: LiveKit's 401 repeats the whole token.
struct Redaction {
    /// A token shorter than this is not searched for: every text would match.
    private static let secretMin = 8
    private static let mark = Array("<redacted>".utf8)

    private let secrets: [[UInt8]]

    /// Knows the secrets of a request: what Authorization carries, and `access_token` in the query.
    init(headers: HTTPHeaders, target: String) {
        var found: [String] = headers.all("authorization").flatMap { value in
            [value] + value.split(separator: " ").map(String.init)
        }
        let query = target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        for item in query.split(separator: "&") where item.hasPrefix("access_token=") {
            found.append(String(item.dropFirst("access_token=".count)))
        }
        secrets = found.map { Array($0.utf8) }.filter { $0.count >= Self.secretMin }
            .sorted { $0.count > $1.count }
    }

    /// The text of `bytes` without the request's secrets, without anything that looks like a JSON
    /// web token, and without control characters.
    func text(of bytes: [UInt8]) -> String {
        var rest = bytes[...]
        var clean: [UInt8] = []
        while let byte = rest.first {
            if let length = secretLength(at: rest) ?? Self.tokenLength(at: rest) {
                clean += Self.mark
                rest = rest.dropFirst(length)
            } else {
                clean.append(byte < 32 && byte != 10 ? 32 : byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: clean, as: UTF8.self)
    }

    /// A whole secret, or the beginning of one that the end of the text cuts.
    private func secretLength(at rest: ArraySlice<UInt8>) -> Int? {
        for secret in secrets {
            let common = zip(rest, secret).prefix { $0 == $1 }.count
            if common == secret.count || (common == rest.count && common >= Self.secretMin) {
                return common
            }
        }
        return nil
    }

    /// The run of token characters from "eyJ", which is `{"` in base64: a JOSE header.
    private static func tokenLength(at rest: ArraySlice<UInt8>) -> Int? {
        guard rest.starts(with: Array("eyJ".utf8)) else { return nil }
        let length = rest.prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "="):
                true
            default: false
            }
        }.count
        return length >= 16 ? length : nil
    }
}
