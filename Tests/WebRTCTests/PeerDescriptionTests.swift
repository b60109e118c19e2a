// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

/// Descriptions of real peers, and of hostile ones.
@Suite struct PeerDescriptionTests {
    private func side(_ role: PeerRole, _ configuration: PeerConfiguration = PeerConfiguration())
        -> PeerSide
    {
        let side = PeerSide(role, host: 1, configuration, seed: 1)
        side.connection.addLocalBase(side.address, at: PeerPair.start)
        return side
    }

    /// Offers in the order in which one participant made or got them on one connection.
    private static let conversations: [[SDPRecording]] = {
        var groups: [(key: String, recordings: [SDPRecording])] = []
        for recording in SDPRecording.all where recording.name.contains("offer") {
            let parts = recording.name.split(separator: "/")
            guard parts.count == 2 else { continue }
            let words = parts[1].split(separator: "_")
            let session = (try? SessionDescription(parsing: recording.text))?.origin.sessionID
            let key = "\(parts[0]) \(words[1]) \(words[2]) \(session ?? "")"
            if let index = groups.firstIndex(where: { $0.key == key }) {
                groups[index].recordings.append(recording)
            } else {
                groups.append((key, [recording]))
            }
        }
        return groups.map(\.recordings)
    }()

    @Test(arguments: conversations.indices)
    func offersOfRealPeersAreAnswered(_ index: Int) throws {
        let side = side(.answerer)
        for recording in Self.conversations[index] {
            let offer = try SessionDescription(parsing: recording.text)
            try side.connection.setRemoteDescription(recording.text, at: PeerPair.start)
            let text = try side.connection.createAnswer(at: PeerPair.start)
            let answer = try SessionDescription(parsing: text)
            #expect(answer.media.map(\.mid) == offer.media.map(\.mid))
            for (offered, answered) in zip(offer.media, answer.media) {
                #expect(answered.isRefused == (offered.kind == .video), "\(recording.name)")
                guard offered.kind == .audio else { continue }
                #expect(
                    answered.direction == (offered.direction.sends ? .recvonly : .inactive))
                #expect(answered.opusPayloadType == offered.opusPayloadType)
            }
            #expect(answer.bundledTransport?.setup == .active)
            while let output = side.connection.poll() {
                if case .event(let event) = output { side.take(event) }
            }
            let carried = offer.media.filter {
                $0.kind == .audio && $0.direction.sends && !$0.mediaStreams.isEmpty
            }
            #expect(
                side.connection.remoteTracks.map(\.track)
                    == carried.map { $0.mediaStreams.first?.track })
        }
    }

    @Test func conversationsAreLongEnoughToProveRenegotiation() {
        #expect(Self.conversations.count > 40)
        #expect(Self.conversations.contains { $0.count >= 3 })
    }

    @Test(arguments: ["1.13.3", "1.11.0", "1.8.4"])
    func answersOfEveryServerAreTaken(_ version: String) throws {
        let recording = try SDPRecording.named(
            "livekit-\(version)-py120_v0/10_alice_S2C_answer.sdp")
        let side = side(.offerer)
        let track = try side.addTrack("cid")
        _ = try side.connection.createOffer(at: PeerPair.start)
        try side.connection.setRemoteDescription(recording.text, at: PeerPair.start)
        #expect(side.mid(of: track) == "1" && !side.connection.isOfferPending)
        #expect(side.connection.iceState == .checking)
        var checked: [SocketAddress] = []
        for step in 0..<20 {
            side.connection.tick(at: PeerPair.start + .milliseconds(20 * step))
            while let output = side.connection.poll() {
                if case .transmit(_, let to, _) = output { checked.append(to) }
            }
        }
        // Component 2 and TCP are passed over; our base is not loopback, which pairs all the same.
        let port = try #require(
            ["1.13.3": 7_882, "1.11.0": 7_982, "1.8.4": 8_082 as UInt16][version])
        #expect(Set(checked.map(\.port)) == [port])
    }

    @Test func answerOfASinglePeerConnectionIsTaken() throws {
        let recording = try SDPRecording.named(
            "livekit-1.13.3-js223_v1/04_browser_S2C_answer.sdp")
        let answer = try SessionDescription(parsing: recording.text)
        let kinds = answer.media.map(\.kind)
        #expect(kinds.contains(.video), "the browser offers video, we do not")
        var audio = answer
        audio.media.removeAll { $0.kind == .video }
        for index in audio.media.indices {
            // Ours has the data channels first.
            audio.media[index].mid = nil
        }
        audio.media.sort { $0.kind == .application && $1.kind != .application }
        for index in audio.media.indices { audio.media[index].mid = "\(index)" }
        audio.groups = [
            SDPGroup(semantics: "BUNDLE", mids: audio.media.compactMap(\.mid))
        ]
        let side = side(.offerer)
        side.connection.addReceivingSections(audio.media.count - 1)
        _ = try side.connection.createOffer(at: PeerPair.start)
        try side.connection.setRemoteDescription(audio.text, at: PeerPair.start)
        while let output = side.connection.poll() {
            if case .event(let event) = output { side.take(event) }
        }
        let sending = audio.media.filter { !$0.mediaStreams.isEmpty }
        #expect(side.added.map(\.track) == sending.map { $0.mediaStreams.first?.track })
        #expect(side.added.count < audio.media.count - 1, "most are sendonly without a track")
    }

    @Test func callsInTheWrongStateAreRefused() throws {
        let offerer = side(.offerer)
        let answerer = side(.answerer)
        #expect(throws: PeerDescriptionError.wrongState) {
            try offerer.connection.createAnswer(at: PeerPair.start)
        }
        #expect(throws: PeerDescriptionError.wrongState) {
            try answerer.connection.createOffer(at: PeerPair.start)
        }
        #expect(throws: PeerDescriptionError.wrongState) {
            try answerer.connection.createAnswer(at: PeerPair.start)
        }
        let offer = try offerer.connection.createOffer(at: PeerPair.start)
        let second = side(.offerer)
        #expect(throws: PeerDescriptionError.wrongState) {
            try second.connection.setRemoteDescription(offer, at: PeerPair.start)
        }
        #expect(throws: PeerDescriptionError.sdp(.malformedLine(line: 1))) {
            try answerer.connection.setRemoteDescription("no", at: PeerPair.start)
        }
    }

    private struct Edit: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: PeerDescriptionError
        let change: @Sendable (inout SessionDescription) -> Void
    }

    private static let edits = [
        Edit(testDescription: "no sections", error: .noUsableSection) { $0.media = [] },
        Edit(testDescription: "no credentials", error: .missingICECredentials) {
            for index in $0.media.indices { $0.media[index].transport.ufrag = nil }
        },
        Edit(testDescription: "no fingerprint", error: .missingFingerprint) {
            for index in $0.media.indices { $0.media[index].transport.fingerprints = [] }
        },
        Edit(testDescription: "unknown hash", error: .missingFingerprint) {
            for index in $0.media.indices {
                $0.media[index].transport.fingerprints = [
                    SDPFingerprint(algorithm: "md5", bytes: [1])
                ]
            }
        },
        Edit(testDescription: "no setup", error: .unacceptableSetup) {
            for index in $0.media.indices { $0.media[index].transport.setup = nil }
        },
        Edit(testDescription: "held connection", error: .unacceptableSetup) {
            for index in $0.media.indices { $0.media[index].transport.setup = .holdconn }
        },
        Edit(testDescription: "no mid", error: .mismatchedSections) { $0.media[1].mid = nil },
    ]

    @Test(arguments: edits)
    private func uselessOffersAreRefusedAndChangeNothing(_ edit: Edit) throws {
        let pair = PeerPair()
        _ = try pair.offerer.addTrack("cid")
        var offer = try SessionDescription(
            parsing: try pair.offerer.connection.createOffer(at: pair.now))
        let good = offer.text
        edit.change(&offer)
        let bad = offer.text
        #expect(throws: edit.error) {
            try pair.answerer.connection.setRemoteDescription(bad, at: pair.now)
        }
        #expect(throws: PeerDescriptionError.wrongState) {
            try pair.answerer.connection.createAnswer(at: pair.now)
        }
        try pair.answerer.connection.setRemoteDescription(good, at: pair.now)
        let answer = try pair.answerer.connection.createAnswer(at: pair.now)
        try pair.offerer.connection.setRemoteDescription(answer, at: pair.now)
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
    }

    @Test func uselessAnswersAreRefusedAndChangeNothing() throws {
        let pair = PeerPair()
        _ = try pair.offerer.addTrack("cid")
        let offer = try pair.offerer.connection.createOffer(at: pair.now)
        try pair.answerer.connection.setRemoteDescription(offer, at: pair.now)
        let good = try pair.answerer.connection.createAnswer(at: pair.now)
        var answer = try SessionDescription(parsing: good)
        func refuse(_ error: PeerDescriptionError) {
            let text = answer.text
            #expect(throws: error) {
                try pair.offerer.connection.setRemoteDescription(text, at: pair.now)
            }
        }
        answer.media.removeLast()
        refuse(.mismatchedSections)
        answer = try SessionDescription(parsing: good)
        answer.media.swapAt(0, 1)
        refuse(.mismatchedSections)
        answer = try SessionDescription(parsing: good)
        answer.media[0].transport.setup = .actpass
        refuse(.unacceptableSetup)
        try pair.offerer.connection.setRemoteDescription(good, at: pair.now)
        refuse(.wrongState)
        pair.run { $0.isConnected }
        #expect(pair.isConnected)
        // What stands cannot be changed by another answer.
        let (_, again) = try pair.negotiate()
        for (error, change) in [
            (
                PeerDescriptionError.unexpectedICERestart,
                { (transport: inout SDPTransport) in transport.ufrag = "another" }
            ),
            (.changedFingerprint, { $0.fingerprints[0].bytes[0] ^= 1 }),
            (.unacceptableSetup, { $0.setup = .passive }),
        ] {
            _ = try pair.offerer.connection.createOffer(at: pair.now)
            answer = try SessionDescription(parsing: again)
            for index in answer.media.indices { change(&answer.media[index].transport) }
            refuse(error)
        }
        try pair.offerer.connection.setRemoteDescription(again, at: pair.now)
        #expect(pair.isConnected)
    }

    @Test func sectionsOutsideTheBundleAreRefused() throws {
        let pair = PeerPair()
        _ = try pair.offerer.addTrack("cid")
        var offer = try SessionDescription(
            parsing: try pair.offerer.connection.createOffer(at: pair.now))
        offer.groups = [SDPGroup(semantics: "BUNDLE", mids: ["1"])]
        try pair.answerer.connection.setRemoteDescription(offer.text, at: pair.now)
        let answer = try SessionDescription(
            parsing: try pair.answerer.connection.createAnswer(at: pair.now))
        #expect(answer.media.map(\.isRefused) == [true, false] && answer.bundle == ["1"])
    }

    @Test func mutatedOffersAreAnsweredOrRefused() throws {
        var random = SeededRandom(seed: 21)
        let offers = Self.conversations.joined().map { Array($0.text.utf8) }
            .filter { $0.count < 3_000 }
        var answered = 0
        var refused = 0
        for _ in 0..<1_500 {
            let side = side(.answerer)
            for _ in 0..<2 {
                var bytes = try #require(offers.randomElement(using: &random))
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    let end = min(bytes.count, index + Int.random(in: 1...40, using: &random))
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = .random(in: 32...126, using: &random)
                    case 1: bytes.removeSubrange(index..<end)
                    default: bytes.insert(contentsOf: Array(bytes[index..<end]), at: index)
                    }
                }
                do {
                    try side.connection.setRemoteDescription(
                        String(decoding: bytes, as: UTF8.self), at: PeerPair.start)
                    let text = try side.connection.createAnswer(at: PeerPair.start)
                    _ = try SessionDescription(parsing: text)
                    answered += 1
                } catch is PeerDescriptionError {
                    refused += 1
                }
                while side.connection.poll() != nil {}
            }
        }
        #expect(answered > 300 && refused > 300)
    }
}
