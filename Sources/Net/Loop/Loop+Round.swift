// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import Glibc
internal import Synchronization
internal import Telemetry

// What the loop's thread does.
extension Loop {
    /// Batches of jobs that `stop` still runs on the loop's thread; the rest runs behind it.
    private static let maxStoppingBatches = 1000

    fileprivate func runUntilStopped() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        roundStart = now
        while !isStopping { runRound() }
        letGo()
        for _ in 0..<Self.maxStoppingBatches where hasWork { runJobs() }
        owner.store(0, ordering: .relaxed)
        shared.withLock { shared in
            shared.phase = .ended
            shared.work.insert(contentsOf: batch[batchStart...], at: 0)
            if !shared.work.isEmpty { revive(&shared) }
        }
        batch = []
    }

    /// Runs what was added after the end.
    ///
    /// One such thread at a time: jobs stay serial.
    fileprivate func runRemainder() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        while true {
            let works = shared.withLock { shared in
                defer { shared.work = [] }
                if shared.work.isEmpty {
                    owner.store(0, ordering: .relaxed)
                    shared.isRevived = false
                }
                return shared.work
            }
            if works.isEmpty { return }
            for work in works { run(work) }
        }
    }

    private var isStopping: Bool { shared.withLock { $0.phase == .stopping } }

    /// Drops every callback: what they hold may hold the loop.
    private func letGo() {
        isOver = true
        // Held until all are replaced: what dies with them may call back into the loop.
        let held = (table, deadlines, pacer, hooks)
        table = DescriptorTable()
        deadlines = DeadlineQueue()
        pacer = Pacer(start: roundStart)
        hooks = []
        withExtendedLifetime(held) {}
    }

    private func runRound() {
        let next = soonest(pacer.next, deadlines.next)
        let waitStart = now
        let isBusy = isAgainWanted || hasWork || next.map { $0 <= waitStart } ?? false
        if !isBusy { arm(next) }
        let count = fetchEvents(waiting: !isBusy)
        let wake = now
        let isLate = noteStall(wake: wake, waitStart: waitStart, next: next)
        roundStart = wake
        rounds &+= 1

        sendFrames()
        dispatch(count)
        if isLate { readUntilQuiet() }
        runJobs()
        fireDeadlines()
        runHooks()
    }

    private var hasWork: Bool {
        batchStart < batch.count || shared.withLock { !$0.work.isEmpty }
    }

    /// Sets the timer, unless it is set so already.
    ///
    /// Setting it also clears an expiry.
    private func arm(_ next: Instant?) {
        guard next != armed else { return }
        let code = clinux_timerfd_arm_ns(timer, next.map { max($0.nanoseconds, 1) } ?? 0)
        precondition(code == 0, "an absolute time within 292 years arms a timer")
        armed = next
    }

    /// Fills `events`.
    ///
    /// A signal handler's interruption counts as no event.
    private func fetchEvents(waiting: Bool) -> Int {
        let count = epoll_wait(epoll, &events, Int32(events.count), waiting ? -1 : 0)
        precondition(count >= 0 || errno == EINTR, "our own epoll descriptor can be waited on")
        return max(0, Int(count))
    }

    /// Whether we should have run more than the limit ago: a callback took that long, or the
    /// earliest deadline was missed by that much.
    private func noteStall(wake: Instant, waitStart: Instant, next: Instant?) -> Bool {
        var length = waitStart - roundStart
        if let next { length = max(length, wake - max(next, roundStart)) }
        guard length > stallLimit else { return false }
        stall = Stall(end: wake, length: length)
        stalls.add()
        return true
    }

    private func sendFrames() {
        for (member, tick) in pacer.due(at: now) {
            guard let body = member.body else { continue }
            body(tick)
            frameLateness.record((now - tick.slotTime).seconds)
        }
    }

    /// Calls the handlers of fetched events; whether there were any but our own two.
    @discardableResult
    private func dispatch(_ count: Int) -> Bool {
        var isAnyReady = false
        for index in 0..<count {
            let data = events[index].data.u64
            switch data {
            case Self.timerData:
                // Set anew before the next wait, which clears the expiry: no read is needed.
                armed = .zero
            case Self.wakeData:
                var value: UInt64 = 0
                _ = read(wakeUp, &value, 8)
            default:
                isAnyReady = true
                let handler = table.handler(of: Registration(data: data))
                handler?(Readiness(events: events[index].events))
            }
        }
        return isAnyReady
    }

    /// After a stall: peers that spoke to us meanwhile are heard before their silence is judged.
    private func readUntilQuiet() {
        for _ in 0..<Self.maxReadingRounds {
            guard dispatch(fetchEvents(waiting: false)) else { return }
        }
    }

    /// Runs one batch of what was added, at most.
    private func runJobs() {
        if batchStart == batch.count {
            batch.removeAll(keepingCapacity: true)
            batchStart = 0
            shared.withLock { shared in
                // Cleared before the queue is taken: who adds later wakes us again.
                shared.isWakePending = false
                swap(&batch, &shared.work)
            }
        }
        let end = min(batch.count, batchStart + Self.maxJobsPerRound)
        while batchStart < end {
            let work = batch[batchStart]
            batchStart += 1
            run(work)
        }
    }

    private func run(_ work: Work) {
        switch work {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .body(let body): body()
        }
    }

    /// Fires what was due when the round began; what these bodies add waits for the next round.
    ///
    /// Not what became due since: if a callback of this round held us up, sockets come first.
    private func fireDeadlines() {
        let time = roundStart
        let horizon = deadlines.horizon
        for _ in 0..<Self.maxDeadlinesPerRound {
            guard let body = deadlines.popDue(at: time, upTo: horizon) else { return }
            body()
        }
    }

    private func runHooks() {
        isAgainWanted = false
        for (id, body) in hooks where hooks.contains(where: { $0.id == id }) {
            if body() { isAgainWanted = true }
        }
    }
}

/// The loop's thread: owns one reference to the loop until it ends.
func runLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    // SAFETY: `start` retained the loop for this thread and passes it once.
    Unmanaged<Loop>.fromOpaque(context).takeRetainedValue().runUntilStopped()
    return nil
}

/// A short-lived thread for what comes after the end: owns one reference to the loop.
func runRemainder(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    // SAFETY: `revive` retained the loop for this thread and passes it once.
    Unmanaged<Loop>.fromOpaque(context).takeRetainedValue().runRemainder()
    return nil
}
