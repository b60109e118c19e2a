// SPDX-License-Identifier: Apache-2.0

/// Apple's 52 face blend shapes with their weights, 0…1.
public struct ARKitFace: Sendable, Equatable {
    /// The names, spelled and ordered as `ARFaceAnchor.BlendShapeLocation` lists them.
    public static let names = [
        "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
        "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
        "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
        "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
        "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
        "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
        "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
        "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
        "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
        "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
        "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
    ]

    /// The weights in the order of `names`; what is no part of the mouth stays 0.
    public private(set) var weights: [Double]

    /// The weight of a blend shape; 0 for a name that ARKit does not have.
    public subscript(name: String) -> Double {
        Self.names.firstIndex(of: name).map { weights[$0] } ?? 0
    }

    // MARK: From our classes

    /// The face of a mouth, by our table.
    ///
    /// - Parameters:
    ///   - shape: the twelve weights.
    ///   - energy: loudness of the voice, 0…1, which opens the jaw of vowels further; nil leaves it.
    public init(_ shape: MouthShape, energy: Double? = nil) {
        weights = [Double](repeating: 0, count: Self.names.count)
        for viseme in Viseme.allCases where shape[viseme] > 0 {
            add(ARKitTable.classes[viseme.rawValue], shape[viseme])
        }
        // What was said louder than usual opens further; closures and lips stay as they are.
        if let energy, energy.isFinite {
            let vowels = ARKitTable.jawOfVowels(shape)
            let gain = Self.gains.lowerBound + 0.45 * min(max(energy, 0), 1)
            weights[ARKitTable.jawOpen] += vowels * (gain - 1)
        }
        guardJaw(closed: shape[.mbp])
    }

    /// How much loudness changes the jaw of a vowel.
    static let gains = 0.7...1.15

    // MARK: From Oculus's visemes

    /// Tables that others published, from Oculus's fifteen visemes.
    public enum Published: String, CaseIterable, Sendable {
        /// TalkingHead's: lips rolled for p, pucker for o, funnel for u.
        case talkingHead = "talkinghead"
        /// kmpfacelink's: lips pressed and closed for p, funnel for both.
        case faceLink = "facelink"
    }

    /// The face of an Oculus mouth, by a published table.
    public init(_ shape: OculusShape, table: Published) {
        weights = [Double](repeating: 0, count: Self.names.count)
        let rows = table == .talkingHead ? ARKitTable.talkingHead : ARKitTable.faceLink
        for viseme in OculusViseme.allCases where shape[viseme] > 0 {
            add(rows[viseme.rawValue], shape[viseme])
        }
        guardJaw(closed: shape[.pp])
    }

    private mutating func add(_ row: [(index: Int, weight: Double)], _ amount: Double) {
        for (index, weight) in row { weights[index] += amount * weight }
    }

    /// The jaw of closed lips, at most.
    static let closedJaw = 0.08

    /// Keeps closed lips closed: rounding and gain may not open them, and `mouthClose`, which ARKit
    /// counts from the open jaw, may not fold them.
    private mutating func guardJaw(closed: Double) {
        // From half closed on the jaw is shut; before that the limit falls in a straight line, so
        // that the guard never makes a step.
        let limit = Self.closedJaw + max(0.5 - closed, 0) * 1.3
        weights[ARKitTable.jawOpen] = min(max(weights[ARKitTable.jawOpen], 0), limit)
        weights[ARKitTable.mouthClose] = min(
            weights[ARKitTable.mouthClose], weights[ARKitTable.jawOpen])
        for index in weights.indices { weights[index] = min(max(weights[index], 0), 1) }
    }
}

/// Blend shapes of every mouth; "mouthPress" without a side stands for both.
private enum ARKitTable {
    typealias Row = [(index: Int, weight: Double)]

    static let jawOpen = index("jawOpen")
    static let mouthClose = index("mouthClose")

    /// Ours, in the order of `Viseme`. The closed lips need no mouthClose: their jaw is shut.
    static let classes: [Row] = [
        row(""),
        row("jawOpen .62 mouthLowerDown .25 mouthUpperUp .12"),
        row("jawOpen .3 mouthStretch .25 mouthSmile .2 mouthDimple .1"),
        row("jawOpen .4 mouthFunnel .55 mouthPucker .25"),
        row("jawOpen .18 mouthPucker .7 mouthFunnel .35"),
        row("mouthPress .45 mouthRollLower .3 mouthRollUpper .25"),
        row("jawOpen .06 mouthRollLower .55 mouthUpperUp .25 mouthShrugUpper .15"),
        row("jawOpen .28 mouthUpperUp .1"),
        row("jawOpen .1 mouthPucker .95 mouthFunnel .15"),
        row("jawOpen .18 mouthFunnel .4 mouthPucker .25"),
        row("jawOpen .12 mouthFunnel .5 mouthPucker .15 mouthLowerDown .15 mouthUpperUp .15"),
        row("jawOpen .18 tongueOut .25 mouthUpperUp .1"),
    ]

    /// The share of the jaw that the vowels have, of which loudness is the measure.
    static func jawOfVowels(_ shape: MouthShape) -> Double {
        [Viseme.ai, .e, .o].reduce(0) { sum, viseme in
            let jaw = classes[viseme.rawValue].first { $0.index == jawOpen }?.weight ?? 0
            return sum + shape[viseme] * jaw
        }
    }

    /// As published in met4citizen/TalkingHead (MIT), in the order of `OculusViseme`.
    static let talkingHead: [Row] = [
        row(""),
        row("mouthRollLower .8 mouthRollUpper .8 mouthUpperUp .3"),
        row("mouthPucker 1 mouthShrugUpper 1 mouthLowerDown .2 mouthDimple 1 mouthRollLower 1"),
        row("mouthRollUpper .6 jawOpen .2 tongueOut .4"),
        row("mouthPress .8 mouthFunnel .5 jawOpen .2"),
        row("mouthLowerDown .4 mouthDimple .3 mouthFunnel .3 mouthPucker .3 jawOpen .15"),
        row("mouthPucker .5 jawOpen .2"),
        row("mouthPress .8 mouthLowerDown .5 jawOpen .1"),
        row(
            "mouthLowerDown .4 mouthDimple .3 mouthFunnel .3 mouthPucker .3 jawOpen .15 "
                + "tongueOut .2"),
        row("mouthPucker .5 jawOpen .2"),
        row("jawOpen .6"),
        row("mouthPress .8 mouthDimple 1 jawOpen .3"),
        row("mouthPress .6 mouthDimple .6 jawOpen .2"),
        row("mouthPucker 1 jawForward .6 jawOpen .2"),
        row("mouthFunnel 1"),
    ]

    /// As published in kmpfacelink, in the order of `OculusViseme`.
    static let faceLink: [Row] = [
        row(""),
        row("mouthClose .7 mouthPress .5 mouthPucker .3"),
        row("mouthFunnel .3 mouthLowerDown .2 mouthUpperUp .15"),
        row("jawOpen .15 mouthUpperUp .1 tongueOut .3"),
        row("jawOpen .2 mouthClose .15 mouthPress .3"),
        row("jawOpen .25 mouthStretch .2"),
        row("jawOpen .2 mouthFunnel .5 mouthPucker .3"),
        row("jawOpen .1 mouthSmile .2 mouthStretch .3"),
        row("jawOpen .1 mouthClose .3 mouthPress .2"),
        row("jawOpen .15 mouthFunnel .4 mouthPucker .2"),
        row("jawOpen .7 mouthLowerDown .3 mouthUpperUp .15"),
        row("jawOpen .35 mouthSmile .3 mouthStretch .2"),
        row("jawOpen .2 mouthSmile .4 mouthStretch .3"),
        row("jawOpen .5 mouthFunnel .5 mouthPucker .2"),
        row("jawOpen .25 mouthFunnel .6 mouthPucker .5"),
    ]

    private static func index(_ name: String) -> Int {
        ARKitFace.names.firstIndex(of: name) ?? 0
    }

    private static func row(_ text: String) -> Row {
        let words = text.split(separator: " ").map(String.init)
        return stride(from: 0, to: words.count - 1, by: 2).flatMap { place -> Row in
            let weight = Double(words[place + 1]) ?? 0
            return ["", "Left", "Right"].compactMap { side in
                ARKitFace.names.firstIndex(of: words[place] + side).map { ($0, weight) }
            }
        }
    }
}
