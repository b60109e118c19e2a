// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone: exp is not in the standard library.
internal import func Glibc.exp
#endif

/// A critically damped second-order filter over all classes at once: the mouth's inertia.
///
/// Written as two cascaded one-poles with a shared rate, whose step is exact for any `dt`. Every
/// coefficient is non-negative and they add up to one, so what goes in on the simplex comes out on
/// it, even when the rate changes from step to step; one rate serves all classes, else the sum would
/// drift.
public struct MouthFilter: Sendable {
    /// The intermediate pole.
    public private(set) var inner: MouthShape
    /// The filtered mouth.
    public private(set) var output: MouthShape

    /// Starts still, at a shape.
    public init(_ shape: MouthShape) {
        inner = shape
        output = shape
    }

    /// Moves toward `target` for a time.
    ///
    /// - Parameters:
    ///   - target: the shape to move to.
    ///   - milliseconds: how long, ≥ 0.
    ///   - rate: the filter's angular rate in 1/s; it reaches 90 % of a step after 3.89/rate.
    public mutating func step(toward target: MouthShape, milliseconds: Double, rate: Double) {
        let x = max(0, milliseconds) * rate / 1000
        let decay = exp(-x)
        let fromInner = inner.lanes - target.lanes
        let fromOutput = output.lanes - target.lanes
        output = MouthShape(lanes: target.lanes + (fromOutput + fromInner * x) * decay)
        inner = MouthShape(lanes: target.lanes + fromInner * decay)
    }
}
