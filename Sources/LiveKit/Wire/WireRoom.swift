// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

// Rooms, participants, tracks: every field in the order of Protos/livekit_models.proto.

extension RoomInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__Room>?) -> Void { livekit__room__init }

    mutating func code(_ c: inout Livekit__Room, _ wire: inout WireCoder) {
        wire.text(&sid, &c.sid)
        wire.text(&name, &c.name)
        wire.number(&emptyTimeout, &c.empty_timeout, &c.has_empty_timeout)
        wire.number(&departureTimeout, &c.departure_timeout, &c.has_departure_timeout)
        wire.number(&maxParticipants, &c.max_participants, &c.has_max_participants)
        wire.number(&creationTime, &c.creation_time, &c.has_creation_time)
        wire.number(&creationTimeMilliseconds, &c.creation_time_ms, &c.has_creation_time_ms)
        wire.text(&turnPassword.text, &c.turn_password)
        wire.messages(&enabledCodecs, &c.enabled_codecs, &c.n_enabled_codecs)
        wire.text(&metadata, &c.metadata)
        wire.number(&participantCount, &c.num_participants, &c.has_num_participants)
        wire.number(&publisherCount, &c.num_publishers, &c.has_num_publishers)
        wire.flag(&isRecorded, &c.active_recording, &c.has_active_recording)
        wire.message(&version, &c.version)
    }
}

extension CodecInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__Codec>?) -> Void { livekit__codec__init }

    init() { self.init(mime: "") }

    mutating func code(_ c: inout Livekit__Codec, _ wire: inout WireCoder) {
        wire.text(&mime, &c.mime)
        wire.text(&fmtpLine, &c.fmtp_line)
    }
}

extension TimedVersion: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TimedVersion>?) -> Void {
        livekit__timed_version__init
    }

    mutating func code(_ c: inout Livekit__TimedVersion, _ wire: inout WireCoder) {
        wire.number(&unixMicroseconds, &c.unix_micro, &c.has_unix_micro)
        wire.number(&ticks, &c.ticks, &c.has_ticks)
    }
}

extension ServerInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ServerInfo>?) -> Void {
        livekit__server_info__init
    }

    mutating func code(_ c: inout Livekit__ServerInfo, _ wire: inout WireCoder) {
        wire.choice(&edition, &c.edition, &c.has_edition)
        wire.text(&version, &c.version)
        wire.number(&signalProtocol, &c.protocol, &c.has_protocol)
        wire.text(&region, &c.region)
        wire.text(&nodeID, &c.node_id)
        wire.text(&debugInfo, &c.debug_info)
        wire.number(&agentProtocol, &c.agent_protocol, &c.has_agent_protocol)
    }
}

extension ICEServerInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ICEServer>?) -> Void {
        livekit__iceserver__init
    }

    mutating func code(_ c: inout Livekit__ICEServer, _ wire: inout WireCoder) {
        wire.texts(&urls, &c.urls, &c.n_urls)
        wire.text(&username, &c.username)
        wire.text(&credential.text, &c.credential)
    }
}

extension ClientConfiguration: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ClientConfiguration>?) -> Void {
        livekit__client_configuration__init
    }

    mutating func code(_ c: inout Livekit__ClientConfiguration, _ wire: inout WireCoder) {
        wire.bytes(&video, &c.video, &c.has_video)
        wire.bytes(&screen, &c.screen, &c.has_screen)
        wire.choice(&resumeConnection, &c.resume_connection, &c.has_resume_connection)
        wire.message(&disabledCodecs, &c.disabled_codecs)
        wire.choice(&forceRelay, &c.force_relay, &c.has_force_relay)
    }
}

extension ClientConfiguration.DisabledCodecs: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DisabledCodecs>?) -> Void {
        livekit__disabled_codecs__init
    }

    mutating func code(_ c: inout Livekit__DisabledCodecs, _ wire: inout WireCoder) {
        wire.messages(&codecs, &c.codecs, &c.n_codecs)
        wire.messages(&publish, &c.publish, &c.n_publish)
    }
}

extension ParticipantInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ParticipantInfo>?) -> Void {
        livekit__participant_info__init
    }

    mutating func code(_ c: inout Livekit__ParticipantInfo, _ wire: inout WireCoder) {
        wire.text(&sid, &c.sid)
        wire.text(&identity, &c.identity)
        wire.choice(&state, &c.state, &c.has_state)
        wire.messages(&tracks, &c.tracks, &c.n_tracks)
        wire.text(&metadata, &c.metadata)
        wire.number(&joinedAt, &c.joined_at, &c.has_joined_at)
        wire.number(&joinedAtMilliseconds, &c.joined_at_ms, &c.has_joined_at_ms)
        wire.text(&name, &c.name)
        wire.number(&version, &c.version, &c.has_version)
        wire.message(&permission, &c.permission)
        wire.text(&region, &c.region)
        wire.flag(&isPublisher, &c.is_publisher, &c.has_is_publisher)
        wire.choice(&kind, &c.kind, &c.has_kind)
        wire.map(&attributes, &c.attributes, &c.n_attributes)
        wire.choice(&disconnectReason, &c.disconnect_reason, &c.has_disconnect_reason)
        wire.choices(&kindDetails, &c.kind_details, &c.n_kind_details)
        wire.bytes(&dataTracks, &c.data_tracks, &c.n_data_tracks)
        wire.number(&clientProtocol, &c.client_protocol, &c.has_client_protocol)
        wire.numbers(&capabilities, &c.capabilities, &c.n_capabilities)
    }
}

extension ParticipantPermission: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ParticipantPermission>?) -> Void {
        livekit__participant_permission__init
    }

    mutating func code(_ c: inout Livekit__ParticipantPermission, _ wire: inout WireCoder) {
        wire.flag(&canSubscribe, &c.can_subscribe, &c.has_can_subscribe)
        wire.flag(&canPublish, &c.can_publish, &c.has_can_publish)
        wire.flag(&canPublishData, &c.can_publish_data, &c.has_can_publish_data)
        wire.choices(&canPublishSources, &c.can_publish_sources, &c.n_can_publish_sources)
        wire.flag(&isHidden, &c.hidden, &c.has_hidden)
        wire.flag(&isRecorder, &c.recorder, &c.has_recorder)
        wire.flag(&canUpdateMetadata, &c.can_update_metadata, &c.has_can_update_metadata)
        wire.flag(&isAgent, &c.agent, &c.has_agent)
        wire.flag(&canSubscribeMetrics, &c.can_subscribe_metrics, &c.has_can_subscribe_metrics)
        wire.flag(
            &canManageAgentSession, &c.can_manage_agent_session, &c.has_can_manage_agent_session)
    }
}

extension SpeakerInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SpeakerInfo>?) -> Void {
        livekit__speaker_info__init
    }

    mutating func code(_ c: inout Livekit__SpeakerInfo, _ wire: inout WireCoder) {
        wire.text(&sid, &c.sid)
        wire.number(&level, &c.level, &c.has_level)
        wire.flag(&isActive, &c.active, &c.has_active)
    }
}

extension ConnectionQualityInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ConnectionQualityInfo>?) -> Void {
        livekit__connection_quality_info__init
    }

    mutating func code(_ c: inout Livekit__ConnectionQualityInfo, _ wire: inout WireCoder) {
        wire.text(&participantSID, &c.participant_sid)
        wire.choice(&quality, &c.quality, &c.has_quality)
        wire.number(&score, &c.score, &c.has_score)
    }
}

extension TrackInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TrackInfo>?) -> Void {
        livekit__track_info__init
    }

    mutating func code(_ c: inout Livekit__TrackInfo, _ wire: inout WireCoder) {
        wire.text(&sid, &c.sid)
        wire.choice(&kind, &c.type, &c.has_type)
        wire.text(&name, &c.name)
        wire.flag(&isMuted, &c.muted, &c.has_muted)
        wire.number(&width, &c.width, &c.has_width)
        wire.number(&height, &c.height, &c.has_height)
        wire.flag(&isSimulcast, &c.simulcast, &c.has_simulcast)
        wire.flag(&disableDTX, &c.disable_dtx, &c.has_disable_dtx)
        wire.choice(&source, &c.source, &c.has_source)
        wire.bytes(&layers, &c.layers, &c.n_layers)
        wire.text(&mimeType, &c.mime_type)
        wire.text(&mid, &c.mid)
        wire.messages(&codecs, &c.codecs, &c.n_codecs)
        wire.flag(&isStereo, &c.stereo, &c.has_stereo)
        wire.flag(&disableRED, &c.disable_red, &c.has_disable_red)
        wire.choice(&encryption, &c.encryption, &c.has_encryption)
        wire.text(&stream, &c.stream)
        wire.message(&version, &c.version)
        wire.choices(&audioFeatures, &c.audio_features, &c.n_audio_features)
        wire.choice(&backupCodecPolicy, &c.backup_codec_policy, &c.has_backup_codec_policy)
        wire.numbers(
            &packetTrailerFeatures, &c.packet_trailer_features, &c.n_packet_trailer_features)
    }
}

extension SimulcastCodecInfo: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SimulcastCodecInfo>?) -> Void {
        livekit__simulcast_codec_info__init
    }

    mutating func code(_ c: inout Livekit__SimulcastCodecInfo, _ wire: inout WireCoder) {
        wire.text(&mimeType, &c.mime_type)
        wire.text(&mid, &c.mid)
        wire.text(&cid, &c.cid)
        wire.bytes(&layers, &c.layers, &c.n_layers)
        wire.number(&videoLayerMode, &c.video_layer_mode, &c.has_video_layer_mode)
        wire.text(&sdpCID, &c.sdp_cid)
    }
}

extension ParticipantTracks: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ParticipantTracks>?) -> Void {
        livekit__participant_tracks__init
    }

    mutating func code(_ c: inout Livekit__ParticipantTracks, _ wire: inout WireCoder) {
        wire.text(&participantSID, &c.participant_sid)
        wire.texts(&trackSIDs, &c.track_sids, &c.n_track_sids)
    }
}
