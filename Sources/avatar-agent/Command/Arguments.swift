// SPDX-License-Identifier: Apache-2.0

/// What was typed, checked against the table of commands.
struct Arguments: Equatable {
    /// The command's name.
    let command: String
    /// Values by option name, in the order given; a flag has an empty one.
    private(set) var values: [String: [String]] = [:]
    /// What is no option.
    private(set) var operands: [String] = []

    /// What the parser found instead of a command to run.
    enum Outcome: Error, Equatable {
        /// Print this and leave with 0.
        case text(String)
        /// Print this to stderr and leave with 64.
        case usage(String)
    }

    /// Parses the words behind the program's name.
    init(_ words: [String], version: String) throws(Outcome) {
        guard let first = words.first else { throw .usage(CommandSpec.programUsage) }
        if ["--help", "-h", "help"].contains(first) { throw .text(CommandSpec.programHelp) }
        if first == "--version" { throw .text("avatar-agent \(version)") }
        guard let spec = CommandSpec.all.first(where: { $0.name == first }) else {
            throw .usage(
                "avatar-agent: there is no command \(first)."
                    + Self.hint(first, among: CommandSpec.all.map(\.name))
                    + " avatar-agent --help lists them.")
        }
        command = first
        try read(words.dropFirst(), spec)
    }

    private mutating func read(
        _ words: ArraySlice<String>, _ spec: CommandSpec
    ) throws(Outcome) {
        var rest = words
        let options = spec.options + CommandSpec.shared
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            }
            guard word.hasPrefix("-"), word.count > 1 else {
                operands.append(word)
                continue
            }
            if word == "--help" || word == "-h" { throw .text(spec.help) }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let option = options.first(where: { $0.name == name }) else {
                throw .usage(
                    "avatar-agent \(command): there is no option \(name)."
                        + Self.hint(name, among: options.map(\.name)))
            }
            if option.value == nil {
                guard parts.count == 1 else {
                    throw .usage("avatar-agent \(command): \(name) takes no value.")
                }
                values[name, default: []].append("")
            } else if parts.count == 2 {
                values[name, default: []].append(String(parts[1]))
            } else if let value = rest.popFirst() {
                values[name, default: []].append(value)
            } else {
                throw .usage("avatar-agent \(command): \(name) needs a value.")
            }
        }
        guard operands.count <= spec.operands.count else {
            throw .usage(
                "avatar-agent \(command): \(operands[spec.operands.count]) is one word too many.")
        }
    }

    /// The last value of an option.
    subscript(option: String) -> String? { values[option]?.last }

    /// Every value of an option.
    func all(_ option: String) -> [String] { values[option] ?? [] }

    /// Whether a flag was given.
    func has(_ flag: String) -> Bool { values[flag] != nil }

    /// The value of an option that must be there.
    func required(_ option: String) throws(Outcome) -> String {
        guard let value = self[option], !value.isEmpty else {
            throw .usage("avatar-agent \(command): \(option) is missing.")
        }
        return value
    }

    /// An option that must be a whole number in a range.
    func integer(_ option: String, in range: ClosedRange<Int>) throws(Outcome) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .usage(
                "avatar-agent \(command): \(option) must be a whole number from "
                    + "\(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// " Did you mean …?", when something is close enough.
    private static func hint(_ word: String, among known: [String]) -> String {
        let close = known.map { (name: $0, distance: editDistance(word, $0)) }
            .min { $0.distance < $1.distance }
        guard let close, close.distance <= 2 else { return "" }
        return " Did you mean \(close.name)?"
    }
}

/// Letters to change, add or drop to come from one word to the other (Levenshtein).
func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(64))
    let right = Array(right.utf8.prefix(64))
    var row = Array(0...right.count)
    for (index, byte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for (column, other) in right.enumerated() {
            let change = diagonal + (byte == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(change, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
