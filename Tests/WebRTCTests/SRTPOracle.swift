// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Crypto

@testable import WebRTC

/// SRTP written down from RFC 3711 and RFC 7714 over AES alone: the second opinion on libsrtp.
///
/// libsrtp takes master keys and the RFC vectors give session keys, so the vectors prove this, and
/// this proves libsrtp.
struct SRTPOracle {
    /// What one kind of packet is protected with.
    struct SessionKeys {
        var cipherKey: [UInt8]
        var authenticationKey: [UInt8] = []
        var salt: [UInt8]

        init(cipherKey: [UInt8], salt: [UInt8]) {
            self.cipherKey = cipherKey
            self.salt = salt
        }

        /// RFC 3711 section 4.3.1; `label` is 0 for RTP's and 3 for RTCP's first key.
        init(profile: SRTPProfile, masterKey: [UInt8], masterSalt: [UInt8], label: UInt8) {
            func derive(_ label: UInt8, _ count: Int) -> [UInt8] {
                // A salt of 96 bits gets 16 zero bits behind it (RFC 7714 section 11).
                var block = masterSalt + [UInt8](repeating: 0, count: 16 - masterSalt.count)
                block[7] ^= label
                return SRTPOracle.keystream(masterKey, block, count)
            }
            cipherKey = derive(label, profile.keyLength)
            authenticationKey = derive(label + 1, 20)
            salt = derive(label + 2, profile.saltLength)
        }
    }

    let profile: SRTPProfile
    let rtp: SessionKeys
    let rtcp: SessionKeys

    init(profile: SRTPProfile, masterKey: [UInt8], masterSalt: [UInt8]) {
        self.profile = profile
        rtp = SessionKeys(
            profile: profile, masterKey: masterKey, masterSalt: masterSalt, label: 0)
        rtcp = SessionKeys(
            profile: profile, masterKey: masterKey, masterSalt: masterSalt, label: 3)
    }

    /// With session keys as the vectors of RFC 7714 give them.
    init(profile: SRTPProfile, session: SessionKeys) {
        self.profile = profile
        rtp = session
        rtcp = session
    }

    /// An RTP packet with a header of `headerLength` bytes.
    func protectRTP(_ packet: [UInt8], headerLength: Int = 12, rollOver: UInt32) -> [UInt8] {
        let header = Array(packet[..<headerLength])
        let payload = Array(packet[headerLength...])
        let ssrc = Array(packet[8..<12])
        let index = Self.bytes(rollOver) + packet[2..<4]
        switch profile {
        case .aeadAES128GCM, .aeadAES256GCM:
            let nonce = Self.xor([0, 0] + ssrc + index, rtp.salt)
            return header + Self.seal(rtp.cipherKey, nonce, header, payload)
        case .aes128CMHMACSHA1Tag80:
            let body = Self.xor(payload, counterMode(rtp, ssrc, index, payload.count))
            let tag = hmacSHA1(
                key: rtp.authenticationKey, header + body + Self.bytes(rollOver))
            return header + body + tag.prefix(10)
        }
    }

    /// A compound RTCP packet with its SRTCP index, encrypted.
    func protectRTCP(_ packet: [UInt8], index: UInt32) -> [UInt8] {
        let header = Array(packet[..<8])
        let payload = Array(packet[8...])
        let ssrc = Array(packet[4..<8])
        let word = Self.bytes(index | 1 << 31)
        switch profile {
        case .aeadAES128GCM, .aeadAES256GCM:
            let nonce = Self.xor([0, 0] + ssrc + [0, 0] + Self.bytes(index), rtcp.salt)
            return header + Self.seal(rtcp.cipherKey, nonce, header + word, payload) + word
        case .aes128CMHMACSHA1Tag80:
            let stream = counterMode(rtcp, ssrc, [0, 0] + Self.bytes(index), payload.count)
            let body = header + Self.xor(payload, stream) + word
            return body + hmacSHA1(key: rtcp.authenticationKey, body).prefix(10)
        }
    }

    private func counterMode(
        _ keys: SessionKeys, _ ssrc: [UInt8], _ index: [UInt8], _ count: Int
    ) -> [UInt8] {
        let block = Self.xor([0, 0, 0, 0] + ssrc + index + [0, 0], keys.salt + [0, 0])
        return Self.keystream(keys.cipherKey, block, count)
    }

    /// AES in counter mode from `block` on (RFC 3711 section 4.1.1).
    static func keystream(_ key: [UInt8], _ block: [UInt8], _ count: Int) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        let cipher = key.count == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr()
        precondition(EVP_EncryptInit_ex(context, cipher, nil, key, block) == 1)
        var output = [UInt8](repeating: 0, count: count + 16)
        var length: Int32 = 0
        let zeros = [UInt8](repeating: 0, count: count)
        precondition(EVP_EncryptUpdate(context, &output, &length, zeros, Int32(count)) == 1)
        return Array(output.prefix(count))
    }

    /// AES-GCM: ciphertext and 16-byte tag.
    static func seal(
        _ key: [UInt8], _ nonce: [UInt8], _ associated: [UInt8], _ plain: [UInt8]
    ) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        let cipher = key.count == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm()
        precondition(EVP_EncryptInit_ex(context, cipher, nil, key, nonce) == 1)
        var output = [UInt8](repeating: 0, count: plain.count + 16)
        var tag = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0
        EVP_EncryptUpdate(context, nil, &length, associated, Int32(associated.count))
        EVP_EncryptUpdate(context, &output, &length, plain, Int32(plain.count))
        precondition(EVP_EncryptFinal_ex(context, &tag, &length) == 1)
        precondition(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag) == 1)
        return output.prefix(plain.count) + tag
    }

    private static func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        zip(left, right).map { $0 ^ $1 }
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
}
