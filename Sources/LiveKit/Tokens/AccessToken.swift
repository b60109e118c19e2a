// SPDX-License-Identifier: Apache-2.0
public import Base
internal import Crypto

/// LiveKit access tokens: JSON Web Tokens (RFC 7519) signed with HS256, the only algorithm that
/// current servers take.
public enum AccessToken {
    /// The longest token minted or read, in bytes. Servers take it in a request line or header,
    /// which proxies commonly bound at 16 KiB.
    public static let maxLength = 16 * 1024
    /// The longest identity, display name and room name, in bytes (a server's own limit).
    public static let maxNameLength = 256
    /// How far two clocks may differ, in seconds (what servers allow).
    public static let leeway: Int64 = 60
    /// The deepest nesting of claims that is read.
    public static let maxDepth = 16

    /// Why a token is not minted.
    public enum MintError: Error, Equatable, Sendable {
        /// The key's id or secret is empty.
        case emptyKey
        /// A grant to join names no identity.
        case emptyIdentity
        /// A grant to join names no room.
        case emptyRoom
        /// The identity, the name or the room is longer than `maxNameLength`.
        case nameTooLong
        /// The token would be longer than `maxLength`.
        case tooLong
    }

    /// Why a token is refused. No case ever holds text of the token.
    public enum Refusal: Error, Equatable, Sendable {
        /// Longer than `maxLength`.
        case tooLong
        /// Not three parts of unpadded base64url, or not JSON inside.
        case malformed
        /// Signed with something else than HS256, or not at all.
        case unsupportedAlgorithm
        /// Signed with a key that is not among ours.
        case unknownKey
        /// The signature does not fit.
        case wrongSignature
        /// A claim has the wrong type.
        case invalidClaim(String)
        /// No `exp`: it would be valid for ever.
        case unlimited
        /// Past its `exp`.
        case expired
        /// Before its `nbf`.
        case notYetValid
    }

    /// Makes a token.
    ///
    /// - Parameters:
    ///   - claims: what it says; `issuer` is replaced by the key's id.
    ///   - key: what it is signed with.
    /// - Returns: the compact form, three parts of base64url.
    /// - Throws: `MintError`, before anything is signed.
    public static func mint(
        _ claims: TokenClaims, key: APIKey
    ) throws(MintError) -> String {
        guard !key.id.isEmpty, !key.secret.isEmpty else { throw .emptyKey }
        if let video = claims.video, video.roomJoin {
            guard !claims.identity.isEmpty else { throw .emptyIdentity }
            guard !video.room.isEmpty else { throw .emptyRoom }
        }
        let names = [claims.identity, claims.name, claims.video?.room ?? ""]
        guard names.allSatisfy({ $0.utf8.count <= maxNameLength }) else { throw .nameTooLong }
        var claims = claims
        claims.issuer = key.id
        let header = Base64.encodeURL(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
        let signed = header + "." + Base64.encodeURL(claims.json)
        let token = signed + "." + Base64.encodeURL(signature(of: signed, secret: key.secret))
        guard token.utf8.count <= maxLength else { throw .tooLong }
        return token
    }

    /// Checks a token and reads what it says.
    ///
    /// - Parameters:
    ///   - token: the compact form, without `Bearer `.
    ///   - keys: the keys that may have signed it.
    ///   - now: civil time, against which `nbf` and `exp` are held with `leeway`.
    /// - Returns: what it says.
    /// - Throws: `Refusal`. The signature is checked before times and grants are looked at.
    public static func verify(
        _ token: String, keys: [APIKey], now: WallClock
    ) throws(Refusal) -> TokenClaims {
        guard token.utf8.count <= maxLength else { throw .tooLong }
        let parts = token.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !token.utf8.contains(UInt8(ascii: "=")),
            let header = parse(parts[0]), header.members != nil, let payload = parse(parts[1])
        else { throw .malformed }
        // RFC 7515 section 4.1.11: an extension that must be understood is not.
        guard header["alg"]?.string == "HS256", header["crit"] == nil else {
            throw .unsupportedAlgorithm
        }
        guard let given = Base64.decodeURL(parts[2]) else { throw .malformed }
        guard let key = keys.last(where: { $0.id == payload["iss"]?.string }) else {
            throw .unknownKey
        }
        let expected = signature(of: parts[0] + "." + parts[1], secret: key.secret)
        guard !key.secret.isEmpty, constantTimeEqual(given, expected) else {
            throw .wrongSignature
        }
        let claims = try TokenClaims(json: payload)
        let seconds = now.unixSeconds
        guard let expiresAt = claims.expiresAt else { throw .unlimited }
        guard seconds - leeway <= expiresAt else { throw .expired }
        if let notBefore = claims.notBefore, seconds + leeway < notBefore { throw .notYetValid }
        return claims
    }

    /// Whose key a token claims to be signed with; nothing about it was checked.
    public static func unverifiedIssuer(of token: String) -> String? {
        let parts = token.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard token.utf8.count <= maxLength, parts.count == 3 else { return nil }
        return parse(parts[1])?["iss"]?.string
    }

    private static func parse(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64.decodeURL(part) else { return nil }
        return try? JSONValue(parsing: bytes, maxBytes: maxLength, maxDepth: maxDepth)
    }

    private static func signature(of text: some StringProtocol, secret: String) -> [UInt8] {
        hmacSHA256(key: Array(secret.utf8), Array(text.utf8))
    }
}

extension AccessToken.Refusal: CustomStringConvertible {
    /// One clause in plain words, without anything of the token.
    public var description: String {
        switch self {
        case .tooLong: "the token is too long"
        case .malformed: "this is not a token"
        case .unsupportedAlgorithm: "the token is not signed with HS256"
        case .unknownKey: "the token is signed with an unknown key"
        case .wrongSignature: "the token's signature is wrong"
        case .invalidClaim(let name): "the token's claim \(name) has the wrong type"
        case .unlimited: "the token has no end"
        case .expired: "the token has ended"
        case .notYetValid: "the token is not valid yet"
        }
    }
}
