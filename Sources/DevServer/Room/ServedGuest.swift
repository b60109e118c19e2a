// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit
internal import Transport
internal import Web
internal import WebRTC

/// A track of a participant's as it comes in. Media loop only.
final class Uplink {
    /// The track's sid.
    let track: String
    /// Its publisher's sid.
    let publisher: String
    var isMuted: Bool
    /// Where its packets go.
    var downlinks: [Downlink] = []

    init(track: String, publisher: String, isMuted: Bool) {
        self.track = track
        self.publisher = publisher
        self.isMuted = isMuted
    }
}

/// A track on its way to one participant. Media loop only.
final class Downlink {
    let track: String
    let subscriber: String
    let leg: ServedLeg
    let id: PeerTrackID
    var stream = ForwardedStream()
    /// The participant does not want it for now.
    var isDisabled = false
    /// Its publisher was told that it flows.
    var isTold = false
    /// Packets of silence still to be sent.
    var silences = 0
    /// What the receiver told of it last, and the sequence number of its first report.
    private var reported: (first: Int64, last: RTPRemoteReport)?

    init(track: String, subscriber: String, leg: ServedLeg, id: PeerTrackID) {
        self.track = track
        self.subscriber = subscriber
        self.leg = leg
        self.id = id
    }

    /// Passes a packet on.
    func pass(_ packet: RTPReceivedPacket, at now: Instant) {
        guard !isDisabled else { return }
        let numbers = ForwardedStream.Numbers(
            sequence: UInt16(truncatingIfNeeded: packet.sequence), timestamp: packet.timestamp)
        // Before both sides agreed on it, nothing was sent that its numbers would have to follow.
        guard leg.driver.inspect({ $0.isSending(id) }), let out = stream.pass(numbers, at: now)
        else { return }
        silences = 0
        send(packet.payload, out, isMarked: packet.isMarked, level: packet.audioLevel)
    }

    /// Notes what the receiver tells of the stream.
    func note(_ report: RTPRemoteReport) {
        let first = reported?.first ?? Int64(report.highestSequence)
        reported = (first, report)
    }

    /// What is known of the way down; nil before the receiver's first report.
    func totals(isMuted: Bool) -> QualityBoard.Totals? {
        guard let (first, report) = reported else { return nil }
        return QualityBoard.Totals(
            expected: Int64(report.highestSequence) - first,
            lost: Int64(report.cumulativeLost), jitter: report.jitter,
            roundTrip: report.roundTrip, isMuted: isMuted || isDisabled)
    }

    /// Passes the publisher's clock on, in the receiver's timestamps.
    func pass(_ clock: RTPForeignClock) {
        var clock = clock
        clock.timestamp &+= stream.timestampOffset
        leg.driver.update { connection, _ in connection.setClock(clock, of: id) }
    }

    /// Sends one packet of silence.
    func sendSilence(at now: Instant) {
        guard leg.driver.inspect({ $0.isSending(id) }), let out = stream.silence(at: now) else {
            return
        }
        send(ForwardedStream.silence, out, isMarked: true, level: nil)
    }

    private func send(
        _ payload: [UInt8], _ numbers: ForwardedStream.Numbers, isMarked: Bool,
        level: RTPAudioLevel?
    ) {
        leg.driver.update { connection, now in
            _ = connection.sendAudio(
                payload, on: id, timestamp: numbers.timestamp, isMarked: isMarked,
                audioLevel: level, sequenceNumber: numbers.sequence, at: now)
        }
    }
}

/// The connections of one participant: its websocket, its peer connections. Media loop only.
final class ServedGuest {
    /// Reliable data that waits for a participant's channels at most: a quarter of a second of
    /// what one sender may send is more than a join takes.
    static let pendingBytesMax = 100_000
    /// Requests of a participant at once, and what a second brings back: a full room's tracks taken
    /// on or off one by one are a few hundred, a join with 20 tracks and all their candidates fewer.
    /// Who asks for more has lost its way, or means harm: its websocket ends.
    static let requestsBurst = 1000
    static let requestsPerSecond = 100

    let sid: String
    let isSingleConnection: Bool
    let isSubscriberPrimary: Bool
    var socket: WebSocketConnection?
    /// What it may still ask for; it stays what it is when the websocket is another one.
    var requests = Allowance(requestsBurst, perSecond: requestsPerSecond)
    /// The client offers here.
    var publisher: ServedLeg?
    /// We offer here; none on a single connection.
    var subscriber: ServedLeg?
    /// Incoming tracks by the section they come in.
    var uplinks: [String: Uplink] = [:]
    /// Outgoing tracks by sid.
    var downlinks: [String: Downlink] = [:]
    var pendingData: [[UInt8]] = []
    var pendingBytes = 0
    /// It has had a media connection.
    var wasConnected = false
    /// When it is told that its media failed, and to resume.
    var warnedAt: Instant?
    /// When it is taken out, unless it comes back.
    var lostAt: Instant?

    init(sid: String, isSingleConnection: Bool, isSubscriberPrimary: Bool) {
        self.sid = sid
        self.isSingleConnection = isSingleConnection
        self.isSubscriberPrimary = isSubscriberPrimary
    }

    /// The connection on which tracks and, where it is primary, data go to the participant.
    var downLeg: ServedLeg? { isSingleConnection ? publisher : subscriber }
    /// The connection that makes it active, and that data for it takes.
    var primaryLeg: ServedLeg? { isSubscriberPrimary ? subscriber : publisher }

    /// What all tracks show on their ways between it and us.
    ///
    /// - Parameter muted: tracks whose publishers send nothing.
    /// - Returns: a way for each track that something is known of.
    func ways(muted: Set<String>) -> [(way: QualityBoard.Way, totals: QualityBoard.Totals)] {
        var ways: [(way: QualityBoard.Way, totals: QualityBoard.Totals)] = []
        for (mid, uplink) in uplinks {
            guard let statistics = publisher?.driver.inspect({ $0.receiveStatistics(of: mid) })
            else { continue }
            let totals = QualityBoard.Totals(
                expected: statistics.expectedCount, lost: statistics.lostCount,
                jitter: statistics.jitterTime, isMuted: uplink.isMuted)
            ways.append((.init(participant: sid, track: uplink.track, isUp: true), totals))
        }
        for downlink in downlinks.values {
            guard let totals = downlink.totals(isMuted: muted.contains(downlink.track))
            else { continue }
            ways.append((.init(participant: sid, track: downlink.track, isUp: false), totals))
        }
        return ways
    }

    /// Which track each section carries to the participant.
    func midToTrack(_ driver: PeerDriver) -> [String: String] {
        var map: [String: String] = [:]
        for downlink in downlinks.values {
            if let mid = driver.inspect({ $0.mid(of: downlink.id) }) { map[mid] = downlink.track }
        }
        return map
    }

    /// Ends all connections; farewells still go out.
    func close() {
        socket?.close(code: 1000)
        socket = nil
        publisher?.driver.close()
        subscriber?.driver.close()
        publisher = nil
        subscriber = nil
        uplinks = [:]
        downlinks = [:]
    }
}
