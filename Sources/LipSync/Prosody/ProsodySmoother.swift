// SPDX-License-Identifier: Apache-2.0

/// Prosody for animation: the pitch of voiced frames smoothed and in its place in time, everything
/// else as it was heard.
///
/// The filter of ``PitchSmoother`` runs ``delay`` behind, so every frame waits for the smoothed
/// pitch that belongs to its own moment: nothing comes late, as long as the sound is known so far
/// ahead of being played. A frame without voice keeps the pitch 0; only the smoothing looks across
/// gaps of up to ``PitchSmoother/hold``.
public struct ProsodySmoother: Sendable {
    /// How much later than they went in frames come out, ms: the lag of the filter, 2 / its rate.
    public static let delay = 70.0
    private static let frames = Int(delay / ProsodyAnalyzer.interval)

    private var smoother = PitchSmoother()
    private var waiting: [ProsodyFrame] = []

    /// Starts without a voice.
    public init() {}

    /// Takes the next frames of a ``ProsodyAnalyzer`` and returns those whose pitch is settled.
    public mutating func add(_ frames: [ProsodyFrame]) -> [ProsodyFrame] {
        var settled: [ProsodyFrame] = []
        for frame in frames {
            let pitch = smoother.add(frame).pitch
            waiting.append(frame)
            if waiting.count > Self.frames { settled.append(next(pitch)) }
        }
        return settled
    }

    /// Ends the sound and returns the last frames.
    public mutating func finish() -> [ProsodyFrame] {
        var settled: [ProsodyFrame] = []
        guard var silence = waiting.last else { return [] }
        silence.pitch = 0
        while !waiting.isEmpty { settled.append(next(smoother.add(silence).pitch)) }
        return settled
    }

    private mutating func next(_ pitch: Double) -> ProsodyFrame {
        var frame = waiting.removeFirst()
        // The smoothed voice of its moment, which a gap beyond the hold may have ended.
        if frame.pitch > 0, pitch > 0 { frame.pitch = pitch }
        return frame
    }
}
