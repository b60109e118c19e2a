// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux

/// One address of one network interface.
public struct Interface: Hashable, Sendable {
    /// The interface's name, such as `eth0`.
    public let name: String
    /// Its address.
    public let address: IPAddress
    /// It is switched on.
    public let isUp: Bool
    /// It has a carrier.
    public let isRunning: Bool
    /// It leads to this machine itself.
    public let isLoopback: Bool
    /// It leads to one peer: a tunnel, a modem.
    public let isPointToPoint: Bool

    /// All addresses of all interfaces, in the kernel's order; empty if it does not tell.
    public static func all() -> [Interface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var interfaces: [Interface] = []
        var next = list
        // SAFETY: the list is the kernel's answer, linked by ifa_next and alive until freed above.
        while let entry = next?.pointee {
            next = entry.ifa_next
            var raw = clinux_address()
            guard clinux_address_get(entry.ifa_addr, &raw) == 1 else { continue }
            func has(_ flag: Int) -> Bool { entry.ifa_flags & UInt32(flag) != 0 }
            interfaces.append(
                Interface(
                    name: String(cString: entry.ifa_name), address: SocketAddress(raw).ip,
                    isUp: has(IFF_UP), isRunning: has(IFF_RUNNING),
                    isLoopback: has(IFF_LOOPBACK),
                    isPointToPoint: has(IFF_POINTOPOINT)))
        }
        return interfaces
    }
}

/// The process's own limits.
public enum ProcessLimits {
    /// Allows as many descriptors as the system's hard limit; returns the limit then.
    ///
    /// A session needs two; the usual soft limit of 1,024 is there for `select`, which we do not
    /// use.
    @discardableResult
    public static func raiseOpenFiles() -> Int {
        Int(clamping: clinux_raise_file_limit())
    }
}
