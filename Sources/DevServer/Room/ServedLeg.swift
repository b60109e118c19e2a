// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit
internal import Net
internal import Transport
internal import WebRTC

/// What the rooms of a server share.
struct ServedEnvironment: Sendable {
    let loop: Loop
    let keys: [APIKey]
    let certificate: DTLSCertificate
}

/// Our side of one peer connection of a participant's. Media loop only.
final class ServedLeg {
    /// Labels of the channels that LiveKit's data packets take.
    static let reliableLabel = "_reliable"
    static let lossyLabel = "_lossy"
    /// Unsent bytes of one participant beyond which lossy packets are dropped, and beyond which it
    /// is given up: it does not read.
    static let lossyBufferMax = 256 * 1024
    static let reliableBufferMax = 8 << 20
    /// An offer over a connection that stands must be answered by then (the real server's limit).
    static let answerLimit = Duration.seconds(15)

    let target: SignalTarget
    let driver: PeerDriver
    private let isOfferer: Bool
    /// Candidates that wait for the description they belong to.
    private var candidates: [PeerLocalCandidate] = []
    private var isDescribed = false
    /// Counts offers; an answer names its own.
    private(set) var offerID: UInt32
    /// Something changed while an offer of ours was on its way.
    private(set) var isOfferDue = false
    private var isAbandoned = false
    /// When the offer went that waits for its answer.
    private var offeredAt: Instant?
    private(set) var state = PeerState.new
    private var channels: [String: PeerChannelID] = [:]
    private var openChannels: Set<PeerChannelID> = []

    /// Prepares a connection on the shared port; nil when that is full.
    ///
    /// - Parameters:
    ///   - target: which of the client's connections it is.
    ///   - port: the shared port.
    ///   - environment: certificate and loop.
    ///   - handler: gets the connection's events, on the loop.
    init?(
        _ target: SignalTarget, on port: UDPMux, _ environment: ServedEnvironment,
        handler: @escaping (PeerEvent) -> Void
    ) {
        self.target = target
        isOfferer = target == .subscriber
        offerID = UInt32.random(in: 0..<256)
        var configuration = PeerConfiguration()
        configuration.listsCandidates = false
        configuration.reusesSections = true
        configuration.keepsVideoSections = true
        configuration.reorderPatience = nil
        configuration.reportsOwnClock = false
        // The real server counts a silent peer as gone after 15 s.
        configuration.ice.consentTimeout = .seconds(15)
        let clock = NTPMapping(environment.loop.now, is: Loop.wallClock)
        let connection = PeerConnection(
            role: isOfferer ? .offerer : .answerer, certificate: environment.certificate,
            clock: clock, random: SecureRandom(), configuration: configuration)
        driver = PeerDriver(connection, on: environment.loop, handler: handler)
        guard driver.join(port) else { return nil }
    }

    // MARK: Signalling

    /// What our connection tells about itself; the messages that the client must get for it.
    func noted(_ event: PeerEvent) -> [SignalResponse] {
        switch event {
        case .stateChanged(let state): self.state = state
        case .localCandidate(let candidate):
            candidates.append(candidate)
            return isDescribed ? takeCandidates() : []
        case .channelOpened(let channel):
            if channels[channel.label] == nil || channel.isRemote {
                channels[channel.label] = channel.id
            }
            openChannels.insert(channel.id)
        case .channelClosed(let id):
            openChannels.remove(id)
            for (label, known) in channels where known == id { channels[label] = nil }
        default: break
        }
        return []
    }

    /// When a missing answer is a failure; nil while none is missing, and before the connection
    /// stands: who never gets so far has the limit of a join.
    var answerDeadline: Instant? {
        state == .connected ? offeredAt.map { $0 + Self.answerLimit } : nil
    }

    /// The next offer; nil while one waits for its answer, or when none can be made.
    func offer(
        at now: Instant, _ midToTrack: (PeerDriver) -> [String: String]
    ) -> [SignalResponse] {
        guard isAbandoned || !driver.inspect({ $0.isOfferPending }) else {
            isOfferDue = true
            return []
        }
        isOfferDue = false
        isAbandoned = false
        isDescribed = false
        let sdp: String
        do {
            sdp = try driver.update { connection, now throws(PeerDescriptionError) in
                try connection.createOffer(at: now)
            }
        } catch {
            return []
        }
        offeredAt = now
        offerID += 1
        var offer = SignalDescription(type: "offer", sdp: sdp, id: offerID)
        offer.midToTrackID = midToTrack(driver)
        return [.offer(offer)] + described()
    }

    /// Gives up an offer whose answer cannot come any more: the next one takes its place.
    func abandonOffer() { isAbandoned = true }

    /// Takes an answer to our offer.
    func take(answer: SignalDescription) throws(PeerDescriptionError) {
        try driver.update { connection, now throws(PeerDescriptionError) in
            try connection.setRemoteDescription(answer.sdp, at: now)
        }
        offeredAt = nil
    }

    /// Takes the client's offer and answers it.
    func take(
        offer: SignalDescription, _ midToTrack: (PeerDriver) -> [String: String]
    ) throws(PeerDescriptionError) -> [SignalResponse] {
        isDescribed = false
        let sdp = try driver.update { connection, now throws(PeerDescriptionError) in
            try connection.setRemoteDescription(offer.sdp, at: now)
            return try connection.createAnswer(at: now)
        }
        var answer = SignalDescription(type: "answer", sdp: sdp, id: offer.id)
        answer.midToTrackID = midToTrack(driver)
        return [.answer(answer)] + described()
    }

    /// Takes a candidate of the client's; one that cannot be used does no harm.
    func take(_ candidate: TrickledCandidate) {
        try? driver.update { connection, now throws(ICECandidateError) in
            try connection.addRemoteCandidate(
                candidate.candidate, ufrag: candidate.usernameFragment, at: now)
        }
    }

    private func described() -> [SignalResponse] {
        isDescribed = true
        return takeCandidates()
    }

    /// All candidates at hand; the last says that it is the last, as the real server's does.
    private func takeCandidates() -> [SignalResponse] {
        defer { candidates = [] }
        return candidates.enumerated().map { index, candidate in
            var line = candidate.line
            if let ufrag = candidate.ufrag, !line.contains(" ufrag ") { line += " ufrag \(ufrag)" }
            var trickled = TrickledCandidate(candidate: line)
            trickled.mid = candidate.mid
            trickled.sectionIndex = UInt16(clamping: candidate.sectionIndex)
            var request = TrickleRequest()
            request.candidateInit = trickled.json
            request.target = target
            request.isFinal = index == candidates.count - 1
            return .trickle(request)
        }
    }

    // MARK: Data

    /// Opens the channels that the server opens where it offers.
    func openChannels(hasDataTracks: Bool) {
        driver.update { connection, now in
            _ = try? connection.openChannel(label: Self.reliableLabel, at: now)
            for label in [Self.lossyLabel] + (hasDataTracks ? ["_data_track"] : []) {
                _ = try? connection.openChannel(
                    label: label, isOrdered: false, reliability: .maxRetransmits(0), at: now)
            }
        }
    }

    /// Whether reliable data may go: both channels stand, as the real server waits for both.
    var canSendReliable: Bool {
        [Self.reliableLabel, Self.lossyLabel].allSatisfy { label in
            channels[label].map { openChannels.contains($0) } ?? false
        }
    }

    /// The label of a channel of ours or theirs.
    func label(of id: PeerChannelID) -> String? { channels.first { $0.value == id }?.key }

    /// Sends one message.
    ///
    /// - Returns: false when the participant does not read.
    func send(_ message: [UInt8], isReliable: Bool) -> Bool {
        guard let id = channels[isReliable ? Self.reliableLabel : Self.lossyLabel],
            openChannels.contains(id)
        else { return true }
        return driver.update { connection, now in
            let waiting = connection.bufferedAmount(of: id)
            if isReliable, waiting > Self.reliableBufferMax { return false }
            if !isReliable, waiting > Self.lossyBufferMax { return true }
            try? connection.send(message, on: id, at: now)
            return true
        }
    }
}
