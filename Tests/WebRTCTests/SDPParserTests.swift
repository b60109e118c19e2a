// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct SDPParserTests {
    @Test func recordingsOfEveryPeerArePresent() {
        #expect(SDPRecording.all.count > 100)
        for word in ["1.8.4", "1.11.0", "1.13.3", "js223", "py120", "go_sdk", "ice-lite", "turn"] {
            #expect(SDPRecording.all.contains { $0.name.contains(word) }, "\(word)")
        }
    }

    @Test(arguments: SDPRecording.all)
    func realDescriptionSurvivesParsingAndWriting(_ recording: SDPRecording) throws {
        let session = try SessionDescription(parsing: recording.text)
        let written = session.text
        #expect(try SessionDescription(parsing: written) == session)
        #expect(SDPRecording.sections(written) == SDPRecording.sections(recording.text))
    }

    @Test(arguments: SDPRecording.all)
    func realDescriptionHasWhatATransportNeeds(_ recording: SDPRecording) throws {
        let session = try SessionDescription(parsing: recording.text)
        let transport = try #require(session.bundledTransport)
        #expect(transport.ufrag != nil && transport.password != nil && transport.setup != nil)
        #expect(transport.fingerprints.first?.algorithm == "sha-256")
        #expect(transport.fingerprints.first?.bytes.count == 32)
        #expect(session.media.allSatisfy { $0.mid != nil })
        #expect(Set(session.bundle).isSubset(of: Set(session.media.compactMap(\.mid))))
        #expect(session.isICELite == recording.text.contains("a=ice-lite"))
        for section in session.media where section.kind == .audio {
            #expect(section.opusPayloadType == 111)
        }
    }

    @Test func subscriberOfferOfTheServerIsRead() throws {
        let recording = try SDPRecording.named("livekit-1.13.3-py120_v0/11_bob_S2C_offer.sdp")
        let session = try SessionDescription(parsing: recording.text)
        #expect(session.bundle == ["0", "1"])
        let data = try #require(session.media.first)
        #expect(data.kind == .application && data.sctpPort == 5_000)
        #expect(data.maxMessageSize == 65_535)
        #expect(data.candidates.count == 4 && data.hasAllCandidates)
        #expect(data.candidates[0].hasPrefix("candidate:375738803 1 tcp 1671430143 127.0.0.1"))
        let audio = session.media[1]
        #expect(audio.direction == .sendrecv && audio.ssrcs == [4_160_654_898])
        let stream = "PA_GN5NpXqrPymw|TR_AMV7gBypZW3ywf"
        #expect(
            audio.mediaStreams == [SDPMediaStreamID(stream: stream, track: "TR_AMV7gBypZW3ywf")])
        #expect(audio.sourceValue("cname", of: 4_160_654_898) == stream)
        #expect(audio.sourceValue("label", of: 4_160_654_898) == "TR_AMV7gBypZW3ywf")
        #expect(audio.extensionID(SDPExtensionURI.absoluteCaptureTime) == 2)
        #expect(audio.acceptsNACK(of: 111) && !audio.acceptsNACK(of: 63))
        #expect(audio.isRTCPMultiplexed && audio.allowsReducedSizeRTCP)
        #expect(audio.parameters(of: 63) == "111/111")
        let opus = SDPFormatParameters(payloadType: 111, text: audio.parameters(of: 111) ?? "")
        #expect(opus.value(of: "minptime") == "10" && opus.value(of: "stereo") == nil)
    }

    @Test func sessionLevelFingerprintHoldsForSectionsWithoutOne() throws {
        let recording = try SDPRecording.named("livekit-1.8.4-py120_v0/01_bob_S2C_offer.sdp")
        let session = try SessionDescription(parsing: recording.text)
        let section = try #require(session.media.first)
        #expect(section.transport.fingerprints.isEmpty)
        #expect(session.effectiveTransport(of: section).fingerprints.count == 1)
        #expect(session.effectiveTransport(of: section).setup == .actpass)
        #expect(section.maxMessageSize == nil)
    }

    @Test func bareLineFeedsAndUnknownLinesAreAccepted() throws {
        let text =
            "v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nb=AS:5\nt=0 0\nk=clear:x\na=new:thing\n"
            + "m=audio 9 UDP/TLS/RTP/SAVPF 111\ni=title\na=mid:a\na=rtpmap:111 OPUS/48000/2\n"
            + "a=flag-nobody-knows\na=extmap:3/sendonly urn:x some words\na=rtcp-fb:* nack\n"
        let session = try SessionDescription(parsing: text)
        #expect(session.otherAttributes == ["new:thing"])
        let audio = session.media[0]
        #expect(audio.opusPayloadType == 111 && audio.direction == .sendrecv)
        #expect(audio.otherAttributes == ["flag-nobody-knows"])
        #expect(audio.acceptsNACK(of: 111))
        let item = audio.extensions[0]
        #expect(item.id == 3 && item.direction == .sendonly && item.attributes == "some words")
        #expect(try SessionDescription(parsing: session.text) == session)
    }

    @Test(arguments: [
        ("", SDPError.unsupportedVersion),
        ("v=1\r\n", .unsupportedVersion),
        ("o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n", .unsupportedVersion),
        ("v=0\r\ns=-\r\n", .missingOrigin),
        ("v=0\r\no=- 1\r\n", .malformedValue(line: 2)),
        ("v=0\r\nnonsense\r\n", .malformedLine(line: 2)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\nm=audio x RTP 0\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\nm=audio 9 RTP\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=fingerprint:sha-256 A\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=fingerprint:sha-256 +A\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=setup:maybe\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=ice-ufrag:abc\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=ice-ufrag:ab:cd\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=ice-pwd:short\r\n", .malformedValue(line: 3)),
        ("v=0\r\no=- 1 1 IN IP4 0\r\na=group\r\n", .malformedValue(line: 3)),
    ])
    func malformedTextIsRefusedWithItsLine(_ text: String, _ error: SDPError) {
        #expect(throws: error) { try SessionDescription(parsing: text) }
    }

    @Test(arguments: [
        "rtpmap:128 opus/48000/2", "rtpmap:111 opus", "rtpmap:111 opus/-1", "rtpmap:1 a/1/0",
        "extmap:0 urn:x", "extmap:256 urn:x", "extmap:1/up urn:x", "extmap:1", "ssrc:x cname:y",
        "ssrc:4294967296 cname:y", "ssrc:5", "sctp-port:0", "sctp-port:65536",
        "max-message-size:-1", "mid:", "mid:a b", "msid:", "rtcp-fb:300 nack",
    ])
    func malformedAttributeIsRefused(_ attribute: String) {
        let text = "v=0\r\no=- 1 1 IN IP4 0\r\nm=audio 9 RTP 0\r\na=\(attribute)\r\n"
        #expect(throws: SDPError.malformedValue(line: 4)) { try SessionDescription(parsing: text) }
    }

    @Test func twoSectionsMayNotShareAMid() {
        let text =
            "v=0\r\no=- 1 1 IN IP4 0\r\n"
            + "m=audio 9 RTP 0\r\na=mid:0\r\nm=audio 9 RTP 0\r\na=mid:0\r\n"
        #expect(throws: SDPError.duplicateMID(line: 6)) { try SessionDescription(parsing: text) }
    }

    @Test func boundsHold() throws {
        let head = "v=0\r\no=- 1 1 IN IP4 0\r\n"
        let section = "m=audio 9 RTP 0\r\n"
        func refuse(_ text: String, _ error: SDPError) {
            #expect(throws: error) { try SessionDescription(parsing: text) }
        }
        let sections = String(repeating: section, count: SDPLimits.sectionsMax)
        #expect(
            try SessionDescription(parsing: head + sections).media.count == SDPLimits.sectionsMax)
        refuse(head + sections + section, .tooManySections(line: SDPLimits.sectionsMax + 3))
        let attributes = String(repeating: "a=x:y\r\n", count: SDPLimits.attributesMax)
        _ = try SessionDescription(parsing: head + section + attributes)
        refuse(
            head + section + attributes + "a=x\r\n",
            .tooManyAttributes(line: SDPLimits.attributesMax + 4))
        refuse(
            head + String(repeating: "x=\n", count: SDPLimits.linesMax),
            .tooManyLines(line: SDPLimits.linesMax + 1))
        let long = "a=" + String(repeating: "x", count: SDPLimits.lineMax)
        refuse(head + long, .tooManyLines(line: 3))
        refuse(head + String(repeating: "a", count: SDPLimits.textMax), .tooLong)
    }

    @Test func mutatedDescriptionsAreParsedOrRefusedAndWriteBack() throws {
        var random = SeededRandom(seed: 7)
        let texts = SDPRecording.all.map { Array($0.text.utf8) }.filter { $0.count < 4_000 }
        var parsed = 0
        for _ in 0..<20_000 {
            guard var bytes = texts.randomElement(using: &random) else { return }
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                mutate(&bytes, &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let session = try? SessionDescription(parsing: text) else { continue }
            parsed += 1
            _ = session.bundledTransport
            if parsed % 16 == 0 {
                #expect(try SessionDescription(parsing: session.text) == session)
            }
        }
        // Both outcomes must occur, else the mutations test nothing.
        #expect(parsed > 1_000 && parsed < 19_500)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 2: bytes.remove(at: index)
        case 3: bytes.insert(UInt8.random(in: 32...126, using: &random), at: index)
        case 4: bytes.insert(contentsOf: [13, 10], at: index)
        default:
            let end = min(bytes.count, index + Int.random(in: 0...60, using: &random))
            bytes.replaceSubrange(index..<index, with: Array(bytes[index..<end]))
        }
    }
}
