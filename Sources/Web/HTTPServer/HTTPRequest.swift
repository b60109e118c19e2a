// SPDX-License-Identifier: Apache-2.0
public import Base

/// A whole request, checked and decoded.
public struct HTTPRequest: Sendable {
    /// One name and value of the query, decoded.
    public struct QueryItem: Sendable, Equatable {
        /// What stands before the equals sign.
        public let name: String
        /// What stands behind it; empty without one.
        public let value: String
    }

    /// The method, upper case.
    public let method: String
    /// The target as it was sent. May hold a token: not for logs.
    public let target: String
    /// The pattern of the route that took it, as `/session-live/{id}`: for logs and counters.
    public let route: String
    /// What stood in the place of the pattern's braces, decoded.
    public let parameters: [String: String]
    /// The query, first to last.
    public let query: [QueryItem]
    /// The header fields, duplicates in their order.
    public let headers: HTTPHeaders
    /// The other end of the connection: a proxy, perhaps.
    public let remoteAddress: SocketAddress
    /// The body; at most the route's limit.
    public let body: [UInt8]

    /// The first value of a name in the query.
    public func queryValue(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}
