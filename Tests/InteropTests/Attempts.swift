// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Runs a test case once more where it fell.
///
/// For tests in which foreign programs hear, in real time, what another program plays: a machine that
/// is shared may take the processor from any of them for longer than a jitter buffer holds, and what
/// they then report says nothing of this package. The first fall is not lost: the runner prints it
/// as a known issue and counts it in its summary. Tests whose time is an argument have none of this.
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
        }
        try await Self.$number.withValue(most, operation: body)
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
    /// At most two: who falls twice in a row fell for a reason.
    static var twoAttempts: Self { Attempts(most: 2) }
}
