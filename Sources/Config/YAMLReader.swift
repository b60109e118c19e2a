// SPDX-License-Identifier: Apache-2.0
internal import CYAML

/// A value of a YAML file and the line it begins in.
struct YAMLNode {
    struct Entry {
        let key: String
        let line: Int
        let value: YAMLNode
    }

    enum Content {
        /// Text; plain if it stood without quotes and may so be a number, a flag or nothing.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    let line: Int
    let content: Content
}

/// Reads YAML's block and flow collections and scalars into a tree.
///
/// Refused, with their line: anchors, aliases and tags (a few bytes could stand for gigabytes, or
/// for types), more than one document, keys twice, keys that are not text, too much of anything.
struct YAMLReader {
    /// A configuration of a hundred voices has some kilobytes.
    static let maxBytes = 1 << 20
    /// Nested collections; ours has four.
    static let maxDepth = 32
    /// Values in all.
    static let maxNodes = 50_000

    private let file: String
    private let reader: UnsafeMutablePointer<cyaml_reader>
    private var nodes = 0

    /// Reads a whole file's bytes.
    ///
    /// A file without a value is an empty mapping.
    static func read(_ bytes: [UInt8], file: String) throws(ConfigError) -> YAMLNode {
        guard bytes.count <= maxBytes else {
            throw ConfigError(file: file, line: 0, "is larger than \(maxBytes) bytes")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ConfigError(file: file, line: firstInvalidLine(bytes), "is not UTF-8")
        }
        // SAFETY: the reader borrows the bytes, which stay in place for the closure; it is closed
        // within it. The error is carried out by hand: withUnsafeBufferPointer would widen it.
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<YAMLNode, ConfigError> in
            guard let raw = cyaml_open(buffer.baseAddress, buffer.count) else {
                return .failure(ConfigError(file: file, line: 0, "cannot be read"))
            }
            defer { cyaml_close(raw) }
            var reader = YAMLReader(file: file, reader: raw)
            do throws(ConfigError) {
                return .success(try reader.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(file: String, reader: UnsafeMutablePointer<cyaml_reader>) {
        self.file = file
        self.reader = reader
    }

    private static func firstInvalidLine(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        return (index ?? 0) + 1
    }

    private var line: Int { Int(cyaml_line(reader)) + 1 }

    private func refusal(_ message: String) -> ConfigError {
        ConfigError(file: file, line: line, message)
    }

    private func next() throws(ConfigError) -> yaml_event_type_t {
        let type = cyaml_next(reader)
        guard type >= 0 else {
            let problem = cyaml_problem(reader).map { String(cString: $0) } ?? "cannot be read"
            throw ConfigError(file: file, line: Int(cyaml_problem_line(reader)) + 1, problem)
        }
        if type == Int32(YAML_ALIAS_EVENT.rawValue) || cyaml_is_marked(reader) != 0 {
            throw refusal("anchors, aliases and tags are not taken")
        }
        return yaml_event_type_t(rawValue: UInt32(type))
    }

    private mutating func document() throws(ConfigError) -> YAMLNode {
        _ = try next()  // the stream's start
        guard try next() == YAML_DOCUMENT_START_EVENT else {
            return YAMLNode(line: 1, content: .mapping([]))
        }
        let root = try node(at: try next(), depth: 0)
        _ = try next()  // the document's end
        guard try next() == YAML_STREAM_END_EVENT else {
            throw refusal("a second document is not taken")
        }
        return root
    }

    private mutating func node(
        at event: yaml_event_type_t, depth: Int
    ) throws(ConfigError) -> YAMLNode {
        nodes += 1
        guard nodes <= Self.maxNodes else { throw refusal("too many values") }
        guard depth <= Self.maxDepth else { throw refusal("nested too deeply") }
        let line = self.line
        switch event {
        case YAML_SCALAR_EVENT:
            let isPlain = cyaml_scalar_is_plain(reader) != 0
            return YAMLNode(line: line, content: .scalar(try scalar(), isPlain: isPlain))
        case YAML_SEQUENCE_START_EVENT:
            var elements: [YAMLNode] = []
            while true {
                let event = try next()
                if event == YAML_SEQUENCE_END_EVENT { break }
                elements.append(try node(at: event, depth: depth + 1))
            }
            return YAMLNode(line: line, content: .sequence(elements))
        case YAML_MAPPING_START_EVENT:
            return YAMLNode(line: line, content: .mapping(try entries(depth: depth)))
        default:
            throw refusal("cannot be read")
        }
    }

    private mutating func entries(depth: Int) throws(ConfigError) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try next()
            if event == YAML_MAPPING_END_EVENT { return entries }
            guard event == YAML_SCALAR_EVENT else { throw refusal("a key must be text") }
            let (key, line) = (try scalar(), self.line)
            if let first = lines.updateValue(line, forKey: key) {
                throw refusal("\(ConfigNode.shown(key)) stands twice, first in line \(first)")
            }
            let value = try node(at: try next(), depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, line: line, value: value))
        }
    }

    private func scalar() throws(ConfigError) -> String {
        let count = Int(cyaml_scalar_length(reader))
        guard let start = cyaml_scalar(reader) else { return "" }
        // SAFETY: libyaml tells the length of its copy, which lives until the next event.
        let bytes = UnsafeBufferPointer(start: start, count: count)
        // An escape in double quotes can make what no file of text holds.
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw refusal("is not UTF-8 text")
        }
        return text
    }
}
