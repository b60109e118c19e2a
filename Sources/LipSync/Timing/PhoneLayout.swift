// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: log is not in the standard library.
internal import func Glibc.log
#endif

/// Lays the sounds of words out in time.
struct PhoneLayout {
    var language: SpokenLanguage
    /// The sound, where it is there.
    var frames: SpectralFrames?
    /// Whether more words follow the last one at once.
    var continues: Bool
    var weights = DurationWeights.fitted

    /// A gap between words shorter than this is no pause: the sound before it runs on, ms.
    static let pauseMin = 80.0
    /// A gap of at least this ends a phrase, whose last sounds are drawn out, ms.
    static let breakMin = 30.0
    /// A word's own times are moved by at most this much, ms.
    static let wordShiftMax = 40.0
    /// How well the duration model knows a boundary, ms (measured).
    static let modelSpread = 25.0
    /// How well letter times are taken to know it, ms: nobody has measured them.
    static let letterSpread = 25.0
    /// Letters that differ in length by less than this (deviation by mean) were spread evenly by the
    /// service and tell nothing.
    static let evenLetters = 0.15

    var model: DurationModel { DurationModel(language: language, weights: weights) }

    // MARK: Words

    /// Words with times, in order, none overlapping.
    func words(_ words: [WordTiming]) -> TimedPhones {
        var builder = PhoneSequence()
        var rung = TimingRung.phones
        var unsayable = 0
        for (index, word) in words.enumerated() {
            let next = index + 1 < words.count ? words[index + 1].start : nil
            let span = self.span(of: word, next: next)
            let isBeforePause = next.map { $0 - span.upperBound >= Self.breakMin } ?? !continues
            let sounds = SpeechSound.word(word.phones, language: language)
            if sounds.isEmpty {
                unsayable += 1
                builder.append(contentsOf: energy(span))
                continue
            }
            let expected = model.expect(
                sounds, isBeforePause: isBeforePause,
                isAfterPause: index == 0 || word.start - words[index - 1].end >= Self.breakMin)
            let placed = place(word, sounds, expected, in: span)
            rung = max(rung, placed.rung)
            builder.append(word.phones, lengths: placed.lengths, from: span.lowerBound)
            if let next, next - span.upperBound < Self.pauseMin { builder.extend(to: next) }
        }
        if unsayable == words.count { rung = .audio }
        return TimedPhones(
            phones: builder.phones, rung: rung,
            quality: unsayable == 0 ? .full : unsayable == words.count ? .energy : .partial)
    }

    /// What a sound tells by itself, from its start to its end.
    func sound() throws(TimingError) -> TimedPhones {
        guard let frames else { throw .empty }
        let start = max(frames.start, 0)
        let end = frames.start + Double(frames.count) * SpectralFrames.interval
        return TimedPhones(
            phones: energy(start..<max(start, end)), rung: .audio, quality: .energy)
    }

    /// What a sound tells of a span without words.
    func energy(_ span: Range<Double>) -> [Phone] {
        guard span.upperBound > span.lowerBound else { return [] }
        guard let frames else { return EnergyMouth.murmur(in: span, language: language) }
        return EnergyMouth.phones(frames, in: span, language: language)
    }

    /// A word's time without the pause that some services count to it.
    private func span(of word: WordTiming, next: Double?) -> Range<Double> {
        var end = word.end
        if let next, next - end >= Self.pauseMin, let silence = frames?.quiet(in: end..<next) {
            // The sound runs on into the gap, within reason.
            end = max(end, min(silence.lowerBound, end + Self.wordShiftMax))
        }
        if let frames, let silence = frames.trailingQuiet(in: word.start..<end),
            end - silence >= Self.pauseMin
        {
            end = max(silence, word.start + shortest(word))
        }
        return word.start..<max(end, word.start)
    }

    private func shortest(_ word: WordTiming) -> Double {
        TimedPhones.shortestPhone * Double(max(word.phones.count, 1))
    }

    private func place(
        _ word: WordTiming, _ sounds: [SpeechSound],
        _ expected: (lengths: [Double], spreads: [Double]), in span: Range<Double>
    ) -> (lengths: [Double], rung: TimingRung) {
        let total = span.upperBound - span.lowerBound
        if sounds.allSatisfy({ $0.manner == .unknown }) {
            return (sounds.map { _ in total / Double(sounds.count) }, .uniform)
        }
        var lengths = DurationModel.stretch(
            expected.lengths, spreads: expected.spreads, to: total)
        var rung = TimingRung.words
        if let fused = fuse(lengths, sounds, word, span) {
            lengths = fused
            rung = .characters
        }
        if let frames {
            let aligner = SoundAligner(frames: frames)
            if let refined = aligner.refine(sounds, lengths: lengths, start: span.lowerBound) {
                lengths = refined
                rung = min(rung, .wordsAndSound)
            } else if sounds.count == 1 {
                rung = min(rung, .wordsAndSound)
            }
        }
        return (Self.widened(lengths), rung)
    }

    // MARK: Letters

    /// Brings the model's boundaries and those of the letters together.
    private func fuse(
        _ lengths: [Double], _ sounds: [SpeechSound], _ word: WordTiming, _ span: Range<Double>
    ) -> [Double]? {
        guard sounds.count > 1, Self.tellsTimes(word.letters) else { return nil }
        let starts = letterStarts(lengths, sounds, word)
        guard starts.count == sounds.count else { return nil }
        let (model, letters) = (
            1 / (Self.modelSpread * Self.modelSpread), 1 / (Self.letterSpread * Self.letterSpread)
        )
        var bounds: [Double] = []
        var modelled = span.lowerBound
        for index in lengths.indices {
            modelled += lengths[index]
            guard index + 1 < lengths.count else { break }
            let fused = (starts[index + 1] * letters + modelled * model) / (letters + model)
            bounds.append(min(max(fused, bounds.last ?? span.lowerBound), span.upperBound))
        }
        bounds.append(span.upperBound)
        var previous = span.lowerBound
        return bounds.map { bound in
            defer { previous = bound }
            return bound - previous
        }
    }

    /// Whether the letters' times were measured, not spread evenly over the word.
    static func tellsTimes(_ letters: [CharacterTiming]) -> Bool {
        let lengths = letters.map { $0.end - $0.start }
        guard lengths.count > 1 else { return false }
        let mean = lengths.reduce(0, +) / Double(lengths.count)
        guard mean > 0 else { return false }
        let variance =
            lengths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(lengths.count)
        return variance.squareRoot() / mean >= evenLetters
    }

    /// Where the letters say that each sound begins.
    private func letterStarts(
        _ lengths: [Double], _ sounds: [SpeechSound], _ word: WordTiming
    ) -> [Double] {
        // A service may put several characters into one piece: those share its time.
        let letters = word.letters.flatMap(\.characters)
        let alignment = LetterAlignment(letters: letters.map { Character($0.text) }, sounds: sounds)
        let spelled = alignment.pieces.filter { !$0.sounds.isEmpty }
        var starts: [Double] = []
        for (index, piece) in spelled.enumerated() {
            // Silent letters give their time to the sound before them.
            let first =
                index == 0
                ? word.start : letters[min(piece.letters.lowerBound, letters.count - 1)].start
            let end =
                index + 1 < spelled.count
                ? letters[min(spelled[index + 1].letters.lowerBound, letters.count - 1)].start
                : word.end
            let own = lengths[piece.sounds].reduce(0, +)
            var time = first
            for sound in piece.sounds {
                starts.append(time)
                time += max(end - first, 0) * lengths[sound] / max(own, 1e-9)
            }
        }
        return starts
    }

    /// Gives every sound its least length at the cost of the long ones, where there is room.
    static func widened(_ lengths: [Double]) -> [Double] {
        let least = TimedPhones.shortestPhone
        let total = lengths.reduce(0, +)
        guard let shortest = lengths.min(), shortest < least else { return lengths }
        guard total > least * Double(lengths.count) else {
            return lengths.map { _ in total / Double(lengths.count) }
        }
        let missing = lengths.reduce(0) { $0 + max(least - $1, 0) }
        let spare = lengths.reduce(0) { $0 + max($1 - least, 0) }
        return lengths.map { $0 < least ? least : $0 - ($0 - least) * missing / spare }
    }
}

/// Sounds in a row, with pauses in the holes.
struct PhoneSequence {
    private(set) var phones: [Phone] = []
    private var last = 0.0

    mutating func append(_ symbols: [String], lengths: [Double], from start: Double) {
        var time = start
        for (symbol, length) in zip(symbols, lengths) {
            append(Phone(symbol, start: time, end: time + length))
            time += length
        }
    }

    mutating func append(contentsOf new: [Phone]) {
        for phone in new { append(phone) }
    }

    /// Draws the last sound out into the short gap behind it.
    mutating func extend(to time: Double) {
        guard !phones.isEmpty, time > last else { return }
        phones[phones.count - 1].end = time
        last = time
    }

    private mutating func append(_ phone: Phone) {
        if phone.start - last >= TimingCheck.holeMin {
            phones.append(Phone(Phone.silence, start: last, end: phone.start))
        }
        guard phone.end > phone.start else { return }
        phones.append(phone)
        last = phone.end
    }
}
