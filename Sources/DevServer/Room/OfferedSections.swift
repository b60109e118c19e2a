// SPDX-License-Identifier: Apache-2.0
internal import LiveKit
internal import WebRTC

/// What a client's offer says about the tracks that it sends.
struct OfferedSections {
    /// Longest name of a section whose track others are told of, bytes: clients count them.
    static let midBytesMax = 64

    /// Audio that is sent and names its source: without `a=ssrc` the real server never sees it.
    let sending: [RoomState.OfferedTrack]
    /// Sections that send anything.
    let sendingMIDs: Set<String>

    init(_ session: SessionDescription) {
        var sending: [RoomState.OfferedTrack] = []
        for section in session.media
        where section.kind == .audio && !section.isRefused && section.direction.sends {
            guard let mid = section.mid, mid.utf8.count <= Self.midBytesMax,
                !section.ssrcs.isEmpty
            else { continue }
            sending.append(
                RoomState.OfferedTrack(
                    mid: mid, kind: .audio, cid: section.mediaStreams.first?.track))
        }
        self.sending = sending
        sendingMIDs = Set(
            session.media.filter { !$0.isRefused && $0.direction.sends }.compactMap(\.mid))
    }
}
