// SPDX-License-Identifier: Apache-2.0
internal import COpus

/// One Opus decoder to 48 kHz mono, as a value: a copy is a second decoder with the same past.
///
/// Takes packets of any Opus mode, bandwidth, channel count and frame length; stereo is mixed
/// down. libopus promises that a plain copy of its block is a copy of the decoder. Not bound to a
/// thread.
public struct OpusDecoder: Sendable {
    /// Samples of the longest packet, 120 ms (RFC 6716 §3.2.5).
    private static let maxSamples = 5_760
    /// libopus' decoder, in words so that it is aligned for its widest member.
    private var state: [UInt64]

    /// Creates a decoder without a past.
    public init() throws(OpusError) {
        let bytes = Int(opus_decoder_get_size(1))
        var state = [UInt64](repeating: 0, count: (bytes + 7) / 8)
        // SAFETY: the block is as large as libopus asked for and outlives the call.
        let code = state.withUnsafeMutableBytes { block -> Int32 in
            guard let decoder = OpaquePointer(bitPattern: UInt(bitPattern: block.baseAddress))
            else {
                return Int32(OPUS_ALLOC_FAIL)
            }
            return opus_decoder_init(decoder, Int32(OpusFormat.sampleRate), 1)
        }
        guard code == OPUS_OK else { throw OpusError(.create, code: Int(code)) }
        self.state = state
    }

    /// Decodes one packet to samples in about −1…1.
    ///
    /// A stranger's packet that is no Opus is an
    /// error and leaves the decoder usable.
    public mutating func decode(_ packet: [UInt8]) throws(OpusError) -> [Float] {
        // An empty packet would mean a lost one to libopus.
        guard !packet.isEmpty else { throw OpusError(.decode, code: 0) }
        return try decode(packet, samples: Self.maxSamples)
    }

    /// Invents `samples` (a multiple of 120, at most 5,760) for a packet that never came, from
    /// what was heard before.
    public mutating func conceal(
        samples: Int = OpusFormat.frameSamples
    ) throws(OpusError) -> [Float] {
        guard samples > 0, samples <= Self.maxSamples, samples % 120 == 0 else {
            throw OpusError(.decode, code: 0)
        }
        return try decode([], samples: samples)
    }

    private mutating func decode(
        _ packet: [UInt8], samples: Int
    ) throws(OpusError) -> [Float] {
        var code: Int32 = 0
        let pcm = [Float](unsafeUninitializedCapacity: samples) { out, count in
            // SAFETY: libopus writes at most `samples` floats, which is the capacity of `out`; a
            // null packet asks for concealment.
            packet.withUnsafeBufferPointer { bytes in
                state.withUnsafeMutableBytes { block in
                    guard let to = out.baseAddress,
                        let decoder = OpaquePointer(
                            bitPattern: UInt(bitPattern: block.baseAddress))
                    else { return }
                    code = opus_decode_float(
                        decoder, bytes.isEmpty ? nil : bytes.baseAddress, Int32(bytes.count), to,
                        Int32(samples), 0)
                }
            }
            count = max(0, Int(code))
        }
        guard code > 0 else { throw OpusError(.decode, code: Int(code)) }
        return pcm
    }

    /// Forgets the past.
    public mutating func reset() {
        // SAFETY: the block holds an initialised decoder since `init`.
        state.withUnsafeMutableBytes { block in
            guard let decoder = OpaquePointer(bitPattern: UInt(bitPattern: block.baseAddress))
            else {
                return
            }
            _ = copus_decoder_reset(decoder)
        }
    }
}
