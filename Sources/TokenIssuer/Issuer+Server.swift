// SPDX-License-Identifier: Apache-2.0
internal import Base
public import Web

/// The issuer on the HTTP server.
extension Issuer {
    /// What the server routes to the issuer; it answers other paths and methods by itself.
    private static let paths: [(pattern: String, methods: [String])] = [
        ("/session-live", ["POST"]), ("/session", ["POST"]), ("/speak", ["POST"]),
        ("/stop", ["POST"]), ("/token", ["POST"]), ("/voices", ["GET"]), ("/health", ["GET"]),
        ("/session-live/{id}", ["GET", "DELETE"]), ("/session-live/{id}/speak", ["POST"]),
        ("/session-live/{id}/stop", ["POST"]), ("/session-live/{id}/token", ["POST"]),
    ]

    /// The routes of the service.
    public var routes: HTTPRoutes {
        var routes = HTTPRoutes()
        for path in Self.paths {
            for method in path.methods + ["OPTIONS"] {
                routes.on(method, path.pattern, bodyMax: Self.bodyMax) { request in
                    let answer = await self.answer(
                        APICall(request, through: settings.trustedProxies))
                    var headers = HTTPHeaders()
                    for field in answer.headers { headers.append(field.name, field.value) }
                    return HTTPResponse(
                        status: answer.status, headers: headers, body: .bytes(answer.body))
                }
            }
        }
        return routes
    }

    /// The server's settings with the fields that let web pages read its answers.
    public var serverSettings: HTTPServer.Settings {
        var settings = HTTPServer.Settings()
        settings.finish = { answered in
            var headers = HTTPHeaders()
            for field in crossOriginFields(answered.headers["Origin"]) {
                headers.append(field.name, field.value)
            }
            return headers
        }
        return settings
    }
}

extension APICall {
    /// Nil for a program of this machine: whoever runs there needs no service to harm it. That one
    /// is at the other end of the connection itself; nobody is believed who only says so.
    static func client(
        of peer: IPAddress, forwardedFor: [String], through proxies: TrustedProxies
    ) -> IPAddress? {
        let client = proxies.client(of: peer, forwardedFor: forwardedFor)
        return client == peer && peer.isLoopback ? nil : client
    }

    init(_ request: HTTPRequest, through proxies: TrustedProxies) {
        let path = request.target.split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        self.init(
            method: request.method, path: String(path),
            headers: request.headers.fields.map { (name: $0.name, value: $0.value) },
            body: request.body,
            client: Self.client(
                of: request.remoteAddress.ip,
                forwardedFor: request.headers.all("X-Forwarded-For"), through: proxies))
    }
}
