// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: log is not in the standard library.
internal import func Glibc.log
#endif

// Text of which no more is known than when it begins and ends.
extension PhoneLayout {
    /// Most stretches of speech that words are distributed over, the longest pauses counting first.
    static let stretchesMax = 64
    /// What it costs to break where no punctuation mark stands, beside the squared error of the
    /// logarithm of a stretch's length.
    static let breakCost = 0.03

    /// Lays words out by the model between the pauses of the sound.
    func span(_ words: [SpokenWord], start: Double, end: Double) -> TimedPhones {
        let sounds = words.map { SpeechSound.word($0.phones, language: language) }
        let isUnsayable = sounds.allSatisfy(\.isEmpty)
        if isUnsayable {
            return TimedPhones(phones: energy(start..<end), rung: .audio, quality: .energy)
        }
        let stretches = frames?.speech(in: start..<end, atMost: Self.stretchesMax) ?? [start..<end]
        let timed = distribute(words, sounds, over: stretches.isEmpty ? [start..<end] : stretches)
        var result = self.words(timed)
        result.rung = .span
        result.quality = result.quality == .full ? .approximate : .partial
        return result
    }

    private func distribute(
        _ words: [SpokenWord], _ sounds: [[SpeechSound]], over stretches: [Range<Double>]
    ) -> [WordTiming] {
        let lengths = sounds.map { word in
            // A word nobody can say takes some time all the same.
            word.isEmpty
                ? 300
                : model.expect(word, isBeforePause: false, isAfterPause: false).lengths
                    .reduce(0, +)
        }
        let ends = assign(words, lengths, to: stretches)
        var timed: [WordTiming] = []
        var first = 0
        for (stretch, end) in zip(stretches, ends) where end > first {
            timed += fill(
                stretch, Array(words[first..<end]), Array(sounds[first..<end]))
            first = end
        }
        return timed
    }

    /// Which words each stretch ends with: the most even rate of speech, breaks where the text has
    /// marks.
    private func assign(
        _ words: [SpokenWord], _ lengths: [Double], to stretches: [Range<Double>]
    ) -> [Int] {
        guard stretches.count > 1 else { return [words.count] }
        var sums = [0.0]
        for length in lengths { sums.append((sums.last ?? 0) + length) }
        let spoken = stretches.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        let rate = spoken / max(sums.last ?? 1, 1)
        let count = words.count
        var best = [Double](repeating: .infinity, count: count + 1)
        best[0] = 0
        var back = [[Int]]()
        for (index, stretch) in stretches.enumerated() {
            let length = stretch.upperBound - stretch.lowerBound
            var next = [Double](repeating: .infinity, count: count + 1)
            var from = [Int](repeating: 0, count: count + 1)
            for end in 0...count where index + 1 < stretches.count || end == count {
                // Words of three times the stretch's length cannot be in it.
                var begin = end
                while begin >= 0, (sums[end] - sums[begin]) * rate < 3 * length + 300 {
                    if best[begin].isFinite {
                        let cost = best[begin] + fit(sums[end] - sums[begin], rate, length)
                        let isMarked = end == count || words[end - 1 < 0 ? 0 : end - 1].endsClause
                        let total = cost + (isMarked ? 0 : Self.breakCost)
                        if total < next[end] { (next[end], from[end]) = (total, begin) }
                    }
                    begin -= 1
                }
            }
            best = next
            back.append(from)
        }
        guard best[count].isFinite else { return even(words.count, stretches.count) }
        var ends: [Int] = []
        var end = count
        for from in back.reversed() {
            ends.append(end)
            end = from[end]
        }
        return ends.reversed()
    }

    /// How badly words of a length fit into a stretch; none at all may be a breath.
    private func fit(_ words: Double, _ rate: Double, _ length: Double) -> Double {
        guard words > 0 else { return min(0.5, length / 200) + length / 400 }
        let wanted = words * rate
        let error = log(max(wanted, 1) / max(length, 1))
        // By the longer of the two: a word in a click of the tongue is a word that is wrong.
        return error * error * max(length, wanted) / 500
    }

    private func even(_ words: Int, _ stretches: Int) -> [Int] {
        (1...stretches).map { words * $0 / stretches }
    }

    /// Words in one stretch: all their sounds together are stretched to it.
    private func fill(
        _ stretch: Range<Double>, _ words: [SpokenWord], _ sounds: [[SpeechSound]]
    ) -> [WordTiming] {
        var raw: [Double] = []
        var spreads: [Double] = []
        for (index, word) in sounds.enumerated() {
            let expected = model.expect(
                word, isBeforePause: index + 1 == sounds.count, isAfterPause: index == 0)
            raw += word.isEmpty ? [300] : expected.lengths
            spreads += word.isEmpty ? [0.5] : expected.spreads
        }
        let total = stretch.upperBound - stretch.lowerBound
        var lengths = DurationModel.stretch(raw, spreads: spreads, to: total)
        if let frames, !sounds.contains(where: \.isEmpty),
            let refined = SoundAligner(frames: frames).refine(
                sounds.flatMap { $0 }, lengths: lengths, start: stretch.lowerBound)
        {
            lengths = refined
        }
        var position = 0
        var time = stretch.lowerBound
        return zip(words, sounds).map { word, own in
            let count = max(own.count, 1)
            let length = lengths[position..<position + count].reduce(0, +)
            position += count
            defer { time += length }
            return WordTiming(word.text, phones: word.phones, start: time, end: time + length)
        }
    }
}

extension SpokenWord {
    /// Whether a mark behind the word invites a pause.
    fileprivate var endsClause: Bool {
        text.last.map { ".,;:!?…—–)".contains($0) } ?? false
    }
}
