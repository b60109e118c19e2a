// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit
import Testing

@testable import DevServer

@Suite struct TwirpTests {
    private func call(
        _ method: String, _ json: String, type: String = "application/json"
    ) -> Result<TwirpCall, TwirpError> {
        do throws(TwirpError) {
            return .success(
                try TwirpCall(
                    method: method, contentType: type, body: Array(json.utf8),
                    path: "/twirp/livekit.RoomService/\(method)"))
        } catch {
            return .failure(error)
        }
    }

    private func claims(_ change: (inout VideoGrant) -> Void) -> TokenClaims {
        var claims = TokenClaims()
        claims.video = VideoGrant()
        if var grant = claims.video {
            change(&grant)
            claims.video = grant
        }
        return claims
    }

    @Test func namesMayBeWrittenEitherWayAndUnknownOnesPass() throws {
        let snake = try call(
            "MutePublishedTrack",
            #"{"room":"r","identity":"a","track_sid":"TR_1","muted":true,"new":[1]}"#
        ).get()
        let camel = try call(
            "MutePublishedTrack",
            #"{"room":"r","identity":"a","trackSid":"TR_1","muted":true}"#
        ).get()
        #expect(snake.request == camel.request)
        #expect(
            snake.request
                == .mutePublishedTrack(room: "r", identity: "a", track: "TR_1", isMuted: true))
    }

    @Test func wrongCallsAreRefusedInTwirpsWords() {
        #expect(call("ListRooms", "[").failure == .malformed)
        #expect(call("ListRooms", #"{"names":[1]}"#).failure == .malformed)
        #expect(call("SendData", #"{"data":"?"}"#).failure == .malformed)
        #expect(
            call("ListRooms", "{}", type: "text/plain").failure
                == TwirpError(
                    404, "bad_route", "unexpected Content-Type: \"text/plain\"",
                    invalidRoute: "POST /twirp/livekit.RoomService/ListRooms"))
        // To the letter what livekit-server 1.13.3 answered.
        #expect(
            (call("Nope", "{}").failure?.json).map { String(decoding: $0, as: UTF8.self) }
                == #"{"code":"bad_route","msg":"no handler for path "#
                + #"\"/twirp/livekit.RoomService/Nope\"","#
                + #""meta":{"twirp_invalid_route":"POST /twirp/livekit.RoomService/Nope"}}"#)
        let plain = String(decoding: TwirpError.denied.json, as: UTF8.self)
        #expect(plain == #"{"code":"unauthenticated","msg":"permissions denied"}"#)
    }

    @Test func whatIsNotServedIsRefusedAsItIsByTheRealServer() throws {
        let move = try call(
            "MoveParticipant", #"{"room":"r","identity":"a","destinationRoom":"s"}"#
        ).get()
        #expect(move.request == .relocateParticipant(room: "r", identity: "a", destination: "s"))
        #expect(!move.isAllowed(by: claims { ($0.roomAdmin, $0.room) = (true, "r") }))
        #expect(
            move.isAllowed(
                by: claims {
                    ($0.roomAdmin, $0.room, $0.destinationRoom) = (true, "r", "s")
                }))
        // The same call in protobuf: three texts.
        let bytes: [UInt8] = [10, 1, 114, 18, 1, 97, 26, 1, 115]
        #expect(
            try RoomServiceRequest(method: "ForwardParticipant", decoding: bytes) == move.request)
        var state = RoomState(
            name: "r", configuration: nil,
            now: RoomTime(
                instant: Instant(nanoseconds: 1), wall: WallClock(unixMilliseconds: 1)),
            random: SeededRandom(seed: 1))
        let now = RoomTime(
            instant: Instant(nanoseconds: 2), wall: WallClock(unixMilliseconds: 2))
        #expect(state.answer(move.request, now: now).failure == .notImplemented)
        let rpc = try call(
            "PerformRpc", #"{"room":"r","destination_identity":"a","method":"m","payload":"p"}"#
        ).get()
        #expect(state.answer(rpc.request, now: now).failure?.status == 501)
    }

    @Test func aCallNeedsItsGrantForItsRoom() throws {
        let list = try call("ListRooms", "{}").get()
        #expect(!list.isAllowed(by: nil))
        #expect(!list.isAllowed(by: claims { $0.roomJoin = true }))
        #expect(list.isAllowed(by: claims { $0.roomList = true }))
        let remove = try call("RemoveParticipant", #"{"room":"r","identity":"a"}"#).get()
        #expect(!remove.isAllowed(by: claims { $0.roomAdmin = true }))
        #expect(!remove.isAllowed(by: claims { ($0.roomAdmin, $0.room) = (true, "other") }))
        #expect(remove.isAllowed(by: claims { ($0.roomAdmin, $0.room) = (true, "r") }))
        // Not every room, for a call without one.
        let nowhere = try call("ListParticipants", "{}").get()
        #expect(!nowhere.isAllowed(by: claims { $0.roomAdmin = true }))
    }

    @Test func answersAreWrittenAsTheRealServerWritesThem() throws {
        var info = RoomInfo()
        info.sid = "RM_1"
        info.name = "r"
        info.emptyTimeout = 60
        info.creationTime = 1_795_254_128
        info.enabledCodecs = [CodecInfo(mime: "audio/opus")]
        let text = String(decoding: RoomServiceResponse.room(info).json, as: UTF8.self)
        #expect(
            text == #"{"sid":"RM_1","name":"r","empty_timeout":60,"departure_timeout":0,"#
                + #""max_participants":0,"creation_time":"1795254128","creation_time_ms":"0","#
                + #""turn_password":"","enabled_codecs":[{"mime":"audio/opus","fmtp_line":""}],"#
                + #""metadata":"","num_participants":0,"num_publishers":0,"#
                + #""active_recording":false,"version":null}"#)
        #expect(String(decoding: RoomServiceResponse.done.json, as: UTF8.self) == "{}")
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
