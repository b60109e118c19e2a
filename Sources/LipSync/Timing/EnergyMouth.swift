// SPDX-License-Identifier: Apache-2.0

/// Sounds for speech that nobody can pronounce: what its energy alone tells.
///
/// Openness follows the level, a spread mouth the share of high frequencies, teeth a hiss. There are
/// no closures in it: whoever shows it must say so.
enum EnergyMouth {
    /// Shortest piece, ms: a mouth does not follow faster.
    static let shortest = 40.0
    /// Levels below the loud parts, dB: open, half open, hardly open, shut.
    private static let levels = (open: -5.0, half: -13.0, shut: -32.0)
    /// A hiss has this much more above 2,500 Hz than below 1,000 Hz, dB.
    private static let hiss = 3.0
    /// A spread vowel has no less than this at 1,000–4,500 Hz relative to 60–1,000 Hz, dB.
    private static let spread = -9.0
    /// Lengths of the syllables of a murmur, ms: five a second, as people talk.
    private static let syllable = (open: 115.0, shut: 85.0)

    private enum Sort: Equatable {
        case pause, hiss, open, spread, half, slack

        func symbol(_ language: SpokenLanguage) -> String {
            let isEnglish = language == .english
            switch self {
            case .pause: return Phone.silence
            case .hiss: return isEnglish ? "S" : "s"
            case .open: return isEnglish ? "AA" : "a"
            case .spread: return isEnglish ? "EH" : "ɛ"
            case .half: return isEnglish ? "AH1" : "ɐ"
            case .slack: return isEnglish ? "AH0" : "ə"
            }
        }
    }

    /// Sounds from frames, filling a span.
    static func phones(
        _ frames: SpectralFrames, in span: Range<Double>, language: SpokenLanguage
    ) -> [Phone] {
        let block = Int(shortest / SpectralFrames.interval)
        var pieces: [(sort: Sort, end: Double)] = []
        var frame = frames.index(at: span.lowerBound)
        let last = frames.index(at: span.upperBound)
        while frame < last {
            let next = min(frame + block, last)
            let sort = sort(frames, frame..<next)
            let end =
                next == last
                ? span.upperBound : frames.start + Double(next) * SpectralFrames.interval
            if pieces.last?.sort == sort {
                pieces[pieces.count - 1].end = end
            } else {
                pieces.append((sort, end))
            }
            frame = next
        }
        if pieces.isEmpty { pieces = [(.pause, span.upperBound)] }
        pieces[pieces.count - 1].end = span.upperBound
        var start = span.lowerBound
        return pieces.map { piece in
            defer { start = max(start, piece.end) }
            return Phone(piece.sort.symbol(language), start: start, end: max(start, piece.end))
        }
    }

    private static func sort(_ frames: SpectralFrames, _ range: Range<Int>) -> Sort {
        var mean = [Double](repeating: 0, count: SpectralFrames.dimensions)
        for frame in range {
            for dimension in mean.indices {
                mean[dimension] += Double(
                    frames.values[frame * SpectralFrames.dimensions + dimension])
            }
        }
        for dimension in mean.indices { mean[dimension] /= Double(max(range.count, 1)) }
        let level = mean[SpectralFrames.total]
        if level < levels.shut { return .pause }
        if max(mean[3], mean[4]) > max(mean[0], mean[1]) + hiss { return .hiss }
        if level < levels.half { return .slack }
        if max(mean[2], mean[3]) > max(mean[0], mean[1]) + spread, mean[1] < mean[0] {
            return .spread
        }
        return level > levels.open ? .open : .half
    }

    /// A mouth that murmurs: for words that cannot be pronounced and whose sound is not there.
    static func murmur(in span: Range<Double>, language: SpokenLanguage) -> [Phone] {
        var phones: [Phone] = []
        var time = span.lowerBound
        var isOpen = true
        while time < span.upperBound {
            var end = time + (isOpen ? syllable.open : syllable.shut)
            if span.upperBound - end < shortest { end = span.upperBound }
            let sort: Sort = isOpen ? .half : .slack
            phones.append(Phone(sort.symbol(language), start: time, end: end))
            time = end
            isOpen.toggle()
        }
        return phones
    }
}
