// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit
internal import Net
internal import Telemetry
internal import Transport
internal import Web
internal import WebRTC

/// A room at work: the websockets, peer connections and timers around a `RoomState`.
///
/// An actor on the media loop; everything enters it there, without a hop.
actor ServedRoom {
    /// Of the 1 s of silence after a mute (what the real server sends).
    static let muteSilences = 51
    /// Of the 200 ms of silence before a track ends.
    static let fadeSilences = 10
    static let silenceInterval = Duration.milliseconds(20)
    /// A participant whose media failed may resume for this long.
    static let resumeGrace = Duration.seconds(8)
    /// Between the end of media and the word about it.
    static let warningDelay = Duration.seconds(1)
    /// How long a refreshed token lives at least, seconds.
    private static let refreshedLifetime: Int64 = 600

    nonisolated let environment: ServedEnvironment
    nonisolated let name: String
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        environment.loop.asUnownedSerialExecutor()
    }
    private let port: UDPMux
    private let log: RoomLog
    /// Told once, when the room is over.
    private let onClose: (ServedRoom) -> Void
    var state: RoomState
    var guests: [String: ServedGuest] = [:]
    private var deadline: (time: Instant, token: DeadlineToken)?
    private var silent: [Downlink] = []
    private var isSilencing = false
    private var isPumping = false

    /// Opens a room; on the media loop.
    init(
        _ state: RoomState, on port: UDPMux, _ environment: ServedEnvironment, log: RoomLog,
        onClose: @escaping (ServedRoom) -> Void
    ) {
        self.state = state
        self.port = port
        self.environment = environment
        self.log = log
        self.onClose = onClose
        name = state.room.name
    }

    /// When the room's timer is set to.
    var dueAt: Instant? { deadline?.time }

    var time: RoomTime { RoomTime(instant: environment.loop.now, wall: Loop.wallClock) }

    // MARK: Coming and going

    /// Lets a client in whose websocket has opened, or lets it go on.
    ///
    /// - Returns: its sid; nil when it cannot be let in: it was told, and the socket closes.
    func enter(_ ticket: JoinTicket, _ socket: WebSocketConnection) -> String? {
        if ticket.reconnects { return resume(ticket, socket) }
        let sid: String
        do {
            sid = try state.join(ticket, now: time)
        } catch {
            Self.refuse(socket, .joinFailure, .disconnect)
            return nil
        }
        guard let member = state[sid] else { return nil }
        let guest = ServedGuest(
            sid: sid, isSingleConnection: member.isSingleConnection,
            isSubscriberPrimary: member.isSubscriberPrimary)
        guest.socket = socket
        guests[sid] = guest
        log.note(.joined, ["room": .of(name), "sid": .of(sid)])
        pump()
        if !member.isSingleConnection, member.permission.canSubscribe {
            guest.subscriber = leg(.subscriber, of: guest)
            if member.isSubscriberPrimary { guest.subscriber?.openChannels(hasDataTracks: true) }
            offer(to: guest)
        }
        for request in ticket.addTrackRequests {
            state.announce(request, by: sid, now: time)
        }
        pump()
        if let offer = ticket.publisherOffer { take(offer: offer, from: guest) }
        return sid
    }

    private func resume(_ ticket: JoinTicket, _ socket: WebSocketConnection) -> String? {
        guard let sid = state.member(identity: ticket.claims.identity)?.sid,
            let guest = guests[sid]
        else {
            Self.refuse(socket, .stateMismatch, .reconnect)
            return nil
        }
        guest.socket?.close(code: 1000)
        guest.socket = socket
        guest.lostAt = nil
        guest.warnedAt = nil
        _ = state.resume(ticket)
        log.note(.resumed, ["room": .of(name), "sid": .of(sid)])
        pump()
        if let subscriber = guest.subscriber, guest.wasConnected {
            subscriber.driver.update { connection, _ in connection.restartICE() }
            // An offer that was lost with the old socket would never be answered.
            subscriber.abandonOffer()
            offer(to: guest)
        }
        return sid
    }

    static func refuse(
        _ socket: WebSocketConnection, _ reason: DisconnectReason, _ action: LeaveAction
    ) {
        let leave = LeaveRequest(reason: reason, action: action)
        try? socket.send(SignalResponse.leave(leave).encoded)
        socket.close(code: 1000)
    }

    /// A participant's websocket ended.
    func socketEnded(_ sid: String, _ socket: WebSocketConnection) {
        guard let guest = guests[sid], guest.socket === socket else { return }
        guest.socket = nil
        // Who never had media is gone; who has it may come back for as long as it lives.
        if guest.primaryLeg?.state != .connected {
            if guest.wasConnected {
                guest.lostAt = guest.lostAt ?? environment.loop.now + Self.resumeGrace
            } else {
                state.remove(sid, .signalClose, tells: nil, now: time)
            }
            pump()
        }
    }

    /// A frame came on a participant's websocket.
    ///
    /// - Returns: false when it is no message: the connection is to be cut.
    func received(_ frame: [UInt8], from sid: String) -> Bool {
        guard let guest = guests[sid] else { return true }
        let now = environment.loop.now
        guard guest.requests.isLeft(at: now) else {
            // After this no frame comes any more; it may resume.
            log.note(.flooding, ["room": .of(name), "sid": .of(sid)])
            guest.socket?.close(code: 1008)
            return true
        }
        guest.requests.spend(1, at: now)
        let request: SignalRequest
        do {
            request = try SignalRequest(decoding: frame)
        } catch {
            return false
        }
        switch request {
        case .offer(let description): take(offer: description, from: guest)
        case .answer(let description): take(answer: description, from: guest)
        case .trickle(let trickle): take(trickle, from: guest)
        default: state.received(request, from: sid, now: time)
        }
        pump()
        return true
    }

    /// Ends the room for all.
    func close(_ reason: DisconnectReason) {
        state.close(reason, now: time)
        pump()
    }

    /// Does something to the state, and what follows.
    func change<Value: Sendable>(_ body: (inout RoomState, RoomTime) -> Value) -> Value {
        let value = body(&state, time)
        pump()
        return value
    }

    // MARK: What the room wants

    /// Carries out what the room wants until it wants nothing more.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        while let output = state.poll() { carryOut(output) }
        isPumping = false
        arm()
    }

    private func carryOut(_ output: RoomState.Output) {
        switch output {
        case .send(let message, let sid): send(message, to: sid)
        case .refreshToken(let sid): refreshToken(of: sid)
        case .sendData(let bytes, let isReliable, let sid):
            sendData(bytes, isReliable: isReliable, to: sid)
        case .subscribe(let track, let publisher, let subscriber):
            subscribe(track, of: publisher, to: subscriber)
        case .unsubscribe(let track, let subscriber): unsubscribe(track, subscriber)
        case .muteTrack(let track, let isMuted):
            guard let uplink = uplink(track) else { return }
            uplink.isMuted = isMuted
            for downlink in uplink.downlinks {
                if isMuted {
                    fall(downlink, silentFor: Self.muteSilences)
                } else {
                    downlink.stream.realign()
                }
            }
        case .disableTrack(let track, let isDisabled, let subscriber):
            guard let downlink = guests[subscriber]?.downlinks[track] else { return }
            downlink.isDisabled = isDisabled
            downlink.stream.realign()
            if isDisabled { fall(downlink, silentFor: Self.muteSilences) }
        case .fadeTrack(let track):
            guard let uplink = uplink(track) else { return }
            uplink.isMuted = true
            for downlink in uplink.downlinks { fall(downlink, silentFor: Self.fadeSilences) }
        case .measure:
            measure()
        case .end(let sid, let reason): end(sid, reason)
        case .close:
            if let deadline { environment.loop.cancel(deadline.token) }
            deadline = nil
            onClose(self)
        }
    }

    private func measure() {
        let cutOff = guests.values.filter { $0.lostAt != nil }.map(\.sid)
        let uplinks = guests.values.flatMap(\.uplinks.values)
        let muted = Set(uplinks.filter(\.isMuted).map(\.track))
        state.measured(
            guests.values.flatMap { $0.ways(muted: muted) }, cutOff: Set(cutOff), now: time)
    }

    private func end(_ sid: String, _ reason: DisconnectReason) {
        guard let guest = guests.removeValue(forKey: sid) else { return }
        for downlink in guest.downlinks.values {
            uplink(downlink.track)?.downlinks.removeAll { $0 === downlink }
        }
        log.note(.left, ["room": .of(name), "sid": .of(sid), "reason": .of(reason)])
        guest.close()
    }

    private func arm() {
        let next = state.isClosed ? nil : dueTime
        if let deadline {
            guard deadline.time != next else { return }
            environment.loop.cancel(deadline.token)
            self.deadline = nil
        }
        guard let next else { return }
        let token = environment.loop.schedule(at: next) { [weak self] in
            self?.assumeIsolated { $0.tick() }
        }
        deadline = (next, token)
    }

    private var dueTime: Instant? {
        guests.values.reduce(state.deadline) { due, guest in
            soonest(
                soonest(soonest(due, guest.lostAt), guest.warnedAt),
                guest.subscriber?.answerDeadline)
        }
    }

    private func tick() {
        deadline = nil
        let time = time
        for guest in guests.values where guest.warnedAt.map({ $0 <= time.instant }) ?? false {
            warn(guest)
        }
        for guest in guests.values where guest.lostAt.map({ $0 <= time.instant }) ?? false {
            state.remove(guest.sid, .connectionTimeout, tells: nil, now: time)
        }
        for guest in guests.values
        where guest.subscriber?.answerDeadline.map({ $0 <= time.instant }) ?? false {
            log.note(.notAnswering, ["sid": .of(guest.sid)])
            state.remove(guest.sid, .stateMismatch, tells: .reconnect, now: time)
        }
        state.tick(now: time)
        pump()
    }

    // MARK: Signalling

    func send(_ message: SignalResponse, to sid: String) {
        guard let guest = guests[sid], let socket = guest.socket else { return }
        do {
            try socket.send(message.encoded)
        } catch {
            // It does not read: it may resume.
            guest.socket = nil
            socket.close(code: 1008)
        }
    }

    private func refreshToken(of sid: String) {
        guard let member = state[sid],
            let key = environment.keys.first(where: { $0.id == member.claims.issuer })
        else { return }
        let now = Loop.wallClock.unixSeconds
        var claims = member.claims
        claims.name = member.info.name
        claims.metadata = member.info.metadata
        claims.attributes = member.info.attributes
        claims.roomConfiguration = nil
        claims.notBefore = now
        claims.issuedAt = now
        claims.expiresAt = max(now + Self.refreshedLifetime, claims.expiresAt ?? 0)
        guard let token = try? AccessToken.mint(claims, key: key) else { return }
        send(.refreshToken(SecretText(token)), to: sid)
    }

    private func leg(_ target: SignalTarget, of guest: ServedGuest) -> ServedLeg? {
        let sid = guest.sid
        return ServedLeg(target, on: port, environment) { [weak self] event in
            // The connection's events come on the media loop.
            self?.assumeIsolated { $0.happened(event, target, sid) }
        }
    }

    /// Offers the subscriber connection anew; a single one asks its client to offer.
    private func offer(to guest: ServedGuest) {
        if guest.isSingleConnection {
            guard let leg = guest.publisher else { return }
            let waiting = guest.downlinks.values.count { downlink in
                leg.driver.inspect { $0.mid(of: downlink.id) } == nil
            }
            let free = leg.driver.inspect { $0.freeSendingSections }
            send(
                .mediaSectionsRequirement(audios: UInt32(max(0, waiting - free)), videos: 0),
                to: guest.sid)
        } else if let leg = guest.subscriber {
            let messages = leg.offer(at: environment.loop.now, guest.midToTrack)
            for message in messages { send(message, to: guest.sid) }
        }
    }

    private func take(offer: SignalDescription, from guest: ServedGuest) {
        if guest.publisher == nil { guest.publisher = leg(.publisher, of: guest) }
        guard let leg = guest.publisher,
            let session = try? SessionDescription(parsing: offer.sdp)
        else { return }  // no answer, no word: as the real server
        let sections = OfferedSections(session)
        state.offered(
            sections.sending.filter { isNew($0, guest.sid) },
            by: guest.sid, now: time)
        do {
            for message in try leg.take(offer: offer, guest.midToTrack) {
                send(message, to: guest.sid)
            }
        } catch {
            log.note(.offerRefused, ["sid": .of(guest.sid), "reason": .of("\(error)")])
            return
        }
        for mid in state.sendingMIDs(of: guest.sid) where !sections.sendingMIDs.contains(mid) {
            state.withdrew(mid: mid, by: guest.sid, now: time)
            pump()
            guest.uplinks[mid] = nil
        }
        noteFlows(guest)
        pump()
    }

    private func isNew(_ section: RoomState.OfferedTrack, _ sid: String) -> Bool {
        !state.sendingMIDs(of: sid).contains(section.mid)
    }

    private func take(answer: SignalDescription, from guest: ServedGuest) {
        guard let leg = guest.subscriber else { return }
        do {
            try leg.take(answer: answer)
        } catch {
            log.note(.answerRefused, ["sid": .of(guest.sid), "reason": .of("\(error)")])
            return
        }
        noteFlows(guest)
        if leg.isOfferDue { offer(to: guest) }
    }

    private func take(_ trickle: TrickleRequest, from guest: ServedGuest) {
        guard let candidate = TrickledCandidate(json: trickle.candidateInit) else {
            var response = RequestResponse()
            response.outcome = .unclassified
            response.message = "the candidate cannot be read"
            return send(.requestResponse(response), to: guest.sid)
        }
        if trickle.target == .publisher || guest.isSingleConnection {
            // Candidates may come before the offer that they belong to.
            if guest.publisher == nil { guest.publisher = leg(.publisher, of: guest) }
            guest.publisher?.take(candidate)
        } else {
            guest.subscriber?.take(candidate)
        }
    }

    // MARK: What happens on the connections

    private func happened(_ event: PeerEvent, _ target: SignalTarget, _ sid: String) {
        guard let guest = guests[sid],
            let leg = target == .publisher ? guest.publisher : guest.subscriber
        else { return }
        for message in leg.noted(event) { send(message, to: guest.sid) }
        switch event {
        case .stateChanged(.connected):
            guard leg === guest.primaryLeg else { break }
            guest.wasConnected = true
            guest.lostAt = nil
            guest.warnedAt = nil
            state.connected(guest.sid, now: time)
        case .stateChanged(.failed):
            guard leg === guest.primaryLeg || leg === guest.publisher else { break }
            log.note(.mediaFailed, ["sid": .of(sid), "target": .of(target)])
            lost(guest)
        case .audio(let track, .packet(let packet)):
            received(packet, track.mid, guest)
            return
        case .audio: return
        case .senderReported(let track, let clock):
            for downlink in guest.uplinks[track.mid]?.downlinks ?? [] { downlink.pass(clock) }
            return
        case .channelMessage(let id, let bytes, let kind):
            // On the subscriber connection the real server reads data and throws it away.
            guard target == .publisher, let label = leg.label(of: id), kind == .binary else {
                break
            }
            if label == ServedLeg.reliableLabel || label == ServedLeg.lossyLabel {
                state.received(
                    bytes, isReliable: label == ServedLeg.reliableLabel, from: guest.sid)
            }
        case .channelOpened:
            flushData(guest)
        case .receptionReported(let id, let report):
            guest.downlinks.values.first { $0.id == id && $0.leg === leg }?.note(report)
            return
        default: break
        }
        pump()
    }

    /// The media connection failed, or its other end closed it, which is what a leaving client does
    /// just after it has said so.
    private func lost(_ guest: ServedGuest) {
        let now = environment.loop.now
        guest.warnedAt = guest.warnedAt ?? now + Self.warningDelay
        guest.lostAt = guest.lostAt ?? now + Self.warningDelay + Self.resumeGrace
    }

    private func warn(_ guest: ServedGuest) {
        guest.warnedAt = nil
        guard let socket = guest.socket else { return }
        send(.leave(LeaveRequest(reason: .connectionTimeout, action: .resume)), to: guest.sid)
        guest.socket = nil
        socket.close(code: 1000)
    }

    // MARK: Media

    /// A packet of a participant's came.
    func received(_ packet: RTPReceivedPacket, _ mid: String, _ guest: ServedGuest) {
        guard let uplink = guest.uplinks[mid] ?? makeUplink(mid, guest) else { return }
        let now = environment.loop.now
        if !uplink.isMuted {
            if let level = packet.audioLevel?.decibelsBelowFullScale {
                // The window that begins with this packet ends before most other timers.
                let due = state.speakers.deadline
                state.heard(guest.sid, level: level, now: now)
                if state.speakers.deadline != due { arm() }
            }
            guard !packet.payload.isEmpty else { return }
            for downlink in uplink.downlinks { downlink.pass(packet, at: now) }
        }
    }

    /// The uplink of a section that a published track has.
    private func makeUplink(_ mid: String, _ guest: ServedGuest) -> Uplink? {
        guard let track = state.track(of: guest.sid, mid: mid) else { return nil }
        let uplink = Uplink(
            track: track.info.sid, publisher: guest.sid, isMuted: track.info.isMuted)
        for other in guests.values {
            if let downlink = other.downlinks[track.info.sid] { uplink.downlinks.append(downlink) }
        }
        guest.uplinks[mid] = uplink
        return uplink
    }

    private func uplink(_ track: String) -> Uplink? {
        for guest in guests.values {
            if let uplink = guest.uplinks.values.first(where: { $0.track == track }) {
                return uplink
            }
        }
        return nil
    }

    private func subscribe(_ track: String, of publisher: String, to subscriber: String) {
        guard let guest = guests[subscriber], let leg = guest.downLeg,
            guest.downlinks[track] == nil
        else { return }
        let id = leg.driver.update { connection, _ in
            connection.addAudioTrack(stream: "\(publisher)|\(track)", track: track)
        }
        guard let id else { return }
        let downlink = Downlink(track: track, subscriber: subscriber, leg: leg, id: id)
        guest.downlinks[track] = downlink
        uplink(track)?.downlinks.append(downlink)
        offer(to: guest)
    }

    private func unsubscribe(_ track: String, _ subscriber: String) {
        guard let guest = guests[subscriber],
            let downlink = guest.downlinks.removeValue(forKey: track)
        else { return }
        uplink(track)?.downlinks.removeAll { $0 === downlink }
        silent.removeAll { $0 === downlink }
        downlink.leg.driver.update { connection, _ in connection.removeTrack(downlink.id) }
        offer(to: guest)
    }

    /// Tells publishers of tracks that flow to this participant since its last description.
    private func noteFlows(_ guest: ServedGuest) {
        for downlink in guest.downlinks.values where !downlink.isTold {
            guard downlink.leg.driver.inspect({ $0.isAgreed(downlink.id) }) else { continue }
            downlink.isTold = true
            state.flows(downlink.track)
        }
        pump()
    }

    // MARK: Silence

    private func fall(_ downlink: Downlink, silentFor packets: Int) {
        downlink.silences = packets
        silent.removeAll { $0 === downlink }
        silent.append(downlink)
        guard !isSilencing else { return }
        isSilencing = true
        sendSilence(at: environment.loop.now)
    }

    private func sendSilence(at time: Instant) {
        for downlink in silent where downlink.silences > 0 {
            downlink.silences -= 1
            downlink.sendSilence(at: environment.loop.now)
        }
        silent.removeAll { $0.silences <= 0 }
        guard !silent.isEmpty else {
            isSilencing = false
            return
        }
        let next = time + Self.silenceInterval
        environment.loop.schedule(at: next) { [weak self] in
            self?.assumeIsolated { $0.sendSilence(at: next) }
        }
    }

    // MARK: Data

    private func sendData(_ bytes: [UInt8], isReliable: Bool, to sid: String) {
        guard let guest = guests[sid] else { return }
        guard let leg = guest.primaryLeg, leg.canSendReliable, guest.pendingData.isEmpty else {
            // Reliable data since the join waits for the channels; lossy data is lost.
            guard isReliable, guest.pendingBytes + bytes.count <= ServedGuest.pendingBytesMax
            else { return }
            guest.pendingData.append(bytes)
            guest.pendingBytes += bytes.count
            return
        }
        if !leg.send(bytes, isReliable: isReliable) {
            log.note(.notReading, ["sid": .of(sid)])
            lost(guest)
        }
    }

    private func flushData(_ guest: ServedGuest) {
        guard let leg = guest.primaryLeg, leg.canSendReliable else { return }
        let waiting = guest.pendingData
        guest.pendingData = []
        guest.pendingBytes = 0
        for bytes in waiting { _ = leg.send(bytes, isReliable: true) }
    }
}
