// SPDX-License-Identifier: Apache-2.0
public import Base

/// A datagram network in virtual time: the same seed and the same calls give the same run, which
/// `transcript` proves.
///
/// Any address is routable unless it is inside a NAT or was taken down. Typical use:
/// ```
/// var network = SimulatedNetwork(seed: seed, link: .impaired(using: &random))
/// try network.run([left, right], until: .zero + .seconds(30)) { left.isDone && right.isDone }
/// ```
/// `run` may be called again and again, with changes of links, NATs and endpoints in between.
public struct SimulatedNetwork {
    /// Why a run was given up.
    public enum Failure: Error, Equatable {
        /// The endpoint at this index asks to be ticked again and again without time passing.
        case endpointSpins(index: Int)
    }

    /// What became of the datagrams.
    public struct Counts: Equatable, Sendable {
        /// Handed in by endpoints.
        public var sent = 0
        /// Given to an endpoint, copies included.
        public var delivered = 0
        /// Lost by chance, by a full queue, a down link or for their length.
        public var lost = 0
        /// Given up because no route or no NAT binding led on, or nobody listens there.
        public var unreachable = 0
        /// Copies made.
        public var duplicated = 0
        /// Datagrams with flipped bits.
        public var corrupted = 0
    }

    /// Ticks of one endpoint at one instant before a run is given up: machines need a few.
    private static let ticksPerInstantMax = 100

    /// The virtual time.
    public private(set) var now: Instant
    /// A hash over every datagram sent and delivered, with its time and addresses.
    public private(set) var transcript: UInt64 = 0xCBF2_9CE4_8422_2325
    /// What became of the datagrams.
    public private(set) var counts = Counts()
    /// The link of all paths without a rule of their own.
    public var defaultLink: SimulatedLink

    private struct Rule {
        var source: IPAddress?
        var destination: IPAddress?
        var link: SimulatedLink
        var lostLast = false
        var queueFreeAt = Instant.zero
    }
    private struct Flight: Comparable {
        var arrival: Instant
        var sequence: Int
        var datagram: SimulatedDatagram

        static func < (left: Flight, right: Flight) -> Bool {
            (left.arrival, left.sequence) < (right.arrival, right.sequence)
        }
        static func == (left: Flight, right: Flight) -> Bool { left.sequence == right.sequence }
    }

    private var random: SeededRandom
    private var rules: [Rule] = []
    private var defaultState = Rule(source: nil, destination: nil, link: .perfect)
    private var nats: [SimulatedNAT] = []
    private var downAddresses: [IPAddress] = []
    private var flights = Heap<Flight>()
    private var sequence = 0

    /// Creates a network in which every path is `link`.
    public init(
        seed: UInt64, link: SimulatedLink = .perfect,
        startingAt start: Instant = Instant(nanoseconds: 1_000_000_000)
    ) {
        // Tests draw their links from the same seed: that stream must not repeat here.
        random = SeededRandom(seed: ~seed)
        defaultLink = link
        now = start
    }

    // MARK: Shape

    /// Sets the link of one direction; nil stands for any address. The last rule set that fits a
    /// datagram counts. Addresses are the hosts' own, and a NAT's public one as a destination.
    public mutating func setLink(
        _ link: SimulatedLink, from source: IPAddress? = nil, to destination: IPAddress? = nil
    ) {
        rules.removeAll { $0.source == source && $0.destination == destination }
        rules.append(Rule(source: source, destination: destination, link: link))
    }

    /// Sets both directions between two addresses.
    public mutating func setLink(_ link: SimulatedLink, between one: IPAddress, and two: IPAddress)
    {
        setLink(link, from: one, to: two)
        setLink(link, from: two, to: one)
    }

    /// Removes all rules: every path is `defaultLink` again.
    public mutating func removeLinks() {
        rules.removeAll()
    }

    /// Takes an address off the network or puts it back: an interface that goes and comes.
    public mutating func setDown(_ isDown: Bool, _ address: IPAddress) {
        downAddresses.removeAll { $0 == address }
        if isDown { downAddresses.append(address) }
    }

    /// Puts a NAT to work and returns its number.
    public mutating func addNAT(_ nat: SimulatedNAT) -> Int {
        nats.append(nat)
        return nats.count - 1
    }

    /// Forgets a NAT's bindings, so that the next datagrams out get other ports, and changes its
    /// public address when one is given: what mobile networks do in mid-call.
    public mutating func rebindNAT(_ number: Int, publicIP: IPAddress? = nil) {
        nats[number].forgetBindings()
        if let publicIP { nats[number].publicIP = publicIP }
    }

    // MARK: Datagrams

    /// When the next datagram arrives.
    public var nextArrival: Instant? { flights.first?.arrival }

    /// Sends a datagram now.
    public mutating func send(_ datagram: SimulatedDatagram) {
        counts.sent += 1
        note(1, datagram)
        guard let routed = route(datagram) else { return }
        let host = datagram.source.ip
        guard let arrival = cross(routed, from: host) else {
            counts.lost += 1
            return
        }
        let link = self.link(from: host, to: routed.destination.ip)
        launch(routed, arrival, link)
        if chance(link.duplication) {
            counts.duplicated += 1
            launch(routed, now + link.delay + spread(link.jitter + .milliseconds(5)), link)
        }
    }

    /// Advances to the next arrival no later than `limit` and takes that datagram; nil, with
    /// `now` at `limit`, when there is none.
    public mutating func deliver(until limit: Instant) -> SimulatedDatagram? {
        while let flight = flights.first, flight.arrival <= limit {
            _ = flights.popFirst()
            now = max(now, flight.arrival)
            guard let landed = land(flight.datagram) else {
                counts.unreachable += 1
                continue
            }
            note(2, landed)
            counts.delivered += 1
            return landed
        }
        now = max(now, limit)
        return nil
    }

    /// Runs the endpoints until `limit`, or until `isDone` holds after an event.
    ///
    /// Returns whether `isDone` ended it. Endpoints are drained first, so anything done to them
    /// between two runs goes out.
    @discardableResult
    public mutating func run(
        _ endpoints: [any SimulatedEndpoint], until limit: Instant,
        isDone: () -> Bool = { false }
    ) throws(Failure) -> Bool {
        for endpoint in endpoints { drain(endpoint) }
        var ticks = Array(repeating: 0, count: endpoints.count)
        while true {
            if isDone() { return true }
            var due: (index: Int, at: Instant)?
            for (index, endpoint) in endpoints.enumerated() {
                guard let deadline = endpoint.deadline else { continue }
                if due.map({ deadline < $0.at }) ?? true { due = (index, deadline) }
            }
            // Arrivals go first: sockets are read before timers fire.
            let horizon = min(limit, max(now, due?.at ?? limit))
            let before = now
            if let datagram = deliver(until: horizon) {
                if now > before { ticks = Array(repeating: 0, count: endpoints.count) }
                if let target = endpoints.first(where: {
                    $0.isReachable(at: datagram.destination)
                }) {
                    target.receive(datagram, at: now)
                    drain(target)
                } else {
                    counts.delivered -= 1
                    counts.unreachable += 1
                }
                continue
            }
            guard let due, due.at <= limit else { return isDone() }
            if now > before { ticks = Array(repeating: 0, count: endpoints.count) }
            ticks[due.index] += 1
            guard ticks[due.index] <= Self.ticksPerInstantMax else {
                throw .endpointSpins(index: due.index)
            }
            endpoints[due.index].tick(at: now)
            drain(endpoints[due.index])
        }
    }

    private mutating func drain(_ endpoint: any SimulatedEndpoint) {
        for datagram in endpoint.drain(at: now) { send(datagram) }
    }

    // MARK: Way of a datagram

    /// Applies the sender's NAT; nil when nothing leads there.
    private mutating func route(_ datagram: SimulatedDatagram) -> SimulatedDatagram? {
        var routed = datagram
        let source = datagram.source.ip
        let destination = datagram.destination.ip
        let isSane = source.isV6 == destination.isV6 && !downAddresses.contains(source)
        let own = nats.firstIndex { $0.inside.contains(source) }
        let other = nats.firstIndex { $0.inside.contains(destination) }
        guard isSane, other == nil || other == own else {
            counts.unreachable += 1
            return nil
        }
        guard let own, other == nil else { return routed }
        if nats[own].publicIP == destination, !nats[own].hairpins {
            counts.unreachable += 1
            return nil
        }
        routed.source = nats[own].translateOut(datagram.source, to: datagram.destination)
        return routed
    }

    /// Applies the receiver's NAT, with the bindings of the time of arrival.
    private func land(_ datagram: SimulatedDatagram) -> SimulatedDatagram? {
        var landed = datagram
        if let nat = nats.first(where: { $0.publicIP == datagram.destination.ip }) {
            guard
                let inner = nat.translateIn(datagram.destination, from: datagram.source)
            else { return nil }
            landed.destination = inner
        }
        return downAddresses.contains(landed.destination.ip) ? nil : landed
    }

    private func link(from source: IPAddress, to destination: IPAddress) -> SimulatedLink {
        ruleIndex(from: source, to: destination).map { rules[$0].link } ?? defaultLink
    }

    private func ruleIndex(from source: IPAddress, to destination: IPAddress) -> Int? {
        rules.lastIndex {
            ($0.source == nil || $0.source == source)
                && ($0.destination == nil || $0.destination == destination)
        }
    }

    /// The time of arrival, or nil when the link swallows it.
    private mutating func cross(_ datagram: SimulatedDatagram, from host: IPAddress) -> Instant? {
        let index = ruleIndex(from: host, to: datagram.destination.ip)
        var state = index.map { rules[$0] } ?? defaultState
        let link = index == nil ? defaultLink : state.link
        defer {
            if let index { rules[index] = state } else { defaultState = state }
        }
        guard !link.isDown, datagram.bytes.count <= link.largestDatagram else { return nil }
        let isLost = chance(state.lostLast ? link.lossAfterLoss ?? link.loss : link.loss)
        state.lostLast = isLost
        guard !isLost else { return nil }
        var departure = now
        if let rate = link.bytesPerSecond {
            let start = max(now, state.queueFreeAt)
            let waiting = (start - now).seconds * Double(rate)
            guard waiting + Double(datagram.bytes.count) <= Double(link.queueBytes) else {
                return nil
            }
            departure =
                start + .nanoseconds(Int64(datagram.bytes.count) * 1_000_000_000 / Int64(rate))
            state.queueFreeAt = departure
        }
        var arrival = departure + link.delay + spread(link.jitter)
        if chance(link.reordering) { arrival += link.reorderingDelay }
        return arrival
    }

    private mutating func launch(
        _ datagram: SimulatedDatagram, _ arrival: Instant, _ link: SimulatedLink
    ) {
        var datagram = datagram
        if !datagram.bytes.isEmpty, chance(link.corruption) {
            counts.corrupted += 1
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let bit = Int.random(in: 0..<datagram.bytes.count * 8, using: &random)
                datagram.bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
        sequence += 1
        flights.insert(Flight(arrival: arrival, sequence: sequence, datagram: datagram))
    }

    private mutating func chance(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &random) < probability
    }

    private mutating func spread(_ width: Duration) -> Duration {
        width > .zero
            ? .nanoseconds(Int64.random(in: 0...width.nanoseconds, using: &random)) : .zero
    }

    /// FNV-1a over 64-bit words.
    private mutating func note(_ kind: UInt64, _ datagram: SimulatedDatagram) {
        func mix(_ word: UInt64) { transcript = (transcript ^ word) &* 0x0000_0100_0000_01B3 }
        mix(kind)
        mix(now.nanoseconds)
        for end in [datagram.source, datagram.destination] {
            switch end.ip {
            case .v4(let value): mix(UInt64(value))
            case .v6(let high, let low, _):
                mix(high)
                mix(low)
            }
            mix(UInt64(end.port))
        }
        mix(UInt64(datagram.bytes.count))
        for byte in datagram.bytes { mix(UInt64(byte)) }
    }
}
