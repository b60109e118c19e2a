// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import LipSync

@testable import Avatar

/// What a voice is going to say: every event carries its own time in a form that a client's view of
/// it still shows.
struct SlowScript {
    let id: Int
    let frames: Int
    let onset: Double
    var keyframes: [Keyframe] = []
    var prosody: [ProsodyEvent] = []
    var words: [Avatar.SpokenWord] = []

    static let envelopeOffset = 6.5

    init(id: Int, random: inout SeededRandom) {
        self.id = id
        frames = Int.random(in: 30...250, using: &random)
        onset = Double.random(in: 0..<300, using: &random)
        let length = Double(frames * 20)
        var time = 0.0
        while time < length {
            keyframes.append(Keyframe(time: time, shape: Self.shape(keyframes.count)))
            time += Double.random(in: 17...60, using: &random)
        }
        for index in 0..<Int(length / 40) {
            prosody.append(
                ProsodyEvent(
                    time: Double(index * 40) + Self.envelopeOffset, pitch: Double(index + 1),
                    energy: 0.5, isSpeaking: true))
        }
        time = onset
        while time < length - 100 {
            words.append(Avatar.SpokenWord(text: "\(time)", start: time, duration: 50))
            time += Double.random(in: 60...500, using: &random)
        }
    }

    /// A shape that tells its number; half of it is a class that no way to rest leaves as it is.
    static func shape(_ number: Int) -> MouthShape {
        let (low, high) = (Double(number % 20) / 100, Double(number / 20 % 20) / 100)
        return MouthShape([(.th, 0.5), (.ai, low), (.e, high), (.rest, 0.5 - low - high)])
    }

    static func number(_ weights: JSONValue) -> Int? {
        guard weights["TH"]?.number == 0.5 else { return nil }
        let (low, high) = (weights["AI"]?.number ?? 0, weights["E"]?.number ?? 0)
        return Int((low * 100).rounded()) + 20 * Int((high * 100).rounded())
    }

    /// Frames of the script from one to another, and the events that a voice knows by then.
    ///
    /// - Parameters:
    ///   - lag: milliseconds by which the mouth is known later than the sound.
    ///   - ahead: milliseconds by which words and prosody are known earlier.
    func piece(
        _ range: Range<Int>, lag: Double, ahead: Double, from known: inout Known
    ) -> PreparedSpeech {
        var piece = PreparedSpeech()
        piece.frames = range.map {
            AudioFrame(payload: [UInt8(id), UInt8($0 / 256), UInt8($0 % 256)], level: 30)
        }
        let isLast = range.upperBound == frames
        let end = Double(range.upperBound * 20)
        let sure = isLast ? .infinity : end - lag
        piece.keyframes = Array(keyframes[known.keyframes...].prefix { $0.time < sure })
        known.keyframes += piece.keyframes.count
        piece.prosody = Array(prosody[known.prosody...].prefix { $0.time < end + ahead })
        known.prosody += piece.prosody.count
        if known.words == 0, onset < end { piece.speech.append(.start(time: onset)) }
        let more = Array(words[known.words...].prefix { $0.start < end + ahead })
        if let first = more.first { piece.speech.append(.words(time: first.start, more)) }
        known.words += more.count
        let values = Int((end - Self.envelopeOffset) / 10)
        if values - known.envelope >= (isLast ? 1 : 50) {
            piece.speech.append(
                .envelope(
                    time: Self.envelopeOffset + Double(known.envelope * 10), hop: 10,
                    (known.envelope..<values).map { Int8($0 % 100) }))
            known.envelope = values
        }
        if isLast { piece.speech.append(.end(time: end - 100)) }
        piece.isLast = isLast
        return piece
    }

    /// How much of a script was delivered.
    struct Known {
        var frames = 0
        var keyframes = 0
        var prosody = 0
        var words = 0
        var envelope = 0
    }
}

/// A playout on virtual time whose voices are late, whose loop stands still, whose people interrupt,
/// all of it by a seed.
struct SlowVoiceWorld {
    struct Sent {
        var topic: Topic
        var json: JSONValue
        /// Media time of the next frame when it went out.
        var sentAt: Double
        var time: Double { json["t_ms"]?.number ?? -1 }
        var utterance: Int { Int(json["u"]?.int ?? 0) }
        var number: Int { Int(json["n"]?.int ?? 0) }
        var type: String { json["type"]?.string ?? "" }
    }

    /// What may happen besides slow voices.
    struct Faults {
        var stops = false
        var stalls = false
        /// Milliseconds by which keyframes are known later than their sound.
        var lag = 0.0
    }

    let lead: Double
    let faults: Faults
    private(set) var random: SeededRandom
    private(set) var playout: Playout
    private(set) var scripts: [SlowScript] = []
    private var known: [Int: SlowScript.Known] = [:]
    private(set) var slot: Int64 = 0
    private var quietUntil: Int64 = 0
    /// Media frame of each frame of an utterance.
    private(set) var played: [Int: [Int]] = [:]
    private(set) var stamps: [UInt32] = []
    private(set) var messages: [Sent] = []
    private(set) var outcomes: [Int: Playout.Outcome] = [:]
    private(set) var doubleOutcomes = 0
    private(set) var marked: Set<Int> = []

    init(seed: UInt64, faults: Faults) {
        random = SeededRandom(seed: seed)
        self.faults = faults
        lead = [-200, 0, 100, 250, 1000].randomElement(using: &random) ?? 250
        playout = Playout(rtp0: 0, lead: lead, silence: [0xF8, 0xFF, 0xFE])
        playout.setListeners(1)
        playout.subscribed()
    }

    /// Runs until everything was said, or stopped.
    mutating func run() {
        let count = Int.random(in: 2...4, using: &random)
        while scripts.count < count || outcomes.count < scripts.count, slot < 6_000 {
            if scripts.count < count, scripts.isEmpty || chance(0.02) { enqueue() }
            deliver()
            if faults.stops, chance(0.004) { stop() }
            if chance(0.005) { playout.newcomer("somebody") }
            if faults.stalls, chance(0.004) { slot += Int64.random(in: 2...30, using: &random) }
            tick()
        }
        for _ in 0..<40 { tick() }
    }

    private mutating func chance(_ share: Double) -> Bool {
        Double.random(in: 0..<1, using: &random) < share
    }

    private mutating func enqueue() {
        let script = SlowScript(id: scripts.count + 1, random: &random)
        scripts.append(script)
        known[script.id] = SlowScript.Known()
        playout.enqueue(script.id, text: "text")
    }

    /// The voice says one utterance after the other, in pieces, with pauses of any length.
    private mutating func deliver() {
        guard slot >= quietUntil else { return }
        guard
            let script = scripts.first(where: {
                outcomes[$0.id] == nil && (known[$0.id]?.frames ?? 0) < $0.frames
            }), var progress = known[script.id]
        else { return }
        let count = Int.random(in: 1...40, using: &random)
        let end = min(progress.frames + count, script.frames)
        let range = progress.frames..<end
        progress.frames = end
        let ahead = Double.random(in: 0...300, using: &random)
        let piece = script.piece(range, lag: faults.lag, ahead: ahead, from: &progress)
        known[script.id] = progress
        playout.append(piece, to: script.id)
        // At times it is quick, at times a frame late, at times dead for a second.
        let pause = [0, 0, count, count + 1, count + 4, count + 12, 60].randomElement(
            using: &random)
        quietUntil = slot + Int64(pause ?? 0)
    }

    private mutating func stop() {
        playout.stop()
        take()
        if let fade, chance(0.7) {
            playout.faded(AudioFrame(payload: [255], level: 60), frame: fade)
        }
    }

    private var fade: Int64?

    private mutating func tick() {
        let now = Instant(nanoseconds: 5_000_000_000 + UInt64(slot) * 20_000_000)
        playout.tick(at: now, wall: WallClock(unixMilliseconds: 1_700_000_000_000))
        take()
        slot += 1
    }

    private mutating func take() {
        for output in playout.drain() {
            switch output {
            case .audio(let payload, let timestamp, let marker, _):
                stamps.append(timestamp)
                let frame = Int(timestamp / 960)
                if marker { marked.insert(frame) }
                guard payload.count == 3, payload[0] < 100 else { continue }
                let id = Int(payload[0])
                let index = Int(payload[1]) * 256 + Int(payload[2])
                // A frame twice, or one left out, shows as a hole here.
                played[id, default: []].append(
                    played[id]?.count == index || index == 0 ? frame : -1)
            case .data(let topic, let bytes, let to):
                guard to == nil, let json = try? JSONValue(parsing: bytes) else { continue }
                messages.append(
                    Sent(topic: topic, json: json, sentAt: Double(playout.mediaTime)))
            case .fade(_, _, let frame): fade = frame
            case .finished(let id, let outcome):
                if outcomes[id] != nil { doubleOutcomes += 1 }
                outcomes[id] = outcome
            case .speakingChanged, .wantsMore, .wantsMouth: break
            }
        }
    }
}
