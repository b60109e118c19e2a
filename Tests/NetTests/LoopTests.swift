// SPDX-License-Identifier: Apache-2.0
import Base
import Dispatch
import Glibc
import Synchronization
import Telemetry
import Testing

@testable import Net

actor Tenant {
    private let loop: Loop
    private(set) var events: [String] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: Loop) { self.loop = loop }

    func note(_ text: String) { events.append("\(text) \(loop.isCurrent)") }

    nonisolated func callback(_ text: String) { assumeIsolated { $0.note(text) } }

    /// An isolated closure needs no assertion to become a handler: it stays on the loop.
    func watch(_ descriptor: Int32) throws -> Registration {
        try loop.register(descriptor, for: .read) { [weak self] _ in
            self?.callback("ready")
            var value: UInt64 = 0
            read(descriptor, &value, 8)
        }
    }
}

struct LoopTests {
    @Test func anActorRunsOnTheLoopAndCallbacksEnterItWithoutAHop() async throws {
        try await withLoop { loop in
            let tenant = Tenant(loop: loop)
            await tenant.note("called")
            loop.post { tenant.callback("posted") }
            let pair = try Pipe()
            _ = try await tenant.watch(pair.reader)
            pair.send("12345678")
            try await eventually { await tenant.events.count >= 3 }
            #expect(await tenant.events == ["called true", "posted true", "ready true"])
        }
    }

    @Test func runReturnsValuesAndTypedErrors() async throws {
        try await withLoop { loop in
            #expect(await loop.run { loop.isCurrent })
            await #expect(throws: SystemError(call: "x", code: 1)) {
                try await loop.run { () throws(SystemError) in
                    throw SystemError(call: "x", code: 1)
                }
            }
            #expect(!loop.isCurrent)
        }
    }

    @Test func deadlinesFireInOrderAndNotWhenCancelled() async throws {
        try await withLoop { loop in
            let fired = OnLoop([Int]())
            try await on(loop) {
                let now = loop.now
                loop.schedule(at: now + .milliseconds(6)) { fired.value.append(2) }
                loop.schedule(at: now + .milliseconds(3)) { fired.value.append(1) }
                let token = loop.schedule(at: now + .milliseconds(4)) { fired.value.append(9) }
                loop.schedule(at: now) { loop.cancel(token) }
            }
            try await eventually { await loop.run { fired.value.count == 2 } }
            #expect(await loop.run { fired.value } == [1, 2])
        }
    }

    @Test func theTimerIsNeverEarly() async throws {
        try await withLoop { loop in
            let early = OnLoop(0)
            let left = OnLoop(20)
            try await on(loop) {
                for step in 1...20 {
                    let time = loop.now + .microseconds(step * 700)
                    loop.schedule(at: time) {
                        if loop.now < time { early.value += 1 }
                        left.value -= 1
                    }
                }
            }
            try await eventually { await loop.run { left.value == 0 } }
            #expect(await loop.run { early.value } == 0)
        }
    }

    @Test func aBodyThatReschedulesInThePastDoesNotHoldTheRound() async throws {
        try await withLoop { loop in
            let count = OnLoop(0)
            @Sendable func again() {
                count.value += 1
                if count.value < 10_000 { loop.schedule(at: .zero) { again() } }
            }
            try await on(loop) { loop.schedule(at: .zero) { again() } }
            let pair = try Pipe()
            let seenAt = OnLoop<Int?>(nil)
            try await on(loop) {
                _ = try loop.register(pair.reader, for: .read) { _ in
                    seenAt.value = seenAt.value ?? count.value
                    pair.drain()
                }
            }
            pair.send("x")
            try await eventually { await loop.run { seenAt.value != nil } }
            try await eventually { await loop.run { count.value == 10_000 } }
        }
    }
}
