// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport
import Testing

@testable import WebRTC

@Suite struct SCTPCodecTests {
    @Test(
        arguments: [
            ("", 0x0000_0000), ("61", 0xc1d0_4330), ("313233343536373839", 0xe306_9283),
            (String(repeating: "00", count: 32), 0x8a91_36aa),
            (String(repeating: "ff", count: 32), 0x62a8_ab43),
            ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0x46dd_794e),
            ("1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100", 0x113f_db5c),
        ] as [(String, UInt32)])
    func checksumMatchesThePublishedValues(text: String, expected: UInt32) {
        #expect(SCTPChecksum.crc32c(hex(text)) == expected)
    }

    /// Every length takes another way through the eight-byte steps: compared with one bit at a
    /// time.
    @Test func checksumOfEveryLengthMatchesTheDefinition() {
        var random = SeededRandom(seed: 3)
        for length in 0..<80 {
            let bytes = random.bytes(length)
            var state = UInt32.max
            for byte in bytes {
                state ^= UInt32(byte)
                for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0x82F6_3B78 : 0) }
            }
            #expect(SCTPChecksum.crc32c(bytes) == ~state)
        }
    }

    @Test func everyRecordedPacketIsReadAndWrittenBackUnchanged() throws {
        var packets = 0
        var otherwisePadded = 0
        var unreadable: [SCTPDecodeError] = []
        for path in try SCTPRecordings.paths() {
            for case .packet(let recorded) in try SCTPRecordings.lines(path) {
                let packet: SCTPPacket
                do {
                    packet = try SCTPPacket(parsing: recorded.bytes)
                } catch {
                    unreadable.append(error)
                    continue
                }
                packets += 1
                let isZero = recorded.summary.contains("[checksum zero]")
                #expect((packet.checksum == .absent) == isZero, "\(path) \(recorded.summary)")
                let encoded = packet.encoded()
                if encoded == recorded.bytes { continue }
                // The probes count the last parameter's padding in the chunk's length.
                #expect(path.contains("probe") && recorded.isToPeer, "\(recorded.summary)")
                #expect(recorded.summary.hasPrefix("RE-CONFIG"))
                #expect(encoded.count == recorded.bytes.count)
                #expect(try SCTPPacket(parsing: encoded) == packet)
                otherwisePadded += 1
            }
        }
        #expect(packets == 4_490)
        #expect(otherwisePadded == 8)
        // What the probes sent in order to be refused, in the order of the files' names.
        let malformed: [SCTPDecodeError] = [
            .chunkLengthInvalid(type: 4, length: 3), .chunkLengthInvalid(type: 4, length: 256),
            .trailingBytes(3),
        ]
        #expect(unreadable == [.checksumMismatch] + malformed + malformed)
    }

    @Test func vectorsAreReadAsTheySay() throws {
        let refused: [String: SCTPDecodeError] = [
            "bad-chunk-length-3": .chunkLengthInvalid(type: 4, length: 3),
            "bad-chunk-beyond-packet": .chunkLengthInvalid(type: 4, length: 256),
            "bad-trailing-bytes": .trailingBytes(3),
            "bad-sack-counts": .countMismatch(type: 3),
            "bad-data-short": .chunkTooShort(type: 0, length: 0),
            "checksum-wrong": .checksumMismatch,
            "init-zero-tag": .initTagZero,
            "init-zero-streams": .initStreamsZero,
            "init-bundled": .initNotAlone,
            "param-too-short": .parameterLengthInvalid(type: 0x8008, length: 2),
        ]
        var read = 0
        for vector in try Fixtures.jsonLines("sctp/vectors.jsonl") {
            let name = try #require(vector["name"]?.string)
            let bytes = hex(try #require(vector["hex"]?.string))
            if let expected = refused[name] {
                #expect(throws: expected, "\(name)") { try SCTPPacket(parsing: bytes) }
                continue
            }
            let packet = try SCTPPacket(parsing: bytes)
            #expect(packet.encoded() == bytes, "\(name)")
            #expect(vector["vtag"]?.int == Int64(packet.verificationTag), "\(name)")
            let isZero = vector["checksum"]?["state"]?.string == "zero"
            #expect((packet.checksum == .absent) == isZero, "\(name)")
            let chunks = try #require(vector["chunks"]?.array)
            #expect(chunks.count == packet.chunks.count, "\(name)")
            for (chunk, expected) in zip(packet.chunks, chunks) {
                for (field, value) in Self.fields(of: chunk) {
                    #expect(expected[field]?.int == value, "\(name) \(field)")
                }
                Self.checkLists(chunk, expected, name)
            }
            read += 1
        }
        #expect(read == 45)
    }

    /// The numbers of a chunk under the vectors' names.
    private static func fields(of chunk: SCTPChunk) -> [(String, Int64)] {
        switch chunk {
        case .data(let data):
            return [
                ("tsn", Int64(data.tsn)), ("sid", Int64(data.stream)),
                ("ssn", Int64(data.streamSequence)), ("ppid", Int64(data.protocolIdentifier)),
                ("flags", Int64(data.flags.rawValue)), ("dlen", Int64(data.payload.count)),
            ]
        case .initiation(let body), .initiationAck(let body):
            return [
                ("itag", Int64(body.initiateTag)), ("a_rwnd", Int64(body.receiveWindow)),
                ("os", Int64(body.outboundStreams)), ("mis", Int64(body.inboundStreams)),
                ("itsn", Int64(body.initialTSN)),
            ]
        case .sack(let sack):
            return [("cum", Int64(sack.cumulativeTSN)), ("a_rwnd", Int64(sack.receiveWindow))]
        case .shutdown(let tsn): return [("cum", Int64(tsn))]
        case .cookieEcho(let cookie): return [("cookie_len", Int64(cookie.count))]
        case .forwardTSN(let forward): return [("new_cum", Int64(forward.newCumulativeTSN))]
        case .interleavedForwardTSN(let tsn, _): return [("new_cum", Int64(tsn))]
        case .interleavedData(let data):
            let word = data.flags.contains(.begin) ? "ppid" : "fsn"
            return [
                ("tsn", Int64(data.tsn)), ("sid", Int64(data.stream)),
                ("mid", Int64(data.messageIdentifier)),
                (word, Int64(data.protocolIdentifierOrFragment)),
                ("dlen", Int64(data.payload.count)),
            ]
        case .unrecognized(let type, let flags, let value):
            return [
                ("type", Int64(type)), ("flags", Int64(flags)), ("len", Int64(value.count + 4)),
            ]
        case .heartbeat(let value), .heartbeatAck(let value):
            return [("len", Int64(value.count + 4))]
        case .abort, .error, .shutdownAck, .shutdownComplete, .cookieAck, .reconfiguration:
            return []
        }
    }

    /// Compares what a chunk lists.
    private static func checkLists(_ chunk: SCTPChunk, _ expected: JSONValue, _ name: String) {
        func pairs(_ member: String) -> [[Int64]] {
            expected[member]?.array?.map { $0.array?.compactMap(\.int) ?? [] } ?? []
        }
        switch chunk {
        case .sack(let sack):
            #expect(pairs("gaps") == sack.gaps.map { [Int64($0.start), Int64($0.end)] }, "\(name)")
            #expect(
                expected["dups"]?.array?.compactMap(\.int) == sack.duplicates.map { Int64($0) })
        case .forwardTSN(let forward):
            let skipped = forward.skipped.map { [Int64($0.stream), Int64($0.streamSequence)] }
            #expect(pairs("streams") == skipped, "\(name)")
        case .interleavedForwardTSN(_, let skipped):
            #expect(
                pairs("streams")
                    == skipped.map {
                        [Int64($0.stream), $0.isUnordered ? 1 : 0, Int64($0.messageIdentifier)]
                    })
        case .initiation(let body), .initiationAck(let body):
            #expect(
                body.parameters.map { Int64($0.type) }
                    == expected["params"]?.array?.compactMap { $0["type"]?.int }, "\(name)")
        case .reconfiguration(let parameters):
            checkReset(parameters, expected["params"]?.array ?? [], name)
        case .abort(_, let causes), .error(let causes):
            let expectedCauses = expected["causes"]?.array ?? []
            #expect(causes.map { Int64($0.code) } == expectedCauses.compactMap { $0["code"]?.int })
            #expect(
                causes.map { hexText($0.value) }
                    == expectedCauses.compactMap { $0["value"]?.string }, "\(name)")
        case .data(let data):
            guard let control = expected["dcep"], data.protocolIdentifier == 50 else { return }
            checkControl(data.payload, control, name)
        case .heartbeat, .heartbeatAck, .shutdown, .shutdownAck, .shutdownComplete, .cookieEcho,
            .cookieAck, .interleavedData, .unrecognized:
            break
        }
    }

    private static func checkReset(
        _ parameters: [SCTPParameter], _ expected: [JSONValue], _ name: String
    ) {
        #expect(parameters.count == expected.count, "\(name)")
        for (parameter, expected) in zip(parameters, expected) {
            switch parameter {
            case .outgoingReset(let reset):
                #expect(expected["req_sn"]?.int == Int64(reset.requestSequence), "\(name)")
                #expect(expected["resp_sn"]?.int == Int64(reset.responseSequence), "\(name)")
                #expect(expected["last_tsn"]?.int == Int64(reset.lastTSN), "\(name)")
                #expect(
                    expected["streams"]?.array?.compactMap(\.int)
                        == reset.streams.map { Int64($0) }, "\(name)")
            case .resetResponse(let response):
                #expect(expected["resp_sn"]?.int == Int64(response.responseSequence), "\(name)")
                #expect(expected["result"]?.int == Int64(response.result.rawValue), "\(name)")
            default:
                Issue.record("\(name): parameter \(parameter.type)")
            }
        }
    }

    private static func checkControl(_ payload: [UInt8], _ expected: JSONValue, _ name: String) {
        let control = try? SCTPChannelControl(parsing: payload)
        guard case .open(let opening) = control else {
            #expect(control == .acknowledgement, "\(name)")
            #expect(expected["dcep"]?.string == "ACK", "\(name)")
            return
        }
        #expect(expected["label"]?.string == opening.label, "\(name)")
        #expect(expected["priority"]?.int == Int64(opening.priority), "\(name)")
        #expect(SCTPChannelControl.open(opening).encoded() == payload, "\(name)")
    }
}
