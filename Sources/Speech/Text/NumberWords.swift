// SPDX-License-Identifier: Apache-2.0

/// Numbers as the words of American English.
enum NumberWords {
    private static let small = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        "nineteen",
    ]
    private static let tens = [
        "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ]
    private static let scales = ["", "thousand", "million", "billion", "trillion"]
    /// Beyond it digits are said one by one.
    static let maxCardinal: UInt64 = 999_999_999_999_999

    /// 1,234 → one thousand two hundred thirty four.
    static func cardinal(_ value: UInt64) -> [String] {
        guard value <= maxCardinal else { return digits(Array(String(value).utf8)) }
        guard value > 0 else { return ["zero"] }
        var groups: [(Int, String)] = []
        var rest = value
        for scale in scales {
            groups.append((Int(rest % 1_000), scale))
            rest /= 1_000
        }
        var words: [String] = []
        for (group, scale) in groups.reversed() where group > 0 {
            words += hundreds(group)
            if !scale.isEmpty { words.append(scale) }
        }
        return words
    }

    private static func hundreds(_ value: Int) -> [String] {
        var words: [String] = []
        if value >= 100 { words += [small[value / 100], "hundred"] }
        let rest = value % 100
        if rest >= 20 {
            words.append(tens[rest / 10])
            if rest % 10 > 0 { words.append(small[rest % 10]) }
        } else if rest > 0 {
            words.append(small[rest])
        }
        return words
    }

    /// 22 → twenty second.
    static func ordinal(_ value: UInt64) -> [String] {
        var words = cardinal(value)
        guard let last = words.popLast() else { return [] }
        words.append(ordinalForm(last))
        return words
    }

    private static func ordinalForm(_ word: String) -> String {
        switch word {
        case "one": "first"
        case "two": "second"
        case "three": "third"
        case "five": "fifth"
        case "eight": "eighth"
        case "nine": "ninth"
        case "twelve": "twelfth"
        default: word.hasSuffix("y") ? word.dropLast() + "ieth" : word + "th"
        }
    }

    /// Each digit by itself: 007 → zero zero seven.
    static func digits(_ text: some Sequence<UInt8>) -> [String] {
        text.compactMap { (0x30...0x39).contains($0) ? small[Int($0) - 0x30] : nil }
    }

    /// As years are said: 1984 → nineteen eighty four, 2005 → two thousand five, 1900 → nineteen
    /// hundred.
    static func year(_ value: UInt64) -> [String] {
        let (century, rest) = (value / 100, value % 100)
        guard (11...99).contains(century), !(2_000...2_009).contains(value) else {
            return cardinal(value)
        }
        switch rest {
        case 0: return century % 10 == 0 ? cardinal(value) : cardinal(century) + ["hundred"]
        case 1...9: return cardinal(century) + ["oh"] + cardinal(rest)
        default: return cardinal(century) + cardinal(rest)
        }
    }

    /// The last word in the plural: twenty → twenties.
    static func plural(_ words: [String]) -> [String] {
        guard let last = words.last else { return [] }
        let form =
            last.hasSuffix("y")
            ? last.dropLast() + "ies" : last.hasSuffix("x") ? last + "es" : last + "s"
        return words.dropLast() + [form]
    }

    /// A number as it is written in digits, with a fraction: 3.14 → three point one four.
    ///
    /// Whole parts with a leading zero or beyond ``maxCardinal`` are said digit by digit.
    static func decimal(whole: [UInt8], fraction: [UInt8]?) -> [String] {
        var words: [String]
        if whole.isEmpty {
            words = fraction == nil ? [] : ["zero"]
        } else if whole.count > 1, whole[0] == 0x30 {
            words = digits(whole)
        } else if let value = value(of: whole), value <= maxCardinal {
            words = cardinal(value)
        } else {
            words = digits(whole)
        }
        if let fraction { words += ["point"] + digits(fraction) }
        return words
    }

    /// The value of ASCII digits; nil for more than 18 of them, none, or another character.
    static func value(of digits: some Collection<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + UInt64(digit - 0x30)
        }
        return value
    }
}
