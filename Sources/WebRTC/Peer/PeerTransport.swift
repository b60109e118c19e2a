// SPDX-License-Identifier: Apache-2.0
public import Base

// The path: local addresses and candidates in, datagrams out, and the layers stacked on it.
extension PeerConnection {
    // MARK: Candidates

    /// Adds a local address that datagrams can be sent from; its candidate comes as an event.
    ///
    /// - Parameters:
    ///   - base: what the shell's socket is bound to; not a wildcard.
    ///   - advertised: the address to tell the peer instead, where a router maps it one to one.
    ///   - now: the time.
    /// - Returns: false when the address is no proper one, or there are too many.
    @discardableResult
    public mutating func addLocalBase(
        _ base: SocketAddress, advertisedAs advertised: SocketAddress? = nil, at now: Instant
    ) -> Bool {
        advance(to: now)
        guard state != .closed else { return false }
        let isAdded = ice.addLocalCandidate(base: base, advertisedAs: advertised)
        ice.tick(at: lastNow)
        pump()
        return isAdded
    }

    /// Takes away a local address whose socket or interface is gone.
    public mutating func removeLocalBase(_ base: SocketAddress, at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        ice.removeLocalBase(base)
        ice.tick(at: lastNow)
        pump()
    }

    /// Says that no more local addresses will come for now.
    public mutating func endLocalBases(at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        ice.endLocalCandidates()
        ice.tick(at: lastNow)
        pump()
    }

    /// Names STUN servers to ask for our outer address.
    public mutating func setSTUNServers(_ servers: [SocketAddress], at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        ice.setSTUNServers(servers)
        ice.tick(at: lastNow)
        pump()
    }

    /// Takes a candidate that the peer signalled, at any time, also before its description.
    ///
    /// All sections share one path, so that it does not matter which section it names.
    /// - Parameters:
    ///   - line: `candidate:…`, as it stands in JSON or after `a=`.
    ///   - ufrag: the generation, where the signal names it beside the line.
    ///   - now: the time.
    /// - Throws: why the line is of no use; it does no harm.
    public mutating func addRemoteCandidate(
        _ line: String, ufrag: String? = nil, at now: Instant
    ) throws(ICECandidateError) {
        advance(to: now)
        guard state != .closed else { return }
        var candidate: ICECandidate
        do {
            candidate = try ICECandidate(parsing: line)
        } catch {
            if error == .empty {
                endRemoteCandidates(at: now)
                return
            }
            statistics.candidatesRefused &+= 1
            throw error
        }
        if candidate.ufrag == nil { candidate.ufrag = ufrag }
        ice.addRemoteCandidate(candidate)
        ice.tick(at: lastNow)
        pump()
    }

    /// Says that the peer will signal no more candidates in this generation.
    public mutating func endRemoteCandidates(at now: Instant) {
        advance(to: now)
        guard state != .closed else { return }
        ice.endRemoteCandidates()
        ice.tick(at: lastNow)
        pump()
    }

    // MARK: Layers

    /// Bound on one pump: each round hands over at least one output, and none of the layers makes
    /// an output from nothing. A loop beyond it would be a defect of ours.
    private static let pumpRoundsMax = 10_000

    /// Hands over what the layers want of each other until all are silent.
    mutating func pump() {
        var rounds = 0
        var isBusy = true
        while isBusy, rounds < Self.pumpRoundsMax {
            isBusy = false
            rounds += 1
            while let output = ice.poll() {
                isBusy = true
                take(output)
            }
            while let output = dtls?.poll() {
                isBusy = true
                take(output)
            }
            while let output = sctp?.poll() {
                isBusy = true
                take(output)
            }
        }
        layersDeadline = soonest(soonest(ice.deadline, dtls?.deadline), sctp?.deadline)
        updateState()
    }

    private mutating func take(_ output: ICEAgent.Output) {
        switch output {
        case .transmit(let datagram, let to, let from):
            outputs.append(.transmit(datagram, to: to, from: from))
        case .stateChanged(let state):
            emit(.iceStateChanged(state))
            if state == .failed { fail(.ice(ice.statistics.reason)) }
        case .selectedPair(let pair):
            path = pair
            emit(.pathChanged(pair))
            startDTLSIfReady()
            if pair != nil { sctp?.pathRestored(at: lastNow) }
        case .localCandidate(let candidate):
            tell(candidate)
        case .gatheringCompleted:
            emit(.gatheringCompleted)
        }
    }

    /// Candidates found before there is a section to name wait for the description.
    mutating func tell(_ candidate: ICECandidate) {
        guard let index = transportSection else {
            untoldCandidates.append(candidate)
            return
        }
        emit(
            .localCandidate(
                PeerLocalCandidate(
                    line: candidate.line, mid: sections[index].mid, sectionIndex: index,
                    ufrag: candidate.ufrag)))
    }

    /// The section whose lines stand for the transport: the first that is not refused.
    var transportSection: Int? {
        sections.firstIndex { $0.kind != .refused }
    }

    private mutating func take(_ output: DTLSConnection.Output) {
        switch output {
        case .transmit(let datagram): transmit(datagram)
        case .connected(let keys): connected(keys)
        case .data(let bytes):
            // Only now it is known to be the peer's: OpenSSL drops what is not.
            ice.dataReceived(at: lastNow)
            if sctp == nil { statistics.datagramsDropped &+= 1 }
            sctp?.receive(bytes, at: lastNow)
        case .closed: fail(.closedByPeer)
        case .failed(let error): fail(.dtls(error))
        }
    }

    private mutating func connected(_ keys: SRTPKeyingMaterial?) {
        if let keys {
            do {
                srtp = try SRTPContext(keys)
            } catch {
                fail(.srtp(error))
            }
        } else if sections.contains(where: { $0.kind == .audio && $0.negotiated != .inactive }) {
            fail(.noMediaKeys)
        }
        startSCTPIfReady()
    }

    /// Sends a datagram on the path; without one it is lost, as it would be on a dead path.
    mutating func transmit(_ datagram: [UInt8]) {
        guard let path else {
            statistics.datagramsDropped &+= 1
            return
        }
        outputs.append(.transmit(datagram, to: path.remote.address, from: path.base))
    }

    mutating func receiveDTLS(_ datagram: [UInt8]) {
        if let dtls {
            dtls.receive(datagram, at: lastNow)
        } else if parked.count < PeerLimits.parkedDatagramsMax {
            parked.append(datagram)
        } else {
            statistics.datagramsDropped &+= 1
        }
    }

    /// Makes the DTLS connection as soon as descriptions say who does what.
    mutating func prepareDTLS(role: DTLSRole) throws(DTLSError) {
        guard dtls == nil else { return }
        let connection = try DTLSConnection(
            role: role, certificate: certificate, remoteFingerprints: remoteFingerprints,
            configuration: configuration.dtls)
        dtls = connection
        dtlsRole = role
        let early = parked
        parked = []
        for datagram in early { connection.receive(datagram, at: lastNow) }
        startDTLSIfReady()
    }

    private func startDTLSIfReady() {
        guard path != nil, let dtls, dtls.state == .new else { return }
        dtls.start(at: lastNow)
    }

    // MARK: State

    private mutating func fail(_ failure: PeerFailure) {
        guard state != .failed, state != .closed else { return }
        if case .ice = failure {} else { isBeyondRestart = true }
        emit(.failed(failure))
        setState(.failed)
    }

    private mutating func updateState() {
        guard state != .closed else { return }
        if state == .failed {
            let isRevived = ice.state == .checking || ice.state.isConnected
            guard isRevived, !isBeyondRestart else { return }
        }
        let isSecure = dtls?.state == .connected
        switch ice.state {
        case .new: if state != .new { setState(.connecting) }
        case .checking: setState(.connecting)
        case .connected, .completed: setState(isSecure ? .connected : .connecting)
        case .disconnected: setState(.disconnected)
        case .failed, .closed: break
        }
    }

    mutating func setState(_ new: PeerState) {
        guard state != new else { return }
        state = new
        emit(.stateChanged(new))
    }
}
