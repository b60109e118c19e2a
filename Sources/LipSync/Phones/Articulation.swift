// SPDX-License-Identifier: Apache-2.0

/// What a sound does to the mouth: its shapes, how strongly it holds them, how far they spread.
public struct Articulation: Sendable, Equatable {
    /// A contact that must be reached, whatever the neighbours want.
    public struct Closure: Sendable, Equatable {
        /// What touches.
        public enum Kind: Sendable {
            /// Both lips: p b m.
            case lips
            /// The lower lip and the upper teeth: f v.
            case teeth
        }

        /// What touches.
        public var kind: Kind
        /// How much of the mouth it takes, 0…1: 1 is a full closure, an approximant has less.
        public var peak: Double
    }

    /// One of the shapes that follow each other in the sound.
    public struct Part: Sendable, Equatable {
        /// The part of the sound's time that it takes; all together are 1.
        public var share: Double
        /// The shape it wants.
        public var shape: MouthShape
        /// The contact it demands.
        public var closure: Closure?
    }

    /// One part, or two for diphthongs and affricates.
    public var parts: [Part]
    /// Dominance over neighbours, 0.12 (none) to 1.6.
    public var strength: Double
    /// Milliseconds the shape spreads before its plateau, before the asymmetry of anticipation.
    public var onset: Double
    /// Milliseconds it spreads after its plateau.
    public var offset: Double
    /// A sound shorter than this, ms, is mute: it leaves the mouth to its neighbours.
    public var shortest: Double

    /// The class that takes most of the part that lasts longest; the first of equals.
    public var dominant: Viseme {
        var longest = parts.first
        for part in parts where part.share > (longest?.share ?? 0) { longest = part }
        return longest?.shape.dominant ?? .rest
    }
}
