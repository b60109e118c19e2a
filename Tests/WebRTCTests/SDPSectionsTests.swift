// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import WebRTC

@Suite struct SDPSectionsTests {
    private var transport: SDPTransport {
        var transport = SDPTransport()
        transport.ufrag = "abcd"
        transport.password = "0123456789abcdef012345"
        transport.options = ["trickle"]
        transport.fingerprints = [
            SDPFingerprint(algorithm: "sha-256", bytes: Array(repeating: 0xAB, count: 32))
        ]
        transport.setup = .actpass
        return transport
    }
    private let track = SDPLocalTrack(track: "cid-1", ssrc: 77, cname: "name")

    @Test func publisherOfferHasTheLinesTheServerNeeds() throws {
        let offer = SessionDescription.bundling(
            [
                .dataChannels(mid: "0", transport: transport, maxMessageSize: 65_535),
                .audioOffer(mid: "1", transport: transport, direction: .sendonly, track: track),
            ], origin: SDPOrigin(sessionID: "42", version: 1))
        let lines = Set(SDPRecording.lines(offer.text))
        for line in [
            "v=0", "o=- 42 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000",
            "a=max-message-size:65535", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1",
            "a=sendonly", "a=msid:- cid-1", "a=ssrc:77 cname:name", "a=ssrc:77 msid:- cid-1",
            "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 nack",
            "a=fmtp:111 minptime=10;useinbandfec=1", "a=ice-ufrag:abcd", "a=setup:actpass",
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "c=IN IP4 0.0.0.0",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(!offer.text.contains("red/48000"))
        #expect(try SessionDescription(parsing: offer.text) == offer)
    }

    @Test func serverOffersAreAnsweredRecvonlyAndInactive() throws {
        let live = try SDPRecording.named("livekit-1.13.3-py120_v0/11_bob_S2C_offer.sdp")
        let gone = try SDPRecording.named("livekit-1.13.3-py120_v0/17_bob_S2C_offer.sdp")
        for (recording, offered, direction) in [
            (live, SDPDirection.sendrecv, SDPDirection.recvonly), (gone, .recvonly, .inactive),
        ] {
            let offer = try SessionDescription(parsing: recording.text).media[1]
            #expect(offer.direction == offered)
            let answer = MediaDescription.audioAnswer(
                to: offer, transport: transport, direction: .recvonly, track: nil)
            #expect(answer.direction == direction)
            #expect(answer.formats == ["111"] && answer.mid == "1" && answer.port == 9)
            #expect(answer.extensions.map(\.id) == offer.extensions.map(\.id))
            #expect(answer.ssrcs.isEmpty && answer.mediaStreams.isEmpty)
            #expect(answer.acceptsNACK(of: 111) == offer.acceptsNACK(of: 111))
        }
    }

    @Test func payloadTypeAndExtensionNumbersOfTheOfferAreReused() throws {
        let text =
            "v=0\r\no=- 1 1 IN IP4 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 96 45\r\na=mid:x\r\n"
            + "a=rtpmap:96 red/48000/2\r\na=rtpmap:45 OPUS/48000/2\r\na=sendrecv\r\n"
            + "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:3 urn:other\r\n"
            + "a=extmap:7 \(SDPExtensionURI.audioLevel)\r\n"
        let offer = try SessionDescription(parsing: text).media[0]
        let answer = MediaDescription.audioAnswer(
            to: offer, transport: transport, direction: .sendrecv, track: track)
        #expect(answer.formats == ["45"] && answer.opusPayloadType == 45)
        #expect(answer.extensionID(SDPExtensionURI.mid) == 9)
        #expect(answer.extensionID(SDPExtensionURI.audioLevel) == 7)
        #expect(answer.extensions.count == 2)
        #expect(answer.direction == .sendrecv && answer.ssrcs == [77])
        #expect(answer.feedback.isEmpty, "the offer has no nack")
    }

    @Test func videoAndUnknownCodecsAreRefusedOutsideTheBundle() throws {
        let recording = try SDPRecording.named(
            "livekit-1.13.3-js223_v1/01_browser_C2S_joinreq_offer.sdp")
        let offer = try SessionDescription(parsing: recording.text)
        var sections: [MediaDescription] = []
        for section in offer.media {
            switch section.kind {
            case .audio:
                sections.append(
                    .audioAnswer(
                        to: section, transport: transport, direction: .sendrecv, track: track))
            case .application:
                sections.append(
                    .dataChannels(
                        mid: section.mid ?? "", transport: transport, maxMessageSize: 65_535))
            case .video, .other: sections.append(.refusal(of: section))
            }
        }
        let answer = SessionDescription.bundling(
            sections, origin: SDPOrigin(sessionID: "1", version: 1))
        let refused = answer.media.filter(\.isRefused)
        #expect(refused.count == offer.media.filter { $0.kind == .video }.count)
        #expect(!refused.isEmpty)
        for section in refused {
            #expect(section.direction == .inactive && section.mid != nil)
            #expect(!answer.bundle.contains(section.mid ?? ""))
        }
        #expect(answer.media.map(\.mid) == offer.media.map(\.mid))
        #expect(try SessionDescription(parsing: answer.text) == answer)
        var pcmu = offer.media[0]
        pcmu.rtpMaps.removeAll { $0.codec == "opus" }
        #expect(
            MediaDescription.audioAnswer(
                to: pcmu, transport: transport, direction: .sendrecv, track: nil
            ).isRefused)
    }

    @Test func bundleOnlySectionWithPortZeroIsNotRefused() throws {
        let text =
            "v=0\r\no=- 1 1 IN IP4 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\n"
            + "a=bundle-only\r\na=rtpmap:111 opus/48000/2\r\n"
        let offer = try SessionDescription(parsing: text).media[0]
        #expect(!offer.isRefused)
        let answer = MediaDescription.audioAnswer(
            to: offer, transport: transport, direction: .recvonly, track: nil)
        #expect(answer.port == 9 && answer.direction == .recvonly)
    }

    @Test func lineBreaksInNamesCannotAddLines() throws {
        let evil = SDPLocalTrack(track: "x\r\na=ice-lite\r\n", ssrc: 1, cname: "y\nm=video 9 R 0")
        let offer = SessionDescription.bundling(
            [.audioOffer(mid: "1", transport: transport, direction: .sendonly, track: evil)],
            origin: SDPOrigin(sessionID: "1", version: 1))
        let parsed = try SessionDescription(parsing: offer.text)
        #expect(!parsed.isICELite && parsed.media.count == 1)
    }
}
