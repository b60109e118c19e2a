// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import WebRTC

/// Bytes that no honest peer sends.
@Suite struct DTLSHostileTests {
    @Test func junkIsCountedAndChangesNothing() throws {
        var pair = try DTLSPair()
        pair.server.connection.start(at: pair.time)
        let junk: [[UInt8]] = [
            [], [22], [0, 1, 0, 0], [0x80, 0x6F, 1, 2], [UInt8](repeating: 22, count: 40),
            [22, 0xFE, 0xFD] + [UInt8](repeating: 0, count: 8) + [0xFF, 0xFF],
            [19, 0xFE, 0xFD] + [UInt8](repeating: 0, count: 10),
            [22, 3, 3] + [UInt8](repeating: 0, count: 10),
            [UInt8](repeating: 22, count: DTLSConnection.datagramBytesMax + 1),
        ]
        for datagram in junk { pair.server.connection.receive(datagram, at: pair.time) }
        #expect(pair.server.connection.statistics.datagramsIgnored == UInt64(junk.count))
        #expect(pair.server.connection.poll() == nil)
        pair.connect()
        #expect(pair.client.isConnected && pair.server.isConnected)
    }

    @Test func waitingListIsBounded() throws {
        var pair = try DTLSPair()
        pair.client.connection.start(at: pair.time)
        let hello = try #require(DTLSPair.drain(&pair.client).first)
        for _ in 0..<100 { pair.server.connection.receive(hello, at: pair.time) }
        let statistics = pair.server.connection.statistics
        #expect(statistics.datagramsOverflowed == UInt64(100 - DTLSConnection.parkedMax))
        pair.server.connection.start(at: pair.time)
        pair.exchange()
        #expect(pair.client.isConnected && pair.server.isConnected)
    }

    @Test func nothingIsReadAfterTheEnd() throws {
        var pair = try DTLSPair()
        pair.connect()
        try pair.client.connection.send([1], at: pair.time)
        let record = DTLSPair.drain(&pair.client)
        pair.server.connection.close(at: pair.time)
        for datagram in record { pair.server.connection.receive(datagram, at: pair.time) }
        _ = DTLSPair.drain(&pair.server)
        #expect(pair.server.received.isEmpty)
        #expect(pair.server.connection.statistics.datagramsIgnored == 1)
        pair.server.connection.start(at: pair.time)
        pair.server.connection.close(at: pair.time)
        pair.server.connection.tick(at: pair.time + .seconds(60))
        #expect(pair.server.connection.poll() == nil)
        #expect(pair.server.connection.state == .closed)
    }

    @Test func replayedAndForgedRecordsCarryNothing() throws {
        var pair = try DTLSPair()
        pair.connect()
        try pair.client.connection.send([1, 2, 3], at: pair.time)
        let record = try #require(DTLSPair.drain(&pair.client).first)
        for bit in 0..<record.count * 8 {
            var forged = record
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            pair.server.connection.receive(forged, at: pair.time)
        }
        for _ in 0..<3 { pair.server.connection.receive(record, at: pair.time) }
        _ = DTLSPair.drain(&pair.server)
        #expect(pair.server.received == [[1, 2, 3]])
        #expect(pair.server.connection.state == .connected)
    }

    /// An alert in the clear is nobody's: anyone can send one.
    @Test func forgedAlertDoesNotEndAConnection() throws {
        var pair = try DTLSPair()
        pair.connect()
        for sequence in 0..<4 as Range<UInt8> {
            let alert: [UInt8] = [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, sequence, 0, 2, 2, 40]
            pair.server.connection.receive(alert, at: pair.time)
            pair.client.connection.receive(alert, at: pair.time)
        }
        pair.exchange()
        #expect(pair.client.connection.state == .connected)
        #expect(pair.server.connection.state == .connected)
    }

    @Test func secondHelloDoesNotRenegotiate() throws {
        var pair = try DTLSPair()
        pair.connect()
        var other = try DTLSPair()
        other.client.connection.start(at: other.time)
        for hello in DTLSPair.drain(&other.client) {
            pair.server.connection.receive(hello, at: pair.time)
        }
        pair.exchange()
        #expect(pair.server.connection.state == .connected)
        try pair.server.connection.send([1], at: pair.time)
        pair.exchange()
        #expect(pair.client.received == [[1]])
    }

    /// 20,000 datagrams: those of an honest handshake, changed, at every point of it.
    @Test(arguments: 0..<10 as Range<UInt64>) func mutatedDatagramsNeverMislead(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        var delivered = 0
        while delivered < 2_000 {
            var pair = try DTLSPair()
            var sent: [[UInt8]] = []
            let rate = Double.random(in: 0...0.3, using: &random)
            let drawn = random.next()
            var inner = SeededRandom(seed: drawn)
            pair.wire = { _, datagram in
                sent.append(datagram)
                delivered += 1
                guard Double.random(in: 0..<1, using: &inner) < rate else { return datagram }
                return Self.mutate(datagram, corpus: sent, using: &inner)
            }
            pair.connect()
            for round in 0..<3 {
                // What was seen, again and changed, in both directions.
                for _ in 0..<20 {
                    guard let old = sent.randomElement(using: &inner) else { continue }
                    let datagram = Self.mutate(old, corpus: sent, using: &inner)
                    delivered += 2
                    pair.client.connection.receive(datagram, at: pair.time)
                    pair.server.connection.receive(datagram, at: pair.time)
                }
                pair.time += .milliseconds(200)
                pair.client.connection.tick(at: pair.time)
                pair.server.connection.tick(at: pair.time)
                try? pair.client.connection.send([UInt8(round)], at: pair.time)
                pair.exchange()
            }
            for (side, expected) in [
                (pair.client, DTLSPair.bob), (pair.server, DTLSPair.alice),
            ] where side.isConnected {
                #expect(
                    side.connection.parameters?.remoteFingerprint == expected.fingerprint)
            }
            let genuine: Set<[UInt8]> = [[0], [1], [2]]
            #expect(pair.client.received.isEmpty)
            #expect(genuine.isSuperset(of: pair.server.received))
        }
    }

    private static func mutate(
        _ datagram: [UInt8], corpus: [[UInt8]], using random: inout SeededRandom
    ) -> [UInt8] {
        var bytes = datagram
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[index] = [0, 1, 0x7F, 0xFF].randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(index...)
            case 3: bytes.insert(contentsOf: random.bytes(3), at: index)
            case 4:
                // The header of a record or a handshake message is where lengths are.
                bytes[min(bytes.count - 1, Int.random(in: 0..<25, using: &random))] =
                    UInt8.random(in: 0...255, using: &random)
            case 5: bytes += corpus.randomElement(using: &random) ?? []
            default: bytes = Array(bytes[index...] + bytes[..<index])
            }
        }
        return bytes
    }
}
