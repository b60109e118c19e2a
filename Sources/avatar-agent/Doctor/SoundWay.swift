// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit
internal import Net
internal import Room

/// Sends a track from one room session to another and waits for its first packet.
struct SoundWay {
    let speaker: Room
    let listener: Room
    let track: LocalAudioTrack
    /// The loop on which both rooms live.
    let loop: Loop

    /// An Opus packet of silence, 20 ms, mono (RFC 6716 section 3.1: TOC of CELT, one frame).
    private static let silence: [UInt8] = [0xF8, 0xFF, 0xFE]

    private enum Outcome: Sendable {
        case heard
        case ended(String)
        case silence
    }

    func finding(within limit: Duration) async -> DoctorFinding {
        let begin = Loop.now
        switch await outcome(within: limit) {
        case .heard:
            return .good("UDP media", "a sound came through after \(ms(since: begin)) ms")
        case .ended(let words): return bad(words)
        case .silence:
            return bad("no sound came through in \(Int(limit.milliseconds / 1000)) s")
        }
    }

    private func ms(since begin: Instant) -> Int { Int((Loop.now - begin).milliseconds) }

    private func bad(_ words: String) -> DoctorFinding {
        .bad(
            "UDP media", words, .unavailable,
            advice: "UDP between this machine and the server's media ports does not pass (LiveKit: "
                + "50000-60000 or rtc.udp_port). Open it in both firewalls; a server in docker "
                + "must tell an address that we reach (--node-ip).")
    }

    /// Whichever comes first; what is left over ends with the rooms.
    private func outcome(within limit: Duration) async -> Outcome {
        let (outcomes, sink) = AsyncStream.makeStream(of: Outcome.self)
        let (loop, speaker, track) = (loop, speaker, track)
        loop.post {
            let begin = loop.now
            Self.send(speaker, track, begin, on: loop)
            loop.schedule(at: begin + limit) { sink.yield(.silence) }
        }
        for room in [speaker, listener] {
            Task {
                for await event in room.events {
                    if case .disconnected(let end) = event { sink.yield(.ended(end.description)) }
                }
            }
        }
        Task {
            for await packet in await listener.audio(of: track.sid) {
                if case .packet = packet { sink.yield(.heard) }
            }
        }
        for await outcome in outcomes { return outcome }
        return .silence
    }

    /// A packet of silence every 20 ms, for as long as the speaker is in the room.
    private static func send(
        _ speaker: Room, _ track: LocalAudioTrack, _ begin: Instant, on loop: Loop
    ) {
        let isThere = speaker.assumeIsolated { room in
            let frames = Int((loop.now - begin).milliseconds / 20)
            room.sendAudio(
                silence, on: track, timestamp: UInt32(truncatingIfNeeded: frames * 960),
                isMarked: false, level: 127)
            return room.end == nil
        }
        guard isThere else { return }
        loop.schedule(at: loop.now + .milliseconds(20)) { send(speaker, track, begin, on: loop) }
    }
}
