// SPDX-License-Identifier: Apache-2.0
import Base
import Testing
import WebRTC

/// Later offers and answers with other implementations: tracks come and go, ICE restarts, and what
/// flows goes on.
@Suite(.serialized) struct PeerRenegotiationTests {
    typealias Other = PeerInteropTests.Other

    @Test(arguments: [Other.pion, .chromium]) func tracksComeAndGo(_ other: Other) throws {
        var configuration = PeerConfiguration()
        // Pion stops a section that is offered as inactive for good.
        configuration.reusesSections = other == .chromium
        let peer = try InteropPeer(
            other.start("answer"), role: .offerer, configuration: configuration)
        let channel = try peer.openChannel("ours")
        try peer.negotiate()
        try hearsMore(peer, of: 0)
        peer.addTrack("second")
        try peer.negotiate()
        try hearsMore(peer, of: 1)
        try hearsMore(peer, of: 0)
        peer.removeLastTrack()
        try peer.negotiate()
        try hearsMore(peer, of: 0)
        peer.addTrack("third")
        try peer.negotiate()
        #expect(peer.mid(1) == (other == .chromium ? "2" : "3"))
        try hearsMore(peer, of: 1)
        try settle(peer, channel)
    }

    @Test(arguments: [Other.pion, .chromium]) func restartsOfOursAreFollowed(
        _ other: Other
    ) throws {
        let peer = try InteropPeer(other.start("answer"), role: .offerer)
        let channel = try peer.openChannel("ours")
        try peer.negotiate()
        for _ in 0..<3 {
            try hearsMore(peer, of: 0)
            let before = peer.localUfrag
            try peer.restart()
            #expect(peer.localUfrag != before)
        }
        try hearsMore(peer, of: 0)
        try settle(peer, channel)
    }

    @Test(arguments: [Other.pion, .chromium]) func restartsOfTheirsAreFollowed(
        _ other: Other
    ) throws {
        let peer = try InteropPeer(other.start("offer"), role: .answerer)
        try peer.negotiate()
        try peer.run("channel") { $0.opened.count == 1 }
        for _ in 0..<3 {
            try hearsMore(peer, of: 0)
            try peer.restart()
        }
        try hearsMore(peer, of: 0)
        try settle(peer, try #require(peer.opened.first).id)
    }

    @Test func aiortcAnswersAgain() throws {
        let peer = try InteropPeer(Other.aiortc.start("answer"), role: .offerer)
        let channel = try peer.openChannel("ours")
        try peer.negotiate()
        try peer.run("audio") { $0.audio.count > 20 && $0.words.contains { $0.say == "audio" } }
        peer.addTrack("second")
        try peer.negotiate()
        let heard = peer.audio.count
        try peer.run("more audio") { $0.audio.count > heard + 30 }
        try settle(peer, channel)
    }

    /// The other end tells of 25 more packets in the section of our track at this place, and we
    /// hear 25 more of its own.
    private func hearsMore(_ peer: InteropPeer, of place: Int) throws {
        try peer.run("connection") { $0.connection.state == .connected }
        let mid = try #require(peer.mid(place))
        let old = peer.words.count
        let heard = peer.audio.count
        try peer.run("audio in \(mid)") { peer in
            let frames = peer.words[old...].filter { $0.mid == mid }.compactMap(\.frames)
            return peer.audio.count >= heard + 25
                && zip(frames, frames.dropFirst()).contains { $0 < $1 }
        }
    }

    private func settle(_ peer: InteropPeer, _ channel: PeerChannelID) throws {
        try peer.run("channel") { $0.opened.contains { $0.id == channel } }
        try peer.send([1, 2, 3], as: .binary, on: channel)
        try peer.run("echo") { $0.messages.count == 1 }
        #expect(peer.failures.isEmpty)
        try peer.run("reports") { !$0.reports.isEmpty }
        peer.close()
    }
}

extension InteropPeer {
    /// The name of our ICE credentials, as the last description has it.
    var localUfrag: String? { connection.localUfrag }

    /// The section of the track at this place.
    func mid(_ place: Int) -> String? { connection.mid(of: tracks[place]) }
}
