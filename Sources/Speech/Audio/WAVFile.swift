// SPDX-License-Identifier: Apache-2.0

/// The sound of a RIFF WAVE file, mixed to one channel.
///
/// Takes PCM of 8, 16, 24 and 32 bits and floating point of 32 and 64 bits, also in the extensible
/// form, with 1 to 32 channels. A file that was written to a pipe, whose lengths are 0 or all ones,
/// ends where its bytes do; so does one that was cut off.
public struct WAVFile: Sendable {
    /// Why a file is not taken.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// It does not begin as such a file does.
        case notWAVE
        /// It has no format, or no sound behind it.
        case incomplete
        /// Compressed, or a number of bits that is not taken.
        case unsupported(format: Int, bits: Int)
        /// No channel, or more than 32.
        case channels(Int)
        /// Outside 8,000…192,000 samples a second.
        case rate(Int)
        /// Longer than allowed.
        case tooLong(minutes: Int)

        /// What is wrong, as the end of a sentence about the file.
        public var description: String {
            switch self {
            case .notWAVE: "is no WAVE file"
            case .incomplete: "has no sound in it"
            case .unsupported(let format, let bits):
                "has the format \(format) with \(bits) bits, and only PCM and floating point are read"
            case .channels(let count): "has \(count) channels"
            case .rate(let rate):
                "has \(rate) samples a second, and 8000 to 192000 are read"
            case .tooLong(let minutes): "is longer than \(minutes) minutes"
            }
        }
    }

    /// Most samples of one channel that are taken: an hour at 48 kHz, 700 MB.
    public static let maxSamples = 48_000 * 3600
    /// No microphone array of ours has more.
    static let maxChannels = 32

    /// The mean of all channels, −1…1 but for floating point that goes beyond; always finite.
    public let samples: [Float]
    /// Samples a second.
    public let rate: Int
    /// Channels of the file.
    public let channels: Int

    /// Milliseconds of sound.
    public var duration: Double { Double(samples.count) * 1000 / Double(rate) }

    /// Reads a file's bytes.
    public init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count >= 12, Self.tag(bytes, 0) == "RIFF", Self.tag(bytes, 8) == "WAVE" else {
            throw .notWAVE
        }
        var format: Format?
        var place = 12
        while place + 8 <= bytes.count {
            let name = Self.tag(bytes, place)
            let size = Int(Self.integer(bytes, place + 4, 4))
            let start = place + 8
            if name == "fmt " {
                format = try Format(bytes, start..<min(start + size, bytes.count))
            } else if name == "data", size > 0 || !Self.holdsChunks(bytes, from: start) {
                guard let format else { throw .incomplete }
                let isOpen = size == 0 || size == 0xFFFF_FFFF
                let end = isOpen ? bytes.count : min(start + size, bytes.count)
                samples = try format.decode(bytes, start..<end)
                rate = format.rate
                channels = format.channels
                return
            }
            // Chunks begin at even places.
            place = start + size + size % 2
        }
        throw .incomplete
    }

    /// Whether chunks follow one another from `place` to the very end: then what stands before them
    /// is empty indeed, and none of unknown length.
    private static func holdsChunks(_ bytes: [UInt8], from place: Int) -> Bool {
        var place = place
        while place + 8 <= bytes.count {
            guard bytes[place..<place + 4].allSatisfy({ (0x20...0x7E).contains($0) }) else {
                return false
            }
            let size = Int(integer(bytes, place + 4, 4))
            place += 8 + size + size % 2
            // The last one may lack its even byte.
            if place == bytes.count || place - size % 2 == bytes.count { return true }
        }
        return false
    }

    private static func tag(_ bytes: [UInt8], _ place: Int) -> String {
        String(decoding: bytes[place..<place + 4], as: UTF8.self)
    }

    /// Little-endian; the caller has checked that the bytes are there.
    private static func integer(_ bytes: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[place + index]) }
        return value
    }

    /// How the samples are written.
    private struct Format {
        let channels: Int
        let rate: Int
        let bits: Int
        let isFloat: Bool

        init(_ bytes: [UInt8], _ range: Range<Int>) throws(Failure) {
            guard range.count >= 16 else { throw .incomplete }
            let start = range.lowerBound
            var code = Int(integer(bytes, start, 2))
            channels = Int(integer(bytes, start + 2, 2))
            rate = Int(integer(bytes, start + 4, 4))
            bits = Int(integer(bytes, start + 14, 2))
            // Extensible: the true code begins the sub-format.
            if code == 0xFFFE, range.count >= 26 { code = Int(integer(bytes, start + 24, 2)) }
            isFloat = code == 3
            let isTaken = code == 1 ? [8, 16, 24, 32].contains(bits) : [32, 64].contains(bits)
            guard code == 1 || code == 3, isTaken else {
                throw .unsupported(format: code, bits: bits)
            }
            guard (1...maxChannels).contains(channels) else { throw .channels(channels) }
            guard (8_000...192_000).contains(rate) else { throw .rate(rate) }
        }

        func decode(_ bytes: [UInt8], _ range: Range<Int>) throws(Failure) -> [Float] {
            let width = bits / 8
            let frames = range.count / (width * channels)
            guard frames > 0 else { throw .incomplete }
            let longest = min(maxSamples, rate * 3600)
            guard frames <= longest else { throw .tooLong(minutes: longest / rate / 60) }
            let scale = 1 / Float(channels)
            var samples: [Float] = []
            samples.reserveCapacity(frames)
            var place = range.lowerBound
            for _ in 0..<frames {
                var sum: Float = 0
                for _ in 0..<channels {
                    sum += value(bytes, place)
                    place += width
                }
                samples.append(sum * scale)
            }
            return samples
        }

        private func value(_ bytes: [UInt8], _ place: Int) -> Float {
            let raw = integer(bytes, place, bits / 8)
            if isFloat {
                let value =
                    bits == 32
                    ? Float(bitPattern: UInt32(truncatingIfNeeded: raw))
                    : Float(Double(bitPattern: raw))
                // No voice is 12 dB above full scale; nothing downstream takes what is no number.
                return value.isFinite ? min(max(value, -4), 4) : 0
            }
            // Eight bits count from 0, wider samples from their middle.
            if bits == 8 { return Float(Int(raw) - 128) / 128 }
            let signed = Int64(bitPattern: raw << UInt64(64 - bits)) >> Int64(64 - bits)
            return Float(signed) / Float(Int64(1) << Int64(bits - 1))
        }
    }
}
