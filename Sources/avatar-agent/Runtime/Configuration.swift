// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import Config
internal import Glibc
internal import LipSync
internal import LiveKit
internal import Speech
internal import Telemetry
internal import TokenIssuer
internal import Web

/// Every setting of the program: agent.yaml, then the environment, then the options of a command,
/// the later the stronger.
struct Configuration {
    var url = "ws://127.0.0.1:7880"
    var publicURL = ""
    var key = APIKey(id: "devkey", secret: "secret")
    var certificateAuthorities = WebSocketRequest.systemCertificateAuthorities
    var address = IPAddress.loopback
    var port: UInt16 = 8080
    /// Where the operator's port is.
    var operatorAddress = IPAddress.loopback
    /// The operator's port; nil for none.
    var operatorPort: UInt16? = 8081
    /// Whether somebody asked for just that port; else it is no fault when another program has it.
    var isOperatorPortChosen = false
    var issuer = IssuerSettings(key: APIKey(id: "", secret: ""), publicURL: "")
    var avatar = AvatarSettings()
    var maxSessions = 200
    var helpers = 0
    /// The user's own table of articulations.
    var articulations: ArticulationTable?
    var logLevel = LogLevel.info
    var logFormat = LogFormat.text

    /// The file that is read when none is named, if it is there.
    static let standardFile = "agent.yaml"

    /// Reads all three sources.
    static func load(_ arguments: Arguments) throws -> Configuration {
        var configuration = Configuration()
        if let path = arguments["--config"] {
            try configuration.read(path)
        } else if access(standardFile, R_OK) == 0 {
            try configuration.read(standardFile)
        }
        configuration.readEnvironment()
        try configuration.readOptions(arguments)
        configuration.issuer.key = configuration.key
        configuration.issuer.publicURL =
            configuration.publicURL.isEmpty ? configuration.url : configuration.publicURL
        configuration.avatar.version = Program.version
        configuration.avatar.articulations = configuration.articulations
        return configuration
    }

    // MARK: agent.yaml

    private mutating func read(_ path: String) throws {
        do {
            let root = try ConfigNode(contentsOf: path)
            try readLiveKit(root.mapping("livekit"))
            try readHTTP(root.mapping("http"))
            try readOperator(root.mapping("operator"))
            try readAgent(root.mapping("agent"))
            try readVoice(root)
            try readLipSync(root.mapping("lipsync"))
            try readRules(root)
            try root.finish()
        } catch let error as ConfigError {
            throw Stop(.configuration, error.description)
        }
    }

    private mutating func readLiveKit(_ node: ConfigNode) throws {
        url = try node.text("url") ?? url
        publicURL = try node.text("public_url") ?? publicURL
        key = APIKey(
            id: try node.text("api_key") ?? key.id,
            secret: try node.text("api_secret") ?? key.secret)
        guard let path = try node.text("ca_file") else { return }
        // Else every join would fail, and blame the server's certificate. The system's own may be
        // missing, where nobody asks for wss://.
        guard path == certificateAuthorities || access(path, R_OK) == 0 else {
            throw node.refusal("ca_file", "names a file that cannot be read")
        }
        certificateAuthorities = path
    }

    private mutating func readHTTP(_ node: ConfigNode) throws {
        if let text = try node.text("address") {
            guard let ip = IPAddress(text) else {
                throw node.refusal("address", "must be an IP address")
            }
            address = ip
        }
        if let number = try node.integer("port", in: 0...65_535) { port = UInt16(number) }
        issuer.bearerKeys = try node.texts("bearer_keys") ?? issuer.bearerKeys
        // It would count as protection and keep nobody out.
        guard !issuer.bearerKeys.contains("") else {
            throw node.refusal("bearer_keys", "must not hold an empty key")
        }
        issuer.origins = try node.texts("cors_origins") ?? issuer.origins
        issuer.requestsPerMinute =
            try node.integer("requests_per_minute", in: 0...1_000_000) ?? issuer.requestsPerMinute
        for text in try node.texts("trusted_proxies") ?? [] {
            guard issuer.trustedProxies.add(text) else {
                throw node.refusal(
                    "trusted_proxies", "must hold addresses or networks such as 10.0.0.0/8")
            }
        }
    }

    private mutating func readOperator(_ node: ConfigNode) throws {
        if let text = try node.text("address") {
            guard let ip = IPAddress(text) else {
                throw node.refusal("address", "must be an IP address")
            }
            operatorAddress = ip
        }
        if let number = try node.integer("port", in: 0...65_535) {
            isOperatorPortChosen = UInt16(number) != operatorPort
            operatorPort = UInt16(number)
        }
        if try node.flag("enabled") == false { operatorPort = nil }
    }

    private mutating func readAgent(_ node: ConfigNode) throws {
        issuer.agentName = try node.text("name") ?? issuer.agentName
        issuer.lead = try node.integer("lead_ms", in: -200...1000) ?? issuer.lead
        avatar.isLossy = try node.flag("lossy") ?? avatar.isLossy
        if let seconds = try node.integer("join_seconds", in: 1...86_400) {
            avatar.joinLimit = .seconds(seconds)
        }
        if let seconds = try node.integer("empty_seconds", in: 1...86_400) {
            avatar.emptyLimit = .seconds(seconds)
        }
        issuer.maxMinutes = try node.integer("max_minutes", in: 1...1440) ?? issuer.maxMinutes
        maxSessions = try node.integer("max_sessions", in: 1...10_000) ?? maxSessions
    }

    private mutating func readVoice(_ root: ConfigNode) throws {
        let voice = try root.mapping("voice")
        avatar.voice = try voice.text("id") ?? avatar.voice
        helpers = try voice.integer("helpers", in: 0...64) ?? helpers
        let opus = try root.mapping("opus")
        avatar.opus.bitrate = try opus.integer("bitrate", in: 6000...128_000) ?? avatar.opus.bitrate
        avatar.opus.complexity =
            try opus.integer("complexity", in: 0...10) ?? avatar.opus.complexity
    }

    private mutating func readLipSync(_ node: ConfigNode) throws {
        avatar.followsEnergy = try node.flag("energy") ?? avatar.followsEnergy
        guard let path = try node.text("table"), !path.isEmpty else { return }
        do {
            articulations = try ArticulationTable(
                parsing: try InputFile.all(path, limit: 1 << 20), file: path)
        } catch let error as InputFile.Failure {
            throw node.refusal("table", "names a file that cannot be taken: \(error.message)")
        } catch let error as ArticulationTableError {
            throw Stop(.configuration, error.description)
        }
    }

    private mutating func readRules(_ root: ConfigNode) throws {
        let avatars = try root.mapping("avatars")
        let isStrict = try avatars.flag("strict") ?? false
        let ids = try avatars.texts("ids") ?? []
        issuer.avatars = isStrict ? ids : nil
        issuer.tokenRooms = try root.mapping("token").texts("rooms") ?? issuer.tokenRooms
        let log = try root.mapping("log")
        if let name = try log.text("level") {
            guard let level = LogLevel(name: name) else {
                throw log.refusal("level", "must be debug, info, warning or error")
            }
            logLevel = level
        }
        if let name = try log.text("format") {
            guard let format = LogFormat(rawValue: name) else {
                throw log.refusal("format", "must be text or json")
            }
            logFormat = format
        }
    }

    // MARK: Environment and options

    private mutating func readEnvironment() {
        url = Self.environment("LIVEKIT_URL") ?? url
        key = APIKey(
            id: Self.environment("LIVEKIT_API_KEY") ?? key.id,
            secret: Self.environment("LIVEKIT_API_SECRET") ?? key.secret)
        if let bearer = Self.environment("AVATAR_KEY") { issuer.bearerKeys.append(bearer) }
    }

    static func environment(_ name: String) -> String? {
        // SAFETY: getenv's text is copied at once, and nobody sets variables in this program.
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    private mutating func readOptions(_ arguments: Arguments) throws {
        if let name = arguments["--log-level"] {
            guard let level = LogLevel(name: name) else {
                throw Arguments.Outcome.usage(
                    "avatar-agent: --log-level must be debug, info, warning or error.")
            }
            logLevel = level
        }
        if let name = arguments["--log-format"] {
            guard let format = LogFormat(rawValue: name) else {
                throw Arguments.Outcome.usage("avatar-agent: --log-format must be text or json.")
            }
            logFormat = format
        }
        if let text = arguments["--address"] {
            guard let ip = IPAddress(text) else {
                throw Arguments.Outcome.usage("avatar-agent: --address must be an IP address.")
            }
            address = ip
        }
        if let number = try arguments.integer("--port", in: 0...65_535) { port = UInt16(number) }
        if let number = try arguments.integer("--operator-port", in: 0...65_535) {
            operatorPort = UInt16(number)
            isOperatorPortChosen = true
        }
    }
}
