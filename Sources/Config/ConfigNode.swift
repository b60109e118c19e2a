// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A cursor on one value of a configuration file, which remembers what was asked for.
///
/// Whoever maps a configuration asks a mapping for its keys by type; what is absent or empty is
/// nil. At the end `finish` on the root tells all keys that nobody asked for, with file and line.
/// Not for concurrent use: a configuration is read once, at the start.
public final class ConfigNode {
    private enum Content {
        case null
        case scalar(String, isPlain: Bool)
        case sequence([ConfigNode])
        case mapping([(key: String, line: Int, node: ConfigNode)])
    }

    /// The file's name as given.
    public let file: String
    /// The line it begins in, counted from 1.
    public let line: Int
    /// The keys that lead here, joined by dots; empty for the root.
    public let path: String

    private let content: Content
    private var asked: [String] = []
    private var areAllTaken = false

    /// Reads a file's bytes.
    ///
    /// - Parameters:
    ///   - yaml: UTF-8 text, at most 1 MiB; one document without anchors, aliases and tags.
    ///   - file: the name for messages.
    /// - Throws: what cannot be read, with its line. A root that is not a mapping is refused too.
    public convenience init(parsing yaml: [UInt8], file: String) throws(ConfigError) {
        let root = try YAMLReader.read(yaml, file: file)
        self.init(root, file: file, path: "", line: root.line)
        switch content {
        case .mapping, .null: break
        case .scalar, .sequence: throw ConfigError(file: file, line: line, "must be a mapping")
        }
    }

    /// Reads a file.
    ///
    /// - Parameter path: its path, and its name for messages.
    /// - Throws: as the other initialiser, or that the file cannot be opened.
    public convenience init(contentsOf path: String) throws(ConfigError) {
        guard let file = fopen(path, "re") else {
            let reason = errno == ENOENT ? "does not exist" : "cannot be opened"
            throw ConfigError(file: path, line: 0, reason)
        }
        defer { fclose(file) }
        // One byte more than is taken: the parser tells what is too large.
        var bytes = [UInt8](repeating: 0, count: YAMLReader.maxBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw ConfigError(file: path, line: 0, "cannot be read")
        }
        try self.init(parsing: Array(bytes[..<count]), file: path)
    }

    private init(_ node: YAMLNode, file: String, path: String, line: Int) {
        self.file = file
        self.line = line
        self.path = path
        switch node.content {
        case .scalar(let text, let isPlain):
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(text)
            content = isNull ? .null : .scalar(text, isPlain: isPlain)
        case .sequence(let elements):
            content = .sequence(
                elements.enumerated().map { index, element in
                    ConfigNode(element, file: file, path: "\(path)[\(index)]", line: element.line)
                })
        case .mapping(let entries):
            content = .mapping(
                entries.map { entry in
                    let name = Self.shown(entry.key)
                    let child = ConfigNode(
                        entry.value, file: file, path: path.isEmpty ? name : "\(path).\(name)",
                        // Messages name the key's line: its value may begin in the next.
                        line: entry.line)
                    return (entry.key, entry.line, child)
                })
        }
    }

    /// Stands where the file has nothing: every key is absent.
    private init(absent key: String, in parent: ConfigNode) {
        file = parent.file
        line = parent.line
        path = parent.path.isEmpty ? key : "\(parent.path).\(key)"
        content = .null
    }

    // MARK: Values of a mapping

    /// The value of a key, whatever it is; nil if absent or empty.
    public func value(_ key: String) throws(ConfigError) -> ConfigNode? {
        guard let node = try find(key), !node.isNull else { return nil }
        return node
    }

    /// The mapping of a key; an empty one if absent.
    public func mapping(_ key: String) throws(ConfigError) -> ConfigNode {
        guard let node = try find(key) else { return ConfigNode(absent: key, in: self) }
        switch node.content {
        case .mapping, .null: return node
        case .scalar, .sequence: throw node.refusal("must be a mapping")
        }
    }

    /// The text of a key.
    ///
    /// A number or a flag without quotes is text too, as it stands.
    public func text(_ key: String) throws(ConfigError) -> String? {
        try value(key)?.text()
    }

    /// The whole number of a key.
    public func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigError) -> Int? {
        try value(key)?.integer(in: range)
    }

    /// The number of a key.
    public func number(
        _ key: String, in range: ClosedRange<Double>
    ) throws(ConfigError) -> Double? {
        try value(key)?.number(in: range)
    }

    /// The flag of a key: `true` or `false`.
    public func flag(_ key: String) throws(ConfigError) -> Bool? {
        try value(key)?.flag()
    }

    /// The duration of a key: a number with `ms`, `s`, `m` or `h`.
    public func duration(
        _ key: String, in range: ClosedRange<Duration>
    ) throws(ConfigError) -> Duration? {
        try value(key)?.duration(in: range)
    }

    /// The choice of a key: one of the raw values of an enumeration.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type = Choice.self
    ) throws(ConfigError) -> Choice? where Choice.RawValue == String {
        try value(key)?.choice(of: type)
    }

    /// The elements of a key's list; none if absent.
    public func list(_ key: String) throws(ConfigError) -> [ConfigNode] {
        try value(key)?.list() ?? []
    }

    /// The elements of a key's list of texts; nil if absent.
    public func texts(_ key: String) throws(ConfigError) -> [String]? {
        guard let list = try value(key)?.list() else { return nil }
        return try list.map { element throws(ConfigError) in try element.text() }
    }

    /// All entries of a mapping whose keys are names that the operator chose.
    public func entries() throws(ConfigError) -> [(key: String, value: ConfigNode)] {
        areAllTaken = true
        switch content {
        case .mapping(let entries): return entries.map { ($0.key, $0.node) }
        case .null: return []
        case .scalar, .sequence: throw refusal("must be a mapping")
        }
    }

    // MARK: This value

    /// This value as text.
    public func text() throws(ConfigError) -> String {
        guard case .scalar(let text, _) = content else { throw refusal("must be text") }
        return text
    }

    /// This value as a whole number; not in quotes.
    public func integer(in range: ClosedRange<Int>) throws(ConfigError) -> Int {
        guard case .scalar(let text, isPlain: true) = content, let number = Int(text),
            range.contains(number)
        else {
            throw refusal(
                "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// This value as a number; not in quotes.
    public func number(in range: ClosedRange<Double>) throws(ConfigError) -> Double {
        guard case .scalar(let text, isPlain: true) = content,
            text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }),
            let number = Double(text), range.contains(number)
        else { throw refusal("must be a number from \(range.lowerBound) to \(range.upperBound)") }
        return number
    }

    /// This value as a flag.
    ///
    /// YAML's older words for it (`yes`, `on`, …) are refused, not guessed.
    public func flag() throws(ConfigError) -> Bool {
        guard case .scalar(let text, isPlain: true) = content, let flag = Bool(text) else {
            throw refusal("must be true or false")
        }
        return flag
    }

    /// This value as a duration: a number with `ms`, `s`, `m` or `h`.
    public func duration(in range: ClosedRange<Duration>) throws(ConfigError) -> Duration {
        guard case .scalar(let text, _) = content, let duration = Self.duration(of: text),
            range.contains(duration)
        else {
            throw refusal(
                "must be a duration such as 250ms, 5s, 3m or 1h, "
                    + "from \(range.lowerBound) to \(range.upperBound)")
        }
        return duration
    }

    /// This value as one of the raw values of an enumeration.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        of type: Choice.Type = Choice.self
    ) throws(ConfigError) -> Choice where Choice.RawValue == String {
        guard case .scalar(let text, _) = content, let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal("must be one of \(names)")
        }
        return choice
    }

    /// This value as a list.
    public func list() throws(ConfigError) -> [ConfigNode] {
        guard case .sequence(let elements) = content else { throw refusal("must be a list") }
        return elements
    }

    /// An error about this value: `agent.yaml:12: livekit.url must be …`.
    public func refusal(_ message: String) -> ConfigError {
        ConfigError(file: file, line: line, path.isEmpty ? message : "\(path) \(message)")
    }

    /// An error about a key of this mapping, at the key's line, or at ours if it is absent.
    public func refusal(_ key: String, _ message: String) -> ConfigError {
        let node = (try? find(key)) ?? ConfigNode(absent: key, in: self)
        return node.refusal(message)
    }

    // MARK: The end

    /// Tells all keys, here and below, that nobody asked for.
    public func finish() throws(ConfigError) {
        let problems = unknownKeys().sorted { $0.line < $1.line }
        guard problems.isEmpty else { throw ConfigError(problems) }
    }

    private func unknownKeys() -> [ConfigError.Problem] {
        switch content {
        case .null, .scalar: return []
        case .sequence(let elements): return elements.flatMap { $0.unknownKeys() }
        case .mapping(let entries):
            return entries.flatMap { key, line, node -> [ConfigError.Problem] in
                if areAllTaken || asked.contains(key) { return node.unknownKeys() }
                var message = "\(node.path) is not a known key"
                if let near = Spelling.nearest(to: key, among: asked) {
                    message += "; did you mean \(near)?"
                }
                return [ConfigError.Problem(file: file, line: line, message: message)]
            }
        }
    }

    private var isNull: Bool {
        if case .null = content { return true }
        return false
    }

    private func find(_ key: String) throws(ConfigError) -> ConfigNode? {
        if !asked.contains(key) { asked.append(key) }
        switch content {
        case .null: return nil
        case .mapping(let entries): return entries.first { $0.key == key }?.node
        case .scalar, .sequence: throw refusal("must be a mapping")
        }
    }

    private static func duration(of text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number < 1e6 else { return nil }
        switch text[digits.endIndex...] {
        case "ms": return .microseconds(Int64((number * 1000).rounded()))
        case "s": return .milliseconds(Int64((number * 1000).rounded()))
        case "m": return .milliseconds(Int64((number * 60_000).rounded()))
        case "h": return .milliseconds(Int64((number * 3_600_000).rounded()))
        default: return nil
        }
    }

    /// A key as messages show it: short, and on one line.
    static func shown(_ key: String) -> String {
        let isPlain =
            key.utf8.count <= 64 && !key.isEmpty
            && key.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || "_-0123456789/.:".unicodeScalars.contains($0)
            }
        return isPlain ? key : "a key of \(key.utf8.count) bytes"
    }
}

/// Which known word someone meant.
enum Spelling {
    /// The nearest word within a third of the letters, at least one and at most three.
    static func nearest(to word: String, among known: [String]) -> String? {
        let limit = min(3, max(1, word.count / 3))
        var best: (word: String, distance: Int)?
        for candidate in known {
            let distance = distance(word, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Letters to change, add, drop, or swap with their neighbour (optimal string alignment).
    static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
        // A key can be long; a name that we know is not.
        guard abs(a.count - b.count) <= 3 else { return .max }
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                let change = rows[i][j] + (a[i] == b[j] ? 0 : 1)
                var least = min(change, rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    least = min(least, rows[i - 1][j - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
