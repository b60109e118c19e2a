// SPDX-License-Identifier: Apache-2.0
import Avatar
import Base
import DevServer
import Foundation
import LipSync
import LiveKit
import Net
import Room
import Speech
import Telemetry
import TestSupport
import Testing
import Web
import WebRTC

/// What a client is told against what it hears, by a session in a real room: sound and messages go
/// through sockets to a subscriber in Python, which decodes with its own libopus.
@Suite(.serialized, .attempts(4), .timeLimit(.minutes(10))) struct ClickTrackTests {
    /// Design's bound on the time of an event against its sample in the Opus stream, ms.
    private static let tolerance = 2.5
    private static let sentences = [
        "Five brave people moved above the bay, and many have been happy before.",
        "Maybe a big apple fell from a van; Bob and Fay will bring every piece of it.",
    ]

    @Test func eventsLieOnTheirSamplesAndTheStreamSaysTheSameAsTheFile() async throws {
        let (received, spoken) = try await Self.heard()
        let messages = try ReceivedMessages(received)
        try Self.checkClicks(received, messages)
        for (index, phones) in spoken.enumerated() {
            try Self.checkMouth(messages.keyframes(of: index + 2), phones, Self.sentences[index])
        }
    }

    @Test func anUtteranceThatStalledHoldsUpNoOther() async throws {
        let house = try await ClickHouse()
        do {
            #expect(try await house.stagesAfterAStandstill() == [.error, .ended])
            await house.stop()
        } catch {
            await house.stop()
            throw error
        }
    }

    @Test func anEndInMidSpeechIsToldAndHeard() async throws {
        let house = try await ClickHouse()
        do {
            let (cut, last) = try await house.cutByTheEnd()
            // The frame that ends with the cut, or a later one.
            #expect(last >= cut - 20, "the stream broke off before its faded frame")
            await house.stop()
        } catch {
            await house.stop()
            throw error
        }
    }

    private static func heard() async throws -> (received: JSONValue, spoken: [[Phone]]) {
        let house = try await ClickHouse()
        do {
            let received = try await house.received(["click"] + sentences)
            let spoken = try await house.phones(of: sentences)
            await house.stop()
            return (received, spoken)
        } catch {
            await house.stop()
            throw error
        }
    }

    /// One click at the start of each word and closure.
    private static func checkClicks(_ received: JSONValue, _ messages: ReceivedMessages) throws {
        let clicks = try #require(received["clicks"]?.array).compactMap(\.number)
        try #require(clicks.count == ClickVoice.clicks.count)
        let words = messages.wordTimes(of: 1)
        try #require(words.count == clicks.count)
        let planned = KeyframeLine(MouthCurve(ClickVoice.phones).samples)
        let told = KeyframeLine(messages.keyframes(of: 1))
        let loud = messages.loudest(of: 1, count: clicks.count)
        for (index, click) in clicks.enumerated() {
            #expect(abs(words[index] - click) <= tolerance, "word \(index)")
            #expect(
                loud[index] - tolerance <= click && click <= loud[index] + 10 + tolerance,
                "energy \(index)")
            let start = Double(ClickVoice.clicks[index]) / 48
            let ahead = try #require(planned.closing(near: start)) - start
            let closing = try #require(told.closing(near: click), "closure \(index)")
            #expect(abs(closing - click - ahead) <= tolerance, "closure \(index)")
        }
    }

    /// Every keyframe is the file's, and every closure of the voice's phones is there.
    private static func checkMouth(
        _ keyframes: [Keyframe], _ phones: [Phone], _ text: String
    ) throws {
        let start = try #require(keyframes.first?.time)
        let stream = KeyframeLine(keyframes)
        // What goes before a first sound that closes the lips.
        let first = try #require(phones.first { !$0.isSilence })
        let silence = Mouth.missingTime(toClose: first).rounded(.up)
        let phones = phones.map { phone in
            var moved = phone
            (moved.start, moved.end) = (phone.start + silence, phone.end + silence)
            return moved
        }
        let file = KeyframeLine(MouthCurve(phones).samples)
        // A file's mouth was already moving when it begins, a session's was at rest.
        let times = stride(from: 100, to: file.end, by: 5)
        let worst = try #require(
            times.map { time in
                stream.shape(at: start + lookahead + time).distance(to: file.shape(at: time))
            }.max())
        // The reducer's 0.03, and rounding to whole milliseconds.
        #expect(worst <= 0.045, "\(text): \(worst)")
        var seen: [Viseme: Int] = [:]
        for phone in phones {
            guard let closed = closedLips[phone.symbol] else { continue }
            let span = stride(from: phone.start - 40, through: phone.end + 40, by: 1)
            let peak = span.map { stream.shape(at: start + lookahead + $0)[closed] }.max() ?? 0
            #expect(peak >= 0.9, "\(phone) of \(text)")
            seen[closed, default: 0] += 1
        }
        #expect((seen[.mbp] ?? 0) >= 5 && (seen[.fv] ?? 0) >= 3, "\(text)")
    }

    private static let closedLips: [String: Viseme] = [
        "M": .mbp, "B": .mbp, "P": .mbp, "F": .fv, "V": .fv,
    ]
    /// Of libopus at 48 kHz, ms.
    private static let lookahead = 6.5
}

/// A voice that clicks: a burst of 2 ms in the middle of each first sample of a closure.
private struct ClickVoice: Voice {
    let voices = [VoiceDescription(id: "click", language: "en", name: "Click", provider: "test")]

    /// Where the bursts have their middle, in samples; no two at the same place within a frame.
    static let clicks = (0..<12).map { 19_217 + $0 * 15_013 }

    static let phones: [Phone] = {
        var phones = [Phone(Phone.silence, start: 0, end: time(0))]
        for index in clicks.indices {
            let start = time(index)
            phones.append(Phone("B", start: start, end: start + 80))
            phones.append(Phone("AA", start: start + 80, end: start + 15_013 / 48.0))
        }
        return phones
    }()

    private static func time(_ index: Int) -> Double { Double(clicks[index]) / 48 }

    /// Half a minute of a tone, more than a session prepares ahead.
    static let endless = "endless"

    func speak(_ text: String, voiceID: String?) -> VoiceStream {
        guard text != Self.endless else {
            let tone = (0..<48_000 * 30).map { Float(0.2 * sin(Double($0) / 50)) }
            return VoiceStream { source in
                source.yield(
                    VoiceChunk(
                        sound: .pcm(tone), units: .phones([Phone("AA", start: 0, end: 30_000)])))
                source.finish()
            }
        }
        var sound = [Float](repeating: 0, count: Self.clicks[11] + 15_013)
        for click in Self.clicks {
            for offset in -48...48 {
                let (window, wave) = (
                    cos(.pi * Double(offset) / 97), cos(.pi * Double(offset) / 6)
                )
                sound[click + offset] = Float(0.7 * window * window * wave)
            }
        }
        let words = Self.clicks.indices.map { index in
            TimedText(
                text: "click", range: 0..<5, start: Self.time(index),
                end: Self.time(index) + 80)
        }
        let chunk = VoiceChunk(sound: .pcm(sound), units: .phones(Self.phones), words: words)
        return VoiceStream { source in
            source.yield(chunk)
            source.finish()
        }
    }
}

/// A room server, a session in one of its rooms, and what the session needs.
private final class ClickHouse {
    private let media: Loop
    private let web: Loop
    private let pool: WorkPool
    private let names: Names
    private let sockets: WebSocketClient
    private let log = LogWriter(level: .error)
    private let engine: EngineVoice
    private let server: DevServer
    private let session: AvatarSession
    private let room: Room.Environment
    private static let key = APIKey(id: "devkey", secret: "secretsecretsecretsecretsecretsecret")

    init() async throws {
        media = try Loop(name: "media")
        web = try Loop(name: "web")
        try media.start()
        try web.start()
        pool = try WorkPool(threads: 1)
        names = try Names(on: web)
        sockets = try WebSocketClient(connectionsMax: 4)
        engine = EngineVoice(
            .flite, path: try #require(EngineProfile.flite.path()), on: web, pool: pool)
        engine.start()
        var settings = DevServer.Settings(keys: [Self.key])
        settings.port = 0
        let certificate = try DTLSCertificate(at: Loop.wallClock)
        server = try await DevServer.start(
            settings, media: media, web: web, certificate: certificate,
            log: log.logger("server"))
        room = Room.Environment(
            loop: media, webSockets: sockets, names: names, certificate: certificate,
            log: log.logger("room"))
        session = try await AvatarSession.start(
            .init(
                url: "ws://\(server.addresses[0])", token: try Self.token("avatar", isAgent: true),
                voice: nil, lead: 250, lifetime: .seconds(200)),
            environment: .init(
                room: room, pool: pool, voices: VoiceCatalog(ClickVoice(), [engine]),
                settings: AvatarSettings()))
    }

    /// What a listener received of these utterances; "click" is said by the clicking voice.
    func received(_ texts: [String]) async throws -> JSONValue {
        for text in texts {
            _ = try await session.speak(text, voice: text == "click" ? "click" : "slt")
        }
        let output = try await PythonEnvironment.output(
            of: "click_listener.py",
            ["ws://\(server.addresses[0])", try Self.token("listener"), String(texts.count)])
        return try JSONValue(parsing: Array(output.utf8), maxBytes: 1 << 24)
    }

    /// How two utterances end when the media loop stands still in the middle of the first.
    func stagesAfterAStandstill() async throws -> [AvatarSession.UtteranceRecord.Stage] {
        let listener = try await Room.join(
            url: "ws://\(server.addresses[0])", token: try Self.token("listener"),
            version: "test", autoSubscribe: true, environment: room)
        _ = try await session.speak(ClickVoice.endless, voice: "click")
        for await event in listener.events {
            guard case .dataReceived(let data) = event, data.topic == "speech",
                try JSONValue(parsing: data.payload)["type"]?.string == "start"
            else { continue }
            break
        }
        media.post { [media] in
            let end = Loop.now + .milliseconds(400)
            while Loop.now < end, media.isCurrent {}
        }
        _ = try await session.speak("click", voice: "click")
        await session.spoken()
        await listener.leave()
        return await session.status.utterances.map(\.stage)
    }

    /// What a listener is told and hears of a session that ends while it speaks.
    ///
    /// - Returns: the time of `interrupted`, and that of the last frame that was heard; media time, ms.
    func cutByTheEnd() async throws -> (cut: Int64, last: Int64) {
        let listener = try await Room.join(
            url: "ws://\(server.addresses[0])", token: try Self.token("listener"),
            version: "test", autoSubscribe: true, environment: room)
        _ = try await session.speak(ClickVoice.endless, voice: "click")
        var stamps: Task<[UInt32], Never>?
        var clock: (time: Int64, stamp: Int64)?
        var cut: Int64?
        for await event in listener.events {
            switch event {
            case .trackPublished(let track, _):
                let sound = await listener.audio(of: track.sid)
                stamps = Task {
                    var stamps: [UInt32] = []
                    for await case .packet(_, let timestamp) in sound { stamps.append(timestamp) }
                    return stamps
                }
            case .dataReceived(let data) where data.topic == "speech":
                let message = try JSONValue(parsing: data.payload)
                let time = message["t_ms"]?.int ?? 0
                switch message["type"]?.string {
                case "clock": clock = (time, message["rtp"]?.int ?? 0)
                case "start": Task { [session] in await session.end("the test wants it") }
                case "interrupted": cut = time
                default: break
                }
            case .participantLeft: await listener.leave()
            default: break
            }
        }
        let known = try #require(clock)
        let times = await stamps?.value.map { stamp in
            let ticks = Int32(
                truncatingIfNeeded: Int64(stamp) - known.stamp)
            return known.time + Int64(ticks) / 48
        }
        return (try #require(cut), try #require(times?.max()))
    }

    /// What the voice says its sounds are.
    func phones(of texts: [String]) async throws -> [[Phone]] {
        var all: [[Phone]] = []
        for text in texts {
            let stream = engine.speak(text, voiceID: "slt")
            var phones: [Phone] = []
            while let chunk = try await stream.next() {
                if case .phones(let known) = chunk.units { phones += known }
            }
            all.append(phones)
        }
        return all
    }

    func stop() async {
        await session.end("the test is over")
        await server.stop()
        await engine.stop()
        sockets.stop()
        names.stop()
        pool.stop()
        web.stop()
        media.stop()
        log.close()
    }

    private static func token(_ identity: String, isAgent: Bool = false) throws -> String {
        var video = VideoGrant.joining("clicks")
        video.agent = isAgent
        video.canUpdateOwnMetadata = true
        var claims = TokenClaims(
            identity: identity, video: video, now: Loop.wallClock, lifetime: .seconds(600))
        if isAgent { claims.kind = .agent }
        return try AccessToken.mint(claims, key: key)
    }
}

/// What came on the topics.
private struct ReceivedMessages {
    private let messages: [(topic: String, body: JSONValue)]

    init(_ received: JSONValue) throws {
        messages = try #require(received["messages"]?.array).compactMap { pair in
            guard let topic = pair[0]?.string, let body = pair[1] else { return nil }
            return (topic, body)
        }
    }

    private func bodies(_ topic: String, of utterance: Int64) -> [JSONValue] {
        messages.filter { $0.topic == topic && $0.body["u"]?.int == utterance }.map(\.body)
    }

    func keyframes(of utterance: Int) -> [Keyframe] {
        bodies("viseme", of: Int64(utterance)).map { body in
            let weights = (body["weights"]?.members ?? []).compactMap {
                member -> (Viseme, Double)? in
                guard let viseme = Viseme.allCases.first(where: { $0.name == member.name }),
                    let weight = member.value.number
                else { return nil }
                return (viseme, weight)
            }
            return Keyframe(time: body["t_ms"]?.number ?? .nan, shape: MouthShape(weights))
        }
    }

    func wordTimes(of utterance: Int64) -> [Double] {
        bodies("speech", of: utterance).filter { $0["type"]?.string == "words" }.flatMap { body in
            (body["word_times"]?.array ?? []).compactMap(\.number).map {
                (body["t_ms"]?.number ?? .nan) + $0
            }
        }
    }

    /// When the loudest stretches of 10 ms begin.
    func loudest(of utterance: Int64, count: Int) -> [Double] {
        var levels: [(time: Double, level: Int8)] = []
        for body in bodies("speech", of: utterance) where body["type"]?.string == "envelope" {
            let bytes = Data(base64Encoded: body["db"]?.string ?? "") ?? Data()
            let start = body["t_ms"]?.number ?? .nan
            for (index, byte) in bytes.enumerated() {
                levels.append((start + Double(index) * 10, Int8(bitPattern: byte)))
            }
        }
        return levels.sorted { $0.level > $1.level }.prefix(count).map(\.time).sorted()
    }
}

/// Straight lines between keyframes, as a client draws them.
private struct KeyframeLine {
    private let keyframes: [Keyframe]

    init(_ keyframes: [Keyframe]) { self.keyframes = keyframes }

    var end: Double { keyframes.last?.time ?? 0 }

    func shape(at time: Double) -> MouthShape {
        guard let next = keyframes.firstIndex(where: { $0.time > time }) else {
            return keyframes.last?.shape ?? .rest
        }
        guard next > 0 else { return keyframes[0].shape }
        let (a, b) = (keyframes[next - 1], keyframes[next])
        return a.shape.blended(toward: b.shape, by: (time - a.time) / (b.time - a.time))
    }

    /// When the lips are half closed, on their way to the closure of a sound that begins then.
    func closing(near start: Double) -> Double? {
        stride(from: start - 120, to: start + 40, by: 0.25).first { shape(at: $0)[.mbp] >= 0.5 }
    }
}
