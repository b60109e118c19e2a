// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable {
    /// Four bytes, the first one highest.
    case v4(UInt32)
    /// Sixteen bytes in two halves, and the scope (interface index) of a link-local address.
    case v6(high: UInt64, low: UInt64, scope: UInt32 = 0)

    /// 127.0.0.1.
    public static let loopback = IPAddress.v4(0x7F00_0001)
    /// ::1.
    public static let loopbackV6 = IPAddress.v6(high: 0, low: 1)

    /// Whether this is an IPv6 address.
    public var isV6: Bool {
        if case .v6 = self { return true }
        return false
    }

    /// 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6.
    public var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low, _):
            high == 0 && (low == 1 || (low >> 32 == 0xFFFF && (low >> 24) & 0xFF == 127))
        }
    }

    /// 169.254.0.0/16 and fe80::/10.
    public var isLinkLocal: Bool {
        switch self {
        case .v4(let value): value >> 16 == 0xA9FE
        case .v6(let high, _, _): high >> 54 == 0xFE80 >> 6
        }
    }

    /// 0.0.0.0 and ::.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let value): value == 0
        case .v6(let high, let low, _): high == 0 && low == 0
        }
    }

    /// 224.0.0.0/4, ff00::/8 and 255.255.255.255: never the source or target of a datagram of ours.
    public var isMulticast: Bool {
        switch self {
        case .v4(let value): value >> 28 == 14 || value == .max
        case .v6(let high, _, _): high >> 56 == 0xFF
        }
    }

    /// The address in network byte order: 4 or 16 bytes.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        switch self {
        case .v4(let value): writer.uint32(value)
        case .v6(let high, let low, _):
            writer.uint64(high)
            writer.uint64(low)
        }
        return writer.bytes
    }

    /// Creates an address from 4 or 16 bytes in network byte order.
    public init?(bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        if bytes.count == 4, let value = reader.uint32() {
            self = .v4(value)
        } else if bytes.count == 16, let high = reader.uint64(), let low = reader.uint64() {
            self = .v6(high: high, low: low)
        } else {
            return nil
        }
    }
}

extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Parses dotted decimal or RFC 4291 text, without brackets and without a zone.
    public init?(_ description: String) {
        if description.contains(":") {
            guard let groups = Self.groups(of: description) else { return nil }
            let high = groups[0..<4].reduce(0 as UInt64) { $0 << 16 | UInt64($1) }
            let low = groups[4..<8].reduce(0 as UInt64) { $0 << 16 | UInt64($1) }
            self = .v6(high: high, low: low)
        } else {
            guard let value = Self.dotted(description) else { return nil }
            self = .v4(value)
        }
    }

    /// Dotted decimal, or RFC 5952 text without brackets.
    public var description: String {
        switch self {
        case .v4(let value):
            return [24, 16, 8, 0].map { String((value >> UInt32($0)) & 0xFF) }
                .joined(separator: ".")
        case .v6(let high, let low, _):
            if high == 0, low >> 32 == 0xFFFF {
                return "::ffff:\(IPAddress.v4(UInt32(truncatingIfNeeded: low)))"
            }
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            return Self.text(groups)
        }
    }

    private static func dotted(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count),
                part.utf8.allSatisfy({ (48...57).contains($0) }),
                let byte = UInt8(part), part.utf8.count == 1 || part.first != "0"
            else { return nil }
            value = value << 8 | UInt32(byte)
        }
        return value
    }

    private static func groups(of text: String) -> [UInt16]? {
        guard text.utf8.count <= 45 else { return nil }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        var lists: [[UInt16]] = []
        for (index, half) in halves.enumerated() {
            var list: [UInt16] = []
            let parts =
                half.isEmpty
                ? []
                : half.split(
                    separator: ":", omittingEmptySubsequences: false)
            for (place, part) in parts.enumerated() {
                if part.contains(".") {
                    guard index == halves.count - 1, place == parts.count - 1,
                        let value = dotted(part)
                    else { return nil }
                    list += [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
                } else {
                    guard (1...4).contains(part.utf8.count),
                        part.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                        let group = UInt16(part, radix: 16)
                    else { return nil }
                    list.append(group)
                }
            }
            lists.append(list)
        }
        let total = lists.reduce(0) { $0 + $1.count }
        if lists.count == 1 { return total == 8 ? lists[0] : nil }
        guard total <= 7 else { return nil }
        return lists[0] + Array(repeating: 0, count: 8 - total) + lists[1]
    }

    /// RFC 5952: lower case, the longest run of two or more zero groups shortened, the first on ties.
    private static func text(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func join(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return join(groups[...]) }
        return join(groups[..<best.lowerBound]) + "::" + join(groups[best.upperBound...])
    }
}

/// An address and a port: one end of a UDP or TCP flow.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The host's address.
    public var ip: IPAddress
    /// The port, in host byte order.
    public var port: UInt16

    /// Joins an address and a port.
    public init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Parses `1.2.3.4:80` or `[::1]:80`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.first == "[" {
            guard host.last == "]" else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard let ip = IPAddress(String(host)) else { return nil }
        self.init(ip, port: port)
    }

    /// `1.2.3.4:80` or `[::1]:80`.
    public var description: String {
        ip.isV6 ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
