// SPDX-License-Identifier: Apache-2.0

/// Why TLS could not be established.
public enum TLSFailure: Error, Sendable, Equatable {
    /// The chain ends at an authority that is not in the file.
    case unknownIssuer
    /// The certificate signs itself, or the chain ends in one that does, and it is not in the file.
    case selfSigned
    /// The certificate is no longer valid.
    case expired
    /// The certificate is not valid yet.
    case notYetValid
    /// The certificate is for another name.
    case wrongName
    /// Another finding of the check: OpenSSL's X509_V_ERR number.
    case rejected(code: Int)
    /// The file of authorities is missing or unreadable.
    case noAuthorities
    /// The handshake itself failed: no TLS on that port, no common version.
    case handshake

    /// Maps OpenSSL's X509_V_ERR numbers (x509_vfy.h).
    init(verifyError code: Int) {
        self =
            switch code {
            case 2, 20, 21, 27: .unknownIssuer
            case 9: .notYetValid
            case 10: .expired
            case 18, 19: .selfSigned
            case 62, 64: .wrongName
            default: .rejected(code: code)
            }
    }
}
