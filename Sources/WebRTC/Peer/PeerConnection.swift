// SPDX-License-Identifier: Apache-2.0
public import Base

/// A WebRTC connection to one peer: all media and data on one path (RFC 8829, RFC 9143).
///
/// ```
/// datagrams ⇄ ICE (path) ⇄ DTLS (keys) ⇄ SRTP ⇄ audio tracks
///                              └────── SCTP ⇄ data channels
/// ```
/// Sans-IO: it has no socket and no clock. After every call drain ``poll()`` until nil, then call
/// ``tick(at:)`` at ``deadline``; a deadline in the past means at once. Calling it again from
/// within the drain loop is allowed. Time that runs backwards is taken as standing still.
///
/// Descriptions go in and out as SDP text, candidates as lines; how they travel is signalling's
/// affair. Not for use from two threads at once.
public struct PeerConnection: ~Copyable {
    /// Who offers.
    public let role: PeerRole
    /// What it was created with.
    public let configuration: PeerConfiguration
    /// How far it has come.
    public internal(set) var state = PeerState.new
    /// Counts of what happened here; those of the layers below have their own.
    public internal(set) var statistics = PeerStatistics()

    // MARK: Layers

    var ice: ICEAgent
    var dtls: DTLSConnection?
    var srtp: SRTPContext?
    var sctp: SCTPAssociation?
    let certificate: DTLSCertificate
    var random: any RandomNumberGenerator & Sendable
    let clock: NTPMapping
    var lastNow = Instant.zero
    var path: ICESelectedPair?
    /// DTLS that came before we knew our role in it.
    var parked: [[UInt8]] = []
    /// Candidates found before there was a section to name.
    var untoldCandidates: [ICECandidate] = []
    /// What failed was not ICE: no restart heals it.
    var isBeyondRestart = false

    // MARK: Negotiation

    var origin: SDPOrigin
    var sections: [PeerSection] = []
    var nextMID = 0
    var hasPendingOffer = false
    var remoteOffer: SessionDescription?
    var wantsRestart = false
    var dtlsRole: DTLSRole?
    var remoteFingerprints: [DTLSFingerprint] = []

    // MARK: Media and data

    var tracks: [PeerLocalTrack?] = []
    var trackGeneration = 0
    var remoteTrackCount = 0
    var receivers: [PeerReceiver] = []
    var receiverIndex: [UInt32: Int] = [:]
    let cname: String
    /// What our RTCP names as sender when we send no media.
    let reportSSRC: UInt32
    /// The source of the track added last, to make the next one from.
    var lastSSRC: UInt32
    var reports = PeerReportSchedule()
    var channels: [PeerChannelRecord] = []
    var channelCount = 0

    // MARK: Outputs

    var outputs = OutputQueue<PeerOutput>()
    /// The soonest deadline of ICE, DTLS and SCTP, as of the last pump.
    var layersDeadline: Instant?

    /// Prepares a connection; nothing is sent before descriptions were exchanged.
    ///
    /// - Parameters:
    ///   - role: who offers.
    ///   - certificate: ours; connections may share it.
    ///   - clock: what time it is on both clocks; sender reports follow it for good.
    ///   - random: for credentials, sources and identifiers. In the product nobody may be able to
    ///     guess it (`SecureRandom`); a test gives a seeded one.
    ///   - configuration: what it is to be.
    public init(
        role: PeerRole, certificate: DTLSCertificate, clock: NTPMapping,
        random: any RandomNumberGenerator & Sendable,
        configuration: PeerConfiguration = PeerConfiguration()
    ) {
        var random = random
        self.role = role
        self.configuration = configuration
        self.certificate = certificate
        self.clock = clock
        let credentials = ICECredentials(using: &random)
        ice = ICEAgent(
            role: role == .offerer ? .controlling : .controlled, credentials: credentials,
            seed: random.next(), configuration: configuration.ice)
        // 63 bits: some parsers read the number as signed (RFC 8829 section 5.2.1).
        origin = SDPOrigin(sessionID: "\(random.next() >> 1)", version: 0)
        cname = String(random.next(), radix: 36)
        reportSSRC = UInt32(truncatingIfNeeded: random.next())
        lastSSRC = reportSSRC
        self.random = random
    }

    /// Takes the next output; nil when all are taken.
    public mutating func poll() -> PeerOutput? {
        outputs.next()
    }

    /// When ``tick(at:)`` is due; nil: only when something else happens.
    public var deadline: Instant? {
        guard state != .closed else { return nil }
        var result = soonest(layersDeadline, reports.deadline)
        for index in receivers.indices {
            result = soonest(result, receivers[index].stream.deadline)
        }
        return result
    }

    /// Does what is due.
    public mutating func tick(at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        ice.tick(at: lastNow)
        if let dtls, let due = dtls.deadline, due <= lastNow { dtls.tick(at: lastNow) }
        if let due = sctp?.deadline, due <= lastNow { sctp?.tick(at: lastNow) }
        pump()
        tickReceivers()
        sendReportsIfDue()
    }

    /// Takes a datagram as received on the local base `local`, and tells by its first byte whose
    /// it is (RFC 7983).
    public mutating func receive(
        _ datagram: [UInt8], from remote: SocketAddress, on local: SocketAddress, at now: Instant
    ) {
        advance(to: now)
        guard state != .closed, let first = datagram.first else { return }
        switch first {
        case 0...3:
            ice.receive(datagram, from: remote, on: local, at: lastNow)
            pump()
        case 20...63:
            // Before the handshake is over nothing in a record proves who sent it. A peer's comes
            // from where its checks came from, or from a candidate that it signalled.
            guard dtls?.state == .connected || ice.knowsRemote(remote) else {
                statistics.datagramsUnknown &+= 1
                return
            }
            receiveDTLS(datagram)
            pump()
        case 128...191:
            if RTPPacket.isRTP(datagram) { receiveRTP(datagram) } else { receiveRTCP(datagram) }
        default:
            statistics.datagramsUnknown &+= 1
        }
    }

    /// Ends everything in good order: the peer is told by SCTP and DTLS, once.
    ///
    /// Drain ``poll()`` afterwards: the farewells are in it.
    public mutating func close(at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        if sctp != nil {
            sctp?.abort(at: lastNow)
            pump()
        }
        dtls?.close(at: lastNow)
        pump()
        ice.close()
        pump()
        receivers = []
        receiverIndex = [:]
        setState(.closed)
    }

    mutating func advance(to now: Instant) {
        lastNow = max(lastNow, now)
    }

    mutating func emit(_ event: PeerEvent) {
        outputs.append(.event(event))
    }
}

// MARK: What the layers say

extension PeerConnection {
    /// Our path, once there is one.
    public var selectedPair: ICESelectedPair? { path }

    /// Figures of the ICE agent.
    public var iceStatistics: ICEStatistics { ice.statistics }

    /// The name of our ICE credentials: a server with one port tells its peers apart by it.
    public var localUfrag: String { ice.localCredentials.ufrag }

    /// Whether a binding request was made with our ICE credentials, so that its source is our peer.
    public func isAuthentic(_ request: STUNDatagram) -> Bool {
        request.isAuthentic(key: Array(ice.localCredentials.password.utf8))
    }

    /// How far ICE has come.
    public var iceState: ICEState { ice.state }

    /// What DTLS agreed on; nil until it stands.
    public var dtlsParameters: DTLSParameters? { dtls?.parameters }

    /// Figures of SRTP; nil until DTLS stands.
    public var srtpStatistics: SRTPContext.Statistics? { srtp?.statistics }

    /// Figures of the data channels' association; nil until DTLS stands.
    public var sctpStatistics: SCTPStatistics? { sctp?.statistics }

    /// The civil time of an instant, as our sender reports have it.
    public func ntpTime(at instant: Instant) -> NTPTime { clock.time(at: instant) }
}
