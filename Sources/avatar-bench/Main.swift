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
            run: { try LipSyncBench($0).run() })
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
        } catch let failure as BenchFailure {
            write("avatar-bench \(command.name): \(failure.message)\n", to: STDERR_FILENO)
            exit(failure.code)
        } catch {
            write("avatar-bench \(command.name): \(error)\n", to: STDERR_FILENO)
            exit(70)
        }
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
