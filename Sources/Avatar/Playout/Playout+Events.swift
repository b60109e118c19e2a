// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// The event side of the timeline: what goes out `lead` ahead of its audio.
extension Playout {
    /// Sends every event whose time is less than the lead ahead of the next frame.
    mutating func sendEvents() {
        for index in utterances.indices {
            if index > 0 { announceSuccessors(of: index - 1) }
            guard let start = utterances[index].startFrame else { return }
            let horizon = Double(mediaTime) + lead - Double(start * Self.frameMilliseconds)
            sendSpeech(index, until: horizon)
            sendKeyframes(index, until: horizon)
            sendProsody(index, until: horizon)
        }
    }

    /// Sends what is left of an utterance that was heard to its end.
    mutating func flush(_ index: Int) {
        sendSpeech(index, until: .infinity)
        sendKeyframes(index, until: .infinity)
        sendProsody(index, until: .infinity)
    }

    private mutating func sendSpeech(_ index: Int, until horizon: Double) {
        while let event = utterances[index].speech.next, event.time <= horizon {
            _ = utterances[index].speech.take()
            guard let payload = message(event, of: utterances[index]) else { continue }
            outputs.append(.data(.speech, payload, to: nil))
            switch event {
            case .start, .words: utterances[index].told.append(payload)
            case .end: utterances[index].didEnd = true
            case .envelope: break
            }
        }
    }

    private func message(_ event: SpeechEvent, of utterance: Utterance) -> [UInt8]? {
        guard let time = utterance.mediaTime(event.time) else { return nil }
        let id = utterance.id
        return switch event {
        case .start: Message.start(utterance: id, time: time, text: utterance.text)
        case .words(let base, let words):
            Message.words(utterance: id, time: time, base: base, words)
        case .envelope(_, let hop, let levels):
            Message.envelope(utterance: id, time: time, hop: hop, levels)
        case .end: Message.end(utterance: id, time: time)
        }
    }

    private mutating func sendKeyframes(_ index: Int, until horizon: Double) {
        while let keyframe = utterances[index].keyframes.next, keyframe.time <= horizon,
            let time = utterances[index].mediaTime(keyframe.time)
        {
            _ = utterances[index].keyframes.take()
            sendViseme(keyframe.shape, time: time, utterance: utterances[index].id)
        }
    }

    private mutating func sendProsody(_ index: Int, until horizon: Double) {
        while let event = utterances[index].prosody.next, event.time <= horizon,
            let time = utterances[index].mediaTime(event.time)
        {
            _ = utterances[index].prosody.take()
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

    /// Lets go of utterances of which nothing is left to send.
    mutating func finishDrained() {
        while let head = utterances.first, head.isPlayedOut {
            if head.failure != nil {
                finishFailed(0)
            } else if head.isDrained {
                utterances.removeFirst()
                outputs.append(.finished(head.id, .ended))
            } else {
                return
            }
        }
    }

    mutating func finishFailed(_ index: Int) {
        guard let failure = utterances[index].failure else { return }
        let utterance = utterances.remove(at: index)
        let message = Message.error(
            utterance: utterance.id, code: failure.code, message: failure.message)
        outputs.append(.data(.speech, message, to: nil))
        outputs.append(.finished(utterance.id, .failed(failure.code, failure.message)))
        if utterance.hasBegun { sendHoming(utterance, at: Double(mediaTime)) }
    }
}
