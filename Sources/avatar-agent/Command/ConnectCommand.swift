// SPDX-License-Identifier: Apache-2.0
internal import Avatar
internal import Base
internal import Crypto
internal import LiveKit
internal import Net
internal import Room
internal import Speech
internal import TokenIssuer

/// `avatar-agent connect`: one session in one room, without HTTP.
struct ConnectCommand {
    private let configuration: Configuration
    private let texts: [String]
    private let token: String
    private let voice: String?
    private let stays: Bool

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        self.configuration = configuration
        texts = arguments.all("--say")
        voice = arguments["--voice"]
        stays = arguments.has("--stay") || texts.isEmpty
        if let given = arguments["--token"] {
            token = given
        } else {
            token = try Self.token(
                room: try arguments.required("--room"), configuration: configuration)
        }
    }

    private static func token(room: String, configuration: Configuration) throws -> String {
        var grant = VideoGrant.joining(room)
        grant.canUpdateOwnMetadata = true
        grant.agent = true
        var claims = TokenClaims(
            identity: "assistant-" + SecureRandom().letters(8), video: grant, now: Loop.wallClock,
            lifetime: .seconds(6 * 3600))
        claims.name = configuration.issuer.agentName
        claims.kind = .agent
        do {
            return try AccessToken.mint(claims, key: configuration.key)
        } catch {
            throw Stop(.configuration, "a token cannot be made: \(error).")
        }
    }

    func run() async throws -> ExitCode {
        let runtime = try await Runtime(configuration)
        defer { Task { await runtime.stop() } }
        guard voice.map({ id in runtime.voices.voices.contains { $0.id == id } }) ?? true else {
            throw Stop(.data, "there is no voice \(voice ?? ""); see avatar-agent voices.")
        }
        var request = AvatarSession.Request(
            url: configuration.url, token: token, voice: voice, lead: configuration.issuer.lead,
            lifetime: .seconds(60 * configuration.issuer.maxMinutes))
        request.endsWhenEmpty = false
        let session: AvatarSession
        do throws(RoomError) {
            session = try await AvatarSession.start(request, environment: runtime.sessions)
        } catch {
            throw Self.stop(error)
        }
        for text in texts { _ = try? await session.speak(text) }
        let reason = await end(of: session, runtime)
        await session.end("the command is done")
        await runtime.stop()
        guard let reason, reason.isFailure else { return .ok }
        throw Stop(.unavailable, "\(reason.text).")
    }

    /// Waits for the session's end, a signal, or the last word; nil for the latter two.
    private func end(
        of session: AvatarSession, _ runtime: Runtime
    ) async -> AvatarSession.EndReason? {
        let stays = stays
        return await withTaskGroup { group in
            group.addTask { await session.ended() as AvatarSession.EndReason? }
            group.addTask {
                await runtime.untilAskedToEnd()
                return nil
            }
            if !stays {
                group.addTask {
                    await session.spoken()
                    return nil
                }
            }
            let first = await group.next() ?? nil
            // The others hang on things that the end of the program ends.
            group.cancelAll()
            if first == nil { await session.end("the command is done") }
            return first
        }
    }

    static func stop(_ error: RoomError) -> Stop {
        switch error {
        case .invalidURL: Stop(.configuration, "\(error.description).")
        case .ended(let end):
            switch end.cause {
            case .refused(.notLiveKit), .refused(.overloaded), .refused(.serverError):
                Stop(.unavailable, "\(error.description).")
            case .refused: Stop(.refused, "\(error.description).")
            default: Stop(.unavailable, "\(error.description).")
            }
        case .unknownHost: Stop(.unavailable, "\(error.description).")
        case .notPublished(.refused), .refused: Stop(.refused, "\(error.description).")
        case .notPublished(.timedOut): Stop(.unavailable, "\(error.description).")
        }
    }
}
