// SPDX-License-Identifier: Apache-2.0
internal import Base

/// The four-way handshake with crossing INITs (RFC 9260 sections 5.1 and 5.2).
///
/// Both sides send INIT as soon as DTLS is up, and each answers the other's: whichever half
/// completes first establishes the association, so that one lost packet mostly costs nothing.
///
///     idle ─start─▶ cookieWait ─INIT-ACK─▶ cookieEchoed ─COOKIE-ACK─▶ established
///       └──────────────┴────── COOKIE-ECHO of the peer ──┴──────────────▶
struct SCTPHandshake: Sendable {
    /// How far the handshake got.
    enum State: Equatable, Sendable {
        /// Not started by us; a peer's INIT is answered all the same.
        case idle
        case cookieWait
        case cookieEchoed
        case established
        case closed
    }

    /// What a COOKIE-ECHO led to.
    enum CookieOutcome: Equatable, Sendable {
        case dropped
        /// The cookie is ours and too old; by how much.
        case stale(Duration, peerTag: UInt32)
        case established
        /// We are established already and our COOKIE-ACK was lost.
        case repeated
    }

    /// What the T1 timer led to.
    enum TimerOutcome: Equatable, Sendable {
        case nothing
        case send(SCTPChunk)
        case failed
    }

    private(set) var state = State.idle
    /// The peer, once its INIT-ACK or cookie told of it.
    private(set) var peer: SCTPPeerParameters?
    /// When INIT or COOKIE-ECHO goes out again.
    private(set) var deadline: Instant?
    /// INIT to INIT-ACK, if INIT went out once: the first round-trip sample.
    private(set) var roundTrip: Duration?

    /// The tag that the peer puts in its packets; one per association (section 5.2.1).
    let localTag: UInt32
    let localTSN: UInt32
    private let window: UInt32
    private let streams: UInt16
    private let cookieKey: [UInt8]
    private var cookie: [UInt8] = []
    private var attempts = 0
    private var sentAt = Instant.zero

    /// First wait for an answer: peers answer duplicates at once, so a short one wastes nothing.
    static let timeoutInitial: Duration = .milliseconds(500)
    /// The longest wait, after doublings.
    static let timeoutMax: Duration = .seconds(4)
    /// INITs or COOKIE-ECHOs without an answer before the association fails: about half a minute.
    static let attemptsMax = 10
    /// A peer's cookie that is longer is not echoed: it would not fit a packet.
    static let peerCookieMax = 1024
    /// Bytes of unknown parameters that are reported back.
    private static let reportMax = 256

    /// Creates an idle handshake; tag, sequence number and cookie key come from `random`.
    init(configuration: SCTPConfiguration, random: inout SeededRandom) {
        let tag = UInt32.random(in: 1...UInt32.max, using: &random)
        localTag = configuration.verificationTag ?? tag
        let tsn = UInt32.random(in: 0...UInt32.max, using: &random)
        localTSN = configuration.initialTSN ?? tsn
        cookieKey = random.bytes(32)
        window = UInt32(clamping: configuration.receiveWindow)
        streams = configuration.streamsMax
    }

    /// Begins, and returns the INIT to send; nil when it was begun before.
    mutating func start(at now: Instant) -> SCTPChunk? {
        guard state == .idle else { return nil }
        state = .cookieWait
        attempts = 1
        sentAt = now
        deadline = now + Self.timeoutInitial
        return .initiation(initChunk(parameters: Self.announcements))
    }

    /// Answers an INIT with INIT-ACK; nil once established, as WebRTC never restarts.
    mutating func initReceived(_ chunk: SCTPInitChunk, at now: Instant) -> SCTPChunk? {
        switch state {
        case .established, .closed:
            return nil
        case .idle, .cookieWait, .cookieEchoed:
            let sealed = SCTPCookie(peer: SCTPPeerParameters(chunk), issued: now)
                .sealed(key: cookieKey)
            let parameters =
                [.stateCookie(sealed)] + Self.announcements
                + Self.unrecognized(chunk.parameters)
            return .initiationAck(initChunk(parameters: parameters))
        }
    }

    /// Takes an INIT-ACK, and returns the COOKIE-ECHO to send; nil when it was not awaited.
    mutating func initAckReceived(_ chunk: SCTPInitChunk, at now: Instant) -> SCTPChunk? {
        guard state == .cookieWait else { return nil }
        var echoed: [UInt8] = []
        for case .stateCookie(let bytes) in chunk.parameters { echoed = bytes }
        guard !echoed.isEmpty, echoed.count <= Self.peerCookieMax else { return nil }
        if attempts == 1 { roundTrip = now - sentAt }
        state = .cookieEchoed
        peer = SCTPPeerParameters(chunk)
        cookie = echoed
        attempts = 1
        deadline = now + Self.timeoutInitial
        return .cookieEcho(cookie)
    }

    /// Takes a COOKIE-ECHO; `established` and `repeated` are to be answered with COOKIE-ACK.
    mutating func cookieEchoReceived(_ bytes: [UInt8], at now: Instant) -> CookieOutcome {
        guard state != .closed, let cookie = SCTPCookie(opening: bytes, key: cookieKey) else {
            return .dropped
        }
        if state == .established {
            return cookie.peer.tag == peer?.tag ? .repeated : .dropped
        }
        let age = now - cookie.issued
        guard age <= SCTPCookie.lifetime else {
            return .stale(age - SCTPCookie.lifetime, peerTag: cookie.peer.tag)
        }
        // Section 5.2.4 B: where INIT-ACK said something else, the cookie is right.
        peer = cookie.peer
        establish()
        return .established
    }

    /// Takes a COOKIE-ACK; whether it established the association.
    mutating func cookieAckReceived() -> Bool {
        guard state == .cookieEchoed else { return false }
        establish()
        return true
    }

    /// The peer calls our COOKIE-ECHO too old: begin again, and return the INIT to send.
    mutating func cookieExpired(at now: Instant) -> SCTPChunk? {
        guard state == .cookieEchoed else { return nil }
        state = .cookieWait
        cookie = []
        deadline = now + Self.timeoutInitial
        return .initiation(initChunk(parameters: Self.announcements))
    }

    /// Sends again, or gives up.
    mutating func tick(at now: Instant) -> TimerOutcome {
        guard let due = deadline, due <= now else { return .nothing }
        guard attempts < Self.attemptsMax else {
            close()
            return .failed
        }
        let wait = Self.timeoutInitial * (1 << min(attempts, 10))
        attempts += 1
        deadline = now + min(wait, Self.timeoutMax)
        switch state {
        case .cookieWait:
            return .send(.initiation(initChunk(parameters: Self.announcements)))
        case .cookieEchoed:
            return .send(.cookieEcho(cookie))
        case .idle, .established, .closed:
            deadline = nil
            return .nothing
        }
    }

    /// Ends it for good.
    mutating func close() {
        state = .closed
        deadline = nil
    }

    private mutating func establish() {
        state = .established
        deadline = nil
        cookie = []
    }

    private func initChunk(parameters: [SCTPParameter]) -> SCTPInitChunk {
        SCTPInitChunk(
            initiateTag: localTag, receiveWindow: window, outboundStreams: streams,
            inboundStreams: streams, initialTSN: localTSN, parameters: parameters)
    }

    /// Partial reliability is said both ways: pion reads the list alone, usrsctp the parameter.
    /// I-DATA and zero checksum are not announced, so that no peer uses them.
    private static let announcements: [SCTPParameter] = [
        .forwardTSNSupported,
        .supportedExtensions([SCTPChunkType.reconfiguration, SCTPChunkType.forwardTSN]),
    ]

    /// The parameters that ask to be reported, each wrapped; "stop" ends the search (RFC 9260
    /// section 3.2.1).
    private static func unrecognized(_ parameters: [SCTPParameter]) -> [SCTPParameter] {
        var reports: [SCTPParameter] = []
        var size = 0
        for case .other(let type, let value) in parameters {
            if type & 0x4000 != 0, size + value.count + 8 <= reportMax {
                var writer = ByteWriter(capacity: value.count + 4)
                SCTPParameter.write([.other(type: type, value: value)], to: &writer)
                reports.append(.unrecognizedParameter(writer.bytes))
                size += value.count + 8
            }
            if type & 0x8000 == 0 { break }
        }
        return reports
    }
}
