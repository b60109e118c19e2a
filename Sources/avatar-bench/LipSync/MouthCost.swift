// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc
internal import LipSync

/// What mouth, timing and prosody cost, on speech-like input made here.
struct MouthCost {
    /// Sessions of the share that is told.
    private static let sessions = 200.0
    /// Words a second of fast speech.
    private static let wordsPerSecond = 3.0

    private static let sentence: [(String, [String])] = [
        ("perhaps", ["P", "ER0", "HH", "AE1", "P", "S"]), ("you", ["Y", "UW1"]),
        ("remember", ["R", "IH0", "M", "EH1", "M", "B", "ER0"]), ("five", ["F", "AY1", "V"]),
        ("wonderful", ["W", "AH1", "N", "D", "ER0", "F", "AH0", "L"]),
        ("towns", ["T", "AW1", "N", "Z"]),
    ]

    private static func words(seconds: Double) -> [WordTiming] {
        var time = 100.0
        var words: [WordTiming] = []
        while time < seconds * 1000 {
            let (text, phones) = sentence[words.count % sentence.count]
            let end = time + 62 * Double(phones.count)
            words.append(WordTiming(text, phones: phones, start: time, end: end))
            time = words.count % 6 == 0 ? end + 220 : end
        }
        return words
    }

    /// Harmonics and noise in turns: every branch of the analysis has work.
    private static func sound(seconds: Double, rate: Double) -> MonoSound {
        var random = SeededRandom(seed: 5)
        let samples = (0..<Int(seconds * rate)).map { index -> Float in
            let time = Double(index) / rate
            let isVoiced = Int(time * 8) % 3 != 0
            let tone = sin(2 * .pi * 120 * time) + 0.5 * sin(2 * .pi * 720 * time)
            let noise = Double.random(in: -0.1...0.1, using: &random)
            return Float(isVoiced ? 0.3 * tone + 0.05 * noise : noise)
        }
        return MonoSound(samples, rate: rate)
    }

    func print() {
        let seconds = 30.0
        let words = Self.words(seconds: seconds)
        let sound = Self.sound(seconds: seconds, rate: 48_000)
        guard let timed = try? TimedPhones.resolve(.words(words)) else { return }
        let ticks = seconds * 1000 / Mouth.sampleInterval
        let mouth = Self.microseconds {
            var mouth = Mouth()
            mouth.append(timed.phones)
            return mouth.finish().count
        }
        let planning = Self.microseconds {
            (try? TimedPhones.resolve(.words(words)).phones.count) ?? 0
        }
        let hearing = Self.microseconds {
            (try? TimedPhones.resolve(.words(words), sound: sound).phones.count) ?? 0
        }
        let prosody = Self.microseconds {
            // In pieces of 100 ms, as voices deliver.
            var analyzer = ProsodyAnalyzer()
            return stride(from: 0, to: sound.samples.count, by: 4_800).reduce(0) { count, start in
                let end = min(start + 4_800, sound.samples.count)
                return count + analyzer.add(sound.samples[start..<end]).count
            }
        }
        let perSecond = mouth / seconds + hearing / seconds + prosody / seconds
        var table = Table(["cost (processor time of one thread)", ""])
        table.add(["mouth, µs a tick (target, filter, keyframes)", fixed(mouth / ticks, 2)])
        table.add(["times of a word, µs", fixed(planning / Double(words.count), 1)])
        table.add(["times of a word with its sound, µs", fixed(hearing / Double(words.count), 1)])
        table.add(["prosody, µs a second of sound", fixed(prosody / seconds, 0)])
        table.add(["memory of a session (mouth and prosody), kB", fixed(Self.kilobytes(timed), 1)])
        table.add([
            "\(Int(Self.sessions)) sessions that all speak, % of a core",
            fixed(perSecond * Self.sessions / 10_000, 1),
        ])
        say(table.text)
        Self.walkSimplex()
    }

    /// Ten million random steps of the filter: does any weight ever leave the simplex?
    private static func walkSimplex() {
        var random = SeededRandom(seed: 1)
        var filter = MouthFilter(.rest)
        var (least, worst) = (0.0, 0.0)
        let steps = 10_000_000
        for _ in 0..<steps {
            let bits = random.next()
            let share = Double(bits & 0xFFFF) / 65_535
            let target = MouthShape([
                (Viseme.allCases[Int(bits >> 16 & 0xFF) % 12], share),
                (Viseme.allCases[Int(bits >> 24 & 0xFF) % 12], 1 - share),
            ])
            // 0.1…250 ms, logarithmic, and rates of 20…120.
            let milliseconds = 0.1 * exp(7.824 * Double(bits >> 32 & 0xFFFF) / 65_535)
            let rate = 20 + 100 * Double(bits >> 48) / 65_535
            filter.step(toward: target, milliseconds: milliseconds, rate: rate)
            least = min(least, filter.output.lanes.min())
            worst = max(worst, abs(filter.output.sum - 1))
        }
        say("\n\(steps) random steps: least weight \(least), largest |sum − 1| \(worst)")
    }

    /// The best of some runs: the machine may have other things to do.
    private static func microseconds(_ work: () -> Int) -> Double {
        var best = Double.infinity
        var sum = 0
        for _ in 0..<5 {
            let start = threadTime()
            sum &+= work()
            best = min(best, threadTime() - start)
        }
        return sum >= 0 ? best : .nan
    }

    private static func threadTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1000
    }

    /// What a thousand sessions take that are ten seconds into an utterance: the process's growth.
    private static func kilobytes(_ timed: TimedPhones) -> Double {
        let count = 1000
        let phones = timed.phones.filter { $0.end < 10_000 }
        var sessions: [(Mouth, ProsodyAnalyzer)] = []
        sessions.reserveCapacity(count)
        let before = residentBytes()
        for _ in 0..<count {
            var mouth = Mouth()
            mouth.append(phones)
            _ = mouth.advance(to: 10_000)
            var prosody = ProsodyAnalyzer()
            _ = prosody.add([Float](repeating: 0.1, count: 9_600))
            sessions.append((mouth, prosody))
        }
        let after = residentBytes()
        return sessions.isEmpty ? .nan : (after - before) / Double(count) / 1000
    }

    private static func residentBytes() -> Double {
        let fields = ((try? Files.text("/proc/self/statm")) ?? "").split(separator: " ")
        return fields.count > 1 ? (Double(fields[1]) ?? .nan) * Double(getpagesize()) : .nan
    }
}
