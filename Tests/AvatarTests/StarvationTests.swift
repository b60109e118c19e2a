// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import LipSync
import Testing

@testable import Avatar

/// What a client is told stays true of what it hears, however late a voice is.
@Suite struct StarvationTests {
    @Test(arguments: 0..<80) func slowVoicesMoveNothingThatWasTold(seed: Int) {
        var world = SlowVoiceWorld(seed: UInt64(seed), faults: .init())
        world.run()
        check(world)
        for script in world.scripts { #expect(world.outcomes[script.id] == .ended) }
    }

    @Test(arguments: 1000..<1080) func cutsAndStandstillsBetweenSlowWords(seed: Int) {
        var world = SlowVoiceWorld(seed: UInt64(seed), faults: .init(stops: true, stalls: true))
        world.run()
        check(world)
    }

    @Test(arguments: 2000..<2060) func aMouthThatIsKnownLateNeverRunsBackwards(seed: Int) {
        let faults = SlowVoiceWorld.Faults(stops: true, lag: Mouth.lookAhead)
        var world = SlowVoiceWorld(seed: UInt64(seed), faults: faults)
        world.run()
        check(world)
    }

    private func check(_ world: SlowVoiceWorld) {
        #expect(world.outcomes.count == world.scripts.count && world.doubleOutcomes == 0)
        #expect(zip(world.stamps, world.stamps.dropFirst()).allSatisfy { $0 < $1 })
        for topic in [Topic.viseme, .prosody] {
            let numbers = world.messages.filter { $0.topic == topic }.map(\.number)
            #expect(numbers == Array(1..<1 + numbers.count), "\(topic)")
        }
        for message in world.messages
        where !["interrupted", "error", "clock"].contains(message.type) {
            // The way to rest and silence are told at once, whatever the lead.
            let isAtOnce =
                world.faults.stops
                || message.topic != .speech && message.time >= message.sentAt - 20
            let earliest = message.time - world.lead
            #expect(isAtOnce || message.sentAt >= earliest - 0.5, "\(message)")
        }
        if !world.faults.stops { checkRate(world) }
        for script in world.scripts { Listener(script, world).check() }
    }

    private func checkRate(_ world: SlowVoiceWorld) {
        let visemes = world.messages.filter { $0.topic == .viseme }.map(\.time).sorted()
        for (first, last) in zip(visemes, visemes.dropFirst(60)) {
            #expect(last - first >= 1000, "more than sixty keyframes in a second")
        }
    }
}

/// A client that compares what it was told of one utterance with what it heard.
private struct Listener {
    let script: SlowScript
    let world: SlowVoiceWorld
    let frames: [Int]
    let messages: [SlowVoiceWorld.Sent]
    /// What came of it before it was cut, by number, where it was.
    private let cut: (viseme: Int, prosody: Int)
    /// Media times between which its sound stood still.
    private let gaps: [ClosedRange<Double>]

    init(_ script: SlowScript, _ world: SlowVoiceWorld) {
        self.script = script
        self.world = world
        frames = world.played[script.id] ?? []
        let all = world.messages.filter { $0.utterance == script.id || $0.topic == .prosody }
        let failure = world.messages.firstIndex {
            $0.utterance == script.id && ["interrupted", "error"].contains($0.type)
        }
        let before = failure.map { Array(world.messages[..<$0]) } ?? world.messages
        cut = (
            before.last { $0.topic == .viseme }?.number ?? 0,
            before.last { $0.topic == .prosody }?.number ?? 0
        )
        messages = all
        gaps = zip(frames, frames.dropFirst()).compactMap { left, right in
            right > left + 1 ? Double((left + 1) * 20)...Double(right * 20) : nil
        }
    }

    /// Where something of the script lies on the media clock, if it was heard.
    private func heard(_ time: Double) -> Double? {
        let index = Int(time / 20)
        guard frames.indices.contains(index) else { return nil }
        return Double(frames[index] * 20) + time - Double(index * 20)
    }

    private func isInGap(_ time: Double) -> Bool {
        gaps.contains { $0.contains(time) }
    }

    func check() {
        #expect(!frames.contains(-1), "frames out of order")
        // One whose end was told before it was cut has ended.
        let isCut = world.faults.stops && of("end").count == 1
        if world.outcomes[script.id] == .ended {
            #expect(frames.count == script.frames || isCut)
        }
        for gap in gaps { #expect(world.marked.contains(Int(gap.upperBound / 20))) }
        checkSpeech()
        checkVisemes()
        checkProsody()
    }

    private func of(_ type: String) -> [SlowVoiceWorld.Sent] {
        messages.filter { $0.topic == .speech && $0.type == type }
    }

    private func checkSpeech() {
        let ends = ["end", "interrupted", "error"].map { of($0).count }
        switch world.outcomes[script.id] {
        case .ended: #expect(ends == [1, 0, 0])
        case .interrupted: #expect(ends == [0, 1, 0])
        case .failed: #expect(ends[0] + ends[1] == 0 && ends[2] == 1)
        case nil: Issue.record("no outcome")
        }
        // A start that comes again begins anew, words and all.
        let last = messages.lastIndex { $0.type == "start" } ?? 0
        var words: [(text: String, time: Double)] = []
        var values = 0
        for message in messages[last...] where message.topic == .speech {
            switch message.type {
            case "start": if let time = heard(script.onset) { expect(message.time, time) }
            case "words":
                let offsets = (message.json["word_times"]?.array ?? []).compactMap(\.number)
                let texts = (message.json["words"]?.array ?? []).compactMap(\.string)
                words += zip(texts, offsets).map { ($0, message.time + $1) }
            case "end":
                if let time = heard(Double(script.frames * 20) - 100) { expect(message.time, time) }
            case "envelope": checkEnvelope(message, &values)
            default: break
            }
        }
        for (word, known) in zip(words, script.words) {
            #expect(word.text == known.text)
            if let time = heard(known.start) { expect(word.time, time, by: 1.01) }
        }
        #expect(words.count <= script.words.count)
        if world.outcomes[script.id] == .ended { #expect(words.count == script.words.count) }
    }

    private func checkEnvelope(_ message: SlowVoiceWorld.Sent, _ values: inout Int) {
        let text = message.json["db"]?.string ?? ""
        for (index, byte) in (Base64.decode(text) ?? []).enumerated() {
            #expect(Int8(bitPattern: byte) == Int8(values % 100))
            let time = SlowScript.envelopeOffset + Double(values * 10)
            if let time = heard(time) { expect(message.time + Double(index * 10), time) }
            values += 1
        }
    }

    private func checkVisemes() {
        let told = messages.filter {
            $0.topic == .viseme && $0.number <= cut.viseme
        }
        // What was told before a standstill is told anew; the later one counts from its time on.
        var curve: [SlowVoiceWorld.Sent] = []
        for message in told {
            curve.removeAll { $0.time > message.time }
            curve.append(message)
        }
        let isWhole = frames.count == script.frames
        if isWhole, !world.faults.stalls {
            #expect(curve.count == told.count, "the curve runs backwards")
        }
        var found: Set<Int> = []
        // What was told of a time before its first frame was told before a standstill; behind its
        // last one the mouth is on its way to rest.
        let begin = Double((frames.first ?? 0) * 20)
        let end = Double(((frames.last ?? 0) + 1) * 20) + (isWhole ? 1 : 0)
        for message in curve where message.time >= begin && message.time < end {
            let number = message.json["weights"].flatMap(SlowScript.number)
            if let number { found.insert(number) }
            guard !isInGap(message.time) else { continue }
            guard let number,
                script.keyframes.indices.contains(number)
            else {
                Issue.record("a keyframe of nothing at \(message.time)")
                continue
            }
            if let time = heard(script.keyframes[number].time) { expect(message.time, time) }
        }
        guard isWhole, world.faults.lag == 0 else { return }
        for (number, keyframe) in script.keyframes.enumerated() {
            guard let time = heard(keyframe.time), !isInGap(time) else { continue }
            #expect(found.contains(number), "keyframe \(number) is missing")
        }
        let shapes = curve.map { Keyframe(time: $0.time, shape: Self.shape($0)) }
        for gap in gaps { checkMouth(in: gap, shapes) }
    }

    /// Held for 100 ms, then at rest, open again with the sound.
    private func checkMouth(in gap: ClosedRange<Double>, _ curve: [Keyframe]) {
        guard let held = curve.last(where: { $0.time <= gap.lowerBound })?.shape else { return }
        for time in stride(from: gap.lowerBound, to: gap.upperBound, by: 5) {
            let shown = curve.shape(at: time)
            if time <= gap.lowerBound + 100 {
                #expect(shown.distance(to: held) < 0.02, "held at \(time) in \(gap)")
            } else if time >= gap.lowerBound + 260, time <= gap.upperBound - 60 {
                #expect(shown[.rest] >= 0.9, "at rest at \(time) in \(gap)")
            }
        }
    }

    private static func shape(_ message: SlowVoiceWorld.Sent) -> MouthShape {
        MouthShape(
            Viseme.allCases.compactMap { viseme in
                message.json["weights"]?[viseme.name]?.number.map { (viseme, $0) }
            })
    }

    private func checkProsody() {
        let voice = Set(frames)
        for message in messages where message.topic == .prosody && message.number <= cut.prosody {
            let isSpeaking = message.json["speaking"]?.bool == true
            let index = Int(message.json["pitch"]?.number ?? 0) - 1
            guard !isInGap(message.time) else { continue }
            if isSpeaking, message.utterance == script.id {
                guard script.prosody.indices.contains(index) else {
                    Issue.record("prosody of nothing")
                    continue
                }
                guard !world.faults.stalls else { continue }
                if let time = heard(script.prosody[index].time) { expect(message.time, time) }
            } else if !isSpeaking {
                // Where one begins at once, the silence before it was told of the same moment.
                let frame = Int(message.time / 20)
                #expect(
                    !voice.contains(frame) || frame == frames.first, "silent at \(message.time)")
            }
        }
    }

    private func expect(_ told: Double, _ real: Double, by most: Double = 0.51) {
        #expect(abs(told - real) <= most, "u \(script.id): told \(told), heard \(real)")
    }
}
