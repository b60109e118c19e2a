// SPDX-License-Identifier: Apache-2.0
internal import Crypto

/// The digest of a certificate, as session descriptions carry it (RFC 8122 section 5).
public struct DTLSFingerprint: Hashable, Sendable {
    /// A digest of certificates, weakest first.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// 20 bytes; obsolete, still seen.
        case sha1 = "sha-1"
        /// 32 bytes: what everybody sends.
        case sha256 = "sha-256"
        /// 48 bytes.
        case sha384 = "sha-384"
        /// 64 bytes.
        case sha512 = "sha-512"

        /// Bytes of the digest.
        public var length: Int {
            switch self {
            case .sha1: 20
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }
    }

    /// What the digest is made with.
    public let algorithm: Algorithm
    /// The digest.
    public let bytes: [UInt8]

    /// A digest; nil when its length is not the algorithm's.
    public init?(algorithm: Algorithm, bytes: [UInt8]) {
        guard bytes.count == algorithm.length else { return nil }
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// A digest by the algorithm's name in a session description, in upper or lower case; nil when
    /// it is unknown or the length is not the algorithm's.
    public init?(algorithm: String, bytes: [UInt8]) {
        guard let algorithm = Algorithm(rawValue: algorithm.lowercased()) else { return nil }
        self.init(algorithm: algorithm, bytes: bytes)
    }

    /// Reads a name like `sha-256` and pairs of hexadecimal digits with colons between, in upper
    /// or lower case both. Nil for an unknown algorithm or malformed text.
    public init?(algorithm: String, value: String) {
        guard let algorithm = Algorithm(rawValue: algorithm.lowercased()) else { return nil }
        let text = Array(value.utf8)
        guard text.count == algorithm.length * 3 - 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(algorithm.length)
        for start in stride(from: 0, to: text.count, by: 3) {
            let isLast = start + 2 == text.count
            guard let high = Self.digit(text[start]), let low = Self.digit(text[start + 1]),
                isLast || text[start + 2] == UInt8(ascii: ":")
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(algorithm: algorithm, bytes: bytes)
    }

    /// The digest as pairs of upper-case hexadecimal digits with colons between.
    public var value: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            if !text.isEmpty { text.append(UInt8(ascii: ":")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Compares in a time that does not depend on where they differ.
    public static func == (left: DTLSFingerprint, right: DTLSFingerprint) -> Bool {
        left.algorithm == right.algorithm && constantTimeEqual(left.bytes, right.bytes)
    }

    /// Of several fingerprints those of the strongest algorithm, which alone count: one of them
    /// must match (RFC 8122 section 5).
    static func decisive(_ fingerprints: [DTLSFingerprint]) -> [DTLSFingerprint] {
        let strongest = Algorithm.allCases.last { algorithm in
            fingerprints.contains { $0.algorithm == algorithm }
        }
        return fingerprints.filter { $0.algorithm == strongest }
    }

    private static func digit(_ symbol: UInt8) -> UInt8? {
        switch symbol {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): symbol - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): symbol - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): symbol - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension DTLSFingerprint: CustomStringConvertible {
    /// The value of an `a=fingerprint` line.
    public var description: String { "\(algorithm.rawValue) \(value)" }
}
