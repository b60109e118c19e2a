// SPDX-License-Identifier: Apache-2.0

/// Reads a table of articulations, line by line.
struct ArticulationTableReader {
    /// The largest of ours has 8 kB.
    static let maxBytes = 256 << 10
    /// Sounds of one line; ours have 22.
    static let maxSymbols = 64

    private let file: String
    private let base: (String) -> ArticulationTable?
    private var table = ArticulationTable()
    private var line = 0
    private var hasBase = false
    /// In which line of this file each sound stands.
    private var places: [String: Int] = [:]

    init(file: String, base: @escaping (String) -> ArticulationTable?) {
        self.file = file
        self.base = base
    }

    mutating func read(_ bytes: [UInt8]) throws(ArticulationTableError) -> ArticulationTable {
        guard bytes.count <= Self.maxBytes else {
            throw ArticulationTableError(
                file: file, line: 0, message: "is larger than \(Self.maxBytes) bytes")
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, raw) in lines.enumerated() {
            line = index + 1
            guard let text = String(validating: raw, as: UTF8.self) else {
                throw refusal("is not UTF-8")
            }
            let code = text.prefix { $0 != "#" }
            let columns = code.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
            guard columns.count > 1 || columns.first?.isEmpty == false else { continue }
            if columns.count == 1 {
                try readSetting(columns[0])
            } else {
                try readSounds(columns)
            }
        }
        line = 0
        try extendLanguage()
        return table
    }

    private func refusal(_ message: String) -> ArticulationTableError {
        ArticulationTableError(file: file, line: line, message: message)
    }

    // MARK: Settings

    private mutating func readSetting(_ words: [String]) throws(ArticulationTableError) {
        switch words[0] {
        case "language":
            guard words.count == 2, words[1].utf8.count <= 35, table.language == "world" else {
                throw refusal("language must be given once, as one tag")
            }
            table.language = ArticulationTable.primary(words[1])
        case "extends":
            guard words.count == 2, !hasBase, places.isEmpty, table.kinds.isEmpty else {
                throw refusal("extends must be given once, before the first sound")
            }
            guard let other = base(words[1]) else {
                throw refusal("there is no table \(Self.shown(words[1])) to extend")
            }
            take(other)
        case "kind":
            try extendLanguage()
            try readKind(words)
        default:
            throw refusal(
                "\(Self.shown(words[0])) is neither language, extends, kind nor a line of sounds")
        }
    }

    private mutating func take(_ other: ArticulationTable) {
        hasBase = true
        table.sounds = other.sounds
        table.kinds = other.kinds
    }

    /// Without a word about it a table extends the one that is built in for its language.
    private mutating func extendLanguage() throws(ArticulationTableError) {
        guard !hasBase else { return }
        hasBase = true
        guard let other = base(table.language) ?? base("world") else { return }
        take(other)
    }

    private mutating func readKind(_ words: [String]) throws(ArticulationTableError) {
        guard words.count >= 5 else {
            throw refusal("kind needs a name, a strength and two times in milliseconds")
        }
        var kind = ArticulationTable.Kind(
            strength: try number(words[2], in: 0.01...10, "the strength"),
            onset: try number(words[3], in: 5...400, "the time before"),
            offset: try number(words[4], in: 5...400, "the time after"))
        var rest = words.dropFirst(5)
        while let word = rest.popFirst() {
            switch word {
            case "closes": continue
            case "lips": kind.lips = try peak(&rest)
            case "teeth": kind.teeth = try peak(&rest)
            case "mute":
                kind.shortest = try number(rest.popFirst() ?? "", in: 0...200, "mute")
            default: throw refusal("\(Self.shown(word)) is not known of a kind")
            }
        }
        table.kinds[words[1]] = kind
    }

    private func peak(_ rest: inout ArraySlice<String>) throws(ArticulationTableError) -> Double {
        guard let word = rest.first, Double(word) != nil else { return 1 }
        rest.removeFirst()
        return try number(word, in: 0.1...1, "the peak")
    }

    // MARK: Sounds

    private mutating func readSounds(_ columns: [[String]]) throws(ArticulationTableError) {
        try extendLanguage()
        guard columns.count >= 3, columns.count <= 6 else {
            throw refusal("a line of sounds has three to six columns: sounds | mouth | kind …")
        }
        guard (1...Self.maxSymbols).contains(columns[0].count) else {
            throw refusal("there must be 1 to \(Self.maxSymbols) sounds in a line")
        }
        guard columns[2].count == 1, let kind = table.kinds[columns[2][0]] else {
            throw refusal("there is no kind \(Self.shown(columns[2].joined(separator: " ")))")
        }
        let mouth = Self.articulation(try shapes(columns[1]), kind)
        for symbol in columns[0] {
            let name = Self.key(symbol)
            if let first = places.updateValue(line, forKey: name) {
                throw refusal("\(Self.shown(symbol)) stands twice, first in line \(first)")
            }
            let known = table.sounds[name]
            table.sounds[name] = ArticulationTable.Sound(
                mouth: mouth,
                oculus: columns.count > 3
                    ? try oculus(columns[3])
                    : known?.oculus ?? mouth.parts.map { ($0.share, OculusShape($0.shape)) },
                azure: columns.count > 4
                    ? try azure(columns[4])
                    : known?.azure ?? mouth.parts.map { ($0.share, AzureViseme.id(of: $0.shape)) },
                rhubarb: columns.count > 5
                    ? try rhubarb(columns[5])
                    : known?.rhubarb ?? RhubarbRule(mouth.parts.map(\.shape)))
        }
    }

    /// The name under which a sound is found: as `Phone` says it, with ARPABET's digit.
    static func key(_ symbol: String) -> String {
        guard let arpabet = ARPABET(symbol) else { return IPA(symbol).symbol }
        let hasDigit = symbol.last?.isNumber == true && arpabet.symbol != Phone.silence
        return hasDigit ? "\(arpabet.symbol)\(arpabet.stress)" : arpabet.symbol
    }

    private static func articulation(
        _ shapes: [(share: Double, shape: MouthShape)], _ kind: ArticulationTable.Kind
    ) -> Articulation {
        let parts = shapes.map { share, shape in
            var part = Articulation.Part(share: share, shape: shape)
            // The part that shows the contact is the one that demands it.
            if kind.lips > 0, shape[.mbp] > 0.3 {
                part.closure = Articulation.Closure(kind: .lips, peak: kind.lips)
            } else if kind.teeth > 0, shape[.fv] > 0.3 {
                part.closure = Articulation.Closure(kind: .teeth, peak: kind.teeth)
            }
            return part
        }
        return Articulation(
            parts: parts, strength: kind.strength, onset: kind.onset, offset: kind.offset,
            shortest: kind.shortest)
    }

    private func shapes(
        _ words: [String]
    ) throws(ArticulationTableError) -> [(share: Double, shape: MouthShape)] {
        var shapes: [(share: Double, shape: MouthShape)] = []
        for (share, words) in try steps(words) {
            var list: [(Viseme, Double)] = []
            for (name, weight) in try weights(words) {
                guard let viseme = Viseme.allCases.first(where: { $0.name == name }) else {
                    throw refusal("there is no class \(Self.shown(name))")
                }
                list.append((viseme, weight))
            }
            shapes.append((share, MouthShape(list)))
        }
        return shapes
    }

    private func oculus(
        _ words: [String]
    ) throws(ArticulationTableError) -> [(share: Double, shape: OculusShape)] {
        var shapes: [(share: Double, shape: OculusShape)] = []
        for (share, words) in try steps(words) {
            var lanes = SIMD16<Double>.zero
            for (name, weight) in try weights(words) {
                guard let viseme = OculusViseme.allCases.first(where: { $0.name == name }) else {
                    throw refusal("Oculus has no viseme \(Self.shown(name))")
                }
                lanes[viseme.rawValue] += weight
            }
            shapes.append((share, OculusShape(lanes: lanes)))
        }
        return shapes
    }

    private func azure(
        _ words: [String]
    ) throws(ArticulationTableError) -> [(share: Double, id: Int)] {
        var ids: [(share: Double, id: Int)] = []
        for (share, words) in try steps(words) {
            guard words.count == 1, let id = Int(words[0]), AzureViseme.ids.contains(id) else {
                throw refusal("an Azure viseme is a number from 0 to 21")
            }
            ids.append((share, id))
        }
        return ids
    }

    private func rhubarb(_ words: [String]) throws(ArticulationTableError) -> RhubarbRule {
        let parts = words.split(maxSplits: 1) { $0.hasPrefix("<") }
        let limit = try words.first { $0.hasPrefix("<") }.map {
            word throws(ArticulationTableError) in
            try number(String(word.dropFirst()), in: 1...1000, "the limit")
        }
        guard let first = parts.first, limit == nil || parts.count == 2 else {
            throw refusal("the letters are missing")
        }
        let short = try letters(Array(first))
        guard let limit, let last = parts.last else {
            return RhubarbRule(short: short, limit: 0, long: short)
        }
        return RhubarbRule(short: short, limit: limit, long: try letters(Array(last)))
    }

    private func letters(
        _ words: [String]
    ) throws(ArticulationTableError) -> [[RhubarbShape]] {
        var sets: [[RhubarbShape]] = []
        for words in words.split(separator: ">", omittingEmptySubsequences: false) {
            guard words.count == 1, let word = words.first else {
                throw refusal("Rhubarb's letters are written without spaces")
            }
            let set = word == "*" ? RhubarbShape.allCases : word.compactMap { RhubarbShape($0) }
            guard !set.isEmpty, word == "*" || set.count == word.count else {
                throw refusal("Rhubarb's letters are A to H and X")
            }
            sets.append(set)
        }
        return sets
    }

    // MARK: Words

    /// Splits at ">" and finds the share of each step.
    private func steps(
        _ words: [String]
    ) throws(ArticulationTableError) -> [(share: Double, words: [String])] {
        let parts = words.split(separator: ">", omittingEmptySubsequences: false).map(Array.init)
        guard parts.count <= 2 else { throw refusal("a sound has at most two shapes") }
        var share = parts.count == 1 ? 1.0 : 0.5
        var first = parts[0]
        if let word = first.last, word.hasSuffix("%") {
            guard parts.count == 2 else { throw refusal("a share needs a second shape") }
            share = try number(String(word.dropLast()), in: 5...95, "the share") / 100
            first.removeLast()
        }
        guard !first.isEmpty, parts.count == 1 || !parts[1].isEmpty else {
            throw refusal("a shape is missing")
        }
        return parts.count == 1 ? [(1, first)] : [(share, first), (1 - share, parts[1])]
    }

    /// Names with their weights; a name alone has all of it.
    private func weights(
        _ words: [String]
    ) throws(ArticulationTableError) -> [(name: String, weight: Double)] {
        if words.count == 1 { return [(words[0], 1)] }
        guard words.count.isMultiple(of: 2), words.count <= 32 else {
            throw refusal("every name needs a weight")
        }
        var list: [(name: String, weight: Double)] = []
        for index in stride(from: 0, to: words.count, by: 2) {
            list.append((words[index], try number(words[index + 1], in: 0...1, "a weight")))
        }
        let sum = list.reduce(0) { $0 + $1.weight }
        guard abs(sum - 1) < 0.001 else { throw refusal("the weights must add up to 1") }
        return list.map { ($0.name, $0.weight / sum) }
    }

    private func number(
        _ word: String, in range: ClosedRange<Double>, _ what: String
    ) throws(ArticulationTableError) -> Double {
        guard let value = Double(word), range.contains(value) else {
            throw refusal(
                "\(what) must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A word as messages show it: short, and on one line.
    private static func shown(_ word: String) -> String {
        word.utf8.count <= 40 && !word.isEmpty ? word : "of \(word.utf8.count) bytes"
    }
}
