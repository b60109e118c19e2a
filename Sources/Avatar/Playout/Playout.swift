// SPDX-License-Identifier: Apache-2.0
public import Base
internal import LipSync

/// The timeline of one session: which frame and which event goes out when.
///
/// A value without clock or sockets. The media loop calls `tick` once per 20 ms slot, other inputs
/// come between; after every call the caller takes what `drain()` gives.
///
/// Media time is `t_ms = (RTP timestamp − rtp0) / 48`: frame k carries RTP timestamp rtp0 + 960·k and
/// is due 20·k ms after the first one, through speech and silence alike, so the RTP clock follows the
/// wall clock and never runs backwards.
public struct Playout: Sendable {
    /// What the session must do, in this order.
    public enum Output: Sendable {
        /// Send an RTP packet.
        case audio(payload: [UInt8], timestamp: UInt32, marker: Bool, level: UInt8)
        /// Send a data message, to everybody or to one identity.
        case data(Topic, [UInt8], to: String?)
        /// Fade the frame `next`, which follows `before`, to silence; answer with `faded`.
        case fade(before: [[UInt8]], next: AudioFrame, frame: Int64)
        /// An utterance reached its end, one way or the other.
        case finished(Int, Outcome)
        /// Somebody began or ceased to speak: for `lk.agent.state`.
        case speakingChanged(Bool)
        /// Less than `preparedMax` is held: the voice may go on.
        case wantsMore(Int)
        /// The voice is late: the mouth must be decided up to this time of the utterance, ms, with what
        /// is known; answer with `hasten`.
        case wantsMouth(Int, until: Double)
    }

    /// How an utterance ended.
    public enum Outcome: Sendable, Equatable {
        case ended
        case interrupted
        case failed(UtteranceFailure, String)
    }

    /// Milliseconds of a frame, and its RTP ticks at 48 kHz.
    static let frameMilliseconds: Int64 = 20
    static let frameTicks: UInt32 = 960
    /// Frames that a late tick may send at once: 200 ms; more is a stall.
    static let burstMax: Int64 = 10
    /// Frames of silence between the first subscription and the first word: 200 ms.
    static let preRoll: Int64 = 10
    /// Frames for which an unannounced subscriber is believed: the three seconds of a server's batch
    /// and two for the way.
    static let presumption: Int64 = 250
    /// Frames of full-rate silence after speech: 10 s.
    static let fullRateTail: Int64 = 500
    /// In longer silence one frame in twenty goes out, as Opus DTX does: every 400 ms.
    static let idleStride: Int64 = 20
    /// Milliseconds of lead that a mouth has at least, be it by knowing less of what comes: with what
    /// a client's jitter buffer holds the way there is covered. It has more when the voice allows; a
    /// closure wants to be known 110 ms before it is decided.
    static let mouthLead = 60.0
    /// Milliseconds beyond it for which a mouth is decided, so that nobody asks in every frame.
    static let mouthReserve = 40.0
    /// Frames held ready per session at most: 10 s.
    public static let preparedMax = 500

    /// The first RTP timestamp of the session.
    public let rtp0: UInt32
    /// How far events run ahead of their audio, ms: −200…1000.
    public var lead: Double
    let silence: [UInt8]

    var outputs: [Output] = []
    var utterances: [Utterance] = []
    private(set) var firstFrameTime: Instant?
    /// The next frame that goes out.
    private(set) var nextFrame: Int64 = 0
    /// The wall clock of the last tick, for `clock`.
    private(set) var wall = WallClock(unixMilliseconds: 0)
    private var lastSpeechFrame: Int64 = 0
    private var readyFrame: Int64?
    private var isSubscribed = false
    private var listeners = 0
    /// Until this frame an unannounced subscriber counts as a listener.
    private var presumedUntil: Int64 = 0
    var history: [[UInt8]] = []
    private var fading: (frame: Int64, packet: AudioFrame?)?
    var visemeNumber = 0
    var prosodyNumber = 0
    var lastUtterance = 0
    var isVoiceOn = false
    private var isSpeaking = false
    private var nextClock: Int64 = 0
    private var nextIdleProsody: Int64 = 0
    private var newcomers: [(identity: String, again: Int64)] = []

    /// Creates a timeline that has not begun.
    ///
    /// - Parameters:
    ///   - rtp0: the first RTP timestamp, random.
    ///   - lead: ms that events run ahead of their audio.
    ///   - silence: an Opus packet of 20 ms of silence.
    public init(rtp0: UInt32, lead: Double, silence: [UInt8]) {
        self.rtp0 = rtp0
        self.lead = lead
        self.silence = silence
    }

    /// Takes all outputs.
    public mutating func drain() -> [Output] {
        defer { outputs.removeAll(keepingCapacity: true) }
        return outputs
    }

    // MARK: Utterances

    /// Utterances that wait behind the one that speaks, and this one.
    public var queueLength: Int { utterances.filter { !$0.isPlayedOut }.count }

    /// Whether anything is said or still to be told.
    public var isBusy: Bool { !utterances.isEmpty }

    /// Accepts an utterance behind all others.
    public mutating func enqueue(_ id: Int, text: String) {
        utterances.append(Utterance(id: id, text: text))
        lastUtterance = max(lastUtterance, id)
        // Speech comes soon: the full frame rate from now on.
        lastSpeechFrame = max(lastSpeechFrame, nextFrame)
    }

    /// Takes a prepared piece; one that comes after a cut is dropped.
    public mutating func append(_ piece: PreparedSpeech, to id: Int) {
        guard let index = utterances.firstIndex(where: { $0.id == id }) else { return }
        utterances[index].append(piece)
    }

    /// Takes what `Output.wantsMouth` asked for; it goes out at once.
    public mutating func hasten(_ piece: PreparedSpeech, of id: Int) {
        append(piece, to: id)
        sendEvents()
    }

    /// Whether the voice of an utterance may deliver more now; else wait for `wantsMore`.
    public func hasRoom(for id: Int) -> Bool {
        var held = 0
        for utterance in utterances {
            held += utterance.frames.waiting
            if utterance.id == id { return held < Self.preparedMax }
        }
        return false
    }

    /// The utterance fails: what is prepared is played, then the error is told.
    public mutating func fail(_ id: Int, _ code: UtteranceFailure, _ message: String) {
        guard let index = utterances.firstIndex(where: { $0.id == id }) else { return }
        utterances[index].failure = Utterance.Failure(code: code, message: message)
        utterances[index].isComplete = true
        if !utterances[index].hasBegun, !utterances[index].hasFrames { finishFailed(index) }
    }

    /// Whether any frame of the utterance was heard; false also when it is gone.
    public func isSpeaking(_ id: Int) -> Bool {
        utterances.first { $0.id == id }?.hasBegun ?? false
    }

    // MARK: Audience

    /// The track was subscribed for the first time in its life.
    ///
    /// - Parameter isByUnannounced: nobody is known who could have: the subscriber is somebody whose
    ///   arrival is still to be told, which real servers do in batches, up to three seconds later. It
    ///   counts as a listener until then.
    public mutating func subscribed(isByUnannounced: Bool = false) {
        guard !isSubscribed else { return }
        isSubscribed = true
        if isByUnannounced { presumedUntil = nextFrame + Self.presumption }
        updateReadiness()
    }

    /// How many remote participants that are no agents are ACTIVE.
    public mutating func setListeners(_ count: Int) {
        listeners = count
        updateReadiness()
    }

    private mutating func updateReadiness() {
        if isSubscribed, hasListeners {
            if readyFrame == nil { readyFrame = nextFrame + Self.preRoll }
        }
    }

    /// For tests of what comes after: listeners have been there for a while.
    mutating func skipPreRoll() {
        readyFrame = nextFrame
    }

    var isHeld: Bool {
        guard let readyFrame, hasListeners else { return true }
        return nextFrame < readyFrame
    }

    private var hasListeners: Bool { listeners > 0 || nextFrame < presumedUntil }

    /// A participant turned ACTIVE: it gets the clock and what is being said, now and in a second.
    public mutating func newcomer(_ identity: String) {
        greet(identity)
        // A crowd that comes and goes is bounded: the oldest repetition is given up.
        if newcomers.count == 64 { newcomers.removeFirst() }
        newcomers.append((identity, nextFrame + 50))
    }

    // MARK: Time

    /// Media time of the next frame, ms.
    public var mediaTime: Int64 { nextFrame * Self.frameMilliseconds }

    private func timestamp(_ frame: Int64) -> UInt32 {
        rtp0 &+ UInt32(truncatingIfNeeded: frame) &* Self.frameTicks
    }

    /// One slot: sends what is due at `now`, at most 200 ms at once.
    ///
    /// - Parameters:
    ///   - now: the slot's nominal time, or later when the loop is late.
    ///   - wall: civil time of now.
    public mutating func tick(at now: Instant, wall: WallClock) {
        self.wall = wall
        let first = firstFrameTime ?? now
        firstFrameTime = first
        let due = (now - first).nanoseconds / 20_000_000
        guard due >= nextFrame else { return }
        if due - nextFrame >= Self.burstMax {
            nextFrame = due
            stall()
        }
        while nextFrame <= due {
            startIfDue()
            sendFrame()
            nextFrame += 1
        }
        sendEvents()
        askForMouth()
        finishDrained()
        sendIdle()
        updateSpeaking()
    }

    private var isMidSpeech: Bool {
        guard let current = utterances.first(where: { !$0.isPlayedOut }) else { return false }
        // One that follows without a gap speaks already.
        return current.hasBegun || current.startFrame == nextFrame
    }

    private mutating func startIfDue() {
        guard let index = utterances.firstIndex(where: { !$0.isPlayedOut }) else { return }
        if utterances[index].startFrame == nil, utterances[index].hasFrames, !isHeld,
            fading == nil
        {
            utterances[index].startFrame = nextFrame
            announceSuccessors(of: index)
        }
    }

    private mutating func sendFrame() {
        if let fading, fading.frame == nextFrame {
            let frame = fading.packet ?? AudioFrame(payload: silence, level: 127)
            send(frame, marker: false)
            lastSpeechFrame = nextFrame
            self.fading = nil
            history.removeAll()
            return
        }
        guard let index = utterances.firstIndex(where: { !$0.isPlayedOut }),
            let start = utterances[index].startFrame, start <= nextFrame
        else { return sendSilence() }
        let isBehindSilence =
            !utterances[index].hasBegun || utterances[index].starvation != nil
        guard resumes(index) else { return sendSilence() }
        guard let frame = utterances[index].frames.take() else {
            starve(index)
            return sendSilence()
        }
        lastSpeechFrame = nextFrame
        // The marker bit tells the jitter buffer that here it may shift its playout (RFC 3551 4.1).
        send(frame, marker: isBehindSilence)
        remember(frame.payload)
        askForMore()
    }

    /// Frames are held no more: the voice whose turn it is may go on.
    private mutating func askForMore() {
        if let hungry = utterances.first(where: { !$0.isComplete }) {
            outputs.append(.wantsMore(hungry.id))
        }
    }

    private mutating func send(_ frame: AudioFrame, marker: Bool) {
        outputs.append(
            .audio(
                payload: frame.payload, timestamp: timestamp(nextFrame), marker: marker,
                level: frame.level))
    }

    private mutating func sendSilence() {
        let quiet = nextFrame - lastSpeechFrame
        guard quiet <= Self.fullRateTail || quiet % Self.idleStride == 0 else { return }
        send(AudioFrame(payload: silence, level: 127), marker: false)
        remember(silence)
    }

    private mutating func remember(_ payload: [UInt8]) {
        history.append(payload)
        if history.count > 3 { history.removeFirst() }
    }

    // MARK: Cuts

    /// Stops the utterance that speaks, with a fade, and drops all others.
    ///
    /// - Returns: the utterances that were stopped, in order.
    @discardableResult
    public mutating func stop() -> [Int] {
        var stopped: [Int] = []
        let current = utterances.firstIndex { !$0.isPlayedOut && $0.hasBegun }
        var cut: (utterance: Utterance, end: Double, fade: Double)?
        for index in utterances.indices {
            let utterance = utterances[index]
            if utterance.isPlayedOut {
                // Heard to its end: only events were still to go.
                flush(index)
                tellEnd(of: utterance)
            } else if index == current {
                let fade = requestFade(utterance) ? Double(Self.frameMilliseconds) : 0
                let end = Double(mediaTime) + fade
                cut = (utterance, end, fade)
                if utterance.didEnd {
                    // Its end was told already, and an utterance ends once.
                    outputs.append(.finished(utterance.id, .ended))
                } else {
                    interrupt(utterance, at: end)
                    stopped.append(utterance.id)
                }
            } else {
                interrupt(utterance, at: Double(mediaTime))
                stopped.append(utterance.id)
            }
        }
        // Behind all that tells what is to be dropped, so that none of them drops it.
        if let cut { sendHoming(cut.utterance, at: cut.end, ahead: cut.fade) }
        utterances.removeAll()
        updateSpeaking()
        return stopped
    }

    /// The faded frame that `Output.fade` asked for; too late it is dropped and silence went out.
    public mutating func faded(_ packet: AudioFrame, frame: Int64) {
        guard fading?.frame == frame else { return }
        fading?.packet = packet
    }

    /// The loop stood still: what was being said is lost, and what was announced comes another time.
    private mutating func stall() {
        fading = nil
        if let index = utterances.firstIndex(where: { !$0.isPlayedOut && $0.hasBegun }) {
            utterances[index].failure = Utterance.Failure(
                code: .stalled, message: "the playout stood still for more than 200 ms")
            finishFailed(index)
            // No frame of it is taken any more, which would tell the voice behind it.
            askForMore()
        }
        for index in utterances.indices where !utterances[index].hasBegun {
            utterances[index].rewind()
        }
    }

    /// Whether one more frame goes out; one that stands still has nothing to fade.
    private mutating func requestFade(_ utterance: Utterance) -> Bool {
        guard utterance.starvation == nil, let next = utterance.frames.next else { return false }
        fading = (nextFrame, nil)
        outputs.append(.fade(before: history, next: next, frame: nextFrame))
        return true
    }

    private mutating func interrupt(_ utterance: Utterance, at time: Double) {
        outputs.append(
            .data(
                .speech,
                Message.interrupted(
                    utterance: utterance.id, time: time, viseme: visemeNumber,
                    prosody: prosodyNumber),
                to: nil))
        outputs.append(.finished(utterance.id, .interrupted))
    }

    // MARK: Silence and state

    private mutating func sendIdle() {
        let speaking = isMidSpeech
        if nextFrame >= nextClock {
            nextClock = nextFrame + (speaking ? 50 : 250)
            outputs.append(.data(.speech, clockMessage, to: nil))
        } else if speaking, nextClock - nextFrame > 50 {
            nextClock = nextFrame + 50
        }
        if isSilent, nextFrame >= nextIdleProsody {
            nextIdleProsody = nextFrame + 25
            sendProsody(
                ProsodyEvent(time: 0, pitch: 0, energy: 0, isSpeaking: false),
                time: Double(mediaTime), utterance: lastUtterance)
        }
        while let due = newcomers.first, due.again <= nextFrame {
            newcomers.removeFirst()
            greet(due.identity)
        }
    }

    /// Nobody speaks, or the voice is so late that the mouth is at rest, and all of it is told.
    private var isSilent: Bool {
        let isResting = utterances.allSatisfy { utterance in
            utterance.startFrame == nil || utterance.isPlayedOut
                || utterance.starvation.map { !$0.homing.isEmpty && $0.resume == nil } ?? false
        }
        return isResting && utterances.allSatisfy { !$0.hasBegun || $0.isTold }
    }

    private mutating func greet(_ identity: String) {
        outputs.append(.data(.speech, clockMessage, to: identity))
        guard let running = utterances.first(where: { $0.hasBegun && !$0.isPlayedOut }) else {
            return
        }
        for payload in running.told { outputs.append(.data(.speech, payload, to: identity)) }
    }

    var clockMessage: [UInt8] {
        Message.clock(time: mediaTime, rtp: timestamp(nextFrame), wall: wall)
    }

    private mutating func updateSpeaking() {
        let now = isMidSpeech
        guard now != isSpeaking else { return }
        isSpeaking = now
        outputs.append(.speakingChanged(now))
    }
}
