// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// The event side of the timeline: what goes out `lead` ahead of its audio.
extension Playout {
    /// Sends every event whose time is less than the lead ahead of the next frame.
    mutating func sendEvents() {
        let horizon = Double(mediaTime) + lead
        for index in utterances.indices {
            if index > 0 { announceSuccessors(of: index - 1) }
            guard utterances[index].startFrame != nil else { return }
            sendSpeech(index, until: horizon)
            sendKeyframes(index, until: horizon)
            sendProsody(index, until: horizon)
        }
    }

    /// Asks for what is missing of a curve that is needed in the next frames.
    mutating func askForMouth() {
        guard let utterance = utterances.first(where: { !$0.isPlayedOut }),
            utterance.startFrame != nil
        else { return }
        let due = utterance.position + min(max(lead, 0), Self.mouthLead)
        // A frame early, and not for what is left of the sound that is there.
        guard !utterance.isComplete, utterance.starvation == nil,
            utterance.mouthEnd < min(due + 20, utterance.tellableEnd - 60)
        else { return }
        outputs.append(.wantsMouth(utterance.id, until: due + Self.mouthReserve))
    }

    /// Where all before it are complete, an utterance's start is known before it comes.
    mutating func announceSuccessors(of first: Int) {
        var index = first
        while index + 1 < utterances.count, let end = utterances[index].endFrame,
            end >= nextFrame, !isHeld, utterances[index + 1].startFrame == nil,
            utterances[index + 1].hasFrames
        {
            utterances[index + 1].startFrame = end
            index += 1
        }
    }

    /// Sends what is left of an utterance that was heard to its end.
    mutating func flush(_ index: Int) {
        sendSpeech(index, until: .infinity)
        sendKeyframes(index, until: .infinity)
        sendProsody(index, until: .infinity)
    }

    private mutating func sendSpeech(_ index: Int, until horizon: Double) {
        let limit = utterances[index].tellableEnd
        while let next = utterances[index].speech.next, next.time < limit,
            next.isStart || utterances[index].didStart || utterances[index].isComplete,
            // One that may still be dropped as a whole has not ended.
            !next.isEnd || utterances[index].hasBegun,
            let time = utterances[index].mediaTime(next.time), time <= horizon
        {
            let gap = utterances[index].nextGap(after: next.time)
            let (now, later) = next.split(at: limit, gap: gap)
            guard let now else { return }
            _ = utterances[index].speech.take()
            if let later {
                utterances[index].speech.replaceTaken(by: now)
                utterances[index].insert(later)
            }
            let payload = message(now, at: time, of: utterances[index])
            outputs.append(.data(.speech, payload, to: nil))
            switch now {
            case .start:
                utterances[index].told.append(payload)
                utterances[index].didStart = true
            case .words: utterances[index].told.append(payload)
            case .end: utterances[index].didEnd = true
            case .envelope: break
            }
        }
    }

    private func message(
        _ event: SpeechEvent, at time: Double, of utterance: Utterance
    ) -> [UInt8] {
        let id = utterance.id
        switch event {
        case .start: return Message.start(utterance: id, time: time, text: utterance.text)
        case .words(_, var words):
            for index in words.indices {
                let start = utterance.mediaTime(words[index].start) ?? time
                words[index].start = start - time
            }
            return Message.words(utterance: id, time: time, words)
        case .envelope(_, let hop, let levels):
            return Message.envelope(utterance: id, time: time, hop: hop, levels)
        case .end: return Message.end(utterance: id, time: time)
        }
    }

    private mutating func sendKeyframes(_ index: Int, until horizon: Double) {
        while true {
            let limit = utterances[index].tellableEnd
            let next = utterances[index].keyframes.next.flatMap { keyframe in
                keyframe.time < limit ? utterances[index].mediaTime(keyframe.time) : nil
            }
            let gap = utterances[index].gapKeyframes.first
            guard let time = [next, gap?.time].compactMap({ $0 }).min(), time <= horizon else {
                return
            }
            var shape = gap?.shape ?? .rest
            if time == gap?.time {
                utterances[index].gapKeyframes.removeFirst()
            } else if let keyframe = utterances[index].keyframes.take() {
                shape = keyframe.shape
            }
            // One that comes too late is no use any more, and the curve never runs backwards.
            guard time >= utterances[index].lastKeyframe else { continue }
            utterances[index].lastKeyframe = time
            sendViseme(shape, time: time, utterance: utterances[index].id)
        }
    }

    private mutating func sendProsody(_ index: Int, until horizon: Double) {
        while true {
            let limit = utterances[index].tellableEnd
            let next = utterances[index].prosody.next.flatMap { event in
                event.time < limit ? utterances[index].mediaTime(event.time) : nil
            }
            let gap = utterances[index].gapProsody.first
            guard let time = [next, gap?.time].compactMap({ $0 }).min(), time <= horizon else {
                return
            }
            var event = gap
            if time == gap?.time {
                utterances[index].gapProsody.removeFirst()
            } else {
                event = utterances[index].prosody.take()
            }
            guard let event, time >= utterances[index].lastProsody else { continue }
            utterances[index].lastProsody = time
            sendProsody(event, time: time, utterance: utterances[index].id)
        }
    }

    mutating func sendViseme(_ shape: MouthShape, time: Double, utterance: Int) {
        visemeNumber += 1
        outputs.append(
            .data(
                .viseme,
                Message.viseme(shape, time: time, utterance: utterance, number: visemeNumber),
                to: nil))
    }

    mutating func sendProsody(_ event: ProsodyEvent, time: Double, utterance: Int) {
        prosodyNumber += 1
        isVoiceOn = event.isSpeaking
        outputs.append(
            .data(
                .prosody,
                Message.prosody(event, time: time, utterance: utterance, number: prosodyNumber),
                to: nil))
    }

    /// The mouth's way to rest from where it is at the end of what was played, and the end of
    /// speaking.
    ///
    /// - Parameters:
    ///   - utterance: as it stands.
    ///   - time: media time from which on it goes.
    ///   - ahead: milliseconds of sound that still come from now on.
    mutating func sendHoming(_ utterance: Utterance, at time: Double, ahead: Double = 0) {
        guard utterance.startFrame != nil else { return }
        let shape =
            utterance.starvation?.shape(at: time)
            ?? utterance.keyframes.items.shape(at: utterance.position + ahead)
        sendViseme(shape, time: time, utterance: utterance.id)
        for keyframe in Mouth.homing(from: shape, at: time) {
            sendViseme(keyframe.shape, time: keyframe.time, utterance: utterance.id)
        }
        if isVoiceOn {
            sendProsody(
                ProsodyEvent(time: 0, pitch: 0, energy: 0, isSpeaking: false), time: time,
                utterance: utterance.id)
        }
    }

    /// Lets go of utterances of which nothing is left to send.
    mutating func finishDrained() {
        while let head = utterances.first, head.isPlayedOut, head.isTold {
            if head.failure != nil {
                finishFailed(0)
            } else {
                utterances.removeFirst()
                tellEnd(of: head)
            }
        }
    }

    mutating func finishFailed(_ index: Int) {
        let utterance = utterances.remove(at: index)
        tellEnd(of: utterance)
        if utterance.hasBegun { sendHoming(utterance, at: Double(mediaTime)) }
    }

    /// One that was heard to its end has ended, or failed there; it ends once, so a failure behind the
    /// end that was told is none.
    mutating func tellEnd(of utterance: Utterance) {
        guard let failure = utterance.failure, !utterance.didEnd else {
            outputs.append(.finished(utterance.id, .ended))
            return
        }
        let message = Message.error(
            utterance: utterance.id, code: failure.code, message: failure.message)
        outputs.append(.data(.speech, message, to: nil))
        outputs.append(.finished(utterance.id, .failed(failure.code, failure.message)))
    }
}

extension SpeechEvent {
    /// What of it may be told now, and the rest.
    ///
    /// - Parameters:
    ///   - limit: time from which on nothing is certain.
    ///   - gap: time from which on everything lies later.
    /// - Returns: both parts; either may be nil.
    func split(at limit: Double, gap: Double) -> (now: SpeechEvent?, later: SpeechEvent?) {
        switch self {
        case .start, .end: return (self, nil)
        case .words(let time, let words):
            // Each has a time of its own, on either side of a gap.
            let known = words.prefix { $0.start < limit }
            let rest = words[known.count...]
            return (
                known.isEmpty ? nil : .words(time: time, Array(known)),
                rest.first.map { .words(time: $0.start, Array(rest)) }
            )
        case .envelope(let time, let hop, let levels):
            let step = Double(hop)
            let whole = ((limit - time) / step).rounded(.down)
            let before = ((gap - time) / step).rounded(.up)
            let count = Int(min(whole, before, Double(levels.count)))
            guard count > 0 else { return (nil, self) }
            let rest = Array(levels[count...])
            return (
                .envelope(time: time, hop: hop, Array(levels[..<count])),
                rest.isEmpty
                    ? nil : .envelope(time: time + Double(count) * step, hop: hop, rest)
            )
        }
    }
}
