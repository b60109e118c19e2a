// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Reads a claim's value as the type it must have; a refusal names the claim and nothing else.
enum ClaimReader {
    static func string(_ member: JSONValue.Member) throws(AccessToken.Refusal) -> String {
        guard let text = member.value.string else { throw refusal(member) }
        return text
    }

    static func bool(_ member: JSONValue.Member) throws(AccessToken.Refusal) -> Bool {
        guard let flag = member.value.bool else { throw refusal(member) }
        return flag
    }

    static func strings(_ member: JSONValue.Member) throws(AccessToken.Refusal) -> [String] {
        guard let list = member.value.array else { throw refusal(member) }
        let texts = list.compactMap(\.string)
        guard texts.count == list.count else { throw refusal(member) }
        return texts
    }

    static func dictionary(
        _ member: JSONValue.Member
    ) throws(AccessToken.Refusal) -> [String: String] {
        guard let entries = member.value.members else { throw refusal(member) }
        var dictionary: [String: String] = [:]
        for entry in entries {
            guard let text = entry.value.string else { throw refusal(member) }
            dictionary[entry.name] = text
        }
        return dictionary
    }

    /// Protojson writes 32-bit numbers as numbers and takes them as text too.
    static func uint32(_ member: JSONValue.Member) throws(AccessToken.Refusal) -> UInt32 {
        let value = member.value.int ?? member.value.string.flatMap { Int64($0) }
        guard let value, let exact = UInt32(exactly: value) else { throw refusal(member) }
        return exact
    }

    /// RFC 7519 NumericDate: seconds since 1970, a fraction allowed, here rounded down.
    static func date(_ member: JSONValue.Member) throws(AccessToken.Refusal) -> Int64 {
        // 2^53: beyond it a double is no longer exact, and no date of ours is there.
        guard let seconds = member.value.number, abs(seconds) < 9e15 else { throw refusal(member) }
        return Int64(seconds.rounded(.down))
    }

    /// Writes a map with its names in order, so that equal claims give equal tokens.
    static func write(_ dictionary: [String: String], into json: inout JSONWriter) {
        json.object { json in
            for (name, value) in dictionary.sorted(by: { $0.key < $1.key }) {
                json.member(name, value)
            }
        }
    }

    /// Only names that stand in this source get into an error: a token's text never does.
    private static let known: Set<String> = [
        "iss", "sub", "nbf", "exp", "iat", "jti", "name", "kind", "metadata", "attributes",
        "sha256",
        "roomPreset", "canPublishSources",
    ]

    private static func refusal(_ member: JSONValue.Member) -> AccessToken.Refusal {
        .invalidClaim(known.contains(member.name) ? member.name : "a nested one")
    }
}
