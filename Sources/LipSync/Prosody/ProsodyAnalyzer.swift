// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.log10
internal import func Glibc.pow
internal import func Glibc.sin
internal import func Glibc.cos
#endif

/// The melody and loudness of a voice at one moment.
public struct ProsodyFrame: Sendable, Equatable {
    /// Milliseconds since the first sample.
    public var time: Double
    /// Pitch in Hz, 0 where the voice has none.
    public var pitch: Double
    /// Loudness relative to this voice, 0…1.
    public var energy: Double
    /// Whether somebody speaks: on after 20 ms above −38 dBFS, off after 150 ms below −45 dBFS.
    public var isSpeaking: Bool
    /// Loudness of the 20 ms around, dBFS; 0 is a full-scale square, silence −120.
    public var level: Double
}

/// Listens to PCM and tells pitch, energy and speech, a frame every 10 ms.
///
/// Streaming and without a clock; a frame comes out about 50 ms behind the samples that go in, with
/// the time of the sound it describes.
public struct ProsodyAnalyzer: Sendable {
    /// Milliseconds between frames.
    public static let interval = 10.0
    /// Louder than this for 20 ms is speech, dBFS.
    public static let speakingLevel = -38.0
    /// Softer than this for 150 ms is silence, dBFS.
    public static let silenceLevel = -45.0

    private var decimator = Decimator()
    private var input: [Float] = []
    private var lastSquares = 0.0
    private var pitch = PitchTracker()
    private var waiting: [ProsodyFrame] = []
    private var frames = 0
    private var reference = -16.0
    private var energy = 0.0
    private var isSpeaking = false
    private var loudRun = 0
    private var quietRun = 0

    /// Starts at time zero, in silence.
    public init() {}

    /// Takes 48 kHz mono samples, −1…1, and returns the frames they complete.
    public mutating func add(_ samples: some Sequence<Float>) -> [ProsodyFrame] {
        decimator.add(Array(samples), to: &input)
        var output: [ProsodyFrame] = []
        var start = 0
        while input.count - start >= PitchTracker.hop {
            output += hop(input[start..<start + PitchTracker.hop])
            start += PitchTracker.hop
        }
        input.removeFirst(start)
        return output
    }

    /// Ends the sound and returns the last frames.
    public mutating func finish() -> [ProsodyFrame] {
        let tail = waiting.count
        var output: [ProsodyFrame] = []
        for _ in 0..<4 where output.count < tail {
            output += add(repeatElement(0, count: 480))
        }
        return Array(output.prefix(tail))
    }

    private mutating func hop(_ samples: ArraySlice<Float>) -> [ProsodyFrame] {
        let squares = samples.reduce(0.0) { $0 + Double($1 * $1) }
        let mean = (squares + lastSquares) / Double(2 * PitchTracker.hop)
        lastSquares = squares
        let level = max(10 * log10(max(mean, 1e-12)), -120)
        follow(level)
        // The level window ends with this hop and is centred on its start.
        waiting.append(
            ProsodyFrame(
                time: Double(frames) * Self.interval, pitch: 0, energy: energy,
                isSpeaking: isSpeaking, level: level))
        frames += 1
        guard let hertz = pitch.add(samples) else { return [] }
        // The tracker answers for the window that ended two hops ago, whose middle is 16 ms before
        // its end: together about 36 ms, nearest to three hops and a half back.
        guard waiting.count > 3 else { return [] }
        var frame = waiting.removeFirst()
        frame.pitch = hertz
        return [frame]
    }

    private mutating func follow(_ level: Double) {
        // A running 95th percentile of the speech: up takes 3 s, down twenty times as long.
        if level > Self.silenceLevel {
            reference += level > reference ? 0.06 : -0.003
            reference = min(max(reference, -26), -10)
        }
        let floor = reference - 30
        let relative = min(max((level - floor) / (reference - floor), 0), 1)
        let wanted = pow(relative, 0.8)
        // Attack 20 ms, release 80 ms, at 10 ms a step.
        energy += (wanted - energy) * (wanted > energy ? 0.393 : 0.118)
        loudRun = level > Self.speakingLevel ? loudRun + 1 : 0
        quietRun = level < Self.silenceLevel ? quietRun + 1 : 0
        if loudRun >= 2 { isSpeaking = true }
        if quietRun >= 15 { isSpeaking = false }
    }
}

/// 48 to 16 kHz: a 31-tap windowed sinc, then every third sample.
private struct Decimator: Sendable {
    /// With a zero in front: 32 are four steps of eight.
    private static let taps: [Float] =
        [0]
        + (0..<31).map { index in
            let x = Double(index - 15)
            let angle = Double.pi * 2 * 7000 / 48_000 * x
            let sinc = x == 0 ? 1 : sin(angle) / angle
            let window = 0.54 + 0.46 * cos(Double.pi * x / 16)
            return Float(sinc * window * 2 * 7000 / 48_000)
        }

    /// What the next sample still needs: at first silence, of which the filter keeps 29, so that the
    /// third sample gives the first output.
    private var carried = [Float](repeating: 0, count: 29)

    mutating func add(_ samples: [Float], to output: inout [Float]) {
        let taps = Self.taps
        carried.reserveCapacity(carried.count + samples.count)
        for sample in samples { carried.append(sample.isFinite ? sample : 0) }
        var start = 0
        while start + taps.count <= carried.count {
            output.append(product(carried, from: start, taps, count: taps.count))
            start += 3
        }
        carried.removeFirst(start)
    }
}
