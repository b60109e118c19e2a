// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import Speech

@Suite struct WAVFileTests {
    /// A file with the given format and data.
    static func file(
        code: Int = 1, channels: Int = 1, rate: Int = 16_000, bits: Int = 16, data: [UInt8],
        before: [UInt8] = [], size: Int? = nil, isExtensible: Bool = false
    ) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var format = little(isExtensible ? 0xFFFE : code, 2) + little(channels, 2)
        format += little(rate, 4) + little(rate * channels * bits / 8, 4)
        format += little(channels * bits / 8, 2) + little(bits, 2)
        if isExtensible {
            format += little(22, 2) + little(bits, 2) + little(0, 4) + little(code, 2)
            format += [UInt8](repeating: 0, count: 14)
        }
        let body =
            Array("WAVEfmt ".utf8) + little(format.count, 4) + format + before
            + Array("data".utf8) + little(size ?? data.count, 4) + data
        return Array("RIFF".utf8) + little(body.count, 4) + body
    }

    static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// −1, 0 and one half, in every format.
    static let formats: [(code: Int, bits: Int, data: [UInt8])] = [
        (1, 8, [0, 128, 192]),
        (1, 16, bytes(-32768, 2) + bytes(0, 2) + bytes(16384, 2)),
        (1, 24, bytes(-(1 << 23), 3) + bytes(0, 3) + bytes(1 << 22, 3)),
        (1, 32, bytes(-(1 << 31), 4) + bytes(0, 4) + bytes(1 << 30, 4)),
        (3, 32, floats([-1, 0, 0.5])),
        (3, 64, [-1.0, 0, 0.5].flatMap { bytes(Int(truncatingIfNeeded: $0.bitPattern), 8) }),
    ]

    static func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { bytes(Int($0.bitPattern), 4) }
    }

    @Test(arguments: formats)
    func everyFormatIsRead(code: Int, bits: Int, data: [UInt8]) throws {
        for isExtensible in [false, true] {
            let wav = try WAVFile(
                Self.file(code: code, bits: bits, data: data, isExtensible: isExtensible))
            #expect(wav.samples == [-1, 0, 0.5])
            #expect(wav.rate == 16_000)
        }
    }

    @Test func channelsAreMixedAndOtherChunksPassedOver() throws {
        let data =
            Self.bytes(16384, 2) + Self.bytes(0, 2) + Self.bytes(-16384, 2)
            + Self.bytes(-16384, 2)
        let list = Array("LIST".utf8) + Self.bytes(3, 4) + [1, 2, 3, 0]
        let wav = try WAVFile(Self.file(channels: 2, rate: 44_100, data: data, before: list))
        #expect(wav.samples == [0.25, -0.5])
        #expect(wav.channels == 2)
        #expect(abs(wav.duration - 2000 / 44_100) < 1e-9)
    }

    @Test(arguments: [0, 0xFFFF_FFFF, 1000]) func openAndCutOffFilesEndWithTheirBytes(size: Int)
        throws
    {
        let data = Self.bytes(8192, 2) + Self.bytes(8192, 2) + [7]
        #expect(try WAVFile(Self.file(data: data, size: size)).samples == [0.25, 0.25])
    }

    @Test func whatFollowsAnEmptyRecordingIsNotHeard() throws {
        let list = Array("LIST".utf8) + Self.bytes(400, 4) + [UInt8](repeating: 0x41, count: 400)
        let id3 = Array("id3 ".utf8) + Self.bytes(3, 4) + [1, 2, 3]
        for chunks in [list, list + id3, id3 + [0] + list] {
            #expect(throws: WAVFile.Failure.incomplete) {
                try WAVFile(Self.file(data: chunks, size: 0))
            }
        }
        // Sound of unknown length that only looks like the beginning of a chunk.
        let sound = Self.bytes(0x4241, 2) + Self.bytes(0x4443, 2) + Self.bytes(2, 4) + list
        #expect(try WAVFile(Self.file(data: sound, size: 0)).samples.count == sound.count / 2)
        // Sound behind an empty chunk of it.
        let more = Array("data".utf8) + Self.bytes(2, 4) + Self.bytes(8192, 2)
        #expect(try WAVFile(Self.file(data: more, size: 0)).samples == [0.25])
    }

    @Test func wrongFilesAreRefused() {
        let two: [UInt8] = [0, 0]
        #expect(throws: WAVFile.Failure.notWAVE) { try WAVFile([]) }
        #expect(throws: WAVFile.Failure.notWAVE) { try WAVFile(Array("ID3 an mp3 of a song".utf8)) }
        #expect(throws: WAVFile.Failure.incomplete) { try WAVFile(Self.file(data: [])) }
        #expect(throws: WAVFile.Failure.channels(0)) {
            try WAVFile(Self.file(channels: 0, data: two))
        }
        #expect(throws: WAVFile.Failure.channels(33)) {
            try WAVFile(Self.file(channels: 33, data: two))
        }
        #expect(throws: WAVFile.Failure.rate(0)) { try WAVFile(Self.file(rate: 0, data: two)) }
        #expect(throws: WAVFile.Failure.rate(400_000)) {
            try WAVFile(Self.file(rate: 400_000, data: two))
        }
        #expect(throws: WAVFile.Failure.unsupported(format: 7, bits: 8)) {
            try WAVFile(Self.file(code: 7, bits: 8, data: two))
        }
        #expect(throws: WAVFile.Failure.unsupported(format: 1, bits: 12)) {
            try WAVFile(Self.file(bits: 12, data: two))
        }
        let long = [UInt8](repeating: 128, count: 8000 * 3600 + 1)
        #expect(throws: WAVFile.Failure.tooLong(minutes: 60)) {
            try WAVFile(Self.file(rate: 8000, bits: 8, data: long))
        }
    }

    @Test func whatIsNoNumberBecomesSilence() throws {
        let data = Self.floats([.nan, .infinity, 1e30, -1e30])
        let wav = try WAVFile(Self.file(code: 3, bits: 32, data: data))
        #expect(wav.samples == [0, 0, 4, -4])
    }

    @Test func changedFilesNeverTrap() {
        var random = SeededRandom(seed: 21)
        let good = Self.file(channels: 2, bits: 24, data: [UInt8](repeating: 9, count: 60))
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random) / 3)
            if let wav = try? WAVFile(bytes) {
                #expect(wav.samples.allSatisfy { $0.isFinite })
                #expect(wav.samples.count <= bytes.count)
            }
        }
    }
}
