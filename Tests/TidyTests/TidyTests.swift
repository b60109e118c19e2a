// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// The architecture, checked: what the design says about rooms, bans and sizes.
@Suite struct TidyTests {
    /// Rows bottom-up: a target imports rows below its own, never one beside or above it.
    static let rows: [[String]] = [
        ["Base"],
        ["Crypto"],
        ["LiveKit", "WebRTC", "LipSync"],
        ["Telemetry", "Config"],
        ["Net"],
        ["Web"],
        ["Transport"],
        ["Room", "Speech"],
        ["Avatar"],
        ["Worker", "TokenIssuer", "DevServer"],
        ["VoiceEngine"],
        ["avatar-voice-flite", "avatar-voice-espeak"],
        ["avatar-agent", "avatar-bench"],
    ]
    static let pure = ["Base", "LiveKit", "WebRTC", "LipSync"]
    /// Where each C library may be imported.
    static let doors: [String: [String]] = [
        "COpenSSL": ["Sources/Crypto/", "Sources/WebRTC/DTLS/"],
        "CSRTP": ["Sources/WebRTC/SRTP/"],
        "CLiveKitProto": ["Sources/LiveKit/Wire/"],
        "COpus": ["Sources/Speech/Opus/"],
        "CMicroHTTPD": ["Sources/Web/HTTPServer/"],
        "CWslay": ["Sources/Web/WebSocketServer/"],
        "CCurl": ["Sources/Web/HTTPClient/"],
        "CWebSockets": ["Sources/Web/WebSocketClient/"],
        "CYAML": ["Sources/Config/"],
        "CFlite": ["Sources/avatar-voice-flite/", "Sources/Speech/Phones/"],
        "CESpeak": ["Sources/avatar-voice-espeak/"],
    ]

    @Test func importsPointDownOnly() throws {
        var findings: [String] = []
        for file in try SourceTree(below: "Sources").files {
            guard let row = Self.rows.firstIndex(where: { $0.contains(file.target) }) else {
                findings.append("\(file.path): a target outside the design")
                continue
            }
            for (module, line) in file.imports {
                let name = module.replacingOccurrences(of: "_", with: "-")
                if let other = Self.rows.firstIndex(where: { $0.contains(name) }), other >= row {
                    findings.append("\(file.path):\(line) imports \(module)")
                }
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func everyLibraryHasOneDoor() throws {
        var findings: [String] = []
        for file in try SourceTree(below: "Sources").files {
            for (module, line) in file.imports {
                guard let allowed = Self.doors[module] else { continue }
                if !allowed.contains(where: file.path.hasPrefix) {
                    findings.append("\(file.path):\(line) imports \(module)")
                }
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func noFoundationInTheProduct() throws {
        let findings = try SourceTree(below: "Sources").files.flatMap { file in
            file.imports.filter {
                ["Foundation", "Dispatch", "FoundationNetworking"].contains($0.module)
            }
            .map { "\(file.path):\($0.line)" }
        }
        #expect(findings.isEmpty)
    }

    @Test func pureTargetsKnowNoClockTaskSocketLockOrLog() throws {
        let banned = [
            "Telemetry", "SystemRandomNumberGenerator", "ContinuousClock", "SuspendingClock",
            "Date()", "Task {", "Task.detached", "DispatchQueue", "pthread_", " print(", "Mutex<",
            "NSLock", "clock_gettime", "gettimeofday(", "socket(", ".random(in:",
        ]
        var findings: [String] = []
        for file in try SourceTree(below: "Sources").files where Self.pure.contains(file.target) {
            for (number, text) in file.code {
                for word in banned where text.contains(word) {
                    if word == ".random(in:", text.contains("using:") { continue }
                    findings.append("\(file.path):\(number): \(word)")
                }
                // One C function is no clock: `import func Glibc.exp`.
                if text.contains("import Glibc") {
                    findings.append("\(file.path):\(number): Glibc")
                }
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func everyUnsafeWordSaysWhyItIsSafe() throws {
        var findings: [String] = []
        for file in try SourceTree(below: "Sources").files {
            for (number, text) in file.code
            where ["@unchecked Sendable", "nonisolated(unsafe)", "unsafeBitCast"].contains(
                where: text.contains)
            {
                let above = file.lines[max(0, number - 14)..<number]
                if !above.contains(where: { $0.contains("SAFETY:") }) {
                    findings.append("\(file.path):\(number)")
                }
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func filesAndLinesAreShort() throws {
        var findings: [String] = []
        for folder in ["Sources", "Tests"] {
            for file in try SourceTree(below: folder).files {
                if file.lines.count > 800 {
                    findings.append("\(file.path): \(file.lines.count) lines")
                }
                for (index, line) in file.lines.enumerated() where line.count > 120 {
                    findings.append("\(file.path):\(index + 1): \(line.count) columns")
                }
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func baseStaysSmall() throws {
        let lines = try SourceTree(below: "Sources/Base").files.reduce(0) { $0 + $1.lines.count }
        #expect(lines < 1500)
    }

    @Test func namesAndMarkersThatHideMeaningAreBanned() throws {
        let names = ["Manager", "Helper", "Utils", "Utilities", "Misc", "Common"]
        var findings: [String] = []
        for file in try SourceTree(below: "Sources").files {
            let base = file.path.split(separator: "/").last.map(String.init) ?? ""
            if names.contains(where: { base.hasSuffix($0 + ".swift") }) {
                findings.append(file.path)
            }
            for (index, line) in file.lines.enumerated()
            where ["TODO", "FIXME", "XXX", "HACK"].contains(where: line.contains) {
                findings.append("\(file.path):\(index + 1)")
            }
            if file.lines.first != "// SPDX-License-Identifier: Apache-2.0" {
                findings.append("\(file.path): no licence line")
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func testsDoNotSleep() throws {
        var findings: [String] = []
        for file in try SourceTree(below: "Tests").files where file.target != "TidyTests" {
            for (number, text) in file.code
            where ["Task.sleep", "usleep(", "Thread.sleep", "nanosleep(", " sleep("].contains(
                where: text.contains)
            {
                findings.append("\(file.path):\(number)")
            }
        }
        #expect(findings.isEmpty)
    }

    @Test func topLevelIsExactlyAsDesigned() throws {
        let expected: Set = [
            "LICENSE", "Package.swift", "Protos", "README.md", "Sources", "Tests", "agent.yaml",
        ]
        let found = try FileManager.default
            .contentsOfDirectory(atPath: Fixtures.package.path)
            .filter { !$0.hasPrefix(".") && $0 != "Package.resolved" }
        #expect(Set(found) == expected)
    }

    @Test func thePackageDependsOnTheToolchainAlone() throws {
        let manifest = try String(
            contentsOf: Fixtures.package.appending(path: "Package.swift"), encoding: .utf8)
        #expect(!manifest.contains(".package("))
        #expect(!manifest.contains("unsafeFlags"))
    }
}
