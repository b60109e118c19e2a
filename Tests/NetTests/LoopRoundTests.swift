// SPDX-License-Identifier: Apache-2.0
import Base
import Glibc
import Synchronization
import Testing

@testable import Net

/// What the loop must do right at the edges of a round.
struct LoopRoundTests {
    @Test func anEventOfADescriptorThatTheSameBatchClosedFindsNobody() async throws {
        try await withLoop { loop in
            let called = OnLoop([String]())
            try await on(loop) {
                // Both are ready in the same batch; whoever comes first closes the other one.
                let pipes = try (0..<2).map { _ in try Pipe() }
                let tokens = OnLoop([Registration]())
                for (index, pipe) in pipes.enumerated() {
                    tokens.value.append(
                        try loop.register(pipe.reader, for: .read) { _ in
                            called.value.append("\(index)")
                            pipes[index].drain()
                            loop.deregister(tokens.value[1 - index])
                        })
                }
                for pipe in pipes { pipe.send("x") }
            }
            try await eventually { await loop.run { !called.value.isEmpty } }
            for _ in 0..<3 { await loop.run {} }
            #expect(await loop.run { called.value.count } == 1)
        }
    }

    @Test func aDescriptorReusedWithinABatchIsNotToldTheOldOnesEvent() async throws {
        try await withLoop { loop in
            let stale = OnLoop(0)
            let fresh = OnLoop(0)
            let first = OnLoop<Int?>(nil)
            try await on(loop) {
                let pipes = OnLoop(try (0..<2).map { _ in try RawPipe() })
                let tokens = OnLoop([Registration]())
                for index in 0..<2 {
                    let token = try loop.register(pipes.value[index].reader, for: .read) { _ in
                        guard first.value == nil else {
                            stale.value += 1
                            return
                        }
                        first.value = index
                        loop.deregister(tokens.value[0])
                        loop.deregister(tokens.value[1])
                        // The other one's number goes to a new pipe, without a byte in it.
                        let other = pipes.value[1 - index].reader
                        pipes.value[0].close()
                        pipes.value[1].close()
                        let new = try? RawPipe(reader: other)
                        guard let new else { return }
                        #expect(new.reader == other)
                        _ = try? loop.register(new.reader, for: .read) { _ in fresh.value += 1 }
                    }
                    tokens.value.append(token)
                }
                for pipe in pipes.value { pipe.send() }
            }
            try await eventually { await loop.run { first.value != nil } }
            for _ in 0..<3 { await loop.run {} }
            #expect(await loop.run { stale.value } == 0)
            #expect(await loop.run { fresh.value } == 0)
        }
    }

    @Test func aLateDeregistrationLeavesTheNumbersNewOwnerAlone() async throws {
        try await withLoop { loop in
            let heard = OnLoop(0)
            try await on(loop) {
                let old = try RawPipe()
                let token = try loop.register(old.reader, for: .read) { _ in }
                let number = old.reader
                // Closed under the loop, against the rule: the kernel forgets it.
                old.close()
                let new = try RawPipe(reader: number)
                _ = try loop.register(new.reader, for: .read) { _ in
                    heard.value += 1
                    new.drain()
                }
                loop.deregister(token)
                try loop.modify(token, for: [])
                loop.deregister(token)
                new.send()
            }
            try await eventually { await loop.run { heard.value == 1 } }
        }
    }

    @Test func registeringTwiceOrAFileIsRefused() async throws {
        try await withLoop { loop in
            try await on(loop) {
                let pipe = try Pipe()
                _ = try loop.register(pipe.reader, for: .read) { _ in }
                #expect(throws: SystemError(call: "epoll_ctl", code: EEXIST)) {
                    _ = try loop.register(pipe.reader, for: .read) { _ in }
                }
                let file = open("/proc/self/exe", O_RDONLY)
                defer { close(file) }
                #expect(throws: SystemError(call: "epoll_ctl", code: EPERM)) {
                    _ = try loop.register(file, for: .read) { _ in }
                }
            }
        }
    }

    @Test func aSignalHandlerDoesNotDisturbTheWait() async throws {
        try await withLoop { loop in
            // SIGURG is ignored by default and used by nothing here; a handler makes it EINTR.
            signal(SIGURG) { _ in }
            defer { signal(SIGURG, SIG_DFL) }
            let thread = await loop.run {
                var set = sigset_t()
                sigemptyset(&set)
                sigaddset(&set, SIGURG)
                pthread_sigmask(SIG_UNBLOCK, &set, nil)
                return UInt(pthread_self())
            }
            let fired = OnLoop(false)
            let before = await loop.run { () -> UInt64 in
                loop.schedule(at: loop.now + .milliseconds(30)) { fired.value = true }
                return loop.rounds
            }
            for _ in 0..<5 { pthread_kill(pthread_t(thread), SIGURG) }
            try await eventually { await loop.run { fired.value } }
            #expect(await loop.run { loop.rounds } > before)
        }
    }

    @Test func jobsARoundAreBoundedAndDescriptorsComeBetween() async throws {
        try await withLoop { loop in
            let byRound = OnLoop([UInt64: Int]())
            let seen = OnLoop<Int?>(nil)
            let total = 3 * Loop.maxJobsPerRound
            try await on(loop) {
                let pipe = try Pipe()
                _ = try loop.register(pipe.reader, for: .read) { _ in
                    seen.value = seen.value ?? byRound.value.values.reduce(0, +)
                    pipe.drain()
                }
                for index in 0..<total {
                    loop.post {
                        if index == 0 { pipe.send("x") }
                        byRound.value[loop.rounds, default: 0] += 1
                    }
                }
            }
            try await eventually {
                await loop.run { byRound.value.values.reduce(0, +) == total }
            }
            #expect(await loop.run { byRound.value.values.max() } == Loop.maxJobsPerRound)
            #expect(await loop.run { seen.value } == Loop.maxJobsPerRound)
        }
    }

    @Test func deadlinesARoundAreBounded() async throws {
        try await withLoop { loop in
            let byRound = OnLoop([UInt64: Int]())
            try await on(loop) {
                for _ in 0..<3 * Loop.maxDeadlinesPerRound {
                    loop.schedule(at: .zero) { byRound.value[loop.rounds, default: 0] += 1 }
                }
            }
            try await eventually {
                await loop.run {
                    byRound.value.values.reduce(0, +) == 3 * Loop.maxDeadlinesPerRound
                }
            }
            #expect(await loop.run { byRound.value.values.max() } == Loop.maxDeadlinesPerRound)
        }
    }

    @Test func noWakeUpIsLostHoweverManyThreadsPost() async throws {
        try await withLoop { loop in
            // Each post waits for the one before: a wake-up that got lost between the clearing of
            // the flag and the taking of the queue would hang here.
            let count = OnLoop(0)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<2000 { await loop.run { count.value += 1 } } }
                }
            }
            #expect(await loop.run { count.value } == 8000)
        }
    }

    @Test func socketsAreHeardBeforeDeadlinesAfterAStall() async throws {
        try await withLoop(stallLimit: .milliseconds(20)) { loop in
            let order = OnLoop([String]())
            let received = OnLoop(0)
            let more = 5 * UDPPort.maxReceives
            try await on(loop) {
                let port = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in
                    received.value += 1
                }
                let sender = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                loop.schedule(at: loop.now + .milliseconds(5)) {
                    order.value.append("silence \(received.value)")
                }
                for _ in 0..<more { sender.send([1], to: port.localAddress) }
                // We are held up beyond the limit while datagrams and the deadline wait.
                let end = loop.now + .milliseconds(40)
                while loop.now < end {}
            }
            try await eventually { await loop.run { !order.value.isEmpty } }
            #expect(await loop.run { order.value } == ["silence \(more)"])
            let stall = try #require(await loop.run { loop.lastStall })
            #expect(stall.length > .milliseconds(20))
            #expect(loop.stalls.value >= 1)
        }
    }

    @Test func withoutAStallThereIsNone() async throws {
        try await withLoop(stallLimit: .seconds(5)) { loop in
            let fired = OnLoop(false)
            await loop.run { loop.schedule(at: loop.now + .milliseconds(5)) { fired.value = true } }
            try await eventually { await loop.run { fired.value } }
            #expect(await loop.run { loop.lastStall } == nil)
            #expect(loop.stalls.value == 0)
        }
    }

    @Test func hooksRunAfterEachWakeUpAndMayAskForMore() async throws {
        try await withLoop { loop in
            let runs = OnLoop(0)
            let wanted = OnLoop(5)
            let id = await loop.run {
                loop.addHook {
                    runs.value += 1
                    wanted.value -= 1
                    return wanted.value > 0
                }
            }
            // No one else wakes the loop: it comes back by itself while it is asked to.
            try await eventually { await loop.run { runs.value >= 5 } }
            await loop.run { loop.removeHook(id) }
            let after = await loop.run { runs.value }
            await loop.run {}
            #expect(await loop.run { runs.value } == after)
        }
    }

    @Test func whatIsQueuedRunsBeforeTheEndAndWhatComesLaterStillRuns() async throws {
        let loop = try Loop(name: "test")
        let ran = Mutex([String]())
        loop.post { ran.withLock { $0.append("before the start \(loop.isCurrent)") } }
        try loop.start()
        for index in 0..<1000 { loop.post { ran.withLock { $0.append("\(index)") } } }
        loop.stop()
        #expect(ran.withLock { $0 } == ["before the start true"] + (0..<1000).map { "\($0)" })
        // An actor that still has something to do after the end must not hang.
        let tenant = Tenant(loop: loop)
        await tenant.note("late")
        #expect(await tenant.events == ["late true"])
        #expect(await loop.run { loop.isCurrent })
        loop.stop()
    }

    @Test func lateJobsRunOneAtATimeThoughTheThreadIsGone() async throws {
        let loop = try Loop(name: "test")
        try loop.start()
        loop.stop()
        let count = OnLoop(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 { await loop.run { count.value += 1 } }
                }
            }
        }
        #expect(await loop.run { count.value } == 1600)
    }

    @Test func aLoopThatNeverStartedStillRunsItsJobsWhenStopped() async throws {
        let loop = try Loop(name: "test")
        async let value = loop.run { 7 }
        loop.stop()
        #expect(await value == 7)
    }

    @Test func afterTheEndNothingIsWatchedOrHeld() async throws {
        let loop = try Loop(name: "test")
        try loop.start()
        final class Witness: Sendable {}
        weak var watched: Witness?
        weak var waiting: Witness?
        let pipe = try Pipe()
        do {
            let (one, two) = (Witness(), Witness())
            (watched, waiting) = (one, two)
            try await on(loop) {
                _ = try loop.register(pipe.reader, for: .read) { _ in _ = one }
                loop.schedule(at: loop.now + .seconds(3600)) { _ = two }
                _ = loop.joinPacer { _ in _ = one }
                _ = loop.addHook {
                    _ = two
                    return false
                }
            }
        }
        #expect(watched != nil && waiting != nil)
        loop.stop()
        #expect(watched == nil && waiting == nil)
        await #expect(throws: SystemError(call: "epoll_ctl", code: ECANCELED)) {
            try await on(loop) { _ = try loop.register(pipe.reader, for: .read) { _ in } }
        }
        await loop.run {
            loop.cancel(loop.schedule(at: .zero) {})
            loop.leavePacer(loop.joinPacer { _ in })
        }
    }

    @Test func onLoopCallsFromElsewhereStopTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop(name: "test")
            try loop.start()
            loop.schedule(at: .zero) {}
        }
        await #expect(processExitsWith: .failure) {
            let loop = try Loop(name: "test")
            try loop.start()
            Tenant(loop: loop).callback("elsewhere")
        }
    }
}

/// A pipe that is closed by hand, and whose reader's number can be chosen.
struct RawPipe {
    let reader: Int32
    let writer: Int32

    init(reader wanted: Int32? = nil) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        writer = ends[1]
        if let wanted, wanted != ends[0] {
            // In a test process with other threads the number may have gone to someone else
            // meanwhile: only a free one is taken.
            let moved = fcntl(ends[0], F_DUPFD, wanted)
            Glibc.close(ends[0])
            guard moved == wanted else {
                if moved >= 0 { Glibc.close(moved) }
                Glibc.close(ends[1])
                throw SystemError(call: "fcntl", code: EBUSY)
            }
            reader = moved
        } else {
            reader = ends[0]
        }
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    func send() { _ = write(writer, "x", 1) }

    func drain() {
        var byte: UInt8 = 0
        _ = read(reader, &byte, 1)
    }

    func close() {
        _ = Glibc.close(reader)
        _ = Glibc.close(writer)
    }
}
