// SPDX-License-Identifier: Apache-2.0
public import Base

/// Which side nominates (RFC 8445 section 6.1.1).
public enum ICERole: Sendable {
    /// Nominates: the offerer, and whoever faces a lite agent.
    case controlling
    /// Follows.
    case controlled

    /// The other role.
    var opposite: ICERole { self == .controlling ? .controlled : .controlling }
}

/// How far connectivity has come, in the words of W3C's RTCIceTransportState.
///
/// ```
/// new → checking → connected → completed
///                     ↕           ↕
///                       disconnected → failed
/// ```
/// `restart` leads from `failed` back to `checking`; `close` leads anywhere to `closed`.
public enum ICEState: Sendable {
    /// The peer's credentials are not known yet.
    case new
    /// Looking for a path.
    case checking
    /// A path is selected; candidates may still come.
    case connected
    /// A path is selected, both sides have told all candidates, and no check is under way.
    case completed
    /// The selected path has been silent for a while; it may come back.
    case disconnected
    /// There is no path, or the peer's consent ended; only a restart helps.
    case failed
    /// `close` was called.
    case closed

    /// Whether data may be sent with hope.
    public var isConnected: Bool { self == .connected || self == .completed }
}

/// Why the agent is in the state it is in, for logs and statistics.
public enum ICEStateReason: Sendable {
    /// Nothing special.
    case none
    /// No pair answered in time, though there were some, or no description answered a restart.
    case noAnswer
    /// No candidate of the peer could be paired at all: none came, or only TCP or names.
    case noUsableCandidate
    /// The peer did not answer consent checks for 30 s (RFC 7675).
    case consentExpired
    /// Nothing authenticated came for a while.
    case silence
    /// The local address in use went away.
    case localAddressRemoved
}

/// The path in use.
public struct ICESelectedPair: Equatable, Sendable {
    /// Our candidate as the peer sees it.
    public var local: ICECandidate
    /// The peer's candidate; datagrams go to its address.
    public var remote: ICECandidate
    /// The local address to send from.
    public var base: SocketAddress
}

/// Times and bounds of an agent; the defaults fit a client and a server.
public struct ICEConfiguration: Sendable {
    /// Whether we are a lite agent: only answers, never checks (RFC 8445 section 2.5). For
    /// servers at public addresses.
    public var isLite = false
    /// Ta: the least time between two checks (RFC 8445 section 14.2).
    public var checkInterval: Duration = .milliseconds(50)
    /// First retransmission time-out of checks. RFC 8445 section 14.3 says 500 ms; 250 ms is what
    /// browsers use and heals a lost packet sooner. With many pairs Ta × pairs takes its place.
    public var retransmissionTimeout: Duration = .milliseconds(250)
    /// Longest time-out: a peer that opens its ports late is found soon after.
    public var retransmissionTimeoutMax: Duration = .seconds(2)
    /// How long a better pair that is still being checked holds up a nomination.
    public var nominationGrace: Duration = .milliseconds(200)
    /// Mean time between consent checks; each wait is 0.8…1.2 times it (RFC 7675 section 5.1).
    public var consentInterval: Duration = .seconds(5)
    /// Consent ends this long after the last answer (RFC 7675 section 5.1).
    public var consentTimeout: Duration = .seconds(30)
    /// Silence, data included, after which the state is `disconnected`.
    public var disconnectedTimeout: Duration = .seconds(7)
    /// How long a search for a path may take before the state is `failed`. Nothing fails earlier,
    /// even with all pairs failed: checks from the peer may still open one (RFC 8863).
    public var searchTimeout: Duration = .seconds(30)
    /// How long the selected path may leave a probe unanswered before another valid path that the
    /// peer turned to takes its place.
    public var suspicionTimeout: Duration = .milliseconds(1000)
    /// How long checks that are held back for the peer to learn our credentials wait at most.
    public var heldCheckDelay: Duration = .seconds(1)

    /// The defaults.
    public init() {}

    /// The default size of a check list (RFC 8445 section 6.1.2.5).
    static let pairsMax = 100
    /// Signalled candidates of the peer kept: browsers send fewer than 30.
    static let signalledRemotesMax = 48
    /// Peer-reflexive candidates kept; the oldest makes room, so that a peer that wanders from
    /// address to address all day is still followed.
    static let reflexiveRemotesMax = 16
    /// Addresses of the peer that an agent knows at once, at most.
    public static let remotesMax = signalledRemotesMax + reflexiveRemotesMax
    /// Interfaces and families of one machine.
    static let basesMax = 16
    /// Local candidates kept, reflexive ones included.
    static let localsMax = 64
    /// Of these the peer-reflexive ones, which the peer makes us believe; they only describe.
    static let reflexiveLocalsMax = 16
    /// STUN servers asked: more find nothing else.
    static let serversMax = 4
    /// Candidates kept for credentials that are yet to come.
    static let earlyCandidatesMax = 32
    /// Requests waiting for an answer.
    static let transactionsMax = 256
    /// Sendings of one check: with the time-outs above, about 10 s.
    static let checkAttemptsMax = 8
    /// Sendings of one consent check, all within the time to the next.
    static let consentAttemptsMax = 4
    /// Sendings of one request to a STUN server, about 17 s. RFC 8489 section 6.2.1 says 7; on a
    /// bad mobile link a pair of NATs cannot be passed without the answer, so two more.
    static let gatherAttemptsMax = 9
    /// How long the answer to an abandoned check is still taken.
    static let abandonedLife: Duration = .seconds(3)
    /// Unauthenticated error answers in a row, and the time after which one more is allowed:
    /// they may go to a forged source.
    static let errorBurst = 8
    /// See `errorBurst`.
    static let errorInterval: Duration = .milliseconds(250)
    /// A pair checked this recently is not checked again because its peer asks.
    static let recheckInterval: Duration = .seconds(1)
}

/// What an agent has seen, for logs and metrics.
public struct ICEStatistics: Equatable, Sendable {
    /// Pairs in each state.
    public struct Pairs: Equatable, Sendable {
        /// Waiting for one with the same foundation.
        public var frozen = 0
        /// To be checked.
        public var waiting = 0
        /// Being checked.
        public var inProgress = 0
        /// Checked and good.
        public var succeeded = 0
        /// Checked and bad.
        public var failed = 0
        /// All of them.
        public var total: Int { frozen + waiting + inProgress + succeeded + failed }
    }

    /// Pairs in each state.
    public var pairs = Pairs()
    /// Round-trip time of the selected pair, smoothed; nil before the first clean measurement.
    public var roundTripTime: Duration?
    /// Why the state is what it is.
    public var reason = ICEStateReason.none
    /// Checks and consent checks sent, without repetitions.
    public var requestsSent = 0
    /// Repetitions of requests.
    public var retransmissions = 0
    /// Authenticated requests received.
    public var requestsReceived = 0
    /// Success responses received for checks.
    public var responsesReceived = 0
    /// Consent checks among `requestsSent`.
    public var consentRequestsSent = 0
    /// Role conflicts, told or found.
    public var roleConflicts = 0
    /// How often a path was selected.
    public var selections = 0
    /// Datagrams dropped because they are not proper STUN, or for no base of ours.
    public var malformed = 0
    /// Messages dropped for lack of true integrity, or with unknown transactions.
    public var unauthenticated = 0
    /// Candidates of the peer that were dropped: bad address, other component, too many.
    public var candidatesDropped = 0
    /// Candidates of the peer that are kept but cannot be paired: TCP so far.
    public var candidatesUnpaired = 0
    /// Requests refused with an error answer.
    public var refusals = 0
}
