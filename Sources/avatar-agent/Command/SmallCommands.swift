// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import Glibc
internal import LiveKit
internal import Net
internal import Speech
internal import TokenIssuer
internal import Web

/// `avatar-agent token`: prints a token.
struct TokenCommand {
    private let claims: TokenClaims
    private let key: APIKey

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        let minutes = try arguments.integer("--minutes", in: 1...525_600) ?? 360
        var claims = TokenClaims(
            identity: arguments["--identity"] ?? "user-" + SecureRandom().letters(12),
            video: .joining(try arguments.required("--room")), now: Loop.wallClock,
            lifetime: .seconds(60 * minutes))
        claims.name = arguments["--name"] ?? ""
        self.claims = claims
        key = configuration.key
    }

    func run() throws -> ExitCode {
        do {
            write(try AccessToken.mint(claims, key: key), to: STDOUT_FILENO)
            return .ok
        } catch {
            throw Stop(.data, "the token cannot be made: \(error).")
        }
    }
}

/// `avatar-agent voices`: lists the voices.
struct VoicesCommand {
    private let asJSON: Bool

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        asJSON = arguments.has("--json")
    }

    func run() async throws -> ExitCode {
        for voice in EngineProfile.installed.flatMap(\.voices) {
            if asJSON {
                var json = JSONWriter()
                json.object {
                    $0.member("id", voice.id)
                    $0.member("language", voice.language)
                    $0.member("name", voice.name)
                    $0.member("provider", voice.provider)
                }
                write(json.text, to: STDOUT_FILENO)
            } else {
                write(
                    "\(voice.id.padded(to: 27))\(voice.language.padded(to: 20))"
                        + "\(voice.provider.padded(to: 8))\(voice.name)",
                    to: STDOUT_FILENO)
            }
        }
        return .ok
    }
}

/// `avatar-agent speak`: makes a running session say something, over its HTTP service.
struct SpeakCommand {
    private let url: String
    private let body: [UInt8]
    private let key: String?

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        let session = try arguments.required("--session")
        guard let text = arguments.operands.first else {
            throw Arguments.Outcome.usage("avatar-agent speak: TEXT is missing.")
        }
        let server = arguments["--server"] ?? "http://127.0.0.1:\(configuration.port)"
        url = (server.hasSuffix("/") ? String(server.dropLast()) : server) + "/speak"
        var json = JSONWriter()
        json.object {
            $0.member("session_id", session)
            $0.member("text", text)
            $0.member("barge_in", arguments.has("--barge-in"))
            $0.member("voice_id", ifPresent: arguments["--voice"])
        }
        body = json.bytes
        key = arguments["--key"] ?? configuration.issuer.bearerKeys.first
    }

    func run() async throws -> ExitCode {
        let loop = try Loop(name: "web")
        try loop.start()
        defer { loop.stop() }
        let client = HTTPClient(on: loop)
        let (status, body) = try await answer(of: client)
        await client.stop()
        guard status == 200 else {
            let message = (try? JSONValue(parsing: body))?["error"]?["message"]?.string
            let code: ExitCode =
                status == 401 || status == 403 ? .refused : status < 500 ? .data : .unavailable
            throw Stop(code, message ?? "\(url) answered with status \(status).")
        }
        write(String(decoding: body, as: UTF8.self), to: STDOUT_FILENO)
        return .ok
    }

    private func answer(of client: HTTPClient) async throws -> (Int, [UInt8]) {
        var request = HTTPClientRequest(method: "POST", url: url, timeout: .seconds(10))
        request.body = body
        // A POST that the library sends again after a broken connection would be said twice.
        request.mustNotRepeat = true
        request.headers["Content-Type"] = "application/json"
        if let key { request.headers["Authorization"] = "Bearer \(key)" }
        do {
            let response = try await client.send(request)
            return (response.status, try await response.body.collect(max: 65_536))
        } catch {
            throw Stop(.unavailable, "the service at \(url) cannot be reached.")
        }
    }
}
