// SPDX-License-Identifier: Apache-2.0

/// The numbers that every Opus stream of ours shares.
public enum OpusFormat {
    /// Samples a second: the clock of RTP's Opus payload, whatever the audio band (RFC 7587 §4.1).
    public static let sampleRate = 48_000
    /// Samples in one frame of 20 ms.
    public static let frameSamples = 960
    /// One frame in milliseconds.
    public static let frameMilliseconds = 20
    /// The largest packet that is written or read: RFC 6716 §3.4 allows 1,275 bytes a frame.
    public static let maxPacketBytes = 1_275
}

/// How speech is encoded.
///
/// The default is the best quality for its cost that was measured: 48 kb/s
/// variable rate at complexity 5 sounds like twice the bits of a phone codec and takes 0.2 % of a
/// core.
public struct OpusSettings: Hashable, Sendable {
    /// Which of libopus' encoders is favoured.
    public enum Application: String, Hashable, Sendable, CaseIterable {
        /// Transform coding for any sound; cheap, no in-band correction.
        case audio
        /// Linear prediction for speech at low rates; can carry in-band correction.
        case voip
    }

    /// Which encoder is favoured.
    public var application: Application
    /// Bits a second, 6,000…510,000.
    public var bitrate: Int
    /// Work spent on a frame, 0…10.
    public var complexity: Int
    /// Whether the size of packets follows the sound.
    public var isVariableRate: Bool
    /// Whether packets carry a coarse copy of the frame before; only `voip` can.
    public var hasInBandCorrection: Bool
    /// The loss that in-band correction is tuned for, in percent.
    public var expectedLossPercent: Int

    /// Creates settings; numbers outside their range are moved to its nearer end.
    public init(
        application: Application = .audio, bitrate: Int = 48_000, complexity: Int = 5,
        isVariableRate: Bool = true, hasInBandCorrection: Bool = false,
        expectedLossPercent: Int = 0
    ) {
        self.application = application
        self.bitrate = min(max(bitrate, 6_000), 510_000)
        self.complexity = min(max(complexity, 0), 10)
        self.isVariableRate = isVariableRate
        self.hasInBandCorrection = hasInBandCorrection
        self.expectedLossPercent = min(max(expectedLossPercent, 0), 100)
    }
}

/// What libopus refused.
public struct OpusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The step that failed.
    public enum Step: String, Sendable {
        case create, configure, encode, decode
    }

    /// The step that failed.
    public let step: Step
    /// libopus' code, negative; or 0 for input of the wrong length.
    public let code: Int

    /// Names a failed step and libopus' code.
    public init(_ step: Step, code: Int) {
        self.step = step
        self.code = code
    }

    /// One sentence for logs.
    public var description: String { "Opus cannot \(step.rawValue) (code \(code))" }
}
