// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.log10
#endif

/// What the aligner hears: seven numbers every 5 ms.
///
/// The energies of five bands and their sum in dB below the loud parts of the speech, and how fast
/// the sum changes; Hann windows of 16 ms, which are a power of two at 16 kHz and find onsets as well
/// as those of 20 ms.
struct SpectralFrames: Sendable {
    /// Milliseconds between frames.
    static let interval = 5.0
    /// Milliseconds of a window.
    static let window = 16.0
    /// Numbers a frame.
    static let dimensions = 7
    /// Edges of the bands, Hz.
    static let bands: [(low: Double, high: Double)] = [
        (60, 400), (400, 1000), (1000, 2500), (2500, 4500), (4500, 8000),
    ]
    /// Index of the sum of the bands.
    static let total = 5

    /// A sound that is softer than this everywhere is silence: −60 dBFS.
    static let silence: Float = 0.001
    /// Loudest frames are above the 95th percentile of speech by less than this, dB.
    private static let crest: Float = 20

    /// Milliseconds of the start of the first frame's 5 ms on the caller's axis.
    let start: Double
    /// Frame after frame, ``dimensions`` numbers each; dB relative to ``reference``.
    private(set) var values: [Float] = []
    /// The 95th percentile of the sum, dB of full-scale power in a window.
    private(set) var reference = 0.0
    /// Below this nobody speaks, dB relative to ``reference``.
    private(set) var quietLevel = SpectralFrames.quietRange.lowerBound
    /// Bands that the sample rate cannot carry count for nothing.
    let usable: [Bool]

    var count: Int { values.count / Self.dimensions }

    /// Analyses a sound.
    ///
    /// - Parameter sound: at 8,000…192,000 samples a second; what is not a number counts as zero.
    init(_ sound: MonoSound) {
        start = sound.start
        let factor = max(1, Int(sound.rate / 16_000))
        let samples = Self.decimate(sound.samples, by: factor)
        let rate = sound.rate / Double(factor)
        usable = Self.bands.map { $0.low < rate / 2 * 0.95 } + [true, true]
        let spectrum = PowerSpectrum(window: Int(rate * Self.window / 1000))
        let edges = Self.bands.map { band -> Range<Int> in
            let bin = rate / Double(spectrum.size)
            let low = Int((band.low / bin).rounded(.up))
            let high = Int((band.high / bin).rounded(.up))
            return min(low, spectrum.size / 2)..<max(min(high, spectrum.size / 2), 0)
        }
        measure(samples, hop: rate * Self.interval / 1000, spectrum, edges)
        normalise(isSilent: !sound.samples.contains { abs($0) >= Self.silence })
    }

    private mutating func measure(
        _ samples: [Float], hop: Double, _ spectrum: PowerSpectrum, _ edges: [Range<Int>]
    ) {
        let frames = Int(Double(samples.count) / hop)
        values = [Float](repeating: 0, count: frames * Self.dimensions)
        var spectrum = spectrum
        for first in stride(from: 0, to: frames, by: 4) {
            var starts = SIMD4<Int32>.zero
            for lane in 0..<4 {
                let centre = Int((Double(first + lane) + 0.5) * hop)
                starts[lane] = Int32(clamping: centre - spectrum.window / 2)
            }
            spectrum.analyse(samples, from: starts)
            var sum = SIMD4<Float>.zero
            for (dimension, edge) in edges.enumerated() {
                let band = spectrum.power(in: edge) + 1e-7
                sum += band
                store(band, dimension, first)
            }
            store(sum, Self.total, first)
        }
    }

    private mutating func store(_ power: SIMD4<Float>, _ dimension: Int, _ first: Int) {
        for lane in 0..<min(4, count - first) {
            values[(first + lane) * Self.dimensions + dimension] = decibels(power[lane])
        }
    }

    private mutating func normalise(isSilent: Bool) {
        let count = self.count
        guard count > 0 else { return }
        let totals = (0..<count).map { values[$0 * Self.dimensions + Self.total] }
        let sorted = totals.sorted()
        let loudest = sorted[count - 1]
        // A word in a minute of silence is louder than 95 % of it by more than speech is by itself.
        var reference = max(sorted[min(count * 95 / 100, count - 1)], loudest - Self.crest)
        // Noise of the last bit is nobody who speaks softly.
        if isSilent { reference = loudest + 60 }
        self.reference = Double(reference)
        quietLevel =
            isSilent
            ? Self.quietRange.upperBound : Self.quietLevel(sorted.map { $0 - reference })
        for frame in 0..<count {
            for dimension in 0...Self.total {
                values[frame * Self.dimensions + dimension] -= reference
            }
            // Central difference, dB a frame.
            let (before, after) = (max(frame - 1, 0), min(frame + 1, count - 1))
            values[frame * Self.dimensions + 6] =
                after > before ? (totals[after] - totals[before]) / Float(after - before) : 0
        }
    }

    /// The frame that holds a moment, clamped into the sound.
    func index(at time: Double) -> Int {
        guard count > 0 else { return 0 }
        let position = (time - start) / Self.interval
        return Int(min(max(position.rounded(), 0), Double(count)))
    }

    /// The sum of the bands, dB below the loud parts.
    func level(_ frame: Int) -> Double { Double(values[frame * Self.dimensions + Self.total]) }

    /// Thins samples after a low-pass, so that bands above half the new rate do not fold down.
    private static func decimate(_ samples: [Float], by factor: Int) -> [Float] {
        guard factor > 1 else { return samples.map { $0.isFinite ? $0 : 0 } }
        let reach = 5
        var decimator = Decimator(by: factor, reach: reach, isCentred: true)
        var output: [Float] = []
        output.reserveCapacity(samples.count / factor + 1)
        decimator.add(samples[...], to: &output)
        decimator.add(
            [Float](repeating: 0, count: factor * reach - 1)[...], to: &output)
        return output
    }
}

private func decibels(_ power: Float) -> Float { Float(10 * log10(Double(power))) }

// MARK: Pauses

extension SpectralFrames {
    /// Shorter quiet is a closed stop, no pause, ms.
    static let pauseMin = 80.0
    /// Pauses are quieter than the loud parts by at least the second and at most the first, dB.
    static let quietRange = -45.0 ... -30.0
    /// Above the noise of the room, dB.
    static let aboveNoise = 6.0
    /// Speech between two pauses is somewhere louder than these by this much, dB.
    static let aboveQuiet = 8.0
    /// A sound dies away this long after it fell below the level, ms.
    static let decay = 20.0

    /// Below this level nobody speaks: what lies a little above the softest twentieth.
    private static func quietLevel(_ levels: [Float]) -> Double {
        guard !levels.isEmpty else { return quietRange.lowerBound }
        let noise = Double(levels[levels.count / 20])
        return min(max(noise + aboveNoise, quietRange.lowerBound), quietRange.upperBound)
    }

    private func isQuiet(_ frame: Int) -> Bool { level(frame) < quietLevel }

    private func time(_ frame: Int) -> Double { start + Double(frame) * Self.interval }

    /// The longest quiet run of a pause's length in a span.
    func quiet(in span: Range<Double>) -> Range<Double>? {
        quietRuns(in: span).max { $0.upperBound - $0.lowerBound < $1.upperBound - $1.lowerBound }
    }

    /// The start of the quiet with which a span ends, nil if it ends aloud or is quiet all over.
    func trailingQuiet(in span: Range<Double>) -> Double? {
        let (first, last) = (index(at: span.lowerBound), index(at: span.upperBound))
        var frame = last
        while frame > first, isQuiet(frame - 1) { frame -= 1 }
        guard frame < last, frame > first else { return nil }
        return min(time(frame) + Self.decay, span.upperBound)
    }

    /// The parts of a span that are not pauses: `most` of them at most, the shortest pauses are
    /// dropped.
    func speech(in span: Range<Double>, atMost most: Int) -> [Range<Double>] {
        var pauses = quietRuns(in: span)
        if pauses.count >= most {
            let ordered = pauses.map { $0.upperBound - $0.lowerBound }.sorted(by: >)
            let least = ordered[most - 1]
            pauses.removeAll { $0.upperBound - $0.lowerBound <= least }
        }
        var parts: [Range<Double>] = []
        var begin = span.lowerBound
        for pause in pauses {
            if pause.lowerBound - begin >= Self.pauseMin / 2 {
                parts.append(begin..<pause.lowerBound)
            }
            begin = pause.upperBound
        }
        if span.upperBound - begin >= Self.pauseMin / 2 { parts.append(begin..<span.upperBound) }
        // Where breath or hum only touches the level of a pause nobody speaks.
        let voiced = parts.filter { loudest(in: $0) >= quietLevel + Self.aboveQuiet }
        return voiced.isEmpty ? parts : voiced
    }

    private func loudest(in span: Range<Double>) -> Double {
        (index(at: span.lowerBound)..<index(at: span.upperBound))
            .reduce(-Double.infinity) { max($0, level($1)) }
    }

    private func quietRuns(in span: Range<Double>) -> [Range<Double>] {
        var runs: [Range<Double>] = []
        let (first, last) = (index(at: span.lowerBound), index(at: span.upperBound))
        var frame = first
        while frame < last {
            guard isQuiet(frame) else {
                frame += 1
                continue
            }
            let begin = frame
            while frame < last, isQuiet(frame) { frame += 1 }
            let isAtStart = begin == first
            let isAtEnd = frame == last
            let from = isAtStart ? span.lowerBound : min(time(begin) + Self.decay, time(frame))
            let to = isAtEnd ? span.upperBound : time(frame)
            if to - from >= Self.pauseMin { runs.append(from..<to) }
        }
        return runs
    }
}
