// SPDX-License-Identifier: Apache-2.0
import Base
import CLinux
import Synchronization
import Testing

@testable import Net

/// A door that threads wait at.
final class Gate: Sendable {
    private let semaphore: Semaphore
    init() throws { semaphore = try Semaphore() }
    func open(_ count: Int = 1) { semaphore.signal(count) }
    func pass() { semaphore.wait() }
}

struct WorkPoolTests {
    @Test func workRunsElsewhereAndItsResultComesBack() async throws {
        let pool = try WorkPool(threads: 2)
        defer { pool.stop() }
        let here = UInt(pthread_self())
        let there = try await pool.run(key: WorkPool.Key()) { UInt(pthread_self()) }
        #expect(there != here)
        await #expect(throws: SystemError(call: "x", code: 1)) {
            try await pool.run(key: WorkPool.Key()) { throw SystemError(call: "x", code: 1) }
        }
    }

    @Test func completionsComeOnTheLoop() async throws {
        try await withLoop { loop in
            let pool = try WorkPool(threads: 1)
            defer { pool.stop() }
            let told = OnLoop([Int]())
            try await on(loop) {
                try pool.submit(key: WorkPool.Key(), then: loop) {
                    42
                } completion: { result in
                    loop.assertOnLoop()
                    if case .success(let value) = result { told.value.append(value) }
                }
            }
            try await eventually { await loop.run { told.value == [42] } }
        }
    }

    @Test func sessionsTakeTurnsHoweverMuchOneOfThemBrings() async throws {
        try await withLoop { loop in
            let pool = try WorkPool(threads: 1)
            defer { pool.stop() }
            let gate = try Gate()
            let order = Mutex([String]())
            let (greedy, modest) = (WorkPool.Key(), WorkPool.Key())
            let note = { @Sendable (name: String) in order.withLock { $0.append(name) } }
            try pool.submit(key: WorkPool.Key(), then: loop, { gate.pass() }) { _ in }
            for _ in 0..<4 { try pool.submit(key: greedy, then: loop, { note("g") }) { _ in } }
            for _ in 0..<2 { try pool.submit(key: modest, then: loop, { note("m") }) { _ in } }
            gate.open()
            try await eventually { order.withLock { $0.count } == 6 }
            #expect(order.withLock { $0 } == ["g", "m", "g", "m", "g", "g"])
        }
    }

    @Test func piecesOfOneKeyNeverRunTogetherAndKeepTheirOrder() async throws {
        try await withLoop { loop in
            let pool = try WorkPool(threads: 4)
            defer { pool.stop() }
            let running = Atomic<Int>(0)
            let together = Atomic<Int>(0)
            let order = Mutex([Int]())
            let key = WorkPool.Key()
            for index in 0..<200 {
                try pool.submit(key: key, then: loop) {
                    if running.wrappingAdd(1, ordering: .relaxed).newValue > 1 {
                        together.wrappingAdd(1, ordering: .relaxed)
                    }
                    order.withLock { $0.append(index) }
                    running.wrappingSubtract(1, ordering: .relaxed)
                } completion: { _ in
                }
            }
            try await eventually { order.withLock { $0.count } == 200 }
            #expect(order.withLock { $0 } == Array(0..<200))
            let most = together.load(ordering: .relaxed)
            #expect(most == 0)
        }
    }

    @Test func whatWaitsIsBoundedAndCanBeTakenBack() async throws {
        try await withLoop { loop in
            let pool = try WorkPool(threads: 1)
            defer { pool.stop() }
            let gate = try Gate()
            let key = WorkPool.Key()
            let told = OnLoop([Result<Int, WorkPool.Refusal>]())
            try pool.submit(key: key, then: loop, { gate.pass() }) { _ in }
            try await eventually { pool.waiting == 0 }
            for index in 0..<WorkPool.maxPiecesPerKey {
                try pool.submit(key: key, then: loop, { index }) { told.value.append($0) }
            }
            #expect(throws: WorkPool.Refusal.full) {
                try pool.submit(key: key, then: loop, { 0 }) { _ in }
            }
            pool.cancelAll(key: key)
            #expect(pool.waiting == 0)
            try pool.submit(key: key, then: loop, { -1 }) { told.value.append($0) }
            gate.open()
            try await eventually {
                await loop.run { told.value.count == WorkPool.maxPiecesPerKey + 1 }
            }
            let results = await loop.run { told.value }
            #expect(results.dropLast().allSatisfy { $0 == .failure(.cancelled) })
            #expect(results.last == .success(-1))
        }
    }

    @Test func aCancelledTaskDoesNotWaitForItsTurn() async throws {
        let pool = try WorkPool(threads: 1)
        let gate = try Gate()
        defer {
            gate.open()
            pool.stop()
        }
        let first = Task { try await pool.run(key: WorkPool.Key()) { gate.pass() } }
        let second = Task { try await pool.run(key: WorkPool.Key()) { 1 } }
        second.cancel()
        await #expect(throws: WorkPool.Refusal.cancelled) { try await second.value }
        gate.open()
        try await first.value
    }

    @Test func stoppingRefusesWhatWaitsAndAwaitsWhatRuns() async throws {
        try await withLoop { loop in
            let pool = try WorkPool(threads: 1)
            let gate = try Gate()
            let hasRun = Atomic<Bool>(false)
            let told = OnLoop([Result<Void, WorkPool.Refusal>]())
            let key = WorkPool.Key()
            try pool.submit(
                key: key, then: loop,
                {
                    gate.pass()
                    hasRun.store(true, ordering: .relaxed)
                }
            ) { told.value.append($0) }
            try await eventually { pool.waiting == 0 }
            try pool.submit(key: key, then: loop, {}) { told.value.append($0) }
            gate.open()
            pool.stop()
            let ran = hasRun.load(ordering: .relaxed)
            #expect(ran)
            await #expect(throws: WorkPool.Refusal.stopped) {
                try await pool.run(key: WorkPool.Key()) {}
            }
            #expect(await loop.run { told.value.count } == 2)
        }
    }

    @Test func aQueueLetsGoOfWhatIsTaken() {
        final class Witness {}
        var queue = FIFO<Witness>()
        weak var first: Witness?
        do {
            let witness = Witness()
            first = witness
            queue.append(witness)
        }
        queue.append(Witness())
        _ = queue.popFirst()
        #expect(first == nil)
        #expect(queue.count == 1)
    }
}

struct NamesTests {
    @Test func addressesAsTextAreAnsweredWithoutAnyThread() async throws {
        try await withLoop { loop in
            let names = try Names(on: loop, limit: .seconds(5)) { _ in .failure(.unavailable) }
            #expect(try await names.addresses(of: "127.0.0.1") == [.loopback])
            #expect(try await names.addresses(of: "[::1]") == [.loopbackV6])
            #expect(try await names.addresses(of: "::1") == [.loopbackV6])
            await #expect(throws: Names.Failure.invalidName) {
                try await names.addresses(of: "a\0b")
            }
            await #expect(throws: Names.Failure.invalidName) {
                try await names.addresses(of: String(repeating: "a", count: 255))
            }
            await #expect(throws: Names.Failure.unavailable) {
                try await names.addresses(of: "example")
            }
        }
    }

    @Test func theSystemKnowsLocalhost() async throws {
        try await withLoop { loop in
            let names = try Names(on: loop)
            let addresses = try await names.addresses(of: "localhost")
            #expect(addresses.allSatisfy(\.isLoopback) && !addresses.isEmpty)
        }
    }

    @Test func deadServersTimeOutAndTheirLateAnswersAreIgnored() async throws {
        try await withLoop { loop in
            let gate = try Gate()
            let isOpen = Atomic<Bool>(false)
            let names = try Names(on: loop, limit: .milliseconds(30)) { _ in
                if !isOpen.load(ordering: .relaxed) { gate.pass() }
                return .success([.loopback, .loopback])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                // More than there are threads: those that never reach one time out as well.
                for index in 0..<Names.threadCount + 2 {
                    group.addTask {
                        await #expect(throws: Names.Failure.timedOut) {
                            try await names.addresses(of: "dead\(index)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            isOpen.store(true, ordering: .relaxed)
            gate.open(Names.threadCount)
            #expect(try await names.addresses(of: "alive") == [.loopback])
        }
    }

    @Test func aCancelledQuestionEndsAtOnce() async throws {
        try await withLoop { loop in
            let gate = try Gate()
            let names = try Names(on: loop, limit: .seconds(60)) { _ in
                gate.pass()
                return .success([.loopback])
            }
            let task = Task { try await names.addresses(of: "slow") }
            task.cancel()
            await #expect(throws: Names.Failure.cancelled) { try await task.value }
            gate.open()
        }
    }
}

struct SystemTests {
    @Test func theLoopbackInterfaceIsListed() throws {
        let loopback = try #require(Interface.all().first { $0.address == .loopback })
        #expect(loopback.isUp && loopback.isLoopback && !loopback.isPointToPoint)
        #expect(ProcessLimits.raiseOpenFiles() > 0)
    }

    @Test func signalsAreEventsOfTheLoop() async throws {
        try await withLoop { loop in
            let seen = OnLoop([Signal]())
            try await on(loop) {
                // The loop's thread blocks all signals, so one sent to it alone stays pending.
                _ = try SignalWatch(on: loop, [.user1, .user2]) { seen.value.append($0) }
                pthread_kill(pthread_self(), SIGUSR2)
                pthread_kill(pthread_self(), SIGUSR1)
            }
            try await eventually { await loop.run { seen.value.count == 2 } }
            #expect(await loop.run { Set(seen.value) } == [.user1, .user2])
        }
    }
}
