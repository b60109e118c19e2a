// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LipSync

/// `avatar-bench lipsync`: our mouth beside others on labelled speech, and what it costs.
struct LipSyncBench {
    private static let usage = """
        usage: avatar-bench lipsync [--data DIR] [--cues NAME=DIR]... [--limit N] [--misses] [--cost] | --fit DIR

          --data DIR        xrmb*.tsv[.gz] and emur/*.TextGrid with .wav
          --cues NAME=DIR   another system's cue files, one an utterance; may be repeated
          --limit N         no more than N utterances of each set
          --misses          name every closure that ours misses from word times
          --fit DIR         fits the duration model and prints its table as Swift
          --list            names the utterances, their words and times, a JSON object a line:
                            what another system must be told to make its cues
          --cost            only what it costs

        A cue file is named after the utterance, as --list names it, and is one of
          ID.jsonl  {"t_ms":120,"weights":{"MBP":0.8,"O":0.2}} a line: keyframes, straight lines
                    between them, our twelve classes
          ID.json   {"mouthCues":[{"start":0.12,"end":0.2,"value":"A"}]}: Rhubarb, seconds
          ID.json   {"visemes":["PP"],"times":[120],"durations":[80]}: TalkingHead, ms
          ID.tsv    start in seconds, tab, value, a line; the last value holds to the end
        Values are Rhubarb's letters, Oculus's names or our classes; cues are steps.

        """

    private var data: String?
    private var cues: [CueFiles] = []
    private var limit = Int.max
    private var namesMisses = false
    private var fit: String?
    /// Speakers are taken in so many groups: each is measured with a model of the others.
    private static let folds = 6
    private var isHelp = false
    private var isList = false

    init(_ arguments: [String]) throws {
        var words = arguments[...]
        func value(_ name: String, _ words: inout ArraySlice<String>) throws -> String {
            guard let value = words.popFirst() else {
                throw BenchFailure.usage("\(name) wants a value.")
            }
            return value
        }
        var isCostOnly = false
        while let word = words.popFirst() {
            switch word {
            case "--data": data = try value(word, &words)
            case "--cues": cues.append(try CueFiles(try value(word, &words)))
            case "--limit":
                guard let number = Int(try value(word, &words)), number > 0 else {
                    throw BenchFailure.usage("--limit wants a number above zero.")
                }
                limit = number
            case "--fit": fit = try value(word, &words)
            case "--misses": namesMisses = true
            case "--list": isList = true
            case "--cost": isCostOnly = true
            case "--help", "-h": isHelp = true
            default: throw BenchFailure.usage("there is no option \(word).")
            }
        }
        guard data != nil || fit != nil || isCostOnly || isHelp else {
            throw BenchFailure.usage("--data DIR is missing (or --cost).")
        }
    }

    func run() throws {
        if isHelp {
            say(Self.usage)
            return
        }
        if let fit { return try printTable(fit) }
        if let data {
            for var corpus in try Corpus.load(data) {
                corpus.utterances = Array(corpus.utterances.prefix(limit))
                if isList { list(corpus) } else { try measure(corpus) }
            }
        }
        if !isList { MouthCost().print() }
    }

    private func list(_ corpus: Corpus) {
        for utterance in corpus.utterances {
            var json = JSONWriter()
            json.object {
                $0.member("id", utterance.id)
                $0.member("words") {
                    $0.array {
                        for word in utterance.words {
                            $0.object {
                                $0.member("text", word.text)
                                $0.member("start_ms", word.start, decimals: 1)
                                $0.member("end_ms", word.end, decimals: 1)
                            }
                        }
                    }
                }
            }
            say(json.text)
        }
    }

    private func printTable(_ folder: String) throws {
        guard let corpus = try Corpus.load(folder).first(where: \.isFitted) else {
            throw BenchFailure(message: "\(folder) holds no xrmb*.tsv[.gz].")
        }
        var fit = DurationFit(corpus.utterances)
        let speakers = Set(corpus.utterances.map(\.speaker)).count
        say(DurationFit.source(fit.solve(), words: corpus.words, speakers: speakers))
    }

    /// For each speaker a model that has not heard them; ours for a corpus that nothing was fitted
    /// on.
    private func models(_ corpus: Corpus) -> [String: DurationWeights] {
        let speakers = Set(corpus.utterances.map(\.speaker)).sorted()
        guard corpus.isFitted, speakers.count >= 2 * Self.folds else { return [:] }
        var models: [String: DurationWeights] = [:]
        for fold in 0..<Self.folds {
            let own = Set(speakers.indices.filter { $0 % Self.folds == fold }.map { speakers[$0] })
            var fit = DurationFit(corpus.utterances.filter { !own.contains($0.speaker) })
            let model = fit.solve()
            for speaker in own { models[speaker] = model }
        }
        return models
    }

    private func measure(_ corpus: Corpus) throws {
        say("\(corpus.name): \(corpus.about)")
        say(
            "\(corpus.utterances.count) utterances, \(Set(corpus.utterances.map(\.speaker)).count)"
                + " speakers, \(corpus.words) words, \(fixed(corpus.minutes, 1)) minutes\n")
        var onsets = Table(OnsetScore.titles)
        var mouths = Table(MouthScore.titles)
        let models = models(corpus)
        if !models.isEmpty {
            say("durations: fitted without the speaker (\(Self.folds) groups of speakers)\n")
        }
        for source in PhoneSource.allCases where source.fits(corpus) {
            var onset = OnsetScore()
            var score = MouthScore()
            for utterance in corpus.utterances {
                let phones = try source.phones(utterance, models[utterance.speaker] ?? .fitted)
                onset.add(phones, utterance)
                score.add(
                    SystemMouths.ours(phones, count: SystemMouths.count(utterance)), utterance)
            }
            if namesMisses, source == .words { for miss in score.misses { say(miss) } }
            if source != .labels { onsets.add(onset.cells(source.name)) }
            mouths.add(score.cells("ours, \(source.name)"))
        }
        for peer in Peer.all {
            var score = MouthScore()
            for utterance in corpus.utterances {
                let steps = SystemMouths.steps(
                    utterance.phones, count: SystemMouths.count(utterance))
                score.add(peer.frames(steps), utterance)
            }
            mouths.add(score.cells(peer.name))
        }
        for other in cues {
            var score = MouthScore()
            var found = 0
            for utterance in corpus.utterances {
                let count = SystemMouths.count(utterance)
                guard let frames = try other.frames(utterance.id, count: count) else { continue }
                found += 1
                score.add(frames, utterance)
            }
            if found > 0 { mouths.add(score.cells("\(other.name) (\(found) files)")) }
        }
        say(onsets.text + "\n")
        say(mouths.text + "\n")
    }
}

/// What our mouth is told.
private enum PhoneSource: CaseIterable {
    case labels, wordsAndSound, words, uniform, span

    var name: String {
        switch self {
        case .labels: "labelled phones"
        case .wordsAndSound: "word times + sound"
        case .words: "word times"
        case .uniform: "word times, equal shares"
        case .span: "pause to pause"
        }
    }

    func fits(_ corpus: Corpus) -> Bool {
        self != .wordsAndSound || corpus.utterances.allSatisfy { $0.sound != nil }
    }

    func phones(
        _ utterance: LabelledUtterance, _ weights: DurationWeights
    ) throws(TimingError) -> [Phone] {
        func resolve(_ timing: SpeechTiming, _ sound: MonoSound?) throws(TimingError) -> [Phone] {
            try TimedPhones.resolve(
                timing, sound: sound, language: "en", continues: false, weights: weights
            ).phones
        }
        switch self {
        case .labels:
            // Only what stands in words that the others are told too.
            let known = Set(utterance.words.flatMap { Array($0.phones) })
            return try TimedPhones.resolve(
                .phones(
                    utterance.phones.indices.filter { known.contains($0) }.map {
                        utterance.phones[$0]
                    })
            ).phones
        case .words: return try resolve(.words(utterance.wordTimings), nil)
        case .wordsAndSound: return try resolve(.words(utterance.wordTimings), utterance.sound)
        case .span:
            var phones: [Phone] = []
            for span in utterance.spans {
                phones += try resolve(span, nil).filter { !$0.isSilence }
            }
            return phones
        case .uniform:
            let phones = utterance.words.flatMap { word in
                let step = (word.end - word.start) / Double(word.phones.count)
                return word.phones.enumerated().map { offset, index in
                    Phone(
                        utterance.symbols[index], start: word.start + step * Double(offset),
                        end: word.start + step * Double(offset + 1))
                }
            }
            return try TimedPhones.resolve(.phones(phones)).phones
        }
    }
}

/// Common simple ways from sounds to a mouth, told the labels themselves.
private struct Peer: Sendable {
    var name: String
    var frames: @Sendable (MouthFrames) -> MouthFrames

    static let all = [
        Peer(name: "step mapper, labelled phones", frames: { $0 }),
        // 1 − exp(−14/60): what smoothing code with a "speed" of 14 does at 60 frames a second.
        Peer(
            name: "one pole, labelled phones",
            frames: { SystemMouths.onePole($0, factor: 0.208) }),
        Peer(
            name: "critically damped ω 15", frames: { SystemMouths.damped($0, rate: 15) }),
        Peer(
            name: "critically damped ω 25", frames: { SystemMouths.damped($0, rate: 25) }),
        Peer(
            name: "critically damped ω 25 + lead",
            frames: { SystemMouths.damped($0, rate: 25, lead: 80) }),
        Peer(
            name: "critically damped ω 40", frames: { SystemMouths.damped($0, rate: 40) }),
    ]
}
