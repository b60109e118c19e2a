// SPDX-License-Identifier: Apache-2.0
import Base
import Testing
import WebRTC

/// One connection with its address and everything that it told.
final class PeerSide {
    var connection: PeerConnection
    let address: SocketAddress
    var states: [PeerState] = []
    var candidates: [PeerLocalCandidate] = []
    var opened: [PeerChannel] = []
    var closed: [PeerChannelID] = []
    var messages: [(channel: PeerChannelID, bytes: [UInt8])] = []
    var added: [PeerRemoteTrack] = []
    var removed: [PeerRemoteTrack] = []
    var audio: [Int: [RTPReceivedPacket]] = [:]
    var gaps = 0
    var reports: [RTPRemoteReport] = []
    var clocks: [RTPForeignClock] = []
    var failures: [PeerFailure] = []
    var lows = 0
    var sent: [[UInt8]] = []

    init(_ role: PeerRole, host: UInt32, _ configuration: PeerConfiguration, seed: UInt64) {
        address = SocketAddress(.v4(0x0A00_0000 | host), port: 5_000)
        connection = PeerConnection(
            role: role, certificate: host == 1 ? DTLSPair.alice : DTLSPair.bob,
            clock: NTPMapping(PeerPair.start, is: DTLSPair.now),
            random: SeededRandom(seed: seed &* 2 &+ UInt64(host)), configuration: configuration)
    }

    func take(_ event: PeerEvent) {
        switch event {
        case .stateChanged(let state): states.append(state)
        case .localCandidate(let candidate): candidates.append(candidate)
        case .channelOpened(let channel): opened.append(channel)
        case .channelClosed(let id): closed.append(id)
        case .channelMessage(let id, let bytes, _): messages.append((id, bytes))
        case .channelBufferedAmountLow: lows += 1
        case .trackAdded(let track): added.append(track)
        case .trackRemoved(let track): removed.append(track)
        case .audio(let track, .packet(let packet)): audio[track.id, default: []].append(packet)
        case .audio(_, .gap(let count)): gaps += count
        case .receptionReported(_, let report): reports.append(report)
        case .failed(let failure): failures.append(failure)
        case .senderReported(_, let clock): clocks.append(clock)
        case .iceStateChanged, .pathChanged, .gatheringCompleted, .channelsEnded: break
        }
    }

    // The macros of the tests cannot take calls on what is not copyable.
    func addTrack(
        _ name: String, stream: String = "-", receives: Bool = false
    ) throws -> PeerTrackID {
        let track = connection.addAudioTrack(stream: stream, track: name, receives: receives)
        return try #require(track)
    }

    func mid(of track: PeerTrackID) -> String? { connection.mid(of: track) }
    func ssrc(of track: PeerTrackID) -> UInt32? { connection.ssrc(of: track) }
    func isSending(_ track: PeerTrackID) -> Bool { connection.isSending(track) }
    func bufferedAmount(of id: PeerChannelID) -> Int { connection.bufferedAmount(of: id) }
    func channel(_ label: String) -> PeerChannel? { opened.first { $0.label == label } }
}

/// An offerer and an answerer on a link in virtual time, with 5 ms each way.
final class PeerPair {
    static let start = Instant(nanoseconds: 1_000_000_000)

    let offerer: PeerSide
    let answerer: PeerSide
    var now = start
    /// Sees each datagram on its way, with whether the offerer sent it; false drops it.
    var wire: (Bool, [UInt8]) -> Bool = { _, _ in true }
    var isTrickling = true
    private var flights: [(at: Instant, toOfferer: Bool, bytes: [UInt8])] = []
    private var told = (0, 0)

    init(
        offerer: PeerConfiguration = PeerConfiguration(),
        answerer: PeerConfiguration = PeerConfiguration(), seed: UInt64 = 1
    ) {
        self.offerer = PeerSide(.offerer, host: 1, offerer, seed: seed)
        self.answerer = PeerSide(.answerer, host: 2, answerer, seed: seed)
        self.offerer.connection.addLocalBase(self.offerer.address, at: now)
        self.answerer.connection.addLocalBase(self.answerer.address, at: now)
    }

    /// One round of offer and answer; what was described, for a look at the text.
    @discardableResult
    func negotiate() throws -> (offer: String, answer: String) {
        let offer = try offerer.connection.createOffer(at: now)
        try answerer.connection.setRemoteDescription(offer, at: now)
        let answer = try answerer.connection.createAnswer(at: now)
        try offerer.connection.setRemoteDescription(answer, at: now)
        collect()
        return (offer, answer)
    }

    /// Lets time pass until it is over or `done` is true.
    func run(
        for duration: Duration = .seconds(5), until done: (PeerPair) -> Bool = { _ in false }
    ) {
        let end = now + duration
        collect()
        while now < end, !done(self) {
            var next = end
            for flight in flights { next = min(next, flight.at) }
            for side in [offerer, answerer] {
                if let deadline = side.connection.deadline { next = min(next, deadline) }
            }
            now = max(now, next)
            let arrived = flights.filter { $0.at <= now }
            flights.removeAll { $0.at <= now }
            for flight in arrived {
                let (from, to) = flight.toOfferer ? (answerer, offerer) : (offerer, answerer)
                to.connection.receive(
                    flight.bytes, from: from.address, on: to.address, at: now)
                collect()
            }
            for side in [offerer, answerer] {
                if let deadline = side.connection.deadline, deadline <= now {
                    side.connection.tick(at: now)
                    collect()
                }
            }
        }
    }

    func connect() throws {
        try negotiate()
        run { $0.isConnected }
    }

    var isConnected: Bool {
        offerer.connection.state == .connected && answerer.connection.state == .connected
    }

    func collect() {
        for side in [offerer, answerer] {
            while let output = side.connection.poll() {
                switch output {
                case .event(let event): side.take(event)
                case .transmit(let bytes, _, _):
                    side.sent.append(bytes)
                    let isOfferer = side === offerer
                    if wire(isOfferer, bytes) {
                        flights.append((now + .milliseconds(5), !isOfferer, bytes))
                    }
                }
            }
        }
        guard isTrickling else { return }
        while told.0 < offerer.candidates.count {
            let candidate = offerer.candidates[told.0]
            told.0 += 1
            try? answerer.connection.addRemoteCandidate(
                candidate.line, ufrag: candidate.ufrag, at: now)
        }
        while told.1 < answerer.candidates.count {
            let candidate = answerer.candidates[told.1]
            told.1 += 1
            try? offerer.connection.addRemoteCandidate(
                candidate.line, ufrag: candidate.ufrag, at: now)
        }
    }

    /// Sends `count` packets, one each 20 ms, from a side on a track, and lets them arrive.
    func talk(
        _ side: PeerSide, _ track: PeerTrackID, count: Int, first: Int = 0
    ) -> Int {
        var sent = 0
        for index in first..<(first + count) {
            let isSent = side.connection.sendAudio(
                [UInt8(truncatingIfNeeded: index), 0xAA], on: track,
                timestamp: UInt32(truncatingIfNeeded: index * 960), isMarked: index == first,
                audioLevel: RTPAudioLevel(isVoice: true, decibelsBelowFullScale: 30), at: now)
            if isSent { sent += 1 }
            run(for: .milliseconds(20))
        }
        run(for: .milliseconds(100))
        return sent
    }
}
