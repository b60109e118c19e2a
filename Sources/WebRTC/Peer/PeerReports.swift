// SPDX-License-Identifier: Apache-2.0
internal import Base

/// When reports are due: each second at first, so that a receiver soon knows our clock, then every
/// three seconds as livekit-server does.
struct PeerReportSchedule: Sendable {
    static let early: Duration = .seconds(1)
    static let earlyFor: Duration = .seconds(10)
    static let interval: Duration = .seconds(3)

    /// When the first packet went or came; nil while there is nothing to report.
    private(set) var startedAt: Instant?
    private(set) var deadline: Instant?
    /// The peer's last reference time, to be sent back.
    var reference: (ssrc: UInt32, middle: UInt32, at: Instant)?

    /// A packet went or came. The first report of a sender goes with its first packet: a server
    /// passes nothing on that needs the sender's clock before.
    mutating func started(at now: Instant, isNewSender: Bool) {
        if isNewSender {
            startedAt = now
            deadline = now
        } else if startedAt == nil {
            startedAt = now
            deadline = now + Self.early
        }
    }

    mutating func done(at now: Instant) {
        guard let startedAt else { return }
        deadline = now + (now - startedAt < Self.earlyFor ? Self.early : Self.interval)
    }

    /// Nothing went or came for a while.
    mutating func stop() {
        startedAt = nil
        deadline = nil
    }
}

// RTCP: reports both ways, losses both ways (RFC 3550, RFC 4585).
extension PeerConnection {
    /// Bytes of reports in one datagram, before SRTCP: the path's 1,200 less an answer to a
    /// reference time, SRTCP's index and tag, and a TURN header.
    private static let rtcpBytesMax = 1_100
    /// Report blocks that one packet can count.
    private static let blocksMax = 31

    // MARK: In

    mutating func receiveRTCP(_ datagram: [UInt8]) {
        guard let srtp, let bytes = try? srtp.unprotectRTCP(datagram) else {
            if srtp == nil { statistics.datagramsDropped &+= 1 }
            return
        }
        peerIsAlive()
        guard let packets = try? RTCPPacket.parse(bytes) else {
            statistics.packetsMalformed &+= 1
            return
        }
        for packet in packets { take(packet) }
    }

    private mutating func take(_ packet: RTCPPacket) {
        switch packet {
        case .senderReport(let report):
            if let index = receiverIndex[report.ssrc] {
                receivers[index].stream.receive(report, at: lastNow)
                let clock = RTPForeignClock(
                    ntpTime: report.ntpTime, timestamp: report.rtpTimestamp, receivedAt: lastNow)
                emit(.senderReported(receivers[index].track, clock))
            }
            for block in report.blocks { take(block) }
        case .receiverReport(let report):
            for block in report.blocks { take(block) }
        case .genericNACK(let nack):
            answer(nack)
        case .extendedReport(let report):
            if let time = report.receiverReferenceTime {
                reports.reference = (report.ssrc, time.middle, lastNow)
            }
        case .sourceDescription, .goodbye, .pictureLossIndication, .fullIntraRequest, .other:
            break
        }
    }

    private mutating func take(_ block: RTCPReportBlock) {
        let slot = tracks.firstIndex { $0?.description.ssrc == block.ssrc }
        guard let slot, let track = tracks[slot] else { return }
        let report = track.stream.remoteReport(block, now: clock.time(at: lastNow))
        emit(.receptionReported(PeerTrackID(slot: slot, generation: track.generation), report))
    }

    private mutating func answer(_ nack: RTCPGenericNACK) {
        statistics.lossRequestsReceived &+= 1
        guard let slot = tracks.firstIndex(where: { $0?.description.ssrc == nack.media }),
            let packets = tracks[slot]?.stream.retransmissions(for: nack, at: lastNow)
        else { return }
        for packet in packets {
            transmit(packet)
            statistics.packetsResent &+= 1
        }
    }

    // MARK: Out

    mutating func request(_ numbers: [UInt16], from ssrc: UInt32) {
        statistics.lossRequestsSent &+= 1
        let nack = RTCPGenericNACK(sender: ownSSRC, media: ssrc, sequenceNumbers: numbers)
        let section = receiverIndex[ssrc].map { sections[receivers[$0].section] }
        if section?.remote?.allowsReducedSizeRTCP == true {
            send([.genericNACK(nack)])
        } else {
            // Without reduced size every datagram begins with a report and a name.
            send([
                .receiverReport(RTCPReceiverReport(ssrc: ownSSRC, blocks: [])),
                .sourceDescription([RTCPSourceDescription(ssrc: ownSSRC, cname: cname)]),
                .genericNACK(nack),
            ])
        }
    }

    /// The source that our feedback names as sender.
    private var ownSSRC: UInt32 {
        tracks.lazy.compactMap { $0 }.first { $0.isNegotiated }?.description.ssrc ?? reportSSRC
    }

    mutating func sendReportsIfDue() {
        guard let due = reports.deadline, due <= lastNow else { return }
        guard srtp != nil, path != nil else {
            reports.done(at: lastNow)
            return
        }
        var compounds = self.compounds()
        guard !compounds.isEmpty else {
            if isMediaIdle { reports.stop() } else { reports.done(at: lastNow) }
            return
        }
        if let delay = takeReference() {
            compounds[compounds.count - 1].append(
                .extendedReport(RTCPExtendedReport(ssrc: ownSSRC, delays: [delay])))
        }
        for packets in compounds { send(packets) }
        reports.done(at: lastNow)
    }

    /// What is to be reported, in as few datagrams as it fits in: of each sender a report and its
    /// name, and in these, else in receiver reports, what is received.
    private mutating func compounds() -> [[RTCPPacket]] {
        var blocks = reportBlocks()
        var compounds: [[RTCPPacket]] = []
        var room = 0
        func append(_ report: RTCPPacket, ssrc: UInt32, bytes: Int) {
            let name = RTCPSourceDescription(ssrc: ssrc, cname: cname)
            let size = bytes + 12 + (cname.utf8.count + 6) & ~3
            if size > room {
                compounds.append([])
                room = Self.rtcpBytesMax
            }
            compounds[compounds.count - 1] += [report, .sourceDescription([name])]
            room -= size
        }
        for var report in senderReports() {
            report.blocks = Array(blocks.prefix(Self.blocksMax))
            blocks.removeFirst(report.blocks.count)
            append(
                .senderReport(report), ssrc: report.ssrc, bytes: 28 + 24 * report.blocks.count)
        }
        while !blocks.isEmpty {
            let part = Array(blocks.prefix(Self.blocksMax))
            blocks.removeFirst(part.count)
            append(
                .receiverReport(RTCPReceiverReport(ssrc: ownSSRC, blocks: part)), ssrc: ownSSRC,
                bytes: 8 + 24 * part.count)
        }
        return compounds
    }

    private func senderReports() -> [RTCPSenderReport] {
        let time = clock.time(at: lastNow)
        return tracks.compactMap { track in
            guard let track, track.isNegotiated, isRecent(track.stream.lastSentAt),
                configuration.reportsOwnClock || track.stream.foreignClock != nil
            else { return nil }
            return track.stream.senderReport(at: lastNow, ntpTime: time)
        }
    }

    /// Blocks about the sources heard of since the last report (RFC 3550 section 6.4).
    private mutating func reportBlocks() -> [RTCPReportBlock] {
        var blocks: [RTCPReportBlock] = []
        for index in receivers.indices {
            let count = receivers[index].stream.statistics.receivedCount
            guard count != receivers[index].reportedCount else { continue }
            receivers[index].reportedCount = count
            if let block = receivers[index].stream.reportBlock(at: lastNow) { blocks.append(block) }
        }
        return blocks
    }

    private mutating func takeReference() -> RTCPExtendedReport.Delay? {
        guard let reference = reports.reference else { return nil }
        reports.reference = nil
        return RTCPExtendedReport.Delay(
            ssrc: reference.ssrc, lastReceiverReport: reference.middle,
            delay: (lastNow - reference.at).rtcpUnits)
    }

    private var isMediaIdle: Bool {
        !tracks.contains { isRecent($0?.stream.lastSentAt) }
            && !receivers.contains { $0.stream.statistics.receivedCount != $0.reportedCount }
    }

    private func isRecent(_ instant: Instant?) -> Bool {
        instant.map { lastNow - $0 <= PeerLocalTrack.reportedAfterLast } ?? false
    }

    private mutating func send(_ packets: [RTCPPacket]) {
        guard let srtp, let protected = try? srtp.protectRTCP(RTCPPacket.write(packets)) else {
            return
        }
        transmit(protected)
    }
}
