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

    var isEnd: Bool {
        if case .end = self { return true }
        return false
    }

    var isStart: Bool {
        if case .start = self { return true }
        return false
    }

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
    /// Up to where the mouth is decided by now, ms.
    public var mouthEnd = Double.infinity
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

    /// Puts an element behind those that wait and satisfy a condition.
    mutating func insert(_ element: Element, behind isBefore: (Element) -> Bool) {
        var index = items.count
        while index > cursor, !isBefore(items[index - 1]) { index -= 1 }
        items.insert(element, at: index)
    }

    /// Shortens what was taken last: the rest is put back by `insert`.
    mutating func replaceTaken(by element: Element) {
        if cursor > 0 { items[cursor - 1] = element }
    }

    /// Takes everything anew; for those of which no more was taken than stays readable.
    mutating func rewind() {
        taken -= cursor
        cursor = 0
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
///
/// Times of its own count from its first frame, as the voice made it. Where the voice was late and
/// the sound stood still, everything behind lies later on the media clock: `mediaTime` knows.
struct Utterance: Sendable {
    let id: Int
    let text: String
    var frames = Reel<AudioFrame>(keeping: 0)
    /// Media frame of its first frame; nil until it is decided.
    var startFrame: Int64?
    // A second and a half of the curve is enough to know the mouth at a cut; of the others, what may
    // have been told before the first frame.
    var keyframes = Reel<Keyframe>(keeping: 90)
    var prosody = Reel<ProsodyEvent>(keeping: 60)
    var speech = Reel<SpeechEvent>(keeping: 60)
    /// Start and words as they were told: a newcomer gets the same.
    var told: [[UInt8]] = []
    /// Where its sound stood still, in order; no more than there are frames.
    private(set) var gaps: [Gap] = []
    /// Its sound stands still now.
    var starvation: Starvation?
    /// What the mouth and the voice do in gaps, in media time, to be told between the others.
    var gapKeyframes: [Keyframe] = []
    var gapProsody: [ProsodyEvent] = []
    /// Media time of the last keyframe and the last prosody that were told.
    var lastKeyframe = -Double.infinity
    var lastProsody = -Double.infinity
    /// Up to where its mouth is decided, ms.
    var mouthEnd = 0.0
    /// Everything was prepared.
    var isComplete = false
    /// It fails when what was prepared has been played.
    var failure: Failure?
    /// Its `start` went out: nothing of its speech is told before.
    var didStart = false
    /// Its `end` went out.
    var didEnd = false

    struct Failure: Sendable {
        var code: UtteranceFailure
        var message: String
    }

    /// A place where the sound stood still.
    struct Gap: Sendable {
        /// Milliseconds of the utterance.
        var time: Double
        /// Frames by which all that follows lies later, for this gap and those before.
        var shift: Int64
    }

    /// A gap that is not over.
    struct Starvation: Sendable {
        /// Media frame of the first frame that was missing.
        let begin: Int64
        /// Media frame at which the sound goes on; nil until enough is there.
        var resume: Int64?
        /// The mouth at the gap's begin.
        let held: MouthShape
        /// The mouth's way to rest, in media time; empty while it is held.
        var homing: [Keyframe] = []

        /// The mouth at a media time.
        func shape(at time: Double) -> MouthShape {
            homing.isEmpty ? held : homing.shape(at: time)
        }
    }

    init(id: Int, text: String) {
        self.id = id
        self.text = text
    }

    var hasBegun: Bool { frames.taken > 0 }
    var hasFrames: Bool { frames.waiting > 0 }
    /// Every frame went out and none follows.
    var isPlayedOut: Bool { isComplete && !hasFrames }
    /// Milliseconds of the utterance that have been played.
    var position: Double { Double(Int64(frames.taken) * Playout.frameMilliseconds) }

    /// Media frame behind its last one; nil until that is certain.
    var endFrame: Int64? {
        guard isComplete, failure == nil, starvation.map({ $0.resume != nil }) ?? true else {
            return nil
        }
        return startFrame.map { $0 + (gaps.last?.shift ?? 0) + Int64(frames.total) }
    }

    /// Milliseconds of the utterance from which on nothing may be told yet: it has no sound that it
    /// would be true of.
    var tellableEnd: Double {
        if isPlayedOut, failure == nil { return .infinity }
        if let starvation, starvation.resume == nil { return position }
        if isComplete, failure == nil { return .infinity }
        return Double(Int64(frames.total) * Playout.frameMilliseconds)
    }

    /// Nothing is left to tell.
    var isTold: Bool {
        let end = tellableEnd
        return gapKeyframes.isEmpty && gapProsody.isEmpty
            && !(keyframes.next.map { $0.time < end } ?? false)
            && !(prosody.next.map { $0.time < end } ?? false)
            && !(speech.next.map { $0.time < end } ?? false)
    }

    mutating func append(_ piece: PreparedSpeech) {
        frames.append(piece.frames)
        keyframes.append(piece.keyframes)
        prosody.append(piece.prosody)
        for event in piece.speech { insert(event) }
        mouthEnd = piece.mouthEnd
        isComplete = isComplete || piece.isLast
    }

    /// Puts a speech message into the order of times, the start before all others.
    mutating func insert(_ event: SpeechEvent) {
        speech.insert(event) { known in
            !event.isStart && (known.isStart || known.time <= event.time)
        }
    }

    /// Lets everything be told anew from another start, of an utterance that has not begun.
    mutating func rewind() {
        startFrame = nil
        keyframes.rewind()
        prosody.rewind()
        speech.rewind()
        told = []
        didStart = false
        didEnd = false
        lastKeyframe = -.infinity
        lastProsody = -.infinity
    }

    // MARK: Time

    /// Ends the gap that it is in: the sound goes on at `resume`.
    mutating func closeGap(at resume: Int64) {
        guard let begin = starvation?.begin else { return }
        starvation?.resume = resume
        gaps.append(Gap(time: position, shift: (gaps.last?.shift ?? 0) + resume - begin))
    }

    /// Milliseconds of media time of something at `time` of this utterance.
    func mediaTime(_ time: Double) -> Double? {
        let shift = gaps.last { $0.time <= time }?.shift ?? 0
        return startFrame.map { Double(($0 + shift) * Playout.frameMilliseconds) + time }
    }

    /// The first gap behind a time of this utterance.
    func nextGap(after time: Double) -> Double {
        // Almost always there is none behind what is told now.
        var found = Double.infinity
        for gap in gaps.reversed() {
            guard gap.time > time else { break }
            found = gap.time
        }
        return found
    }
}

extension [Keyframe] {
    /// The mouth at a time, as a client shows it.
    func shape(at time: Double) -> MouthShape {
        guard let next = firstIndex(where: { $0.time > time }) else { return last?.shape ?? .rest }
        guard next > 0 else { return self[next].shape }
        let (left, right) = (self[next - 1], self[next])
        return left.shape.blended(
            toward: right.shape, by: (time - left.time) / (right.time - left.time))
    }
}
