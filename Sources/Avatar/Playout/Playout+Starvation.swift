// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// When the voice is late: the sound stands still, and with it whatever belongs to it.
///
/// Nothing is ever told of sound that is not prepared, so nothing that was told turns wrong. The
/// mouth is held where it is; after 100 ms it goes to rest. Once enough is there, everything goes on
/// where it stood, later by the length of the gap; a mouth at rest opens before its sound comes.
extension Playout {
    /// Frames that must be ready before a sound that stood still goes on: a voice that is late once
    /// will be late again, and a gap now and then is better than stutter.
    static let refill = 5
    /// Milliseconds without a frame after which the mouth goes to rest.
    static let starvedMax: Int64 = 100
    /// Frames that a mouth at rest gets to open before the sound.
    static let opening: Int64 = 3
    /// A mouth that is held says so if it did not for so long, ms: two keyframes are never more than
    /// 200 ms apart, and a gap that is held takes up to 100.
    private static let holdAfter = 80.0

    /// The next frame is missing.
    mutating func starve(_ index: Int) {
        guard !utterances[index].isComplete else { return }
        let position = utterances[index].position
        let begin = Double(mediaTime)
        let before = utterances[index].keyframes.items.last { $0.time < position }
        let held = before?.shape ?? .rest
        utterances[index].starvation = Utterance.Starvation(begin: nextFrame, held: held)
        let last = before.flatMap { utterances[index].mediaTime($0.time) } ?? -.infinity
        if begin - last >= Self.holdAfter {
            utterances[index].gapKeyframes.append(Keyframe(time: begin, shape: held))
        }
        outputs.append(.wantsMore(utterances[index].id))
    }

    /// Whether the sound of an utterance that stood still goes on with the next frame.
    mutating func resumes(_ index: Int) -> Bool {
        guard let starvation = utterances[index].starvation else { return true }
        if starvation.resume == nil {
            let utterance = utterances[index]
            if utterance.isComplete || utterance.frames.waiting >= Self.refill {
                resume(index, starvation)
            } else {
                lengthen(index, starvation)
            }
        }
        guard let resume = utterances[index].starvation?.resume, resume <= nextFrame else {
            return false
        }
        utterances[index].starvation = nil
        return true
    }

    private mutating func lengthen(_ index: Int, _ starvation: Utterance.Starvation) {
        outputs.append(.wantsMore(utterances[index].id))
        let missed = (nextFrame - starvation.begin) * Self.frameMilliseconds
        guard missed == Self.starvedMax else { return }
        let time = Double(mediaTime)
        let homing =
            [Keyframe(time: time, shape: starvation.held)]
            + Mouth.homing(from: starvation.held, at: time)
        utterances[index].starvation?.homing = homing
        utterances[index].gapKeyframes += homing
        let position = utterances[index].position
        let voice = utterances[index].prosody.items.last { $0.time < position }
        if voice?.isSpeaking == true {
            utterances[index].gapProsody.append(
                ProsodyEvent(time: time, pitch: 0, energy: 0, isSpeaking: false))
        }
    }

    private mutating func resume(_ index: Int, _ starvation: Utterance.Starvation) {
        var first = nextFrame
        let position = utterances[index].position
        if let home = starvation.homing.last {
            // What was told of the way to rest stays true.
            let rested = Int64((home.time / Double(Self.frameMilliseconds)).rounded(.up))
            first = max(nextFrame, rested) + Self.opening
            let opening = Double((first - Self.opening) * Self.frameMilliseconds)
            utterances[index].gapKeyframes.append(Keyframe(time: opening, shape: home.shape))
        }
        let time = Double(first * Self.frameMilliseconds)
        let shape =
            starvation.homing.isEmpty
            ? starvation.held : utterances[index].keyframes.items.shape(at: position)
        utterances[index].gapKeyframes.append(Keyframe(time: time, shape: shape))
        utterances[index].closeGap(at: first)
        if let next = utterances[index].prosody.items.first(where: { $0.time >= position }),
            next.isSpeaking, next.time > position, !starvation.homing.isEmpty
        {
            utterances[index].gapProsody.append(
                ProsodyEvent(
                    time: time, pitch: next.pitch, energy: next.energy, isSpeaking: true))
        }
    }
}
