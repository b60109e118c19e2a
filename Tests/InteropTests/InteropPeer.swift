// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import Foundation
import Testing
import WebRTC

/// A connection of ours on a loopback socket, and the program at its other end.
final class InteropPeer {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What the program tells.
    struct Word {
        var say: String
        var label: String?
        /// The section of the audio that it is about, where the program can tell.
        var mid: String?
        var state: String?
        var bytes: Int?
        var frames: Int?
        var rms: Double?
    }

    private(set) var connection: PeerConnection
    private(set) var words: [Word] = []
    private(set) var opened: [PeerChannel] = []
    private(set) var messages: [(channel: PeerChannelID, bytes: [UInt8], kind: SCTPMessageKind)] =
        []
    private(set) var audio: [RTPReceivedPacket] = []
    private(set) var gaps = 0
    private(set) var failures: [PeerFailure] = []
    private(set) var tracks: [PeerTrackID] = []
    private(set) var reports: [RTPRemoteReport] = []
    /// Whether what is heard is sent back on every track, with its own timestamps.
    var sendsBack = true
    /// Probability that a datagram of either direction vanishes.
    var loss = 0.0
    private var random = SeededRandom(seed: 9)
    private let program: PeerProgram
    private let socket: LoopbackSocket
    private let address: SocketAddress

    init(
        _ program: PeerProgram, role: PeerRole,
        configuration: PeerConfiguration = PeerConfiguration()
    ) throws {
        self.program = program
        socket = try LoopbackSocket()
        address = SocketAddress(.loopback, port: socket.port)
        let wall = WallClock(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        connection = PeerConnection(
            role: role, certificate: try DTLSCertificate(at: wall),
            clock: NTPMapping(LoopbackSocket.now, is: wall), random: SecureRandom(),
            configuration: configuration)
        connection.addLocalBase(address, at: LoopbackSocket.now)
        connection.endLocalBases(at: LoopbackSocket.now)
        addTrack("ours", receives: true)
    }

    /// Describes both ends to each other.
    func negotiate() throws {
        switch connection.role {
        case .offerer:
            try tell(sdp: connection.createOffer(at: LoopbackSocket.now))
            try connection.setRemoteDescription(described(as: "answer"), at: LoopbackSocket.now)
        case .answerer:
            try connection.setRemoteDescription(described(as: "offer"), at: LoopbackSocket.now)
            try tell(sdp: connection.createAnswer(at: LoopbackSocket.now))
        }
    }

    /// Adds a track for the next offer of ours.
    func addTrack(_ name: String, receives: Bool = false) {
        if let track = connection.addAudioTrack(track: name, receives: receives) {
            tracks.append(track)
        }
    }

    /// Ends the track added last.
    func removeLastTrack() {
        if let track = tracks.popLast() { connection.removeTrack(track) }
    }

    /// Has whoever offers restart ICE, and describes both ends to each other.
    func restart() throws {
        switch connection.role {
        case .offerer: connection.restartICE()
        case .answerer: try program.tell(#"{"restart": true}"#)
        }
        try negotiate()
    }

    func openChannel(_ label: String) throws -> PeerChannelID {
        try connection.openChannel(label: label, at: LoopbackSocket.now)
    }

    func send(_ bytes: [UInt8], as kind: SCTPMessageKind, on channel: PeerChannelID) throws {
        try connection.send(bytes, as: kind, on: channel, at: LoopbackSocket.now)
        drain()
    }

    func close() {
        connection.close(at: LoopbackSocket.now)
        drain()
    }

    /// Runs until `isDone`; throws after `patience`.
    func run(
        _ what: String, within patience: Duration = .seconds(60),
        until isDone: (InteropPeer) -> Bool
    ) throws {
        let limit = LoopbackSocket.now + patience
        drain()
        while !isDone(self) {
            guard LoopbackSocket.now < limit else {
                throw Failure(description: "\(what): \(connection.state), \(words.suffix(5))")
            }
            socket.wait(
                until: min(limit, connection.deadline ?? limit), or: program.descriptor)
            while let (bytes, port) = socket.receive() {
                if isLost { continue }
                connection.receive(
                    bytes, from: SocketAddress(.loopback, port: port), on: address,
                    at: LoopbackSocket.now)
                drain()
            }
            if let deadline = connection.deadline, deadline <= LoopbackSocket.now {
                connection.tick(at: LoopbackSocket.now)
            }
            drain()
            try listen()
        }
    }

    private var isLost: Bool {
        loss > 0 && Double.random(in: 0..<1, using: &random) < loss
    }

    private func drain() {
        while let output = connection.poll() {
            switch output {
            case .transmit(let datagram, let to, _):
                if !isLost { socket.send(datagram, to: to.port) }
            case .event(let event): take(event)
            }
        }
    }

    private func take(_ event: PeerEvent) {
        switch event {
        case .channelOpened(let channel): opened.append(channel)
        case .channelMessage(let id, let bytes, let kind): messages.append((id, bytes, kind))
        case .audio(_, .packet(let packet)):
            audio.append(packet)
            for track in tracks where sendsBack {
                connection.sendAudio(
                    packet.payload, on: track, timestamp: packet.timestamp,
                    isMarked: audio.count == 1,
                    audioLevel: nil, at: LoopbackSocket.now)
            }
        case .audio(_, .gap(let count)): gaps += count
        case .receptionReported(_, let report): reports.append(report)
        case .failed(let failure): failures.append(failure)
        default: break
        }
    }

    // MARK: The program's words

    private func listen() throws {
        while let line = try program.takeLine() {
            guard let object = try Self.object(line) else { continue }
            words.append(
                Word(
                    say: object["say"] as? String ?? "", label: object["label"] as? String,
                    mid: object["mid"] as? String,
                    state: object["state"] as? String, bytes: object["bytes"] as? Int,
                    frames: object["frames"] as? Int, rms: object["rms"] as? Double))
        }
    }

    private func described(as kind: String) throws -> String {
        let limit = LoopbackSocket.now + .seconds(60)
        while LoopbackSocket.now < limit {
            guard let line = try program.takeLine() else {
                // What comes on the socket meanwhile waits there.
                var entry = pollfd(fd: program.descriptor, events: Int16(POLLIN), revents: 0)
                poll(&entry, 1, 100)
                continue
            }
            let object = try Self.object(line)
            if object?["say"] as? String == kind, let sdp = object?["sdp"] as? String {
                return sdp
            }
        }
        throw Failure(description: "no \(kind)")
    }

    private func tell(sdp: String) throws {
        let line = try JSONSerialization.data(withJSONObject: ["sdp": sdp])
        try program.tell(String(decoding: line, as: UTF8.self))
    }

    private static func object(_ line: String) throws -> [String: Any]? {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let object else { throw Failure(description: "no JSON: \(line)") }
        return object as? [String: Any]
    }
}
