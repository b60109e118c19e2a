// SPDX-License-Identifier: Apache-2.0

/// Everything with digits: counts, money, dates, times, ranges, telephone numbers.
extension TokenReader {
    /// Ranges in ranges are read to this depth; what is deeper is read run by run.
    private static let maxDepth = 3

    /// The words of a part with a digit in it.
    mutating func numeric(_ bytes: [UInt8], isFirst: Bool, depth: Int = 0) -> [String] {
        count = nil
        guard depth < TokenReader.maxDepth else { return mixedRuns(bytes[...]) }
        var rest = bytes[...]
        var words: [String] = []
        if isFirst, let sign = rest.first, rest.count > 1 {
            switch sign {
            case 0x2D: words = ["minus"]
            case 0x2B: words = ["plus"]
            case 0x7E, FoldedText.Symbol.about: words = ["about"]
            case 0x23, FoldedText.Symbol.number: words = ["number"]
            case FoldedText.Symbol.plusMinus: words = ["plus", "or", "minus"]
            default: break
            }
            if !words.isEmpty { rest = rest.dropFirst() }
        }
        if let time = time(rest) { return words + time }
        if let joined = joined(rest, depth: depth) { return words + joined }
        return words + number(rest)
    }

    // MARK: Times

    /// 10:30, 7:05pm, 12:30:15; also ratios, 16:9.
    private func time(_ bytes: ArraySlice<UInt8>) -> [String]? {
        guard bytes.contains(0x3A) else { return nil }
        let digits = bytes.prefix { isDigit($0) || $0 == 0x3A }
        let fields = digits.split(separator: 0x3A, omittingEmptySubsequences: false)
        let values = fields.compactMap { NumberWords.value(of: $0) }
        guard values.count == fields.count, (2...3).contains(fields.count) else { return nil }
        let suffix = bytes[digits.endIndex...].filter { $0 != 0x2E }.map(lowered)
        let half = String(decoding: suffix, as: UTF8.self)
        guard ["", "am", "pm", "h"].contains(half) else { return nil }
        let isClock =
            fields.dropFirst().allSatisfy { $0.count == 2 } && values[0] <= 24
            && values.dropFirst().allSatisfy { $0 < 60 }
        guard isClock else {
            guard half.isEmpty else { return nil }
            return Array(values.map(NumberWords.cardinal).joined(separator: ["to"]))
        }
        var words = NumberWords.cardinal(values[0])
        if values[1] > 0 {
            words += (values[1] < 10 ? ["oh"] : []) + NumberWords.cardinal(values[1])
        } else if half.isEmpty, values.count == 2 {
            words += values[0] > 12 || values[0] == 0 ? ["hundred"] : ["o'clock"]
        }
        if values.count == 3 {
            let names = values[2] == 1 ? "second" : "seconds"
            words += (values[1] == 0 ? ["zero"] : []) + ["and"]
            words += NumberWords.cardinal(values[2]) + [names]
        }
        if half == "am" || half == "pm" { words += TokenReader.letters(half.utf8) }
        return words
    }

    // MARK: Dates, ranges, telephone numbers

    /// Numbers joined by hyphens or slashes.
    private mutating func joined(_ bytes: ArraySlice<UInt8>, depth: Int) -> [String]? {
        for separator: UInt8 in [0x2D, 0x2F] {
            let parts = bytes.split(separator: separator, omittingEmptySubsequences: true)
            guard parts.count > 1 else { continue }
            if parts.allSatisfy({ $0.allSatisfy(isDigit) }) {
                return separator == 0x2D ? hyphened(parts) : slashed(parts)
            }
            guard separator == 0x2D else { continue }
            if parts.count == 2, startsNumber(parts[0]), startsNumber(parts[1]) {
                let from = numeric(Array(parts[0]), isFirst: false, depth: depth + 1)
                let to = numeric(Array(parts[1]), isFirst: false, depth: depth + 1)
                return from + ["to"] + to
            }
            var words: [String] = []
            for part in parts {
                words +=
                    part.contains(where: isDigit)
                    ? numeric(Array(part), isFirst: false, depth: depth + 1) : runs(Array(part))
            }
            count = nil
            return words
        }
        return nil
    }

    private func startsNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first else { return false }
        return isDigit(first) || FoldedText.currency(first) != nil
    }

    private func hyphened(_ parts: [ArraySlice<UInt8>]) -> [String] {
        let sizes = parts.map(\.count)
        if sizes == [4, 2, 2], let words = date(parts[0], parts[1], parts[2]) { return words }
        let isTelephone =
            (7...15).contains(sizes.reduce(0, +)) && sizes.allSatisfy { $0 <= 4 }
            && (parts.count > 2 || sizes == [3, 4])
        if isTelephone { return parts.flatMap { NumberWords.digits($0) } }
        let numbers = parts.map { part -> [String] in
            guard let value = NumberWords.value(of: part) else { return NumberWords.digits(part) }
            let isYear = parts.count == 2 && part.count == 4 && (1_100...2_099).contains(value)
            return isYear
                ? NumberWords.year(value) : NumberWords.decimal(whole: Array(part), fraction: nil)
        }
        return Array(numbers.joined(separator: parts.count == 2 ? ["to"] : []))
    }

    private func slashed(_ parts: [ArraySlice<UInt8>]) -> [String] {
        let values = parts.map { NumberWords.value(of: $0) ?? 0 }
        if parts.count == 3 {
            if parts[0].count == 4, let words = date(parts[0], parts[1], parts[2]) { return words }
            if let words = date(parts[2], parts[0], parts[1]) { return words }
            if let words = date(parts[2], parts[1], parts[0]) { return words }
        }
        if parts.count == 2, values[0] > 0, values[0] < values[1], values[1] <= 20 {
            let upper = NumberWords.cardinal(values[0])
            if values[1] == 2 { return values[0] == 1 ? ["one", "half"] : upper + ["halves"] }
            let lower = values[1] == 4 ? ["quarter"] : NumberWords.ordinal(values[1])
            return upper + (values[0] == 1 ? lower : NumberWords.plural(lower))
        }
        if values == [24, 7] { return ["twenty", "four", "seven"] }
        let numbers = parts.map { NumberWords.decimal(whole: Array($0), fraction: nil) }
        return Array(numbers.joined(separator: ["slash"]))
    }

    private func date(
        _ year: ArraySlice<UInt8>, _ month: ArraySlice<UInt8>, _ day: ArraySlice<UInt8>
    ) -> [String]? {
        guard let yearValue = NumberWords.value(of: year), year.count == 4 || year.count == 2,
            let monthValue = NumberWords.value(of: month), (1...12).contains(monthValue),
            let dayValue = NumberWords.value(of: day), (1...31).contains(dayValue)
        else { return nil }
        let full = year.count == 4 ? yearValue : yearValue + (yearValue < 70 ? 2_000 : 1_900)
        return [SpokenForms.months[Int(monthValue) - 1]] + NumberWords.ordinal(dayValue)
            + NumberWords.year(full)
    }

    // MARK: Single numbers

    private struct Figure {
        var whole: [UInt8] = []
        var fraction: [UInt8]?
        var hasGroups = false
        /// Index behind the number.
        var end: Int
        var value: UInt64? { fraction == nil ? NumberWords.value(of: whole) : nil }
        var words: [String] { NumberWords.decimal(whole: whole, fraction: fraction) }
    }

    private func figure(_ bytes: ArraySlice<UInt8>) -> Figure? {
        var figure = Figure(end: bytes.startIndex)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if isDigit(bytes[index]) {
                figure.whole.append(bytes[index])
            } else if bytes[index] == 0x2C, !figure.whole.isEmpty,
                bytes.endIndex - index > 3, bytes[(index + 1)...(index + 3)].allSatisfy(isDigit),
                bytes.endIndex - index == 4 || !isDigit(bytes[index + 4])
            {
                figure.hasGroups = true
            } else {
                break
            }
            index += 1
        }
        if index + 1 < bytes.endIndex, bytes[index] == 0x2E, isDigit(bytes[index + 1]) {
            let digits = bytes[(index + 1)...].prefix(while: isDigit)
            figure.fraction = Array(digits)
            index = digits.endIndex
        }
        figure.end = index
        return figure.whole.isEmpty && figure.fraction == nil ? nil : figure
    }

    private mutating func number(_ bytes: ArraySlice<UInt8>) -> [String] {
        var rest = bytes
        let currency = rest.first.flatMap(FoldedText.currency)
        if currency != nil { rest = rest.dropFirst() }
        guard let figure = figure(rest) else { return mixedRuns(bytes) }
        let suffixBytes = rest[figure.end...]
        let suffix =
            suffixBytes.count <= 12
            ? String(decoding: suffixBytes.map(lowered), as: UTF8.self) : "?"
        if let currency { return money(figure, currency, suffix) ?? mixedRuns(bytes) }
        return plainNumber(figure, suffix, suffixBytes) ?? mixedRuns(bytes)
    }

    private mutating func plainNumber(
        _ figure: Figure, _ suffix: String, _ suffixBytes: ArraySlice<UInt8>
    ) -> [String]? {
        let isOne = figure.value == 1
        switch suffix {
        case "":
            count = Count(isOne: isOne)
            return bareNumber(figure)
        case "%": return figure.words + ["percent"]
        case "st", "nd", "rd", "th":
            return figure.value.map { NumberWords.ordinal($0) }
        case "s", "'s":
            guard let value = figure.value else { return nil }
            return NumberWords.plural(
                figure.whole.count == 4 ? NumberWords.year(value) : NumberWords.cardinal(value))
        case "+": return figure.words + ["plus"]
        default: break
        }
        if let words = unit(suffix, Count(isOne: isOne), isAttached: true) {
            return figure.words + words
        }
        if let currency = suffixBytes.first.flatMap(FoldedText.currency), suffixBytes.count == 1 {
            return money(figure, currency, "")
        }
        return measure(figure, Array(suffixBytes)) ?? version(figure, suffixBytes)
    }

    /// A number without anything behind it; its neighbours may make it a day or a year.
    private func bareNumber(_ figure: Figure) -> [String] {
        guard let value = figure.value, !figure.hasGroups else { return figure.words }
        if SpokenForms.months.contains(previous), (1...31).contains(value),
            figure.whole.count <= 2
        {
            return NumberWords.ordinal(value)
        }
        guard figure.whole.count == 4 else { return figure.words }
        let isNamed = SpokenForms.beforeYear.contains(previous) && (1_100...2_099).contains(value)
        return isNamed || (1_900...2_099).contains(value) ? NumberWords.year(value) : figure.words
    }

    /// 20°C, 5 m², 10µm, 2½.
    private func measure(_ figure: Figure, _ suffix: [UInt8]) -> [String]? {
        let count = Count(isOne: figure.value == 1)
        func unit(_ bytes: ArraySlice<UInt8>) -> [String]? {
            self.unit(
                String(decoding: bytes.map(lowered), as: UTF8.self), count, isAttached: true)
        }
        guard let first = suffix.first else { return nil }
        switch first {
        case FoldedText.Symbol.degree:
            let degrees = figure.words + [count.isOne ? "degree" : "degrees"]
            switch suffix.dropFirst().map(lowered) {
            case []: return degrees
            case [0x63]: return degrees + ["celsius"]
            case [0x66]: return degrees + ["fahrenheit"]
            default: return nil
            }
        case FoldedText.Symbol.micro:
            return unit(suffix.dropFirst()).map { figure.words + ["micro"] + $0 }
        case FoldedText.Symbol.half where suffix.count == 1:
            return figure.words + ["and", "a", "half"]
        case FoldedText.Symbol.quarter where suffix.count == 1:
            return figure.words + ["and", "a", "quarter"]
        case FoldedText.Symbol.threeQuarters where suffix.count == 1:
            return figure.words + ["and", "three", "quarters"]
        default: break
        }
        return power(suffix, count).map { figure.words + $0 }
    }

    /// 1.2.3: point by point.
    private func version(_ figure: Figure, _ suffix: ArraySlice<UInt8>) -> [String]? {
        guard suffix.first == 0x2E, suffix.allSatisfy({ isDigit($0) || $0 == 0x2E }) else {
            return nil
        }
        var words = NumberWords.decimal(whole: figure.whole, fraction: nil)
        let fields =
            [figure.fraction ?? []] + suffix.split(separator: 0x2E).map { Array($0) }
        for field in fields where !field.isEmpty {
            words += ["point"] + NumberWords.decimal(whole: field, fraction: nil)
        }
        return words
    }

    private mutating func money(
        _ figure: Figure, _ currency: UInt8, _ suffix: String
    ) -> [String]? {
        guard let names = SpokenForms.currencies[currency] else { return nil }
        let scales = [
            "k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion",
            "t": "trillion",
        ]
        if let scale = scales[suffix] { return figure.words + [scale, names.1] }
        guard suffix.isEmpty else { return nil }
        if SpokenForms.illions.contains(plain(index + 1)) {
            count = Count(isOne: false, currency: currency)
            return figure.words
        }
        guard let fraction = figure.fraction, fraction.count == 2 else {
            return figure.words + [figure.value == 1 ? names.0 : names.1]
        }
        let whole = NumberWords.value(of: figure.whole) ?? 0
        let cents = NumberWords.value(of: fraction) ?? 0
        var words: [String] = []
        if whole > 0 || cents == 0 || figure.whole.count > 18 {
            words =
                NumberWords.decimal(whole: figure.whole, fraction: nil)
                + [whole == 1 ? names.0 : names.1]
        }
        if cents > 0 {
            if !words.isEmpty { words.append("and") }
            words += NumberWords.cardinal(cents) + [cents == 1 ? names.2 : names.3]
        }
        return words
    }

    // MARK: What is left

    /// Letters and digits in a mix: GPT4, H264, COVID19.
    private func mixedRuns(_ bytes: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let isNumber = isDigit(bytes[start])
            let run = bytes[start...].prefix { isDigit($0) == isNumber }
            if isNumber {
                words +=
                    run.count <= 2
                    ? NumberWords.decimal(whole: Array(run), fraction: nil)
                    : NumberWords.digits(run)
            } else {
                words += runs(Array(run))
            }
            start = run.endIndex
        }
        return words
    }
}
