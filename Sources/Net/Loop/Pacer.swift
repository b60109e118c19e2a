// SPDX-License-Identifier: Apache-2.0
public import Base

/// Names one member of one loop's pacer.
///
/// Stale after `leavePacer`, harmlessly.
public struct PacerToken: Hashable, Sendable {
    let slot: Int
    let id: UInt64
}

/// What is due at one call of a pacer's member.
public struct PacerTick: Hashable, Sendable {
    /// The nominal time of the newest frame that is due: on the member's 20 ms grid, never late.
    public let slotTime: Instant
    /// Frames to send now: 1, or after a stall of ours up to `Pacer.maxCatchUpFrames`.
    public let frames: Int
    /// Frames older than those, which nobody should send any more.
    public let missed: Int
    /// When the call was made: `slotTime` and how late we are.
    public let now: Instant

    /// Describes one call.
    public init(slotTime: Instant, frames: Int, missed: Int, now: Instant) {
        self.slotTime = slotTime
        self.frames = frames
        self.missed = missed
        self.now = now
    }
}

/// Spreads members over 5 ms slots, four in a 20 ms frame, and tells who is due.
///
/// One wake-up serves all members of a slot, because the wake-up is what costs, not the packet;
/// more slots than one keep the burst of many sessions short. A member's slot never changes, so
/// its sending instants keep their distance. Slots without members are not woken for.
struct Pacer {
    /// Between the calls of one member: one Opus frame.
    static let frame = Duration.milliseconds(20)
    /// Slots in a frame.
    ///
    /// 5 ms slots cost 4.3 us a packet at 300 sessions; 1 ms slots cost 6.8.
    static let slotCount = 4
    /// A stalled process bursts at most 200 ms of audio: what a receiver's jitter buffer stands.
    static let maxCatchUpFrames = 10

    final class Member {
        let id: UInt64
        var lastFrame: Int64
        var body: ((PacerTick) -> Void)?

        init(id: UInt64, lastFrame: Int64, body: @escaping (PacerTick) -> Void) {
            self.id = id
            self.lastFrame = lastFrame
            self.body = body
        }
    }

    private struct Slot {
        var members: [Member] = []
        /// The last frame this slot was called for, counted from the pacer's start.
        var lastFrame: Int64 = 0
    }

    private let start: Instant
    private var slots = [Slot](repeating: Slot(), count: slotCount)
    private var lastID: UInt64 = 0

    /// Lays the grid of slots from `start` on.
    init(start: Instant) {
        self.start = start
    }

    /// Members in each slot.
    var load: [Int] { slots.map(\.members.count) }

    /// When the next occupied slot is due.
    var next: Instant? {
        var earliest: Instant?
        for index in slots.indices where !slots[index].members.isEmpty {
            earliest = soonest(earliest, time(of: slots[index].lastFrame + 1, slot: index))
        }
        return earliest
    }

    /// Adds a member to the least filled slot; its first call is at that slot's next time.
    mutating func join(at now: Instant, _ body: @escaping (PacerTick) -> Void) -> PacerToken {
        var index = 0
        for other in slots.indices where slots[other].members.count < slots[index].members.count {
            index = other
        }
        let current = frame(at: now, slot: index)
        if slots[index].members.isEmpty { slots[index].lastFrame = current }
        lastID += 1
        slots[index].members.append(Member(id: lastID, lastFrame: current, body: body))
        return PacerToken(slot: index, id: lastID)
    }

    /// Removes a member, also one that is about to be called in this round; returns its body.
    mutating func leave(_ token: PacerToken) -> ((PacerTick) -> Void)? {
        guard let place = slots[token.slot].members.firstIndex(where: { $0.id == token.id }) else {
            return nil
        }
        let member = slots[token.slot].members.remove(at: place)
        defer { member.body = nil }
        return member.body
    }

    /// The members of the slots that are due, each with what is due, oldest slot first.
    mutating func due(at now: Instant) -> [(member: Member, tick: PacerTick)] {
        var due: [(member: Member, tick: PacerTick)] = []
        var passed: [(index: Int, time: Instant)] = []
        for index in slots.indices where !slots[index].members.isEmpty {
            let current = frame(at: now, slot: index)
            guard current > slots[index].lastFrame else { continue }
            slots[index].lastFrame = current
            passed.append((index, time(of: current, slot: index)))
        }
        passed.sort { $0.time < $1.time }
        for (index, time) in passed {
            let current = slots[index].lastFrame
            for member in slots[index].members where current > member.lastFrame {
                let frames = Int(current - member.lastFrame)
                member.lastFrame = current
                let sent = min(frames, Self.maxCatchUpFrames)
                let tick = PacerTick(
                    slotTime: time, frames: sent, missed: frames - sent, now: now)
                due.append((member, tick))
            }
        }
        return due
    }

    private func offset(of slot: Int) -> Int64 {
        Int64(slot) * Self.frame.nanoseconds / Int64(Self.slotCount)
    }

    private func time(of frame: Int64, slot: Int) -> Instant {
        start + .nanoseconds(frame * Self.frame.nanoseconds + offset(of: slot))
    }

    /// The newest frame of the slot whose time has come; -1 before the first.
    private func frame(at now: Instant, slot: Int) -> Int64 {
        let elapsed = (now - start).nanoseconds - offset(of: slot)
        return elapsed < 0 ? -1 : elapsed / Self.frame.nanoseconds
    }
}
