// SPDX-License-Identifier: Apache-2.0
import Base
import Glibc
import Testing

@testable import Net

/// A child and what it told, for tests on the loop.
final class Ward {
    var child: ChildProcess?
    var events: [ChildProcess.Event] = []
    var onEvent: (ChildProcess.Event) -> Void = { _ in }

    init(on loop: Loop, _ script: String, errors: Bool = false) throws {
        child = try ChildProcess(
            on: loop,
            ChildProcess.Command(
                path: "/bin/sh", arguments: ["-c", script], isErrorCaptured: errors),
            framing: .lines(maxLength: 1024)
        ) {
            self.events.append($0)
            self.onEvent($0)
        }
    }

    var lines: [String] {
        events.compactMap {
            if case .output(let line) = $0 { String(decoding: line, as: UTF8.self) } else { nil }
        }
    }
    var exit: ChildProcess.Exit? {
        if case .exited(let exit) = events.last { exit } else { nil }
    }

    static func start(
        on loop: Loop, _ script: String, errors: Bool = false
    ) async throws -> OnLoop<Ward> {
        try await loop.run { OnLoop(try Ward(on: loop, script, errors: errors)) }
    }
}

struct ChildProcessTests {
    @Test func linesGoInAndOutAndItEndsWithItsInput() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(
                on: loop, "while read -r line; do echo \"<$line>\"; done; exit 7")
            try await on(loop) {
                #expect(ward.value.child!.send(Array("one\ntwo\n".utf8)))
                ward.value.child!.finish()
            }
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(await loop.run { ward.value.lines } == ["<one>", "<two>"])
            #expect(await loop.run { ward.value.exit } == .code(7))
        }
    }

    @Test func standardErrorComesApart() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(on: loop, "echo out; echo err >&2", errors: true)
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(
                await loop.run { ward.value.events }.contains(.errorOutput(Array("err".utf8))))
            #expect(await loop.run { ward.value.lines } == ["out"])
        }
    }

    @Test func aDeadOneIsToldWithItsSignalAfterWhatItWrote() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(on: loop, "echo last; kill -9 $$")
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(await loop.run { ward.value.exit } == .signal(9))
            #expect(await loop.run { ward.value.lines } == ["last"])
        }
    }

    @Test func oneThatDoesNotEndWithItsInputIsKilled() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(
                on: loop, "trap '' TERM HUP; echo up; exec sleep 1000")
            try await eventually { await loop.run { ward.value.lines == ["up"] } }
            await loop.run { ward.value.child!.stop(grace: .milliseconds(10)) }
            try await eventually { await loop.run { ward.value.exit == .signal(9) } }
        }
    }

    @Test func aMissingProgramIsAnErrorAndLeavesNothingOpen() async throws {
        try await withLoop { loop in
            try await on(loop) {
                let command = ChildProcess.Command(path: "/nowhere/program")
                #expect(throws: SystemError(call: "posix_spawn", code: ENOENT)) {
                    try ChildProcess(on: loop, command, framing: .none) { _ in }
                }
            }
        }
    }

    @Test func signalsBlockedInUsAreNotBlockedInIt() async throws {
        try await withLoop { loop in
            // The loop's thread blocks SIGTERM and the test process may ignore SIGPIPE.
            let ward = try await Ward.start(on: loop, "kill -TERM $$; echo alive")
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(await loop.run { ward.value.exit } == .signal(15))
        }
    }

    @Test func ofADescriptorOfOursItInheritsNothing() async throws {
        // Not even what somebody else in the process opened without close-on-exec.
        let foreign = open("/dev/null", O_RDONLY)
        defer { close(foreign) }
        try await withLoop { loop in
            let ward = try await Ward.start(on: loop, "ls /proc/$$/fd")
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(await loop.run { ward.value.lines } == ["0", "1", "2"])
        }
    }

    @Test func theEndWaitsForAReaderThatPauses() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(on: loop, "read -r x; echo one; echo two")
            try await on(loop) {
                ward.value.child!.pauseReading()
                ward.value.child!.send(Array("go\n".utf8))
            }
            try await eventually { await loop.run { ward.value.child!.pid == 0 } }
            #expect(await loop.run { ward.value.lines.isEmpty && ward.value.exit == nil })
            await loop.run { ward.value.child!.resumeReading() }
            try await eventually { await loop.run { ward.value.exit == .code(0) } }
            #expect(await loop.run { ward.value.lines } == ["one", "two"])
        }
    }

    @Test func aLineWithoutEndEndsTheReading() async throws {
        try await withLoop { loop in
            let ward = try await Ward.start(
                on: loop, "i=0; while [ $i -lt 200 ]; do printf 0123456789; i=$((i+1)); done")
            try await eventually { await loop.run { ward.value.exit != nil } }
            #expect(
                await loop.run { ward.value.events }
                    .contains(.outputEnded(SystemError(call: "frame", code: EBADMSG))))
        }
    }

    @Test func aChildThatIsStillThereWhenTheLoopEndsDiesWithIt() async throws {
        let loop = try Loop(name: "test")
        try loop.start()
        var ward: OnLoop<Ward>? = try await Ward.start(on: loop, "read -r x; read -r x")
        let pid = await loop.run { [ward] in ward!.value.child!.pid }
        await loop.run { [ward] in ward!.value.child = nil }
        loop.stop()
        ward = nil
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }
}
