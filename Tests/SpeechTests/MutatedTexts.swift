// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Speech

/// Texts that nobody meant to be spoken, the same for the same seed.
///
/// A test run takes a few thousand. For a long one set AVATAR_FUZZ_TEXTS to their number and
/// AVATAR_FUZZ_SEED to another seed for every slice, and AVATAR_VOICE_FLITE, AVATAR_VOICE_ESPEAK to
/// programs that were built with `--sanitize=address`:
///
///     swift build --build-tests --sanitize=address --scratch-path .build-asan
///     AVATAR_FUZZ_TEXTS=1000000 nice swift test --skip-build --sanitize=address \
///         --scratch-path .build-asan --filter 'mutatedTexts|everyTextBecomes'
///
/// The libraries themselves are watched too when LD_LIBRARY_PATH names builds of them with
/// `-fsanitize=address`. Each test says at its end what it did.
struct MutatedTexts {
    private var random: SeededRandom
    private static let seeds = [
        "Hello there, how are you today?", "I paid $1,234.56 on 5/6/2024 at 10:30pm.",
        "Dr. Smith's e-mail is bob.smith@example.co.uk, see https://example.com/a/b?q=1#x.",
        "the U.S. Army, e.g. NASA (1958–now), won't… stop!", "5 km²/h at 20°C ±0.5%",
        "call +1-800-555-1234 or (555) 123-4567", "LiveKit's WebRTC GPT4 CPUs & C++ C#",
        "v1.2.3-rc.4", "½ cup, 2¾ cups; 1/2 or 3/0", "“Quoted,” she said—‘twice’",
        "👋🏽 你好 مرحبا שלום café",
        "- one\n- two\n\n3. three", "**bold** _it_ `code` [link](http://x.y)",
        "1990s 80's 007 1,2,3 1,,2",
        "a.m. p.m. i.e. etc. No. 5 vs. Mr. Mrs. St. J. R. R.", "16:9 14:00 9:5 1:2:3 99:99am",
    ]
    private static let pieces: [String] =
        [
            "", " ", "\n", ".", "..", ",", "'", "\"", "-", "--", "/", ":", ";", "!", "?", "$", "€",
            "%", "°", "#", "@",
            "&", "_", "*", "(", ")", "[", "]", "<", ">", "=", "+", "~", "^", "|", "\\", "`", "…",
            "—", "½", "²", "µ",
            "\u{0}", "\u{202E}", "\u{200D}", "\u{FE0F}", "\u{301}", "é", "ß", "Ａ", "٣", "你", "ش",
            "🤖", "0", "9",
            "00", "1e9", "a", "A", "Z", "qq", "St.", "am", "million", "www.", ".com", "://", "'s",
            "\r\n", "\u{85}",
        ]

    init(seed: UInt64) {
        random = SeededRandom(seed: seed &+ 1_000 &* UInt64(Self.setting("AVATAR_FUZZ_SEED") ?? 0))
    }

    mutating func next() -> String {
        var scalars = Array(Self.seeds.randomElement(using: &random)!.unicodeScalars)
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let at = Int.random(in: 0...scalars.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let end = min(scalars.count, at + Int.random(in: 1...8, using: &random))
                scalars.removeSubrange(at..<end)
            case 1:
                let end = min(scalars.count, at + Int.random(in: 1...4, using: &random))
                let copies = Int.random(in: 1...12, using: &random)
                let run = scalars[at..<end]
                for _ in 0..<copies { scalars.insert(contentsOf: run, at: at) }
            case 2:
                let other = Array(Self.seeds.randomElement(using: &random)!.unicodeScalars)
                scalars.insert(
                    contentsOf: other.prefix(Int.random(in: 0...20, using: &random)), at: at)
            case 3:
                let value = UInt32.random(in: 0...0x1FFFF, using: &random)
                if let scalar = Unicode.Scalar(value) { scalars.insert(scalar, at: at) }
            default:
                scalars.insert(
                    contentsOf: Self.pieces.randomElement(using: &random)!.unicodeScalars, at: at)
            }
        }
        // Nine of ten are short: where two things meet is where it breaks, and short is fast.
        let isLong = Int.random(in: 0..<10, using: &random) == 0
        let count = isLong ? 160 : Int.random(in: 1...18, using: &random)
        let start = Int.random(in: 0...max(0, scalars.count - count), using: &random)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars.dropFirst(start).prefix(count))
        return String(text)
    }

    /// What is wrong with a normalised text; nil if nothing is.
    static func fault(in spoken: SpokenText, of text: String) -> String? {
        var end = 0
        let count = text.utf8.count
        for word in spoken.words {
            if word.units.isEmpty { return "a word without sound: \(word.text)" }
            if word.range.lowerBound < end || word.range.upperBound > count || word.range.isEmpty {
                return "range \(word.range) after \(end) of \(count)"
            }
            end = word.range.upperBound
            for unit in word.units where !isSpeakable(unit.text) { return "unit “\(unit.text)”" }
        }
        return nil
    }

    private static func isSpeakable(_ text: String) -> Bool {
        if text == "_a" || text == "_a's" { return true }
        var hasLetter = false
        for byte in text.utf8 {
            if byte >= 0x61 && byte <= 0x7A {
                hasLetter = true
            } else if byte != 0x27 {
                return false
            }
        }
        return hasLetter && text.utf8.count <= SpokenText.maxUnitBytes
    }

    /// AVATAR_FUZZ_TEXTS, else `usual`.
    static func count(_ usual: Int) -> Int { setting("AVATAR_FUZZ_TEXTS") ?? usual }

    /// Tells what a long run did.
    static func report(_ words: String) {
        if setting("AVATAR_FUZZ_TEXTS") != nil { print("fuzz:", words) }
    }

    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init)
    }
}
