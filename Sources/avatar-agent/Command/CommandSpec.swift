// SPDX-License-Identifier: Apache-2.0

/// A command of the program, described as data: the parser and the help text read the same table.
struct CommandSpec {
    /// `--name VALUE`, or a flag.
    struct Option {
        let name: String
        /// What stands for the value in the help; nil for a flag.
        let value: String?
        let help: String
    }

    let name: String
    let summary: String
    let operands: [String]
    let options: [Option]

    static let shared = [
        Option(name: "--config", value: "FILE", help: "read this instead of ./agent.yaml"),
        Option(name: "--log-level", value: "LEVEL", help: "debug, info, warning or error"),
        Option(name: "--log-format", value: "FORMAT", help: "text or json"),
        Option(name: "--help", value: nil, help: "show this"),
    ]

    static let all = [
        CommandSpec(
            name: "start", summary: "serve HTTP and run the sessions it asks for", operands: [],
            options: [
                Option(name: "--address", value: "IP", help: "listen there (127.0.0.1)"),
                Option(name: "--port", value: "PORT", help: "listen there (8080)"),
                Option(
                    name: "--operator-port", value: "PORT",
                    help: "serve /metrics, /ready and /health there (8081)"),
            ]),
        CommandSpec(
            name: "connect", summary: "join one room without HTTP and say something", operands: [],
            options: [
                Option(name: "--room", value: "ROOM", help: "the room to join"),
                Option(name: "--say", value: "TEXT", help: "what to say; may be given often"),
                Option(name: "--voice", value: "VOICE", help: "who says it"),
                Option(name: "--token", value: "TOKEN", help: "join with this token"),
                Option(name: "--stay", value: nil, help: "stay in the room after the last word"),
            ]),
        CommandSpec(
            name: "demo", summary: "room server, HTTP service and agent in one, on this machine",
            operands: [],
            options: [
                Option(name: "--http-port", value: "PORT", help: "the HTTP service (8080)"),
                Option(name: "--room-port", value: "PORT", help: "the room server (7880)"),
            ]),
        CommandSpec(
            name: "room-server", summary: "a LiveKit-compatible room server for this machine",
            operands: [],
            options: [
                Option(name: "--room-port", value: "PORT", help: "listen there (7880)"),
                Option(
                    name: "--bind", value: "IP", help: "for other machines too; needs own keys"),
            ]),
        CommandSpec(
            name: "speak", summary: "make a running session say something", operands: ["TEXT"],
            options: [
                Option(
                    name: "--session", value: "ID", help: "the session_id of POST /session-live"),
                Option(name: "--barge-in", value: nil, help: "interrupt what is being said"),
                Option(name: "--voice", value: "VOICE", help: "who says it"),
                Option(
                    name: "--server", value: "URL", help: "the HTTP service (http://127.0.0.1:8080)"
                ),
                Option(name: "--key", value: "KEY", help: "its bearer key; AVATAR_KEY otherwise"),
            ]),
        CommandSpec(
            name: "token", summary: "print a token that joins a room", operands: [],
            options: [
                Option(name: "--room", value: "ROOM", help: "the room it opens"),
                Option(name: "--identity", value: "ID", help: "whose it is (random)"),
                Option(name: "--name", value: "NAME", help: "the display name"),
                Option(name: "--minutes", value: "N", help: "how long it is valid (360)"),
            ]),
        LipSyncOptions.spec,
        CommandSpec(
            name: "doctor", summary: "look at everything a session needs and say what is wrong",
            operands: [],
            options: [
                Option(
                    name: "--address", value: "IP", help: "where start would listen (127.0.0.1)"),
                Option(name: "--port", value: "PORT", help: "where start would listen (8080)"),
            ]),
        CommandSpec(
            name: "voices", summary: "list the voices", operands: [],
            options: [Option(name: "--json", value: nil, help: "as JSON")]),
    ]

    /// For those who typed the name alone.
    static let programUsage = """
        usage: avatar-agent COMMAND [OPTION]…
        commands: \(all.map(\.name).joined(separator: ", "))
        avatar-agent --help tells what they do.
        """

    static let programHelp: String = {
        let width = all.map(\.name.count).max() ?? 0
        let lines = all.map { "  \($0.name.padded(to: width))  \($0.summary)" }
        return """
            avatar-agent: a talking avatar for any LiveKit room

            usage: avatar-agent COMMAND [OPTION]…

            \(lines.joined(separator: "\n"))

            avatar-agent COMMAND --help tells the options of a command; --version the version.
            LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the room server; agent.yaml
            explains every other setting.
            """
    }()

    var help: String {
        let all = options + Self.shared
        let names = all.map { $0.name + ($0.value.map { " \($0)" } ?? "") }
        let width = names.map(\.count).max() ?? 0
        let lines = zip(names, all).map { "  \($0.padded(to: width))  \($1.help)" }
        let rest = operands.isEmpty ? "" : " " + operands.joined(separator: " ")
        return """
            usage: avatar-agent \(name) [OPTION]…\(rest)

            \(summary)

            \(lines.joined(separator: "\n"))
            """
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
