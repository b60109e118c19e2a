// SPDX-License-Identifier: Apache-2.0

/// The twelve mouth classes of the message contract, in its order.
public enum Viseme: Int, CaseIterable, Sendable {
    /// Lips relaxed, together or a millimetre apart.
    case rest
    /// Open, neutral or slightly spread: father, cat.
    case ai
    /// Spread: see, bed.
    case e
    /// Rounded and open: thought, go.
    case o
    /// Rounded and small: blue.
    case u
    /// Sealed lips: m, b, p.
    case mbp
    /// Lower lip on upper teeth: f, v.
    case fv
    /// Tongue tip at the upper ridge: l, and t, d, n at low dominance.
    case l
    /// Tight pucker: w.
    case wq
    /// Slight pucker: r.
    case r
    /// Teeth together, lips protruded: ch, sh, and s, z with E.
    case ch
    /// Tongue between the teeth: thin, this.
    case th

    /// The class's name on the wire.
    public var name: String {
        switch self {
        case .rest: "Rest"
        case .ai: "AI"
        case .e: "E"
        case .o: "O"
        case .u: "U"
        case .mbp: "MBP"
        case .fv: "FV"
        case .l: "L"
        case .wq: "WQ"
        case .r: "R"
        case .ch: "CH"
        case .th: "TH"
        }
    }

    /// Number of classes.
    public static let count = 12
}

/// One weight a class; on the simplex, that is, none negative and all adding up to one.
public struct MouthShape: Sendable, Equatable {
    /// The weights in the order of `Viseme`; the four lanes behind them stay zero.
    public private(set) var lanes: SIMD16<Double>

    /// The mouth at rest.
    public static let rest = MouthShape(.rest)

    /// A single class at full weight.
    public init(_ viseme: Viseme) {
        lanes = .zero
        lanes[viseme.rawValue] = 1
    }

    /// A mixture; the caller's weights must add up to one.
    public init(_ weights: [(Viseme, Double)]) {
        lanes = .zero
        for (viseme, weight) in weights { lanes[viseme.rawValue] += weight }
    }

    init(lanes: SIMD16<Double>) {
        self.lanes = lanes
    }

    /// The weight of a class, 0…1.
    public subscript(viseme: Viseme) -> Double { lanes[viseme.rawValue] }

    /// The sum of all weights: one, but for rounding.
    public var sum: Double { lanes.sum() }

    /// The largest difference of any class's weight.
    public func distance(to other: MouthShape) -> Double {
        let difference = lanes - other.lanes
        return max(difference.max(), -difference.min())
    }

    /// The class with the largest weight; the first of equals.
    public var dominant: Viseme {
        Viseme.allCases.reduce(.rest) { self[$1] > self[$0] ? $1 : $0 }
    }

    /// The shape `fraction` of the way to `other`, 0…1.
    public func blended(toward other: MouthShape, by fraction: Double) -> MouthShape {
        MouthShape(lanes: lanes + (other.lanes - lanes) * fraction)
    }

    /// Weights in hundredths that add up to exactly 100: each is rounded, and the largest takes the
    /// remainder. What the contract writes with two decimals.
    public var hundredths: [(viseme: Viseme, value: Int)] {
        var values = Viseme.allCases.map { (viseme: $0, value: Int((self[$0] * 100).rounded())) }
        var largest = 0
        var total = 0
        for (index, entry) in values.enumerated() {
            total += entry.value
            if entry.value > values[largest].value { largest = index }
        }
        values[largest].value += 100 - total
        return values.filter { $0.value > 0 }
    }
}

/// A mouth shape at a time; between two keyframes the mouth moves in a straight line.
public struct Keyframe: Sendable, Equatable {
    /// Milliseconds since the start of the utterance, or of whatever the phones' times count from.
    public var time: Double
    /// The mouth at that time.
    public var shape: MouthShape

    /// Joins a time in milliseconds and a shape.
    public init(time: Double, shape: MouthShape) {
        self.time = time
        self.shape = shape
    }
}
