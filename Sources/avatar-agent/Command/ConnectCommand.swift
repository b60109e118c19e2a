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
        do {
            try await speak(in: runtime)
        } catch {
            await runtime.stop()
            throw error
        }
        await runtime.stop()
        return .ok
    }

    /// Time between the last sample and the departure. A server forgets one who leaves together with
    /// what is still on its way, and listeners stop to play what waits in their jitter buffers.
    private static let farewell = Duration.seconds(1)

    /// What can happen, from the start of the join on.
    private enum Event: Sendable {
        case joined(AvatarSession)
        case refused(RoomError)
        case ended(AvatarSession.EndReason)
        case spoken
        case askedToEnd
        case joinTimedOut
    }

    private func speak(in runtime: Runtime) async throws {
        guard voice.map({ id in runtime.voices.voices.contains { $0.id == id } }) ?? true else {
            throw Stop(.data, "there is no voice \(voice ?? ""); see avatar-agent voices.")
        }
        // Tasks of their own and no group, which would wait for all of them: a signal ends a join,
        // and the last word ends the wait for a signal. What is left over ends with the program.
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        Task {
            await runtime.untilAskedToEnd()
            sink.yield(.askedToEnd)
        }
        let request = request
        Task { sink.yield(await Self.join(request, runtime)) }
        let media = runtime.media
        let limit = media.now + SessionRegistry.joinLimit
        media.post { _ = media.schedule(at: limit) { sink.yield(.joinTimedOut) } }
        var session: AvatarSession?
        for await event in events {
            switch event {
            case .joined(let joined):
                session = joined
                for text in texts { _ = try? await joined.speak(text) }
                Task { sink.yield(.ended(await joined.ended())) }
                guard !stays else { continue }
                Task {
                    await joined.spoken()
                    media.post {
                        _ = media.schedule(at: media.now + Self.farewell) { sink.yield(.spoken) }
                    }
                }
            case .joinTimedOut:
                if session == nil { throw Stop(.unavailable, SessionRegistry.lateJoin) }
            case .refused(let error): throw Self.stop(error)
            case .ended(let reason):
                guard reason.isFailure else { return }
                throw Stop(.unavailable, "\(reason.text).")
            case .spoken, .askedToEnd:
                await session?.end("the command is done")
                return
            }
        }
    }

    private var request: AvatarSession.Request {
        var request = AvatarSession.Request(
            url: configuration.url, token: token, voice: voice, lead: configuration.issuer.lead,
            lifetime: .seconds(60 * configuration.issuer.maxMinutes))
        request.endsWhenEmpty = false
        return request
    }

    private static func join(_ request: AvatarSession.Request, _ runtime: Runtime) async -> Event {
        do throws(RoomError) {
            return .joined(try await AvatarSession.start(request, environment: runtime.sessions))
        } catch {
            return .refused(error)
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
