// SPDX-License-Identifier: Apache-2.0

/// Answers one request, on the web loop unless it hops elsewhere. The task is cancelled when the
/// client leaves, or the server's time for an answer is over.
public typealias HTTPHandler = @Sendable (HTTPRequest) async -> HTTPResponse

/// Which handler takes which path.
///
/// Paths match exactly, segment by segment after decoding; `{name}` takes one segment that is neither
/// empty nor `.` nor `..`. Of two patterns that match, the one with the earlier literal segment wins.
/// HEAD goes to GET. OPTIONS without a handler of its own is answered with Allow.
public struct HTTPRoutes: Sendable {
    enum Action: Sendable {
        case answer(HTTPHandler, bodyMax: Int)
        case upgrade(WebSocketHandler)
    }

    struct Route: Sendable {
        let pattern: String
        let segments: [Segment]
        var actions: [String: Action] = [:]

        /// The methods for Allow, in alphabetical order.
        var allowed: [String] {
            var methods = Set(actions.keys).union(["OPTIONS"])
            if methods.contains("GET") { methods.insert("HEAD") }
            return methods.sorted()
        }
    }

    enum Segment: Sendable, Equatable {
        case literal(String)
        case parameter(String)
    }

    struct Match {
        let route: Route
        let parameters: [String: String]
    }

    /// A body's limit unless the route says otherwise: 64 KB.
    public static let bodyMaxDefault = 1 << 16

    private(set) var routes: [Route] = []
    /// Puts what the server refuses by itself in other words; nil for its own.
    public var refusal: (@Sendable (HTTPRefusal) -> HTTPResponse)?

    /// Creates an empty table.
    public init() {}

    /// Adds a handler.
    ///
    /// - Parameters:
    ///   - method: GET, POST, PUT, PATCH, DELETE or OPTIONS.
    ///   - pattern: a path from `/`, with `{name}` for a segment to be taken.
    ///   - bodyMax: bytes of a body at most; more is refused with 413.
    ///   - handler: answers.
    public mutating func on(
        _ method: String, _ pattern: String, bodyMax: Int = bodyMaxDefault,
        _ handler: @escaping HTTPHandler
    ) {
        add(method, pattern, .answer(handler, bodyMax: bodyMax))
    }

    /// Adds a path that takes websockets by GET; other requests for it are refused with 426.
    public mutating func onWebSocket(_ pattern: String, _ handler: @escaping WebSocketHandler) {
        add("GET", pattern, .upgrade(handler))
    }

    private mutating func add(_ method: String, _ pattern: String, _ action: Action) {
        precondition(pattern.first == "/", "a pattern is an absolute path")
        let segments = pattern.dropFirst().split(
            separator: "/", omittingEmptySubsequences: false
        ).map { part in
            part.first == "{" && part.last == "}"
                ? Segment.parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        if let index = routes.firstIndex(where: { $0.pattern == pattern }) {
            routes[index].actions[method] = action
        } else {
            routes.append(Route(pattern: pattern, segments: segments, actions: [method: action]))
        }
    }

    /// The route of a path; nil when there is none.
    func match(_ path: [String]) -> Match? {
        var best: (route: Route, rank: [Bool])?
        for route in routes where Self.fits(route.segments, path) {
            let rank = route.segments.map { if case .literal = $0 { true } else { false } }
            if let held = best, !Self.isBefore(rank, held.rank) { continue }
            best = (route, rank)
        }
        guard let route = best?.route else { return nil }
        var parameters: [String: String] = [:]
        for (segment, text) in zip(route.segments, path) {
            if case .parameter(let name) = segment { parameters[name] = text }
        }
        return Match(route: route, parameters: parameters)
    }

    private static func fits(_ segments: [Segment], _ path: [String]) -> Bool {
        guard segments.count == path.count else { return false }
        return zip(segments, path).allSatisfy { segment, text in
            switch segment {
            case .literal(let literal): literal == text
            case .parameter: !text.isEmpty && text != "." && text != ".."
            }
        }
    }

    private static func isBefore(_ left: [Bool], _ right: [Bool]) -> Bool {
        for (one, other) in zip(left, right) where one != other { return one }
        return false
    }
}
