// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit

// Answers in the JSON of livekit-server: protobuf's own names, zeros written, 64-bit numbers as
// texts, enums by their names.

extension RoomServiceResponse {
    /// The answer in JSON.
    var json: [UInt8] {
        var json = JSONWriter(capacity: 512)
        switch self {
        case .room(let room): room.write(to: &json)
        case .participant(let participant): participant.write(to: &json)
        case .rooms(let rooms):
            json.object { json in
                json.member("rooms") { json in
                    json.array { json in for room in rooms { room.write(to: &json) } }
                }
            }
        case .participants(let participants):
            json.object { json in
                json.member("participants") { json in
                    json.array { json in for one in participants { one.write(to: &json) } }
                }
            }
        case .track(let track):
            json.object { json in json.member("track") { track.write(to: &$0) } }
        case .done: json.object { _ in }
        }
        return json.bytes
    }
}

extension RoomInfo {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("sid", sid)
            json.member("name", name)
            json.member("empty_timeout", emptyTimeout)
            json.member("departure_timeout", departureTimeout)
            json.member("max_participants", maxParticipants)
            json.member("creation_time", "\(creationTime)")
            json.member("creation_time_ms", "\(creationTimeMilliseconds)")
            json.member("turn_password", turnPassword.text)
            json.member("enabled_codecs") { json in
                json.array { json in
                    for codec in enabledCodecs {
                        json.object { json in
                            json.member("mime", codec.mime)
                            json.member("fmtp_line", codec.fmtpLine)
                        }
                    }
                }
            }
            json.member("metadata", metadata)
            json.member("num_participants", participantCount)
            json.member("num_publishers", publisherCount)
            json.member("active_recording", isRecorded)
            json.member("version") { version.write(to: &$0) }
        }
    }
}

extension TimedVersion? {
    fileprivate func write(to json: inout JSONWriter) {
        guard let version = self else { return json.null() }
        json.object { json in
            json.member("unix_micro", "\(version.unixMicroseconds)")
            json.member("ticks", version.ticks)
        }
    }
}

extension ParticipantInfo {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("sid", sid)
            json.member("identity", identity)
            json.member("state", state.jsonName)
            json.member("tracks") { json in
                json.array { json in for track in tracks { track.write(to: &json) } }
            }
            json.member("metadata", metadata)
            json.member("joined_at", "\(joinedAt)")
            json.member("joined_at_ms", "\(joinedAtMilliseconds)")
            json.member("name", name)
            json.member("version", version)
            json.member("permission") { json in
                if let permission { permission.write(to: &json) } else { json.null() }
            }
            json.member("region", region)
            json.member("is_publisher", isPublisher)
            json.member("kind", kind.description.uppercased())
            json.member("attributes") { json in
                json.object { json in
                    for (key, value) in attributes.sorted(by: { $0.key < $1.key }) {
                        json.member(key, value)
                    }
                }
            }
            json.member("disconnect_reason", disconnectReason.jsonName)
            json.member("kind_details") { json in json.array { _ in } }
            json.member("data_tracks") { json in json.array { _ in } }
            json.member("client_protocol", clientProtocol)
            json.member("capabilities") { json in
                json.array { json in for number in capabilities { json.value(number) } }
            }
        }
    }
}

extension ParticipantPermission {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("can_subscribe", canSubscribe)
            json.member("can_publish", canPublish)
            json.member("can_publish_data", canPublishData)
            json.member("can_publish_sources") { json in
                json.array { json in
                    for source in canPublishSources { json.value(source.jsonName) }
                }
            }
            json.member("hidden", isHidden)
            json.member("recorder", isRecorder)
            json.member("can_update_metadata", canUpdateMetadata)
            json.member("agent", isAgent)
            json.member("can_subscribe_metrics", canSubscribeMetrics)
            json.member("can_manage_agent_session", canManageAgentSession)
        }
    }
}

extension TrackInfo {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("sid", sid)
            json.member("type", kind.description.uppercased())
            json.member("name", name)
            json.member("muted", isMuted)
            json.member("width", width)
            json.member("height", height)
            json.member("simulcast", isSimulcast)
            json.member("disable_dtx", disableDTX)
            json.member("source", source.jsonName)
            json.member("layers") { json in json.array { _ in } }
            json.member("mime_type", mimeType)
            json.member("mid", mid)
            json.member("codecs") { json in
                json.array { json in
                    for codec in codecs {
                        json.object { json in
                            json.member("mime_type", codec.mimeType)
                            json.member("mid", codec.mid)
                            json.member("cid", codec.cid)
                            json.member("layers") { json in json.array { _ in } }
                            json.member("sdp_cid", codec.sdpCID)
                        }
                    }
                }
            }
            json.member("stereo", isStereo)
            json.member("disable_red", disableRED)
            json.member("encryption", encryption.description.uppercased())
            json.member("stream", stream)
            json.member("version") { version.write(to: &$0) }
            json.member("audio_features") { json in
                json.array { json in
                    for feature in audioFeatures {
                        json.value("TF_" + feature.description.screaming)
                    }
                }
            }
            json.member("backup_codec_policy", backupCodecPolicy.description.screaming)
        }
    }
}

extension ParticipantState {
    fileprivate var jsonName: String { description.uppercased() }
}

extension DisconnectReason {
    fileprivate var jsonName: String {
        self == .unknown ? "UNKNOWN_REASON" : description.screaming
    }
}

extension TrackSource {
    /// Its name in protobuf.
    var jsonName: String { description.screaming }
}

extension String {
    /// `screenShare` as `SCREEN_SHARE`, `noDTX` as `NO_DTX`.
    fileprivate var screaming: String {
        var result = ""
        var wasUpper = true
        for character in self {
            if character.isUppercase, !wasUpper { result += "_" }
            wasUpper = character.isUppercase
            result += character.uppercased()
        }
        return result
    }
}
