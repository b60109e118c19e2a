// SPDX-License-Identifier: Apache-2.0

/// A speech sound with its time.
public struct Phone: Sendable, Equatable {
    /// The symbol in upper case ARPABET without stress (`AA`, `M`), or `sil`.
    public var symbol: String
    /// Lexical stress of a vowel: 0 none, 1 primary, 2 secondary.
    public var stress: Int
    /// Milliseconds from the utterance's start to the sound's acoustic onset.
    public var start: Double
    /// Milliseconds from the utterance's start to its end.
    public var end: Double

    /// Creates a phone.
    ///
    /// - Parameters:
    ///   - symbol: ARPABET in either case, with or without a stress digit; `pau`, `h#`, `sil`, `_`
    ///     and the empty string are silence.
    ///   - start: milliseconds to its onset.
    ///   - end: milliseconds to its end, not before `start`.
    public init(_ symbol: String, start: Double, end: Double) {
        var name = symbol.uppercased()
        stress = 0
        if let digit = name.last?.wholeNumberValue, name.count > 1 {
            stress = digit
            name.removeLast()
        }
        if ["PAU", "H#", "SIL", "_", "", "SP", "BRTH"].contains(name) { name = Phone.silence }
        self.symbol = name
        self.start = start
        self.end = max(start, end)
    }

    /// The symbol of a pause.
    public static let silence = "sil"

    /// Whether this is a pause.
    public var isSilence: Bool { symbol == Phone.silence }
    /// Milliseconds from onset to end.
    public var duration: Double { end - start }
}

/// What a sound does to the mouth: its shapes, how strongly it holds them, how far it spreads.
public struct Articulation: Sendable {
    /// Closures that must be reached, whatever the neighbours want.
    public enum Gate: Sendable {
        /// No closure: the blend alone decides.
        case none
        /// Both lips: P B M.
        case lips
        /// Lower lip on teeth: F V.
        case teeth
    }

    /// One shape, or two with the share of the sound that the first one takes.
    public var shapes: [(share: Double, shape: MouthShape)]
    /// Dominance over neighbours, 0.12 (none) to 1.6.
    public var strength: Double
    /// Milliseconds the shape spreads before its plateau, before the asymmetry of anticipation.
    public var onset: Double
    /// Milliseconds it spreads after its plateau.
    public var offset: Double
    /// The closure it demands.
    public var gate: Gate
}
