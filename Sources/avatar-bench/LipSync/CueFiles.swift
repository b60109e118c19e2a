// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LipSync

/// What another system made of the same speech: a folder with a file an utterance, named after it.
///
/// `ID.json`: Rhubarb's `{"mouthCues":[{"start","end","value"}]}` (seconds), or TalkingHead's
/// `{"visemes":[…],"times":[…],"durations":[…]}` (ms). `ID.tsv`: a line `seconds TAB value` a cue.
/// `ID.jsonl`: keyframes `{"t_ms":…,"weights":{…}}` a line. Values are Rhubarb's letters, Oculus's
/// names or our classes; the "E" of a `.tsv` is ours.
struct CueFiles {
    var name: String
    var folder: String

    /// From `NAME=FOLDER`.
    init(_ text: String) throws(BenchFailure) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw .usage("--cues wants NAME=FOLDER.") }
        name = parts[0]
        folder = parts[1]
    }

    /// The other system's mouth, nil where it made none of this utterance.
    func frames(_ id: String, count: Int) throws(BenchFailure) -> MouthFrames? {
        let stem = "\(folder)/\(id)"
        if Files.exists("\(stem).jsonl") {
            return SystemMouths.frames(of: try keyframes("\(stem).jsonl"), count: count)
        }
        if Files.exists("\(stem).json") { return steps(try cues("\(stem).json"), count) }
        if Files.exists("\(stem).tsv") { return steps(try lines("\(stem).tsv"), count) }
        return nil
    }

    private typealias Cue = (start: Double, end: Double, shape: MouthShape)

    private func steps(_ cues: [Cue], _ count: Int) -> MouthFrames {
        var next = 0
        return (0..<count).map { frame in
            let time = Double(frame) * 1000 / MouthScore.rate
            while next < cues.count, cues[next].end <= time { next += 1 }
            guard next < cues.count, cues[next].start <= time else { return .rest }
            return cues[next].shape
        }
    }

    private func cues(_ path: String) throws(BenchFailure) -> [Cue] {
        let json = try parsed(try Files.bytes(path), path)
        if let list = json["mouthCues"]?.array {
            return try list.map { cue throws(BenchFailure) in
                guard let start = cue["start"]?.number, let end = cue["end"]?.number,
                    let value = cue["value"]?.string, let shape = Self.shape(value, of: .rhubarb)
                else { throw BenchFailure(message: "\(path) has a cue that is none.") }
                return (start * 1000, end * 1000, shape)
            }
        }
        guard let values = json["visemes"]?.array, let times = json["times"]?.array,
            let durations = json["durations"]?.array, values.count == times.count,
            values.count == durations.count
        else { throw BenchFailure(message: "\(path) has neither mouthCues nor visemes.") }
        var cues: [Cue] = []
        for index in values.indices {
            let name = values[index].string ?? ""
            guard let start = times[index].number, let length = durations[index].number,
                let shape = Self.shape(name, of: .oculus)
            else { throw BenchFailure(message: "\(path) has a viseme that is none: \(name).") }
            cues.append((start, start + length, shape))
        }
        return cues
    }

    private func lines(_ path: String) throws(BenchFailure) -> [Cue] {
        var cues: [Cue] = []
        for line in try Files.text(path).split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 2, let start = Double(fields[0]),
                let shape = Self.shape(fields[1], of: nil)
            else { throw BenchFailure(message: "\(path) has the line \(line), which is no cue.") }
            if !cues.isEmpty { cues[cues.count - 1].end = start * 1000 }
            cues.append((start * 1000, .infinity, shape))
        }
        return cues
    }

    private func keyframes(_ path: String) throws(BenchFailure) -> [Keyframe] {
        var keyframes: [Keyframe] = []
        for line in try Files.text(path).split(whereSeparator: \.isNewline) {
            let json = try parsed(Array(line.utf8), path)
            guard let time = json["t_ms"]?.number, let weights = json["weights"]?.members else {
                throw BenchFailure(message: "\(path) has a line that is no keyframe.")
            }
            let named = weights.compactMap { member in
                Viseme.allCases.first { $0.name == member.name }.map {
                    ($0, member.value.number ?? 0)
                }
            }
            keyframes.append(Keyframe(time: time, shape: MouthShape(named)))
        }
        return keyframes
    }

    private func parsed(_ bytes: [UInt8], _ path: String) throws(BenchFailure) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes, maxBytes: 1 << 26)
        } catch {
            throw BenchFailure(message: "\(path): \(error).")
        }
    }

    /// Whose names a file uses, where its form tells.
    private enum Maker {
        case rhubarb, oculus
    }

    /// The mouth of a cue: "E" is three makers' name of two shapes.
    private static func shape(_ value: String, of maker: Maker?) -> MouthShape? {
        if value == "E", maker == .rhubarb { return MouthShape([(.o, 0.85), (.ai, 0.15)]) }
        if value == "E", maker == .oculus { return MouthShape([(.e, 0.8), (.ai, 0.2)]) }
        if let viseme = Viseme.allCases.first(where: { $0.name == value }) {
            return MouthShape(viseme)
        }
        return shapes[value].map { MouthShape($0) }
    }

    /// Rhubarb's letters and Oculus's names by the tables of the project's lip-sync sheet (1.2, 1.4).
    private static let shapes: [String: [(Viseme, Double)]] = [
        "A": [(.mbp, 1)], "B": [(.e, 0.6), (.ch, 0.4)], "C": [(.e, 0.8), (.ai, 0.2)],
        "D": [(.ai, 1)], "F": [(.u, 1)], "G": [(.fv, 1)], "H": [(.l, 1)], "X": [(.rest, 1)],
        "sil": [(.rest, 1)], "PP": [(.mbp, 1)], "FF": [(.fv, 1)], "DD": [(.l, 0.8), (.ch, 0.2)],
        "kk": [(.e, 0.4), (.rest, 0.3), (.ai, 0.3)], "SS": [(.ch, 0.6), (.e, 0.4)],
        "nn": [(.l, 1)], "RR": [(.r, 1)], "aa": [(.ai, 1)], "I": [(.e, 1)],
    ]
}
