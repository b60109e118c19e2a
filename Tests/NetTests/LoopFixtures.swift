// SPDX-License-Identifier: Apache-2.0
import Base
import Glibc
import Testing

@testable import Net

/// A loop that runs for the length of `body`.
func withLoop<Value>(
    stallLimit: Duration = .seconds(1), _ body: (Loop) async throws -> Value
) async throws -> Value {
    let loop = try Loop(name: "test", stallLimit: stallLimit)
    try loop.start()
    defer { loop.stop() }
    return try await body(loop)
}

/// Runs `body` on the loop; what it captures is the loop's for that time.
@discardableResult
func on<Value: Sendable>(
    _ loop: Loop, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await loop.run(body)
}

/// Tests' state that only the loop's thread touches.
final class OnLoop<Value>: @unchecked Sendable {
    // SAFETY: touched on the loop's thread only.
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// A non-blocking pipe that is closed with its last owner.
final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(write(writer, bytes, bytes.count) == bytes.count)
    }

    @discardableResult
    func drain() -> Int {
        var buffer = [UInt8](repeating: 0, count: 65536)
        return read(reader, &buffer, buffer.count)
    }
}

/// Asks again and again, up to two minutes: the machine may be busy.
func eventually(
    _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = Loop.now + .seconds(120)
    while Loop.now < end {
        if try await condition() { return }
        await Task.yield()
    }
    Issue.record("the condition did not come true", sourceLocation: sourceLocation)
}
