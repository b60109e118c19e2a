// SPDX-License-Identifier: Apache-2.0
import Base
import Testing
import WebRTC

/// Whole connections with other implementations over UDP on loopback: audio, data channels, both
/// roles of offering and of DTLS.
@Suite(.serialized) struct PeerInteropTests {
    /// Who is at the other end.
    enum Other: String, CaseIterable, CustomTestStringConvertible {
        /// Python's own ICE and SCTP, OpenSSL's DTLS, libsrtp.
        case aiortc
        /// LiveKit's servers are built on it.
        case pion
        /// libwebrtc with BoringSSL: what most clients are.
        case chromium

        var testDescription: String { rawValue }

        func start(_ role: String) throws -> PeerProgram {
            switch self {
            case .aiortc: try .python("aiortc_peer.py", [role])
            case .pion: try .go("pion_peer", [role])
            case .chromium: try .python("chromium_peer.py", [role])
            }
        }
    }

    @Test(arguments: Other.allCases, [SDPSetup.active, .passive]) func theyAnswer(
        other: Other, setup: SDPSetup
    ) throws {
        // Debian's Pion answers "active" to "active"; later ones do not.
        if other == .pion, setup == .active { return }
        var configuration = PeerConfiguration()
        configuration.setup = setup
        let peer = try InteropPeer(
            other.start("answer"), role: .offerer, configuration: configuration)
        try exchange(peer)
    }

    @Test(arguments: Other.allCases, [SDPSetup.active, .passive]) func theyOffer(
        other: Other, setup: SDPSetup
    ) throws {
        var configuration = PeerConfiguration()
        configuration.setup = setup
        let peer = try InteropPeer(
            other.start("offer"), role: .answerer, configuration: configuration)
        try exchange(peer)
    }

    /// The handshakes are repeated, data arrives whole; of audio none of the three takes NACKs.
    @Test(arguments: Other.allCases) func aTenthOfAllDatagramsMayBeLost(other: Other) throws {
        let peer = try InteropPeer(other.start("offer"), role: .answerer)
        peer.loss = 0.1
        try peer.negotiate()
        try peer.run("connection") { $0.connection.state == .connected }
        try channels(peer)
        try peer.run("audio") { peer in
            peer.audio.count >= 60 && peer.words.contains { $0.frames ?? 0 >= 50 }
        }
        #expect(peer.gaps > 0)
        #expect(peer.failures.isEmpty)
        peer.close()
    }

    private func exchange(_ peer: InteropPeer) throws {
        if peer.role == .offerer { _ = try peer.openChannel("ours") }
        try peer.negotiate()
        try peer.run("connection") { $0.connection.state == .connected }
        try channels(peer)
        try peer.run("audio") { peer in
            peer.audio.count >= 60
                && peer.words.contains { $0.frames ?? 0 >= 50 && $0.rms ?? 0 > 0.001 }
        }
        // Nothing is lost on loopback: their numbers follow each other, and so do ours.
        #expect(peer.gaps == 0)
        let srtp = try #require(peer.srtp)
        #expect(srtp.authenticationFailures == 0 && srtp.malformed == 0 && srtp.replays == 0)
        #expect(peer.failures.isEmpty)
        peer.close()
    }

    /// A text and a long message there and back, on the offerer's channel.
    private func channels(_ peer: InteropPeer) throws {
        let isOfferer = peer.role == .offerer
        let label = isOfferer ? "ours" : "theirs"
        try peer.run("channel") { peer in peer.opened.contains { $0.label == label } }
        let channel = try #require(peer.opened.first { $0.label == label })
        #expect(channel.isRemote != isOfferer)
        var random = SeededRandom(seed: 1)
        let long = random.bytes(60_000)
        try peer.send(Array("Grüße".utf8), as: .text, on: channel.id)
        try peer.send(long, as: .binary, on: channel.id)
        try peer.run("echoes") { $0.messages.count == 2 }
        #expect(peer.messages[0].bytes == Array("Grüße".utf8))
        #expect(peer.messages[0].kind == .text)
        #expect(peer.messages[1].bytes == long)
        #expect(peer.messages[1].kind == .binary)
    }
}

extension InteropPeer {
    // The macros of the tests cannot take calls on what is not copyable.
    var srtp: SRTPContext.Statistics? { connection.srtpStatistics }
    var role: PeerRole { connection.role }
}
