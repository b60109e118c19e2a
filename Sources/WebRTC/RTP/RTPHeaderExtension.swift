// SPDX-License-Identifier: Apache-2.0
internal import Base

/// The loudness of a packet's audio (RFC 6464): what a server detects speakers by.
public struct RTPAudioLevel: Hashable, Sendable {
    /// Whether the packet holds voice.
    public var isVoice: Bool
    /// Level below full scale in dB: 0 is loudest, 127 is silence.
    public var decibelsBelowFullScale: UInt8

    /// Creates a level; more than 127 dB count as 127.
    public init(isVoice: Bool, decibelsBelowFullScale: UInt8) {
        self.isVoice = isVoice
        self.decibelsBelowFullScale = min(decibelsBelowFullScale, 127)
    }

    /// The level of digital silence.
    public static let silence = RTPAudioLevel(isVoice: false, decibelsBelowFullScale: 127)

    /// The extension element's one byte.
    public var byte: UInt8 { (isVoice ? 0x80 : 0) | decibelsBelowFullScale }

    /// Creates a level from the element's byte.
    public init(byte: UInt8) {
        self.init(isVoice: byte & 0x80 != 0, decibelsBelowFullScale: byte & 0x7F)
    }
}

/// The numbers under which a section's packets carry our extensions; nil for those not agreed.
public struct RTPExtensionIDs: Hashable, Sendable {
    /// RFC 6464.
    public var audioLevel: UInt8?
    /// RFC 9143 section 15.
    public var mid: UInt8?
    /// Absolute capture time.
    public var absoluteCaptureTime: UInt8?

    /// Creates a set of numbers.
    public init(audioLevel: UInt8? = nil, mid: UInt8? = nil, absoluteCaptureTime: UInt8? = nil) {
        self.audioLevel = audioLevel
        self.mid = mid
        self.absoluteCaptureTime = absoluteCaptureTime
    }

    /// The numbers that a section of SDP gives.
    public init(_ section: MediaDescription) {
        self.init(
            audioLevel: section.extensionID(SDPExtensionURI.audioLevel),
            mid: section.extensionID(SDPExtensionURI.mid),
            absoluteCaptureTime: section.extensionID(SDPExtensionURI.absoluteCaptureTime))
    }
}

/// Appends one header extension (RFC 8285): its first word, elements, zeroes to a word's end.
public struct RTPExtensionWriter: Sendable {
    private let start: Int
    private let isTwoByte: Bool

    /// Starts an extension at the end of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: a packet up to the end of its contributing sources.
    ///   - isTwoByte: the form for numbers above 14 and elements that are empty or above 16 bytes.
    public init(in bytes: inout [UInt8], isTwoByte: Bool = false) {
        self.isTwoByte = isTwoByte
        bytes.appendBigEndian(isTwoByte ? 0x1000 : 0xBEDE as UInt16)
        bytes.appendBigEndian(0 as UInt16)
        start = bytes.count
    }

    /// Appends an element; false, and nothing written, when the form cannot hold it.
    @discardableResult
    public func append(
        _ id: UInt8, _ value: some Collection<UInt8>, to bytes: inout [UInt8]
    ) -> Bool {
        guard appendStart(id, count: value.count, to: &bytes) else { return false }
        bytes.append(contentsOf: value)
        return true
    }

    /// Appends an element of one byte.
    @discardableResult
    public func append(_ id: UInt8, byte: UInt8, to bytes: inout [UInt8]) -> Bool {
        guard appendStart(id, count: 1, to: &bytes) else { return false }
        bytes.append(byte)
        return true
    }

    /// Appends an element of eight bytes, most significant first.
    @discardableResult
    public func append(_ id: UInt8, word: UInt64, to bytes: inout [UInt8]) -> Bool {
        guard appendStart(id, count: 8, to: &bytes) else { return false }
        bytes.appendBigEndian(word)
        return true
    }

    /// Pads the extension and enters its length.
    public func finish(_ bytes: inout [UInt8]) {
        while (bytes.count - start) % 4 != 0 { bytes.append(0) }
        let words = (bytes.count - start) / 4
        bytes[start - 2] = UInt8(truncatingIfNeeded: words >> 8)
        bytes[start - 1] = UInt8(truncatingIfNeeded: words)
    }

    private func appendStart(_ id: UInt8, count: Int, to bytes: inout [UInt8]) -> Bool {
        if isTwoByte {
            guard id != 0, count <= 255 else { return false }
            bytes.append(id)
            bytes.append(UInt8(count))
        } else {
            guard (1...14).contains(id), (1...16).contains(count) else { return false }
            bytes.append(id << 4 | UInt8(count - 1))
        }
        return true
    }
}

extension RTPPacket {
    /// The bytes of the element with this number; nil when the packet has none. Malformed
    /// extensions end where they go wrong (RFC 8285 section 4.1.2).
    public func element(_ id: UInt8) -> ArraySlice<UInt8>? {
        guard id != 0 else { return nil }
        let isOneByte = extensionProfile == 0xBEDE
        guard isOneByte || extensionProfile >> 4 == 0x100 else { return nil }
        var position = extensionRange.lowerBound
        let end = extensionRange.upperBound
        while position < end {
            let first = bytes[position]
            position += 1
            if first == 0 { continue }
            let found: UInt8
            let count: Int
            if isOneByte {
                found = first >> 4
                // 15 is reserved: nothing after it is to be read.
                if found == 15 { return nil }
                count = Int(first & 15) + 1
            } else {
                guard position < end else { return nil }
                found = first
                count = Int(bytes[position])
                position += 1
            }
            guard end - position >= count else { return nil }
            if found == id { return bytes[position..<position + count] }
            position += count
        }
        return nil
    }

    /// The audio level under this number.
    public func audioLevel(_ id: UInt8?) -> RTPAudioLevel? {
        guard let id, let byte = element(id)?.first else { return nil }
        return RTPAudioLevel(byte: byte)
    }

    /// The mid under this number, as text.
    public func mid(_ id: UInt8?) -> String? {
        guard let id, let value = element(id), !value.isEmpty else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    /// The capture time under this number.
    public func absoluteCaptureTime(_ id: UInt8?) -> NTPTime? {
        guard let id, let value = element(id), value.count >= 8 else { return nil }
        return NTPTime(bits: value.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
