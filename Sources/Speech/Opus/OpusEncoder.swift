// SPDX-License-Identifier: Apache-2.0
internal import COpus

/// One mono Opus encoder at 48 kHz, 20 ms a frame, as a value: a copy is a second encoder with the
/// same past.
///
/// libopus keeps an encoder in one block of memory without pointers into itself and promises that
/// a plain copy of the block is a copy of the encoder (opus.h), so the block lives in an array.
/// Copying costs about 30 kB on the next `encode`. Not bound to a thread.
public struct OpusEncoder: Sendable {
    /// Samples at 48 kHz by which decoded audio comes later than what was put in.
    ///
    /// 312 (6.5 ms) for `audio` and `voip`. Sample 0 of the first frame is heard at this offset of the stream.
    public let lookaheadSamples: Int
    /// The settings it was made with.
    public let settings: OpusSettings
    /// libopus' encoder, in words so that it is aligned for its widest member.
    private var state: [UInt64]

    /// Creates an encoder without a past.
    public init(settings: OpusSettings = OpusSettings()) throws(OpusError) {
        let bytes = Int(opus_encoder_get_size(1))
        var state = [UInt64](repeating: 0, count: (bytes + 7) / 8)
        var lookahead: Int32 = 0
        // SAFETY: the block is as large as libopus asked for and outlives every call in here.
        let failure = state.withUnsafeMutableBytes { block -> OpusError? in
            guard let encoder = OpaquePointer(bitPattern: UInt(bitPattern: block.baseAddress))
            else {
                return OpusError(.create, code: 0)
            }
            let application =
                settings.application == .audio
                ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_VOIP
            let code = opus_encoder_init(encoder, Int32(OpusFormat.sampleRate), 1, application)
            guard code == OPUS_OK else { return OpusError(.create, code: Int(code)) }
            let codes = [
                copus_encoder_set_bitrate(encoder, Int32(settings.bitrate)),
                copus_encoder_set_complexity(encoder, Int32(settings.complexity)),
                copus_encoder_set_vbr(encoder, settings.isVariableRate ? 1 : 0),
                copus_encoder_set_inband_fec(encoder, settings.hasInBandCorrection ? 1 : 0),
                copus_encoder_set_packet_loss_percent(
                    encoder, Int32(settings.expectedLossPercent)),
                copus_encoder_lookahead_samples(encoder, &lookahead),
            ]
            guard let bad = codes.first(where: { $0 != OPUS_OK }) else { return nil }
            return OpusError(.configure, code: Int(bad))
        }
        if let failure { throw failure }
        self.state = state
        self.settings = settings
        lookaheadSamples = Int(lookahead)
    }

    /// Encodes one frame of exactly 960 samples in −1…1 and returns its packet.
    public mutating func encode(_ frame: [Float]) throws(OpusError) -> [UInt8] {
        try encode(frame, at: 0)
    }

    /// Encodes the 960 samples of `samples` that start at `offset` and returns their packet.
    public mutating func encode(
        _ samples: [Float], at offset: Int
    ) throws(OpusError) -> [UInt8] {
        guard offset >= 0, samples.count - offset >= OpusFormat.frameSamples else {
            throw OpusError(.encode, code: 0)
        }
        var code: Int32 = 0
        // Encoded beside, then copied: hundreds of packets wait, each in no more than its size.
        let packet = withUnsafeTemporaryAllocation(
            of: UInt8.self, capacity: OpusFormat.maxPacketBytes
        ) { out -> [UInt8] in
            // SAFETY: 960 samples from `offset` are in bounds by the guard; `out` holds its capacity,
            // of which libopus has written as much as it says.
            samples.withUnsafeBufferPointer { pcm in
                state.withUnsafeMutableBytes { block in
                    guard let from = pcm.baseAddress, let to = out.baseAddress,
                        let encoder = OpaquePointer(
                            bitPattern: UInt(bitPattern: block.baseAddress))
                    else { return }
                    code = opus_encode_float(
                        encoder, from + offset, Int32(OpusFormat.frameSamples), to,
                        Int32(OpusFormat.maxPacketBytes))
                }
            }
            return Array(out.prefix(max(0, Int(code))))
        }
        guard code > 0 else { throw OpusError(.encode, code: Int(code)) }
        return packet
    }

    /// Lets the encoder hear whole frames whose packets nobody needs.
    ///
    /// The next packet then fits a decoder that heard the same. What is over after the last whole frame is not heard.
    public mutating func prime(with samples: [Float]) throws(OpusError) {
        var offset = 0
        while samples.count - offset >= OpusFormat.frameSamples {
            _ = try encode(samples, at: offset)
            offset += OpusFormat.frameSamples
        }
    }

    /// Forgets the past, keeps the settings.
    public mutating func reset() {
        // SAFETY: the block holds an initialised encoder since `init`.
        state.withUnsafeMutableBytes { block in
            guard let encoder = OpaquePointer(bitPattern: UInt(bitPattern: block.baseAddress))
            else {
                return
            }
            _ = copus_encoder_reset(encoder)
        }
    }
}
