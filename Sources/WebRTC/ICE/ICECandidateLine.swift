// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Why a candidate line is not taken.
public enum ICECandidateError: Error, Equatable, Sendable {
    /// Nothing stands there: in trickle, the sign that no more candidates come.
    case empty
    /// Longer than `ICECandidate.lineBytesMax`.
    case tooLong
    /// The line breaks the grammar of RFC 8839 section 5.1.
    case malformed
    /// Neither UDP nor TCP.
    case unsupportedTransport(String)
    /// A `typ` that we do not know.
    case unsupportedKind(String)
    /// A name stands where an address is needed; mDNS names (`….local`) hide a browser's address
    /// from us and are never resolved.
    case unresolvableName(String)
}

extension ICECandidate {
    /// Longest line read: those of browsers have 200 bytes.
    public static let lineBytesMax = 1024
    /// Most words read, so that a line of blanks costs nothing.
    private static let wordsMax = 64

    /// Parses `candidate:…` (RFC 8839 section 5.1), also after `a=` and without the prefix.
    ///
    /// Unknown extensions are passed over; a related address that is none is dropped.
    public init(parsing line: some StringProtocol) throws(ICECandidateError) {
        guard line.utf8.count <= Self.lineBytesMax else { throw .tooLong }
        var text = Substring(line)
        while let last = text.utf8.last, last <= 0x20 { text = text.dropLast() }
        for prefix in ["a=", "candidate:"] where text.hasPrefix(prefix) {
            text = text.dropFirst(prefix.count)
        }
        guard !text.isEmpty else { throw .empty }
        let words = text.split(separator: " ", maxSplits: Self.wordsMax).map(String.init)
        guard words.count >= 8, words[6].lowercased() == "typ",
            Self.isToken(words[0], bytesMax: 32), let component = Self.decimal(words[1]),
            (1...256).contains(component), let priority = Self.decimal(words[3]),
            let priority = UInt32(exactly: priority), let port = Self.decimal(words[5]),
            let port = UInt16(exactly: port)
        else { throw .malformed }
        guard let transport = Transport(rawValue: words[2].lowercased()) else {
            throw .unsupportedTransport(words[2])
        }
        guard let kind = Kind(rawValue: words[7].lowercased()) else {
            throw .unsupportedKind(words[7])
        }
        guard let ip = IPAddress(words[4]) else {
            throw Self.isName(words[4]) ? .unresolvableName(words[4]) : .malformed
        }
        self.init(
            foundation: words[0], component: component, transport: transport, priority: priority,
            address: SocketAddress(ip, port: port), kind: kind)
        readExtensions(words[8...])
        guard transport == .udp || tcpType != nil else { throw .malformed }
    }

    private mutating func readExtensions(_ words: ArraySlice<String>) {
        var relatedIP: IPAddress?
        var relatedPort: UInt16?
        var index = words.startIndex
        while index + 1 < words.endIndex {
            let value = words[index + 1]
            switch words[index].lowercased() {
            case "raddr": relatedIP = IPAddress(value)
            case "rport": relatedPort = Self.decimal(value).flatMap { UInt16(exactly: $0) }
            case "tcptype": tcpType = TCPType(rawValue: value.lowercased())
            case "ufrag": ufrag = Self.isToken(value, bytesMax: 256) ? value : nil
            case "generation": generation = Self.decimal(value)
            case "network-cost": networkCost = Self.decimal(value)
            default: break
            }
            index += 2
        }
        if let relatedIP { relatedAddress = SocketAddress(relatedIP, port: relatedPort ?? 0) }
        if transport == .udp { tcpType = nil }
    }

    /// The line without `a=`: what stands in trickled JSON, and after `a=` in a description.
    public var line: String {
        var words = [
            "candidate:\(foundation)", "\(component)", transport.rawValue, "\(priority)",
            "\(address.ip)", "\(address.port)", "typ", kind.rawValue,
        ]
        if let relatedAddress {
            words += ["raddr", "\(relatedAddress.ip)", "rport", "\(relatedAddress.port)"]
        }
        if let tcpType { words += ["tcptype", tcpType.rawValue] }
        if let generation { words += ["generation", "\(generation)"] }
        if let ufrag { words += ["ufrag", ufrag] }
        if let networkCost { words += ["network-cost", "\(networkCost)"] }
        return words.joined(separator: " ")
    }

    private static func decimal(_ text: String) -> Int? {
        guard (1...10).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    private static func isToken(_ text: String, bytesMax: Int) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Letters, digits, hyphens and dots, with at least one letter (RFC 1123 section 2.1).
    private static func isName(_ text: String) -> Bool {
        let bytes = text.utf8
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
        return (1...253).contains(bytes.count) && bytes.contains(where: isLetter)
            && bytes.allSatisfy {
                isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E
            }
    }
}
