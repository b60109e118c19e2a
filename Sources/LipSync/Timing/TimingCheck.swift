// SPDX-License-Identifier: Apache-2.0

/// Refuses times that nobody can have spoken at, and mends the small faults of those that remain.
enum TimingCheck {
    /// So much before zero counts as zero, ms: rounding of services that measure from the first sound.
    static let negativeMax = 60.0
    /// A sound shorter than this on average means another unit, ms; seconds give 0.08.
    static let soundMin = 2.0
    /// A sound longer than this on average means another unit, ms; samples at 16 kHz give 1,300.
    static let soundMax = 1_000.0
    /// The same where so few sounds are there that one may be drawn out: a long "Oh".
    static let fewSoundsMax = 5_000.0
    static let fewSounds = 3
    /// Length of a sound of a word that has none, ms.
    static let soundLength = 80.0
    /// A pause shorter than this is rounding, ms.
    static let holeMin = 1.0

    /// Sounds in order, with pauses of their own in the holes.
    static func ordered(_ phones: [Phone]) throws(TimingError) -> [Phone] {
        guard !phones.isEmpty else { throw .empty }
        guard phones.count <= 4 * TimedPhones.wordsMax else { throw .tooLong }
        var last = 0.0
        var (spoken, sounds) = (0.0, 0)
        for (index, phone) in phones.enumerated() {
            try check(phone.start, phone.end)
            guard index == 0 || phone.start >= phones[index - 1].start else { throw .reversed }
            guard !phone.isSilence else { continue }
            spoken += phone.duration
            sounds += 1
        }
        try unit(spoken, sounds)
        var output: [Phone] = []
        for (index, phone) in phones.enumerated() {
            var phone = phone
            phone.start = max(phone.start, last)
            // Where two overlap, the next one's start counts.
            let limit = index + 1 < phones.count ? phones[index + 1].start : .infinity
            phone.end = max(min(phone.end, max(limit, phone.start)), phone.start)
            if phone.start - last >= holeMin, last > 0 || index > 0 || phone.start > 0 {
                output.append(Phone(Phone.silence, start: last, end: phone.start))
            } else {
                phone.start = last
            }
            guard phone.end > phone.start else { continue }
            output.append(phone)
            last = phone.end
        }
        return output
    }

    /// Words in order, none overlapping, each with a length.
    static func ordered(_ words: [WordTiming]) throws(TimingError) -> [WordTiming] {
        guard words.count <= TimedPhones.wordsMax else { throw .tooLong }
        var (spoken, sounds) = (0.0, 0)
        for (index, word) in words.enumerated() {
            try check(word.start, word.end)
            guard index == 0 || word.start >= words[index - 1].start else { throw .reversed }
            for letter in word.letters { try check(letter.start, letter.end) }
            // Of words that nobody can say nobody knows how many sounds they have.
            guard !word.phones.isEmpty else { continue }
            spoken += word.end - word.start
            sounds += word.phones.count
        }
        try unit(spoken, sounds)
        var output: [WordTiming] = []
        var index = 0
        var last = 0.0
        while index < words.count {
            // Words that begin together share their time by their sounds.
            var group = index + 1
            while group < words.count, words[group].start - words[index].start < holeMin {
                group += 1
            }
            let start = max(words[index].start, last)
            let limit = group < words.count ? max(words[group].start, start) : .infinity
            let longest = words[index..<group].map(\.end).max() ?? start
            var end = min(max(longest, start), limit)
            // A word without length gets some of the gap behind it.
            if end - start < holeMin {
                let sounds = words[index..<group].reduce(0) { $0 + max($1.phones.count, 1) }
                end = min(limit, start + soundLength * Double(sounds))
            }
            last = append(words[index..<group], from: start, to: end, &output)
            index = group
        }
        return output
    }

    private static func append(
        _ words: ArraySlice<WordTiming>, from start: Double, to end: Double,
        _ output: inout [WordTiming]
    ) -> Double {
        if words.count == 1, var word = words.first {
            (word.start, word.end) = (start, end)
            output.append(word)
            return end
        }
        let total = words.reduce(0) { $0 + max($1.phones.count, 1) }
        var time = start
        for var word in words {
            let share = Double(max(word.phones.count, 1)) / Double(total)
            (word.start, word.end) = (time, min(time + (end - start) * share, end))
            word.letters = []
            time = word.end
            output.append(word)
        }
        return end
    }

    /// A span that holds its words.
    static func span(_ words: [SpokenWord], _ start: Double, _ end: Double) throws(TimingError) {
        guard !words.isEmpty else { throw .empty }
        guard words.count <= TimedPhones.wordsMax else { throw .tooLong }
        try check(start, end)
        let sounds = words.reduce(0) { $0 + max($1.phones.count, 1) }
        guard (end - start) / Double(sounds) >= soundMin else { throw .wrongUnit }
    }

    private static func check(_ start: Double, _ end: Double) throws(TimingError) {
        guard start.isFinite, end.isFinite else { throw .notFinite }
        guard start >= -negativeMax, end >= -negativeMax else { throw .negative }
        guard end >= start else { throw .reversed }
        guard end <= TimedPhones.longest else { throw .tooLong }
    }

    private static func unit(_ spoken: Double, _ sounds: Int) throws(TimingError) {
        guard sounds > 0 else { return }
        let mean = spoken / Double(sounds)
        let most = sounds < fewSounds ? fewSoundsMax : soundMax
        guard mean >= soundMin, mean <= most else { throw .wrongUnit }
    }
}
