// SPDX-License-Identifier: Apache-2.0
internal import Base

/// The address of a STUN server as signalling names it: `stun:host`, `stun:host:port`, the host a
/// name or an address, IPv6 in brackets (RFC 7064).
public struct STUNServerURL: Hashable, Sendable {
    /// Where a server listens whose URL names no port (RFC 8489 section 14).
    public static let standardPort: UInt16 = 3478
    /// RFC 1035 section 2.3.4.
    private static let hostMax = 254

    /// A name, or an address without brackets.
    public let host: String
    /// The port.
    public let port: UInt16

    /// Reads a URL; nil for what is none: TURN, TLS, and what cannot be read.
    ///
    /// - Parameter text: as the server wrote it.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "stun" else { return nil }
        // Some write a transport behind it, which RFC 7064 does not know.
        let rest = parts[1].prefix { $0 != "?" }
        var host = rest
        var port: Substring?
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { return nil }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = rest.lastIndex(of: ":") {
            host = rest[..<colon]
            port = rest[rest.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.count <= Self.hostMax,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x40 })
        else { return nil }
        guard let number = port.map({ UInt16($0) }) ?? Self.standardPort, number != 0 else {
            return nil
        }
        self.host = String(host)
        self.port = number
    }
}
