// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

// The parts of signalling: every field in the order of Protos/livekit_rtc.proto.

extension SignalDescription: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SessionDescription>?) -> Void {
        livekit__session_description__init
    }

    mutating func code(_ c: inout Livekit__SessionDescription, _ wire: inout WireCoder) {
        wire.text(&type, &c.type)
        wire.text(&sdp, &c.sdp)
        wire.number(&id, &c.id, &c.has_id)
        wire.map(&midToTrackID, &c.mid_to_track_id, &c.n_mid_to_track_id)
    }
}

extension TrickleRequest: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TrickleRequest>?) -> Void {
        livekit__trickle_request__init
    }

    mutating func code(_ c: inout Livekit__TrickleRequest, _ wire: inout WireCoder) {
        wire.text(&candidateInit, &c.candidateinit)
        wire.choice(&target, &c.target, &c.has_target)
        wire.flag(&isFinal, &c.final, &c.has_final)
    }
}

extension AddTrackRequest: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__AddTrackRequest>?) -> Void {
        livekit__add_track_request__init
    }

    mutating func code(_ c: inout Livekit__AddTrackRequest, _ wire: inout WireCoder) {
        wire.text(&cid, &c.cid)
        wire.text(&name, &c.name)
        wire.choice(&kind, &c.type, &c.has_type)
        wire.number(&width, &c.width, &c.has_width)
        wire.number(&height, &c.height, &c.has_height)
        wire.flag(&isMuted, &c.muted, &c.has_muted)
        wire.flag(&disableDTX, &c.disable_dtx, &c.has_disable_dtx)
        wire.choice(&source, &c.source, &c.has_source)
        wire.bytes(&layers, &c.layers, &c.n_layers)
        wire.bytes(&simulcastCodecs, &c.simulcast_codecs, &c.n_simulcast_codecs)
        wire.text(&sid, &c.sid)
        wire.flag(&isStereo, &c.stereo, &c.has_stereo)
        wire.flag(&disableRED, &c.disable_red, &c.has_disable_red)
        wire.choice(&encryption, &c.encryption, &c.has_encryption)
        wire.text(&stream, &c.stream)
        wire.choice(&backupCodecPolicy, &c.backup_codec_policy, &c.has_backup_codec_policy)
        wire.choices(&audioFeatures, &c.audio_features, &c.n_audio_features)
        wire.numbers(
            &packetTrailerFeatures, &c.packet_trailer_features, &c.n_packet_trailer_features)
    }
}

extension UpdateSubscription: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateSubscription>?) -> Void {
        livekit__update_subscription__init
    }

    mutating func code(_ c: inout Livekit__UpdateSubscription, _ wire: inout WireCoder) {
        wire.texts(&trackSIDs, &c.track_sids, &c.n_track_sids)
        wire.flag(&subscribe, &c.subscribe, &c.has_subscribe)
        wire.messages(&participantTracks, &c.participant_tracks, &c.n_participant_tracks)
    }
}

extension UpdateTrackSettings: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateTrackSettings>?) -> Void {
        livekit__update_track_settings__init
    }

    mutating func code(_ c: inout Livekit__UpdateTrackSettings, _ wire: inout WireCoder) {
        wire.texts(&trackSIDs, &c.track_sids, &c.n_track_sids)
        wire.flag(&isDisabled, &c.disabled, &c.has_disabled)
        wire.choice(&quality, &c.quality, &c.has_quality)
        wire.number(&width, &c.width, &c.has_width)
        wire.number(&height, &c.height, &c.has_height)
        wire.number(&framesPerSecond, &c.fps, &c.has_fps)
        wire.number(&priority, &c.priority, &c.has_priority)
    }
}

extension RegionInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RegionInfo>?) -> Void {
        livekit__region_info__init
    }

    mutating func code(_ c: inout Livekit__RegionInfo, _ wire: inout WireCoder) {
        wire.text(&region, &c.region)
        wire.text(&url, &c.url)
        wire.number(&distance, &c.distance, &c.has_distance)
    }
}

extension UpdateParticipantMetadata: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateParticipantMetadata>?) -> Void {
        livekit__update_participant_metadata__init
    }

    mutating func code(_ c: inout Livekit__UpdateParticipantMetadata, _ wire: inout WireCoder) {
        wire.text(&metadata, &c.metadata)
        wire.text(&name, &c.name)
        wire.map(&attributes, &c.attributes, &c.n_attributes)
        wire.number(&requestID, &c.request_id, &c.has_request_id)
    }
}

extension JoinResponse: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__JoinResponse>?) -> Void {
        livekit__join_response__init
    }

    mutating func code(_ c: inout Livekit__JoinResponse, _ wire: inout WireCoder) {
        wire.message(&room, &c.room)
        wire.message(&participant, &c.participant)
        wire.messages(&otherParticipants, &c.other_participants, &c.n_other_participants)
        wire.text(&serverVersion, &c.server_version)
        wire.messages(&iceServers, &c.ice_servers, &c.n_ice_servers)
        wire.flag(&isSubscriberPrimary, &c.subscriber_primary, &c.has_subscriber_primary)
        wire.text(&alternativeURL, &c.alternative_url)
        wire.message(&clientConfiguration, &c.client_configuration)
        wire.text(&serverRegion, &c.server_region)
        wire.number(&pingTimeout, &c.ping_timeout, &c.has_ping_timeout)
        wire.number(&pingInterval, &c.ping_interval, &c.has_ping_interval)
        wire.message(&serverInfo, &c.server_info)
        wire.bytes(&sifTrailer, &c.sif_trailer, &c.has_sif_trailer)
        wire.messages(&enabledPublishCodecs, &c.enabled_publish_codecs, &c.n_enabled_publish_codecs)
        wire.flag(&isFastPublish, &c.fast_publish, &c.has_fast_publish)
    }
}

extension ReconnectResponse: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ReconnectResponse>?) -> Void {
        livekit__reconnect_response__init
    }

    mutating func code(_ c: inout Livekit__ReconnectResponse, _ wire: inout WireCoder) {
        wire.messages(&iceServers, &c.ice_servers, &c.n_ice_servers)
        wire.message(&clientConfiguration, &c.client_configuration)
        wire.message(&serverInfo, &c.server_info)
        wire.number(&lastMessageSequence, &c.last_message_seq, &c.has_last_message_seq)
    }
}

extension RoomMoved: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RoomMovedResponse>?) -> Void {
        livekit__room_moved_response__init
    }

    mutating func code(_ c: inout Livekit__RoomMovedResponse, _ wire: inout WireCoder) {
        wire.message(&room, &c.room)
        wire.text(&token.text, &c.token)
        wire.message(&participant, &c.participant)
        wire.messages(&otherParticipants, &c.other_participants, &c.n_other_participants)
    }
}

extension SyncState: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SyncState>?) -> Void {
        livekit__sync_state__init
    }

    mutating func code(_ c: inout Livekit__SyncState, _ wire: inout WireCoder) {
        wire.message(&answer, &c.answer)
        wire.message(&subscription, &c.subscription)
        wire.messages(&publishTracks, &c.publish_tracks, &c.n_publish_tracks)
        wire.messages(&dataChannels, &c.data_channels, &c.n_data_channels)
        wire.message(&offer, &c.offer)
        wire.texts(&disabledTrackSIDs, &c.track_sids_disabled, &c.n_track_sids_disabled)
        wire.messages(
            &receiveStates, &c.datachannel_receive_states, &c.n_datachannel_receive_states)
        wire.bytes(&publishDataTracks, &c.publish_data_tracks, &c.n_publish_data_tracks)
        wire.bytes(&dataSubscription, &c.data_subscription, &c.has_data_subscription)
    }
}

extension SyncState.PublishedTrack: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TrackPublishedResponse>?) -> Void {
        livekit__track_published_response__init
    }

    mutating func code(_ c: inout Livekit__TrackPublishedResponse, _ wire: inout WireCoder) {
        wire.text(&cid, &c.cid)
        wire.message(&track, &c.track)
    }
}

extension SyncState.DataChannelInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataChannelInfo>?) -> Void {
        livekit__data_channel_info__init
    }

    mutating func code(_ c: inout Livekit__DataChannelInfo, _ wire: inout WireCoder) {
        wire.text(&label, &c.label)
        wire.number(&id, &c.id, &c.has_id)
        wire.choice(&target, &c.target, &c.has_target)
    }
}

extension SyncState.DataChannelReceiveState: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataChannelReceiveState>?) -> Void {
        livekit__data_channel_receive_state__init
    }

    mutating func code(_ c: inout Livekit__DataChannelReceiveState, _ wire: inout WireCoder) {
        wire.text(&publisherSID, &c.publisher_sid)
        wire.number(&lastSequence, &c.last_seq, &c.has_last_seq)
    }
}

extension LeaveRequest: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__LeaveRequest>?) -> Void {
        livekit__leave_request__init
    }

    mutating func code(_ c: inout Livekit__LeaveRequest, _ wire: inout WireCoder) {
        wire.flag(&canReconnect, &c.can_reconnect, &c.has_can_reconnect)
        wire.choice(&reason, &c.reason, &c.has_reason)
        wire.choice(&action, &c.action, &c.has_action)
        var settings = regions.map { RegionSettings(regions: $0) }
        wire.message(&settings, &c.regions)
        regions = settings?.regions
    }
}

extension RequestResponse: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RequestResponse>?) -> Void {
        livekit__request_response__init
    }

    /// The members of the oneof `request`, all of them bytes in our proto.
    private static let echoFields: ClosedRange<UInt32> = 4...11

    mutating func code(_ c: inout Livekit__RequestResponse, _ wire: inout WireCoder) {
        wire.number(&requestID, &c.request_id, &c.has_request_id)
        wire.choice(&outcome, &c.reason, &c.has_reason)
        wire.text(&message, &c.message)
        if wire.isReading {
            let field = c.request_case.rawValue
            echo = nil
            if Self.echoFields.contains(field) {
                // All members are of one C type and share their place in the union.
                echo = Echo(field: field, bytes: wire.array(c.trickle))
            }
        } else if let echo, Self.echoFields.contains(echo.field) {
            c.trickle = wire.copy(echo.bytes)
            c.request_case = Livekit__RequestResponse__RequestCase(rawValue: echo.field)
        }
    }
}

extension SimulateScenario: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SimulateScenario>?) -> Void {
        livekit__simulate_scenario__init
    }

    init() { self = .unknown }

    mutating func code(_ c: inout Livekit__SimulateScenario, _ wire: inout WireCoder) {
        if wire.isReading { self = Self.value(of: c) } else { write(&c) }
    }

    private static func value(of c: Livekit__SimulateScenario) -> SimulateScenario {
        switch c.scenario_case {
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SPEAKER_UPDATE:
            .speakerUpdate(seconds: c.speaker_update)
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_NODE_FAILURE where c.node_failure != 0:
            .nodeFailure
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_MIGRATION where c.migration != 0: .migration
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SERVER_LEAVE where c.server_leave != 0:
            .serverLeave
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SWITCH_CANDIDATE_PROTOCOL:
            .switchCandidateProtocol(
                CandidateProtocol(
                    rawValue: Int32(bitPattern: c.switch_candidate_protocol.rawValue)))
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SUBSCRIBER_BANDWIDTH:
            .subscriberBandwidth(c.subscriber_bandwidth)
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_DISCONNECT_SIGNAL_ON_RESUME
        where c.disconnect_signal_on_resume != 0:
            .disconnectSignalOnResume
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES
        where c.disconnect_signal_on_resume_no_messages != 0:
            .disconnectSignalOnResumeNoMessages
        case LIVEKIT__SIMULATE_SCENARIO__SCENARIO_LEAVE_REQUEST_FULL_RECONNECT
        where c.leave_request_full_reconnect != 0:
            .leaveRequestFullReconnect
        default: .unknown
        }
    }

    private func write(_ c: inout Livekit__SimulateScenario) {
        let scenario: Livekit__SimulateScenario__ScenarioCase
        switch self {
        case .speakerUpdate(let seconds):
            c.speaker_update = seconds
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SPEAKER_UPDATE
        case .switchCandidateProtocol(let transport):
            c.switch_candidate_protocol = Livekit__CandidateProtocol(
                rawValue: UInt32(bitPattern: transport.rawValue))
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SWITCH_CANDIDATE_PROTOCOL
        case .subscriberBandwidth(let bandwidth):
            c.subscriber_bandwidth = bandwidth
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SUBSCRIBER_BANDWIDTH
        case .nodeFailure:
            c.node_failure = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_NODE_FAILURE
        case .migration:
            c.migration = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_MIGRATION
        case .serverLeave:
            c.server_leave = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_SERVER_LEAVE
        case .disconnectSignalOnResume:
            c.disconnect_signal_on_resume = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_DISCONNECT_SIGNAL_ON_RESUME
        case .disconnectSignalOnResumeNoMessages:
            c.disconnect_signal_on_resume_no_messages = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES
        case .leaveRequestFullReconnect:
            c.leave_request_full_reconnect = 1
            scenario = LIVEKIT__SIMULATE_SCENARIO__SCENARIO_LEAVE_REQUEST_FULL_RECONNECT
        case .unknown: return
        }
        c.scenario_case = scenario
    }
}

// MARK: Messages that only wrap a value

struct RegionSettings: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RegionSettings>?) -> Void {
        livekit__region_settings__init
    }
    var regions: [RegionInfo] = []

    mutating func code(_ c: inout Livekit__RegionSettings, _ wire: inout WireCoder) {
        wire.messages(&regions, &c.regions, &c.n_regions)
    }
}

struct MutedTrack: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__MuteTrackRequest>?) -> Void {
        livekit__mute_track_request__init
    }
    var sid = ""
    var isMuted = false

    mutating func code(_ c: inout Livekit__MuteTrackRequest, _ wire: inout WireCoder) {
        wire.text(&sid, &c.sid)
        wire.flag(&isMuted, &c.muted, &c.has_muted)
    }
}

struct PingRequest: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__Ping>?) -> Void {
        livekit__ping__init
    }
    var timestamp: Int64 = 0
    var roundTrip: Int64 = 0

    mutating func code(_ c: inout Livekit__Ping, _ wire: inout WireCoder) {
        wire.number(&timestamp, &c.timestamp, &c.has_timestamp)
        wire.number(&roundTrip, &c.rtt, &c.has_rtt)
    }
}

struct PongResponse: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__Pong>?) -> Void {
        livekit__pong__init
    }
    var lastPing: Int64 = 0
    var timestamp: Int64 = 0

    mutating func code(_ c: inout Livekit__Pong, _ wire: inout WireCoder) {
        wire.number(&lastPing, &c.last_ping_timestamp, &c.has_last_ping_timestamp)
        wire.number(&timestamp, &c.timestamp, &c.has_timestamp)
    }
}

struct AudioTrackUpdate: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__UpdateLocalAudioTrack>?) -> Void {
        livekit__update_local_audio_track__init
    }
    var sid = ""
    var features: [AudioTrackFeature] = []

    mutating func code(_ c: inout Livekit__UpdateLocalAudioTrack, _ wire: inout WireCoder) {
        wire.text(&sid, &c.track_sid)
        wire.choices(&features, &c.features, &c.n_features)
    }
}

struct ParticipantList: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ParticipantUpdate>?) -> Void {
        livekit__participant_update__init
    }
    var participants: [ParticipantInfo] = []

    mutating func code(_ c: inout Livekit__ParticipantUpdate, _ wire: inout WireCoder) {
        wire.messages(&participants, &c.participants, &c.n_participants)
    }
}

struct SpeakerList: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SpeakersChanged>?) -> Void {
        livekit__speakers_changed__init
    }
    var speakers: [SpeakerInfo] = []

    mutating func code(_ c: inout Livekit__SpeakersChanged, _ wire: inout WireCoder) {
        wire.messages(&speakers, &c.speakers, &c.n_speakers)
    }
}

struct RoomWrapper: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RoomUpdate>?) -> Void {
        livekit__room_update__init
    }
    var room = RoomInfo()

    mutating func code(_ c: inout Livekit__RoomUpdate, _ wire: inout WireCoder) {
        wire.message(&room, &c.room)
    }
}

struct QualityList: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ConnectionQualityUpdate>?) -> Void {
        livekit__connection_quality_update__init
    }
    var updates: [ConnectionQualityInfo] = []

    mutating func code(_ c: inout Livekit__ConnectionQualityUpdate, _ wire: inout WireCoder) {
        wire.messages(&updates, &c.updates, &c.n_updates)
    }
}

struct PermissionUpdate: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SubscriptionPermissionUpdate>?) -> Void {
        livekit__subscription_permission_update__init
    }
    var participantSID = ""
    var trackSID = ""
    var isAllowed = false

    mutating func code(_ c: inout Livekit__SubscriptionPermissionUpdate, _ wire: inout WireCoder) {
        wire.text(&participantSID, &c.participant_sid)
        wire.text(&trackSID, &c.track_sid)
        wire.flag(&isAllowed, &c.allowed, &c.has_allowed)
    }
}

struct UnpublishedTrack: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TrackUnpublishedResponse>?) -> Void {
        livekit__track_unpublished_response__init
    }
    var sid = ""

    mutating func code(_ c: inout Livekit__TrackUnpublishedResponse, _ wire: inout WireCoder) {
        wire.text(&sid, &c.track_sid)
    }
}

struct SubscriptionAnswer: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SubscriptionResponse>?) -> Void {
        livekit__subscription_response__init
    }
    var sid = ""
    var error = SubscriptionError.unknown

    mutating func code(_ c: inout Livekit__SubscriptionResponse, _ wire: inout WireCoder) {
        wire.text(&sid, &c.track_sid)
        wire.choice(&error, &c.err, &c.has_err)
    }
}

struct SubscribedTrack: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TrackSubscribed>?) -> Void {
        livekit__track_subscribed__init
    }
    var sid = ""

    mutating func code(_ c: inout Livekit__TrackSubscribed, _ wire: inout WireCoder) {
        wire.text(&sid, &c.track_sid)
    }
}

struct SectionsRequirement: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__MediaSectionsRequirement>?) -> Void {
        livekit__media_sections_requirement__init
    }
    var audios: UInt32 = 0
    var videos: UInt32 = 0

    mutating func code(_ c: inout Livekit__MediaSectionsRequirement, _ wire: inout WireCoder) {
        wire.number(&audios, &c.num_audios, &c.has_num_audios)
        wire.number(&videos, &c.num_videos, &c.has_num_videos)
    }
}
