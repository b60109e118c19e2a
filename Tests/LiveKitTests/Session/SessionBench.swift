// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit

/// A session on virtual time, its outputs sorted.
struct SessionBench: ~Copyable {
    var session: ParticipantSession
    var now = Instant(nanoseconds: 5_000_000_000)
    var sent: [SignalRequest] = []
    var events: [SessionEvent] = []
    var others: [ParticipantSession.Output] = []

    init(timeouts: SessionTimeouts = SessionTimeouts()) {
        session = ParticipantSession(timeouts: timeouts)
    }

    static func join(
        publishes: Bool = true, subscriberPrimary: Bool = true, fast: Bool = true
    ) -> JoinResponse {
        var join = JoinResponse()
        join.room.sid = "RM_1"
        join.room.name = "room"
        join.participant = info("me", sid: "PA_me", version: 0)
        join.participant.permission = ParticipantPermission()
        join.participant.permission?.canPublish = publishes
        join.participant.permission?.canPublishData = publishes
        join.isSubscriberPrimary = subscriberPrimary
        join.isFastPublish = fast
        join.pingInterval = 5
        join.pingTimeout = 15
        return join
    }

    static func info(
        _ identity: String, sid: String, version: UInt32, state: ParticipantState = .active,
        joinedAt: Int64 = 1, tracks: [String] = []
    ) -> ParticipantInfo {
        var info = ParticipantInfo()
        info.identity = identity
        info.sid = sid
        info.version = version
        info.state = state
        info.joinedAtMilliseconds = joinedAt
        info.tracks = tracks.map { sid in
            var track = TrackInfo()
            track.sid = sid
            return track
        }
        return info
    }

    /// A session that has joined, with its first outputs forgotten.
    static func joined(_ join: JoinResponse = SessionBench.join()) -> SessionBench {
        var bench = SessionBench()
        bench.open()
        bench.say(.join(join))
        bench.forget()
        return bench
    }

    mutating func open() {
        session.signalOpened(at: now)
        drain()
    }

    mutating func say(_ message: SignalResponse) {
        session.frameReceived(message.encoded, at: now)
        drain()
    }

    mutating func wait(_ duration: Duration) {
        now += duration
        session.tick(at: now)
        drain()
    }

    mutating func drain() {
        while let output = session.poll() {
            switch output {
            case .sendFrame(let bytes):
                if let request = try? SignalRequest(decoding: bytes) { sent.append(request) }
            case .event(let event): events.append(event)
            default: others.append(output)
            }
        }
    }

    mutating func forget() {
        drain()
        sent = []
        events = []
        others = []
    }

    var end: SessionEnd.Cause? { session.end?.cause }
}
