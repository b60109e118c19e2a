// SPDX-License-Identifier: Apache-2.0
public import Base

/// Whose word about a caller's address counts.
///
/// A proxy appends the address that it was called from to `X-Forwarded-For`. Whoever calls us
/// directly can write there what it likes, so only what a trusted proxy appended is believed: the
/// list is read from its end for as long as the addresses are those of trusted proxies.
public struct TrustedProxies: Sendable, Equatable {
    private struct Network: Sendable, Equatable {
        let bytes: [UInt8]
        let bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            for (index, pair) in zip(bytes, address).enumerated() {
                let left = min(max(bits - 8 * index, 0), 8)
                guard (pair.0 ^ pair.1) >> UInt8(8 - left) == 0 || left == 0 else { return false }
            }
            return true
        }
    }

    /// Addresses looked at in one request at most: no real chain of proxies is as long.
    static let hopsMax = 16
    private var networks: [Network] = []

    /// Trusts nobody.
    public init() {}

    /// Trusts an address, or all of a network written as `10.0.0.0/8`.
    ///
    /// - Parameter text: as the operator wrote it.
    /// - Returns: false when it is neither.
    public mutating func add(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(String(parts[0])) else {
            return false
        }
        let bytes = address.unmapped.bytes
        var bits = bytes.count * 8
        if parts.count == 2 {
            guard let number = Int(parts[1]), (0...bits).contains(number) else { return false }
            bits = number
        }
        networks.append(Network(bytes: bytes, bits: bits))
        return true
    }

    /// The caller's address, as far as it can be believed.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - forwardedFor: the values of `X-Forwarded-For`, first to last.
    /// - Returns: the peer's own where it is no trusted proxy.
    public func client(of peer: IPAddress, forwardedFor: [String]) -> IPAddress {
        guard !networks.isEmpty, !forwardedFor.isEmpty else { return peer }
        var client = peer
        let hops = forwardedFor.joined(separator: ",").split(separator: ",")
        for hop in hops.reversed().prefix(Self.hopsMax) where isTrusted(client) {
            let text = String(hop.filter { $0 != " " && $0 != "\t" })
            guard let address = IPAddress(text) ?? SocketAddress(text)?.ip else { break }
            client = address
        }
        return client
    }

    private func isTrusted(_ address: IPAddress) -> Bool {
        let bytes = address.unmapped.bytes
        return networks.contains { $0.contains(bytes) }
    }
}

extension IPAddress {
    /// An IPv4 address that came in IPv6 clothes (::ffff:a.b.c.d) is the same one.
    var unmapped: IPAddress {
        guard case .v6(high: 0, let low, _) = self, low >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }
}
