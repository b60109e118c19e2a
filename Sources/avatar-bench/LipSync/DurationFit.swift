// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import LipSync

/// Fits the duration model of English: ridge regression of the logarithm of labelled lengths.
struct DurationFit {
    /// What every addend's square costs beside the squared errors: about as much as a hundred sounds
    /// tell. Between 30 and 300 the error on unseen speakers is the same.
    private static let ridge = 100.0
    /// Labels below and above say more about the aligner than about the sound, ms.
    private static let lengths = 15.0...600.0

    private let size = DurationFeatures.count
    private var normal: [Double]
    private var right: [Double]
    private var rows: [(indices: [Int], number: Int, value: Double)] = []

    /// Takes the words of some speakers.
    init(_ utterances: [LabelledUtterance]) {
        normal = [Double](repeating: 0, count: size * size)
        right = [Double](repeating: 0, count: size)
        for utterance in utterances {
            for (index, word) in utterance.words.enumerated() { add(utterance, index, word) }
        }
    }

    private mutating func add(
        _ utterance: LabelledUtterance, _ index: Int, _ word: LabelledUtterance.Word
    ) {
        // A phrase ends where the layout of words says so: at a gap of 30 ms.
        let words = utterance.words
        let isLast = index + 1 == words.count || words[index + 1].start - word.end >= 30
        let isFirst = index == 0 || word.start - words[index - 1].end >= 30
        let indices = DurationFeatures.indices(
            phones: Array(utterance.symbols[word.phones]), isBeforePause: isLast,
            isAfterPause: isFirst)
        guard let indices else { return }
        for (sound, phone) in zip(indices, utterance.phones[word.phones]) {
            guard let number = DurationFeatures.number(of: phone.symbol) else { continue }
            let length = min(max(phone.duration, Self.lengths.lowerBound), Self.lengths.upperBound)
            rows.append((sound, number, log(length)))
        }
    }

    /// The model that fits best.
    mutating func solve() -> DurationWeights {
        let mean = rows.reduce(0) { $0 + $1.value } / Double(max(rows.count, 1))
        for row in rows {
            for left in row.indices {
                right[left] += row.value - mean
                for column in row.indices { normal[left * size + column] += 1 }
            }
        }
        for index in 0..<size { normal[index * size + index] += Self.ridge }
        let addends = Self.solved(normal, right)
        var sums = [(square: Double, count: Double)](
            repeating: (0, 0), count: DurationFeatures.symbols.count)
        for row in rows {
            let error = row.value - row.indices.reduce(mean) { $0 + addends[$1] }
            sums[row.number].square += error * error
            sums[row.number].count += 1
        }
        let spreads = sums.map { $0.count > 0 ? ($0.square / $0.count).squareRoot() : 0.4 }
        return DurationWeights(mean: mean, addends: addends, spreads: spreads)
    }

    /// Solves a positive definite system by Cholesky's decomposition.
    private static func solved(_ matrix: [Double], _ vector: [Double]) -> [Double] {
        let size = vector.count
        var lower = matrix
        for column in 0..<size {
            for row in column..<size {
                var sum = lower[row * size + column]
                for index in 0..<column {
                    sum -= lower[row * size + index] * lower[column * size + index]
                }
                lower[row * size + column] =
                    row == column
                    ? max(sum, 1e-12).squareRoot() : sum / lower[column * size + column]
            }
        }
        var result = vector
        for row in 0..<size {
            for index in 0..<row { result[row] -= lower[row * size + index] * result[index] }
            result[row] /= lower[row * size + row]
        }
        for row in (0..<size).reversed() {
            for index in row + 1..<size { result[row] -= lower[index * size + row] * result[index] }
            result[row] /= lower[row * size + row]
        }
        return result
    }

    /// The table as the source of `DurationTable.swift`.
    static func source(_ weights: DurationWeights, words: Int, speakers: Int) -> String {
        func lines(_ values: [Double]) -> String {
            let texts = values.map { "\(Int(($0 * 1000).rounded()))" }
            var lines: [String] = []
            var line = "       "
            for text in texts {
                if line.count + text.count + 2 > 98 {
                    lines.append(line)
                    line = "       "
                }
                line += " \(text),"
            }
            return (lines + [line]).joined(separator: "\n")
        }
        return """
            // SPDX-License-Identifier: Apache-2.0

            // Made by `avatar-bench lipsync --fit DIR` from \(words) words of \(speakers) speakers of \
            the
            // X-ray microbeam speech database (University of Wisconsin; annotations BSD-3-Clause).
            extension DurationWeights {
                /// The model in use.
                package static let fitted = DurationWeights(
                    mean: \(fixed(weights.mean, 3)), addends: thousandths.map { Double($0) / 1000 },
                    spreads: spreadThousandths.map { Double($0) / 1000 })

                private static let thousandths: [Int16] = [
            \(lines(weights.addends))
                ]
                private static let spreadThousandths: [Int16] = [
            \(lines(weights.spreads))
                ]
            }
            """
    }
}
