// SPDX-License-Identifier: Apache-2.0
public import Base

// Descriptions: what we offer and answer, and what follows from both sides' (RFC 8829).
extension PeerConnection {
    /// Makes an offer of what is wanted now; it takes the place of one that is not answered yet.
    public mutating func createOffer(at now: Instant) throws(PeerDescriptionError) -> String {
        advance(to: now)
        guard role == .offerer, state != .closed else { throw .wrongState }
        if sections.isEmpty, configuration.hasDataChannels {
            sections.append(PeerSection(kind: .dataChannels, mid: takeMID()))
        }
        placeTracks()
        guard transportSection != nil else { throw .noUsableSection }
        if wantsRestart {
            wantsRestart = false
            ice.restart(credentials: ICECredentials(using: &random))
        }
        let transport = localTransport(setup: configuration.setup ?? .actpass)
        var media: [MediaDescription] = []
        for index in sections.indices {
            sections[index].described = SDPDirection(
                sends: sections[index].track != nil, receives: sections[index].receives)
            media.append(offer(of: sections[index], transport))
        }
        hasPendingOffer = true
        let text = describe(media)
        pump()
        tellUntoldCandidates()
        return text
    }

    /// Answers the offer taken last: audio with Opus and one section of data channels are accepted,
    /// all else is refused.
    public mutating func createAnswer(at now: Instant) throws(PeerDescriptionError) -> String {
        advance(to: now)
        guard role == .answerer, state != .closed, let offer = remoteOffer else {
            throw .wrongState
        }
        let remote = try remoteTransport(of: offer)
        let localSetup = try answerSetup(to: remote.setup)
        let isRestart = ice.remoteCredentials.map { $0 != remote.credentials } ?? false
        if dtls != nil, remote.fingerprints != remoteFingerprints { throw .changedFingerprint }
        let accepted = acceptSections(of: offer)
        guard accepted.contains(true) else { throw .noUsableSection }
        if isRestart { ice.restart(credentials: ICECredentials(using: &random)) }
        let transport = localTransport(setup: localSetup)
        var media: [MediaDescription] = []
        for (index, section) in offer.media.enumerated() {
            let answer = answer(
                to: section, at: index, isAccepted: accepted[index], transport)
            media.append(answer)
            sections[index].described = answer.directionLine ?? .inactive
        }
        remoteOffer = nil
        remoteFingerprints = remote.fingerprints
        ice.setRemote(
            credentials: remote.credentials, isLite: offer.isICELite, holdingChecks: isRestart)
        addCandidates(of: offer)
        for (index, section) in offer.media.enumerated() {
            apply(section, to: index, direction: sections[index].described)
        }
        do {
            try prepareDTLS(role: localSetup == .active ? .client : .server)
        } catch {
            throw .dtls(error)
        }
        prepareSCTP()
        let text = describe(media)
        ice.tick(at: lastNow)
        pump()
        tellUntoldCandidates()
        return text
    }

    /// Takes the peer's offer or answer. When it throws, nothing has changed.
    public mutating func setRemoteDescription(
        _ text: String, at now: Instant
    ) throws(PeerDescriptionError) {
        advance(to: now)
        guard state != .closed else { throw .wrongState }
        let session: SessionDescription
        do {
            session = try SessionDescription(parsing: text)
        } catch {
            throw .sdp(error)
        }
        switch role {
        case .answerer: try takeOffer(session)
        case .offerer: try takeAnswer(session)
        }
    }

    /// Has the next offer restart ICE: new credentials, new candidates, the same keys. The path in
    /// use carries on until there is a new one.
    public mutating func restartICE() {
        guard role == .offerer else { return }
        wantsRestart = true
    }

    /// Whether an offer of ours waits for its answer.
    public var isOfferPending: Bool { hasPendingOffer }

    // MARK: Taking

    private mutating func takeOffer(_ offer: SessionDescription) throws(PeerDescriptionError) {
        guard offer.media.count >= sections.count else { throw .mismatchedSections }
        for (index, section) in offer.media.enumerated() {
            guard let mid = section.mid else { throw .mismatchedSections }
            guard index < sections.count, sections[index].kind != .refused else { continue }
            guard mid == sections[index].mid, kind(of: section) == sections[index].kind else {
                throw .mismatchedSections
            }
        }
        let remote = try remoteTransport(of: offer)
        _ = try answerSetup(to: remote.setup)
        if dtls != nil, remote.fingerprints != remoteFingerprints { throw .changedFingerprint }
        remoteOffer = offer
        if state == .new { setState(.connecting) }
    }

    private mutating func takeAnswer(_ answer: SessionDescription) throws(PeerDescriptionError) {
        guard hasPendingOffer else { throw .wrongState }
        guard answer.media.count == sections.count else { throw .mismatchedSections }
        for (section, remote) in zip(sections, answer.media) where !remote.isRefused {
            guard section.kind == kind(of: remote), section.mid == remote.mid else {
                throw .mismatchedSections
            }
        }
        let remote = try remoteTransport(of: answer)
        let dtlsRole = try roleAfter(answer: remote.setup)
        if let known = ice.remoteCredentials, known != remote.credentials {
            throw .unexpectedICERestart
        }
        if dtls != nil, remote.fingerprints != remoteFingerprints { throw .changedFingerprint }
        remoteFingerprints = remote.fingerprints
        do {
            try prepareDTLS(role: dtlsRole)
        } catch {
            throw .dtls(error)
        }
        hasPendingOffer = false
        if state == .new { setState(.connecting) }
        ice.setRemote(credentials: remote.credentials, isLite: answer.isICELite)
        addCandidates(of: answer)
        for (index, section) in answer.media.enumerated() {
            let described = sections[index].described
            let direction = SDPDirection(
                sends: described.sends && section.direction.receives,
                receives: described.receives && section.direction.sends)
            apply(section, to: index, direction: direction)
        }
        prepareSCTP()
        ice.tick(at: lastNow)
        pump()
    }

    /// What of a description concerns the shared transport.
    private struct RemoteTransport {
        var credentials: ICECredentials
        var fingerprints: [DTLSFingerprint]
        var setup: SDPSetup
    }

    private func remoteTransport(
        of session: SessionDescription
    ) throws(PeerDescriptionError) -> RemoteTransport {
        guard let transport = session.bundledTransport else { throw .noUsableSection }
        guard let ufrag = transport.ufrag, let password = transport.password,
            let credentials = ICECredentials(ufrag: ufrag, password: password)
        else { throw .missingICECredentials }
        let fingerprints = transport.fingerprints.compactMap {
            DTLSFingerprint(algorithm: $0.algorithm, bytes: $0.bytes)
        }
        guard !fingerprints.isEmpty else { throw .missingFingerprint }
        guard let setup = transport.setup else { throw .unacceptableSetup }
        return RemoteTransport(
            credentials: credentials, fingerprints: fingerprints, setup: setup)
    }

    /// Our line in the answer; a standing connection keeps its roles (RFC 8842 section 5.3).
    private func answerSetup(to offered: SDPSetup) throws(PeerDescriptionError) -> SDPSetup {
        let wanted: SDPSetup
        switch offered {
        case .actpass: wanted = configuration.setup == .passive ? .passive : .active
        case .active: wanted = .passive
        case .passive: wanted = .active
        case .holdconn: throw .unacceptableSetup
        }
        guard let dtlsRole else { return wanted }
        let current: SDPSetup = dtlsRole == .client ? .active : .passive
        guard offered == .actpass || wanted == current else { throw .unacceptableSetup }
        return current
    }

    private func roleAfter(answer setup: SDPSetup) throws(PeerDescriptionError) -> DTLSRole {
        let next: DTLSRole
        switch setup {
        // Pion before version 4 answers "active" to every offer, and does as the offer says.
        case .active: next = configuration.setup == .active ? .client : .server
        case .passive: next = .client
        case .actpass, .holdconn: throw .unacceptableSetup
        }
        guard dtlsRole == nil || dtlsRole == next,
            configuration.setup != .passive || next == .server
        else { throw .unacceptableSetup }
        return next
    }

    private mutating func addCandidates(of session: SessionDescription) {
        for section in session.media {
            for line in section.candidates {
                guard let candidate = try? ICECandidate(parsing: line) else {
                    statistics.candidatesRefused &+= 1
                    continue
                }
                ice.addRemoteCandidate(candidate)
            }
        }
        if session.media.contains(where: \.hasAllCandidates) { ice.endRemoteCandidates() }
    }

    func kind(of section: MediaDescription) -> PeerSection.Kind {
        switch section.kind {
        case .audio: .audio
        case .application: .dataChannels
        case .video: configuration.keepsVideoSections && role == .answerer ? .idle : .refused
        case .other: .refused
        }
    }

    // MARK: Making

    mutating func takeMID() -> String {
        defer { nextMID += 1 }
        return "\(nextMID)"
    }

    private func localTransport(setup: SDPSetup) -> SDPTransport {
        let credentials = ice.localCredentials
        let fingerprint = certificate.fingerprint
        var transport = SDPTransport()
        transport.ufrag = credentials.ufrag
        transport.password = credentials.password
        transport.options = ["trickle"]
        transport.fingerprints = [
            SDPFingerprint(algorithm: fingerprint.algorithm.rawValue, bytes: fingerprint.bytes)
        ]
        transport.setup = setup
        return transport
    }

    private mutating func describe(_ media: [MediaDescription]) -> String {
        var media = media
        if configuration.listsCandidates, let first = media.firstIndex(where: { !$0.isRefused }) {
            media[first].candidates = ice.localCandidates.map(\.line)
        }
        origin.version += 1
        return SessionDescription.bundling(
            media, origin: origin, isICELite: configuration.ice.isLite
        ).text
    }

    private func offer(of section: PeerSection, _ transport: SDPTransport) -> MediaDescription {
        switch section.kind {
        case .dataChannels:
            return .dataChannels(
                mid: section.mid, transport: transport,
                maxMessageSize: configuration.maxMessageSize)
        case .audio:
            let track = section.track.flatMap { tracks[$0]?.description }
            return .audioOffer(
                mid: section.mid, transport: transport, direction: section.described, track: track)
        case .idle, .refused:
            var refused = MediaDescription(
                kind: section.remote?.kind ?? .audio, port: 0,
                transportProtocol: section.remote?.transportProtocol
                    ?? MediaDescription.mediaProtocol,
                formats: section.remote?.formats ?? ["\(SDPOpus.payloadType)"])
            refused.mid = section.mid
            return .refusal(of: refused)
        }
    }

    /// Enters the offer's sections into ours and says which of them we can use.
    private mutating func acceptSections(of offer: SessionDescription) -> [Bool] {
        let bundle = offer.bundle
        var hasData = false
        var accepted: [Bool] = []
        for (index, section) in offer.media.enumerated() {
            let mid = section.mid ?? ""
            let isShared = bundle.isEmpty ? accepted.isEmpty : bundle.contains(mid)
            var kind = isShared && !section.isRefused ? kind(of: section) : .refused
            switch kind {
            case .audio where section.opusPayloadType == nil || !section.isRTCPMultiplexed:
                kind = .refused
            case .dataChannels where hasData || !configuration.hasDataChannels:
                kind = .refused
            case .dataChannels: hasData = true
            case .idle where !section.isRTCPMultiplexed: kind = .refused
            case .audio, .idle, .refused: break
            }
            if index == sections.count {
                sections.append(
                    PeerSection(kind: kind, mid: mid, receives: configuration.receivesAudio))
            } else if sections[index].kind == .refused {
                sections[index] = PeerSection(
                    kind: kind, mid: mid, receives: configuration.receivesAudio)
            } else if kind == .refused {
                drop(section: index)
            }
            accepted.append(kind != .refused)
        }
        return accepted
    }

    private mutating func answer(
        to offer: MediaDescription, at index: Int, isAccepted: Bool, _ transport: SDPTransport
    ) -> MediaDescription {
        guard isAccepted else { return .refusal(of: offer) }
        switch sections[index].kind {
        case .dataChannels:
            return .dataChannels(
                mid: sections[index].mid, transport: transport,
                maxMessageSize: configuration.maxMessageSize)
        case .idle: return .idleAnswer(to: offer, transport: transport)
        case .refused: return .refusal(of: offer)
        case .audio: break
        }
        if sections[index].track == nil, offer.direction.receives { placeTrack(in: index) }
        let slot = sections[index].track
        return .audioAnswer(
            to: offer, transport: transport,
            direction: SDPDirection(sends: slot != nil, receives: sections[index].receives),
            track: slot.flatMap { tracks[$0]?.description })
    }

    private mutating func tellUntoldCandidates() {
        let candidates = untoldCandidates
        untoldCandidates = []
        for candidate in candidates where candidate.ufrag == ice.localCredentials.ufrag {
            tell(candidate)
        }
    }

    // MARK: Applying

    /// Makes true what both sides agreed on for one section.
    private mutating func apply(
        _ remote: MediaDescription, to index: Int, direction: SDPDirection
    ) {
        sections[index].remote = remote
        guard !remote.isRefused, sections[index].kind != .refused else {
            drop(section: index)
            return
        }
        guard sections[index].kind == .audio else { return }
        let ids = RTPExtensionIDs(remote)
        sections[index].negotiated = direction
        sections[index].receiveExtensions = ids
        if let slot = sections[index].track, var track = tracks[slot] {
            track.isNegotiated = direction.sends
            if let type = remote.opusPayloadType {
                track.stream.payloadType = type
                track.acceptsNACK = remote.acceptsNACK(of: type)
            }
            track.stream.extensionIDs = ids
            track.stream.mid = Array(sections[index].mid.utf8)
            tracks[slot] = track
        }
        updateRemoteTrack(in: index)
    }

    private mutating func drop(section index: Int) {
        sections[index].kind = .refused
        sections[index].negotiated = .inactive
        if let slot = sections[index].track {
            tracks[slot]?.isNegotiated = false
            tracks[slot]?.section = nil
            sections[index].track = nil
        }
        updateRemoteTrack(in: index)
    }
}
