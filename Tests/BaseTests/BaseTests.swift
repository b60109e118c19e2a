// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@Suite struct InstantTests {
    @Test func arithmeticIsExactAndClamped() {
        let start = Instant(nanoseconds: 1_000)
        #expect((start + .nanoseconds(5)) - start == .nanoseconds(5))
        #expect(start - .seconds(1) == .zero)
        #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
        #expect(start - (start + .milliseconds(2)) == .milliseconds(-2))
        #expect(Duration.milliseconds(1500).seconds == 1.5)
        #expect(soonest(nil, start) == start && soonest(start, .zero) == .zero)
    }
}

@Suite struct ByteTests {
    @Test func readerNeverReadsPastItsEnd() {
        var reader = ByteReader([1, 2, 3, 4, 5], in: 1..<4)
        let tooLong = reader.uint32()
        let first = reader.uint16()
        let past = reader.uint16()
        #expect(tooLong == nil && first == 0x0203 && past == nil)
        let negative = reader.array(-1)
        let skipped = reader.skip(2)
        let last = reader.uint8()
        #expect(negative == nil && !skipped && last == 4 && reader.isAtEnd)
        var wild = ByteReader([1], in: -5..<99)
        let rest = wild.rest()
        #expect(rest == [1])
    }

    @Test func writerAndReaderAgree() {
        var writer = ByteWriter()
        writer.uint8(1)
        writer.uint16(2)
        writer.uint24(3)
        writer.uint32(4)
        writer.uint64(5)
        writer.append("x")
        writer.pad(to: 4)
        writer.setUInt16(0xBEEF, at: 1)
        var reader = ByteReader(writer.bytes)
        let small = (reader.uint8(), reader.uint16(), reader.uint24())
        #expect(small == (1, 0xBEEF, 3))
        let large = (reader.uint32(), reader.uint64())
        #expect(large == (4, 5))
        let rest = reader.rest()
        #expect(rest == [0x78, 0])
    }
}

@Suite struct CollectionTests {
    @Test func ringKeepsOrderAndItsBound() {
        var ring = RingBuffer<Int>(capacity: 3)
        for number in 1...3 { ring.append(number) }
        let refused = !ring.append(4)
        #expect(refused && ring.isFull)
        let first = ring.popFirst()
        ring.append(4)
        #expect(first == 1 && ring[2] == 4 && ring[3] == nil)
        let dropped = ring.appendDroppingOldest(5)
        #expect(dropped == 2)
        var rest: [Int] = []
        while let next = ring.popFirst() { rest.append(next) }
        #expect(rest == [3, 4, 5])
    }

    @Test func heapGivesItsElementsInOrder() {
        var random = SeededRandom(seed: 11)
        var heap = Heap<Int>()
        let numbers = (0..<500).map { _ in Int.random(in: 0..<100, using: &random) }
        for number in numbers { heap.insert(number) }
        heap.filter { $0 % 2 == 0 }
        var sorted: [Int] = []
        while let next = heap.popFirst() { sorted.append(next) }
        #expect(sorted == numbers.filter { $0 % 2 == 0 }.sorted())
    }

    @Test func theSameSeedGivesTheSameNumbers() {
        var left = SeededRandom(seed: 42)
        var right = SeededRandom(seed: 42)
        let (a, b) = (left.bytes(64), right.bytes(64))
        #expect(a == b)
        var other = SeededRandom(seed: 43)
        let (next, different) = (left.next(), other.next())
        #expect(next != different)
    }
}

@Suite struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::"), ("2001:DB8::1", "2001:db8::1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("fe80::1:2:3:4", "fe80::1:2:3:4"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("0:0:1::", "0:0:1::"),
    ])
    func textSurvives(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", ":", ":::", "1::2::3",
        "1:2:3:4:5:6:7:8:9",
        "g::", "12345::", "::1.2.3.4:5", "1.2.3.4::", " 1.2.3.4", "1:2:3:4:5:6:7:8::",
    ])
    func nonsenseIsRefused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func kindsAreKnown() throws {
        #expect(IPAddress("127.3.2.1")?.isLoopback == true)
        #expect(IPAddress("::ffff:127.0.0.1")?.isLoopback == true)
        #expect(IPAddress("fe80::1")?.isLinkLocal == true)
        #expect(IPAddress("224.0.0.251")?.isMulticast == true)
        #expect(SocketAddress("[::1]:80")?.description == "[::1]:80")
        #expect(SocketAddress("1.2.3.4:65536") == nil && SocketAddress("::1:80") == nil)
    }
}
