// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A system call that failed.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's name, as in its manual page.
    public let call: String
    /// The value of `errno`.
    public let code: Int32

    /// Names a failed call and its `errno`.
    public init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The error of the call that just failed on this thread.
    init(errnoAfter call: String) {
        self.init(call: call, code: errno)
    }

    /// Whether the address or port is taken.
    public var isAddressInUse: Bool { code == EADDRINUSE }
    /// Whether the process or the system has no descriptor left.
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }

    /// The call and the system's text.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "\(call): error \(code)" }
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "\(call): \(String(decoding: text, as: UTF8.self))"
    }
}
