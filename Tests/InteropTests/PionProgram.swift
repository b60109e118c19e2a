// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// A Go program of `Tests/Peers/pion`, built from Debian's Pion and run beside the test.
final class PionProgram {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let process = Process()
    private let output = Pipe()

    /// Starts it; `deinit` ends it.
    init(_ arguments: [String]) throws {
        process.executableURL = try Self.built.get()
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
    }

    /// The next line it prints, in words; waits for it.
    func line() throws -> [String] {
        var bytes: [UInt8] = []
        while let next = try output.fileHandleForReading.read(upToCount: 1)?.first {
            if next == UInt8(ascii: "\n") {
                return String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
            }
            bytes.append(next)
        }
        throw Failure(description: "the program ended: \(String(decoding: bytes, as: UTF8.self))")
    }

    /// Built once a run; Go's cache makes the second time quick.
    private static let built: Result<URL, any Error> = Result {
        let target = FileManager.default.temporaryDirectory
            .appending(path: "avatar-pion-\(getpid())")
        let go = Process()
        go.executableURL = URL(filePath: "/usr/bin/env")
        go.currentDirectoryURL = Fixtures.peers.appending(path: "pion")
        go.arguments = ["go", "build", "-o", target.path, "."]
        // Debian's packages lie in a GOPATH; nothing is fetched.
        var environment = ProcessInfo.processInfo.environment
        environment["GO111MODULE"] = "off"
        environment["GOPATH"] = "\(target.path).gopath:/usr/share/gocode"
        environment["GOFLAGS"] = ""
        go.environment = environment
        let words = Pipe()
        go.standardError = words
        try go.run()
        let said = try words.fileHandleForReading.readToEnd() ?? Data()
        go.waitUntilExit()
        guard go.terminationStatus == 0 else {
            throw Failure(description: "go build: \(String(decoding: said, as: UTF8.self))")
        }
        return target
    }
}
