// SPDX-License-Identifier: Apache-2.0
internal import Base

/// What leaves: one flush gathers all of it.
extension SCTPAssociation {
    /// Gap blocks in one SACK; with the duplicates a third of a packet, and far more than a path
    /// that is any use shows.
    static var sackGapsMax: Int { 64 }

    mutating func flush() {
        isFlushDue = false
        guard state != .closed, let peer = handshake.peer else { return }
        let isConnected = state == .connected
        if isConnected { requestReadyResets() }
        var packets = SCTPPacketizer(
            sourcePort: configuration.localPort, destinationPort: configuration.remotePort,
            verificationTag: peer.tag)
        let rides = acknowledger.isPending && isConnected && transmission.hasWork(at: now)
        if acknowledger.isDue || rides { appendSack(&packets) }
        if isConnected { transmission.fill(&packets, at: now) }
        packets.closePacket()
        for packet in packets.finished { transmit(packet) }
        guard isConnected else { return }
        if reset?.isDue == true,
            let request = reset?.nextRequest(
                lastTSN: (transmission.nextTSN - 1).wire, timeout: transmission.roundTrip.timeout,
                at: now)
        {
            transmitAlone(.reconfiguration([request]), tag: peer.tag)
        }
        for stream in transmission.queue.becameLow where channels[stream] != nil {
            emit(.bufferedAmountLow(stream))
        }
        transmission.queue.becameLow.removeAll(keepingCapacity: true)
        continueShutdown()
    }

    private mutating func appendSack(_ packets: inout SCTPPacketizer) {
        guard
            let sack = tracker?.sack(
                receiveWindow: reassembly.receiveWindow, gapsMax: Self.sackGapsMax)
        else { return }
        acknowledger.acknowledged()
        packets.append(
            .sack(sack), size: 16 + 4 * (sack.gaps.count + sack.duplicates.count))
    }

    /// Asks for the reset of closing streams all of whose DATA the peer has: it can then perform
    /// the reset at once instead of answering that it waits.
    private mutating func requestReadyResets() {
        for id in channels.takeReadyToReset(transmission) { reset?.append(id) }
    }

    // MARK: Shutdown, which only the peer begins (RFC 9260 section 9.2)

    mutating func shutdownReceived(_ tsn: UInt32) {
        guard state == .connected else { return }
        // pion up to 1.10.3 names another number here: it counts only where it makes sense.
        let sack = SCTPSackChunk(
            cumulativeTSN: tsn, receiveWindow: UInt32(clamping: transmission.peerWindow),
            gaps: [], duplicates: [])
        _ = transmission.sackReceived(sack, at: now)
        shutdown.isRequested = true
        if shutdown.isAckSent { sendShutdownAck() }
    }

    mutating func shutdownAckReceived() {
        guard shutdown.isAckSent, let peer = handshake.peer else { return }
        transmitAlone(.shutdownComplete(isTagReflected: false), tag: peer.tag)
        end(.shutDownByPeer)
    }

    mutating func tickShutdown() {
        guard let due = shutdown.deadline, due <= now else { return }
        guard shutdown.attempts < SCTPShutdown.attemptsMax else { return end(.shutDownByPeer) }
        sendShutdownAck()
    }

    private mutating func continueShutdown() {
        guard shutdown.isRequested, !shutdown.isAckSent, transmission.outstanding.isEmpty,
            transmission.queue.isEmpty
        else { return }
        sendShutdownAck()
    }

    private mutating func sendShutdownAck() {
        guard let peer = handshake.peer else { return }
        shutdown.attempts += 1
        shutdown.deadline = now + transmission.roundTrip.timeout * shutdown.attempts
        transmitAlone(.shutdownAck, tag: peer.tag)
    }
}

/// The answering side of a shutdown.
struct SCTPShutdown: Sendable {
    /// The peer sent SHUTDOWN: nothing new is taken for sending.
    var isRequested = false
    /// SHUTDOWN-ACKs sent.
    var attempts = 0
    /// T2: when SHUTDOWN-ACK goes out again.
    var deadline: Instant?

    /// SHUTDOWN-ACKs without an answer before the association counts as ended.
    static let attemptsMax = 5

    var isAckSent: Bool { attempts > 0 }
}
