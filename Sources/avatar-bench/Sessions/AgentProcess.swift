// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc
internal import Net

/// An avatar-agent of its own for a measurement; ends by itself after ten minutes, whatever becomes
/// of us.
final class AgentProcess: Sendable {
    private let child: Int32
    private let exit: AsyncStream<Never>
    /// The program itself, below the `timeout` that bounds its life.
    let pid: Int32

    /// Longest life, seconds.
    private static let lifeMax = 600

    init(_ path: String, _ arguments: [String], on web: Loop) async throws {
        let (exit, sink) = AsyncStream.makeStream(of: Never.self)
        self.exit = exit
        let words = ["--kill-after=5", "\(Self.lifeMax)", path] + arguments
        let command = ChildProcess.Command(
            path: "/usr/bin/timeout", arguments: words, isErrorCaptured: true)
        let started: Result<Int32, SystemError> = await withCheckedContinuation { continuation in
            web.post {
                continuation.resume(
                    returning: Result { () throws(SystemError) in
                        let child = try ChildProcess(on: web, command, framing: .none) { event in
                            switch event {
                            case .errorOutput(let line): Self.pass(line)
                            case .exited: sink.finish()
                            default: break
                            }
                        }
                        return child.pid
                    })
            }
        }
        child = try started.get()
        let children = "/proc/\(child)/task/\(child)/children"
        var pid: Int32?
        while pid == nil {
            let text = try Files.text(children)
            pid = text.split(separator: " ").first.flatMap { Int32($0) }
            if pid == nil { await Task.yield() }
        }
        self.pid = pid ?? 0
    }

    /// Warnings and errors are news; the rest is not.
    private static func pass(_ line: [UInt8]) {
        let text = String(decoding: line, as: UTF8.self)
        if text.contains(" warning ") || text.contains(" error ") || text.hasPrefix("avatar-") {
            write(text + "\n", to: STDERR_FILENO)
        }
    }

    /// Asks it to end and waits until it has.
    func end() async {
        kill(child, SIGTERM)
        for await _ in exit {}
    }

    /// Processor time so far, ms, of it and without its helpers.
    var processorTime: Double {
        guard let text = try? Files.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")")
        else { return .nan }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return .nan }
        return (user + system) * 1000 / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Memory in use, MB.
    var memory: Double {
        guard let text = try? Files.text("/proc/\(pid)/status"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1])
        else { return .nan }
        return kilobytes / 1024
    }
}
