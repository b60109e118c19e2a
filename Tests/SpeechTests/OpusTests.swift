// SPDX-License-Identifier: Apache-2.0
import Foundation
import Speech
import Testing

@Suite struct OpusTests {
    @Test func decodedSoundIsTheInputDelayedByTheLookahead() throws {
        var encoder = try OpusEncoder()
        #expect(encoder.lookaheadSamples == 312)
        let input = chirp(50)
        var decoder = try OpusDecoder()
        var output: [Float] = []
        for packet in try packets(of: input, &encoder) { output += try decoder.decode(packet) }
        let delayed = input[4_800..<40_000]
        let heard = output[(4_800 + 312)..<(40_000 + 312)]
        #expect(correlation(delayed, heard) > 0.99)
        for shift in [-24, 24] {
            let other = output[(4_800 + 312 + shift)..<(40_000 + 312 + shift)]
            #expect(correlation(delayed, other) < correlation(delayed, heard))
        }
    }

    @Test func bitrateFollowsTheSettings() throws {
        var low = try OpusEncoder(settings: OpusSettings(bitrate: 24_000))
        var high = try OpusEncoder(settings: OpusSettings(bitrate: 96_000))
        let input = noise(48_000, seed: 4)
        let small = try packets(of: input, &low).map(\.count).reduce(0, +)
        let large = try packets(of: input, &high).map(\.count).reduce(0, +)
        #expect(small * 2 < large)
        #expect(small < 24_000 / 8 * 3 / 2)
        var fixed = try OpusEncoder(settings: OpusSettings(isVariableRate: false))
        #expect(Set(try packets(of: input, &fixed).map(\.count)) == [120])
    }

    @Test(arguments: OpusSettings.Application.allCases)
    func everyApplicationEncodes(application: OpusSettings.Application) throws {
        var encoder = try OpusEncoder(
            settings: OpusSettings(
                application: application, hasInBandCorrection: true, expectedLossPercent: 10))
        var decoder = try OpusDecoder()
        for packet in try packets(of: chirp(10), &encoder) {
            #expect(try decoder.decode(packet).count == 960)
        }
    }

    @Test func aCopyHasTheSamePastAndGoesItsOwnWay() throws {
        var encoder = try OpusEncoder()
        try encoder.prime(with: chirp(5))
        var copy = encoder
        let next = Array(chirp(6).suffix(960))
        let packet = try encoder.encode(next)
        #expect(try copy.encode(next) == packet)
        encoder.reset()
        #expect(try encoder.encode(next) != packet)
        var fresh = try OpusEncoder()
        encoder.reset()
        #expect(try encoder.encode(next) == fresh.encode(next))
    }

    @Test func wrongLengthsAndForeignBytesAreErrors() throws {
        var encoder = try OpusEncoder()
        #expect(throws: OpusError.self) { try encoder.encode([0, 0]) }
        #expect(throws: OpusError.self) { try encoder.encode(chirp(1), at: 1) }
        var decoder = try OpusDecoder()
        #expect(throws: OpusError.self) { try decoder.decode([]) }
        // Code 3 with a frame count of zero (RFC 6716 §3.2.5).
        #expect(throws: OpusError.self) { try decoder.decode([0xFB, 0x00]) }
        #expect(throws: OpusError.self) { try decoder.conceal(samples: 961) }
        #expect(try decoder.decode(OpusCut.silencePacket).count == 960)
    }

    @Test func concealmentGoesOnAndFades() throws {
        var encoder = try OpusEncoder()
        var decoder = try OpusDecoder()
        let input = tone(220, rate: 48_000, seconds: 0.4)
        var last: [Float] = []
        for packet in try packets(of: input, &encoder) { last = try decoder.decode(packet) }
        let invented = try decoder.conceal()
        #expect(invented.count == 960)
        #expect(rms(invented) > 0.3 * rms(last))
        for _ in 0..<60 { last = try decoder.conceal() }
        #expect(rms(last) < 0.1 * rms(input))
    }

    @Test func silencePacketIsWhatTheEncoderSendsForSilence() throws {
        var encoder = try OpusEncoder()
        var packet: [UInt8] = []
        for _ in 0..<10 { packet = try encoder.encode([Float](repeating: 0, count: 960)) }
        #expect(packet == OpusCut.silencePacket)
        var decoder = try OpusDecoder()
        for packet in try packets(of: chirp(5), &encoder) { _ = try decoder.decode(packet) }
        _ = try decoder.decode(OpusCut.silencePacket)
        #expect(rms(try decoder.decode(OpusCut.silencePacket)) < 1e-4)
    }

    @Test(arguments: [40, 41, 63, 77])
    func aCutFadesWithoutAStep(after count: Int) throws {
        let input = voiced(100)
        var encoder = try OpusEncoder()
        let all = try packets(of: input, &encoder)
        let faded = try OpusCut.fadedPacket(sent: Array(all[..<count]), next: all[count])

        var listener = try OpusDecoder()
        var played: [Float] = []
        for packet in all[..<count] { played += try listener.decode(packet) }
        var untouched = listener
        let next = try untouched.decode(all[count])
        let cut = try listener.decode(faded)
        let silence = try listener.decode(OpusCut.silencePacket)
        let heard = Array(played.suffix(960)) + cut + silence

        // The frame starts as the sound would have gone on …
        #expect(correlation(next[..<240], cut[..<240]) > 0.95)
        // … ends in silence …
        #expect(decibels(rms(cut[900...])) < -50)
        // (what is left is the transform's noise, not a tail of the voice)
        #expect(decibels(rms(silence)) < -45)
        #expect(decibels(rms(silence[240...])) < -60)
        // … and no step is larger than those of the sound itself.
        let steps = zip(heard, heard.dropFirst()).map { abs($1 - $0) }
        let usual = steps[..<960].max() ?? 0
        #expect((steps[960...].max() ?? 1) <= usual * 1.15)
        // Without priming the seam is worse: the test can tell.
        var cold = try OpusEncoder()
        var other = untouched
        let raw = try other.decode(cold.encode(next))
        #expect(correlation(next[..<240], raw[..<240]) < correlation(next[..<240], cut[..<240]))
    }

    @Test func aCutNeedsNoHistory() throws {
        var encoder = try OpusEncoder()
        let all = try packets(of: voiced(3), &encoder)
        #expect(try !OpusCut.fadedPacket(sent: [], next: all[0]).isEmpty)
        #expect(try !OpusCut.fadedPacket(sent: [all[0]], next: all[1]).isEmpty)
        #expect(throws: OpusError.self) {
            try OpusCut.fadedPacket(sent: [], next: [0xFB, 0x00])
        }
    }

    // MARK: Signals

    private func packets(
        of input: [Float], _ encoder: inout OpusEncoder
    ) throws -> [[UInt8]] {
        try stride(from: 0, to: input.count - 959, by: 960).map {
            try encoder.encode(input, at: $0)
        }
    }

    /// A tone that climbs from 200 to 3,000 Hz in a second, over and over.
    private func chirp(_ frames: Int) -> [Float] {
        (0..<frames * 960).map {
            let t = Double($0 % 48_000) / 48_000
            return Float(0.4 * sin(2 * .pi * (200 * t + 1_400 * t * t)))
        }
    }

    /// Ten harmonics of a gliding pitch: as steep as a voice.
    private func voiced(_ frames: Int) -> [Float] {
        var phase = 0.0
        return (0..<frames * 960).map { index in
            phase += 2 * .pi * (140 + 30 * sin(Double(index) / 9_000)) / 48_000
            return (1...10).reduce(Float(0)) {
                $0 + Float(0.1 * sin(phase * Double($1)) / Double($1))
            }
        }
    }

    private func correlation(
        _ a: some Collection<Float>, _ b: some Collection<Float>
    ) -> Double {
        let products = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        return products / (rms(a) * rms(b) * Double(a.count))
    }
}
