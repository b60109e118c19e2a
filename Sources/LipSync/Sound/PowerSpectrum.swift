// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.cos
internal import func Glibc.sin
#endif

/// The power spectra of four Hann windows at once, one in each lane: real signals through a complex
/// transform of half their size, two radix-2 stages at a time.
struct PowerSpectrum {
    typealias Lanes = SIMD4<Float>

    let window: Int
    /// Points of the real signal, a power of two.
    let size: Int
    private let hann: [SIMD4<Float>]
    private let twiddles: [SIMD2<Float>]
    private let splitTwiddles: [SIMD2<Float>]
    private let reversed: [Int]
    /// Real and imaginary part of each point of the transform in turns.
    private var points: [Lanes]
    /// Powers of the bins below half the rate.
    private var powers: [Lanes]

    init(window: Int) {
        self.window = max(window, 2)
        var size = 4
        while size < self.window { size *= 2 }
        self.size = size
        let half = size / 2
        // Zeros behind the window, up to a whole step of four samples.
        hann = (0..<(self.window + 3) / 4).map { [window = self.window] four in
            var factors = SIMD4<Float>.zero
            for lane in 0..<4 where 4 * four + lane < window {
                let turn = (Double(4 * four + lane) + 0.5) / Double(window)
                factors[lane] = Float(0.5 - 0.5 * cos(2 * Double.pi * turn))
            }
            return factors
        }
        twiddles = (0..<half / 2).map { Self.unit(-Double($0) / Double(half)) }
        splitTwiddles = (0..<half).map { Self.unit(-Double($0) / Double(size)) }
        var reversed = [Int](repeating: 0, count: half)
        for index in 1..<half {
            reversed[index] = reversed[index / 2] / 2 + (index % 2 == 1 ? half / 2 : 0)
        }
        self.reversed = reversed
        points = [Lanes](repeating: .zero, count: size)
        powers = [Lanes](repeating: .zero, count: half)
    }

    private static func unit(_ turns: Double) -> SIMD2<Float> {
        SIMD2(Float(cos(2 * Double.pi * turns)), Float(sin(2 * Double.pi * turns)))
    }

    /// Takes windows that start at four samples; samples outside the signal are zero.
    mutating func analyse(_ samples: [Float], from starts: SIMD4<Int32>) {
        let (hann, reversed, half) = (hann, reversed, size / 2)
        let (twiddles, splitTwiddles) = (twiddles, splitTwiddles)
        unsafe points.withUnsafeMutableBufferPointer { points in
            let points = unsafe UncheckedLanes(points)
            for index in stride(from: 0, to: size, by: 4) {
                let (first, second) = (2 * reversed[index / 2], 2 * reversed[index / 2 + 1])
                guard index / 4 < hann.count else {
                    (points[first], points[first + 1]) = (.zero, .zero)
                    (points[second], points[second + 1]) = (.zero, .zero)
                    continue
                }
                let four = fourOfFour(samples, starts, index, hann[index / 4])
                (points[first], points[first + 1]) = (four.0, four.1)
                (points[second], points[second + 1]) = (four.2, four.3)
            }
            Self.transform(points, half, twiddles)
            unsafe powers.withUnsafeMutableBufferPointer { powers in
                Self.split(points, half, splitTwiddles, to: unsafe UncheckedLanes(powers))
            }
        }
    }

    /// The power in a range of bins.
    func power(in bins: Range<Int>) -> Lanes {
        var sum = Lanes.zero
        for bin in bins.clamped(to: powers.indices) { sum += powers[bin] }
        return sum
    }

    private static func transform(
        _ points: UncheckedLanes, _ count: Int, _ twiddles: [SIMD2<Float>]
    ) {
        var quarter = 1
        if count.trailingZeroBitCount % 2 == 1 {
            // An odd number of stages: the first goes alone.
            for place in stride(from: 0, to: 2 * count, by: 4) {
                let (left, leftY) = (points[place], points[place &+ 1])
                let (right, rightY) = (points[place + 2], points[place + 3])
                (points[place], points[place &+ 1]) = (left + right, leftY + rightY)
                (points[place + 2], points[place + 3]) = (left - right, leftY - rightY)
            }
            quarter = 2
        }
        while quarter < count {
            let step = count / (4 * quarter)
            for index in 0..<quarter {
                // The twiddles of the second stage, of the first, and both.
                let own = twiddles[index * step]
                let double = twiddles[2 * index * step]
                let both = SIMD2(
                    own.x * double.x - own.y * double.y, own.x * double.y + own.y * double.x)
                var place = 2 * index
                while place < 2 * count {
                    turn(points, place, 2 * quarter, own, double, both)
                    place &+= 8 &* quarter
                }
            }
            quarter *= 4
        }
    }

    /// Both stages of four points that lie a distance apart.
    @inline(__always)
    private static func turn(
        _ points: UncheckedLanes, _ place: Int, _ distance: Int, _ own: SIMD2<Float>,
        _ double: SIMD2<Float>, _ both: SIMD2<Float>
    ) {
        // All below 2 · size: nothing overflows.
        let second = place &+ distance
        let third = second &+ distance
        let fourth = third &+ distance
        let (a, aY) = (points[place], points[place &+ 1])
        let (b, bY) = turned(points[second], points[second &+ 1], double)
        let (c, cY) = turned(points[third], points[third &+ 1], own)
        let (d, dY) = turned(points[fourth], points[fourth &+ 1], both)
        let (sum, sumY, gap, gapY) = (a + b, aY + bY, a - b, aY - bY)
        let (far, farY, wide, wideY) = (c + d, cY + dY, c - d, cY - dY)
        (points[place], points[place &+ 1]) = (sum + far, sumY + farY)
        (points[third], points[third &+ 1]) = (sum - far, sumY - farY)
        // −i times the difference.
        (points[second], points[second &+ 1]) = (gap + wideY, gapY - wide)
        (points[fourth], points[fourth &+ 1]) = (gap - wideY, gapY + wide)
    }

    @inline(__always)
    private static func turned(
        _ x: Lanes, _ y: Lanes, _ twiddle: SIMD2<Float>
    ) -> (Lanes, Lanes) {
        (x * twiddle.x - y * twiddle.y, x * twiddle.y + y * twiddle.x)
    }

    /// Takes the spectrum of the real signal out of that of the pairs, two bins at a time: those as
    /// far from the lowest as from the highest share all but a sign.
    private static func split(
        _ points: UncheckedLanes, _ half: Int, _ twiddles: [SIMD2<Float>],
        to powers: UncheckedLanes
    ) {
        let (x, y) = (points[0], points[1])
        powers[0] = (x + y) * (x + y)
        for bin in 1..<half / 2 + 1 {
            let mirror = half - bin
            let (x, y) = (points[2 * bin], points[2 * bin + 1])
            let (mirrorX, mirrorY) = (points[2 * mirror], points[2 * mirror + 1])
            let (evenX, evenY) = (x + mirrorX, y - mirrorY)
            // The difference times −i, then the twiddle; all of it twice as large.
            let (oddX, oddY) = turned(y + mirrorY, mirrorX - x, twiddles[bin])
            let (sumX, sumY) = (evenX + oddX, evenY + oddY)
            let (gapX, gapY) = (evenX - oddX, evenY - oddY)
            powers[bin] = 0.25 * (sumX * sumX + sumY * sumY)
            powers[mirror] = 0.25 * (gapX * gapX + gapY * gapY)
        }
    }
}

/// Points of a transform whose accesses are checked in debug builds alone.
@safe private struct UncheckedLanes {
    private let base: UnsafeMutablePointer<PowerSpectrum.Lanes>
    private let count: Int

    /// Must not outlive the buffer's closure. A transform has at least four points.
    @inline(__always)
    init(_ points: UnsafeMutableBufferPointer<PowerSpectrum.Lanes>) {
        precondition(points.count >= 2)
        // SAFETY: the buffer is not empty, so it has an address; `analyse`, the only user, keeps
        // this within the buffer's closure.
        unsafe base = points.baseAddress.unsafelyUnwrapped
        count = points.count
    }

    @inline(__always)
    subscript(index: Int) -> PowerSpectrum.Lanes {
        get {
            assert(index >= 0 && index < count)
            // SAFETY: a transform of `count` points touches these alone, which the assertion
            // repeats: bit reversal and butterflies permute 0..<count.
            return unsafe base[index]
        }
        nonmutating set {
            assert(index >= 0 && index < count)
            // SAFETY: as above.
            unsafe base[index] = newValue
        }
    }
}
