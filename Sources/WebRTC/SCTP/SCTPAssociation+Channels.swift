// SPDX-License-Identifier: Apache-2.0
public import Base

/// Data channels: opening, sending, receiving, closing.
extension SCTPAssociation {
    /// Opens a channel and returns its id, the next of our parity unless `id` names one.
    ///
    /// It can be sent on at once: what is sent before the association is connected waits, and what
    /// is sent before the peer's acknowledgement goes in order behind the opening.
    /// `channelOpened` comes with the peer's first word on it.
    public mutating func openChannel(
        label: String, ordered: Bool = true, reliability: SCTPReliability = .reliable,
        subprotocol: String = "", id: UInt16? = nil, at now: Instant
    ) throws(SCTPOpenError) -> UInt16 {
        advance(to: now)
        guard state != .closed, !shutdown.isRequested else { throw .associationClosed }
        guard label.utf8.count + subprotocol.utf8.count <= SCTPChannelControl.namesMax else {
            throw .labelTooLong
        }
        guard !channels.isFull, let id = try freeID(id) else { throw .noFreeID }
        let channel = SCTPChannel(
            id: id, label: label, subprotocol: subprotocol, isOrdered: ordered,
            reliability: reliability, isRemote: false)
        channels.insert(SCTPChannelEntry(channel: channel, state: .opening))
        let opening = SCTPChannelControl.Opening(
            label: label, subprotocol: subprotocol, isOrdered: ordered, reliability: reliability)
        sendControl(.open(opening), on: id)
        return id
    }

    private mutating func freeID(_ asked: UInt16?) throws(SCTPOpenError) -> UInt16? {
        let parity: UInt16 = role == .client ? 0 : 1
        // Stream 65535 is not a stream (RFC 8832 section 6).
        let peers = handshake.peer.map { min($0.inboundStreams, $0.outboundStreams) } ?? .max
        let limit = min(configuration.streamsMax, peers, 65_535)
        guard let asked else { return channels.freeID(parity: parity, limit: limit) }
        guard asked < limit, asked & 1 == parity, channels.isFree(asked) else { throw .noFreeID }
        return asked
    }

    /// Queues a message on a channel; it leaves with the next drain if the windows allow.
    ///
    /// Nothing is queued when it throws.
    public mutating func send(
        _ bytes: [UInt8], as kind: SCTPMessageKind = .binary, on channel: UInt16, at now: Instant
    ) throws(SCTPSendError) {
        advance(to: now)
        guard state != .closed, !shutdown.isRequested else { throw .associationClosed }
        guard let entry = channels[channel], entry.state != .closing else {
            throw .channelNotOpen
        }
        let limit = configuration.sendMessageMax
        guard bytes.count <= limit else { throw .messageTooLong(limit: limit) }
        let buffered = transmission.queue.bufferedBytes(of: channel)
        guard buffered + bytes.count <= configuration.sendBufferMax,
            !transmission.queue.isFull(channel)
        else { throw .queueFull }
        let (identifier, payload) = SCTPPayload.encode(bytes, kind)
        var message = SCTPOutgoingMessage(
            bytes: payload, protocolIdentifier: identifier, isOrdered: entry.isOrderedNow)
        switch entry.channel.reliability {
        case .reliable: break
        case .maxRetransmits(let count): message.maxRetransmits = count
        case .maxLifetime(let milliseconds):
            message.expiry = self.now + .milliseconds(Int(milliseconds))
        }
        transmission.queue.append(message, to: channel)
        isFlushDue = true
    }

    /// Closes a channel once what waits on it was sent; `channelClosed` tells when both sides are
    /// done.
    public mutating func close(_ channel: UInt16, at now: Instant) {
        advance(to: now)
        guard channels.close(channel) else { return }
        if state != .connected {
            transmission.queue.reset(channel)
            channels.remove(channel)
            emit(.channelClosed(channel))
        } else {
            settleWithoutReset(channel)
        }
        isFlushDue = true
    }

    /// Bytes that wait on a channel for their first sending.
    public func bufferedAmount(of channel: UInt16) -> Int {
        transmission.queue.bufferedBytes(of: channel)
    }

    /// Sets the amount at or below which `bufferedAmountLow` is told, each time the buffered amount
    /// falls there from above; it is not told before this was called.
    public mutating func setBufferedAmountLowThreshold(_ bytes: Int, of channel: UInt16) {
        guard channels[channel] != nil else { return }
        transmission.queue.setLowThreshold(max(0, bytes), of: channel)
    }

    /// The channels that are not closed, by ascending id.
    public var openChannels: [SCTPChannel] { channels.ids.compactMap { channels[$0]?.channel } }

    private mutating func sendControl(_ control: SCTPChannelControl, on id: UInt16) {
        transmission.queue.append(
            SCTPOutgoingMessage(
                bytes: control.encoded(), protocolIdentifier: SCTPPayload.control,
                isOrdered: true, isControl: true), to: id)
        isFlushDue = true
    }

    // MARK: Receiving

    mutating func deliverMessages() {
        guard !reassembly.delivered.isEmpty else { return }
        var messages: [SCTPIncomingMessage] = []
        swap(&messages, &reassembly.delivered)
        for message in messages { deliver(message) }
        messages.removeAll(keepingCapacity: true)
        swap(&messages, &reassembly.delivered)
    }

    private mutating func deliver(_ message: SCTPIncomingMessage) {
        if message.protocolIdentifier == SCTPPayload.control {
            return controlReceived(message.bytes, on: message.stream)
        }
        guard let entry = channels[message.stream], entry.state != .closing else {
            counts.dataDropped += 1
            return
        }
        opened(message.stream)
        switch message.protocolIdentifier {
        case SCTPPayload.text: deliver(message, entry, .text)
        case SCTPPayload.binary: deliver(message, entry, .binary)
        case SCTPPayload.textEmpty: deliver(message, entry, .text, isEmpty: true)
        case SCTPPayload.binaryEmpty: deliver(message, entry, .binary, isEmpty: true)
        case SCTPPayload.textPartial, SCTPPayload.binaryPartial:
            guard entry.partial.count + message.bytes.count <= configuration.receiveMessageMax
            else { return closeMisused(message.stream) }
            channels.update(message.stream) { $0.partial += message.bytes }
        default:
            counts.dataDropped += 1
        }
    }

    private mutating func deliver(
        _ message: SCTPIncomingMessage, _ entry: SCTPChannelEntry, _ kind: SCTPMessageKind,
        isEmpty: Bool = false
    ) {
        var bytes = isEmpty ? [] : message.bytes
        if !entry.partial.isEmpty {
            guard entry.partial.count + bytes.count <= configuration.receiveMessageMax else {
                return closeMisused(message.stream)
            }
            bytes = entry.partial + bytes
            channels.update(message.stream) { $0.partial = [] }
        }
        counts.messagesReceived += 1
        emit(.message(channel: message.stream, kind: kind, bytes: bytes))
    }

    private mutating func controlReceived(_ bytes: [UInt8], on stream: UInt16) {
        switch Result(catching: { () throws(SCTPChannelControl.ParseError) in
            try SCTPChannelControl(parsing: bytes)
        }) {
        case .success(.acknowledgement): opened(stream)
        case .success(.open(let opening)): openReceived(opening, on: stream)
        case .failure:
            counts.dataDropped += 1
            if channels[stream] == nil { closeMisused(stream) }
        }
    }

    /// The peer opens a channel: on its own parity, and not on one that lives.
    private mutating func openReceived(
        _ opening: SCTPChannelControl.Opening, on stream: UInt16
    ) {
        if channels[stream]?.isIncomingReset == true, reset?.settle(stream) == true {
            // It would not use the stream again had it not performed our reset.
            conclude(.reset([stream]))
        }
        guard channels[stream] == nil else {
            counts.dataDropped += 1
            return
        }
        let theirs: UInt16 = role == .client ? 1 : 0
        guard stream & 1 == theirs, stream < 65_535, !channels.isFull else {
            return closeMisused(stream)
        }
        let channel = SCTPChannel(
            id: stream, label: opening.label, subprotocol: opening.subprotocol,
            isOrdered: opening.isOrdered, reliability: opening.reliability, isRemote: true)
        channels.insert(SCTPChannelEntry(channel: channel, state: .open))
        sendControl(.acknowledgement, on: stream)
        emit(.channelOpened(channel))
    }

    /// The peer spoke on a channel of ours: it knows it.
    private mutating func opened(_ id: UInt16) {
        guard let entry = channels[id], entry.state == .opening else { return }
        channels.update(id) { $0.state = .open }
        emit(.channelOpened(entry.channel))
    }

    // MARK: Closing

    /// Closes the channel, or refuses the stream without one, on which the peer broke a rule.
    mutating func closeMisused(_ stream: UInt16) {
        counts.dataDropped += 1
        if channels[stream] != nil {
            guard channels.close(stream) else { return }
            emit(.channelClosing(stream))
            transmission.queue.dropWaiting(of: stream)
            settleWithoutReset(stream)
        } else if channels.burn(stream) {
            reset?.append(stream)
        }
        isFlushDue = true
    }

    mutating func reconfigurationReceived(_ parameters: [SCTPParameter]) {
        guard state == .connected, let cumulative = tracker?.cumulative else { return }
        // What this packet brought counts before the streams start again.
        deliverMessages()
        for parameter in parameters.prefix(2) {
            switch parameter {
            case .outgoingReset(let request):
                if let done = reset?.requestReceived(request, cumulative: cumulative) {
                    answer(done)
                }
            case .resetResponse(let response):
                let timeout = transmission.roundTrip.timeout
                if let done = reset?.responseReceived(response, timeout: timeout, at: now) {
                    conclude(done)
                }
            case .incomingReset(let sequence, _):
                answerOther(sequence, .nothingToDo)
            case .tsnReset(let sequence), .addStreams(_, let sequence, _):
                answerOther(sequence, .denied)
            case .stateCookie, .unrecognizedParameter, .zeroChecksum, .supportedExtensions,
                .forwardTSNSupported, .other:
                break
            }
        }
    }

    private mutating func answerOther(_ sequence: UInt32, _ result: SCTPResetResponse.Result) {
        guard let peer = handshake.peer,
            let answer = reset?.otherRequestReceived(sequence: sequence, result: result)
        else { return }
        transmitAlone(.reconfiguration([answer]), tag: peer.tag)
    }

    /// Answers the peer's request, and closes our side of what it closed.
    mutating func answer(_ performed: SCTPStreamReset.Performed) {
        guard let peer = handshake.peer else { return }
        transmitAlone(.reconfiguration([performed.answer]), tag: peer.tag)
        let window = reassembly.receiveWindow
        if performed.isAll { reassembly.resetAll() }
        let streams = performed.isAll ? channels.ids : performed.streams
        for stream in streams { incomingReset(stream) }
        if reassembly.receiveWindow > window { acknowledger.requireSoon(at: now) }
    }

    private mutating func incomingReset(_ stream: UInt16) {
        reassembly.reset(stream)
        channels.unburn(stream)
        guard channels[stream] != nil else { return }
        channels.update(stream) { $0.isIncomingReset = true }
        if channels.close(stream) {
            transmission.queue.dropWaiting(of: stream)
            emit(.channelClosing(stream))
        }
        finishClosing(stream)
    }

    private mutating func conclude(_ conclusion: SCTPStreamReset.Conclusion) {
        switch conclusion {
        case .nothing: break
        case .reset(let streams):
            for stream in streams {
                transmission.queue.reset(stream)
                channels.update(stream) { $0.isOutgoingReset = true }
                finishClosing(stream)
            }
        case .refused(let streams):
            for stream in streams where channels[stream] != nil {
                channels.remove(stream)
                _ = channels.burn(stream)
                emit(.channelClosed(stream))
            }
        }
    }

    private mutating func finishClosing(_ stream: UInt16) {
        guard let entry = channels[stream], entry.isIncomingReset, entry.isOutgoingReset else {
            return
        }
        channels.remove(stream)
        emit(.channelClosed(stream))
    }

    /// A peer without RE-CONFIG never hears of the closing: the id is left alone for good.
    private mutating func settleWithoutReset(_ stream: UInt16) {
        guard handshake.peer?.isResetSupported == false else { return }
        transmission.queue.dropWaiting(of: stream)
        channels.remove(stream)
        _ = channels.burn(stream)
        emit(.channelClosed(stream))
    }
}
