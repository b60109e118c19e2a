// SPDX-License-Identifier: Apache-2.0
import Base
import Dispatch
import Glibc
import Synchronization
import Telemetry
import Testing

@testable import Net

/// A loop that runs for the length of `body`.
func withLoop<Value>(
    stallLimit: Duration = .seconds(1), _ body: (Loop) async throws -> Value
) async throws -> Value {
    let loop = try Loop(name: "test", stallLimit: stallLimit)
    try loop.start()
    defer { loop.stop() }
    return try await body(loop)
}

/// Runs `body` on the loop; what it captures is the loop's for that time.
@discardableResult
func on<Value: Sendable>(
    _ loop: Loop, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await loop.run(body)
}

/// Tests' state that only the loop's thread touches.
final class OnLoop<Value>: @unchecked Sendable {
    // SAFETY: touched on the loop's thread only.
    var value: Value
    init(_ value: Value) { self.value = value }
}

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

/// A non-blocking pipe that is closed with its last owner.
final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(write(writer, bytes, bytes.count) == bytes.count)
    }

    @discardableResult
    func drain() -> Int {
        var buffer = [UInt8](repeating: 0, count: 65536)
        return read(reader, &buffer, buffer.count)
    }
}

/// Asks again and again, up to ten seconds.
func eventually(
    _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = Loop.now + .seconds(10)
    while Loop.now < end {
        if try await condition() { return }
        await Task.yield()
    }
    Issue.record("the condition did not come true", sourceLocation: sourceLocation)
}
