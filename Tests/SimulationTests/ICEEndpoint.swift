// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import WebRTC

/// What two agents tell each other beside the network.
enum ICESignal {
    case description(ICECredentials, isLite: Bool, isAnswer: Bool)
    case candidate(ICECandidate)
    case endOfCandidates
}

/// An agent on the simulated network with its drain loop and its signalling.
final class ICEEndpoint: SimulatedEndpoint {
    struct Arrival: Equatable {
        var payload: [UInt8]
        var from: SocketAddress
        var on: SocketAddress
    }

    var agent: ICEAgent
    private(set) var bases: [SocketAddress]
    let isLite: Bool
    weak var peer: ICEEndpoint?
    /// Bounds of the time a signal takes; signals keep their order.
    var signalDelay: ClosedRange<Int64> = 1...1
    var states: [(at: Instant, state: ICEState)] = []
    var selections: [(at: Instant, pair: ICESelectedPair?)] = []
    var arrivals: [Arrival] = []
    var told: [ICECandidate] = []
    var transmissions = 0
    /// Whether the description was sent, so that candidates may follow.
    private var isDescribed = false
    private var heldSignals: [ICESignal] = []
    private var random: SeededRandom
    private var inbox: [(at: Instant, signal: ICESignal)] = []
    private var outbox: [SimulatedDatagram] = []
    private var now: Instant
    private var agentDeadline: Instant?

    init(
        role: ICERole, bases: [SocketAddress], servers: [SocketAddress] = [], seed: UInt64,
        startingAt now: Instant, configuration: ICEConfiguration = ICEConfiguration()
    ) {
        random = SeededRandom(seed: seed)
        agent = ICEAgent(
            role: role, credentials: ICECredentials(using: &random), seed: random.next(),
            configuration: configuration)
        self.bases = bases
        self.now = now
        isLite = configuration.isLite
        for base in bases { agent.addLocalCandidate(base: base) }
        agent.setSTUNServers(servers)
        agent.endLocalCandidates()
        collect()
    }

    var state: ICEState { agent.state }
    var isConnected: Bool { agent.state.isConnected }

    // MARK: Network

    var deadline: Instant? { soonest(agentDeadline, inbox.first?.at) }

    func isReachable(at address: SocketAddress) -> Bool { bases.contains(address) }

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        self.now = now
        if STUNDatagram.isSTUN(datagram.bytes) {
            agent.receive(
                datagram.bytes, from: datagram.source, on: datagram.destination, at: now)
        } else {
            arrivals.append(
                Arrival(
                    payload: datagram.bytes, from: datagram.source, on: datagram.destination))
            agent.dataReceived(at: now)
        }
        collect()
    }

    func tick(at now: Instant) {
        self.now = now
        while let first = inbox.first, first.at <= now {
            inbox.removeFirst()
            take(first.signal)
        }
        if let deadline = agent.deadline, deadline <= now { agent.tick(at: now) }
        collect()
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        self.now = now
        defer { outbox = [] }
        return outbox
    }

    /// Sends data over the selected pair; false when there is none.
    @discardableResult
    func sendData(_ payload: [UInt8]) -> Bool {
        guard let pair = agent.selectedPair else { return false }
        outbox.append(
            SimulatedDatagram([0x80] + payload, from: pair.base, to: pair.remote.address))
        return true
    }

    private func collect() {
        defer { agentDeadline = agent.deadline }
        while let output = agent.poll() {
            switch output {
            case .transmit(let bytes, let to, let from):
                transmissions += 1
                outbox.append(SimulatedDatagram(bytes, from: from, to: to))
            case .stateChanged(let state): states.append((now, state))
            case .selectedPair(let pair): selections.append((now, pair))
            case .localCandidate(let candidate):
                told.append(candidate)
                signal(.candidate(candidate))
            case .gatheringCompleted: signal(.endOfCandidates)
            }
        }
    }

    /// Takes a socket away, as when an interface goes down.
    func remove(base: SocketAddress) {
        agent.removeLocalBase(base)
        collect()
    }

    /// Adds a socket.
    func add(base: SocketAddress) {
        bases.append(base)
        agent.addLocalCandidate(base: base)
        collect()
    }

    // MARK: Signalling

    /// Offers, or restarts and offers: the peer answers by itself.
    func offer(restarting: Bool = false) {
        if restarting { restart() }
        describe(isAnswer: false)
    }

    func restart() {
        isDescribed = false
        agent.restart(credentials: ICECredentials(using: &random))
        collect()
    }

    private func describe(isAnswer: Bool) {
        isDescribed = true
        let held = heldSignals
        heldSignals = []
        signal(
            .description(agent.localCredentials, isLite: isLite, isAnswer: isAnswer))
        for signal in held { self.signal(signal) }
    }

    private func signal(_ signal: ICESignal) {
        guard isDescribed else {
            heldSignals.append(signal)
            return
        }
        guard let peer else { return }
        let delay = Duration.milliseconds(Int64.random(in: signalDelay, using: &random))
        peer.inbox.append((max(now + delay, peer.inbox.last?.at ?? .zero), signal))
    }

    private func take(_ signal: ICESignal) {
        switch signal {
        case .description(let credentials, let isLite, let isAnswer):
            guard !isAnswer else {
                agent.setRemote(credentials: credentials, isLite: isLite)
                return
            }
            let isRestart =
                agent.remoteCredentials.map { $0 != credentials } ?? (agent.state == .failed)
            if isRestart { restart() }
            agent.setRemote(
                credentials: credentials, isLite: isLite, holdingChecks: isRestart)
            describe(isAnswer: true)
        case .candidate(let candidate):
            // Through the wire form, as in life.
            if let parsed = try? ICECandidate(parsing: candidate.line) {
                agent.addRemoteCandidate(parsed)
            }
        case .endOfCandidates: agent.endRemoteCandidates()
        }
    }
}

/// A STUN server (RFC 8489): answers every Binding request with where it came from.
final class STUNServerEndpoint: SimulatedEndpoint {
    let address: SocketAddress
    private(set) var requests = 0
    private var outbox: [SimulatedDatagram] = []

    init(_ address: SocketAddress) {
        self.address = address
    }

    var deadline: Instant? { nil }
    func isReachable(at address: SocketAddress) -> Bool { address == self.address }
    func tick(at now: Instant) {}

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        guard let request = try? STUNDatagram(parsing: datagram.bytes),
            request.message.kind == .request
        else { return }
        requests += 1
        var answer = STUNMessage(
            kind: .success, transactionID: request.message.transactionID)
        answer.xorMappedAddress = datagram.source
        outbox.append(
            SimulatedDatagram(answer.encoded(), from: address, to: datagram.source))
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        defer { outbox = [] }
        return outbox
    }
}
