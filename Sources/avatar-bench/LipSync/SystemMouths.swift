// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import LipSync

/// The mouths that are compared: ours from what it is told, and common simple ways from the labels
/// themselves, which is more than they get in life.
enum SystemMouths {
    /// Frames until the last label, and a little on.
    static func count(_ utterance: LabelledUtterance) -> Int {
        Int((utterance.phones.last?.end ?? 0) * MouthScore.rate / 1000) + 1
    }

    /// Ours, as a client draws it: straight lines between the keyframes.
    static func ours(_ phones: [Phone], count: Int) -> MouthFrames {
        var mouth = Mouth()
        mouth.append(phones)
        return frames(of: mouth.finish(), count: count)
    }

    /// Straight lines between keyframes.
    static func frames(of keyframes: [Keyframe], count: Int) -> MouthFrames {
        guard let first = keyframes.first else { return [] }
        var next = 0
        return (0..<count).map { frame in
            let time = Double(frame) * 1000 / MouthScore.rate
            while next < keyframes.count, keyframes[next].time <= time { next += 1 }
            guard next > 0 else { return first.shape }
            let left = keyframes[next - 1]
            guard next < keyframes.count else { return left.shape }
            let right = keyframes[next]
            return left.shape.blended(
                toward: right.shape,
                by: (time - left.time) / max(right.time - left.time, 1e-9))
        }
    }

    /// Each sound's main class, at once and whole.
    static func steps(_ phones: [Phone], count: Int) -> MouthFrames {
        var next = 0
        return (0..<count).map { frame in
            let time = Double(frame) * 1000 / MouthScore.rate
            while next < phones.count, phones[next].end <= time { next += 1 }
            guard next < phones.count, phones[next].start <= time else { return .rest }
            return MouthShape(dominant(phones[next]))
        }
    }

    /// Steps behind one pole: weight by weight, `factor` of the way each 16.7 ms, as animation code
    /// does.
    static func onePole(_ targets: MouthFrames, factor: Double) -> MouthFrames {
        let perFrame = 1 - pow(1 - factor, 60 / MouthScore.rate)
        var shape = MouthShape.rest
        return targets.map { target in
            shape = shape.blended(toward: target, by: perFrame)
            return shape
        }
    }

    /// Steps behind a critically damped filter, looking ahead by `lead` ms.
    static func damped(_ targets: MouthFrames, rate: Double, lead: Double = 0) -> MouthFrames {
        var filter = MouthFilter(.rest)
        let ahead = Int((lead * MouthScore.rate / 1000).rounded())
        return targets.indices.map { frame in
            filter.step(
                toward: targets[min(frame + ahead, targets.count - 1)],
                milliseconds: 1000 / MouthScore.rate, rate: rate)
            return filter.output
        }
    }

    /// The class a sound shows most.
    static func dominant(_ phone: Phone) -> Viseme {
        if let known = cache[phone.symbol] { return known }
        return .rest
    }

    private static let cache: [String: Viseme] = [
        "AA": .ai, "AE": .ai, "AH": .ai, "AO": .o, "AW": .ai, "AY": .ai, "EH": .e, "ER": .r,
        "EY": .e, "IH": .e, "IY": .e, "OW": .o, "OY": .o, "UH": .u, "UW": .u, "P": .mbp,
        "B": .mbp, "M": .mbp, "F": .fv, "V": .fv, "T": .l, "D": .l, "N": .l, "L": .l, "S": .ch,
        "Z": .ch, "SH": .ch, "ZH": .ch, "CH": .ch, "JH": .ch, "TH": .th, "DH": .th, "R": .r,
        "W": .wq, "Y": .e, "K": .e, "G": .e, "NG": .e, "HH": .ai,
    ]
}
