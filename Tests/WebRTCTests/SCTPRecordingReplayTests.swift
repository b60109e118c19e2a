// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

/// What real servers and a browser sent, losses and resets included, given to an association of
/// ours in the recorded rhythm.
@Suite struct SCTPRecordingReplayTests {
    /// What came of one recording.
    private struct Replay {
        var association: SCTPAssociation
        var events: [SCTPAssociation.Output] = []
        /// Whole messages on the wire, by stream: what a receiver can have got.
        var complete: [UInt16: [[UInt8]]] = [:]
        /// Fragments that came, by TSN.
        private var fragments: [UInt32: SCTPDataChunk] = [:]
        private var firstTSN: UInt32 = 0

        init(_ path: String, role: SCTPAssociation.Role) throws {
            let packets = try SCTPRecordings.lines(path).compactMap { line in
                if case .packet(let packet) = line { packet } else { nil }
            }
            var configuration = SCTPConfiguration()
            for packet in packets where packet.isToPeer {
                guard case .initiation(let body) = try? SCTPPacket(parsing: packet.bytes).chunks[0]
                else { continue }
                configuration.verificationTag = body.initiateTag
                configuration.initialTSN = body.initialTSN
                break
            }
            association = SCTPAssociation(dtlsRole: role, seed: 1, configuration: configuration)
            association.start(at: Self.instant(packets.first?.time ?? 0))
            drain()
            for packet in packets where !packet.isToPeer && !packet.isDropped {
                let now = Self.instant(packet.time)
                while let due = association.deadline, due < now {
                    association.tick(at: due)
                    drain()
                }
                note(packet.bytes)
                association.receive(packet.bytes, at: now)
                drain()
            }
            gather()
        }

        private static func instant(_ seconds: Double) -> Instant {
            Instant(nanoseconds: 1_000_000_000 + UInt64(seconds * 1e9))
        }

        private mutating func drain() {
            while let output = association.poll() {
                if case .transmit = output { continue }
                events.append(output)
            }
        }

        private mutating func note(_ bytes: [UInt8]) {
            for chunk in (try? SCTPPacket(parsing: bytes))?.chunks ?? [] {
                switch chunk {
                case .data(let data): fragments[data.tsn] = data
                case .initiation(let body): firstTSN = body.initialTSN
                default: break
                }
            }
        }

        /// Puts fragments together by the simplest rule there is.
        private mutating func gather() {
            var message: [UInt8]? = nil
            for offset in 0..<UInt32(4000) {
                guard let data = fragments[firstTSN &+ offset] else {
                    message = nil
                    continue
                }
                if data.flags.contains(.begin) { message = [] }
                message? += data.payload
                guard data.flags.contains(.end), let whole = message else { continue }
                if data.protocolIdentifier != 50 {
                    let isEmpty = data.protocolIdentifier >= 56
                    complete[data.stream, default: []].append(isEmpty ? [] : whole)
                }
                message = nil
            }
        }

        func messages(on stream: UInt16) -> [[UInt8]] {
            events.compactMap {
                if case .message(stream, _, let bytes) = $0 { bytes } else { nil }
            }
        }

        var labels: [String] {
            events.compactMap {
                if case .channelOpened(let channel) = $0 { channel.label } else { nil }
            }
        }
    }

    /// The server opens the channels, ids 1, 3, 5, and sends: everything that came whole is
    /// delivered, in order where the channel is ordered.
    @Test(arguments: [
        "livekit-1.13.3/basic.subscriber", "livekit-1.13.3/basic.alice-subscriber",
        "livekit-1.13.3/drops.subscriber", "livekit-1.13.3/loss10.subscriber",
        "livekit-1.13.3/fragdrop.subscriber", "livekit-1.11.0/drops.subscriber",
        "livekit-1.8.4/basic.subscriber", "livekit-1.8.4/basic.alice-subscriber",
        "livekit-1.8.4/drops.subscriber", "livekit-1.8.4/loss10.subscriber",
        "livekit-1.8.4/fragdrop.subscriber",
    ])
    func everyMessageOfAServerIsDelivered(name: String) throws {
        let replay = try Replay("\(name).jsonl", role: .client)
        #expect(replay.labels.starts(with: ["_reliable", "_lossy"]), "\(replay.labels)")
        var delivered = 0
        for (stream, expected) in replay.complete.sorted(by: { $0.key < $1.key }) {
            let messages = replay.messages(on: stream)
            delivered += messages.count
            if stream == 1 {
                #expect(messages == expected, "stream \(stream)")
            } else {
                let sorted = messages.sorted { $0.lexicographicallyPrecedes($1) }
                #expect(sorted == expected.sorted { $0.lexicographicallyPrecedes($1) })
            }
        }
        #expect(delivered > 0 || name.contains("alice"))
        #expect(replay.association.reassembly.heldBytes == 0)
        #expect(replay.association.tracker?.hasGap ?? false == false)
    }

    /// On the publisher's side the server only answers: every packet is understood, and the server
    /// leaves by ABORT where the recording ends so.
    @Test(arguments: ["livekit-1.13.3", "livekit-1.8.4"])
    func thePublishersSideOfAServerIsUnderstood(version: String) throws {
        let replay = try Replay("\(version)/basic.publisher.jsonl", role: .server)
        #expect(replay.association.statistics.packetsReceived > 30)
        #expect(replay.events.contains(.stateChanged(.connected)))
    }

    /// Chromium echoes what it is told; its channels are ours, so that messages on streams that we
    /// did not open are dropped, and the browser's own are delivered.
    @Test(arguments: ["basic", "loss10", "drops"])
    func everyTSNOfABrowserIsAcknowledged(name: String) throws {
        let replay = try Replay("chromium-156/\(name).jsonl", role: .client)
        #expect(replay.events.contains(.stateChanged(.connected)))
        #expect(replay.association.reassembly.heldBytes == 0)
        #expect(replay.association.tracker?.hasGap ?? false == false)
        let counts = replay.association.statistics
        #expect(counts.packetsReceived > 30)
    }
}
