// SPDX-License-Identifier: Apache-2.0

/// Why an SDP text was refused.
///
/// Line numbers count from 1; no text of the peer is repeated.
public enum SDPError: Error, Hashable, Sendable {
    /// Longer than ``SDPLimits/textMax``.
    case tooLong
    /// More lines or longer lines than ``SDPLimits`` allows.
    case tooManyLines(line: Int)
    /// More m-sections than ``SDPLimits/sectionsMax``.
    case tooManySections(line: Int)
    /// More attributes in one section than ``SDPLimits/attributesMax``.
    case tooManyAttributes(line: Int)
    /// No `x=` at the start of a line, or a control character in it.
    case malformedLine(line: Int)
    /// The text does not start with `v=0`.
    case unsupportedVersion
    /// No `o=` line.
    case missingOrigin
    /// A line that has a meaning here, with a value that it cannot have.
    case malformedValue(line: Int)
    /// Two sections with one mid.
    case duplicateMID(line: Int)
}

/// Bounds on a description.
///
/// Real ones: 0.5 to 18.5 kB, 1 to 8 sections, at most 130 lines in one;
/// a room of two hundred talkers gives about 250 kB.
public enum SDPLimits {
    /// Bytes of text: the largest signalling message that is accepted.
    public static let textMax = 1 << 20
    /// Lines in all.
    public static let linesMax = 32_768
    /// Bytes in a line.
    public static let lineMax = 4_096
    /// m-sections; they are never removed, so a long session collects them.
    public static let sectionsMax = 512
    /// Attributes of one section.
    public static let attributesMax = 1_024
}

extension SessionDescription {
    /// Parses an SDP text.
    ///
    /// Unknown attributes are kept as text, other unknown lines are dropped.
    public init(parsing text: String) throws(SDPError) {
        guard text.utf8.count <= SDPLimits.textMax else { throw .tooLong }
        var parser = SDPParser()
        var lines = SDPLines(text)
        while let line = try lines.next() {
            try parser.take(line.type, line.value, number: lines.number)
        }
        self = try parser.finish()
    }
}

/// Cuts the text into lines of a type letter and a value.
private struct SDPLines {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var number = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The next line that is not empty.
    mutating func next() throws(SDPError) -> (type: UInt8, value: Substring)? {
        while position < bytes.count {
            let start = position
            while position < bytes.count, bytes[position] != 10 { position += 1 }
            var end = position
            position += 1
            number += 1
            while end > start, bytes[end - 1] == 13 || bytes[end - 1] == 32 { end -= 1 }
            guard number <= SDPLimits.linesMax, end - start <= SDPLimits.lineMax else {
                throw .tooManyLines(line: number)
            }
            if end == start { continue }
            guard end - start >= 2, bytes[start + 1] == UInt8(ascii: "=") else {
                throw .malformedLine(line: number)
            }
            // RFC 8866 section 9: a byte-string has neither zero bytes nor line breaks.
            guard !bytes[start..<end].contains(where: { $0 == 13 || $0 == 0 }) else {
                throw .malformedLine(line: number)
            }
            let value = String(decoding: bytes[(start + 2)..<end], as: UTF8.self)
            return (bytes[start], value[...])
        }
        return nil
    }
}

private struct SDPParser {
    private var session = SessionDescription(origin: SDPOrigin(sessionID: "", version: 0))
    private var section: MediaDescription?
    private var hasVersion = false
    private var hasOrigin = false
    private var attributeCount = 0

    mutating func take(_ type: UInt8, _ value: Substring, number: Int) throws(SDPError) {
        guard hasVersion else {
            guard type == UInt8(ascii: "v"), value == "0" else { throw .unsupportedVersion }
            hasVersion = true
            return
        }
        switch type {
        case UInt8(ascii: "o"): try origin(value, number)
        case UInt8(ascii: "s"): session.name = String(value)
        case UInt8(ascii: "t"): session.timing = String(value)
        case UInt8(ascii: "c"):
            if section == nil {
                session.connection = String(value)
            } else {
                section?.connection = String(value)
            }
        case UInt8(ascii: "m"): try startSection(value, number)
        case UInt8(ascii: "a"): try attribute(value, number)
        default: break
        }
    }

    mutating func finish() throws(SDPError) -> SessionDescription {
        closeSection()
        guard hasVersion else { throw .unsupportedVersion }
        guard hasOrigin else { throw .missingOrigin }
        return session
    }

    private mutating func closeSection() {
        if let section { session.media.append(section) }
        section = nil
    }

    private mutating func origin(_ value: Substring, _ number: Int) throws(SDPError) {
        let words = value.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: true)
        guard words.count == 4, let version = UInt64(words[2]) else {
            throw .malformedValue(line: number)
        }
        session.origin = SDPOrigin(sessionID: String(words[1]), version: version)
        session.origin.username = String(words[0])
        session.origin.address = String(words[3])
        hasOrigin = true
    }

    private mutating func startSection(_ value: Substring, _ number: Int) throws(SDPError) {
        closeSection()
        guard session.media.count < SDPLimits.sectionsMax else {
            throw .tooManySections(line: number)
        }
        let words = value.split(separator: " ", omittingEmptySubsequences: true)
        // "port/count" is for layered multicast, which WebRTC has not.
        guard words.count >= 4, let port = UInt16(words[1]) else {
            throw .malformedValue(line: number)
        }
        var media = MediaDescription(
            kind: SDPMediaKind(String(words[0])), port: port, transportProtocol: String(words[2]),
            formats: words[3...].map(String.init))
        media.connection = nil
        section = media
        attributeCount = 0
    }

    private mutating func attribute(_ value: Substring, _ number: Int) throws(SDPError) {
        attributeCount += 1
        guard attributeCount <= SDPLimits.attributesMax else {
            throw .tooManyAttributes(line: number)
        }
        let colon = value.firstIndex(of: ":")
        let name = value[..<(colon ?? value.endIndex)]
        let rest = colon.map { value[value.index(after: $0)...] }
        if section == nil {
            try sessionAttribute(name, rest, whole: value, number)
        } else {
            try sectionAttribute(name, rest, whole: value, number)
        }
    }

    private mutating func sessionAttribute(
        _ name: Substring, _ value: Substring?, whole: Substring, _ number: Int
    ) throws(SDPError) {
        switch name {
        case "group":
            let words = (value ?? "").split(separator: " ").map(String.init)
            guard let semantics = words.first else { throw .malformedValue(line: number) }
            session.groups.append(SDPGroup(semantics: semantics, mids: Array(words.dropFirst())))
        case "ice-lite": session.isICELite = true
        case "extmap-allow-mixed": session.allowsMixedExtensions = true
        default:
            let isTaken = try session.transport.take(
                name, value, malformed: .malformedValue(line: number))
            guard isTaken else {
                session.otherAttributes.append(String(whole))
                return
            }
        }
    }

    private mutating func sectionAttribute(
        _ name: Substring, _ value: Substring?, whole: Substring, _ number: Int
    ) throws(SDPError) {
        guard var media = section else { return }
        // The section is moved out and back, so that its arrays stay unshared.
        section = nil
        defer { section = media }
        if name == "mid" {
            guard let mid = value, !mid.isEmpty, !mid.contains(" ") else {
                throw .malformedValue(line: number)
            }
            guard !session.media.contains(where: { $0.mid == String(mid) }) else {
                throw .duplicateMID(line: number)
            }
            media.mid = String(mid)
            return
        }
        try media.take(name, value, whole: whole, malformed: .malformedValue(line: number))
    }
}
