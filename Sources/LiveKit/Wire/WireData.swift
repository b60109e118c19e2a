// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

// Data packets: every field in the order of Protos/livekit_models.proto.

extension DataPacket: WireFrame {
    static var initialize: (UnsafeMutablePointer<Livekit__DataPacket>?) -> Void {
        livekit__data_packet__init
    }
    static var unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
            UnsafeMutablePointer<Livekit__DataPacket>?
    { livekit__data_packet__unpack }
    static var packedSize: (UnsafePointer<Livekit__DataPacket>?) -> Int {
        livekit__data_packet__get_packed_size
    }
    static var pack: (UnsafePointer<Livekit__DataPacket>?, UnsafeMutablePointer<UInt8>?) -> Int {
        livekit__data_packet__pack
    }
    static var maxLength: Int { maxMessageLength }

    mutating func code(_ c: inout Livekit__DataPacket, _ wire: inout WireCoder) {
        wire.choice(&kind, &c.kind, &c.has_kind)
        wire.text(&participantIdentity, &c.participant_identity)
        wire.texts(
            &destinationIdentities, &c.destination_identities, &c.n_destination_identities)
        if wire.isReading {
            value = Self.value(of: c, &wire)
        } else if let tag = write(&c, &wire) {
            c.value_case = tag
        }
        wire.number(&sequence, &c.sequence, &c.has_sequence)
        wire.text(&participantSID, &c.participant_sid)
    }

    private static func value(of c: Livekit__DataPacket, _ wire: inout WireCoder) -> Value {
        switch c.value_case {
        case LIVEKIT__DATA_PACKET__VALUE_USER: return .user(wire.read(c.user))
        case LIVEKIT__DATA_PACKET__VALUE_SPEAKER:
            let value: ActiveSpeakers = wire.read(c.speaker)
            return .speaker(value.speakers)
        case LIVEKIT__DATA_PACKET__VALUE_SIP_DTMF:
            let value: DialTone = wire.read(c.sip_dtmf)
            return .sipDTMF(code: value.toneCode, digit: value.digit)
        case LIVEKIT__DATA_PACKET__VALUE_TRANSCRIPTION:
            return .transcription(wire.read(c.transcription))
        case LIVEKIT__DATA_PACKET__VALUE_CHAT_MESSAGE:
            return .chatMessage(wire.read(c.chat_message))
        case LIVEKIT__DATA_PACKET__VALUE_RPC_REQUEST:
            return .rpcRequest(wire.read(c.rpc_request))
        case LIVEKIT__DATA_PACKET__VALUE_RPC_ACK:
            let value: CallAck = wire.read(c.rpc_ack)
            return .rpcAck(requestID: value.requestID)
        case LIVEKIT__DATA_PACKET__VALUE_RPC_RESPONSE:
            return .rpcResponse(wire.read(c.rpc_response))
        case LIVEKIT__DATA_PACKET__VALUE_STREAM_HEADER:
            return .streamHeader(wire.read(c.stream_header))
        case LIVEKIT__DATA_PACKET__VALUE_STREAM_CHUNK:
            return .streamChunk(wire.read(c.stream_chunk))
        case LIVEKIT__DATA_PACKET__VALUE_STREAM_TRAILER:
            return .streamTrailer(wire.read(c.stream_trailer))
        case LIVEKIT__DATA_PACKET__VALUE_METRICS, LIVEKIT__DATA_PACKET__VALUE_ENCRYPTED_PACKET:
            // Both members are bytes in our proto and share their place in the union.
            return .carried(field: c.value_case.rawValue, wire.array(c.metrics))
        default: return .unknown(field: unknownField(c.base))
        }
    }

    private func write(
        _ c: inout Livekit__DataPacket, _ wire: inout WireCoder
    ) -> Livekit__DataPacket__ValueCase? {
        switch value {
        case .user(let value):
            c.user = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_USER
        case .speaker(let speakers):
            c.speaker = wire.write(ActiveSpeakers(speakers: speakers))
            return LIVEKIT__DATA_PACKET__VALUE_SPEAKER
        case .sipDTMF(let code, let digit):
            c.sip_dtmf = wire.write(DialTone(toneCode: code, digit: digit))
            return LIVEKIT__DATA_PACKET__VALUE_SIP_DTMF
        case .transcription(let value):
            c.transcription = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_TRANSCRIPTION
        case .chatMessage(let value):
            c.chat_message = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_CHAT_MESSAGE
        case .rpcRequest(let value):
            c.rpc_request = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_RPC_REQUEST
        case .rpcAck(let requestID):
            c.rpc_ack = wire.write(CallAck(requestID: requestID))
            return LIVEKIT__DATA_PACKET__VALUE_RPC_ACK
        case .rpcResponse(let value):
            c.rpc_response = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_RPC_RESPONSE
        case .streamHeader(let value):
            c.stream_header = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_STREAM_HEADER
        case .streamChunk(let value):
            c.stream_chunk = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_STREAM_CHUNK
        case .streamTrailer(let value):
            c.stream_trailer = wire.write(value)
            return LIVEKIT__DATA_PACKET__VALUE_STREAM_TRAILER
        case .carried(let field, let bytes):
            let tag = Livekit__DataPacket__ValueCase(rawValue: field)
            guard
                tag == LIVEKIT__DATA_PACKET__VALUE_METRICS
                    || tag == LIVEKIT__DATA_PACKET__VALUE_ENCRYPTED_PACKET
            else { return nil }
            c.metrics = wire.copy(bytes)
            return tag
        case .unknown: return nil
        }
    }
}

extension UserPacket: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__UserPacket>?) -> Void {
        livekit__user_packet__init
    }

    mutating func code(_ c: inout Livekit__UserPacket, _ wire: inout WireCoder) {
        wire.text(&participantSID, &c.participant_sid)
        wire.text(&participantIdentity, &c.participant_identity)
        wire.bytes(&payload, &c.payload, &c.has_payload)
        wire.texts(&destinationSIDs, &c.destination_sids, &c.n_destination_sids)
        wire.texts(&destinationIdentities, &c.destination_identities, &c.n_destination_identities)
        wire.text(&topic, &c.topic)
        wire.text(&id, &c.id)
        wire.number(&startTime, &c.start_time, &c.has_start_time)
        wire.number(&endTime, &c.end_time, &c.has_end_time)
        wire.bytes(&nonce, &c.nonce, &c.has_nonce)
    }
}

extension Transcription: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__Transcription>?) -> Void {
        livekit__transcription__init
    }

    mutating func code(_ c: inout Livekit__Transcription, _ wire: inout WireCoder) {
        wire.text(&participantIdentity, &c.transcribed_participant_identity)
        wire.text(&trackSID, &c.track_id)
        wire.messages(&segments, &c.segments, &c.n_segments)
    }
}

extension Transcription.Segment: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__TranscriptionSegment>?) -> Void {
        livekit__transcription_segment__init
    }

    mutating func code(_ c: inout Livekit__TranscriptionSegment, _ wire: inout WireCoder) {
        wire.text(&id, &c.id)
        wire.text(&text, &c.text)
        wire.number(&startTime, &c.start_time, &c.has_start_time)
        wire.number(&endTime, &c.end_time, &c.has_end_time)
        wire.flag(&isFinal, &c.final, &c.has_final)
        wire.text(&language, &c.language)
    }
}

extension ChatMessage: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ChatMessage>?) -> Void {
        livekit__chat_message__init
    }

    mutating func code(_ c: inout Livekit__ChatMessage, _ wire: inout WireCoder) {
        wire.text(&id, &c.id)
        wire.number(&timestamp, &c.timestamp, &c.has_timestamp)
        wire.number(&editTimestamp, &c.edit_timestamp, &c.has_edit_timestamp)
        wire.text(&message, &c.message)
        wire.flag(&isDeleted, &c.deleted, &c.has_deleted)
        wire.flag(&isGenerated, &c.generated, &c.has_generated)
    }
}

extension RPCRequest: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RpcRequest>?) -> Void {
        livekit__rpc_request__init
    }

    mutating func code(_ c: inout Livekit__RpcRequest, _ wire: inout WireCoder) {
        wire.text(&id, &c.id)
        wire.text(&method, &c.method)
        wire.text(&payload, &c.payload)
        wire.number(
            &responseTimeoutMilliseconds, &c.response_timeout_ms, &c.has_response_timeout_ms)
        wire.number(&version, &c.version, &c.has_version)
        wire.bytes(&compressedPayload, &c.compressed_payload, &c.has_compressed_payload)
    }
}

extension RPCResponse: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RpcResponse>?) -> Void {
        livekit__rpc_response__init
    }

    mutating func code(_ c: inout Livekit__RpcResponse, _ wire: inout WireCoder) {
        wire.text(&requestID, &c.request_id)
        if wire.isReading {
            value = Self.value(of: c, &wire)
            return
        }
        switch value {
        case .payload(let payload):
            c.payload = wire.copy(payload)
            c.value_case = LIVEKIT__RPC_RESPONSE__VALUE_PAYLOAD
        case .error(let code, let message, let data):
            c.error = wire.write(CallError(errorCode: code, message: message, data: data))
            c.value_case = LIVEKIT__RPC_RESPONSE__VALUE_ERROR
        case .compressedPayload(let bytes):
            c.compressed_payload = wire.copy(bytes)
            c.value_case = LIVEKIT__RPC_RESPONSE__VALUE_COMPRESSED_PAYLOAD
        case .none: break
        }
    }

    private static func value(of c: Livekit__RpcResponse, _ wire: inout WireCoder) -> Value {
        switch c.value_case {
        case LIVEKIT__RPC_RESPONSE__VALUE_PAYLOAD: return .payload(wire.string(c.payload))
        case LIVEKIT__RPC_RESPONSE__VALUE_ERROR:
            let error: CallError = wire.read(c.error)
            return .error(code: error.errorCode, message: error.message, data: error.data)
        case LIVEKIT__RPC_RESPONSE__VALUE_COMPRESSED_PAYLOAD:
            return .compressedPayload(wire.array(c.compressed_payload))
        default: return .none
        }
    }
}

extension DataStreamHeader: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataStream__Header>?) -> Void {
        livekit__data_stream__header__init
    }

    mutating func code(_ c: inout Livekit__DataStream__Header, _ wire: inout WireCoder) {
        wire.text(&streamID, &c.stream_id)
        wire.number(&timestamp, &c.timestamp, &c.has_timestamp)
        wire.text(&topic, &c.topic)
        wire.text(&mimeType, &c.mime_type)
        wire.number(&totalLength, &c.total_length, &c.has_total_length)
        wire.choice(&encryption, &c.encryption_type, &c.has_encryption_type)
        wire.map(&attributes, &c.attributes, &c.n_attributes)
        codeContent(&c, &wire)
        wire.bytes(&inlineContent, &c.inline_content, &c.has_inline_content)
        wire.choice(&compression, &c.compression, &c.has_compression)
    }

    private mutating func codeContent(
        _ c: inout Livekit__DataStream__Header, _ wire: inout WireCoder
    ) {
        if wire.isReading {
            switch c.content_header_case {
            case LIVEKIT__DATA_STREAM__HEADER__CONTENT_HEADER_TEXT_HEADER:
                content = .text(wire.read(c.text_header))
            case LIVEKIT__DATA_STREAM__HEADER__CONTENT_HEADER_BYTE_HEADER:
                let header: ByteHeader = wire.read(c.byte_header)
                content = .bytes(name: header.name)
            default: content = .none
            }
            return
        }
        switch content {
        case .text(let header):
            c.text_header = wire.write(header)
            c.content_header_case = LIVEKIT__DATA_STREAM__HEADER__CONTENT_HEADER_TEXT_HEADER
        case .bytes(let name):
            c.byte_header = wire.write(ByteHeader(name: name))
            c.content_header_case = LIVEKIT__DATA_STREAM__HEADER__CONTENT_HEADER_BYTE_HEADER
        case .none: break
        }
    }
}

extension DataStreamHeader.TextHeader: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataStream__TextHeader>?) -> Void {
        livekit__data_stream__text_header__init
    }

    mutating func code(_ c: inout Livekit__DataStream__TextHeader, _ wire: inout WireCoder) {
        wire.choice(&operation, &c.operation_type, &c.has_operation_type)
        wire.number(&version, &c.version, &c.has_version)
        wire.text(&replyToStreamID, &c.reply_to_stream_id)
        wire.texts(&attachedStreamIDs, &c.attached_stream_ids, &c.n_attached_stream_ids)
        wire.flag(&isGenerated, &c.generated, &c.has_generated)
    }
}

extension DataStreamChunk: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataStream__Chunk>?) -> Void {
        livekit__data_stream__chunk__init
    }

    mutating func code(_ c: inout Livekit__DataStream__Chunk, _ wire: inout WireCoder) {
        wire.text(&streamID, &c.stream_id)
        wire.number(&index, &c.chunk_index, &c.has_chunk_index)
        wire.bytes(&content, &c.content, &c.has_content)
        wire.number(&version, &c.version, &c.has_version)
        wire.bytes(&iv, &c.iv, &c.has_iv)
    }
}

extension DataStreamTrailer: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataStream__Trailer>?) -> Void {
        livekit__data_stream__trailer__init
    }

    mutating func code(_ c: inout Livekit__DataStream__Trailer, _ wire: inout WireCoder) {
        wire.text(&streamID, &c.stream_id)
        wire.text(&reason, &c.reason)
        wire.map(&attributes, &c.attributes, &c.n_attributes)
    }
}

// MARK: Messages that only wrap a value

struct ActiveSpeakers: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__ActiveSpeakerUpdate>?) -> Void {
        livekit__active_speaker_update__init
    }
    var speakers: [SpeakerInfo] = []

    mutating func code(_ c: inout Livekit__ActiveSpeakerUpdate, _ wire: inout WireCoder) {
        wire.messages(&speakers, &c.speakers, &c.n_speakers)
    }
}

struct DialTone: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__SipDTMF>?) -> Void {
        livekit__sip_dtmf__init
    }
    var toneCode: UInt32 = 0
    var digit = ""

    mutating func code(_ c: inout Livekit__SipDTMF, _ wire: inout WireCoder) {
        wire.number(&toneCode, &c.code, &c.has_code)
        wire.text(&digit, &c.digit)
    }
}

struct CallAck: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RpcAck>?) -> Void {
        livekit__rpc_ack__init
    }
    var requestID = ""

    mutating func code(_ c: inout Livekit__RpcAck, _ wire: inout WireCoder) {
        wire.text(&requestID, &c.request_id)
    }
}

struct CallError: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__RpcError>?) -> Void {
        livekit__rpc_error__init
    }
    var errorCode: UInt32 = 0
    var message = ""
    var data = ""

    mutating func code(_ c: inout Livekit__RpcError, _ wire: inout WireCoder) {
        wire.number(&errorCode, &c.code, &c.has_code)
        wire.text(&message, &c.message)
        wire.text(&data, &c.data)
    }
}

struct ByteHeader: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__DataStream__ByteHeader>?) -> Void {
        livekit__data_stream__byte_header__init
    }
    var name = ""

    mutating func code(_ c: inout Livekit__DataStream__ByteHeader, _ wire: inout WireCoder) {
        wire.text(&name, &c.name)
    }
}
