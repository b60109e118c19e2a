// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Bytes nobody can guess, from OpenSSL's generator.
public struct SecureRandom: RandomNumberGenerator, Sendable {
    /// Creates a generator; all share the process's state.
    public init() {}

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// `count` random bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: count)
        let done = RAND_bytes(&output, Int32(count))
        precondition(done == 1, "the system gives no randomness: no key may be made")
        return output
    }

    /// `count` random letters and digits (5.95 bits each), for names that people see.
    public func letters(_ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var generator = self
        return String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "A" })
    }
}
