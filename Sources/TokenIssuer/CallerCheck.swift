// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit

/// Decides who may call, before any route is looked at.
struct CallerCheck: Sendable {
    let settings: IssuerSettings

    /// What a caller has shown.
    enum Caller: Equatable {
        /// A bearer key, or nobody asked for one.
        case trusted
        /// A participant token of this room.
        case participant(room: String)
    }

    /// Without keys nothing but the address protects the service. A web page in the user's browser
    /// also calls from loopback, so the Host must be a loopback name (else a foreign name was
    /// rebound to us) and the Origin one that is allowed.
    func caller(of call: APICall, now: WallClock) throws(APIError) -> Caller {
        guard settings.bearerKeys.isEmpty else { return try authenticated(call, now: now) }
        guard let host = call.header("host"), Self.isLoopback(host) else {
            throw .forbidden("Without a configured key this service answers loopback names only.")
        }
        if let origin = call.header("origin"), !isAllowed(origin) {
            throw .forbidden("Web pages from this origin may not call; see http.cors_origins.")
        }
        return .trusted
    }

    private func authenticated(_ call: APICall, now: WallClock) throws(APIError) -> Caller {
        guard let header = call.header("authorization"), header.lowercased().hasPrefix("bearer ")
        else { throw .unauthorized }
        let token = String(header.dropFirst(7).drop { $0 == " " })
        // All keys are compared, so that the time does not tell which one was close.
        var isKnown = false
        for key in settings.bearerKeys
        where constantTimeEqual(sha256(Array(token.utf8)), sha256(Array(key.utf8))) {
            isKnown = true
        }
        if isKnown { return .trusted }
        guard let claims = try? AccessToken.verify(token, keys: [settings.key], now: now),
            let video = claims.video, video.roomJoin, !video.room.isEmpty
        else { throw .unauthorized }
        return .participant(room: video.room)
    }

    /// Whether a web page of this origin may call.
    func isAllowed(_ origin: String) -> Bool {
        settings.origins.contains { pattern in
            if pattern == "*" { return true }
            guard pattern.hasSuffix(":*") else { return pattern == origin }
            let base = pattern.dropLast(2)
            guard origin.hasPrefix(base) else { return false }
            let rest = origin.dropFirst(base.count)
            return rest.isEmpty
                || (rest.first == ":" && !rest.dropFirst().isEmpty
                    && rest.dropFirst().allSatisfy { $0.isASCII && $0.isNumber })
        }
    }

    static func isLoopback(_ host: String) -> Bool {
        var name = Substring(host)
        if name.first == "[" {
            guard let end = name.firstIndex(of: "]") else { return false }
            name = name[name.index(after: name.startIndex)..<end]
        } else if let colon = name.lastIndex(of: ":") {
            name = name[..<colon]
        }
        if name.lowercased() == "localhost" { return true }
        return IPAddress(String(name))?.isLoopback ?? false
    }
}
