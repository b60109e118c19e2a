// SPDX-License-Identifier: Apache-2.0
import Speech
import Testing

@Suite struct TextFuzzTests {
    /// AVATAR_FUZZ_TEXTS sets another number.
    @Test(arguments: 0..<4)
    func everyTextBecomesSpeakableWords(part: Int) {
        let normalizer = TextNormalizer()
        var texts = MutatedTexts(seed: UInt64(part))
        for _ in 0..<(MutatedTexts.count(20_000) / 4) {
            let text = texts.next()
            if let fault = MutatedTexts.fault(in: normalizer.normalize(text), of: text) {
                Issue.record("\(fault) in \(text.debugDescription)")
                return
            }
        }
    }
}
