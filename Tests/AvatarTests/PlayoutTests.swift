// SPDX-License-Identifier: Apache-2.0
import Base
import LipSync
import Testing

@testable import Avatar

@Suite struct PlayoutTests {
    @Test func rtpFollowsTheWallClockThroughSilenceAndNeverRunsBackwards() {
        var stage = Stage()
        stage.run(slots: 1500)
        let stamps = stage.audio.map { $0.timestamp &- 1000 }
        #expect(stamps.first == 0)
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 < $1 })
        // 10 s at full rate, then a frame every 400 ms.
        #expect(stamps.filter { $0 <= 500 * 960 }.count == 501)
        let idle = stamps.filter { $0 > 520 * 960 }
        #expect(zip(idle, idle.dropFirst()).allSatisfy { $1 - $0 == 20 * 960 })
    }

    @Test func speechIsHeldUntilSomebodyListensAndHasSubscribed() {
        var stage = Stage(isReady: false)
        stage.say(1, frames: 10)
        stage.run(slots: 20)
        stage.playout.setListeners(1)
        stage.run(slots: 20)
        #expect(!stage.hasSpoken)
        stage.playout.subscribed()
        stage.run(slots: 30)
        let first = stage.audio.firstIndex { $0.payload.first == 1 }
        #expect(first.map { stage.audio[$0].frame } == 50)
        #expect(first.map { stage.audio[$0].marker } == true)
        #expect(stage.outcomes[1] == .ended)
    }

    @Test func aSubscriberWhoseArrivalIsStillToBeToldIsSpokenTo() {
        var stage = Stage(isReady: false)
        stage.say(1, frames: 10)
        stage.playout.subscribed(isByUnannounced: true)
        stage.run(slots: 30)
        let first = stage.audio.firstIndex { $0.payload.first == 1 }
        #expect(first.map { stage.audio[$0].frame } == 10)
        // Believed for five seconds: then somebody must have been told of.
        stage.run(slots: 240)
        stage.say(2, frames: 10)
        stage.run(slots: 40)
        #expect(stage.outcomes[1] == .ended && stage.outcomes[2] == nil)
        stage.playout.setListeners(1)
        stage.run(slots: 40)
        #expect(stage.outcomes[2] == .ended)
    }

    @Test func speechStartsInTheNextFrameAndEventsRunAhead() throws {
        var stage = Stage()
        stage.run(slots: 30)
        stage.say(1, frames: 100)
        stage.run(slots: 130)
        let first = try #require(stage.audio.first { $0.payload.first == 1 })
        #expect(first.frame == 30)
        for message in stage.messages where message.topic == .viseme {
            let lead = message.time - message.sentAt
            #expect(lead <= 270)
            // From 270 ms into the utterance on, the whole lead.
            if message.time > 30 * 20 + 270 { #expect(lead >= 250) }
        }
        #expect(stage.numbers(.viseme) == Array(1...stage.numbers(.viseme).count))
        #expect(
            stage.speech.compactMap { $0.json["type"]?.string }.filter { $0 != "clock" } == [
                "start", "words", "end",
            ])
    }

    @Test func stopSendsOneFadedFrameAndBringsTheMouthToRest() throws {
        var stage = Stage()
        stage.say(1, frames: 200)
        stage.say(2, frames: 50)
        stage.run(slots: 60)
        let spoken = stage.audio.filter { $0.payload.first == 1 }.count
        #expect(stage.playout.stop() == [1, 2])
        stage.answerFade()
        stage.run(slots: 40)
        #expect(stage.audio.filter { $0.payload.first == 1 }.count == spoken)
        #expect(stage.audio.filter { $0.payload.first == 99 }.count == 1)
        let interrupted = stage.speech.filter { $0.json["type"]?.string == "interrupted" }
        #expect(interrupted.compactMap { $0.json["u"]?.int } == [1, 2])
        let cut = try #require(interrupted.first?.json)
        let number = try #require(cut["viseme_n"]?.int)
        let time = try #require(cut["t_ms"]?.int)
        #expect(time == 61 * 20)
        #expect(number > 0)
        // What a client is left with, which drops what each of them says.
        let after = stage.messages.filter { message in
            message.topic == .viseme && message.time > Double(time) - 20
                && interrupted.allSatisfy { cut in
                    (message.json["n"]?.int ?? 0) > (cut.json["viseme_n"]?.int ?? 0)
                        || message.time <= cut.time
                }
        }
        let rest = try #require(after.first { ($0.json["weights"]?["Rest"]?.number ?? 0) >= 0.9 })
        #expect(rest.time - Double(time) <= 150)
        #expect(stage.outcomes == [1: .interrupted, 2: .interrupted])
    }

    @Test func withoutTheFadeInTimeSilenceGoesOut() {
        var stage = Stage()
        stage.say(1, frames: 200)
        stage.run(slots: 60)
        stage.playout.stop()
        stage.run(slots: 5)
        #expect(stage.audio.last?.payload == Stage.silence)
    }

    @Test func queuedUtterancesFollowWithoutAGapAndAreAnnounced() throws {
        var stage = Stage()
        stage.say(1, frames: 20)
        stage.say(2, frames: 20)
        stage.run(slots: 50)
        let second = try #require(stage.audio.first { $0.payload.first == 2 })
        #expect(second.frame == 20)
        let start = try #require(
            stage.speech.first {
                $0.json["type"]?.string == "start" && $0.json["u"]?.int == 2
            })
        #expect(start.time == 400)
        #expect(start.sentAt <= 180)
    }

    @Test func aStalledLoopBurstsAtMostTenFramesElseTheUtteranceFails() {
        var stage = Stage()
        stage.say(1, frames: 400)
        stage.run(slots: 50)
        stage.skip(slots: 8)
        let before = stage.audio.count
        stage.run(slots: 1)
        #expect(stage.audio.count - before == 9)
        #expect(stage.outcomes.isEmpty)
        stage.skip(slots: 30)
        stage.run(slots: 10)
        #expect(
            stage.outcomes == [1: .failed(.stalled, "the playout stood still for more than 200 ms")]
        )
        #expect(stage.audio.last.map { $0.timestamp &- 1000 } == UInt32(98 * 960))
    }

    @Test func aStallLetsTheVoiceGoOnThatWaitedForRoomBehindIt() {
        var stage = Stage()
        stage.say(1, frames: Playout.preparedMax + 20)
        stage.playout.enqueue(2, text: "waits")
        #expect(!stage.playout.hasRoom(for: 2))
        stage.run(slots: 5)
        #expect(!stage.playout.hasRoom(for: 2))
        stage.hungry = []
        stage.skip(slots: 30)
        stage.run(slots: 1)
        #expect(stage.playout.hasRoom(for: 2))
        #expect(stage.hungry == [2], "nothing else would ever wake it")
    }

    @Test func aSlowVoiceMovesTheRestBack() throws {
        var stage = Stage()
        stage.playout.enqueue(1, text: "slow")
        stage.playout.append(Stage.piece(1, frames: 10, from: 0, isLast: false), to: 1)
        stage.run(slots: 30)
        stage.playout.append(Stage.piece(1, frames: 10, from: 10, isLast: true), to: 1)
        stage.run(slots: 30)
        let frames = stage.audio.filter { $0.payload.first == 1 }.map(\.frame)
        #expect(frames == Array(0..<10) + Array(33..<43))
        #expect(stage.outcomes == [1: .ended])
        #expect(stage.speech.last { $0.json["type"]?.string == "end" }?.time == 860)
    }

    @Test func aFailedVoicePlaysWhatItHasThenTellsTheError() {
        var stage = Stage()
        stage.playout.enqueue(1, text: "x")
        stage.playout.append(Stage.piece(1, frames: 10, from: 0, isLast: false), to: 1)
        stage.playout.fail(1, .voiceFailed, "gone")
        stage.playout.enqueue(2, text: "emoji")
        stage.playout.fail(2, .unspeakableText, "nothing to say")
        stage.run(slots: 20)
        #expect(stage.audio.filter { $0.payload.first == 1 }.count == 10)
        #expect(
            stage.outcomes == [
                1: .failed(.voiceFailed, "gone"), 2: .failed(.unspeakableText, "nothing to say"),
            ])
    }

    @Test func aNewcomerGetsClockStartAndWordsTwice() {
        var stage = Stage()
        stage.say(1, frames: 200)
        stage.run(slots: 40)
        stage.playout.newcomer("late")
        stage.run(slots: 60)
        let types = stage.speech.filter { $0.to == "late" }.compactMap { $0.json["type"]?.string }
        #expect(types == ["clock", "start", "words", "clock", "start", "words"])
    }

    @Test func aNewcomerAfterAStarvationGetsTheStartThatAllWereTold() {
        var stage = Stage()
        stage.playout.enqueue(1, text: "slow")
        stage.playout.append(Stage.piece(1, frames: 10, from: 0, isLast: false), to: 1)
        stage.run(slots: 30)
        stage.playout.newcomer("late")
        stage.playout.append(Stage.piece(1, frames: 10, from: 10, isLast: true), to: 1)
        stage.run(slots: 5)
        let starts = stage.speech.filter { $0.json["type"]?.string == "start" }
        #expect(starts.map(\.time) == [0, 0])
    }

    @Test func negativeLeadSendsEventsBehindTheirAudio() {
        var stage = Stage()
        stage.playout.lead = -200
        stage.say(1, frames: 50)
        stage.run(slots: 90)
        let visemes = stage.messages.filter { $0.topic == .viseme }
        #expect(!visemes.isEmpty)
        #expect(visemes.allSatisfy { $0.sentAt - $0.time >= 180 })
        #expect(stage.outcomes == [1: .ended])
    }

    @Test func preparedSpeechIsBounded() {
        var playout = Playout(rtp0: 0, lead: 250, silence: Stage.silence)
        playout.enqueue(1, text: "long")
        #expect(playout.hasRoom(for: 1))
        playout.append(Stage.piece(1, frames: Playout.preparedMax, from: 0, isLast: false), to: 1)
        #expect(!playout.hasRoom(for: 1))
    }
}

/// A playout on a virtual clock, with everything that it sent.
private struct Stage {
    struct Audio {
        var payload: [UInt8]
        var timestamp: UInt32
        var marker: Bool
        var frame: Int { Int((timestamp &- 1000) / 960) }
    }

    struct Sent {
        var topic: Topic
        var json: JSONValue
        var to: String?
        /// Media time of sending and of the event, ms.
        var sentAt: Double
        var time: Double
    }

    static let silence: [UInt8] = [0xF8, 0xFF, 0xFE]
    var playout = Playout(rtp0: 1000, lead: 250, silence: Stage.silence)
    var slot: Int64 = 0
    var audio: [Audio] = []
    var messages: [Sent] = []
    var outcomes: [Int: Playout.Outcome] = [:]
    var fade: Int64?
    /// Whose voice was told to go on.
    var hungry: [Int] = []

    init(isReady: Bool = true) {
        guard isReady else { return }
        playout.setListeners(1)
        playout.subscribed()
        run(slots: 10)
        // Tests count from here.
        playout = Playout(rtp0: 1000, lead: 250, silence: Stage.silence)
        playout.setListeners(1)
        playout.subscribed()
        playout.skipPreRoll()
        audio = []
        messages = []
        slot = 0
    }

    var speech: [Sent] { messages.filter { $0.topic == .speech } }
    var hasSpoken: Bool { audio.contains { $0.payload.first == 1 } }

    func numbers(_ topic: Topic) -> [Int] {
        messages.filter { $0.topic == topic }.compactMap { $0.json["n"]?.int.map { Int($0) } }
    }

    mutating func say(_ id: Int, frames: Int) {
        playout.enqueue(id, text: "hello")
        playout.append(Self.piece(id, frames: frames, from: 0, isLast: true), to: id)
    }

    static func piece(_ id: Int, frames: Int, from: Int, isLast: Bool) -> PreparedSpeech {
        var piece = PreparedSpeech()
        piece.frames = (0..<frames).map { _ in AudioFrame(payload: [UInt8(id)], level: 30) }
        let range = Double(from * 20)..<Double((from + frames) * 20)
        for (index, time) in stride(from: range.lowerBound, to: range.upperBound, by: 40)
            .enumerated()
        {
            piece.keyframes.append(
                Keyframe(time: time, shape: index % 2 == 0 ? .rest : MouthShape(.ai)))
            piece.prosody.append(
                ProsodyEvent(time: time, pitch: 100, energy: 0.5, isSpeaking: true))
        }
        if from == 0 {
            piece.speech = [
                .start(time: 0),
                .words(time: 0, [SpokenWord(text: "hello,", start: 0, duration: 300)]),
            ]
        }
        if isLast { piece.speech.append(.end(time: range.upperBound)) }
        piece.isLast = isLast
        return piece
    }

    mutating func answerFade() {
        take()
        if let fade { playout.faded(AudioFrame(payload: [99], level: 60), frame: fade) }
    }

    mutating func skip(slots: Int64) {
        slot += slots
    }

    mutating func run(slots: Int) {
        for _ in 0..<slots {
            let now = Instant(nanoseconds: 5_000_000_000 + UInt64(slot) * 20_000_000)
            playout.tick(at: now, wall: WallClock(unixMilliseconds: 1_700_000_000_000))
            take()
            slot += 1
        }
    }

    private mutating func take() {
        for output in playout.drain() {
            switch output {
            case .audio(let payload, let timestamp, let marker, _):
                audio.append(Audio(payload: payload, timestamp: timestamp, marker: marker))
            case .data(let topic, let bytes, let to):
                guard let json = try? JSONValue(parsing: bytes) else { continue }
                messages.append(
                    Sent(
                        topic: topic, json: json, to: to, sentAt: Double(slot * 20),
                        time: json["t_ms"]?.number ?? 0))
            case .fade(let before, _, let frame):
                #expect(before.count == 3)
                fade = frame
            case .finished(let id, let outcome):
                #expect(outcomes[id] == nil, "an utterance ends once")
                outcomes[id] = outcome
            case .wantsMore(let id): hungry.append(id)
            case .speakingChanged, .wantsMouth: break
            }
        }
    }
}
