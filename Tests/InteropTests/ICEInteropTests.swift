// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import Foundation
import TestSupport
import Testing
import WebRTC

/// ICE alone with other agents over UDP on loopback, in every combination of roles.
@Suite(.serialized) struct ICEInteropTests {
    /// Who is at the other end.
    enum Other: String, CaseIterable, CustomTestStringConvertible {
        /// Follows RFC 8445 closely, and nominates aggressively.
        case aioice
        /// What LiveKit's servers use.
        case pion

        var testDescription: String { rawValue }

        func start(_ role: String) throws -> PeerProgram {
            switch self {
            case .aioice: try .python("aioice_peer.py", [role])
            case .pion: try .go("pion_ice", [role])
            }
        }
    }

    @Test(arguments: Other.allCases, [ICERole.controlling, .controlled])
    func theyConnectAndCarryData(other: Other, role: ICERole) throws {
        let peer = try ICEInteropPeer(
            other.start(role == .controlling ? "controlled" : "controlling"), role: role)
        try peer.exchangeDescriptions()
        try peer.connect()
        try peer.exchangeData()
        #expect(peer.agent.role == role)
        #expect(peer.agent.statistics.roleConflicts == 0)
        #expect(peer.agent.statistics.unauthenticated == 0)
    }

    /// Pion drops what conflicts without a word, so this is between aioice and us.
    @Test(arguments: [ICERole.controlling, .controlled], 0..<4 as Range<UInt64>)
    func roleConflictsAreSettled(role: ICERole, seed: UInt64) throws {
        let peer = try ICEInteropPeer(
            Other.aioice.start(role == .controlling ? "controlling" : "controlled"), role: role,
            seed: seed)
        try peer.exchangeDescriptions()
        try peer.connect()
        // Who has the lesser number gives way, by itself or when it is told.
        try peer.exchangeData()
    }

    @Test func aLitePionIsReached() throws {
        let peer = try ICEInteropPeer(Other.pion.start("lite"), role: .controlled)
        peer.isRemoteLite = true
        try peer.exchangeDescriptions()
        try peer.connect()
        try peer.exchangeData()
        #expect(peer.agent.role == .controlling)
    }

    @Test(arguments: Other.allCases) func asALiteAgentWeAreReached(other: Other) throws {
        var configuration = ICEConfiguration()
        configuration.isLite = true
        let peer = try ICEInteropPeer(
            other.start("controlling"), role: .controlled, configuration: configuration)
        try peer.exchangeDescriptions()
        try peer.connect()
        try peer.exchangeData()
        #expect(peer.agent.statistics.requestsSent == 0)
    }

    @Test(arguments: Other.allCases) func aFifthOfAllDatagramsMayBeLost(other: Other) throws {
        let peer = try ICEInteropPeer(other.start("controlled"), role: .controlling)
        peer.loss = 0.2
        try peer.exchangeDescriptions()
        try peer.connect()
        peer.loss = 0
        try peer.exchangeData()
    }

    @Test(arguments: ["controlling", "controlled", "lite"])
    func aRestartConnectsAnew(theirRole: String) throws {
        let peer = try ICEInteropPeer(
            Other.pion.start(theirRole),
            role: theirRole == "controlling" ? .controlled : .controlling)
        peer.isRemoteLite = theirRole == "lite"
        try peer.exchangeDescriptions()
        try peer.connect()
        try peer.exchangeData()
        let old = try #require(peer.agent.remoteCredentials)
        peer.agent.restart(credentials: peer.freshCredentials())
        #expect(peer.agent.state.isConnected)
        try peer.tell("restart")
        try peer.exchangeDescriptions()
        #expect(peer.agent.remoteCredentials != old)
        let selections = peer.agent.statistics.selections
        try peer.run("the new path") { $0.agent.statistics.selections > selections }
        try peer.exchangeData()
        #expect(peer.agent.state.isConnected)
    }
}

/// Our agent on two loopback sockets, and the program at its other end.
final class ICEInteropPeer {
    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    var agent: ICEAgent
    var isRemoteLite = false
    /// Probability that a datagram of either direction vanishes.
    var loss = 0.0
    private(set) var echoes: [[UInt8]] = []
    private(set) var said: [String] = []
    private let program: PeerProgram
    private let sockets: [(address: SocketAddress, socket: LoopbackSocket)]
    private var random: SeededRandom

    init(
        _ program: PeerProgram, role: ICERole, seed: UInt64 = 7,
        configuration: ICEConfiguration = ICEConfiguration()
    ) throws {
        self.program = program
        random = SeededRandom(seed: seed)
        agent = ICEAgent(
            role: role, credentials: ICECredentials(using: &random), seed: random.next(),
            configuration: configuration)
        sockets = try (0..<2).map { _ in
            let socket = try LoopbackSocket()
            return (SocketAddress(.loopback, port: socket.port), socket)
        }
        for entry in sockets { agent.addLocalCandidate(base: entry.address) }
        agent.endLocalCandidates()
        while agent.poll() != nil {}
    }

    func freshCredentials() -> ICECredentials { ICECredentials(using: &random) }

    func tell(_ line: String) throws { try program.tell(line) }

    /// Reads what the program says of itself, and tells it the same of us.
    func exchangeDescriptions() throws {
        var isReady = false
        while !isReady {
            let words = try program.words()
            switch words.first {
            case "credentials":
                let credentials = try #require(
                    ICECredentials(ufrag: words[1], password: words[2]))
                let isTaken = agent.setRemote(credentials: credentials, isLite: isRemoteLite)
                #expect(isTaken)
            case "candidate":
                agent.addRemoteCandidate(
                    try ICECandidate(parsing: words.dropFirst().joined(separator: " ")))
            case "ready": isReady = true
            default: said.append(words.joined(separator: " "))
            }
        }
        agent.endRemoteCandidates()
        let own = agent.localCredentials
        try tell("credentials \(own.ufrag) \(own.password)")
        for candidate in agent.localCandidates { try tell("candidate \(candidate.line)") }
        if agent.configuration.isLite { try tell("lite") }
        try tell("ready")
    }

    func connect() throws {
        try run("a path") { $0.agent.state.isConnected && $0.said.contains("connected") }
    }

    /// Sends datagrams on the selected path until ten came back.
    func exchangeData() throws {
        echoes = []
        var number: UInt8 = 0
        while Set(echoes).count < 10 {
            let pair = try #require(agent.selectedPair)
            send([0x80, number], to: pair.remote.address, from: pair.base)
            let count = echoes.count
            try run("echo \(number)") { $0.echoes.count > count }
            number += 1
        }
        #expect(echoes.count == 10)
    }

    /// Runs until `isDone`; throws after 15 s.
    func run(_ what: String, until isDone: (ICEInteropPeer) -> Bool) throws {
        let limit = LoopbackSocket.now + .seconds(60)
        drain()
        while !isDone(self) {
            guard LoopbackSocket.now < limit else {
                throw TimedOut(description: "\(what): \(agent.state) \(agent.statistics) \(said)")
            }
            // Two sockets and the program are looked at in turn; 5 ms bound what one delays.
            let patience = LoopbackSocket.now + .milliseconds(5)
            sockets[0].socket.wait(
                until: min(patience, agent.deadline ?? patience), or: program.descriptor)
            for (address, socket) in sockets {
                while let (bytes, port) = socket.receive() {
                    take(bytes, from: SocketAddress(.loopback, port: port), on: address)
                }
            }
            if let deadline = agent.deadline, deadline <= LoopbackSocket.now {
                agent.tick(at: LoopbackSocket.now)
            }
            drain()
            while let line = try program.takeLine() { said.append(line) }
        }
    }

    private func take(_ bytes: [UInt8], from: SocketAddress, on base: SocketAddress) {
        guard !isLost else { return }
        if STUNDatagram.isSTUN(bytes) {
            agent.receive(bytes, from: from, on: base, at: LoopbackSocket.now)
        } else {
            echoes.append(bytes)
            agent.dataReceived(at: LoopbackSocket.now)
        }
        drain()
    }

    private var isLost: Bool {
        loss > 0 && Double.random(in: 0..<1, using: &random) < loss
    }

    private func drain() {
        while let output = agent.poll() {
            if case .transmit(let bytes, let to, let from) = output, !isLost {
                send(bytes, to: to, from: from)
            }
        }
    }

    private func send(_ bytes: [UInt8], to: SocketAddress, from: SocketAddress) {
        sockets.first { $0.address == from }?.socket.send(bytes, to: to.port)
    }
}
