// SPDX-License-Identifier: Apache-2.0
public import LiveKit

/// What the issuer is configured to do.
public struct IssuerSettings: Sendable {
    /// The key with which tokens are signed.
    public var key: APIKey
    /// The room server's URL as clients reach it, `ws://` or `wss://`.
    public var publicURL: String
    /// The agent's display name.
    public var agentName = "AI Assistant"
    /// Keys of which a caller must show one; empty: open, on loopback alone.
    public var bearerKeys: [String] = []
    /// Origins of web pages that may call, `*` for any port at the end of one.
    public var origins = ["http://localhost:*", "http://127.0.0.1:*"]
    /// Proxies whose `X-Forwarded-For` counts.
    public var trustedProxies = TrustedProxies()
    /// Requests that one address may make in a minute; 0 sets no limit. Programs of
    /// this machine have none.
    public var requestsPerMinute = 600
    /// Rooms that `POST /token` serves where bearer keys are set; a `*` at the end takes any rest.
    public var tokenRooms: [String] = []
    /// Longest life of a session, minutes.
    public var maxMinutes = 60
    /// Default of `lead_ms`.
    public var lead = 250
    /// The only values of `avatar_id` that are taken; nil takes any.
    public var avatars: [String]?

    /// Settings with their defaults.
    public init(key: APIKey, publicURL: String) {
        self.key = key
        self.publicURL = publicURL
    }
}
