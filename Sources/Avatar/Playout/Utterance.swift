// SPDX-License-Identifier: Apache-2.0
public import LipSync

/// One encoded Opus frame of 20 ms.
public struct AudioFrame: Sendable, Equatable {
    /// The Opus packet.
    public var payload: [UInt8]
    /// Loudness for RFC 6464: 0 (full scale) to 127 (silence), in −dBov.
    public var level: UInt8

    /// Joins a packet and its loudness.
    public init(payload: [UInt8], level: UInt8) {
        self.payload = payload
        self.level = level
    }
}

/// A spoken word as the client shows it.
public struct SpokenWord: Sendable, Equatable {
    /// The word as it was written, with its punctuation.
    public var text: String
    /// Milliseconds from the utterance's start.
    public var start: Double
    /// Milliseconds.
    public var duration: Double

    /// Joins a word and its time.
    public init(text: String, start: Double, duration: Double) {
        self.text = text
        self.start = start
        self.duration = duration
    }
}

/// Melody and loudness at a time of the utterance.
public struct ProsodyEvent: Sendable, Equatable {
    /// Milliseconds from the utterance's start.
    public var time: Double
    /// Hz, 0 when unvoiced.
    public var pitch: Double
    /// 0…1.
    public var energy: Double
    /// Whether the voice speaks.
    public var isSpeaking: Bool

    /// Joins a time and what is heard there.
    public init(time: Double, pitch: Double, energy: Double, isSpeaking: Bool) {
        self.time = time
        self.pitch = pitch
        self.energy = energy
        self.isSpeaking = isSpeaking
    }
}

/// Something of the `speech` topic with its time.
public enum SpeechEvent: Sendable, Equatable {
    /// First sample above −38 dBFS.
    case start(time: Double)
    /// Words of one chunk.
    case words(time: Double, [SpokenWord])
    /// Loudness of one chunk, a value in dBFS every `hop` milliseconds.
    case envelope(time: Double, hop: Int, [Int8])
    /// Last sample.
    case end(time: Double)

    /// Milliseconds from the utterance's start.
    var time: Double {
        switch self {
        case .start(let time), .words(let time, _), .envelope(let time, _, _), .end(let time): time
        }
    }
}

/// A piece of a prepared utterance. Times count from the utterance's first frame and include the
/// encoder's look-ahead: they are where the sound stands in the Opus stream.
public struct PreparedSpeech: Sendable {
    /// Frames behind those that came before.
    public var frames: [AudioFrame] = []
    /// Keyframes of the mouth, in order.
    public var keyframes: [Keyframe] = []
    /// Prosody, in order.
    public var prosody: [ProsodyEvent] = []
    /// Speech messages, in order.
    public var speech: [SpeechEvent] = []
    /// Whether nothing follows.
    public var isLast = false

    /// An empty piece.
    public init() {}
}

/// Why an utterance failed; the codes of the message contract.
public enum UtteranceFailure: String, Sendable {
    /// The voice broke off or refused.
    case voiceFailed = "voice_failed"
    /// The voice did not deliver in time.
    case voiceTimeout = "voice_timeout"
    /// Nothing in the text can be said.
    case unspeakableText = "unspeakable_text"
    /// This process stood still for more than 200 ms.
    case stalled
    /// More than three minutes of audio.
    case tooLong = "too_long"
}

/// A sequence that is filled at one end and taken from the other; what was taken stays readable for a
/// while, then its memory is given back.
struct Reel<Element> {
    private(set) var items: [Element] = []
    /// Index into `items` of the next one.
    private var cursor = 0
    /// How many taken items stay readable.
    let kept: Int
    /// How many were taken in all.
    private(set) var taken = 0

    init(keeping kept: Int) {
        self.kept = kept
    }

    var next: Element? { cursor < items.count ? items[cursor] : nil }
    var waiting: Int { items.count - cursor }
    var total: Int { taken + waiting }

    mutating func append(_ more: [Element]) {
        items += more
    }

    mutating func take() -> Element? {
        guard let element = next else { return nil }
        cursor += 1
        taken += 1
        // Half as much again as is kept: moving the array is paid once in many takes.
        if cursor > kept + kept / 2 + 16 {
            items.removeFirst(cursor - kept)
            cursor = kept
        }
        return element
    }
}

extension Reel: Sendable where Element: Sendable {}

/// One utterance on its way through the playout.
struct Utterance: Sendable {
    let id: Int
    let text: String
    var frames = Reel<AudioFrame>(keeping: 0)
    /// Media frame of its first frame; nil until it is decided.
    var startFrame: Int64?
    // A second and a half of the curve is enough to know the mouth at a cut.
    var keyframes = Reel<Keyframe>(keeping: 90)
    var prosody = Reel<ProsodyEvent>(keeping: 0)
    var speech = Reel<SpeechEvent>(keeping: 0)
    /// Start and words as they were told: a newcomer gets the same, also when what follows has
    /// moved back since.
    var told: [[UInt8]] = []
    /// Everything was prepared.
    var isComplete = false
    /// It fails when what was prepared has been played.
    var failure: Failure?
    /// Its `end` went out.
    var didEnd = false

    struct Failure: Sendable {
        var code: UtteranceFailure
        var message: String
    }

    init(id: Int, text: String) {
        self.id = id
        self.text = text
    }

    var hasBegun: Bool { frames.taken > 0 }
    var hasFrames: Bool { frames.waiting > 0 }
    /// Every frame went out and none follows.
    var isPlayedOut: Bool { isComplete && !hasFrames }
    var isDrained: Bool { keyframes.waiting == 0 && prosody.waiting == 0 && speech.waiting == 0 }

    mutating func append(_ piece: PreparedSpeech) {
        frames.append(piece.frames)
        keyframes.append(piece.keyframes)
        prosody.append(piece.prosody)
        speech.append(piece.speech)
        isComplete = isComplete || piece.isLast
    }

    /// Milliseconds of media time of something at `time` of this utterance.
    func mediaTime(_ time: Double) -> Double? {
        startFrame.map { Double($0 * Playout.frameMilliseconds) + time }
    }

    /// The mouth at a time of this utterance, as a client shows it.
    func shape(at time: Double) -> MouthShape {
        let curve = keyframes.items
        guard let next = curve.firstIndex(where: { $0.time > time }) else {
            return curve.last?.shape ?? .rest
        }
        guard next > 0 else { return curve[next].shape }
        let (left, right) = (curve[next - 1], curve[next])
        return left.shape.blended(
            toward: right.shape, by: (time - left.time) / (right.time - left.time))
    }
}
