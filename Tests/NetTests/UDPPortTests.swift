// SPDX-License-Identifier: Apache-2.0
import Base
import CLinux
import Testing

@testable import Net

/// What a port received, with its source.
final class Inbox {
    var datagrams: [(bytes: [UInt8], source: SocketAddress)] = []

    func port(on loop: Loop, _ ip: IPAddress = .loopback) throws -> UDPPort {
        try UDPPort(on: loop, bindingTo: ip) { self.datagrams.append(($0, $1)) }
    }
}

struct UDPPortTests {
    @Test(arguments: [IPAddress.loopback, .loopbackV6])
    func datagramsArriveWithTheirSource(ip: IPAddress) async throws {
        try await withLoop { loop in
            let inbox = OnLoop(Inbox())
            let (from, to) = try await on(loop) {
                let receiver = try inbox.value.port(on: loop, ip)
                let sender = try UDPPort(on: loop, bindingTo: ip) { _, _ in }
                #expect(sender.send([1, 2, 3], to: receiver.localAddress))
                #expect(sender.send([], to: receiver.localAddress))
                return (sender.localAddress, receiver.localAddress)
            }
            #expect(to.ip == ip && to.port != 0)
            try await eventually { await loop.run { inbox.value.datagrams.count == 2 } }
            #expect(await loop.run { inbox.value.datagrams.map(\.source) } == [from, from])
            #expect(await loop.run { inbox.value.datagrams.map(\.bytes) } == [[1, 2, 3], []])
        }
    }

    @Test func anIPv6PortLeavesTheIPv4PortOfItsNumberFree() async throws {
        try await withLoop { loop in
            try await on(loop) {
                let any = IPAddress.v6(high: 0, low: 0)
                let six = try UDPPort(on: loop, bindingTo: any) { _, _ in }
                let port = six.localAddress.port
                // An address that no other test binds.
                let own = IPAddress.v4(0x7F00_004D)
                let four = try UDPPort(on: loop, bindingTo: own, ports: port...port) { _, _ in }
                #expect(four.localAddress.port == port)
            }
        }
    }

    @Test func aFullRangeIsRefusedAndAHalfFullOneServes() async throws {
        try await withLoop { loop in
            try await on(loop) {
                let first = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                let port = first.localAddress.port
                #expect(throws: SystemError(call: "bind", code: EADDRINUSE)) {
                    try UDPPort(on: loop, bindingTo: .loopback, ports: port...port) { _, _ in }
                }
                let range = (port & ~15)...(port | 15)
                for _ in 0..<4 {
                    let other = try UDPPort(on: loop, bindingTo: .loopback, ports: range) { _, _ in
                    }
                    #expect(range.contains(other.localAddress.port))
                    #expect(other.localAddress.port != port)
                }
            }
        }
    }

    @Test func connectingKeepsThePortDropsStrangersAndCanBeDoneAgain() async throws {
        try await withLoop { loop in
            let inbox = OnLoop(Inbox())
            let ports = OnLoop([UDPPort]())
            try await on(loop) {
                let port = try inbox.value.port(on: loop)
                let peers = try (0..<2).map { _ in
                    try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                }
                ports.value = [port] + peers
                // Queued before the connection, so the kernel still delivers it.
                peers[1].send([9], to: port.localAddress)
                let before = port.localAddress
                try port.connect(to: peers[0].localAddress)
                peers[0].send([1], to: port.localAddress)
                #expect(try SocketAddress(localOf: port.descriptor) == before)
            }
            try await eventually { await loop.run { inbox.value.datagrams.count == 1 } }
            try await on(loop) {
                let (port, peers) = (ports.value[0], ports.value[1...])
                #expect(port.counts.strangers == 1)
                #expect(inbox.value.datagrams[0].bytes == [1])
                let before = port.localAddress
                try port.connect(to: peers[2].localAddress)
                #expect(try SocketAddress(localOf: port.descriptor) == before)
                peers[2].send([2], to: port.localAddress)
                #expect(port.send([3], to: peers[1].localAddress), "sending elsewhere works")
            }
            try await eventually { await loop.run { inbox.value.datagrams.count == 2 } }
            #expect(await loop.run { inbox.value.datagrams[1].bytes } == [2])
        }
    }

    @Test func aRefusalCostsNoDatagram() async throws {
        try await withLoop { loop in
            try await on(loop) {
                let gone = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                let address = gone.localAddress
                gone.close()
                let port = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                try port.connect(to: address)
                #expect(port.send([1], to: address))
                let heard = OnLoop([UInt8]())
                let back = try UDPPort(
                    on: loop, bindingTo: .loopback, ports: address.port...address.port
                ) { bytes, _ in heard.value += bytes }
                // The ICMP error of the first one waits on the socket.
                #expect(port.send([2], to: address))
                #expect(port.counts.refusals == 1)
                #expect(port.counts.sent == 2)
                #expect(back.pollForTests() == [2])
            }
        }
    }

    @Test func anErrorWithoutDataIsReadAndTheLoopDoesNotSpin() async throws {
        try await withLoop { loop in
            let held = OnLoop<UDPPort?>(nil)
            try await on(loop) {
                let gone = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                let address = gone.localAddress
                gone.close()
                let port = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                try port.connect(to: address)
                port.send([1], to: address)
                held.value = port
            }
            // EPOLLERR alone: no datagram ever comes.
            try await eventually { await loop.run { held.value?.counts.refusals == 1 } }
            // An error that was not taken would be told in every round: a loop that is at rest
            // makes one round per wake-up of ours.
            let rounds = await loop.run { loop.rounds }
            for _ in 0..<10 { await loop.run {} }
            #expect(await loop.run { loop.rounds } <= rounds + 11)
        }
    }

    @Test func aRoundReadsABoundedNumberOfDatagrams() async throws {
        try await withLoop { loop in
            let byRound = OnLoop([UInt64: Int]())
            try await on(loop) {
                let port = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in
                    byRound.value[loop.rounds, default: 0] += 1
                }
                let sender = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                for _ in 0..<40 { sender.send([0], to: port.localAddress) }
            }
            try await eventually {
                await loop.run { byRound.value.values.reduce(0, +) == 40 }
            }
            #expect(await loop.run { byRound.value.values.max() } == UDPPort.maxReceives)
        }
    }

    @Test func longDatagramsAreCountedNotCut() async throws {
        try await withLoop { loop in
            let inbox = OnLoop(Inbox())
            let port = OnLoop<UDPPort?>(nil)
            try await on(loop) {
                let receiver = try inbox.value.port(on: loop)
                port.value = receiver
                let sender = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                sender.send([UInt8](repeating: 1, count: 2049), to: receiver.localAddress)
                sender.send([UInt8](repeating: 2, count: 2048), to: receiver.localAddress)
                #expect(
                    !sender.send([UInt8](repeating: 2, count: 70000), to: receiver.localAddress))
                #expect(sender.counts.droppedTooLong == 1)
            }
            try await eventually { await loop.run { inbox.value.datagrams.count == 1 } }
            #expect(await loop.run { port.value?.counts.truncated } == 1)
        }
    }

    @Test func aCallbackMayCloseItsPort() async throws {
        try await withLoop { loop in
            let heard = OnLoop(0)
            try await on(loop) {
                let port = OnLoop<UDPPort?>(nil)
                port.value = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in
                    heard.value += 1
                    port.value?.close()
                }
                let sender = try UDPPort(on: loop, bindingTo: .loopback) { _, _ in }
                for _ in 0..<3 { sender.send([0], to: port.value!.localAddress) }
            }
            try await eventually { await loop.run { heard.value == 1 } }
            for _ in 0..<3 { await loop.run {} }
            #expect(await loop.run { heard.value } == 1)
        }
    }

    @Test func theRouteTellsTheSource() {
        #expect(UDPPort.localAddress(toward: SocketAddress(.loopback, port: 1)) == .loopback)
        #expect(UDPPort.localAddress(toward: SocketAddress(.loopbackV6, port: 0)) == .loopbackV6)
    }
}

extension UDPPort {
    /// What waits in the socket, read around the loop.
    func pollForTests() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? [] : Array(buffer[..<count])
    }
}
