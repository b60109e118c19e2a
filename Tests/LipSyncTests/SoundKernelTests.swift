// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Testing

@testable import LipSync

/// The fast loops against the sums that they stand for.
@Suite struct SoundKernelTests {
    static func noise(_ count: Int, seed: UInt64 = 4) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }

    static func tone(_ hertz: Double, rate: Double, count: Int) -> [Float] {
        (0..<count).map { Float(sin(2 * .pi * hertz * Double($0) / rate)) }
    }

    @Test func productsAreTheSumsTheyStandFor() {
        let samples = Self.noise(512)
        func sum(_ lag: Int, _ count: Int) -> Float {
            (0..<count).reduce(0) { $0 + samples[$1] * samples[$1 + lag] }
        }
        for (lag, count) in [(1, 1), (40, 471), (133, 378), (266, 245), (7, 13)] {
            let three = products(samples, around: lag, count: count)
            for (lane, offset) in [-1, 0, 1].enumerated() {
                #expect(abs(three[lane] - sum(lag + offset, count)) < 1e-3)
            }
            #expect(abs(product(samples, lag: lag, count: count) - sum(lag, count)) < 1e-3)
        }
        let (a, b, c, d) = correlate(samples, 100..<140, longest: 71)
        for (vector, lanes) in [a, b, c, d].enumerated() {
            for lane in 0..<8 {
                let lag = 71 - 8 * vector - lane
                let sum = (100..<140).reduce(Float(0)) { $0 + samples[$1] * samples[$1 - lag] }
                #expect(abs(lanes[lane] - sum) < 1e-3)
            }
        }
        let squares = samples[3..<40].reduce(Float(0)) { $0 + $1 * $1 }
        #expect(abs(energy(samples, 3..<40) - squares) < 1e-3)
    }

    @Test func whatIsOutOfReachCountsForNothing() {
        let samples = Self.noise(64)
        #expect(products(samples, around: 0, count: 8) == .zero)
        #expect(products(samples, around: 40, count: 24) == .zero)
        #expect(product(samples, lag: 60, count: 5) == 0)
        #expect(correlate(samples, 10..<40, longest: 31).0 == .zero)
        #expect(energy(samples, 60..<65) == 0)
        #expect(squaresGained(samples, at: 57, over: 0) == .zero)
        #expect(largestSum(samples, from: 60, samples, offset: 0, count: 5) == nil)
        var output = [Float](repeating: 7, count: 6)
        deal(samples[0..<8], to: &output, streams: 3, length: 2, filled: 0)
        #expect(output == [Float](repeating: 7, count: 6))
    }

    @Test func theLargestSumIsTheFirstOfTheLargest() {
        var random = SeededRandom(seed: 2)
        for count in [1, 7, 8, 9, 60, 61] {
            // Few values, so that many are equal.
            let first = (0..<80).map { _ in Float(Int.random(in: 0...3, using: &random)) }
            let second = (0..<80).map { _ in Float(Int.random(in: 0...3, using: &random)) }
            let found = largestSum(first, from: 5, second, offset: 9, count: count)
            let sums = (0..<count).map { first[5 + $0] + second[9 + $0] }
            #expect(found?.value == sums.max())
            #expect(found?.index == sums.firstIndex(of: sums.max() ?? 0))
        }
        let none = [Float](repeating: -.infinity, count: 20)
        #expect(largestSum(none, from: 0, none, offset: 0, count: 20) == nil)
    }

    @Test(arguments: [2, 3, 4, 6]) func aDecimatorDoesNotCareHowItsInputIsCut(factor: Int) {
        let samples = Self.noise(5_000)
        var whole = Decimator(by: factor, reach: 5)
        var expected: [Float] = []
        whole.add(samples[...], to: &expected)
        var random = SeededRandom(seed: 8)
        var cut = Decimator(by: factor, reach: 5)
        var output: [Float] = []
        var start = 0
        while start < samples.count {
            let end = min(start + Int.random(in: 1...700, using: &random), samples.count)
            cut.add(samples[start..<end], to: &output)
            start = end
        }
        #expect(output == expected)
        #expect(output.count == 5_000 / factor)
    }

    @Test func aDecimatorPassesSpeechAndStopsWhatWouldFold() {
        func level(_ hertz: Double) -> Float {
            var decimator = Decimator(by: 3, reach: 5)
            var output: [Float] = []
            decimator.add(Self.tone(hertz, rate: 48_000, count: 9_600)[...], to: &output)
            let steady = output.dropFirst(100)
            let squares: Float = steady.reduce(0) { $0 + $1 * $1 }
            return (2 * squares / Float(steady.count)).squareRoot()
        }
        for hertz in [100.0, 1_000, 4_000] { #expect(abs(level(hertz) - 1) < 0.02) }
        for hertz in [12_000.0, 15_000, 20_000] { #expect(level(hertz) < 0.01) }
    }

    @Test func aCentredDecimatorKeepsItsPlace() {
        var samples = [Float](repeating: 0, count: 300)
        samples[150] = 1
        var decimator = Decimator(by: 3, reach: 7, isCentred: true)
        var output: [Float] = []
        decimator.add(samples[...], to: &output)
        decimator.add([Float](repeating: 0, count: 20)[...], to: &output)
        #expect(output.count == 100)
        let largest = output.max()
        let place = output.firstIndex { $0 == largest }
        #expect(place == 50)
        samples[10] = .nan
        samples[11] = .infinity
        decimator.add(samples[...], to: &output)
        let isFinite = output.allSatisfy(\.isFinite)
        #expect(isFinite)
    }

    @Test(arguments: [128, 256, 320]) func spectraAreThoseOfTheDefinition(window: Int) {
        let samples = Self.noise(1_000, seed: 6)
        var spectrum = PowerSpectrum(window: window)
        let starts = SIMD4<Int32>(-40, 0, 333, 900)
        spectrum.analyse(samples, from: starts)
        for lane in 0..<4 {
            for bin in [0, 1, 5, spectrum.size / 4, spectrum.size / 2 - 1] {
                var (real, imaginary) = (0.0, 0.0)
                for index in 0..<window {
                    let place = Int(starts[lane]) + index
                    guard samples.indices.contains(place) else { continue }
                    let hann = 0.5 - 0.5 * cos(2 * .pi * (Double(index) + 0.5) / Double(window))
                    let angle = -2 * .pi * Double(bin * index) / Double(spectrum.size)
                    real += Double(samples[place]) * hann * cos(angle)
                    imaginary += Double(samples[place]) * hann * sin(angle)
                }
                let power = real * real + imaginary * imaginary
                let found = Double(spectrum.power(in: bin..<bin + 1)[lane])
                #expect(abs(found - power) < 1e-4 * max(power, 1))
            }
        }
    }
}
