// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The Python with the official clients and the second opinions that tests speak to: one virtual
/// environment for the whole package, made once, by whichever test asks first.
///
/// It lies in `.venv` at the package root, or in the folder that `AVATAR_TEST_VENV` names, so that
/// several clones can share one. Making it needs PyPI and takes under a minute; a test that needs
/// it fails where it cannot be made, with pip's own words.
public enum PythonEnvironment {
    /// What is installed, each pinned to the version whose behaviour the tests know.
    public static let packages = [
        "livekit==1.2.0", "livekit-api==1.2.2", "livekit-protocol==1.1.29", "aiortc==1.16.0",
        "aiohttp", "websockets", "playwright==1.65.2", "pipecat-ai-prebuilt==1.3.0", "PyYAML",
        "tree-sitter==0.26.1", "tree-sitter-dart-orchard==0.7.0",
    ]

    /// What went wrong, with the words of the program that failed.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// The environment's folder.
    public static let folder: URL = {
        let named = ProcessInfo.processInfo.environment["AVATAR_TEST_VENV"] ?? ""
        return named.isEmpty
            ? Fixtures.package.appending(path: ".venv") : URL(filePath: named)
    }()

    /// The path of its interpreter; the environment is made first where it is missing or was made
    /// for other packages. Blocks for as long as that takes: call it inside `waiting` where other
    /// tests run beside.
    public static func python() throws -> String {
        try made.get()
        return interpreter.path
    }

    /// The folder of another version of the LiveKit SDK than the environment's, for PYTHONPATH: it is
    /// put there first where it is missing.
    ///
    /// - Parameter version: as PyPI has it.
    public static func sdk(version: String) async throws -> String {
        try await waiting { Result { try installed("livekit", version, ["--no-deps"]) } }.get()
    }

    /// The folder of the LiveKit agents framework with all that it needs, an SDK of its own version
    /// among it, for PYTHONPATH: it is put there first where it is missing.
    ///
    /// - Parameter version: as PyPI has it.
    public static func agents(version: String) async throws -> String {
        try await waiting { Result { try installed("livekit-agents", version, []) } }.get()
    }

    private static func installed(
        _ package: String, _ version: String, _ options: [String]
    ) throws -> String {
        let python = try python()
        let target = folder.appending(path: "sdk/\(package)-\(version)")
        return try locked {
            guard !FileManager.default.fileExists(atPath: target.path) else { return target.path }
            // Under another name until it is whole; what it depends on is the environment's.
            let growing = target.appendingPathExtension("part")
            try? FileManager.default.removeItem(at: growing)
            try pip(python, options + ["--target", growing.path, "\(package)==\(version)"])
            try FileManager.default.moveItem(at: growing, to: target)
            return target.path
        }
    }

    /// What a Python program of `Tests/Peers` prints.
    ///
    /// - Parameters:
    ///   - program: the file's name below `Tests/Peers`.
    ///   - arguments: its arguments.
    ///   - input: its standard input.
    ///   - seconds: it is ended when it runs longer.
    /// - Throws: `Failure` with its last words when it exits with another status than 0.
    public static func output(
        of program: String, _ arguments: [String] = [], input: String = "", seconds: Int = 120
    ) async throws -> String {
        let path = Fixtures.peers.appending(path: program).path
        return try await waiting {
            Result { try run(try python(), [path] + arguments, input: input, seconds: seconds) }
        }.get()
    }

    private static let interpreter = folder.appending(path: "bin/python")

    /// Made at most once in a process.
    private static let made: Result<Void, any Error> = Result {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try locked {
            let marker = folder.appending(path: ".packages")
            let wanted = packages.joined(separator: "\n")
            if (try? String(contentsOf: marker, encoding: .utf8)) == wanted { return }
            if !FileManager.default.isExecutableFile(atPath: interpreter.path) {
                _ = try run("/usr/bin/env", ["python3", "-m", "venv", folder.path], seconds: 600)
            }
            try pip(interpreter.path, packages)
            try wanted.write(to: marker, atomically: true, encoding: .utf8)
        }
    }

    /// Keeps two processes apart, and two tests, that want to put something into the folder.
    private static func locked<Value>(_ body: () throws -> Value) throws -> Value {
        let lock = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { throw Failure(description: "cannot open \(folder.path)") }
        defer { close(lock) }
        guard flock(lock, LOCK_EX) == 0 else {
            throw Failure(description: "cannot lock \(folder.path)")
        }
        return try body()
    }

    /// Installs; again where that fails, for pip repeats connections, but no download that breaks in
    /// its middle.
    private static func pip(_ python: String, _ words: [String]) throws {
        let all =
            [
                "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--retries", "10",
                "--timeout", "60",
            ] + words
        for _ in 0..<2 where (try? run(python, all, seconds: 600)) != nil { return }
        _ = try run(python, all, seconds: 1_200)
    }

    private static func run(
        _ program: String, _ arguments: [String], input: String = "", seconds: Int
    ) throws -> String {
        // Files instead of pipes: neither side ever waits for the other to read.
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "avatar-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let paths = ["in", "out", "err"].map { scratch.appending(path: $0) }
        try Data(input.utf8).write(to: paths[0])
        for path in paths[1...] { try Data().write(to: path) }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: paths[0])
        process.standardOutput = try FileHandle(forWritingTo: paths[1])
        process.standardError = try FileHandle(forWritingTo: paths[2])
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        if ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut {
            // What it started, too: it leads a group of its own.
            kill(-process.processIdentifier, SIGKILL)
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
            throw Failure(description: "\(arguments) ran longer than \(seconds) s")
        }
        guard process.terminationStatus == 0 else {
            let words = String(
                decoding: try Data(contentsOf: paths[2]).suffix(2_000), as: UTF8.self)
            throw Failure(
                description: "\(arguments) failed (\(process.terminationStatus)): \(words)")
        }
        return String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self)
    }
}
