// SPDX-License-Identifier: Apache-2.0

/// The fifteen visemes of Oculus Lipsync and Meta's Movement SDK, in their order.
public enum OculusViseme: Int, CaseIterable, Sendable {
    case sil, pp, ff, th, dd, kk, ch, ss, nn, rr, aa, e, i, o, u

    /// The name, spelled as Meta's viseme reference does.
    public var name: String { Self.names[rawValue] }

    private static let names = [
        "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U",
    ]
}

/// One weight for each of Oculus's visemes, none negative, all adding up to one.
public struct OculusShape: Sendable, Equatable {
    /// The weights in the order of `OculusViseme`; the last lane stays zero.
    public let lanes: SIMD16<Double>

    init(lanes: SIMD16<Double>) {
        self.lanes = lanes
    }

    init(_ viseme: OculusViseme) {
        var lanes = SIMD16<Double>.zero
        lanes[viseme.rawValue] = 1
        self.lanes = lanes
    }

    /// The nearest Oculus mouth to the twelve classes, for clients that have only those.
    ///
    /// Lossy: the classes do not tell `kk` or `SS` apart. ``OculusCurve`` is made from the sounds
    /// themselves.
    public init(_ shape: MouthShape) {
        var lanes = SIMD16<Double>.zero
        for viseme in Viseme.allCases {
            for (target, part) in Self.parts(of: viseme) {
                lanes[target.rawValue] += shape[viseme] * part
            }
        }
        self.lanes = lanes
    }

    /// The weight of a viseme, 0…1.
    public subscript(viseme: OculusViseme) -> Double { lanes[viseme.rawValue] }

    private static func parts(of viseme: Viseme) -> [(OculusViseme, Double)] {
        switch viseme {
        case .rest: [(.sil, 1)]
        case .ai: [(.aa, 1)]
        case .e: [(.e, 0.6), (.i, 0.4)]
        case .o: [(.o, 1)]
        case .u: [(.u, 1)]
        case .mbp: [(.pp, 1)]
        case .fv: [(.ff, 1)]
        case .l: [(.nn, 0.5), (.dd, 0.5)]
        case .wq: [(.u, 1)]
        case .r: [(.rr, 1)]
        case .ch: [(.ch, 0.6), (.ss, 0.4)]
        case .th: [(.th, 1)]
        }
    }
}

extension MouthShape {
    /// The nearest mouth of the twelve classes to one of Oculus's.
    public init(_ shape: OculusShape) {
        var lanes = SIMD16<Double>.zero
        for viseme in OculusViseme.allCases {
            for (target, part) in Self.parts(of: viseme) {
                lanes[target.rawValue] += shape[viseme] * part
            }
        }
        self.init(lanes: lanes)
    }

    private static func parts(of viseme: OculusViseme) -> [(Viseme, Double)] {
        switch viseme {
        case .sil: [(.rest, 1)]
        case .pp: [(.mbp, 1)]
        case .ff: [(.fv, 1)]
        case .th: [(.th, 1)]
        case .dd: [(.l, 0.8), (.ch, 0.2)]
        case .kk: [(.e, 0.4), (.rest, 0.3), (.ai, 0.3)]
        case .ch: [(.ch, 1)]
        case .ss: [(.ch, 0.6), (.e, 0.4)]
        case .nn: [(.l, 1)]
        case .rr: [(.r, 1)]
        case .aa: [(.ai, 1)]
        case .e: [(.e, 0.8), (.ai, 0.2)]
        case .i: [(.e, 1)]
        case .o: [(.o, 1)]
        case .u: [(.u, 1)]
        }
    }
}
