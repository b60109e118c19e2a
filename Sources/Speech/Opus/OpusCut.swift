// SPDX-License-Identifier: Apache-2.0

/// The packets around a pause: the cached silence and the faded last frame of a cut.
public enum OpusCut {
    /// How many packets before the cut frame are decoded: one lets the decoder find its feet, two
    /// (40 ms) prime the encoder.
    public static let historyPackets = 3

    /// One frame of digital silence, three bytes; the same whatever came before it.
    ///
    /// A transform-coded full-band frame (configuration 31, RFC 6716 §3.1) whose first coded flag
    /// says silence (§4.3): what an encoder at our settings sends for 20 ms of zeros, and what
    /// the WebRTC peers put into a muted track.
    public static let silencePacket: [UInt8] = [0xF8, 0xFF, 0xFE]

    /// Fades the frame that was due next to silence.
    ///
    /// Decodes `sent` (the last packets that went out, oldest first, at most
    /// ``historyPackets`` are used) and `next`, fades the sound of `next` to nothing, and encodes
    /// it with an encoder that has heard the 40 ms before. A decoder that has played `sent` plays
    /// the returned packet in place of `next` without a step, and silence after it.
    ///
    /// Decoded audio lags the encoder's input by its look-ahead; encoding it a second time would
    /// shift it by as much again. So the encoder is fed from a look-ahead further on: past the end
    /// of the faded frame there is only silence, which is known.
    ///
    /// Takes about 0.3 ms. Works for packets of any origin, 20 ms a packet.
    public static func fadedPacket(
        sent: [[UInt8]], next: [UInt8], settings: OpusSettings = OpusSettings()
    ) throws(OpusError) -> [UInt8] {
        let frame = OpusFormat.frameSamples
        var decoder = try OpusDecoder()
        var encoder = try OpusEncoder(settings: settings)
        var sound: [Float] = []
        for packet in sent.suffix(historyPackets) {
            sound += try decoder.decode(packet)
        }
        let start = sound.count
        sound += try decoder.decode(next)
        guard sound.count - start == frame else { throw OpusError(.decode, code: 0) }
        for index in 0..<frame {
            sound[start + index] *= gain(at: Float(index) / Float(frame))
        }
        let shift = encoder.lookaheadSamples
        sound += [Float](repeating: 0, count: shift)
        let primed = min(2, start / frame)
        for step in (1...max(primed, 1)).reversed() where step <= primed {
            _ = try encoder.encode(sound, at: start - step * frame + shift)
        }
        return try encoder.encode(sound, at: start + shift)
    }

    /// The fade's gain, 1…0, at a share 0…1 of the frame: half a period of a cosine, done at nine
    /// tenths so that the transform's overlap finds silence.
    static func gain(at share: Float) -> Float {
        let position = min(share / 0.9, 1)
        // 1 − smoothstep differs from the cosine by less than 0.01 and needs no libm.
        return 1 - position * position * (3 - 2 * position)
    }
}
