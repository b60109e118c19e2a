// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux

extension SocketAddress {
    /// The address as the C shims take it.
    var raw: clinux_address {
        var raw = clinux_address()
        raw.port = port
        switch ip {
        case .v4(let value): raw.low = UInt64(value)
        case .v6(let high, let low, let scope):
            raw.is_v6 = 1
            raw.high = high
            raw.low = low
            raw.scope = scope
        }
        return raw
    }

    init(_ raw: clinux_address) {
        let ip: IPAddress =
            raw.is_v6 != 0
            ? .v6(high: raw.high, low: raw.low, scope: raw.scope)
            : .v4(UInt32(truncatingIfNeeded: raw.low))
        self.init(ip, port: raw.port)
    }

    /// The address a bound socket has.
    init(localOf descriptor: Int32) throws(SystemError) {
        var raw = clinux_address()
        let code = clinux_local_address(descriptor, &raw)
        guard code == 0 else { throw SystemError(call: "getsockname", code: -code) }
        self.init(raw)
    }
}
