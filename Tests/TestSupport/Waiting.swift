// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Runs what blocks on a thread of its own. On the cooperative pool, two threads wide on a small
/// machine, it would hold up every other test until their deadlines pass; Dispatch starts another
/// thread only every second or so.
public func waiting<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
