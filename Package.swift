// swift-tools-version: 6.2
import PackageDescription

// Every kind of target has its own helper, so that a declaration says what a target may do. The
// rows below go bottom-up: a target imports rows above its own in this file, never one beside it.
// Tests/TidyTests checks what a manifest cannot.

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Values and state machines: no clock, no socket, no task, no logging.
func pureTarget(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: strict + [.strictMemorySafety()],
        linkerSettings: [.linkedLibrary("m")])  // floor, round: the compiler calls them in libm
}

/// Wraps a C library in Swift values; no tasks of its own.
func backendTarget(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// Owns sockets, threads, tasks or the clock.
func shellTarget(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
}

/// A command of its own.
func program(
    _ name: String, _ dependencies: [Target.Dependency], links: [String] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies,
        swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")],
        linkerSettings: links.map { .linkedLibrary($0) })
}

/// One C library: its headers and static inline shims for what Swift cannot import.
func cLibrary(_ name: String, links: [String] = []) -> Target {
    .target(name: name, linkerSettings: links.map { .linkedLibrary($0) })
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], exclude: exclude,
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "avatar-agent",
    products: [
        .executable(name: "avatar-agent", targets: ["avatar-agent"]),
        .executable(name: "avatar-voice-flite", targets: ["avatar-voice-flite"]),
        .executable(name: "avatar-voice-espeak", targets: ["avatar-voice-espeak"]),
        .executable(name: "avatar-bench", targets: ["avatar-bench"]),
    ],
    targets: [
        // C libraries, one target each.
        cLibrary("CLinux"),
        cLibrary("COpenSSL", links: ["ssl", "crypto"]),
        cLibrary("CSRTP", links: ["srtp2"]),
        cLibrary("COpus", links: ["opus"]),
        cLibrary("CMicroHTTPD", links: ["microhttpd"]),
        cLibrary("CWslay", links: ["wslay"]),
        cLibrary("CCurl", links: ["curl"]),
        cLibrary("CWebSockets", links: ["websockets", "ssl", "crypto"]),
        cLibrary("CYAML", links: ["yaml"]),
        cLibrary("CFlite", links: ["flite_cmulex", "flite", "m"]),
        cLibrary("CESpeak", links: ["espeak-ng"]),  // GPL: avatar-voice-espeak alone
        cLibrary("CLiveKitProto", links: ["protobuf-c"]),

        // Pure.
        pureTarget("Base"),
        backendTarget("Crypto", ["Base", "COpenSSL"]),
        backendTarget("LiveKit", ["Base", "Crypto", "CLiveKitProto"]),
        pureTarget("WebRTC", ["Base", "Crypto", "COpenSSL", "CSRTP"]),
        pureTarget(
            "LipSync", ["Base"],
            resources: ["de", "en", "es", "fr", "it", "world"].map {
                .embedInCode("Tables/\($0).mouth")
            }),

        // Shell.
        backendTarget("Config", ["Base", "CYAML"]),
        shellTarget("Telemetry", ["Base", "CLinux"]),
        shellTarget("Net", ["Base", "Telemetry", "CLinux"]),
        shellTarget(
            "Web",
            [
                "Base", "Crypto", "Telemetry", "Net", "CLinux", "CMicroHTTPD", "CWslay", "CCurl",
                "CWebSockets",
            ]),
        shellTarget("Transport", ["Base", "Telemetry", "Net", "WebRTC"]),
        shellTarget(
            "Room",
            ["Base", "Crypto", "Telemetry", "Net", "Web", "WebRTC", "LiveKit", "Transport"]),
        shellTarget(
            "Speech",
            [
                "Base", "Crypto", "Telemetry", "Net", "Web", "LipSync", "COpus", "CFlite", "CLinux",
            ]),
        shellTarget(
            "Avatar",
            ["Base", "Crypto", "Telemetry", "Net", "LipSync", "LiveKit", "Room", "Speech"]),
        shellTarget("TokenIssuer", ["Base", "Crypto", "Telemetry", "LiveKit", "Net", "Web"]),
        shellTarget(
            "DevServer",
            ["Base", "Crypto", "Telemetry", "LiveKit", "WebRTC", "Net", "Web", "Transport"]),

        // Programs.
        backendTarget("VoiceEngine", ["Base"]),
        program(
            "avatar-voice-flite", ["VoiceEngine", "CFlite"],
            links: [
                "flite_cmu_us_slt", "flite_cmu_us_rms", "flite_cmu_us_awb", "flite_cmu_us_kal16",
                "flite_usenglish",
            ]),
        program("avatar-voice-espeak", ["VoiceEngine", "CESpeak"]),
        program(
            "avatar-agent",
            [
                "Base", "Crypto", "Config", "Telemetry", "LiveKit", "LipSync", "Net", "Web", "Room",
                "Speech", "Avatar", "TokenIssuer", "DevServer", "WebRTC", "CLinux",
            ]),
        program(
            "avatar-bench",
            [
                "Base", "Crypto", "LipSync", "LiveKit", "WebRTC", "Telemetry", "Net", "Web", "Room",
                "Speech", "CLinux",
            ]),

        // Tests: unit per target, then by kind.
        .target(
            name: "TestSupport", dependencies: ["Base", "CLinux"], path: "Tests/TestSupport",
            swiftSettings: [.treatAllWarnings(as: .error)]),
        tests("BaseTests", ["Base"]),
        tests("CryptoTests", ["Base", "Crypto"]),
        tests("ConfigTests", ["Base", "Config"]),
        tests("TelemetryTests", ["Base", "Telemetry"]),
        tests("LiveKitTests", ["Base", "Crypto", "LiveKit", "CLiveKitProto"]),
        tests("WebRTCTests", ["Base", "Crypto", "WebRTC", "COpenSSL"]),
        tests("LipSyncTests", ["Base", "LipSync", "avatar-bench"]),
        tests("NetTests", ["Base", "Telemetry", "Net", "CLinux"]),
        tests("WebTests", ["Base", "Telemetry", "Net", "Web", "CLinux"]),
        tests("TransportTests", ["Base", "Crypto", "Net", "WebRTC", "Transport"]),
        tests(
            "RoomTests",
            ["Base", "Telemetry", "LiveKit", "WebRTC", "Net", "Web", "Room", "DevServer"]),
        tests("SpeechTests", ["Base", "Net", "Speech", "LipSync"]),
        tests("AvatarTests", ["Base", "Crypto", "LipSync", "Speech", "Net", "Avatar"]),
        tests(
            "DevServerTests",
            ["Base", "Crypto", "Telemetry", "LiveKit", "Net", "WebRTC", "Web", "DevServer"]),
        tests("TokenIssuerTests", ["Base", "Crypto", "LiveKit", "Net", "Web", "TokenIssuer"]),
        tests("SimulationTests", ["Base", "Crypto", "WebRTC", "CVirtualTime"]),
        tests(
            "InteropTests",
            [
                "Base", "Crypto", "Telemetry", "LiveKit", "LipSync", "Net", "Web", "Speech",
                "WebRTC",
                "Transport", "Room", "Avatar", "TokenIssuer", "DevServer", "avatar-agent",
                "avatar-voice-flite",
            ]),
        tests("TidyTests", []),
        // Replaces gettimeofday in the simulation's process, which OpenSSL's DTLS timer reads, and
        // OpenSSL's randomness.
        .target(
            name: "CVirtualTime", path: "Tests/CVirtualTime",
            linkerSettings: [.linkedLibrary("crypto")]),
    ],
    swiftLanguageModes: [.v6]
)
