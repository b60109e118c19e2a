// SPDX-License-Identifier: Apache-2.0
public import Base

/// How one direction of a path treats datagrams. Probabilities are 0…1 and per datagram.
public struct SimulatedLink: Sendable, Equatable {
    /// Time from sending to arrival.
    public var delay: Duration
    /// Up to this much is added to `delay`, evenly spread; above the gap between two datagrams
    /// it reorders them.
    public var jitter: Duration
    /// Probability that a datagram vanishes.
    public var loss: Double
    /// Probability that the datagram after a lost one vanishes too; nil: same as `loss`.
    public var lossAfterLoss: Double?
    /// Probability that a second copy arrives, with a delay of its own.
    public var duplication: Double
    /// Probability that one to three bits of the datagram flip.
    public var corruption: Double
    /// Probability that a datagram is held back by `reorderingDelay`, so that later ones pass it.
    public var reordering: Double
    /// How long a reordered datagram is held back.
    public var reorderingDelay: Duration
    /// Bytes a second that leave the queue; nil: no queue.
    public var bytesPerSecond: Int?
    /// Bytes that wait at most before `bytesPerSecond`; what exceeds them vanishes.
    public var queueBytes: Int
    /// Datagrams longer than this vanish.
    public var largestDatagram: Int
    /// Whether nothing gets through.
    public var isDown: Bool

    /// Creates a link; without arguments it delivers everything after 10 ms.
    public init(
        delay: Duration = .milliseconds(10), jitter: Duration = .zero, loss: Double = 0,
        lossAfterLoss: Double? = nil, duplication: Double = 0, corruption: Double = 0,
        reordering: Double = 0, reorderingDelay: Duration = .milliseconds(30),
        bytesPerSecond: Int? = nil, queueBytes: Int = 64_000, largestDatagram: Int = 65_507,
        isDown: Bool = false
    ) {
        self.delay = delay
        self.jitter = jitter
        self.loss = loss
        self.lossAfterLoss = lossAfterLoss
        self.duplication = duplication
        self.corruption = corruption
        self.reordering = reordering
        self.reorderingDelay = reorderingDelay
        self.bytesPerSecond = bytesPerSecond
        self.queueBytes = queueBytes
        self.largestDatagram = largestDatagram
        self.isDown = isDown
    }

    /// Delivers everything after 10 ms.
    public static let perfect = SimulatedLink()
    /// Delivers nothing.
    public static let down = SimulatedLink(isDown: true)

    /// A link with a little of everything, the amounts drawn from `random`.
    public static func impaired(using random: inout SeededRandom) -> SimulatedLink {
        SimulatedLink(
            delay: .milliseconds(Int.random(in: 1...80, using: &random)),
            jitter: .milliseconds(Int.random(in: 0...20, using: &random)),
            loss: Double.random(in: 0...0.25, using: &random),
            lossAfterLoss: Bool.random(using: &random)
                ? nil : Double.random(in: 0...0.6, using: &random),
            duplication: Double.random(in: 0...0.1, using: &random),
            corruption: Double.random(in: 0...0.05, using: &random),
            reordering: Double.random(in: 0...0.1, using: &random),
            reorderingDelay: .milliseconds(Int.random(in: 5...100, using: &random)))
    }
}

/// One datagram on its way: who sent it, as the receiver sees it, and to whom.
public struct SimulatedDatagram: Sendable, Equatable {
    /// The payload.
    public var bytes: [UInt8]
    /// The sender's address: for who sends its own, for who receives what a NAT made of it.
    public var source: SocketAddress
    /// Where it goes: for who receives, its own address behind any NAT.
    public var destination: SocketAddress

    /// Joins a payload and its two ends.
    public init(_ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress) {
        self.bytes = bytes
        self.source = source
        self.destination = destination
    }
}

/// A program on the simulated network: the drain loop of a sans-IO machine.
public protocol SimulatedEndpoint: AnyObject {
    /// When `tick` is due next.
    var deadline: Instant? { get }
    /// Whether datagrams to `address` are for this endpoint.
    func isReachable(at address: SocketAddress) -> Bool
    /// A datagram arrived.
    func receive(_ datagram: SimulatedDatagram, at now: Instant)
    /// The deadline passed.
    func tick(at now: Instant)
    /// Takes everything to be sent since the last call, in order.
    func drain(at now: Instant) -> [SimulatedDatagram]
}
