// SPDX-License-Identifier: Apache-2.0
import Base
import Synchronization
import Testing

@testable import Net

/// The pacer's arithmetic, in virtual time.
struct PacerTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func at(_ milliseconds: Double) -> Instant {
        start + .nanoseconds(Int64(milliseconds * 1e6))
    }

    @Test func membersAreSpreadOverTheSlots() {
        var pacer = Pacer(start: start)
        let tokens = (0..<6).map { _ in pacer.join(at: start) { _ in } }
        #expect(pacer.load == [2, 2, 1, 1])
        _ = pacer.leave(tokens[1])
        #expect(pacer.load == [2, 1, 1, 1])
        _ = pacer.join(at: start) { _ in }
        #expect(pacer.load == [2, 2, 1, 1])
        #expect(pacer.leave(tokens[1]) == nil, "leaving twice does nothing")
    }

    @Test func eachMemberIsCalledEvery20MillisecondsOnItsSlot() {
        var pacer = Pacer(start: start)
        for _ in 0..<4 { _ = pacer.join(at: start) { _ in } }
        var times: [UInt64: [Double]] = [:]
        var now = start
        while let next = pacer.next, next <= at(100) {
            #expect(next > now)
            now = next
            let due = pacer.due(at: now)
            #expect(due.count == 1, "one member a slot")
            for (member, tick) in due {
                #expect(tick.slotTime == now && tick.frames == 1 && tick.missed == 0)
                times[member.id, default: []].append((now - start).milliseconds)
            }
        }
        #expect(times[1] == [20, 40, 60, 80, 100])
        #expect(times[2] == [5, 25, 45, 65, 85])
        #expect(times[3] == [10, 30, 50, 70, 90])
        #expect(times[4] == [15, 35, 55, 75, 95])
    }

    @Test func nobodyIsWokenForAnEmptySlotOrAnEmptyPacer() {
        var pacer = Pacer(start: start)
        #expect(pacer.next == nil)
        let token = pacer.join(at: at(7)) { _ in }
        #expect(pacer.next == at(20))
        _ = pacer.due(at: at(20))
        #expect(pacer.next == at(40))
        _ = pacer.leave(token)
        #expect(pacer.next == nil)
    }

    @Test func aLateCallKeepsItsGrid() {
        var pacer = Pacer(start: start)
        _ = pacer.join(at: start) { _ in }
        let tick = pacer.due(at: at(27.5))[0].tick
        #expect(tick.slotTime == at(20))
        #expect(tick.frames == 1)
        #expect(tick.now == at(27.5))
        #expect(pacer.next == at(40))
        #expect(pacer.due(at: at(39.9)).isEmpty)
    }

    @Test(arguments: [
        (45.0, 2, 0, 40.0), (100, 5, 0, 100), (219.9, 10, 0, 200), (220, 10, 1, 220),
        (60_000, 10, 2990, 60_000),
    ])
    func aStallIsCaughtUpByTheClockAtMost200Milliseconds(
        late: Double, frames: Int, missed: Int, slot: Double
    ) {
        var pacer = Pacer(start: start)
        _ = pacer.join(at: start) { _ in }
        let due = pacer.due(at: at(late))
        #expect(due.count == 1)
        #expect(due[0].tick.frames == frames)
        #expect(due[0].tick.missed == missed)
        #expect(due[0].tick.slotTime == at(slot))
        #expect(pacer.next == at(slot + 20))
    }

    @Test func whoJoinsAfterAStallOwesNothing() {
        var pacer = Pacer(start: start)
        for _ in 0..<4 { _ = pacer.join(at: start) { _ in } }
        _ = pacer.join(at: at(505)) { _ in }
        let due = pacer.due(at: at(520)).filter { $0.member.id == 5 }
        #expect(due.map(\.tick.frames) == [1])
        #expect(pacer.due(at: at(521)).isEmpty)
    }

    @Test func whoLeavesInTheRoundIsNotCalledAnyMore() async throws {
        try await withLoop { loop in
            let calls = OnLoop([Int](repeating: 0, count: 8))
            let tokens = OnLoop([PacerToken]())
            await loop.run {
                for index in 0..<8 {
                    tokens.value.append(
                        loop.joinPacer { _ in
                            calls.value[index] += 1
                            // Everyone else leaves, those due in this very round too.
                            for other in 0..<8 where other != index {
                                loop.leavePacer(tokens.value[other])
                            }
                        })
                }
            }
            try await eventually { await loop.run { calls.value.reduce(0, +) >= 3 } }
            #expect(await loop.run { calls.value.filter { $0 > 0 }.count } == 1)
            #expect(await loop.run { loop.pacerLoad.reduce(0, +) } == 1)
            #expect(loop.frameLateness.snapshot.count >= 3)
        }
    }

    @Test func theLoopPacesByTheClockAndRestsBetween() async throws {
        try await withLoop { loop in
            let ticks = OnLoop([PacerTick]())
            let hasTicked = Atomic<Bool>(false)
            let (before, start) = await loop.run { () -> (UInt64, Instant) in
                _ = loop.joinPacer {
                    ticks.value.append($0)
                    hasTicked.store(true, ordering: .relaxed)
                }
                return (loop.rounds, loop.now)
            }
            await loop.run { _ = loop.schedule(at: start + .milliseconds(200)) {} }
            let end = start + .milliseconds(230)
            try await eventually { Loop.now > end && hasTicked.load(ordering: .relaxed) }
            let (all, rounds) = await loop.run { (ticks.value, loop.rounds - before) }
            // Whatever the machine does: as many frames as the time holds, none early.
            let frames = all.reduce(0) { $0 + $1.frames + $1.missed }
            let elapsed = (try #require(all.last).now - start).milliseconds
            #expect(abs(Double(frames) - elapsed / 20) <= 1.01)
            #expect(all.allSatisfy { $0.now >= $0.slotTime })
            #expect(zip(all, all.dropFirst()).allSatisfy { $1.slotTime > $0.slotTime })
            #expect(rounds <= UInt64(all.count) + 4, "one wake-up a frame")
        }
    }
}

struct DeadlineQueueTests {
    private func at(_ value: UInt64) -> Instant { Instant(nanoseconds: value) }

    @Test func tiesFireInTheOrderScheduled() {
        var queue = DeadlineQueue()
        var order: [Int] = []
        for index in 0..<50 { _ = queue.schedule(at: at(7)) { order.append(index) } }
        while let body = queue.popDue(at: at(7)) { body() }
        #expect(order == Array(0..<50))
    }

    @Test func cancelledOnesDoNotPileUp() {
        var queue = DeadlineQueue()
        _ = queue.schedule(at: at(1)) {}
        for index in 0..<10_000 as Range<UInt64> {
            let token = queue.schedule(at: at(1_000_000 - index)) {}
            #expect(queue.cancel(token) != nil)
            #expect(queue.cancel(token) == nil)
        }
        #expect(queue.count == 1)
        #expect(queue.heldEntries <= 70)
        #expect(queue.next == at(1))
    }

    @Test func agreesWithASortedListWhateverIsScheduledAndCancelled() {
        var random = SeededRandom(seed: 7)
        var queue = DeadlineQueue()
        var model: [(time: UInt64, id: Int, token: DeadlineToken)] = []
        var fired: [Int] = []
        for id in 0..<5000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0...2:
                let time = UInt64.random(in: 0..<1000, using: &random)
                model.append((time, id, queue.schedule(at: at(time)) { fired.append(id) }))
            case 3:
                guard let victim = model.indices.randomElement(using: &random) else { continue }
                _ = queue.cancel(model.remove(at: victim).token)
            default:
                let now = UInt64.random(in: 0..<1000, using: &random)
                let due = model.filter { $0.time <= now }
                    .sorted { ($0.time, $0.id) < ($1.time, $1.id) }
                fired = []
                while let body = queue.popDue(at: at(now)) { body() }
                #expect(fired == due.map(\.id))
                model.removeAll { $0.time <= now }
            }
            #expect(queue.count == model.count)
            #expect(queue.next == model.map(\.time).min().map(at))
        }
    }
}
