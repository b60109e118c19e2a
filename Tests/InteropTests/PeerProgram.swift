// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport

/// A program of `Tests/Peers` that runs beside the test and speaks in lines.
final class PeerProgram {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffer: [UInt8] = []
    private var hasEnded = false

    /// Starts it; `deinit` ends it.
    init(_ executable: URL, _ arguments: [String]) throws {
        // One that has died fails its test, not the run.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = executable
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        let descriptor = output.fileHandleForReading.fileDescriptor
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw Failure(description: "fcntl \(errno)")
        }
        try process.run()
    }

    deinit {
        // The end of its input is what they go by; one that hangs is ended.
        try? input.fileHandleForWriting.close()
        let limit = LoopbackSocket.now + .seconds(20)
        while process.isRunning, LoopbackSocket.now < limit { poll(nil, 0, 10) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// Where its words can be waited for.
    var descriptor: Int32 { output.fileHandleForReading.fileDescriptor }

    /// The next line if it is there.
    func takeLine() throws -> String? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !hasEnded {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 { break }
            hasEnded = count == 0
            buffer += chunk[..<count]
        }
        guard let end = buffer.firstIndex(of: UInt8(ascii: "\n")) else {
            if hasEnded { throw Failure(description: "\(process.arguments ?? []) ended") }
            return nil
        }
        defer { buffer.removeSubrange(...end) }
        return String(decoding: buffer[..<end], as: UTF8.self)
    }

    /// The next line in words, waited for.
    func words(within patience: Duration = .seconds(60)) throws -> [String] {
        let limit = LoopbackSocket.now + patience
        while true {
            if let line = try takeLine() { return line.split(separator: " ").map(String.init) }
            let left = limit - LoopbackSocket.now
            guard left > .zero else {
                throw Failure(description: "\(process.arguments ?? []) says nothing")
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, Int32(left.milliseconds.rounded(.up)))
        }
    }

    /// Writes a line to it.
    func tell(_ line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    // MARK: Programs

    /// A Python program of `Tests/Peers`.
    static func python(_ name: String, _ arguments: [String]) throws -> PeerProgram {
        try PeerProgram(
            URL(filePath: PythonEnvironment.python()),
            [Fixtures.peers.appending(path: name).path] + arguments)
    }

    /// A Go program of `Tests/Peers`, over Debian's Pion.
    static func go(_ name: String, _ arguments: [String]) throws -> PeerProgram {
        try PeerProgram(GoPrograms.shared.built(name), arguments)
    }
}

/// Go programs, each built once a run; Go's own cache makes the second run quick.
private final class GoPrograms: @unchecked Sendable {
    static let shared = GoPrograms()

    // SAFETY: `results` is read and written under `lock` alone.
    private let lock = NSLock()
    private var results: [String: Result<URL, any Error>] = [:]

    func built(_ name: String) throws -> URL {
        try lock.withLock {
            if let result = results[name] { return try result.get() }
            let result = Result { try build(name) }
            results[name] = result
            return try result.get()
        }
    }

    private func build(_ name: String) throws -> URL {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appending(path: "avatar-go-\(getpid())-\(name)")
        // Debian's packages lie in a GOPATH, and paths that end in a version are understood only in
        // code that lies in one too.
        let source = folder.appending(path: "src/\(name)")
        try? files.removeItem(at: folder)
        try files.createDirectory(
            at: source.deletingLastPathComponent(), withIntermediateDirectories: true)
        try files.copyItem(at: Fixtures.peers.appending(path: name), to: source)
        let target = folder.appending(path: name)
        let go = Process()
        go.executableURL = URL(filePath: "/usr/bin/env")
        go.currentDirectoryURL = source
        go.arguments = ["go", "build", "-o", target.path, "."]
        var environment = ProcessInfo.processInfo.environment
        environment["GO111MODULE"] = "off"
        environment["GOPATH"] = "\(folder.path):/usr/share/gocode"
        environment["GOFLAGS"] = ""
        go.environment = environment
        let words = Pipe()
        go.standardError = words
        try go.run()
        let said = try words.fileHandleForReading.readToEnd() ?? Data()
        go.waitUntilExit()
        guard go.terminationStatus == 0 else {
            throw PeerProgram.Failure(
                description: "go build: \(String(decoding: said, as: UTF8.self))")
        }
        return target
    }
}
