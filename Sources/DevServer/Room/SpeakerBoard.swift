// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import func Glibc.powf
internal import LiveKit

/// Who speaks, judged by the loudness that senders state in every packet (RFC 6464).
///
/// As livekit-server does: somebody speaks in a window of 400 ms when at least 40 % of it is louder
/// than −35 dBov; what is told is smoothed and in steps of an eighth.
struct SpeakerBoard {
    /// A window.
    static let interval = Duration.milliseconds(400)
    /// Loud enough for speech, in −dBov.
    static let activeLevel: UInt8 = 35
    /// Packets of 20 ms in a window that make a speaker: 40 %.
    static let activePackets = 8

    private struct Window {
        var loud = 0
        /// The least −dBov, which is the loudest.
        var peak: UInt8 = 127
        var smoothed: Float = 0
        var told: Float = 0
    }

    private var windows: [String: Window] = [:]
    /// When a window ends; nil while all are silent and told so.
    private(set) var deadline: Instant?

    /// A packet of a participant's came.
    mutating func heard(_ sid: String, level: UInt8, now: Instant) {
        guard level <= Self.activeLevel || windows[sid] != nil else { return }
        var window = windows[sid] ?? Window()
        if level <= Self.activeLevel { window.loud += 1 }
        window.peak = min(window.peak, level)
        windows[sid] = window
        deadline = deadline ?? now + Self.interval
    }

    /// Somebody is gone, or muted.
    mutating func forget(_ sid: String) { windows[sid] = nil }

    /// Ends a window.
    ///
    /// - Returns: those whose loudness changed, by sid.
    mutating func tick(now: Instant) -> [SpeakerInfo] {
        guard let due = deadline, due <= now else { return [] }
        var changes: [SpeakerInfo] = []
        for sid in windows.keys.sorted() {
            guard var window = windows[sid] else { continue }
            let isActive = window.loud >= Self.activePackets
            // Full scale is 1.
            let level = isActive ? powf(10, -Float(window.peak) / 20) : 0
            // Over two windows.
            window.smoothed = isActive ? window.smoothed + (level - window.smoothed) * 2 / 3 : 0
            let stepped = (window.smoothed * 8).rounded(.up) / 8
            if stepped != window.told {
                window.told = stepped
                var info = SpeakerInfo()
                info.sid = sid
                info.level = stepped
                info.isActive = stepped > 0
                changes.append(info)
            }
            window.loud = 0
            window.peak = 127
            windows[sid] = window.told == 0 && !isActive ? nil : window
        }
        deadline = windows.isEmpty ? nil : now + Self.interval
        return changes
    }
}

extension RoomState {
    /// A packet of a track came.
    mutating func heard(_ sid: String, level: UInt8, now: Instant) {
        speakers.heard(sid, level: level, now: now)
    }

    /// Tells those who hear a speaker, and the speaker.
    mutating func tickSpeakers(_ now: RoomTime) {
        let changes = speakers.tick(now: now.instant)
        guard !changes.isEmpty else { return }
        for member in members {
            let heard = changes.filter { change in
                change.sid == member.sid
                    || self[change.sid]?.tracks.contains {
                        member.subscriptions.contains($0.info.sid)
                    } == true
            }
            if !heard.isEmpty { send(.speakersChanged(heard), to: member.sid) }
        }
    }
}
