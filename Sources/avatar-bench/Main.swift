// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Measurements, one a subcommand; each prints a table and what it was measured on.
@main
enum Bench {
    /// What a subcommand is: its name, a line about it, and its work.
    struct Command: Sendable {
        var name: String
        var summary: String
        var run: @Sendable ([String]) throws -> Void
    }

    static let commands = [
        Command(
            name: "lipsync", summary: "closures, timing and cost of the mouth on labelled speech",
            run: { try LipSyncBench($0).run() }),
        Command(
            name: "sessions", summary: "what listeners of an agent see, and what it costs",
            run: { words in
                guard !words.contains("--help") else {
                    return write(SessionsBench.usage, to: STDOUT_FILENO)
                }
                let bench = try SessionsBench(words)
                ending("sessions") { try await bench.run() }
            }),
    ]

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        guard let command = commands.first(where: { $0.name == words.first }) else {
            let isAsked = ["--help", "-h", "help"].contains(words.first ?? "")
            write(usage, to: isAsked ? STDOUT_FILENO : STDERR_FILENO)
            exit(isAsked ? 0 : 64)
        }
        do {
            try command.run(Array(words.dropFirst()))
        } catch {
            end(command.name, error)
        }
    }

    /// Runs a measurement that waits, on the pool, while the main thread stands still.
    private static func ending(
        _ name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> Never {
        Task.detached {
            do {
                try await body()
                exit(0)
            } catch {
                end(name, error)
            }
        }
        while true { pause() }
    }

    private static func end(_ name: String, _ error: any Error) -> Never {
        let failure = error as? BenchFailure
        write("avatar-bench \(name): \(failure?.message ?? "\(error)")\n", to: STDERR_FILENO)
        exit(failure?.code ?? 70)
    }

    private static var usage: String {
        let lines = commands.map { "  \(padded($0.name, 12))\($0.summary)" }
        return "usage: avatar-bench COMMAND [options]\n\n\(lines.joined(separator: "\n"))\n\n"
            + "avatar-bench COMMAND --help tells the options.\n"
    }
}

/// The end of a measurement that could not be made: one sentence and an exit code of sysexits.h.
struct BenchFailure: Error {
    var message: String
    var code: Int32 = 65

    static func usage(_ message: String) -> BenchFailure {
        BenchFailure(message: message, code: 64)
    }
}

/// Writes text whole.
func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written > 0 else { return }
        bytes = bytes.dropFirst(written)
    }
}

/// Writes a line to standard output.
func say(_ line: String = "") { write(line + "\n", to: STDOUT_FILENO) }
