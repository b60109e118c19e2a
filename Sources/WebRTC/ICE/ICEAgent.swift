// SPDX-License-Identifier: Apache-2.0
public import Base

/// An ICE agent for one component (RFC 8445, trickle by RFC 8838, consent by RFC 7675): finds a
/// path to the peer, keeps it alive and follows it when it moves.
///
/// Pure: it has no socket and no clock. After every call drain `poll()` until nil, then call
/// `tick` at `deadline`; a deadline in the past means at once. Only messages with true integrity
/// change anything, answers of STUN servers excepted, which must bear a random identifier.
public struct ICEAgent: Sendable {
    /// What the shell is to do or to know.
    public enum Output: Equatable, Sendable {
        /// Send a datagram from the local base `from`.
        case transmit([UInt8], to: SocketAddress, from: SocketAddress)
        /// The state is another one.
        case stateChanged(ICEState)
        /// Data goes this way from now on; nil: there is no way at present.
        case selectedPair(ICESelectedPair?)
        /// Tell the peer of this candidate.
        case localCandidate(ICECandidate)
        /// No more candidates of ours will come in this generation.
        case gatheringCompleted
    }

    /// Credentials of both sides from one restart to the next.
    struct Generation: Sendable {
        let number: Int
        let local: ICECredentials
        var remote: ICECredentials?
        let localKey: [UInt8]
        var remoteKey: [UInt8] = []

        init(number: Int, local: ICECredentials) {
            self.number = number
            self.local = local
            localKey = Array(local.password.utf8)
        }
    }

    /// Another path that may take the place of the selected one, which is being probed.
    struct Rival: Sendable {
        let pair: Int
        let since: Instant
        let until: Instant
    }

    /// Times and bounds.
    public let configuration: ICEConfiguration
    /// Our role; conflicts and lite peers change it.
    public internal(set) var role: ICERole
    /// How far connectivity has come.
    public internal(set) var state = ICEState.new

    var random: SeededRandom
    var tieBreaker: UInt64
    /// The latest time seen: time never runs backwards here.
    var clock = Instant.zero
    var generation: Generation
    /// The one before: its path carries data until the new one is nominated, and its checks are
    /// answered.
    var previous: Generation?
    var isRemoteLite = false
    var remoteCandidatesEnded = false

    var bases: [ICEBase] = []
    var locals: [ICELocalCandidate] = []
    var remotes: [ICERemoteCandidate] = []
    var remoteOrder = 0
    /// Candidates for credentials that we do not know yet.
    var earlyCandidates: [ICECandidate] = []
    var checkList = ICECheckList()
    /// Pairs to be checked first, in order (RFC 8445 section 6.1.4.1).
    var triggered: [Int] = []
    var transactions: [ICETransaction] = []
    var nextCheckAt = Instant.zero

    /// The pair in use.
    var selected: Int?
    /// The pair whose nomination is under way, when we control.
    var nominating: Int?
    /// The peer, controlling, was seen to nominate pairs that it had checked before: it chooses,
    /// and its last word counts. Else it may be aggressive, and the best pair counts.
    var doesPeerChoose = false
    /// When the first pair of this generation became valid.
    var firstValidAt: Instant?
    var rival: Rival?
    /// Since when a path is sought in this generation; nil while there is one.
    var searchingSince: Instant?
    /// The search took too long, but the path of the generation before carries on.
    var isSearchGivenUp = false
    var isHolding = false
    var heldSince: Instant?

    /// When the selected pair was selected.
    var selectedAt = Instant.zero
    var nextConsentAt: Instant?
    /// The last authenticated traffic of any kind.
    var livenessAt = Instant.zero

    var servers: [SocketAddress] = []
    var gatherQueue: [(base: Int, server: SocketAddress)] = []
    var nextGatherAt = Instant.zero
    var localBasesEnded = false
    var isGatheringCompleted = false

    var errorTokens = ICEConfiguration.errorBurst
    var errorTokensAt = Instant.zero
    var counters = ICEStatistics()
    var outputs = OutputQueue<Output>()

    /// Creates an agent.
    ///
    /// - Parameters:
    ///   - role: controlling for the offerer; a lite peer makes us controlling in any case.
    ///   - credentials: ours for the first generation.
    ///   - seed: for identifiers and waits; the product passes one that nobody can guess.
    ///   - configuration: times and bounds.
    public init(
        role: ICERole, credentials: ICECredentials, seed: UInt64,
        configuration: ICEConfiguration = ICEConfiguration()
    ) {
        self.role = configuration.isLite ? .controlled : role
        self.configuration = configuration
        random = SeededRandom(seed: seed)
        tieBreaker = random.next()
        generation = Generation(number: 0, local: credentials)
    }

    // MARK: What is

    /// Our credentials in the current generation.
    public var localCredentials: ICECredentials { generation.local }

    /// The peer's credentials in the current generation, once they are known.
    public var remoteCredentials: ICECredentials? { generation.remote }

    /// Our candidates to be told the peer, as a description lists them.
    public var localCandidates: [ICECandidate] {
        locals.filter { $0.candidate.kind != .prflx && !$0.isGone }.map(\.candidate)
    }

    /// The path in use; data may be sent on it.
    public var selectedPair: ICESelectedPair? {
        selected.flatMap { checkList[$0] }.map(description(of:))
    }

    /// Round-trip time of the path in use, smoothed; nil before the first clean measurement.
    ///
    /// Cheap, unlike `statistics`.
    public var roundTripTime: Duration? { selected.flatMap { checkList[$0]?.roundTripTime } }

    /// Figures for logs and metrics.
    public var statistics: ICEStatistics {
        var figures = counters
        for pair in checkList.pairs {
            switch pair.state {
            case .frozen: figures.pairs.frozen += 1
            case .waiting: figures.pairs.waiting += 1
            case .inProgress: figures.pairs.inProgress += 1
            case .succeeded: figures.pairs.succeeded += 1
            case .failed: figures.pairs.failed += 1
            }
        }
        figures.roundTripTime = roundTripTime
        return figures
    }

    func description(of pair: ICEIndexedPair) -> ICESelectedPair {
        var remote = remotes[pair.remote].candidate
        remote.address = remote.address.scoped(like: bases[pair.base].address)
        return ICESelectedPair(
            local: locals[pair.local].candidate, remote: remote, base: bases[pair.base].address)
    }

    // MARK: Run

    /// Takes the next output; nil when all are taken.
    public mutating func poll() -> Output? {
        outputs.next()
    }

    /// Does what is due.
    public mutating func tick(at now: Instant) {
        advance(to: now)
        step()
    }

    /// Takes a datagram for which `STUNDatagram.isSTUN` holds, as received on the base `local`.
    public mutating func receive(
        _ datagram: [UInt8], from remote: SocketAddress, on local: SocketAddress, at now: Instant
    ) {
        advance(to: now)
        guard state != .closed, state != .failed else { return }
        let remote = remote.unscoped
        guard let base = bases.firstIndex(where: { !$0.isRemoved && $0.address == local }),
            let message = try? STUNDatagram(parsing: datagram), remote.port != 0,
            !remote.ip.isMulticast, !remote.ip.isUnspecified,
            message.message.method == STUNMessage.binding
        else {
            counters.malformed += 1
            return
        }
        switch message.message.kind {
        case .request: requestReceived(message, from: remote, on: base)
        case .success, .failure: responseReceived(message, from: remote, on: base)
        case .indication: break  // keeps a NAT open, says nothing and is not authenticated
        }
        step()
    }

    /// Notes authenticated traffic other than STUN from the peer, such as media: it is alive.
    public mutating func dataReceived(at now: Instant) {
        advance(to: now)
        guard selected != nil else { return }
        livenessAt = clock
        if state == .disconnected { step() }
    }

    /// Ends everything; nothing is sent any more.
    public mutating func close() {
        guard state != .closed else { return }
        drop()
        setState(.closed, .none)
    }

    mutating func advance(to now: Instant) {
        clock = max(clock, now)
    }

    /// Everything that follows from the time and from what has changed.
    mutating func step() {
        guard state != .closed, state != .failed else { return }
        startSearch()
        runTransactions()
        runGathering()
        runHold()
        runConsent()
        runRival()
        nominateIfSensible()
        runChecks()
        updateState()
    }

    /// When `tick` is due; nil: only when something else happens.
    public var deadline: Instant? {
        guard state != .closed, state != .failed else { return nil }
        var soonestTime = transactions.reduce(nil as Instant?) { soonest($0, $1.nextAt) }
        if !gatherQueue.isEmpty { soonestTime = soonest(soonestTime, nextGatherAt) }
        if isHolding {
            soonestTime = soonest(
                soonestTime, heldSince.map { $0 + configuration.heldCheckDelay } ?? clock)
        }
        if nextCheck() != nil { soonestTime = soonest(soonestTime, nextCheckAt) }
        soonestTime = soonest(soonestTime, rival?.until)
        soonestTime = soonest(soonestTime, nominationDeadline)
        soonestTime = soonest(soonestTime, pathDeadline)
        soonestTime = soonest(soonestTime, searchDeadline)
        if localBasesEnded, !isGatheringCompleted, !isGathering {
            soonestTime = soonest(soonestTime, clock)
        }
        return soonestTime
    }
}
