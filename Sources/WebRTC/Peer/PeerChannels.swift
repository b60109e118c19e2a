// SPDX-License-Identifier: Apache-2.0
public import Base

/// A data channel and its stream, once it has one.
struct PeerChannelRecord: Sendable {
    let channel: PeerChannel
    var stream: UInt16?
    var lowThreshold: Int?
}

/// Why a channel was not opened.
public enum PeerChannelError: Error, Hashable, Sendable {
    /// The connection is closed, or its descriptions have no section for data channels.
    case unavailable
    /// As many as may be wait for the association already.
    case tooMany
    /// SCTP refused.
    case refused(SCTPOpenError)
}

// Data channels: SCTP above DTLS.
extension PeerConnection {
    /// Opens a data channel, also before the connection stands; `channelOpened` says when the peer
    /// has it.
    public mutating func openChannel(
        label: String, isOrdered: Bool = true, reliability: SCTPReliability = .reliable,
        subprotocol: String = "", at now: Instant
    ) throws(PeerChannelError) -> PeerChannelID {
        advance(to: now)
        guard state != .closed, configuration.hasDataChannels else { throw .unavailable }
        let waiting = channels.count { $0.stream == nil }
        guard sctp != nil || waiting < PeerLimits.pendingChannelsMax else { throw .tooMany }
        channelCount += 1
        let channel = PeerChannel(
            id: PeerChannelID(number: channelCount), label: label, subprotocol: subprotocol,
            isOrdered: isOrdered, reliability: reliability, isRemote: false)
        var record = PeerChannelRecord(channel: channel)
        if sctp != nil {
            do {
                record.stream = try sctp?.openChannel(
                    label: label, ordered: isOrdered, reliability: reliability,
                    subprotocol: subprotocol, at: lastNow)
            } catch {
                throw .refused(error)
            }
        }
        channels.append(record)
        pump()
        return channel.id
    }

    /// Sends a message on a channel. Nothing is queued when it throws.
    ///
    /// On a channel of ours it may be called before `channelOpened`, as soon as both descriptions
    /// are there; before that it throws `channelNotOpen`.
    public mutating func send(
        _ bytes: [UInt8], as kind: SCTPMessageKind = .binary, on id: PeerChannelID, at now: Instant
    ) throws(SCTPSendError) {
        advance(to: now)
        guard state != .closed, let stream = stream(of: id), sctp != nil else {
            throw .channelNotOpen
        }
        try sctp?.send(bytes, as: kind, on: stream, at: lastNow)
        pump()
    }

    /// Closes a channel once what waits on it was sent.
    public mutating func closeChannel(_ id: PeerChannelID, at now: Instant) {
        advance(to: now)
        guard let index = channels.firstIndex(where: { $0.channel.id == id }) else { return }
        if let stream = channels[index].stream {
            sctp?.close(stream, at: lastNow)
            pump()
        } else {
            channels.remove(at: index)
            emit(.channelClosed(id))
        }
    }

    /// Bytes that wait on a channel for their first sending.
    public func bufferedAmount(of id: PeerChannelID) -> Int {
        stream(of: id).flatMap { sctp?.bufferedAmount(of: $0) } ?? 0
    }

    /// Sets the amount at or below which `channelBufferedAmountLow` is told, each time the buffered
    /// amount falls there from above.
    public mutating func setBufferedAmountLowThreshold(_ bytes: Int, of id: PeerChannelID) {
        guard let index = channels.firstIndex(where: { $0.channel.id == id }) else { return }
        channels[index].lowThreshold = bytes
        if let stream = channels[index].stream {
            sctp?.setBufferedAmountLowThreshold(bytes, of: stream)
        }
    }

    /// The channels that are not closed, in the order of their making.
    public var openChannels: [PeerChannel] { channels.map(\.channel) }

    private func stream(of id: PeerChannelID) -> UInt16? {
        channels.first { $0.channel.id == id }?.stream
    }

    // MARK: The association

    /// Makes the association as soon as both descriptions want one and say who is who: it listens
    /// before DTLS stands, and starts when it does.
    mutating func prepareSCTP() {
        guard sctp == nil, let dtlsRole,
            let section = sections.first(where: { $0.kind == .dataChannels }),
            let remote = section.remote, !remote.isRefused
        else { return }
        var settings = configuration.sctp
        settings.remotePort = remote.sctpPort ?? settings.remotePort
        let size = remote.maxMessageSize ?? MediaDescription.maxMessageSizeDefault
        settings.remoteMaxMessageSize = Int(clamping: size)
        settings.receiveMessageMax = min(
            settings.receiveMessageMax, Int(clamping: configuration.maxMessageSize))
        sctp = SCTPAssociation(
            dtlsRole: dtlsRole == .client ? .client : .server, seed: random.next(),
            configuration: settings)
        openPendingChannels()
        startSCTPIfReady()
    }

    private mutating func openPendingChannels() {
        for index in channels.indices where channels[index].stream == nil {
            let channel = channels[index].channel
            let stream = try? sctp?.openChannel(
                label: channel.label, ordered: channel.isOrdered, reliability: channel.reliability,
                subprotocol: channel.subprotocol, at: lastNow)
            guard let stream else {
                emit(.channelClosed(channel.id))
                continue
            }
            channels[index].stream = stream
            if let threshold = channels[index].lowThreshold {
                sctp?.setBufferedAmountLowThreshold(threshold, of: stream)
            }
        }
        channels.removeAll { $0.stream == nil }
    }

    mutating func startSCTPIfReady() {
        guard dtls?.state == .connected, sctp?.state == .new else { return }
        sctp?.start(at: lastNow)
    }

    mutating func take(_ output: SCTPAssociation.Output) {
        switch output {
        case .transmit(let packet):
            do {
                try dtls?.send(packet, at: lastNow)
            } catch {
                statistics.datagramsDropped &+= 1
            }
        case .stateChanged: break
        case .channelOpened(let channel): opened(channel)
        case .channelClosing: break
        case .channelClosed(let stream):
            guard let index = channels.firstIndex(where: { $0.stream == stream }) else { return }
            emit(.channelClosed(channels.remove(at: index).channel.id))
        case .message(let stream, let kind, let bytes):
            guard let id = id(of: stream) else { return }
            emit(.channelMessage(id, bytes, kind))
        case .bufferedAmountLow(let stream):
            guard let id = id(of: stream) else { return }
            emit(.channelBufferedAmountLow(id))
        case .closed(let reason):
            emit(.channelsEnded(reason))
        }
    }

    private mutating func opened(_ channel: SCTPChannel) {
        if let known = channels.first(where: { $0.stream == channel.id }) {
            emit(.channelOpened(known.channel))
            return
        }
        channelCount += 1
        let new = PeerChannel(
            id: PeerChannelID(number: channelCount), label: channel.label,
            subprotocol: channel.subprotocol, isOrdered: channel.isOrdered,
            reliability: channel.reliability, isRemote: true)
        channels.append(PeerChannelRecord(channel: new, stream: channel.id))
        emit(.channelOpened(new))
    }

    private func id(of stream: UInt16) -> PeerChannelID? {
        channels.first { $0.stream == stream }?.channel.id
    }
}
