// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import WebRTC

/// Two agents and a network between them, all drawn from one seed.
struct ICEWorld {
    /// What stands between the agents.
    enum Shape: UInt64, CaseIterable {
        /// Both reachable, some of the paths between their interfaces down.
        case open
        /// One behind a NAT of any kind.
        case oneNAT
        /// Both behind NATs that hole punching gets through.
        case twoNATs
        /// The other side is a lite agent at a public address.
        case lite
        /// Both claim the same role.
        case conflict
    }

    let seed: UInt64
    let shape: Shape
    var network: SimulatedNetwork
    let left: ICEEndpoint
    let right: ICEEndpoint
    let server: STUNServerEndpoint
    /// The NAT before `left`.
    private(set) var nat: Int?
    /// What the NAT before `right` lets in; nil without one.
    private(set) var rightFiltering: SimulatedNAT.Behaviour?
    let start: Instant

    var endpoints: [any SimulatedEndpoint] { [left, right, server] }

    static func address(_ text: String) -> SocketAddress { SocketAddress(text)! }

    init(
        seed: UInt64, shape: Shape? = nil, link: SimulatedLink? = nil,
        configuration: ICEConfiguration = ICEConfiguration()
    ) {
        var random = SeededRandom(seed: seed)
        let shape = shape ?? Shape(rawValue: seed % UInt64(Shape.allCases.count))!
        self.seed = seed
        self.shape = shape
        network = SimulatedNetwork(seed: seed, link: link ?? .impaired(using: &random))
        start = network.now
        let server = STUNServerEndpoint(Self.address("203.0.113.1:3478"))
        self.server = server
        let isLeftInside =
            shape == .oneNAT || shape == .twoNATs || (shape == .lite && seed % 2 == 0)
        let leftBases = Self.bases(
            isLeftInside ? "10.0.0" : "192.0.2", "2001:db8:1::", using: &random)
        // With IPv6 on both sides no NAT would be in the way.
        let rightBases = Self.bases(
            shape == .twoNATs ? "10.0.1" : "198.51.100",
            isLeftInside ? nil : "2001:db8:2::", using: &random)
        var rightConfiguration = configuration
        rightConfiguration.isLite = shape == .lite
        let roles: [ICERole] = [.controlling, .controlled]
        let leftRole = roles.randomElement(using: &random)!
        let rightRole: ICERole =
            (leftRole == .controlling) == (shape == .conflict) ? .controlling : .controlled
        left = ICEEndpoint(
            role: leftRole, bases: leftBases, servers: [server.address], seed: random.next(),
            startingAt: start, configuration: configuration)
        right = ICEEndpoint(
            role: rightRole, bases: rightBases,
            servers: shape == .lite ? [] : [server.address], seed: random.next(),
            startingAt: start, configuration: rightConfiguration)
        left.peer = right
        right.peer = left
        for endpoint in [left, right] {
            let least = Int64.random(in: 0...100, using: &random)
            endpoint.signalDelay = least...least + Int64.random(in: 0...200, using: &random)
        }
        addNATs(isLeftInside: isLeftInside, using: &random)
        if shape == .open || shape == .conflict { blockSomePaths(using: &random) }
    }

    /// One to three addresses of one host.
    private static func bases(
        _ v4: String, _ v6: String?, using random: inout SeededRandom
    ) -> [SocketAddress] {
        let count = Int.random(in: 1...3, using: &random)
        // The first is IPv4, so that there is a common family.
        return (1...count).map { number in
            if let v6, number > 1, Bool.random(using: &random) {
                return address("[\(v6)\(number)]:\(5000 + number)")
            }
            return address("\(v4).\(number):\(5000 + number)")
        }
    }

    private mutating func addNATs(isLeftInside: Bool, using random: inout SeededRandom) {
        let filterings = SimulatedNAT.Behaviour.allCases
        var leftMapping = SimulatedNAT.Behaviour.endpointIndependent
        var rightFiltering = filterings.randomElement(using: &random)!
        if isLeftInside {
            leftMapping = filterings.randomElement(using: &random)!
            nat = network.addNAT(
                SimulatedNAT(
                    publicIP: IPAddress("192.0.2.100")!,
                    inside: left.bases.map(\.ip).filter { !$0.isV6 },
                    mapping: leftMapping, filtering: filterings.randomElement(using: &random)!,
                    hairpins: Bool.random(using: &random)))
        }
        if shape == .twoNATs {
            // A port that depends on the peer is not foreseen by the peer's filter by ports.
            if leftMapping != .endpointIndependent, rightFiltering == .addressAndPortDependent {
                rightFiltering = .addressDependent
            }
            self.rightFiltering = rightFiltering
            _ = network.addNAT(
                SimulatedNAT(
                    publicIP: IPAddress("198.51.100.100")!, inside: right.bases.map(\.ip),
                    mapping: .endpointIndependent, filtering: rightFiltering))
        }
    }

    /// Takes paths down in both directions, but never all.
    private mutating func blockSomePaths(using random: inout SeededRandom) {
        var paths: [(IPAddress, IPAddress)] = []
        for one in left.bases {
            for two in right.bases where one.ip.isV6 == two.ip.isV6 {
                paths.append((one.ip, two.ip))
            }
        }
        paths.shuffle(using: &random)
        for path in paths.dropFirst() where Int.random(in: 0..<3, using: &random) == 0 {
            network.setLink(.down, between: path.0, and: path.1)
        }
    }

    // MARK: Runs

    @discardableResult
    mutating func run(
        for duration: Duration, isDone: (ICEWorld) -> Bool = { _ in false }
    ) throws -> Bool {
        let limit = network.now + duration
        let world = self
        return try network.run(endpoints, until: limit) { isDone(world) }
    }

    /// Runs until both have a path.
    mutating func connect(within duration: Duration = .seconds(30)) throws -> Bool {
        try run(for: duration) { $0.left.isConnected && $0.right.isConnected }
    }

    /// Makes the network perfect where it was poor; what was down stays down.
    mutating func mend() {
        network.defaultLink = .perfect
    }

    /// Whether what either sends on its selected pair reaches the other on its own one.
    mutating func isConsistent() throws -> Bool {
        for (one, other) in [(left, right), (right, left)] {
            other.arrivals = []
            let payload = Array("to \(other.bases)".utf8)
            guard one.sendData(payload) else { return false }
            try run(for: .seconds(1))
            guard let pair = other.agent.selectedPair,
                other.arrivals.contains(
                    ICEEndpoint.Arrival(
                        payload: [0x80] + payload, from: pair.remote.address, on: pair.base))
            else { return false }
        }
        return true
    }

    /// What a failed expectation shows.
    var account: String {
        func account(_ side: ICEEndpoint) -> String {
            let pair = side.agent.selectedPair
            let figures = side.agent.statistics
            return """
                \(side.agent.role) \(side.states.map { "\($0.state)" }) \(figures.reason)
                  pair \(pair.map { "\($0.base) > \($0.remote.address)" } ?? "none") \(figures.pairs)
                  sent \(figures.requestsSent) + \(figures.retransmissions) answered \
                \(figures.responsesReceived) asked \(figures.requestsReceived) refused \
                \(figures.refusals) unauthenticated \(figures.unauthenticated)
                """
        }
        return """
            seed \(seed) \(shape) at \((network.now - start).seconds) s, \(network.counts)
            left \(account(left))
            right \(account(right))
            """
    }
}
