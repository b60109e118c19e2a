// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import CLinux
internal import Glibc
internal import Net
internal import Web

/// `avatar-agent doctor`: looks at everything a session needs, and says what to do about the rest.
///
/// It changes nothing but for one room of a random name, which ends when it leaves.
struct DoctorCommand {
    private let configuration: Configuration

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        self.configuration = configuration
    }

    /// - Returns: ok when sessions can run; else the code of the first thing that prevents them.
    func run() async throws -> ExitCode {
        var report = DoctorReport()
        report.add(Self.libraries)
        report.add(Self.network)
        let runtime = try await Runtime(configuration)
        report.add(
            await VoiceCheck(voices: runtime.voices, id: configuration.avatar.voice).finding())
        report.add(await port(on: runtime.web))
        let server = ServerCheck(configuration: configuration, runtime: runtime)
        await server.examine(&report)
        await runtime.stop()
        report.conclude()
        return report.code
    }

    // MARK: This machine

    /// The system libraries that this very process runs on: without one of them it had not started.
    private static var libraries: DoctorFinding {
        let names = [
            "libssl", "libsrtp2", "libopus", "libwebsockets", "libprotobuf-c", "libmicrohttpd",
            "libwslay", "libcurl", "libyaml",
        ]
        guard let maps = try? InputFile.all("/proc/self/maps", limit: 4 << 20) else {
            return .note("libraries", "the list of loaded libraries cannot be read")
        }
        var found: [String] = []
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            guard let slash = line.lastIndex(of: "/") else { continue }
            let file = String(line[line.index(after: slash)...])
            guard names.contains(where: file.hasPrefix), !found.contains(file) else { continue }
            found.append(file)
        }
        return .good("libraries", found.sorted().joined(separator: ", "))
    }

    private static var network: DoctorFinding {
        let usable = Interface.all().filter { $0.isUp && $0.isRunning && !$0.isLoopback }
            .filter { !$0.address.isLinkLocal }
        guard usable.isEmpty else {
            let list = usable.prefix(4).map { "\($0.name) \($0.address)" }
            return .good("network", list.joined(separator: ", "))
        }
        return .note(
            "network", "this machine has no address but loopback",
            advice: "The avatar can speak to a server on this machine all the same, but LiveKit's "
                + "own SDKs look for no path over loopback: browsers and apps stay silent here "
                + "until a network is up (a dummy interface with an address will do).")
    }

    private func port(on web: Loop) async -> DoctorFinding {
        let address = SocketAddress(configuration.address, port: configuration.port)
        let outcome: Result<Void, SystemError> = await withCheckedContinuation { continuation in
            web.post {
                continuation.resume(
                    returning: Result { () throws(SystemError) in
                        let listener = try TCPListener(on: web, bindingTo: address) {
                            descriptor, _ in
                            CLinux.close(descriptor)
                        }
                        listener.close()
                    })
            }
        }
        switch outcome {
        case .success: return .good("HTTP port", "\(address) is free")
        case .failure(let error) where error.code == EADDRINUSE:
            return .bad(
                "HTTP port",
                "\(address) is taken by another program, or by an avatar-agent that "
                    + "runs already", .unavailable, advice: "End it, or choose another --port.")
        case .failure(let error):
            return .bad(
                "HTTP port", "nothing can listen on \(address): \(error)", .unavailable,
                advice: "Set http.address to an address of this machine.")
        }
    }
}

/// What one look showed.
struct DoctorFinding {
    enum Grade { case good, note, bad(ExitCode) }

    let grade: Grade
    let subject: String
    let words: String
    let advice: String?

    static func good(_ subject: String, _ words: String) -> Self {
        Self(grade: .good, subject: subject, words: words, advice: nil)
    }

    /// Something to know that prevents no session.
    static func note(_ subject: String, _ words: String, advice: String? = nil) -> Self {
        Self(grade: .note, subject: subject, words: words, advice: advice)
    }

    static func bad(
        _ subject: String, _ words: String, _ code: ExitCode, advice: String
    ) -> Self {
        Self(grade: .bad(code), subject: subject, words: words, advice: advice)
    }
}

/// Prints findings as they come and remembers the first that prevents sessions.
struct DoctorReport {
    private(set) var code = ExitCode.ok
    private var notes = 0
    private static let width = 10

    mutating func add(_ finding: DoctorFinding) {
        let mark: String
        switch finding.grade {
        case .good: mark = "ok  "
        case .note:
            mark = "note"
            notes += 1
        case .bad(let code):
            mark = "BAD "
            if self.code == .ok { self.code = code }
        }
        let subject = finding.subject.padded(to: Self.width)
        write("\(mark)  \(subject)  \(finding.words).", to: STDOUT_FILENO)
        if let advice = finding.advice {
            let indent = String(repeating: " ", count: Self.width + 8)
            write(indent + advice, to: STDOUT_FILENO)
        }
    }

    func conclude() {
        let words =
            code != .ok
            ? "Sessions cannot run as it is."
            : notes > 0 ? "Sessions can run; see the notes." : "All is well."
        write(words, to: STDOUT_FILENO)
    }
}
