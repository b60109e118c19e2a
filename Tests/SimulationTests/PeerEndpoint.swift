// SPDX-License-Identifier: Apache-2.0
import Base
import CVirtualTime
import TestSupport
import WebRTC

/// What two connections tell each other beside the network: reliable, in order, late.
enum PeerSignal {
    case offer(String)
    case answer(String)
    case candidate(String, ufrag: String?)
}

/// A whole connection on the simulated network, with its signalling and a load that checks itself.
/// OpenSSL's clock follows the network's while one of its methods runs, and draws from our seed.
final class PeerEndpoint: SimulatedEndpoint {
    /// One of our audio tracks with the packets that it sent.
    struct Speech {
        var track: PeerTrackID
        var name: String
        var next = 0
        var isPaused = false
    }

    private var connection: PeerConnection
    private(set) var bases: [SocketAddress]
    weak var peer: PeerEndpoint?
    private(set) var states: [PeerState] = []
    private(set) var failures: [PeerFailure] = []
    private(set) var channels: [String: PeerChannelID] = [:]
    private(set) var received: [String: [Int]] = [:]
    private(set) var sent: [String: Int] = [:]
    private(set) var heard: [String: [Int]] = [:]
    private(set) var tracks: [String: Int] = [:]
    /// Whatever must never happen, in words.
    private(set) var defects: [String] = []
    /// Messages and audio that are not what was sent.
    private(set) var damages = 0
    private(set) var connectedAt: Instant?
    private(set) var sendRefusals = 0
    var speeches: [Speech] = []
    var isTalking = false
    private var nextFrame: Instant?
    private var nextSequence: [Int: Int64] = [:]
    private var labels: [PeerChannelID: String] = [:]
    private var wantsOffer = false
    private var random: SeededRandom
    private var inbox: [(at: Instant, signal: PeerSignal)] = []
    private var outbox: [SimulatedDatagram] = []
    private var now: Instant
    private var connectionDeadline: Instant?

    init(
        role: PeerRole, base: SocketAddress, certificate: DTLSCertificate, seed: UInt64,
        startingAt now: Instant, configuration: PeerConfiguration = PeerConfiguration()
    ) {
        random = SeededRandom(seed: seed)
        connection = PeerConnection(
            role: role, certificate: certificate,
            clock: NTPMapping(now, is: WallClock(unixMilliseconds: 1_800_000_000_000)),
            random: SeededRandom(seed: random.next()), configuration: configuration)
        bases = [base]
        self.now = now
        connection.addLocalBase(base, at: now)
        connection.endLocalBases(at: now)
    }

    var state: PeerState { connection.state }
    var deadline: Instant? {
        soonest(soonest(connectionDeadline, inbox.first?.at), isTalking ? nextFrame : nil)
    }

    /// Time passed without anything to do: what the test does next happens now.
    func advance(to now: Instant) { self.now = now }

    // MARK: Network

    func isReachable(at address: SocketAddress) -> Bool { bases.contains(address) }

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        run(at: now) {
            connection.receive(
                datagram.bytes, from: datagram.source, on: datagram.destination, at: now)
        }
    }

    func tick(at now: Instant) {
        run(at: now) {
            while let first = inbox.first, first.at <= now {
                inbox.removeFirst()
                take(first.signal)
            }
            if let due = connection.deadline, due <= now { connection.tick(at: now) }
            if isTalking, let due = nextFrame, due <= now {
                talk()
                nextFrame = due + .milliseconds(20)
            }
        }
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        run(at: now) {}
        defer { outbox = [] }
        return outbox
    }

    /// OpenSSL runs on this thread only while `body` does, so other tests keep their time.
    private func run(at now: Instant, _ body: () -> Void) {
        self.now = now
        cvirtualtime_set_us(1_800_000_000_000_000 + Int64(now.nanoseconds / 1_000))
        cvirtualtime_seed_random(random.next())
        defer {
            cvirtualtime_stop()
            cvirtualtime_stop_random()
        }
        body()
        collect()
    }

    private func collect() {
        while let output = connection.poll() {
            switch output {
            case .transmit(let bytes, let to, let from):
                if bytes.count > 1_228 { defects.append("datagram of \(bytes.count) bytes") }
                outbox.append(SimulatedDatagram(bytes, from: from, to: to))
            case .event(let event): take(event)
            }
        }
        connectionDeadline = connection.deadline
    }

    private func take(_ event: PeerEvent) {
        switch event {
        case .stateChanged(let state):
            states.append(state)
            if state == .connected, connectedAt == nil { connectedAt = now }
        case .failed(let failure): failures.append(failure)
        case .localCandidate(let candidate):
            signal(.candidate(candidate.line, ufrag: candidate.ufrag))
        case .channelOpened(let channel):
            if labels[channel.id] != nil, channel.isRemote { defects.append("opened twice") }
            labels[channel.id] = channel.label
            channels[channel.label] = channel.id
        case .channelMessage(let id, let bytes, _):
            guard let label = labels[id], let number = Self.number(in: bytes) else {
                damages += 1
                defects.append("message damaged or on no channel")
                return
            }
            received[label, default: []].append(number)
        case .channelClosed(let id): defects.append("channel \(id) closed")
        case .channelsEnded(let reason): defects.append("channels ended: \(reason)")
        case .trackAdded(let track):
            tracks[track.track ?? "", default: 0] += 1
        case .trackRemoved(let track):
            tracks[track.track ?? "", default: 0] -= 1
        case .audio(let track, .packet(let packet)):
            hear(packet, of: track)
        case .audio(let track, .gap(let count)):
            nextSequence[track.id, default: 0] += Int64(count)
        case .iceStateChanged, .pathChanged, .gatheringCompleted, .channelBufferedAmountLow,
            .receptionReported, .senderReported:
            break
        }
    }

    private func hear(_ packet: RTPReceivedPacket, of track: PeerRemoteTrack) {
        if let next = nextSequence[track.id], packet.sequence != next {
            defects.append("packet \(packet.sequence) instead of \(next) of \(track)")
        }
        nextSequence[track.id] = packet.sequence + 1
        guard let number = Self.number(in: packet.payload),
            packet.timestamp == UInt32(number * 960)
        else {
            damages += 1
            defects.append("audio damaged")
            return
        }
        heard[track.track ?? "", default: []].append(number)
    }

    // MARK: Load

    func openChannel(_ label: String, isOrdered: Bool, _ reliability: SCTPReliability) {
        run(at: now) {
            if let id = try? connection.openChannel(
                label: label, isOrdered: isOrdered, reliability: reliability, at: now)
            {
                labels[id] = label
                channels[label] = id
            }
        }
    }

    func addSpeech(_ name: String, receives: Bool = false) {
        if let track = connection.addAudioTrack(track: name, receives: receives) {
            speeches.append(Speech(track: track, name: name))
        }
    }

    func endSpeech(_ name: String) {
        guard let index = speeches.firstIndex(where: { $0.name == name }) else { return }
        connection.removeTrack(speeches.remove(at: index).track)
    }

    func startTalking() {
        isTalking = true
        nextFrame = now
    }

    /// One packet on every track, and every third time a message on every channel.
    private func talk() {
        for index in speeches.indices {
            let number = speeches[index].next
            let isSent = connection.sendAudio(
                Self.bytes(number, count: 60), on: speeches[index].track,
                timestamp: UInt32(number * 960), isMarked: false,
                audioLevel: RTPAudioLevel(isVoice: true, decibelsBelowFullScale: 30), at: now)
            if isSent { speeches[index].next += 1 }
        }
        guard Int.random(in: 0..<3, using: &random) == 0 else { return }
        for label in channels.keys.sorted() {
            guard let id = channels[label] else { continue }
            let number = sent[label, default: 0]
            let count = Int.random(in: 0..<10, using: &random) == 0 ? 5_000 : 200
            do {
                try connection.send(Self.bytes(number, count: count), on: id, at: now)
                sent[label] = number + 1
            } catch {
                sendRefusals += 1
            }
        }
    }

    /// A number four times over, so that damage shows.
    private static func bytes(_ number: Int, count: Int) -> [UInt8] {
        let word = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return (0..<count / 4).flatMap { _ in word }
    }

    private static func number(in bytes: [UInt8]) -> Int? {
        guard bytes.count >= 8, bytes.count % 4 == 0 else { return nil }
        for index in 4..<bytes.count where bytes[index] != bytes[index - 4] { return nil }
        return (0..<4).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    }

    // MARK: Signalling

    /// Offers now, or as soon as the offer before is answered.
    func offer(restarting: Bool = false) {
        run(at: now) {
            if restarting { connection.restartICE() }
            if connection.isOfferPending {
                wantsOffer = true
            } else if let text = try? connection.createOffer(at: now) {
                signal(.offer(text))
            } else {
                defects.append("no offer")
            }
        }
    }

    /// Another network: the old socket is gone.
    func move(to base: SocketAddress) {
        run(at: now) {
            for old in bases { connection.removeLocalBase(old, at: now) }
            bases = [base]
            connection.addLocalBase(base, at: now)
        }
    }

    func close() {
        run(at: now) { connection.close(at: now) }
    }

    private func signal(_ signal: PeerSignal) {
        guard let peer else { return }
        let delay = Duration.milliseconds(Int.random(in: 1...60, using: &random))
        peer.inbox.append((max(now + delay, peer.inbox.last?.at ?? .zero), signal))
    }

    private func take(_ signal: PeerSignal) {
        do {
            switch signal {
            case .offer(let text):
                try connection.setRemoteDescription(text, at: now)
                self.signal(.answer(try connection.createAnswer(at: now)))
            case .answer(let text):
                try connection.setRemoteDescription(text, at: now)
                if wantsOffer {
                    wantsOffer = false
                    self.signal(.offer(try connection.createOffer(at: now)))
                }
            case .candidate(let line, let ufrag):
                try connection.addRemoteCandidate(line, ufrag: ufrag, at: now)
            }
        } catch {
            defects.append("\(error)")
        }
    }
}
