// SPDX-License-Identifier: Apache-2.0
internal import CSRTP

/// A protection profile of DTLS-SRTP, by its number on the wire (RFC 5764 section 4.1.2, RFC 7714
/// section 14.2).
public enum SRTPProfile: UInt16, Hashable, Sendable, CaseIterable {
    /// AES-128 in GCM, 16-byte tag: the cheapest on processors with AES instructions.
    case aeadAES128GCM = 0x0007
    /// AES-256 in GCM, 16-byte tag.
    case aeadAES256GCM = 0x0008
    /// AES-128 in counter mode, HMAC-SHA1 cut to 10 bytes: what every peer speaks.
    case aes128CMHMACSHA1Tag80 = 0x0001

    /// Bytes of the master key.
    public var keyLength: Int {
        switch self {
        case .aeadAES128GCM, .aes128CMHMACSHA1Tag80: 16
        case .aeadAES256GCM: 32
        }
    }

    /// Bytes of the master salt.
    public var saltLength: Int {
        switch self {
        case .aeadAES128GCM, .aeadAES256GCM: 12
        case .aes128CMHMACSHA1Tag80: 14
        }
    }

    /// Bytes of the authentication tag that a packet grows by.
    public var tagLength: Int {
        switch self {
        case .aeadAES128GCM, .aeadAES256GCM: 16
        case .aes128CMHMACSHA1Tag80: 10
        }
    }

    /// The name in the IANA registry, as statistics show it.
    public var name: String {
        switch self {
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        case .aeadAES256GCM: "SRTP_AEAD_AES_256_GCM"
        case .aes128CMHMACSHA1Tag80: "SRTP_AES128_CM_HMAC_SHA1_80"
        }
    }

    /// The profiles that the libsrtp at hand can do, cheapest first.
    ///
    /// A build of libsrtp may lack GCM; each profile is tried once per process by making a session.
    /// The first use loads libsrtp's cipher libraries and lets it test itself, some milliseconds:
    /// a program asks once at start.
    public static let supported: [SRTPProfile] = allCases.filter { profile in
        let keys = SRTPKeyingMaterial(
            profile: profile,
            localKey: [UInt8](repeating: 0, count: profile.keyLength + profile.saltLength),
            remoteKey: [UInt8](repeating: 0, count: profile.keyLength + profile.saltLength))
        guard let keys else { return false }
        return (try? SRTPContext(keys)) != nil
    }

    /// OpenSSL's name for it.
    var openSSLName: String {
        switch self {
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        case .aeadAES256GCM: "SRTP_AEAD_AES_256_GCM"
        case .aes128CMHMACSHA1Tag80: "SRTP_AES128_CM_SHA1_80"
        }
    }

    var libraryProfile: srtp_profile_t {
        switch self {
        case .aeadAES128GCM: srtp_profile_aead_aes_128_gcm
        case .aeadAES256GCM: srtp_profile_aead_aes_256_gcm
        case .aes128CMHMACSHA1Tag80: srtp_profile_aes128_cm_sha1_80
        }
    }
}
