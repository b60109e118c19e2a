// SPDX-License-Identifier: Apache-2.0

/// What a client says to a server (`livekit.SignalRequest`).
public enum SignalRequest: Hashable, Sendable {
    /// For the publisher connection.
    case offer(SignalDescription)
    /// To the server's offer for the subscriber connection.
    case answer(SignalDescription)
    case trickle(TrickleRequest)
    case addTrack(AddTrackRequest)
    /// Mutes or unmutes a track of its own.
    case mute(sid: String, muted: Bool)
    case subscription(UpdateSubscription)
    case trackSettings(UpdateTrackSettings)
    case leave(LeaveRequest)
    case syncState(SyncState)
    /// Asks a server to play a mishap, for tests.
    case simulate(SimulateScenario)
    /// The older ping: milliseconds since 1970.
    case ping(Int64)
    case updateMetadata(UpdateParticipantMetadata)
    /// Milliseconds since 1970, and the last round trip in milliseconds.
    case pingRequest(timestamp: Int64, roundTrip: Int64)
    case updateAudioTrack(sid: String, features: [AudioTrackFeature])
    /// A message that this program passes over: its field number and its bytes.
    case carried(field: UInt32, [UInt8])
    /// A message that is newer than this program, by its field number; nil for an empty frame.
    case unknown(field: UInt32?)
}

/// What a server says to a client (`livekit.SignalResponse`).
public enum SignalResponse: Hashable, Sendable {
    /// The first message of a new connection.
    case join(JoinResponse)
    /// To the client's offer for the publisher connection.
    case answer(SignalDescription)
    /// For the subscriber connection.
    case offer(SignalDescription)
    case trickle(TrickleRequest)
    /// Participants that are new, changed or gone.
    case update([ParticipantInfo])
    case trackPublished(cid: String, track: TrackInfo)
    case leave(LeaveRequest)
    /// Somebody with the right to it muted a track of ours.
    case mute(sid: String, muted: Bool)
    /// Only those whose loudness changed.
    case speakersChanged([SpeakerInfo])
    case roomUpdate(RoomInfo)
    case connectionQuality([ConnectionQualityInfo])
    case subscriptionPermissionUpdate(participantSID: String, trackSID: String, allowed: Bool)
    /// A newer token, for reconnecting.
    case refreshToken(SecretText)
    /// The server took a track of ours away.
    case trackUnpublished(sid: String)
    /// Answers `ping`: milliseconds since 1970.
    case pong(Int64)
    /// The first message of a resumed connection.
    case reconnect(ReconnectResponse)
    /// Answers `pingRequest`: its timestamp, and the server's own, in milliseconds since 1970.
    case pongResponse(lastPing: Int64, timestamp: Int64)
    case subscriptionResponse(sid: String, error: SubscriptionError)
    case requestResponse(RequestResponse)
    /// Somebody subscribed to a track of ours, for the first time in its life.
    case trackSubscribed(sid: String)
    case roomMoved(RoomMoved)
    /// More sections of each kind are needed in the client's next offer (single connection only).
    case mediaSectionsRequirement(audios: UInt32, videos: UInt32)
    /// A message that this program passes over: its field number and its bytes.
    case carried(field: UInt32, [UInt8])
    /// A message that is newer than this program, by its field number; nil for an empty frame.
    case unknown(field: UInt32?)
}
