// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

/// The sample messages of RFC 5769, whose passwords stand in its section 2.
enum RFC5769 {
    static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)
    /// Section 2.1.
    static let request = hex(
        """
        000100582112a442b7e7a701bc34d686fa87dfae
        802200105354554e207465737420636c69656e74
        002400046e0001ff
        80290008932ff9b151263b36
        000600096576746a3a68367659202020
        000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
        80280004e57a3bcf
        """)
    /// Section 2.2.
    static let responseV4 = hex(
        """
        0101003c2112a442b7e7a701bc34d686fa87dfae
        8022000b7465737420766563746f7220
        002000080001a147e112a643
        000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7
        80280004c07d4c96
        """)
    /// Section 2.3.
    static let responseV6 = hex(
        """
        010100482112a442b7e7a701bc34d686fa87dfae
        8022000b7465737420766563746f7220
        002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014a382954e4be67bf11784c97c8292c275bfe3ed41
        80280004c8fb0b4c
        """)
}

@Suite struct STUNMessageTests {
    @Test func readsTheSampleRequest() throws {
        let datagram = try STUNDatagram(parsing: RFC5769.request)
        let message = datagram.message
        #expect(message.kind == .request)
        #expect(message.method == STUNMessage.binding)
        #expect(
            message.transactionID
                == STUNTransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE))
        #expect(message.software == "STUN test client")
        #expect(message.priority == 0x6E00_01FF)
        #expect(message.iceControlled == 0x932F_F9B1_5126_3B36)
        #expect(message.username == Array("evtj:h6vY".utf8))
        #expect(datagram.destinationUfrag == "evtj")
        #expect(datagram.hasFingerprint)
        #expect(datagram.isAuthentic(key: RFC5769.password))
        #expect(!datagram.isAuthentic(key: RFC5769.password + [1]))
        #expect(datagram.unknownRequired.isEmpty)
    }

    @Test(arguments: [
        (RFC5769.responseV4, "192.0.2.1:32853"),
        (RFC5769.responseV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ])
    func readsTheSampleResponses(bytes: [UInt8], address: String) throws {
        let datagram = try STUNDatagram(parsing: bytes)
        #expect(datagram.message.kind == .success)
        #expect(datagram.message.software == "test vector")
        #expect(datagram.message.xorMappedAddress == SocketAddress(address))
        #expect(datagram.isAuthentic(key: RFC5769.password))
        #expect(datagram.hasFingerprint)
    }

    /// The samples pad with blanks and we with zeros, so the bytes differ there and in the two
    /// checks; a message without padding must come out the same, bit for bit.
    @Test func writesWhatTheSampleSays() throws {
        for bytes in [RFC5769.request, RFC5769.responseV4, RFC5769.responseV6] {
            let original = try STUNDatagram(parsing: bytes)
            let written = original.message.encoded(key: RFC5769.password)
            let again = try STUNDatagram(parsing: written)
            #expect(written.count == bytes.count)
            #expect(again.message == original.message)
            #expect(again.isAuthentic(key: RFC5769.password))
        }
    }

    @Test func readsALongTermRequest() throws {
        let bytes = hex(
            """
            000100602112a44278ad3433c6ad72c029da412e
            00060012e3839ee38388e383aae38383e382afe382b90000
            0015001c662f2f3439396b3935346436
            4f4c33346f4c39465354767936347341
            0014000b6578616d706c652e6f726700
            00080014f67024656dd64a3e02b8e0712e85c9a28ca89666
            """)
        let datagram = try STUNDatagram(parsing: bytes)
        #expect(datagram.message.username == Array("マトリックス".utf8))
        #expect(!datagram.hasFingerprint)
        #expect(datagram.isAuthentic(key: hex("e8ca7ad59d5eb0518e312911d2dab2a9")))
    }

    @Test(arguments: [
        "1.2.3.4:1", "255.255.255.255:65535", "[::1]:9", "[fe80::1:2:3]:443", "33.18.164.66:8466",
    ])
    func addressesSurviveBothForms(text: String) throws {
        let address = try #require(SocketAddress(text))
        var random = SeededRandom(seed: 4)
        for _ in 0..<20 {
            var message = STUNMessage(
                kind: .success, transactionID: STUNTransactionID(using: &random))
            message.xorMappedAddress = address
            message.mappedAddress = address
            #expect(try STUNDatagram(parsing: message.encoded()).message == message)
        }
    }

    @Test func everyAttributeSurvives() throws {
        var random = SeededRandom(seed: 9)
        for kind in STUNMessage.Kind.allCases {
            var message = STUNMessage(
                kind: kind, method: 0x0BC, transactionID: STUNTransactionID(using: &random))
            message.username = Array("abcd:efgh".utf8)
            message.priority = 0x7FFF_FFFF
            message.useCandidate = true
            message.iceControlling = .max
            message.iceControlled = 1
            message.errorCode = STUNErrorCode(code: 699, reason: "Nö")
            message.unknownAttributes = [0x0031, 0x7FFF, 0x0032]
            message.software = "x"
            let bytes = message.encoded(key: [1])
            #expect(try STUNDatagram(parsing: bytes).message == message)
        }
    }

    @Test(arguments: [
        STUNErrorCode.badRequest, .unauthorized, .unknownAttribute, .roleConflict,
    ])
    func errorCodesSurvive(code: STUNErrorCode) throws {
        var message = STUNMessage(
            kind: .failure, transactionID: STUNTransactionID(high: 1, low: 2))
        message.errorCode = code
        #expect(try STUNDatagram(parsing: message.encoded()).message.errorCode == code)
    }

    @Test func unknownRequiredAttributesAreReportedAndOptionalOnesSkipped() throws {
        let bytes = STUNBytes.message(attributes: [
            (0x0031, [1, 2, 3]), (0xC057, [0, 0, 0, 10]), (0xC071, []),
            (0xC070, Array(repeating: 22, count: 1200)), (0x0024, [1, 2, 3, 4]), (0x0031, [9]),
            (0x7FFF, []),
        ])
        let datagram = try STUNDatagram(parsing: bytes)
        #expect(datagram.unknownRequired == [0x0031, 0x7FFF])
        #expect(datagram.message.priority == 0x0102_0304)
    }

    @Test func firstOccurrenceCounts() throws {
        let bytes = STUNBytes.message(attributes: [
            (0x0024, [0, 0, 0, 1]), (0x0024, [0, 0, 0, 2]), (0x0006, [65]), (0x0006, [66]),
        ])
        let message = try STUNDatagram(parsing: bytes).message
        #expect(message.priority == 1)
        #expect(message.username == [65])
    }

    @Test func nothingBehindTheIntegrityCounts() throws {
        var message = STUNMessage(
            kind: .request, transactionID: STUNTransactionID(high: 1, low: 2))
        message.priority = 5
        var bytes = Array(message.encoded(key: [1, 2, 3]).dropLast(8))
        bytes += [0x00, 0x25, 0, 0, 0x00, 0x31, 0, 0, 0x80, 0x29, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]
        bytes[3] = UInt8(bytes.count - 20)
        let datagram = try STUNDatagram(parsing: bytes)
        #expect(datagram.isAuthentic(key: [1, 2, 3]))
        #expect(!datagram.message.useCandidate)
        #expect(datagram.message.iceControlled == nil)
        #expect(datagram.unknownRequired.isEmpty)
    }

    @Test func everyFlippedBitIsNoticed() throws {
        for index in RFC5769.request.indices {
            for bit in 0..<8 {
                var bytes = RFC5769.request
                bytes[index] ^= 1 << UInt8(bit)
                let datagram = try? STUNDatagram(parsing: bytes)
                #expect(datagram == nil || datagram?.hasFingerprint == false)
                // The integrity does not cover the fingerprint behind it.
                guard index < RFC5769.request.count - 8 else { continue }
                #expect(datagram?.isAuthentic(key: RFC5769.password) != true)
            }
        }
    }
}

@Suite struct STUNBoundsTests {
    @Test func everyTruncationIsRefused() {
        for count in 0..<RFC5769.request.count {
            #expect(throws: STUNParseError.self) {
                try STUNDatagram(parsing: Array(RFC5769.request.prefix(count)))
            }
        }
    }

    @Test func otherProtocolsAreNotSTUN() {
        #expect(!STUNDatagram.isSTUN([]))
        #expect(!STUNDatagram.isSTUN([0x80] + Array(repeating: 0, count: 40)))
        #expect(!STUNDatagram.isSTUN([22, 0xFE, 0xFD] + Array(repeating: 0, count: 40)))
        #expect(STUNDatagram.isSTUN(RFC5769.request))
        var oldCookie = RFC5769.request
        oldCookie[4] = 0
        #expect(throws: STUNParseError.notSTUN) { try STUNDatagram(parsing: oldCookie) }
    }

    @Test func sizesAreBounded() {
        let long = STUNBytes.message(attributes: [(0xC070, Array(repeating: 0, count: 2024))])
        #expect(long.count == 2048)
        #expect(throws: Never.self) { try STUNDatagram(parsing: long) }
        #expect(throws: STUNParseError.badLength) {
            try STUNDatagram(
                parsing: STUNBytes.message(attributes: [
                    (0xC070, Array(repeating: 0, count: 2028))
                ]))
        }
        #expect(throws: STUNParseError.tooManyAttributes) {
            try STUNDatagram(
                parsing: STUNBytes.message(
                    attributes: Array(repeating: (0xC057, []), count: 33)))
        }
        #expect(throws: STUNParseError.malformedAttribute(6)) {
            try STUNDatagram(
                parsing: STUNBytes.message(attributes: [(6, Array(repeating: 65, count: 514))]))
        }
    }

    @Test(
        arguments: [
            (0x0024, [1, 2, 3]), (0x0024, [1, 2, 3, 4, 5]), (0x8029, [1]), (0x802A, []),
            (0x0025, [0]), (0x0020, [0, 1, 0, 0, 1, 2, 3]), (0x0020, [0, 3, 0, 0, 1, 2, 3, 4]),
            (0x0001, [0, 2, 0, 0, 1, 2, 3, 4]), (0x0009, [0, 0, 4]), (0x0009, [0, 0, 2, 0]),
            (0x0009, [0, 0, 4, 100]), (0x000A, [1]), (0x0008, [1, 2, 3, 4]), (0x8028, [1, 2]),
        ] as [(UInt16, [UInt8])])
    func impossibleValuesAreRefused(type: UInt16, value: [UInt8]) {
        #expect(throws: STUNParseError.malformedAttribute(type)) {
            try STUNDatagram(parsing: STUNBytes.message(attributes: [(type, value)]))
        }
    }

    @Test func nothingMayFollowTheFingerprint() {
        let message = STUNMessage(
            kind: .request, transactionID: STUNTransactionID(high: 1, low: 2))
        var bytes = message.encoded()
        bytes += [0xC0, 0x57, 0, 0]
        bytes[3] += 4
        // The length is in the fingerprint, so it breaks there first.
        #expect(throws: STUNParseError.badFingerprint) { try STUNDatagram(parsing: bytes) }
    }

    /// 40,000 mutated messages: whatever comes out parses again to the same, and nothing traps.
    @Test func mutatedMessagesNeverTrap() throws {
        var random = SeededRandom(seed: 0x5354_554E)
        let seeds = [RFC5769.request, RFC5769.responseV4, RFC5769.responseV6]
        var parsed = 0
        for round in 0..<40_000 {
            var bytes = seeds[round % 3]
            // Without FINGERPRINT, which would stop nearly all mutants at the door.
            bytes.removeLast(8)
            bytes[3] -= 8
            STUNBytes.mutate(&bytes, using: &random)
            guard let datagram = try? STUNDatagram(parsing: bytes) else { continue }
            parsed += 1
            #expect(!datagram.isAuthentic(key: []))
            let again = try STUNDatagram(parsing: datagram.message.encoded(key: [7]))
            #expect(again.message == datagram.message)
        }
        #expect(parsed > 4_000)
    }
}

/// STUN messages written without the code under test.
enum STUNBytes {
    static func message(
        type: UInt16 = 1, attributes: [(UInt16, [UInt8])]
    ) -> [UInt8] {
        var body: [UInt8] = []
        for (type, value) in attributes {
            body += [UInt8(type >> 8), UInt8(type & 0xFF)]
            body += [UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
            body += Array(repeating: 0, count: (4 - value.count % 4) % 4)
        }
        return [UInt8(type >> 8), UInt8(type & 0xFF)]
            + [UInt8(body.count >> 8), UInt8(body.count & 0xFF), 0x21, 0x12, 0xA4, 0x42]
            + Array(1...12) + body
    }

    /// Flips, overwrites, inserts, removes or doubles a few bytes; half the time mends the length.
    static func mutate(_ bytes: inout [UInt8], using random: inout SeededRandom) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes[place] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random)!
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 4: bytes.remove(at: place)
            default: bytes += bytes.suffix(Int.random(in: 1...8, using: &random))
            }
        }
        if Bool.random(using: &random), bytes.count >= 20 {
            while bytes.count % 4 != 0 { bytes.append(0) }
            bytes[2] = UInt8((bytes.count - 20) >> 8)
            bytes[3] = UInt8((bytes.count - 20) & 0xFF)
        }
    }
}
