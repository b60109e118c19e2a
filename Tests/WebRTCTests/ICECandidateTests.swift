// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct ICECandidateTests {
    /// Lines as livekit-server, libwebrtc (Python SDK, Chromium) and pion wrote them.
    @Test(arguments: [
        "candidate:4203768530 1 udp 2130706431 127.0.0.1 7882 typ host",
        "candidate:1052353102 1 tcp 1671430143 127.0.0.1 7881 typ host tcptype passive",
        "candidate:2130706431 1 udp 2130706431 127.0.0.1 7882 typ host ufrag ODAsxSvlJwJvbVGB",
        "candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 0.0.0.0 rport 0",
        "candidate:1 2 udp 1 2001:db8::7 9 typ relay raddr 192.0.2.7 rport 5 generation 0",
        "candidate:9 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0",
        "candidate:9 1 tcp 1518280447 192.0.2.1 9 typ host tcptype so",
        "candidate:a+/Z 1 udp 1 192.0.2.1 1 typ prflx raddr 10.0.0.1 rport 7 network-cost 50",
    ])
    func linesSurvive(line: String) throws {
        #expect(try ICECandidate(parsing: line).line == line)
        #expect(try ICECandidate(parsing: "a=" + line + "\r\n").line == line)
        #expect(try ICECandidate(parsing: line.dropFirst(10)).line == line)
    }

    @Test func fieldsAreRead() throws {
        let candidate = try ICECandidate(
            parsing: "candidate:1 1 UDP 2122260223 10.77.0.1 51562 TYP Srflx raddr 10.0.0.2 "
                + "rport 5 generation 3 network-id 3 network-cost 50 ufrag abcd what ever")
        #expect(candidate.kind == .srflx)
        #expect(candidate.transport == .udp)
        #expect(candidate.address == SocketAddress("10.77.0.1:51562"))
        #expect(candidate.relatedAddress == SocketAddress("10.0.0.2:5"))
        #expect(candidate.generation == 3)
        #expect(candidate.networkCost == 50)
        #expect(candidate.ufrag == "abcd")
        #expect(candidate.tcpType == nil)
    }

    @Test(
        arguments: [
            ("", .empty),
            ("candidate:", .empty),
            ("a=candidate: ", .empty),
            ("candidate:1 1 udp 1 192.0.2.1 1 typ", .malformed),
            ("candidate:1 1 udp 1 192.0.2.1 1 type host", .malformed),
            ("candidate:1 0 udp 1 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 257 udp 1 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 1 udp 4294967296 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 1 udp -1 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 1 udp +1 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", .malformed),
            ("candidate:1 1 udp 1 192.0.2.256 1 typ host", .malformed),
            ("candidate:1 1 udp 1 fe80::1%eth0 1 typ host", .malformed),
            ("candidate:1 1 tcp 1 192.0.2.1 1 typ host", .malformed),
            ("candidate:1 1 tcp 1 192.0.2.1 1 typ host tcptype late", .malformed),
            (
                "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host",
                .malformed
            ),
            ("candidate:1 1 sctp 1 192.0.2.1 1 typ host", .unsupportedTransport("sctp")),
            ("candidate:1 1 udp 1 192.0.2.1 1 typ magic", .unsupportedKind("magic")),
            ("candidate:1 1 udp 1 example.org 1 typ host", .unresolvableName("example.org")),
            (
                "candidate:1 1 udp 1 1f2e3d4c-0000-4abc-8def-001122334455.local 1 typ host",
                .unresolvableName("1f2e3d4c-0000-4abc-8def-001122334455.local")
            ),
        ] as [(String, ICECandidateError)])
    func badLinesAreNamed(line: String, error: ICECandidateError) {
        #expect(throws: error) { try ICECandidate(parsing: line) }
    }

    @Test func longLinesAreRefused() {
        let line = "candidate:1 1 udp 1 192.0.2.1 1 typ host"
        #expect(throws: ICECandidateError.tooLong) {
            try ICECandidate(parsing: line + String(repeating: " ", count: 1024))
        }
        #expect(throws: Never.self) {
            try ICECandidate(parsing: line + String(repeating: " x", count: 400))
        }
    }

    @Test func prioritiesAreThoseOfTheStandard() {
        // What livekit-server and libwebrtc announce for their first host candidate.
        #expect(ICEPriority.candidate(.host, localPreference: 65535) == 2_130_706_431)
        #expect(ICEPriority.candidate(.host, localPreference: 65535, component: 2) == 2_130_706_430)
        #expect(ICEPriority.candidate(.srflx, localPreference: 65535) == 1_694_498_815)
        #expect(ICEPriority.candidate(.prflx, localPreference: 65535) == 1_862_270_975)
        #expect(ICEPriority.candidate(.relay, localPreference: 65535) == 16_777_215)
        #expect(ICEPriority.pair(controlling: 1, controlled: 2) == 1 << 32 + 4)
        #expect(ICEPriority.pair(controlling: 2, controlled: 1) == 1 << 32 + 5)
        #expect(
            ICEPriority.pair(controlling: .max, controlled: .max) == 0x7FFF_FFFF << 32 + 0xFFFF_FFFE
        )
    }

    @Test func credentialsAreCheckedAndHidden() throws {
        let password = String(repeating: "p", count: 22)
        #expect(ICECredentials(ufrag: "abc", password: password) == nil)
        #expect(ICECredentials(ufrag: "abcd", password: String(password.dropLast())) == nil)
        #expect(ICECredentials(ufrag: "ab:d", password: password) == nil)
        #expect(ICECredentials(ufrag: "abcé", password: password) == nil)
        #expect(
            ICECredentials(ufrag: String(repeating: "u", count: 257), password: password) == nil)
        let credentials = try #require(ICECredentials(ufrag: "a+/9", password: password))
        #expect(!"\(credentials)".contains(password))
        #expect(!String(reflecting: credentials).contains(password))
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains(password))
    }

    @Test func drawnCredentialsAreValidAndFresh() {
        var random = SeededRandom(seed: 1)
        let first = ICECredentials(using: &random)
        let second = ICECredentials(using: &random)
        #expect(first != second)
        #expect(ICECredentials(ufrag: first.ufrag, password: first.password) == first)
        #expect(first.ufrag.count == 8 && first.password.count == 24)
    }

    /// 30,000 mutated lines: what is taken is written and read back the same.
    @Test func mutatedLinesNeverTrap() throws {
        var random = SeededRandom(seed: 77)
        let line = Array(
            ("candidate:842163049 1 udp 1677729535 2001:db8::7 46154 typ srflx raddr 10.0.0.1 "
                + "rport 9 tcptype passive generation 0 ufrag abcd network-cost 50").utf8)
        var taken = 0
        for _ in 0..<30_000 {
            var bytes = line
            STUNBytes.mutate(&bytes, using: &random)
            let text = String(decoding: bytes, as: UTF8.self)
            guard let candidate = try? ICECandidate(parsing: text) else { continue }
            taken += 1
            #expect(try ICECandidate(parsing: candidate.line) == candidate)
        }
        #expect(taken > 5_000)
    }
}
