// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

// Data packets: who gets them, and what they say of their sender.
extension RoomState {
    /// Passes on what came on a data channel.
    mutating func received(_ message: [UInt8], isReliable: Bool, from sid: String) {
        guard let index = index(of: sid), members[index].permission.canPublishData,
            message.count <= DataPacket.maxMessageLength,
            var packet = try? DataPacket(decoding: message)
        else { return }
        let member = members[index]
        if isReliable, packet.sequence != 0 {
            // A resumed sender repeats what it cannot know to have arrived.
            guard packet.sequence > member.lastSequence else { return }
            members[index].lastSequence = packet.sequence
        }
        let isAgent = member.info.kind == .agent || member.permission.isAgent
        let shown = member.permission.isHidden ? "" : member.identity
        packet.kind = isReliable ? .reliable : .lossy
        packet.participantSID = sid
        var destinations = Set(packet.destinationIdentities)
        var sids: Set<String> = []
        var speaksForAnother = false
        switch packet.value {
        case .user(var user):
            user.participantSID = sid
            user.participantIdentity = shown
            destinations.formUnion(user.destinationIdentities)
            sids.formUnion(user.destinationSIDs)
            packet.value = .user(user)
        case .streamHeader(var header):
            let other = packet.participantIdentity
            if isAgent, !other.isEmpty, other != member.identity,
                case .text(var text) = header.content
            {
                speaksForAnother = true
                text.isGenerated = true
                header.content = .text(text)
                packet.value = .streamHeader(header)
            }
        case .chatMessage(var chat):
            let other = packet.participantIdentity
            if isAgent, !other.isEmpty, other != member.identity {
                speaksForAnother = true
                chat.isGenerated = true
                packet.value = .chatMessage(chat)
            }
        case .transcription where !isAgent: return
        case .carried(field: DataPacket.metricsField, _): return
        // Newer than this program: it passes unread, and so without a word about its sender.
        case .unknown: return
        default: break
        }
        if !speaksForAnother { packet.participantIdentity = shown }
        let bytes = packet.encoded
        for other in members where other.sid != sid {
            let isMeant =
                (destinations.isEmpty && sids.isEmpty) || destinations.contains(other.identity)
                || sids.contains(other.sid)
            if isMeant { emit(.sendData(bytes, isReliable: isReliable, to: other.sid)) }
        }
    }

    /// Sends data that nobody in the room made.
    mutating func sendData(_ packet: DataPacket) {
        let destinations = Set(packet.destinationIdentities)
        let bytes = packet.encoded
        for other in members where destinations.isEmpty || destinations.contains(other.identity) {
            emit(.sendData(bytes, isReliable: packet.kind == .reliable, to: other.sid))
        }
    }
}
