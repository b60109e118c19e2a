// SPDX-License-Identifier: Apache-2.0
internal import LiveKit
internal import Net
internal import Web

/// The HTTP side of the server: who asks is checked on the web loop, who comes in lives on the
/// media loop.
struct SignalEndpoint: Sendable {
    private let gate: JoinGate
    private let directory: RoomDirectory
    private let media: Loop

    init(keys: [APIKey], directory: RoomDirectory, media: Loop) {
        gate = JoinGate(keys: keys)
        self.directory = directory
        self.media = media
    }

    /// What the server answers to. A client that was given an address without a path asks for
    /// `//rtc`.
    var routes: HTTPRoutes {
        var routes = HTTPRoutes()
        routes.on("GET", "/") { _ in .text("OK") }
        for prefix in ["", "/"] {
            for path in ["/rtc", "/rtc/v1"] {
                let isSingle = path == "/rtc/v1"
                routes.onWebSocket(prefix + path) { request in
                    await admit(request, isSingle)
                }
                routes.on("GET", prefix + path + "/validate") { request in
                    do throws(JoinGate.Refusal) {
                        _ = try gate.admit(
                            JoinGate.Request(request, isSingle), now: Loop.wallClock)
                        return .text("success")
                    } catch {
                        return .text(error.text, status: error.status)
                    }
                }
            }
        }
        let service = "/twirp/livekit.RoomService/{method}"
        routes.on("POST", service, bodyMax: RoomServiceRequest.maxLength) { request in
            await call(request)
        }
        routes.refusal = { refusal in
            switch refusal.status {
            case 404: .text("404 page not found\n", status: 404)
            case 426: HTTPResponse(status: 404)
            default: refusal.response
            }
        }
        return routes
    }

    private func call(_ request: HTTPRequest) async -> HTTPResponse {
        let path = "/twirp/livekit.RoomService/\(request.parameters["method"] ?? "")"
        do throws(TwirpError) {
            let claims: TokenClaims?
            do throws(JoinGate.Refusal) {
                claims = try gate.claims(
                    authorization: request.headers["Authorization"], parameter: nil,
                    now: Loop.wallClock)
            } catch {
                return .text(error.text, status: error.status)
            }
            let call = try TwirpCall(
                method: request.parameters["method"] ?? "",
                contentType: request.headers["Content-Type"] ?? "", body: request.body,
                path: path)
            guard call.isAllowed(by: claims) else { throw .denied }
            let response = try await directory.perform(call.request).get()
            return HTTPResponse(
                headers: ["Content-Type": call.form.contentType],
                body: .bytes(call.body(of: response)))
        } catch {
            return .json(error.json, status: error.status)
        }
    }

    /// Any page may ask: tokens are what protects a room.
    var serverSettings: HTTPServer.Settings {
        var settings = HTTPServer.Settings()
        settings.connectionsMax = RoomDirectory.socketsMax + 200
        settings.finish = { _ in ["Access-Control-Allow-Origin": "*"] }
        return settings
    }

    private func admit(_ request: HTTPRequest, _ isSingle: Bool) async -> WebSocketDecision {
        let ticket: JoinTicket
        do throws(JoinGate.Refusal) {
            ticket = try gate.admit(JoinGate.Request(request, isSingle), now: Loop.wallClock)
        } catch {
            return .refuse(.text(error.text, status: error.status))
        }
        guard await directory.hasRoom(for: ticket.room) else {
            return .refuse(.text("the server has no room for more", status: 503))
        }
        var acceptance = WebSocketAcceptance { connection in
            { event in
                directory.assumeIsolated { $0.happened(event, connection, ticket) }
            }
        }
        let media = media
        acceptance.post = { media.post($0) }
        return .accept(acceptance)
    }
}

extension JoinGate.Request {
    init(_ request: HTTPRequest, _ isSingle: Bool) {
        self.init(
            authorization: request.headers["Authorization"],
            query: request.query.map { ($0.name, $0.value) }, isSingleConnection: isSingle)
    }
}
