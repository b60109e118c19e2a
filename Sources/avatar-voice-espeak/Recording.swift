// SPDX-License-Identifier: Apache-2.0
internal import VoiceEngine

/// The text of a chunk as the library gets it: words, marks and blanks, UTF-8 with a zero behind.
struct ChunkText {
    let bytes: [UInt8]
    /// Where each word starts, in characters.
    private let starts: [Int]
    /// How many characters each word has; 0 for one without a letter or figure.
    let weights: [Int]

    init(_ words: [EngineWord]) {
        var bytes: [UInt8] = []
        var starts: [Int] = []
        var weights: [Int] = []
        var count = 0
        for (index, word) in words.enumerated() {
            // A chunk that ends without a mark goes on in the next: its voice shall not fall.
            let isLast = index == words.count - 1
            let end = word.mark.isEmpty && isLast ? "," : word.mark
            starts.append(count)
            let hasSound = word.text.unicodeScalars.contains {
                $0.properties.isAlphabetic || $0.properties.numericType != nil
            }
            weights.append(hasSound ? word.text.unicodeScalars.count : 0)
            bytes += (word.text + end + " ").utf8
            count += word.text.unicodeScalars.count + end.unicodeScalars.count + 1
        }
        (self.bytes, self.starts, self.weights) = (bytes + [0], starts, weights)
    }

    /// The word that a character belongs to.
    func word(at position: Int) -> Int {
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
    }
}

/// What the library said of one chunk.
final class Recording {
    var samples: [Int16] = []
    private(set) var wasStopped = false
    private(set) var isTooLong = false

    private struct Mark {
        var names: [String]
        var start: Int
        var position: Int
        /// The start of the word that begins with it.
        var wordStart: Int?
    }

    private var marks: [Mark] = []
    private var wordStart: Int?
    private let maxSamples: Int
    /// Asked now and then whether anybody still listens.
    var isWanted: (() -> Bool)?

    /// - Parameter maxSamples: where the library has lost itself.
    init(maxSamples: Int) {
        self.maxSamples = maxSamples
    }

    func wordBegan(at sample: Int) {
        wordStart = sample
    }

    func phoneBegan(_ name: String, at sample: Int, _ position: Int) {
        let names = PhoneNames.parsed(name)
        marks.append(
            Mark(
                names: names, start: max(sample, marks.last?.start ?? 0), position: position,
                wordStart: names.isEmpty ? nil : wordStart))
        if !names.isEmpty { wordStart = nil }
    }

    /// Whether the library should go on.
    func goesOn() -> Bool {
        if samples.count > maxSamples { isTooLong = true }
        if !isTooLong, isWanted?() == false { wasStopped = true }
        return !isTooLong && !wasStopped
    }

    // MARK: Times

    /// A silence from this length on is a pause; what is shorter prepares the sound after it.
    private static let pauseMs = 60
    /// The least a sound keeps when the silence behind it goes to the next one.
    private static let leastMs = 10
    /// Sample values that are silence.
    private static let silence: ClosedRange<Int16> = -2...2

    /// When everything is heard.
    ///
    /// The library tells a stop when its lips open. The closure before it, silent to the last
    /// bit, belongs to the stop too: it begins where the silence begins.
    func times(of text: ChunkText, rate: Int) -> SpeechTimes {
        let sounds = sounds(rate: rate)
        var phones: [(symbol: String, end: Int)] = []
        var words = [ClosedRange<Int>?](repeating: nil, count: text.weights.count)
        for (index, sound) in sounds.enumerated() {
            let end = index + 1 < sounds.count ? sounds[index + 1].start : samples.count
            guard !sound.names.isEmpty else {
                phones.append(("pau", end))
                continue
            }
            if index == 0, sound.start > 0 { phones.append(("pau", sound.start)) }
            let count = sound.names.count
            for (place, name) in sound.names.enumerated() {
                phones.append((name, sound.start + (end - sound.start) * (place + 1) / count))
            }
            let word = text.word(at: sound.position)
            words[word] = min(words[word]?.lowerBound ?? sound.start, sound.start)...end
        }
        return SpeechTimes(rate: rate, phones: phones, words: Self.shared(words, text.weights))
    }

    /// The marks as sounds and pauses that follow each other.
    private func sounds(rate: Int) -> [Mark] {
        var sounds: [Mark] = []
        for (index, mark) in marks.enumerated() {
            var mark = mark
            if mark.names.isEmpty {
                let end = index + 1 < marks.count ? marks[index + 1].start : samples.count
                guard isSilent(mark.start..<end) else { continue }  // the sound before is long
                if sounds.last?.names.isEmpty == true { continue }
                sounds.append(mark)
                continue
            }
            if let last = sounds.last, last.names.isEmpty {
                // The word's own silence, as far as it is known, is no pause.
                mark.start = max(last.start, min(mark.wordStart ?? mark.start, mark.start))
                let isPause = (mark.start - last.start) * 1_000 > Self.pauseMs * rate
                if !isPause {
                    sounds.removeLast()
                    mark.start = last.start
                }
            }
            if sounds.last?.names.isEmpty != true {
                let floor = sounds.last.map { $0.start + Self.leastMs * rate / 1_000 } ?? 0
                mark.start = silenceStart(before: mark.start, notBefore: floor)
            }
            sounds.append(mark)
        }
        return sounds
    }

    private func isSilent(_ range: Range<Int>) -> Bool {
        samples[range.clamped(to: samples.indices)].allSatisfy(Self.silence.contains)
    }

    private func silenceStart(before end: Int, notBefore floor: Int) -> Int {
        var start = min(end, samples.count)
        while start > floor, Self.silence.contains(samples[start - 1]) { start -= 1 }
        return min(start, end)
    }

    /// Gives words that are said together with the one before (`out of it`) their share of it.
    private static func shared(
        _ words: [ClosedRange<Int>?], _ weights: [Int]
    ) -> [ClosedRange<Int>] {
        var result = words.map { $0 ?? 0...0 }
        var index = 0
        while index < words.count {
            guard let span = words[index] else {
                index += 1
                continue
            }
            var end = index + 1
            while end < words.count, words[end] == nil, weights[end] > 0 { end += 1 }
            let total = weights[index..<end].reduce(0) { $0 + max(1, $1) }
            var before = 0
            for word in index..<end {
                let start = span.lowerBound + span.count * before / total
                before += max(1, weights[word])
                let stop = span.lowerBound + span.count * before / total
                result[word] = start...max(start, min(stop, span.upperBound))
            }
            index = end
        }
        return result
    }
}
