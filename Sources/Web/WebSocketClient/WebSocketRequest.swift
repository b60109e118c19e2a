// SPDX-License-Identifier: Apache-2.0
public import Base

/// Where a websocket client connects to, and how.
public struct WebSocketRequest: Sendable {
    /// wss when true, ws when false.
    public var isSecure: Bool
    /// The server's name, or its address without brackets: Host header, SNI and certificate name.
    /// At most 127 bytes. With TLS it must not be an IPv6 address (the library cuts it).
    public var host: String
    /// The server's port.
    public var port: UInt16
    /// What the name resolved to; tried in turn, families alternating.
    public var addresses: [IPAddress]
    /// Path and query, percent-encoded, from the first `/`.
    public var target: String
    /// Further headers, as Authorization. Never logged, never part of an error.
    public var headers: HTTPHeaders
    /// A file of PEM certificates; they alone are trusted.
    public var certificateAuthorities: String
    /// The time for everything up to the server's 101: all addresses, TLS and the server's thought.
    public var timeout: Duration
    /// Silence after which the connection is pinged; whole seconds.
    public var pingAfter: Duration
    /// Silence after which it counts as dead; whole seconds, more than `pingAfter`.
    public var hangUpAfter: Duration

    /// Debian's bundle of the certificate authorities that browsers trust.
    public static let systemCertificateAuthorities = "/etc/ssl/certs/ca-certificates.crt"
    /// Request line and headers in bytes: the library sends them in one write and does not go on
    /// where a short one ends; one TLS record carries this much.
    public static let headBytesMax = 16_384
    /// The library's field for the TLS server name holds 127 bytes.
    public static let hostBytesMax = 127
    /// Addresses tried at most: a name with more is not better served.
    public static let addressesMax = 16
    /// The longest total time; the library's own limits lie above.
    public static let timeoutMax = Duration.seconds(60)

    /// Describes a connection; further properties have defaults.
    public init(
        isSecure: Bool, host: String, port: UInt16, addresses: [IPAddress], target: String,
        headers: HTTPHeaders = [:], timeout: Duration = .seconds(10)
    ) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.addresses = addresses
        self.target = target
        self.headers = headers
        self.timeout = timeout
        certificateAuthorities = Self.systemCertificateAuthorities
        pingAfter = .seconds(15)
        hangUpAfter = .seconds(25)
    }

    /// Host with its port unless that is the scheme's own, brackets around an IPv6 address.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The addresses in the order of the attempts: the first one's family first, then in turns.
    var attempts: [IPAddress] {
        let first = addresses.filter { $0.isV6 == addresses.first?.isV6 }
        let second = addresses.filter { $0.isV6 != addresses.first?.isV6 }
        var order: [IPAddress] = []
        for index in 0..<max(first.count, second.count) {
            if index < first.count { order.append(first[index]) }
            if index < second.count { order.append(second[index]) }
        }
        return Array(order.prefix(Self.addressesMax))
    }

    /// Why the request cannot be sent; nil when it can.
    var defect: String? {
        if host.isEmpty || host.utf8.count > Self.hostBytesMax { return "host" }
        if !host.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }) {
            return "host"
        }
        if isSecure && host.contains(":") { return "TLS to an IPv6 address" }
        if port == 0 { return "port" }
        if target.utf8.first != UInt8(ascii: "/")
            || !target.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") })
        {
            return "target"
        }
        if !headers.isWellFormed { return "headers" }
        if headBytes > Self.headBytesMax { return "head too long" }
        if hangUpAfter <= pingAfter || pingAfter < .seconds(1) || hangUpAfter > .seconds(3600) {
            return "ping times"
        }
        return nil
    }

    /// Bytes of request line and headers, with 400 for those that the library adds itself.
    private var headBytes: Int {
        headers.fields.reduce(target.utf8.count + authority.utf8.count + 400) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 4
        }
    }
}
