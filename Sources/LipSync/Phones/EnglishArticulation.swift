// SPDX-License-Identifier: Apache-2.0

/// American English: ARPABET to mouth shapes, with dominance and spread.
public enum EnglishArticulation {
    /// The articulation of a phone; a symbol that is not in the table leaves the lips to its
    /// neighbours.
    public static func of(_ phone: Phone) -> Articulation {
        if phone.symbol == "AH", phone.stress == 0 { return table["AX"] ?? free }
        return table[phone.symbol] ?? free
    }

    /// Whether the symbol is in the table.
    public static func knows(_ symbol: String) -> Bool { table[symbol] != nil }

    /// Velars and H: no lip target of their own, the neighbours win.
    private static let free = one(
        [(.e, 0.4), (.rest, 0.3), (.ai, 0.3)], strength: 0.12, onset: 30, offset: 30)

    private static func one(
        _ weights: [(Viseme, Double)], strength: Double, onset: Double, offset: Double,
        gate: Articulation.Gate = .none
    ) -> Articulation {
        Articulation(
            shapes: [(1, MouthShape(weights))], strength: strength, onset: onset, offset: offset,
            gate: gate)
    }

    private static func two(
        _ first: [(Viseme, Double)], share: Double, _ second: [(Viseme, Double)],
        strength: Double, onset: Double, offset: Double
    ) -> Articulation {
        Articulation(
            shapes: [(share, MouthShape(first)), (1 - share, MouthShape(second))],
            strength: strength, onset: onset, offset: offset, gate: .none)
    }

    private static func openVowel(_ weights: [(Viseme, Double)]) -> Articulation {
        one(weights, strength: 1, onset: 60, offset: 60)
    }

    private static func roundVowel(_ weights: [(Viseme, Double)]) -> Articulation {
        one(weights, strength: 1.2, onset: 100, offset: 90)
    }

    private static func alveolar(_ weights: [(Viseme, Double)]) -> Articulation {
        one(weights, strength: 0.45, onset: 35, offset: 30)
    }

    private static func closure(_ viseme: Viseme, _ gate: Articulation.Gate) -> Articulation {
        one([(viseme, 1)], strength: 0.5, onset: 50, offset: 50, gate: gate)
    }

    private static let sibilant = one(
        [(.ch, 0.6), (.e, 0.4)], strength: 0.9, onset: 45, offset: 40)
    private static let palatal = one([(.ch, 1)], strength: 1.5, onset: 90, offset: 70)
    private static let dental = one([(.th, 1)], strength: 0.8, onset: 45, offset: 40)

    // Weights, strengths and spreads: the project's lip-sync sheet, which fitted them to measured lip
    // motion (spread before asymmetry, in milliseconds).
    private static let table: [String: Articulation] = [
        "AA": openVowel([(.ai, 1)]),
        "AE": openVowel([(.ai, 0.75), (.e, 0.25)]),
        "AH": one(
            [(.ai, 0.55), (.e, 0.3), (.rest, 0.15)], strength: 0.7, onset: 50, offset: 50),
        "AX": one(
            [(.e, 0.4), (.ai, 0.25), (.rest, 0.35)], strength: 0.35, onset: 40, offset: 40),
        "AO": roundVowel([(.o, 0.85), (.ai, 0.15)]),
        "AW": two(
            [(.ai, 1)], share: 0.5, [(.u, 0.6), (.o, 0.4)], strength: 1, onset: 60, offset: 60),
        "AY": two(
            [(.ai, 1)], share: 0.55, [(.e, 0.9), (.ai, 0.1)], strength: 1, onset: 60, offset: 60),
        "EH": openVowel([(.e, 0.8), (.ai, 0.2)]),
        "ER": one([(.r, 0.7), (.o, 0.3)], strength: 1, onset: 80, offset: 70),
        "EY": two(
            [(.e, 0.9), (.ai, 0.1)], share: 0.5, [(.e, 1)], strength: 1, onset: 60, offset: 60),
        "IH": one([(.e, 0.8), (.rest, 0.2)], strength: 0.7, onset: 50, offset: 50),
        "IY": openVowel([(.e, 1)]),
        "OW": two(
            [(.o, 1)], share: 0.55, [(.u, 0.7), (.o, 0.3)], strength: 1.2, onset: 100, offset: 90),
        "OY": two(
            [(.o, 1)], share: 0.5, [(.e, 0.9), (.o, 0.1)], strength: 1.2, onset: 100, offset: 90),
        "UH": roundVowel([(.u, 0.7), (.o, 0.3)]),
        "UW": roundVowel([(.u, 1)]),
        "P": closure(.mbp, .lips),
        "B": closure(.mbp, .lips),
        "M": closure(.mbp, .lips),
        "F": closure(.fv, .teeth),
        "V": closure(.fv, .teeth),
        "T": alveolar([(.l, 0.7), (.ch, 0.3)]),
        "D": alveolar([(.l, 0.8), (.ch, 0.2)]),
        "N": alveolar([(.l, 1)]),
        "L": alveolar([(.l, 1)]),
        "S": sibilant,
        "Z": sibilant,
        "SH": palatal,
        "ZH": palatal,
        "CH": palatal,
        "JH": palatal,
        "TH": dental,
        "DH": dental,
        "R": one([(.r, 1)], strength: 1, onset: 80, offset: 60),
        "W": one([(.wq, 1)], strength: 1.6, onset: 100, offset: 60),
        "Y": one([(.e, 1)], strength: 0.7, onset: 45, offset: 40),
        "K": free,
        "G": free,
        "NG": free,
        "HH": one([(.ai, 0.5), (.e, 0.5)], strength: 0.12, onset: 30, offset: 30),
        Phone.silence: one([(.rest, 1)], strength: 1, onset: 60, offset: 70),
    ]
}
