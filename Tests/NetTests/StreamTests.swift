// SPDX-License-Identifier: Apache-2.0
import Base
import CLinux
import Testing

@testable import Net

/// A connection's events, in order.
final class Log {
    var events: [TCPConnection.Event] = []
    var received: [UInt8] {
        events.reduce(into: []) { if case .received(let bytes) = $1 { $0 += bytes } }
    }
    func count(_ event: TCPConnection.Event) -> Int { events.filter { $0 == event }.count }
}

struct FramingTests {
    private func frames(_ framing: Framing, _ pieces: [[UInt8]]) -> [FrameBuffer.Step] {
        var buffer = FrameBuffer(framing: framing)
        var steps: [FrameBuffer.Step] = []
        for piece in pieces {
            buffer.append(piece)
            while true {
                let step = buffer.next()
                if step == .incomplete { break }
                steps.append(step)
                if step == .invalid { return steps }
            }
        }
        return steps
    }

    @Test func packetsOfRFC4571ComeWholeHoweverTheyAreCut() {
        let bytes: [UInt8] = [0, 3, 1, 2, 3, 0, 0, 0, 1, 9]
        let expected: [FrameBuffer.Step] = [.frame([1, 2, 3]), .frame([]), .frame([9])]
        #expect(frames(.rfc4571, [bytes]) == expected)
        #expect(frames(.rfc4571, bytes.map { [$0] }) == expected)
    }

    @Test func turnFramesLoseTheirPaddingAndKeepTheirHeader() {
        let stun: [UInt8] = [0, 1, 0, 4] + [UInt8](repeating: 7, count: 20)
        let channel: [UInt8] = [0x40, 0, 0, 3, 1, 2, 3, 0]
        let expected: [FrameBuffer.Step] = [.frame(stun), .frame([0x40, 0, 0, 3, 1, 2, 3])]
        #expect(frames(.turn, [stun + channel]) == expected)
        #expect(frames(.turn, (stun + channel).map { [$0] }) == expected)
        #expect(frames(.turn, [[0x80, 0, 0, 0]]) == [.invalid])
        #expect(frames(.turn, [[0, 1, 0, 3]]) == [.invalid])
    }

    @Test func aLineThatNeverEndsIsRefused() {
        let line = Framing.lines(maxLength: 4)
        #expect(
            frames(line, [Array("ab\n\nabc\n".utf8)]) == [
                .frame(Array("ab".utf8)), .frame([]), .frame(Array("abc".utf8)),
            ])
        #expect(frames(line, [Array("abcd".utf8)]) == [.invalid])
        #expect(frames(line, [Array("abcd\n".utf8)]) == [.invalid])
    }

    @Test func theOutBufferTakesAllOrNothing() {
        var buffer = OutBuffer(capacity: 4)
        var taken = [buffer.append([1, 2, 3]), buffer.append([4, 5])]
        buffer.removeFirst(2)
        taken.append(buffer.append([4, 5]))
        #expect(taken == [true, false, true])
        #expect(Array(buffer.pending) == [3, 4, 5])
        buffer.removeFirst(3)
        #expect(buffer.isEmpty)
    }
}

/// A listener, a connection to it and the accepted side.
final class Pair {
    let listener: TCPListener
    var client: TCPConnection?
    var server: TCPConnection?
    let clientLog = Log()
    let serverLog = Log()

    init(on loop: Loop, framing: Framing = .none, capacity: Int = 1 << 18) throws {
        let accepted = OnLoop<((Int32, SocketAddress) -> Void)?>(nil)
        listener = try TCPListener(
            on: loop, bindingTo: SocketAddress(.loopback, port: 0)
        ) { accepted.value?($0, $1) }
        accepted.value = { [weak self, serverLog] descriptor, peer in
            self?.server = try? TCPConnection(
                on: loop, adopting: descriptor, remote: peer, framing: framing,
                outputCapacity: capacity
            ) { serverLog.events.append($0) }
        }
        client = try TCPConnection(
            on: loop, to: listener.localAddress, limit: .seconds(5), framing: framing,
            outputCapacity: capacity
        ) { [clientLog] in clientLog.events.append($0) }
    }

    static func open(
        on loop: Loop, framing: Framing = .none, capacity: Int = 1 << 18
    ) async throws -> OnLoop<Pair> {
        let pair = try await on(loop) {
            OnLoop(try Pair(on: loop, framing: framing, capacity: capacity))
        }
        try await eventually {
            await loop.run {
                pair.value.server != nil && pair.value.clientLog.events.contains(.opened)
            }
        }
        return pair
    }
}

struct TCPTests {
    @Test func bytesGoBothWaysAndEachSideEndsInOrder() async throws {
        try await withLoop { loop in
            let pair = try await Pair.open(on: loop)
            try await on(loop) {
                let (client, server) = (pair.value.client!, pair.value.server!)
                #expect(client.send([1, 2]))
                #expect(server.send([3]))
                client.finish()
                #expect(!client.send([4]), "nothing after the end")
            }
            try await eventually {
                await loop.run { pair.value.serverLog.events.contains(.peerFinished) }
            }
            try await on(loop) {
                // Half closed: this direction still works.
                #expect(pair.value.server!.send([5]))
                pair.value.server!.finish()
            }
            try await eventually {
                await loop.run {
                    pair.value.clientLog.count(.closed(nil)) == 1
                        && pair.value.serverLog.count(.closed(nil)) == 1
                }
            }
            #expect(await loop.run { pair.value.serverLog.received } == [1, 2])
            #expect(await loop.run { pair.value.clientLog.received } == [3, 5])
            #expect(await loop.run { pair.value.clientLog.events.last } == .closed(nil))
        }
    }

    @Test func aPeerThatDoesNotReadIsBoundedAndServedWhenItReads() async throws {
        try await withLoop { loop in
            let pair = try await Pair.open(on: loop, capacity: 1 << 16)
            let block = (0..<8192).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let sent = try await on(loop) {
                pair.value.server!.pauseReading()
                var sent = 0
                while pair.value.client!.send(block) { sent += block.count }
                #expect(pair.value.client!.pendingBytes <= 1 << 16)
                #expect(pair.value.client!.pendingBytes > 0)
                pair.value.server!.resumeReading()
                pair.value.client!.finish()
                return sent
            }
            try await eventually {
                await loop.run { pair.value.serverLog.events.contains(.peerFinished) }
            }
            let received = await loop.run { pair.value.serverLog.received }
            #expect(received.count == sent)
            #expect(received == (0..<sent / block.count).flatMap { _ in block })
            #expect(await loop.run { pair.value.clientLog.count(.drained) } >= 1)
        }
    }

    @Test func framesComeWholeAndNotWhilePaused() async throws {
        try await withLoop { loop in
            let pair = try await Pair.open(on: loop, framing: .rfc4571)
            try await on(loop) {
                pair.value.server!.pauseReading()
                pair.value.client!.send([0, 2, 1])
                pair.value.client!.send([2, 0, 1, 9, 0])
            }
            for _ in 0..<5 { await loop.run {} }
            #expect(await loop.run { pair.value.serverLog.events.isEmpty })
            await loop.run { pair.value.server!.resumeReading() }
            try await eventually { await loop.run { pair.value.serverLog.events.count == 2 } }
            #expect(
                await loop.run { pair.value.serverLog.events }
                    == [.received([1, 2]), .received([9])])
        }
    }

    @Test func whatWasSentBeforeTheEndIsReadAfterAPause() async throws {
        try await withLoop { loop in
            let pair = try await Pair.open(on: loop)
            try await on(loop) {
                pair.value.server!.pauseReading()
                pair.value.server!.finish()
                pair.value.client!.send([1, 2, 3])
                pair.value.client!.finish()
            }
            try await eventually {
                await loop.run { pair.value.clientLog.events.contains(.closed(nil)) }
            }
            // Hung up on both sides, and paused: must neither spin nor lose the bytes.
            let rounds = await loop.run { loop.rounds }
            for _ in 0..<10 { await loop.run {} }
            #expect(await loop.run { loop.rounds } <= rounds + 12)
            await loop.run { pair.value.server!.resumeReading() }
            try await eventually {
                await loop.run { pair.value.serverLog.events.contains(.closed(nil)) }
            }
            #expect(await loop.run { pair.value.serverLog.received } == [1, 2, 3])
        }
    }

    @Test func aResetIsToldOnce() async throws {
        try await withLoop { loop in
            let pair = try await Pair.open(on: loop)
            try await on(loop) {
                // Unread data turns close into a reset.
                pair.value.server!.pauseReading()
                pair.value.client!.send([1])
            }
            for _ in 0..<5 { await loop.run {} }
            await loop.run { pair.value.server!.close() }
            try await eventually {
                await loop.run {
                    pair.value.clientLog.events.contains {
                        if case .closed(let error) = $0 { error?.code == ECONNRESET } else { false }
                    }
                }
            }
            #expect(await loop.run { pair.value.serverLog.events.isEmpty })
        }
    }

    @Test func aRefusedConnectionAndALateOneAreTold() async throws {
        try await withLoop { loop in
            let log = OnLoop(Log())
            try await on(loop) {
                let (descriptor, address) = try TCPListener.listeningSocket(
                    at: SocketAddress(.loopback, port: 0))
                close(descriptor)
                _ = try TCPConnection(on: loop, to: address, limit: .seconds(5)) {
                    log.value.events.append($0)
                }
            }
            try await eventually { await loop.run { log.value.events.count == 1 } }
            #expect(
                await loop.run { log.value.events }
                    == [.closed(SystemError(call: "connect", code: ECONNREFUSED))])
            let late = OnLoop(Log())
            let full = OnLoop([TCPConnection]())
            try await on(loop) {
                // A full backlog answers no SYN.
                let (_, address) = try TCPListener.listeningSocket(
                    at: SocketAddress(.loopback, port: 0), backlog: 0)
                full.value = try (0..<4).map { _ in
                    try TCPConnection(on: loop, to: address, limit: .milliseconds(50)) {
                        late.value.events.append($0)
                    }
                }
            }
            try await eventually {
                await loop.run {
                    late.value.count(.closed(SystemError(call: "connect", code: ETIMEDOUT))) >= 2
                }
            }
        }
    }

    @Test func aLoopThatEndsLetsGoOfItsConnections() async throws {
        let loop = try Loop(name: "test")
        try loop.start()
        let pair = try await Pair.open(on: loop)
        weak var client: TCPConnection?
        weak var server: TCPConnection?
        try await on(loop) {
            pair.value.server!.send([1])
            pair.value.server!.pauseReading()
        }
        (client, server) = (pair.value.client, pair.value.server)
        await loop.run { (pair.value.client, pair.value.server) = (nil, nil) }
        #expect(client != nil && server != nil, "the loop holds them")
        loop.stop()
        #expect(client == nil && server == nil)
    }

    @Test func theListenerRestsWhenDescriptorsRunOut() async throws {
        try await withLoop { loop in
            let accepted = OnLoop([Int32]())
            let listener = OnLoop<TCPListener?>(nil)
            let isFull = OnLoop(false)
            let tries = OnLoop(0)
            let clients = OnLoop([TCPConnection]())
            try await on(loop) {
                let port = try TCPListener(
                    on: loop, bindingTo: SocketAddress(.loopback, port: 0)
                ) { descriptor, _ in accepted.value.append(descriptor) }
                listener.value = port
                let accept = port.accept
                port.accept = {
                    guard isFull.value else { return accept($0, &$1) }
                    tries.value += 1
                    return -EMFILE
                }
                isFull.value = true
                clients.value = [
                    try TCPConnection(on: loop, to: port.localAddress, limit: .seconds(5)) { _ in }
                ]
            }
            try await eventually { await loop.run { listener.value?.pauses ?? 0 >= 1 } }
            // At rest, not spinning, though a connection waits: one try a pause.
            for _ in 0..<5 { await loop.run {} }
            #expect(await loop.run { tries.value - (listener.value?.pauses ?? 0) } == 0)
            await loop.run { isFull.value = false }
            try await eventually { await loop.run { accepted.value.count == 1 } }
            await loop.run { accepted.value.forEach { _ = close($0) } }
        }
    }
}
