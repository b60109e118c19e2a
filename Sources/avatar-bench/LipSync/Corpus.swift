// SPDX-License-Identifier: Apache-2.0
internal import LipSync
internal import Speech

/// Speech whose words and sounds somebody has marked.
struct LabelledUtterance {
    struct Word {
        var text: String
        var start: Double
        var end: Double
        /// Indices into ``LabelledUtterance/phones``.
        var phones: Range<Int>
    }

    var id: String
    var speaker: String
    /// The marked sounds, pauses among them, without gaps; symbols with stress in `symbols`.
    var phones: [Phone]
    /// What a dictionary would say: ARPABET with stress, one a phone.
    var symbols: [String]
    /// Onsets that the labels leave open, as indices of phones: not scored.
    var openOnsets: Set<Int> = []
    var words: [Word]
    var sound: MonoSound?

    /// What a service that knows word times would tell.
    var wordTimings: [WordTiming] {
        words.map {
            WordTiming(
                $0.text, phones: Array(symbols[$0.phones]), start: $0.start, end: $0.end)
        }
    }

    /// What is known without any times of words: what is said between two pauses.
    var spans: [SpeechTiming] {
        var spans: [SpeechTiming] = []
        var run: [Word] = []
        func close() {
            guard let first = run.first, let last = run.last else { return }
            spans.append(
                .span(
                    run.map { SpokenWord($0.text, phones: Array(symbols[$0.phones])) },
                    start: first.start, end: last.end))
            run = []
        }
        for word in words {
            if let last = run.last, word.start - last.end > 20 { close() }
            run.append(word)
        }
        close()
        return spans
    }
}

/// A set of labelled speech.
struct Corpus {
    var name: String
    var about: String
    var utterances: [LabelledUtterance]
    /// Whether the duration model was fitted on speech of this kind.
    var isFitted = false

    var words: Int { utterances.reduce(0) { $0 + $1.words.count } }
    var minutes: Double {
        utterances.reduce(0) { $0 + ($1.phones.last?.end ?? 0) } / 60_000
    }

    /// The sets that a folder holds: `xrmb*.tsv` (or `.gz`) and `emur/*.TextGrid` with `.wav`.
    static func load(_ folder: String) throws(BenchFailure) -> [Corpus] {
        var corpora: [Corpus] = []
        for name in Files.names(in: folder)
        where name.hasPrefix("xrmb") && (name.hasSuffix(".tsv") || name.hasSuffix(".tsv.gz")) {
            let utterances = XRMB.utterances(try Files.text("\(folder)/\(name)"))
            corpora.append(
                Corpus(
                    name: "XRMB",
                    about:
                        "X-ray microbeam speech database, forced alignment on a 10 ms grid, no sound",
                    utterances: utterances, isFitted: true))
        }
        let grids = Files.names(in: "\(folder)/emur").filter { $0.hasSuffix(".TextGrid") }
        if !grids.isEmpty {
            var utterances: [LabelledUtterance] = []
            for grid in grids {
                let stem = "\(folder)/emur/" + grid.dropLast(".TextGrid".count)
                let utterance = EmuR.utterance(
                    String(grid.dropLast(".TextGrid".count)), try Files.text("\(stem).TextGrid"))
                guard var utterance else {
                    throw BenchFailure(message: "\(stem).TextGrid is no grid of the emuR set.")
                }
                utterance.sound = try sound("\(stem).wav")
                utterances.append(utterance)
            }
            corpora.append(
                Corpus(
                    name: "emuR",
                    about: "emuR demo, hand labels, one Australian speaker, with sound",
                    utterances: utterances))
        }
        guard !corpora.isEmpty else {
            throw BenchFailure(
                message: "\(folder) holds neither xrmb*.tsv[.gz] nor emur/*.TextGrid.")
        }
        return corpora
    }

    private static func sound(_ path: String) throws(BenchFailure) -> MonoSound {
        let bytes = try Files.bytes(path)
        do {
            let file = try WAVFile(bytes)
            return MonoSound(file.samples, rate: Double(file.rate))
        } catch {
            throw BenchFailure(message: "\(path) \(error).")
        }
    }
}

/// Lines of speaker, utterance, tier, start, end, label; the tiers are word and phone.
enum XRMB {
    private struct Interval {
        var start: Double
        var end: Double
        var label: String
    }

    static func utterances(_ text: String) -> [LabelledUtterance] {
        var utterances: [LabelledUtterance] = []
        var key = ""
        var tier = ""
        var (words, phones): ([Interval], [Interval]) = ([], [])
        func close() {
            let parts = key.split(separator: "/").map(String.init)
            if parts.count == 2, let made = make(parts[0], parts[1], words, phones) {
                utterances.append(made)
            }
            (words, phones) = ([], [])
        }
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 6, let start = Double(fields[3]), let end = Double(fields[4])
            else { continue }
            let name = "\(fields[0])/\(fields[1])"
            // A second take of the same sentence begins with its words again.
            if name != key || (tier == "phone" && fields[2] == "word") {
                close()
                key = name
            }
            tier = String(fields[2])
            let interval = Interval(start: start, end: end, label: String(fields[5]))
            if fields[2] == "word" { words.append(interval) } else { phones.append(interval) }
        }
        close()
        return utterances
    }

    private static func make(
        _ speaker: String, _ id: String, _ words: [Interval], _ phones: [Interval]
    ) -> LabelledUtterance? {
        var utterance = LabelledUtterance(
            id: "\(speaker)-\(id)", speaker: speaker, phones: [], symbols: [], words: [])
        for phone in phones {
            utterance.phones.append(Phone(phone.label, start: phone.start, end: phone.end))
            utterance.symbols.append(phone.label)
        }
        var next = 0
        for word in words where word.label != "sp" && !word.label.isEmpty {
            while next < phones.count, phones[next].start < word.start - 1 { next += 1 }
            let first = next
            while next < phones.count, phones[next].end <= word.end + 1 { next += 1 }
            // A word whose sounds are not what the aligner writes says nothing about timing.
            let isKnown = utterance.phones[first..<next].allSatisfy {
                !$0.isSilence && ArticulationTable.english.knows($0.symbol)
            }
            guard next > first, isKnown, abs(phones[first].start - word.start) <= 2,
                abs(phones[next - 1].end - word.end) <= 2
            else { continue }
            utterance.words.append(
                .init(text: word.label, start: word.start, end: word.end, phones: first..<next))
        }
        return utterance.words.isEmpty ? nil : utterance
    }
}

/// Praat grids with the tiers Text, Syllable and Phoneme; the sounds are the set's own SAMPA.
enum EmuR {
    private struct Interval {
        var start: Double
        var end: Double
        var label: String
    }

    /// ARPABET of the set's Australian SAMPA.
    private static let names: [String: String] = [
        "I": "IH", "V": "AH", "E": "EH", "A": "AE", "O": "AA", "U": "UH", "@": "AH", "i:": "IY",
        "u:": "UW", "o:": "AO", "a:": "AA", "@:": "ER", "ai": "AY", "ei": "EY", "oi": "OY",
        "@u": "OW", "au": "AW", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G",
        "tS": "CH", "dZ": "JH", "f": "F", "v": "V", "T": "TH", "D": "DH", "s": "S", "z": "Z",
        "S": "SH", "Z": "ZH", "h": "HH", "m": "M", "n": "N", "N": "NG", "l": "L", "r": "R",
        "w": "W", "j": "Y",
    ]
    private static let vowels: Set<String> = [
        "IH", "AH", "EH", "AE", "AA", "UH", "IY", "UW", "AO", "ER", "AY", "EY", "OY", "OW", "AW",
    ]

    static func utterance(_ id: String, _ text: String) -> LabelledUtterance? {
        let tiers = self.tiers(text)
        guard let words = tiers["Text"], let phones = tiers["Phoneme"],
            let syllables = tiers["Syllable"]
        else { return nil }
        var utterance = LabelledUtterance(
            id: id, speaker: "emuR", phones: [], symbols: [], words: [])
        func add(_ label: String, _ start: Double, _ end: Double, isOpen: Bool) {
            var name = names[label] ?? (label.isEmpty ? Phone.silence : label)
            if vowels.contains(name) {
                let middle = (start + end) / 2
                let isStrong = syllables.contains {
                    $0.start <= middle && middle < $0.end && $0.label == "S"
                }
                name += label != "@" && isStrong ? "1" : "0"
            }
            if isOpen { utterance.openOnsets.insert(utterance.phones.count) }
            utterance.phones.append(Phone(name, start: start, end: end))
            utterance.symbols.append(name)
        }
        for phone in phones {
            // Two sounds that the labeller could not part, in one word or across two.
            let parts = phone.label.split(separator: "_").map(String.init)
            if parts.count == 2 {
                let inside = words.first {
                    $0.start > phone.start + 1 && $0.start < phone.end - 1
                }
                let middle = inside?.start ?? (phone.start + phone.end) / 2
                add(parts[0], phone.start, middle, isOpen: false)
                add(parts[1], middle, phone.end, isOpen: true)
            } else {
                add(phone.label, phone.start, phone.end, isOpen: false)
            }
        }
        for word in words where !word.label.isEmpty && word.label != "*" {
            let range = utterance.phones.indices.filter {
                let middle = (utterance.phones[$0].start + utterance.phones[$0].end) / 2
                return middle > word.start && middle < word.end && utterance.symbols[$0] != "sil"
            }
            guard let first = range.first, let last = range.last else { continue }
            utterance.words.append(
                .init(
                    text: word.label, start: word.start, end: word.end, phones: first..<last + 1))
        }
        return utterance.words.isEmpty ? nil : utterance
    }

    private static func tiers(_ text: String) -> [String: [Interval]] {
        var tiers: [String: [Interval]] = [:]
        var name = ""
        var (start, end) = (0.0, 0.0)
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = parts[0].filter { $0 != " " }
            let value = parts[1].drop { $0 == " " }
            let quoted = value.split(separator: "\"", omittingEmptySubsequences: false)
            switch key {
            case "name": name = quoted.count > 1 ? String(quoted[1]) : ""
            case "xmin": start = (Double(value.filter { $0 != " " }) ?? 0) * 1000
            case "xmax": end = (Double(value.filter { $0 != " " }) ?? 0) * 1000
            case "text":
                let label = quoted.count > 1 ? String(quoted[1]) : ""
                let trimmed = label.filter { $0 != " " }
                tiers[name, default: []].append(Interval(start: start, end: end, label: trimmed))
            default: break
            }
        }
        return tiers
    }
}
