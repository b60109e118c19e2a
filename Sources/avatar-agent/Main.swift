// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Net

@main
enum Program {
    static let version = "0.1.0"

    /// Signals are blocked before any other thread is there; the main thread then only waits.
    static func main() {
        SignalWatch.prepare([.interrupt, .terminate, .hangUp])
        let words = Array(CommandLine.arguments.dropFirst())
        // Detached: main belongs to the main actor, which has nobody to run it here.
        Task.detached {
            let code = await run(words)
            exit(code.rawValue)
        }
        while true { pause() }
    }

    static func run(_ words: [String]) async -> ExitCode {
        do {
            let arguments = try Arguments(words, version: version)
            let configuration = try Configuration.load(arguments)
            switch arguments.command {
            case "start": return try await StartCommand(arguments, configuration).run()
            case "connect": return try await ConnectCommand(arguments, configuration).run()
            case "speak": return try await SpeakCommand(arguments, configuration).run()
            case "room-server": return try await RoomServerCommand(arguments, configuration).run()
            case "demo": return try await DemoCommand(arguments, configuration).run()
            case "doctor": return try await DoctorCommand(arguments, configuration).run()
            case "lipsync": return try await LipSyncCommand(arguments, configuration).run()
            case "token": return try TokenCommand(arguments, configuration).run()
            default: return try await VoicesCommand(arguments, configuration).run()
            }
        } catch Arguments.Outcome.text(let text) {
            write(text, to: STDOUT_FILENO)
            return .ok
        } catch Arguments.Outcome.usage(let text) {
            write(text, to: STDERR_FILENO)
            return .usage
        } catch let stop as Stop {
            write("avatar-agent: \(stop.message)", to: STDERR_FILENO)
            return stop.code
        } catch {
            write("avatar-agent: \(error)", to: STDERR_FILENO)
            return .internalError
        }
    }
}

/// The exit codes of sysexits.h that this program uses.
enum ExitCode: Int32 {
    case ok = 0
    case usage = 64
    case data = 65
    case unavailable = 69
    case internalError = 70
    case refused = 77
    case configuration = 78
}

/// The end of a command that could not do its work: one sentence and an exit code.
struct Stop: Error {
    let code: ExitCode
    let message: String

    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// Standard output, for files that know nothing of C.
let standardOutput = STDOUT_FILENO

/// Standard error, likewise.
let standardError = STDERR_FILENO

/// Writes a line, as far as the other end takes it.
func write(_ text: String, to descriptor: Int32) {
    write(Array((text + "\n").utf8), to: descriptor)
}

/// Writes bytes, as far as the other end takes them.
func write(_ bytes: [UInt8], to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
        let written = bytes.withUnsafeBytes { buffer in
            // SAFETY: offset < count, so the pointer and the length stay inside the array.
            Glibc.write(
                descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]).baseAddress,
                buffer.count - offset)
        }
        guard written > 0 || errno == EINTR else { return }
        offset += max(written, 0)
    }
}
