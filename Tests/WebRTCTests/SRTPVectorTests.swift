// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

/// The vectors of the RFCs prove the oracle, the oracle proves libsrtp as we set it up.
@Suite struct SRTPVectorTests {
    static let masterKey = hex("E1F97A0D3E018BE0D64FA32C06DE4139")
    static let masterSalt = hex("0EC675AD498AFEEBB6960B3AABE6")

    /// RFC 3711 appendix B.2.
    @Test func counterModeGivesTheKeystreamOfTheRFC() {
        let stream = SRTPOracle.keystream(
            hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), 48)
        #expect(
            stream
                == hex(
                    """
                    E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                    41E95B3BB0A2E8DD477901E4FCA894C0
                    """))
    }

    /// RFC 3711 appendix B.3.
    @Test func keysAreDerivedAsInTheRFC() {
        let keys = SRTPOracle.SessionKeys(
            profile: .aes128CMHMACSHA1Tag80, masterKey: Self.masterKey,
            masterSalt: Self.masterSalt, label: 0)
        #expect(keys.cipherKey == hex("C61E7A93744F39EE10734AFE3FF7A087"))
        #expect(keys.salt == hex("30CBBC08863D8C85D49DB34A9AE1"))
        #expect(keys.authenticationKey == hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
    }

    /// The packet of libsrtp's own test of the same master key.
    @Test func counterModePacketIsTheKnownOne() throws {
        let packet = hex("800f1234 decafbad cafebabe") + [UInt8](repeating: 0xAB, count: 16)
        let expected = hex(
            "800f1234 decafbad cafebabe 4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
        let oracle = SRTPOracle(
            profile: .aes128CMHMACSHA1Tag80, masterKey: Self.masterKey,
            masterSalt: Self.masterSalt)
        #expect(oracle.protectRTP(packet, rollOver: 0) == expected)
        let keys = try #require(
            SRTPKeyingMaterial(
                profile: .aes128CMHMACSHA1Tag80, localKey: Self.masterKey + Self.masterSalt,
                remoteKey: Self.masterKey + Self.masterSalt))
        let context = try SRTPContext(keys)
        #expect(try context.protectRTP(packet) == expected)
        #expect(try context.unprotectRTP(expected) == packet)
    }

    /// RFC 7714 sections 16.1.1 and 16.2.1.
    @Test(arguments: [
        (
            SRTPProfile.aeadAES128GCM,
            """
            8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
            42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce
            """
        ),
        (
            .aeadAES256GCM,
            """
            8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
            b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13
            """
        ),
    ])
    func gcmPacketsAreThoseOfTheRFC(profile: SRTPProfile, expected: String) {
        let packet =
            hex("8040f17b 8041f8d3 5501a0b2") + "Gallia est omnis divisa in partes tres".utf8
        #expect(Self.oracle(profile).protectRTP(packet, rollOver: 0) == hex(expected))
    }

    /// RFC 7714 sections 17.1 and 17.2: decryption shown backwards.
    @Test(arguments: [
        (
            SRTPProfile.aeadAES128GCM,
            """
            81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
            730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4
            """
        ),
        (
            .aeadAES256GCM,
            """
            81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1
            110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4
            """
        ),
    ])
    func gcmControlPacketsAreThoseOfTheRFC(profile: SRTPProfile, expected: String) {
        let packet = hex(
            """
            81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
            deadbeef deadbeef deadbeef deadbeef deadbeef
            """)
        #expect(Self.oracle(profile).protectRTCP(packet, index: 0x5D4) == hex(expected))
    }

    @Test(arguments: SRTPProfile.allCases) func libraryAgreesWithTheOracle(
        profile: SRTPProfile
    ) throws {
        var random = SeededRandom(seed: UInt64(profile.rawValue))
        let master = random.bytes(profile.keyLength)
        let salt = random.bytes(profile.saltLength)
        let keys = try #require(
            SRTPKeyingMaterial(
                profile: profile, localKey: master + salt, remoteKey: master + salt))
        let context = try SRTPContext(keys)
        let oracle = SRTPOracle(profile: profile, masterKey: master, masterSalt: salt)
        var sequence: UInt32 = 65_500  // over the wrap into roll-over counter 1
        for count in 0..<120 {
            let payload = random.bytes(Int.random(in: 0...1_188, using: &random))
            // Two CSRCs and a header extension of one word on every other packet: none of it is
            // encrypted.
            let isPlain = count % 2 == 0
            let packet =
                [isPlain ? 0x80 : 0x92, 0x6F, UInt8(sequence >> 8 & 255), UInt8(sequence & 255)]
                + random.bytes(4) + [0xCA, 0xFE, 0xBA, 0xBE]
                + (isPlain ? [] : random.bytes(8) + [0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0])
                + payload
            let expected = oracle.protectRTP(
                packet, headerLength: isPlain ? 12 : 28, rollOver: sequence >> 16)
            #expect(try context.protectRTP(packet) == expected)
            #expect(try context.unprotectRTP(expected) == packet)
            sequence += 1

            let report =
                [0x80, 0xC9, 0, 7] + random.bytes(4)
                + random.bytes(4 * Int.random(in: 0...100, using: &random))
            // libsrtp counts an SSRC's SRTCP packets from 1.
            let guarded = oracle.protectRTCP(report, index: 1)
            #expect(try context.protectRTCP(report) == guarded)
            #expect(try context.unprotectRTCP(guarded) == report)
        }
    }

    private static func oracle(_ profile: SRTPProfile) -> SRTPOracle {
        SRTPOracle(
            profile: profile,
            session: .init(
                cipherKey: Array(0..<UInt8(profile.keyLength)),
                salt: Array("Quid pro quo".utf8)))
    }
}
