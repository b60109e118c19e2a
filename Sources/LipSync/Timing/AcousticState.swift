// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: log is not in the standard library.
internal import func Glibc.log
#endif

/// The broad sorts of sound that the aligner tells apart.
enum AcousticState: Int, CaseIterable, Sendable {
    case vowel, glide, nasal, sibilant, fricative
    case voicelessClosure, voicelessBurst, voicedClosure, voicedBurst

    /// Mean and deviation of the seven numbers of ``SpectralFrames``.
    ///
    /// Starting statistics of the project's lip-sync sheet (2.4), dB below the 95th percentile of the
    /// utterance: 60–400, 400–1000, 1000–2500, 2500–4500, 4500–8000 Hz, their sum, its change.
    private var statistics: (mean: [Float], deviation: [Float]) {
        switch self {
        case .vowel: ([-9, -12, -18, -29, -40, -5, 0.1], [6, 9, 10, 9, 7, 6, 1.8])
        case .glide: ([-11, -15, -24, -36, -44, -7, 0.6], [8, 11, 12, 11, 10, 7, 2.2])
        case .nasal: ([-10, -23, -31, -40, -46, -9, 0], [7, 8, 8, 8, 7, 7, 1.7])
        case .sibilant: ([-31, -39, -34, -23, -20, -15, -0.3], [10, 8, 7, 8, 9, 6, 1.4])
        case .fricative: ([-25, -34, -35, -40, -39, -21, 0.2], [12, 10, 7, 8, 8, 8, 2.1])
        case .voicelessClosure:
            ([-28, -37, -38, -40, -43, -22, -0.5], [10, 10, 11, 12, 13, 7, 2.3])
        case .voicelessBurst: ([-32, -36, -33, -36, -37, -23, 0.2], [7, 9, 10, 12, 12, 7, 2.5])
        case .voicedClosure: ([-19, -28, -38, -43, -49, -16, -0.8], [11, 13, 11, 10, 9, 9, 1.3])
        case .voicedBurst: ([-22, -30, -36, -41, -45, -18, 1.0], [10, 12, 12, 13, 12, 7, 2.3])
        }
    }

    /// The logarithms of how well the frames fit each state, up to what all states share, as sums up
    /// to each frame: one row of all states more than there are frames.
    static func likelihoodSums(of frames: SpectralFrames, in range: Range<Int>) -> [Float] {
        let states = allCases.count
        var output = [Float](repeating: 0, count: (range.count + 1) * states)
        var sum = SIMD16<Float>.zero
        var place = 0
        for frame in range {
            let base = frame * SpectralFrames.dimensions
            for dimension in 0..<SpectralFrames.dimensions where frames.usable[dimension] {
                let table = tables[dimension]
                let distance = (frames.values[base + dimension] - table.mean) * table.precision
                sum -= 0.5 * distance * distance + table.logDeviation
            }
            place += states
            for state in 0..<states { output[place + state] = sum[state] }
        }
        return output
    }

    /// One number of the frames: what each state expects of it, a lane a state.
    private struct Table {
        var mean = SIMD16<Float>.zero
        var precision = SIMD16<Float>.zero
        var logDeviation = SIMD16<Float>.zero
    }

    private static let tables: [Table] = (0..<SpectralFrames.dimensions).map { dimension in
        var table = Table()
        for state in allCases {
            let (mean, deviation) = state.statistics
            table.mean[state.rawValue] = mean[dimension]
            table.precision[state.rawValue] = 1 / deviation[dimension]
            table.logDeviation[state.rawValue] = Float(log(Double(deviation[dimension])))
        }
        return table
    }

    /// The states a sound goes through, with the share of its length that each takes.
    static func sequence(of sound: SpeechSound) -> [(state: AcousticState, share: Double)] {
        switch sound.manner {
        case .vowel, .unknown: [(.vowel, 1)]
        case .liquid, .glide: [(.glide, 1)]
        case .nasal: [(.nasal, 1)]
        case .sibilant: [(.sibilant, 1)]
        case .fricative: [(.fricative, 1)]
        case .tap: [(.voicedClosure, 1)]
        case .stop:
            sound.isVoiced
                ? [(.voicedClosure, 0.6), (.voicedBurst, 0.4)]
                : [(.voicelessClosure, 0.6), (.voicelessBurst, 0.4)]
        case .affricate: [(.voicelessClosure, 0.5), (.sibilant, 0.5)]
        }
    }
}
