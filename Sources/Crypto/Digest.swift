// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// SHA-256 of `bytes`: 32 bytes (FIPS 180-4).
public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    digest(bytes, EVP_sha256())
}

/// SHA-1 of `bytes`: 20 bytes. For protocols that prescribe it (websocket accept), nothing else.
public func sha1(_ bytes: [UInt8]) -> [UInt8] {
    digest(bytes, EVP_sha1())
}

/// HMAC-SHA256 of `message`: 32 bytes (RFC 2104).
public func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    hmac(key, message, EVP_sha256())
}

/// HMAC-SHA1 of `message`: 20 bytes, for STUN's MESSAGE-INTEGRITY (RFC 8489 section 14.5).
public func hmacSHA1(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    hmac(key, message, EVP_sha1())
}

/// Compares two byte strings in a time that depends on their lengths alone.
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}

private func digest(_ bytes: [UInt8], _ kind: OpaquePointer?) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    let done = EVP_Digest(bytes, bytes.count, &output, &length, kind, nil)
    precondition(done == 1, "OpenSSL refused a digest it is built with")
    return Array(output.prefix(Int(length)))
}

private func hmac(_ key: [UInt8], _ message: [UInt8], _ kind: OpaquePointer?) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    let done = HMAC(kind, key, Int32(key.count), message, message.count, &output, &length)
    precondition(done != nil, "OpenSSL refused an HMAC it is built with")
    return Array(output.prefix(Int(length)))
}
