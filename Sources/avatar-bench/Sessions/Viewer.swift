// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit
internal import Net
internal import Room

/// A participant who listens to one session and notes when what came.
actor Viewer {
    /// An audio packet.
    struct Packet: Sendable {
        /// When it came, ms of the loop's clock.
        var arrival: Double
        /// Its RTP time, ms.
        var time: Double
        /// Whether it holds speech: silence is a cached packet of a few bytes.
        var isSpeech: Bool
    }

    /// A data packet with a time.
    struct Event: Sendable {
        var topic: String
        var type: String?
        /// When it came, ms of the loop's clock.
        var arrival: Double
        /// Media time, ms.
        var time: Double
    }

    private let loop: Loop
    private let room: Room
    private(set) var packets: [Packet] = []
    private(set) var events: [Event] = []
    /// RTP time of media time 0, ms, as the last `clock` told it.
    private(set) var origin: Double?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Packets that are larger hold speech: silence is three to ten bytes.
    private static let silenceMax = 16

    init(url: String, token: String, environment: Room.Environment) async throws {
        loop = environment.loop
        room = try await Room.join(
            url: url, token: token, version: "bench", autoSubscribe: true, environment: environment)
        Task { await self.follow() }
    }

    /// Forgets what came.
    func clear() {
        packets.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
    }

    func leave() async { await room.leave() }

    private func follow() async {
        for await event in room.events {
            switch event {
            case .trackPublished(let track, _):
                let audio = await room.audio(of: track.sid)
                Task { await self.listen(audio) }
            case .dataReceived(let data): note(data)
            default: break
            }
        }
    }

    private func listen(_ audio: AsyncStream<RemoteAudio>) async {
        for await piece in audio {
            guard case .packet(let payload, let timestamp) = piece else { continue }
            packets.append(
                Packet(
                    arrival: milliseconds, time: Double(timestamp) / 48,
                    isSpeech: payload.count > Self.silenceMax))
        }
    }

    private func note(_ data: ReceivedData) {
        guard let topic = data.topic, let value = try? JSONValue(parsing: data.payload),
            let time = value["t_ms"]?.number
        else { return }
        let type = value["type"]?.string
        if type == "clock", let rtp = value["rtp"]?.number { origin = rtp / 48 - time }
        events.append(Event(topic: topic, type: type, arrival: milliseconds, time: time))
    }

    private var milliseconds: Double { Double(loop.now.nanoseconds) / 1e6 }
}
