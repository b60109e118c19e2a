// SPDX-License-Identifier: Apache-2.0

/// Words, abbreviations, acronyms and signs.
extension TokenReader {
    /// The words of a part without digits. A period behind an abbreviation is taken out of `mark`.
    mutating func word(
        _ bytes: [UInt8], tail: Tail, _ mark: inout SpokenText.Mark
    ) -> [String] {
        let name = bytes.count <= 24 ? String(decoding: bytes.map(lowered), as: UTF8.self) : ""
        let count = self.count
        self.count = nil
        if let count {
            if SpokenForms.illions.contains(name) {
                self.count = Count(isOne: false)
                return [name] + currencyWords(count)
            }
            if let words = unit(name, count, isAttached: false) ?? power(bytes, count) {
                if tail.isPeriod, !endsText { TokenReader.drop(&mark) }
                return words
            }
        }
        if let words = initials(bytes, name, hasCount: count != nil, tail, &mark) { return words }
        if tail.isPeriod, let words = abbreviation(bytes, name, &mark) { return words }
        if let words = SpokenForms.undotted[name] { return words }
        if name == "read" || name == "reads" {
            return SpokenForms.beforePast.contains(previous) && name == "read"
                ? ["red"] : [name == "read" ? "reed" : "reeds"]
        }
        return runs(bytes)
    }

    private func currencyWords(_ count: Count) -> [String] {
        guard let sign = count.currency, let names = SpokenForms.currencies[sign] else { return [] }
        return [names.1]
    }

    private var endsText: Bool { index + 1 >= tokens.count }

    /// The words of a unit behind a number; nil where `name` is none.
    func unit(_ name: String, _ count: Count, isAttached: Bool) -> [String]? {
        guard let names = SpokenForms.units[name],
            isAttached || !SpokenForms.attachedUnits.contains(name)
        else { return nil }
        return (count.isOne ? names.0 : names.1).split(separator: " ").map(String.init)
    }

    /// m² and cm³ behind a number.
    func power(_ bytes: [UInt8], _ count: Count) -> [String]? {
        let name: String? =
            switch bytes.last {
            case FoldedText.Symbol.squared: "square"
            case FoldedText.Symbol.cubed: "cubic"
            default: nil
            }
        let base = String(decoding: bytes.dropLast().map(lowered), as: UTF8.self)
        guard let name, let words = unit(base, count, isAttached: true) else { return nil }
        return [name] + words
    }

    // MARK: Abbreviations

    /// Takes the period of an abbreviation for what it is.
    private static func drop(_ mark: inout SpokenText.Mark) {
        if mark == .period { mark = .none }
    }

    /// Letters with periods between: U.S., e.g., p.m., Ph.D.
    private func initials(
        _ bytes: [UInt8], _ name: String, hasCount: Bool, _ tail: Tail,
        _ mark: inout SpokenText.Mark
    ) -> [String]? {
        guard bytes.count <= 24, bytes.contains(0x2E) || name == "phd" else { return nil }
        let letters = name.utf8.filter { $0 != 0x2E }
        let joined = String(decoding: letters, as: UTF8.self)
        if let words = SpokenForms.initials[joined] {
            if !endsText { TokenReader.drop(&mark) }
            return words
        }
        let pieces = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard pieces.count > 1, pieces.allSatisfy({ $0.count == 1 && isLetter($0[$0.startIndex]) })
        else { return nil }
        if tail.isPeriod, !endsText {
            let isTime = joined == "am" || joined == "pm"
            if !isTime || first(of: index + 1).map(isUpper) != true { TokenReader.drop(&mark) }
        }
        return TokenReader.letters(letters)
    }

    private func abbreviation(
        _ bytes: [UInt8], _ name: String, _ mark: inout SpokenText.Mark
    ) -> [String]? {
        let next = first(of: index + 1)
        let isBeforeName = next.map(isUpper) ?? false
        let isBeforeNumber = next.map(isDigit) ?? false
        if name == "dr" || name == "st" {
            let isTitle = isBeforeName && !(followsName && name == "st")
            if !endsText { TokenReader.drop(&mark) }
            return name == "dr"
                ? [isTitle ? "doctor" : "drive"] : [isTitle ? "saint" : "street"]
        }
        if isBeforeNumber, let words = SpokenForms.beforeNumber[name] {
            TokenReader.drop(&mark)
            return words
        }
        if let words = SpokenForms.dotted[name] {
            if !endsText, !(name == "etc" && isBeforeName) { TokenReader.drop(&mark) }
            return words
        }
        // The J. of J. Smith ends nothing.
        if bytes.count == 1, isUpper(bytes[0]), bytes[0] != 0x49, isBeforeName {
            TokenReader.drop(&mark)
            return TokenReader.letters(name.utf8)
        }
        return nil
    }

    // MARK: Runs of letters and signs between them

    /// Reads letters as words and the signs between them by their names.
    func runs(_ bytes: [UInt8]) -> [String] {
        var words: [String] = []
        var run: [UInt8] = []
        for (position, byte) in bytes.enumerated() {
            if isLetter(byte) || byte == 0x27 {
                run.append(byte)
                continue
            }
            if !run.isEmpty {
                words += spokenRun(run)
                run = []
            }
            if byte == 0x23 {  // #
                words.append(position == 0 ? "hashtag" : "sharp")
            } else if byte == FoldedText.Symbol.degree, position + 1 < bytes.count {
                words.append("degrees")
            } else {
                words += TokenReader.signNames[byte] ?? []
            }
        }
        if !run.isEmpty { words += spokenRun(run) }
        return words
    }

    /// Names of signs inside a word; what is missing has no sound.
    static let signNames: [UInt8: [String]] = [
        0x26: ["and"], 0x2B: ["plus"], 0x3D: ["equals"], 0x40: ["at"], 0x25: ["percent"],
        0x24: ["dollar"], 0x2E: ["dot"],
        FoldedText.Symbol.euro: ["euro"], FoldedText.Symbol.pound: ["pound"],
        FoldedText.Symbol.yen: ["yen"], FoldedText.Symbol.rupee: ["rupee"],
        FoldedText.Symbol.cent: ["cents"], FoldedText.Symbol.degree: ["degrees"],
        FoldedText.Symbol.times: ["times"], FoldedText.Symbol.dividedBy: ["divided", "by"],
        FoldedText.Symbol.plusMinus: ["plus", "or", "minus"], FoldedText.Symbol.micro: ["micro"],
        FoldedText.Symbol.squared: ["squared"], FoldedText.Symbol.cubed: ["cubed"],
        FoldedText.Symbol.half: ["a", "half"], FoldedText.Symbol.quarter: ["a", "quarter"],
        FoldedText.Symbol.threeQuarters: ["three", "quarters"],
        FoldedText.Symbol.about: ["about"], FoldedText.Symbol.number: ["number"],
    ]

    /// Letters and apostrophes: humps are words of their own, capitals may be an acronym.
    private func spokenRun(_ run: [UInt8]) -> [String] {
        var run = run
        while run.last == 0x27 { run.removeLast() }
        let head = run.prefix { $0 == 0x27 }.count
        run.removeFirst(head)
        guard !run.isEmpty else { return [] }
        let lower = String(decoding: run.map(lowered), as: UTF8.self)
        if SpokenForms.undotted[lower] != nil, run.count <= 5 {
            return SpokenForms.undotted[lower] ?? []
        }
        var words: [String] = []
        for hump in TokenReader.humps(run) { words += spokenHump(hump) }
        return words
    }

    /// Cuts LiveKit and HTTPServer before their capitals; McDonald and CPUs stay whole.
    private static func humps(_ run: [UInt8]) -> [ArraySlice<UInt8>] {
        var humps: [ArraySlice<UInt8>] = []
        var start = 0
        for index in run.indices.dropFirst() where isUpper(run[index]) {
            let afterLower = isLower(run[index - 1])
            let beforeLower = index + 1 < run.count && isLower(run[index + 1])
            let isPluralEnd = index + 2 == run.count && beforeLower && run[index + 1] == 0x73
            guard afterLower || (isUpper(run[index - 1]) && beforeLower && !isPluralEnd) else {
                continue
            }
            let prefix = run[start..<index].map(lowered)
            if prefix == Array("mc".utf8) || prefix == Array("mac".utf8) { continue }
            humps.append(run[start..<index])
            start = index
        }
        humps.append(run[start...])
        return humps
    }

    private func spokenHump(_ hump: ArraySlice<UInt8>) -> [String] {
        var letters = Array(hump)
        var ending = ""
        if let quote = letters.lastIndex(of: 0x27) {
            ending = String(decoding: letters[quote...].map(lowered), as: UTF8.self)
            if ["'s", "'ll", "'ve", "'d", "'re"].contains(ending) {
                letters.removeSubrange(quote...)
            } else {
                ending = ""
            }
        }
        var capitals = letters.prefix { isUpper($0) }.count
        if capitals >= 2, capitals == letters.count - 1, letters.last == 0x73 {
            // CPUs
            letters.removeLast()
            ending = "'s"
        } else if capitals != letters.count {
            capitals = 0
        }
        let lower = letters.map(lowered)
        var words: [String]
        if capitals >= 2, isSpelled(lower) {
            words = TokenReader.letters(lower)
        } else {
            words = TokenReader.lowercaseWord(lower)
        }
        if let last = words.popLast() { words.append(last + ending) }
        return words
    }

    /// Whether capitals are said letter by letter.
    private func isSpelled(_ lower: [UInt8]) -> Bool {
        guard lower.count <= 8 else { return false }
        let name = String(decoding: lower, as: UTF8.self)
        if Self.isPlainWord(name) { return false }
        if SpokenForms.spelledAcronyms.contains(name) { return true }
        guard lower.contains(where: isVowel) else { return true }
        if isShouted { return false }
        return lower.count <= 3 || Self.hasForeignCluster(lower)
    }

    /// A word that capitals never make an acronym.
    private static func isPlainWord(_ name: String) -> Bool {
        SpokenForms.acronymWords.contains(name) || SpokenForms.shortWords.contains(name)
            || SpokenForms.vowelless.contains(name)
    }

    /// Whether consonants stand together as in no English word.
    private static func hasForeignCluster(_ lower: [UInt8]) -> Bool {
        let most = lower.count <= 5 ? 2 : 3
        return lower.split(whereSeparator: isVowel).contains { run in
            let digraphs = zip(run, run.dropFirst())
                .count { SpokenForms.digraphs.contains([$0, $1]) }
            return run.count - digraphs > most
                && !SpokenForms.clusters.contains(String(decoding: run, as: UTF8.self))
        }
    }

    /// Whether capitals alone are those of a sentence: one of them is a word for certain.
    static func isSentence(inCapitals bytes: [UInt8]) -> Bool {
        guard !bytes.contains(where: isLower) else { return false }
        let words = bytes.split { !isUpper($0) && $0 != 0x27 }.filter { $0.count > 1 }
        return words.count > 1
            && words.contains { word in
                let lower = word.filter { $0 != 0x27 }.map(lowered)
                guard lower.contains(where: isVowel) else { return false }
                let name = String(decoding: lower, as: UTF8.self)
                if SpokenForms.shortWords.contains(name) { return true }
                return lower.count >= 4 && !isPlainWord(name)
                    && !SpokenForms.spelledAcronyms.contains(name) && !hasForeignCluster(lower)
            }
    }

    /// A word in lower case; two to five letters without a vowel are spelled.
    static func lowercaseWord(_ letters: [UInt8]) -> [String] {
        let text = String(decoding: letters, as: UTF8.self)
        guard letters.contains(where: isLower) else { return [] }
        if (2...5).contains(letters.count), !letters.contains(where: isVowel),
            !letters.contains(0x27), !SpokenForms.vowelless.contains(text)
        {
            return self.letters(letters)
        }
        return [text]
    }

    /// Letters one by one.
    static func letters(_ letters: some Sequence<UInt8>) -> [String] {
        letters.compactMap { letter in
            guard isLetter(letter) else { return nil }
            let lower = lowered(letter)
            return lower == 0x61 ? "_a" : String(UnicodeScalar(lower))
        }
    }
}

@inline(__always) func isVowel(_ letter: UInt8) -> Bool {
    switch letter {
    case 0x61, 0x65, 0x69, 0x6F, 0x75, 0x79: true
    default: false
    }
}
