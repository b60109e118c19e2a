// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LipSync
internal import Speech

/// The lines that `avatar-agent lipsync` prints about one utterance.
struct LipSyncReport {
    let options: LipSyncOptions
    /// The sounds; nil where nobody asks for them.
    let timed: TimedPhones?
    let table: ArticulationTable
    let sound: WAVFile?

    private var phones: [Phone] { timed?.phones ?? [] }

    /// The name of the lines in a batch.
    static func name(_ options: LipSyncOptions) -> String {
        switch options.subject {
        case .phones: "phones"
        case .prosody: "prosody"
        case .mouth: options.format.rawValue
        }
    }

    /// One JSON object a line, in the order of time.
    func lines() -> [String] {
        switch options.subject {
        case .phones: phoneLines()
        case .prosody: prosodyLines()
        case .mouth:
            switch options.target {
            case .classes: classLines()
            case .arkit: arkitLines()
            case .oculus: oculusLines()
            case .azure: azureLines()
            case .rhubarb: rhubarbLines()
            }
        }
    }

    /// What a batch tells of an utterance beside its phones.
    func ladder(_ json: inout JSONWriter) {
        guard let timed else { return }
        json.member("rung", timed.rung.number)
        json.member("timing", timed.rung.name)
        json.member("quality", timed.quality.rawValue)
    }

    private static func line(_ time: Double, _ body: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        json.object {
            $0.member("t_ms", time, decimals: 3)
            body(&$0)
        }
        return json.text
    }

    /// Times of the frames until `end`, ms.
    private func frames(until end: Double) -> [Double] {
        (0...Int((end * options.rate / 1000).rounded(.up))).map { Double($0) * 1000 / options.rate }
    }

    // MARK: Phones

    private func phoneLines() -> [String] {
        phones.map { phone in
            var json = JSONWriter()
            json.object {
                $0.member("phone", Self.spelled(phone))
                $0.member("start_ms", phone.start, decimals: 3)
                $0.member("end_ms", phone.end, decimals: 3)
                ladder(&$0)
            }
            return json.text
        }
    }

    private static let stressed: Set<String> = [
        "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
    ]

    /// With stress and length, so that it can be given in again.
    private static func spelled(_ phone: Phone) -> String {
        if stressed.contains(phone.symbol) { return "\(phone.symbol)\(phone.stress)" }
        let isARPABET = phone.symbol.utf8.allSatisfy { (65...90).contains($0) }
        guard !isARPABET, !phone.isSilence else { return phone.symbol }
        return ["", "ˈ", "ˌ"][min(max(phone.stress, 0), 2)] + phone.symbol
            + (phone.isLong ? "ː" : "")
    }

    // MARK: Prosody

    private func prosodyFrames() -> [ProsodyFrame] {
        guard let sound else { return [] }
        var resampler = Resampler(from: sound.rate, to: 48_000)
        var analyzer = ProsodyAnalyzer()
        var frames: [ProsodyFrame] = []
        var start = 0
        // In seconds, so that an hour is not in memory three times.
        while start < sound.samples.count {
            let end = min(start + sound.rate, sound.samples.count)
            frames += analyzer.add(resampler.process(Array(sound.samples[start..<end])))
            start = end
        }
        return frames + analyzer.add(resampler.finish()) + analyzer.finish()
    }

    private func prosodyLines() -> [String] {
        var smoother = PitchSmoother()
        let rows = prosodyFrames().map { ($0, smoother.add($0)) }
        let chosen: [Int]
        if options.format == .frames, let last = rows.last {
            chosen = frames(until: last.0.time).map {
                min(Int(($0 / ProsodyAnalyzer.interval).rounded()), rows.count - 1)
            }
        } else {
            chosen = Array(rows.indices)
        }
        return chosen.enumerated().map { index, row in
            let (frame, smooth) = rows[row]
            let time = options.format == .frames ? Double(index) * 1000 / options.rate : frame.time
            return Self.line(time) {
                $0.member("pitch", frame.pitch, decimals: 2)
                $0.member("energy", frame.energy, decimals: 4)
                $0.member("speaking", frame.isSpeaking)
                $0.member("level_db", frame.level, decimals: 1)
                $0.member("pitch_smooth", smooth.pitch, decimals: 2)
                $0.member("pitch_delta", smooth.delta, decimals: 4)
            }
        }
    }

    // MARK: Mouths

    /// Weights that add up to one exactly as they are written: the largest takes the remainder.
    private static func weights(
        _ names: [String], _ values: [Double], scale: Double
    ) -> [(name: String, value: Double)] {
        var counts = values.map { Int(($0 * scale).rounded()) }
        let largest = counts.indices.max { counts[$0] < counts[$1] } ?? 0
        counts[largest] += Int(scale) - counts.reduce(0, +)
        return zip(names, counts).filter { $0.1 > 0 }.map { ($0.0, Double($0.1) / scale) }
    }

    private static func line(_ time: Double, weights: [(name: String, value: Double)]) -> String {
        line(time) {
            $0.member("weights") {
                $0.object { for (name, value) in weights { $0.member(name, value, decimals: 6) } }
            }
        }
    }

    /// Keyframes have the contract's two decimals; frames are measured and differentiated, and have
    /// six.
    private var scale: Double { options.format == .keyframes ? 100 : 1_000_000 }

    private func classLines() -> [String] {
        let curve = MouthCurve(
            phones, table: table, until: sound?.duration ?? 0,
            energies: options.followsEnergy ? prosodyFrames().map(\.energy) : [])
        let names = Viseme.allCases.map(\.name)
        return times(curve).map { time, shape in
            Self.line(
                time,
                weights: Self.weights(names, Viseme.allCases.map { shape[$0] }, scale: scale))
        }
    }

    private func times(_ curve: MouthCurve) -> [(Double, MouthShape)] {
        switch options.format {
        case .keyframes: curve.keyframes.map { ($0.time, $0.shape) }
        case .frames: frames(until: curve.end).map { ($0, curve.shape(at: $0)) }
        }
    }

    private func times(_ curve: OculusCurve) -> [(Double, OculusShape)] {
        switch options.format {
        case .keyframes: curve.keyframes.map { ($0.time, $0.shape) }
        case .frames: frames(until: curve.end).map { ($0, curve.shape(at: $0)) }
        }
    }

    private func oculusLines() -> [String] {
        let curve = OculusCurve(phones, table: table, until: sound?.duration ?? 0)
        let names = OculusViseme.allCases.map(\.name)
        return times(curve).map { time, shape in
            Self.line(
                time,
                weights: Self.weights(names, OculusViseme.allCases.map { shape[$0] }, scale: scale)
            )
        }
    }

    /// All 52, also those that are 0: a client sets what it is told.
    private func arkitLines() -> [String] {
        let faces: [(Double, ARKitFace)]
        if let published = options.arkit {
            let curve = OculusCurve(phones, table: table, until: sound?.duration ?? 0)
            faces = times(curve).map { ($0, ARKitFace($1, table: published)) }
        } else {
            let curve = MouthCurve(phones, table: table, until: sound?.duration ?? 0)
            let energies = prosodyFrames().map(\.energy)
            faces = times(curve).map { time, shape in
                let place = Int((time / ProsodyAnalyzer.interval).rounded())
                let energy =
                    energies.isEmpty ? nil : energies[min(max(place, 0), energies.count - 1)]
                return (time, ARKitFace(shape, energy: energy))
            }
        }
        return faces.map { time, face in
            Self.line(time) {
                $0.member("weights") {
                    $0.object {
                        for (name, weight) in zip(ARKitFace.names, face.weights) {
                            $0.member(name, weight, decimals: 4)
                        }
                    }
                }
            }
        }
    }

    /// Azure's ids and Rhubarb's drawings are what holds until the next one.
    private func eventLines(_ events: [(time: Double, name: String)]) -> [String] {
        guard options.format == .frames else {
            return events.map { Self.line($0.time, weights: [($0.name, 1)]) }
        }
        // As long as the curves are.
        let end = max((phones.last?.end ?? 0) + Mouth.settle, sound?.duration ?? 0)
        var next = 0
        return frames(until: end).map { time in
            while next + 1 < events.count, events[next + 1].time <= time { next += 1 }
            return Self.line(time, weights: [(events[next].name, 1)])
        }
    }

    private func azureLines() -> [String] {
        eventLines(
            AzureViseme.sequence(of: phones, table: table).map { ($0.time, "\($0.id)") })
    }

    private func rhubarbLines() -> [String] {
        eventLines(
            RhubarbCue.sequence(of: phones, table: table)
                .map { ($0.time, $0.shape.rawValue) })
    }
}
