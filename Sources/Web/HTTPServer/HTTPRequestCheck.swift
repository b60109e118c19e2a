// SPDX-License-Identifier: Apache-2.0

/// The head of a request as the library parsed it, before any of its body.
struct HTTPRequestHead {
    let method: String
    let target: String
    let version: String
    let headers: HTTPHeaders
}

/// What stands between the library's parser and a handler: the library takes chunked bodies (an
/// unfinished one spins it), two lengths, names with blanks, bare CR, and any target. Whoever is
/// refused here sends no body: the connection ends with the answer.
struct HTTPRequestCheck {
    /// Longest target; LiveKit's join request needs 3 KB, and 20 KB where a client cannot compress
    /// it; the library's memory holds 28 KB.
    static let targetBytesMax = 24_576
    /// Header fields at most: browsers send about 25, proxies add a few.
    static let headersMax = 100

    private static let methods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
    ]

    /// What the route table decides, and the length that the body may have.
    enum Verdict {
        case refuse(HTTPRefusal, allow: [String])
        case options(allow: [String])
        case take(HTTPRoutes.Action, HTTPRoutes.Match, HTTPTarget)
    }

    static func check(_ head: HTTPRequestHead, routes: HTTPRoutes) -> Verdict {
        if let refusal = malformation(head) { return .refuse(refusal, allow: []) }
        guard methods.contains(head.method) else { return .refuse(.notImplemented, allow: []) }
        guard let target = HTTPTarget(head.target) else { return .refuse(.badRequest, allow: []) }
        guard let match = routes.match(target.segments) else {
            return .refuse(.notFound, allow: [])
        }
        let method = head.method == "HEAD" ? "GET" : head.method
        let length = contentLength(head.headers)
        guard let action = match.route.actions[method] else {
            if head.method == "OPTIONS", length == 0 { return .options(allow: match.route.allowed) }
            return .refuse(.methodNotAllowed, allow: match.route.allowed)
        }
        switch action {
        case .answer(_, let bodyMax):
            if length > bodyMax { return .refuse(.bodyTooLarge, allow: []) }
        case .upgrade:
            if length > 0 { return .refuse(.bodyTooLarge, allow: []) }
            if head.method == "HEAD" || !WebSocketUpgrade.isWanted(head) {
                return .refuse(.upgradeRequired, allow: [])
            }
        }
        return .take(action, match, target)
    }

    /// What is wrong with the head itself, wherever it is addressed to.
    private static func malformation(_ head: HTTPRequestHead) -> HTTPRefusal? {
        let headers = head.headers
        guard headers.isWellFormed else { return .badRequest }
        // Never read: an unfinished chunk size spins the library until its idle timeout.
        guard headers["Transfer-Encoding"] == nil else { return .lengthRequired }
        let lengths = headers.all("Content-Length")
        guard lengths.count <= 1,
            lengths.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } })
        else { return .badRequest }
        guard headers.all("Host").count <= 1 else { return .badRequest }
        guard head.target.utf8.count <= targetBytesMax else { return .targetTooLong }
        guard head.target.utf8.first == UInt8(ascii: "/"),
            head.target.utf8.allSatisfy({ $0 > 32 && $0 != 127 })
        else { return .badRequest }
        guard headers.fields.count <= headersMax else { return .headersTooMany }
        return nil
    }

    /// The announced length; more digits than an Int holds are more than any limit.
    private static func contentLength(_ headers: HTTPHeaders) -> Int {
        headers["Content-Length"].map { Int($0) ?? .max } ?? 0
    }
}
