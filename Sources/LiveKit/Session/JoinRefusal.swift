// SPDX-License-Identifier: Apache-2.0

/// Why a server answered the upgrade to signalling with something else than a connection.
///
/// A LiveKit server says it with a status and a line of text, before there is any websocket. The
/// texts are those of livekit-server 1.8 to 1.13; unknown ones keep their status and a piece of
/// text in which nothing looks like a token (a 401 repeats the whole of it).
public enum JoinRefusal: Error, Hashable, Sendable {
    /// 401: no token came with the request.
    case tokenMissing
    /// 401: what came is no token, or its header lacks `Bearer `.
    case tokenMalformed
    /// 401: the server does not have the API key that signed it.
    case unknownKey
    /// 401: the API secret is another than the server's, or the algorithm is.
    case wrongSignature
    /// 401: its time is over.
    case tokenExpired
    /// 401: its time has not come; one of the clocks is wrong.
    case tokenNotYetValid
    /// 401: it does not allow joining a room.
    case notAllowed
    /// 401 or 403 for another reason.
    case unauthorized(text: String)
    /// 400: it names no identity.
    case identityMissing
    /// 400: its identity is longer than 256 bytes.
    case identityTooLong
    /// 400: it names no room.
    case roomNameMissing
    /// 400: its room's name is longer than 256 bytes.
    case roomNameTooLong
    /// 404: the room is not there, and the server makes none by itself.
    case roomNotFound
    /// 404, or an answer that no LiveKit server gives: there is no signalling at this address.
    case notLiveKit(status: Int)
    /// 429 or 503: the server has too much to do.
    case overloaded
    /// Another 5xx.
    case serverError(status: Int, text: String)
    /// Anything else.
    case other(status: Int, text: String)

    /// The longest text that is kept, in characters.
    public static let maxTextLength = 200

    /// Reads the answer to an upgrade.
    ///
    /// - Parameters:
    ///   - status: the HTTP status, other than 101.
    ///   - body: the answer's body, or as much of it as there is.
    public init(status: Int, body: String) {
        let text = Self.redacted(body)
        switch status {
        case 400: self = Self.badRequest(text)
        case 401, 403: self = Self.unauthorized(body, text)
        case 404:
            self =
                text.contains("requested room does not exist")
                ? .roomNotFound : .notLiveKit(status: status)
        case 429, 503: self = .overloaded
        case 500...599: self = .serverError(status: status, text: text)
        case 200...399, 405, 426: self = .notLiveKit(status: status)
        default: self = .other(status: status, text: text)
        }
    }

    private static func badRequest(_ text: String) -> JoinRefusal {
        switch text {
        case "identity cannot be empty": .identityMissing
        case "no room name": .roomNameMissing
        case _ where text.hasPrefix("participant identity length exceeds"): .identityTooLong
        case _ where text.hasPrefix("room name length exceeds"): .roomNameTooLong
        default: .other(status: 400, text: text)
        }
    }

    private static func unauthorized(_ body: String, _ text: String) -> JoinRefusal {
        switch text {
        case "no permissions to access the room": return .tokenMissing
        case "invalid authorization token": return .tokenMalformed
        case "permissions denied": return .notAllowed
        default: break
        }
        if text.hasPrefix("invalid authorization header") { return .tokenMalformed }
        if text.hasPrefix("invalid API key") { return .unknownKey }
        // `invalid token: <all of it>, error: <reason>`: the reason stands at the end.
        let tail = String(body.suffix(maxTextLength))
        guard body.hasPrefix("invalid token: "), let mark = tail.firstRange(of: ", error: ") else {
            return .unauthorized(text: text)
        }
        let reason = tail[mark.upperBound...]
        if reason.contains("expired") { return .tokenExpired }
        if reason.contains("not valid yet") { return .tokenNotYetValid }
        // 1.13 says "signature is invalid", the older go-jose "error in cryptographic primitive".
        if reason.contains("signature") || reason.contains("cryptographic") {
            return .wrongSignature
        }
        return .unauthorized(text: redacted(String(reason)))
    }

    /// Whether another try, later or elsewhere, may succeed with the same token.
    public var isRetryable: Bool {
        switch self {
        case .overloaded, .serverError: true
        case .tokenMissing, .tokenMalformed, .unknownKey, .wrongSignature, .tokenExpired,
            .tokenNotYetValid, .notAllowed, .unauthorized, .identityMissing, .identityTooLong,
            .roomNameMissing, .roomNameTooLong, .roomNotFound, .notLiveKit, .other:
            false
        }
    }

    /// Printable text of bounded length; whatever could be part of a token is blotted out.
    static func redacted(_ body: String) -> String {
        // Longer than any word of a server's texts, shorter than any token's part.
        let longestWord = 32
        var text = ""
        var word = ""
        func flush() {
            text += word.count > longestWord ? "<redacted>" : word
            word = ""
        }
        for character in body.prefix(8 * maxTextLength) {
            if character.isASCII,
                character.isLetter || character.isNumber || "-_".contains(character)
            {
                word.append(character)
                continue
            }
            // The parts of a token are joined by dots: with one blotted out, all of them go.
            if character == ".", !word.isEmpty {
                word.append(character)
                continue
            }
            flush()
            let isPrintable = character.unicodeScalars.allSatisfy { (32..<127).contains($0.value) }
            text.append(isPrintable ? character : " ")
        }
        flush()
        while text.last == " " { text.removeLast() }
        return String(text.prefix(maxTextLength))
    }
}

extension JoinRefusal: CustomStringConvertible {
    /// One sentence for the person who set this up.
    public var description: String {
        switch self {
        case .tokenMissing: "the server got no token"
        case .tokenMalformed: "the server does not take this for a token"
        case .unknownKey: "the server does not know this API key"
        case .wrongSignature: "the API secret is not the server's"
        case .tokenExpired: "the token has expired"
        case .tokenNotYetValid: "the token is not valid yet; check both clocks"
        case .notAllowed: "the token does not allow joining a room"
        case .unauthorized(let text): "the server refuses the token: \(text)"
        case .identityMissing: "the token names no identity"
        case .identityTooLong: "the identity is longer than 256 bytes"
        case .roomNameMissing: "the token names no room"
        case .roomNameTooLong: "the room's name is longer than 256 bytes"
        case .roomNotFound: "the room does not exist, and the server creates none by itself"
        case .notLiveKit(let status): "no LiveKit server answers at this address (HTTP \(status))"
        case .overloaded: "the server has too much to do"
        case .serverError(let status, let text): "the server failed (HTTP \(status)): \(text)"
        case .other(let status, let text): "the server refuses (HTTP \(status)): \(text)"
        }
    }
}
