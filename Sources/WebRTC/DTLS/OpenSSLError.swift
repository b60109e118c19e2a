// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// OpenSSL's error queue of this thread.
enum OpenSSLError {
    /// Empties the queue and returns its oldest code: the cause, what follows are its callers.
    static func take() -> UInt {
        defer { ERR_clear_error() }
        return UInt(ERR_peek_error())
    }

    /// Library and reason in words; never holds key material.
    static func text(_ code: UInt) -> String {
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
            return "code \(code)"
        }
        return unsafe String(cString: reason)
    }
}
