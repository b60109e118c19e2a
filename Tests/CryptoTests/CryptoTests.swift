// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import TestSupport
import Testing

@Suite struct DigestTests {
    @Test func knownAnswers() {
        // FIPS 180 "abc"; RFC 4231 case 2; RFC 2202 case 2.
        #expect(
            hexText(sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hexText(sha1(Array("abc".utf8))) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        let text = Array("what do ya want for nothing?".utf8)
        #expect(
            hexText(hmacSHA256(key: Array("Jefe".utf8), text))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hexText(hmacSHA1(key: Array("Jefe".utf8), text))
                == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
    }

    @Test func comparisonLooksAtEveryByte() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]) && constantTimeEqual([], []))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]) && !constantTimeEqual([1], [1, 2]))
    }
}

@Suite struct Base64Tests {
    @Test func publishedVectors() {
        // RFC 4648 section 10.
        let pairs = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in pairs {
            #expect(Base64.encode(Array(plain.utf8)) == encoded)
            #expect(Base64.decode(encoded) == Array(plain.utf8))
            #expect(Base64.decodeURL(encoded) == Array(plain.utf8))
        }
        #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
        #expect(Base64.encodeURL([0xFB, 0xFF], padded: true) == "-_8=")
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9v====", "Z m9", "Zm9-", "=Zg=", "Zg==Zg=="])
    func malformedTextIsRefused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func randomBytesSurvive() {
        var random = SeededRandom(seed: 9)
        for count in 0..<70 {
            let bytes = random.bytes(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
        }
    }
}

@Suite struct SecureRandomTests {
    @Test func namesAreOfTheRightLengthAndDiffer() {
        let random = SecureRandom()
        #expect(random.letters(8).count == 8 && random.letters(20) != random.letters(20))
        #expect(random.bytes(32) != random.bytes(32))
    }
}
