// SPDX-License-Identifier: Apache-2.0
internal import LiveKit

// What RoomService does.
extension RoomDirectory {
    /// Carries out a call that its token allows.
    func perform(_ request: RoomServiceRequest) -> Result<RoomServiceResponse, TwirpError> {
        do throws(TwirpError) {
            return .success(try answer(request))
        } catch {
            return .failure(error)
        }
    }

    private func answer(_ request: RoomServiceRequest) throws(TwirpError) -> RoomServiceResponse {
        switch request {
        case .createRoom(let request):
            guard hasRoom(for: request.name) else { throw .tooManyRooms }
            var configuration = RoomConfiguration()
            configuration.emptyTimeout = request.emptyTimeout
            configuration.departureTimeout = request.departureTimeout
            configuration.maxParticipants = request.maxParticipants
            configuration.metadata = request.metadata
            let room = room(request.name, configuration)
            return .room(room.assumeIsolated { $0.state.described })
        case .listRooms(let names):
            let wanted = names.isEmpty ? rooms.keys.sorted() : names
            return .rooms(
                wanted.compactMap { name in
                    rooms[name]?.assumeIsolated { $0.state.described }
                })
        case .deleteRoom(let name):
            guard let room = rooms[name] else { throw .noRoom }
            room.assumeIsolated { $0.close(.roomDeleted) }
            return .done
        default:
            guard let room = rooms[request.room ?? ""] else { throw .unavailable }
            let result = room.assumeIsolated { room in
                room.change { state, now in state.answer(request, now: now) }
            }
            return try result.get()
        }
    }
}

extension RoomState {
    /// Carries out a call about this room.
    mutating func answer(
        _ request: RoomServiceRequest, now: RoomTime
    ) -> Result<RoomServiceResponse, TwirpError> {
        switch request {
        case .listParticipants: return .success(.participants(members.map(\.described)))
        case .sendData(let request):
            var packet = DataPacket(
                topic: "", payload: request.data, kind: request.kind == 1 ? .lossy : .reliable,
                destinations: request.destinations)
            if case .user(var user) = packet.value {
                user.topic = request.topic
                packet.value = .user(user)
            }
            sendData(packet)
            return .success(.done)
        case .updateRoomMetadata(_, let metadata):
            room.metadata = metadata
            for member in members { send(.roomUpdate(described), to: member.sid) }
            return .success(.room(described))
        case .getParticipant(_, let identity), .removeParticipant(_, let identity),
            .mutePublishedTrack(_, let identity, _, _), .updateSubscriptions(_, let identity, _, _):
            guard let member = member(identity: identity) else { return .failure(.noParticipant) }
            return answer(request, about: member, now: now)
        case .updateParticipant(let change):
            guard let member = member(identity: change.identity) else {
                return .failure(.noParticipant)
            }
            return answer(request, about: member, now: now)
        case .relocateParticipant: return .failure(.notImplemented)
        case .performRPC: return .failure(.noCalls)
        case .createRoom, .listRooms, .deleteRoom: return .failure(.unavailable)
        }
    }

    private mutating func answer(
        _ request: RoomServiceRequest, about member: Member, now: RoomTime
    ) -> Result<RoomServiceResponse, TwirpError> {
        switch request {
        case .removeParticipant:
            remove(member.sid, .participantRemoved, tells: .disconnect, now: now)
            return .success(.done)
        case .mutePublishedTrack(_, _, let sid, let isMuted):
            guard let track = member.tracks.first(where: { $0.info.sid == sid }) else {
                return .failure(.noTrack)
            }
            if track.info.isMuted, !isMuted { return .failure(.noRemoteUnmute) }
            muteRemotely(sid, isMuted, now: now)
            return .success(
                .track(
                    find(track: sid).map { place in
                        members[place.member].tracks[place.track].info
                    } ?? track.info))
        case .updateParticipant(let change):
            if let permission = change.permission { permit(member.sid, permission, now: now) }
            if !change.metadata.isEmpty || !change.name.isEmpty || !change.attributes.isEmpty {
                describe(
                    member.sid, metadata: change.metadata, name: change.name,
                    attributes: change.attributes, now: now)
            }
        case .updateSubscriptions(_, _, let tracks, let isWanted):
            var update = UpdateSubscription()
            update.trackSIDs = tracks
            update.subscribe = isWanted
            self.update(update, by: member.sid)
            return .success(.done)
        default: break
        }
        return .success(.participant(self[member.sid]?.described ?? member.described))
    }
}
