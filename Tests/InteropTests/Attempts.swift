// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import TestSupport
import Testing

/// Runs a test case again where it fell.
///
/// For tests in which foreign programs hear, in real time, what another program plays: a machine that
/// is shared may take the processor from any of them for longer than a jitter buffer holds, and what
/// they then report says nothing of this package. No fall is lost: the runner prints those before the
/// last attempt as known issues and counts them in its summary. Tests whose time is an argument have
/// none of this.
struct Attempts: TestTrait, SuiteTrait, TestScoping {
    /// Which attempt the test that asks is in, from 1.
    @TaskLocal static var number = 1

    let most: Int
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        for number in 1..<most {
            let falls = Falls()
            try await Self.$number.withValue(number) {
                try await withKnownIssue("attempt \(number) of \(most)", isIntermittent: true) {
                    try await body()
                } matching: { _ in
                    falls.add()
                    return true
                }
            }
            if falls.isEmpty { return }
            await waiting { Self.waitForCalm() }
        }
        try await Self.$number.withValue(most, operation: body)
    }

    /// Waits until the machine lets a thread run when it is due, half a minute at most: what took the
    /// processor once is likely to be there still.
    private static func waitForCalm() {
        for _ in 0..<15 {
            var worst = Duration.zero
            for _ in 0..<200 {
                let due = LoopbackSocket.now + .milliseconds(10)
                poll(nil, 0, 10)
                worst = max(worst, LoopbackSocket.now - due)
            }
            if worst < .milliseconds(10) { return }
        }
    }

    /// Whether an attempt had an issue; matchers are called wherever issues are recorded.
    private final class Falls: @unchecked Sendable {
        // SAFETY: `count` is read and written under `lock` alone.
        private let lock = NSLock()
        private var count = 0

        var isEmpty: Bool { lock.withLock { count == 0 } }

        func add() { lock.withLock { count += 1 } }
    }
}

extension Trait where Self == Attempts {
    /// Who falls so often in a row fell for a reason.
    static func attempts(_ most: Int) -> Self { Attempts(most: most) }
}
