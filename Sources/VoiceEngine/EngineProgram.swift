// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A program that speaks for another one: `avatar-voice-NAME [--memory-mb N] [--quiet]`.
///
/// Requests come as JSON lines on stdin, frames with times and PCM go to stdout;
/// `EngineRequest.swift` describes both. It ends when stdin ends, so it never outlives whoever
/// started it. `--quiet` drops what the library has to say on standard error.
public enum EngineProgram {
    /// Reads the arguments, sets the limits, makes the engine and serves it to the end of stdin.
    public static func run(_ engine: () -> some SpeechEngine) {
        var arguments = CommandLine.arguments[...]
        let name = arguments.popFirst()?.split(separator: "/").last ?? "avatar-voice"
        while let argument = arguments.popFirst() {
            if argument == "--quiet" {
                silence()
                continue
            }
            guard argument == "--memory-mb", let text = arguments.popFirst(),
                let megabytes = UInt64(text), megabytes > 0, megabytes < 1 << 20
            else {
                complain("usage: \(name) [--memory-mb N] [--quiet]\n")
                exit(64)
            }
            limit(RLIMIT_AS, to: megabytes << 20)
        }
        // A crash is expected of a library now and then: it is the parent's news, no disk's.
        limit(RLIMIT_CORE, to: 0)
        // Ctrl-C reaches the whole group; the parent says goodbye first and then closes stdin.
        signal(SIGINT, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        EngineLoop(engine()).run()
    }

    private static func limit(_ resource: __rlimit_resource, to value: UInt64) {
        var limits = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
        _ = setrlimit(Int32(resource.rawValue), &limits)
    }

    private static func silence() {
        let nothing = open("/dev/null", O_WRONLY)
        guard nothing >= 0 else { return }
        dup2(nothing, STDERR_FILENO)
        close(nothing)
    }

    private static func complain(_ text: String) {
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
