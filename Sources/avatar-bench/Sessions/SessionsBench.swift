// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc
internal import LiveKit
internal import Net
internal import Room
internal import Telemetry
internal import Web
internal import WebRTC

/// `avatar-bench sessions`: an agent, its room server and listeners, each as in life, on loopback.
///
/// Prints what a listener sees: how long a join, the first sound and a stop take, how evenly packets
/// come, how far events run ahead of their sound; and what a session costs the agent, its room with
/// the two participants the room server. With `--flood` the same again while requests pour in, in
/// pairs of runs, so that the machine's mood cancels out.
struct SessionsBench {
    private var sessions = 3
    private var seconds = 10
    private var flood = 0
    private var pairs = 1
    private var agent: String

    static let usage = """
        usage: avatar-bench sessions [options]

          --sessions N   sessions that speak at once (3)
          --seconds S    how long each run lasts (10)
          --flood N      run again under requests on N connections (no second run)
          --pairs N      how often both are run (1)
          --agent PATH   the program (avatar-agent beside this one)

        """

    init(_ words: [String]) throws(BenchFailure) {
        var here = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &here, here.count - 1)
        let own = String(
            decoding: here.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        agent =
            own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/") + "/avatar-agent"
        var rest = words[...]
        while let name = rest.popFirst() {
            guard ["--sessions", "--seconds", "--flood", "--pairs", "--agent"].contains(name) else {
                throw .usage("no option \(name).\n\n\(Self.usage)")
            }
            guard let value = rest.popFirst() else { throw .usage("\(name) needs a value.") }
            if name == "--agent" {
                agent = value
                continue
            }
            guard let number = Int(value), (1...500).contains(number) else {
                throw .usage("\(name) must be a whole number from 1 to 500.")
            }
            switch name {
            case "--sessions": sessions = number
            case "--seconds": seconds = number
            case "--flood": flood = number
            default: pairs = number
            }
        }
    }

    func run() async throws {
        _ = ProcessLimits.raiseOpenFiles()
        let stage = try await Stage(agent: agent)
        do {
            try await measure(on: stage)
        } catch {
            await stage.end()
            throw error
        }
        await stage.end()
    }

    private func measure(on stage: Stage) async throws {
        let idle = stage.agent.memory
        let empty = stage.server.memory
        var seats: [Seat] = []
        for _ in 0..<sessions { seats.append(try await stage.seat()) }
        for seat in seats { try await stage.warm(seat) }
        var table = Table(["", "p50", "p95", "p99", "most"])
        table.add("join: POST /session-live, ms", seats.map(\.joinTime))
        var calm: [Double] = []
        var stormy: [Double] = []
        for _ in 0..<pairs {
            let run = try await self.run(seats, on: stage)
            run.report(in: &table, "")
            calm.append(run.lateness.quantile(0.99))
            guard flood > 0 else { continue }
            let storm = Flood(flood, at: stage.http, on: stage.web)
            let flooded = try await self.run(seats, on: stage)
            let answers = await storm.end()
            flooded.report(in: &table, "flooded: ")
            say("\(answers / max(seconds, 1)) answers a second on \(flood) connections")
            stormy.append(flooded.lateness.quantile(0.99))
        }
        say(table.text)
        if flood > 0 {
            let growth = zip(calm, stormy).map { $1 - $0 }
            let list = growth.map { fixed($0, 2) }.joined(separator: ", ")
            say("p99 lateness grows under the flood by (ms, a pair each): \(list)")
        }
        let more = (stage.agent.memory - idle) / Double(sessions)
        say("memory: \(fixed(idle, 1)) MB before the first session, \(fixed(more, 2)) MB each")
        // Each session is a room with an assistant and a listener in it.
        let grown = (stage.server.memory - empty) / Double(2 * sessions)
        say(
            "room server: \(fixed(empty, 1)) MB before the first room, \(fixed(grown, 2)) MB a "
                + "participant")
        for seat in seats { await seat.viewer.leave() }
    }

    /// All sessions speak for the time of a run; then all are stopped in mid-sentence.
    private func run(_ seats: [Seat], on stage: Stage) async throws -> Measured {
        let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 40)
        for seat in seats { await seat.viewer.clear() }
        var measured = Measured()
        let begin = Loop.now
        let before = stage.agent.processorTime
        let serverBefore = stage.server.processorTime
        for seat in seats {
            measured.spoken[seat.id] = stage.milliseconds
            try await stage.post("/session-live/\(seat.id)/speak", "{\"text\":\"\(text)\"}")
        }
        await stage.wait(until: begin + .seconds(seconds))
        let share = (stage.agent.processorTime - before) / (Loop.now - begin).milliseconds
        measured.share = 100 * share / Double(sessions)
        let served =
            (stage.server.processorTime - serverBefore) / (Loop.now - begin).milliseconds
        measured.serverShare = 100 * served / Double(sessions)
        for seat in seats {
            measured.stopped[seat.id] = stage.milliseconds
            try await stage.post("/session-live/\(seat.id)/stop", "")
        }
        await stage.wait(until: Loop.now + .milliseconds(600))
        for seat in seats { await measured.add(seat) }
        return measured
    }
}

extension Table {
    mutating func add(_ title: String, _ values: [Double], _ decimals: Int = 2) {
        add(
            [title]
                + [0.5, 0.95, 0.99, 1].map {
                    fixed($0 == 1 ? values.max() ?? .nan : values.quantile($0), decimals)
                })
    }
}
