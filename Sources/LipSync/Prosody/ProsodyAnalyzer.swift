// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
// The math functions alone.
internal import func Glibc.log10
internal import func Glibc.pow
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

    private var decimator = Decimator(by: 3, reach: 5)
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
    public mutating func add(_ samples: [Float]) -> [ProsodyFrame] { add(samples[...]) }

    /// The same for a part of an array.
    public mutating func add(_ samples: ArraySlice<Float>) -> [ProsodyFrame] {
        decimator.add(samples, to: &input)
        var output: [ProsodyFrame] = []
        var start = 0
        while input.count - start >= PitchTracker.hop {
            if let frame = hop(input, start..<start + PitchTracker.hop) { output.append(frame) }
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
            output += add([Float](repeating: 0, count: 480))
        }
        return Array(output.prefix(tail))
    }

    private mutating func hop(_ samples: [Float], _ range: Range<Int>) -> ProsodyFrame? {
        let squares = Double(LipSync.energy(samples, range))
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
        guard let hertz = pitch.add(samples[range]) else { return nil }
        // The tracker answers for the window that ended two hops ago, whose middle is 16 ms before
        // its end: together about 36 ms, nearest to three hops and a half back.
        guard waiting.count > 3 else { return nil }
        var frame = waiting.removeFirst()
        frame.pitch = hertz
        return frame
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
