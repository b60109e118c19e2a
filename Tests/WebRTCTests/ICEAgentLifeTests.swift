// SPDX-License-Identifier: Apache-2.0
import Base
import Crypto
import TestSupport
import Testing
import WebRTC

/// HMAC-SHA1 for messages that tests put together by hand.
func testHMAC(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] { hmacSHA1(key: key, bytes) }

@Suite struct ICEAgentCandidateTests {
    @Test func hostCandidatesAreTold() throws {
        var bench = ICEBench(role: .controlling, base: nil)
        for (base, isTaken) in [
            ("192.0.2.1:5000", true), ("192.0.2.1:5000", true), ("0.0.0.0:5", false),
            ("192.0.2.1:0", false),
        ] {
            let wasTaken = bench.agent.addLocalCandidate(base: SocketAddress(base)!)
            #expect(wasTaken == isTaken)
        }
        bench.agent.addLocalCandidate(base: SocketAddress("[2001:db8::1]:5000")!)
        bench.agent.addLocalCandidate(
            base: SocketAddress("10.0.0.1:7882")!,
            advertisedAs: SocketAddress("198.51.100.77:7882")!)
        bench.agent.endLocalCandidates()
        bench.tick()
        let candidates = bench.outputs.compactMap {
            if case .localCandidate(let candidate) = $0 { candidate } else { nil }
        }
        #expect(candidates == bench.agent.localCandidates)
        #expect(candidates.count == 3)
        #expect(candidates[0].address == ICEBench.base && candidates[0].priority == 2_130_706_431)
        #expect(candidates[2].address.ip == IPAddress("198.51.100.77"))
        #expect(candidates.allSatisfy { $0.ufrag == bench.mine.ufrag && $0.kind == .host })
        #expect(Set(candidates.map(\.foundation)).count == 3)
        #expect(bench.outputs.contains(.gatheringCompleted))
    }

    @Test(arguments: [
        "candidate:1 2 udp 1 198.51.100.1 6000 typ host",
        "candidate:1 1 udp 1 0.0.0.0 6000 typ host",
        "candidate:1 1 udp 1 224.0.0.1 6000 typ host",
        "candidate:1 1 udp 1 198.51.100.1 0 typ host",
    ])
    func uselessCandidatesAreDropped(line: String) throws {
        var bench = ICEBench(role: .controlling, remotes: [])
        bench.agent.addRemoteCandidate(try ICECandidate(parsing: line))
        #expect(bench.agent.statistics.candidatesDropped == 1)
        bench.advance(.seconds(31))
        #expect(bench.requests.isEmpty)
        #expect(bench.agent.state == .failed)
        #expect(bench.agent.statistics.reason == .noUsableCandidate)
    }

    @Test func tcpAndForeignFamiliesAreKeptButNotPaired() throws {
        var bench = ICEBench(role: .controlling, remotes: [])
        for line in [
            "candidate:1 1 tcp 1671430143 198.51.100.1 7881 typ host tcptype passive",
            "candidate:1 1 udp 1 2001:db8::1 6000 typ host",
        ] {
            bench.agent.addRemoteCandidate(try ICECandidate(parsing: line))
        }
        #expect(bench.agent.statistics.candidatesUnpaired == 1)
        #expect(bench.agent.statistics.pairs.total == 0)
        // A relayed candidate of the peer's is an address like any other.
        bench.agent.addRemoteCandidate(
            try ICECandidate(
                parsing: "candidate:1 1 udp 16777215 203.0.113.1 50000 typ relay raddr 0.0.0.0 "
                    + "rport 0"))
        #expect(bench.agent.statistics.pairs.waiting == 1)
    }

    @Test func basesPairOnlyWithWhatTheyReach() {
        var bench = ICEBench(role: .controlling, base: nil, remotes: [])
        for base in ["127.0.0.1:1", "[::1]:1", "[fe80::1]:1", "192.0.2.1:1", "[2001:db8::1]:1"] {
            bench.agent.addLocalCandidate(base: SocketAddress(base)!)
        }
        func waiting(_ remote: String) -> Int {
            var bench = bench
            bench.agent.addRemoteCandidate(ICEBench.host(SocketAddress(remote)!))
            return bench.agent.statistics.pairs.total
        }
        #expect(waiting("198.51.100.1:1") == 1)
        #expect(waiting("127.0.0.1:2") == 2)
        #expect(waiting("[2001:db8::2]:1") == 1)
        #expect(waiting("[fe80::2]:1") == 1)
        #expect(waiting("[::1]:2") == 2)
    }

    @Test func candidatesMayComeBeforeTheCredentialsAndForOtherGenerations() {
        var bench = ICEBench(role: .controlling, knowsRemote: false, remotes: [])
        var named = ICEBench.host(SocketAddress("198.51.100.2:1")!)
        named.ufrag = bench.theirs.ufrag
        var foreign = ICEBench.host(SocketAddress("198.51.100.3:1")!)
        foreign.ufrag = "another"
        for candidate in [ICEBench.host(ICEBench.remote), named, foreign] {
            bench.agent.addRemoteCandidate(candidate)
        }
        bench.agent.setRemote(credentials: bench.theirs, isLite: false)
        bench.advance(.milliseconds(300))
        #expect(Set(bench.requests.map(\.to)) == [ICEBench.remote, named.address])
        for number in 0..<200 as Range<UInt16> {
            foreign.address.port = number
            bench.agent.addRemoteCandidate(foreign)
        }
        #expect(bench.agent.statistics.candidatesDropped == 200 + 1 - 32)
    }

    @Test func bothEndsOfCandidatesCompleteTheConnection() {
        var bench = ICEBench(role: .controlling)
        bench.connect()
        #expect(bench.agent.state == .connected)
        bench.agent.endRemoteCandidates()
        bench.tick()
        #expect(bench.agent.state == .connected)
        bench.agent.endLocalCandidates()
        bench.tick()
        #expect(bench.agent.state == .completed)
    }

    // MARK: STUN servers

    private static let server = SocketAddress("203.0.113.1:3478")!

    @Test func serversTellReflexiveCandidates() throws {
        var bench = ICEBench(role: .controlling, remotes: [])
        bench.agent.setSTUNServers([Self.server, SocketAddress("[2001:db8::9]:3478")!])
        bench.agent.endLocalCandidates()
        bench.advance(.milliseconds(200))
        let queries = bench.requests.filter { $0.to == Self.server }
        #expect(queries.count == 1 && bench.requests.count == 1)
        #expect(!queries[0].datagram.hasIntegrity && queries[0].message.username == nil)
        let mapped = try #require(SocketAddress("203.0.113.200:9999"))
        let answer = bench.answer(to: queries[0].message, mapped: mapped).encoded()
        bench.deliver(answer, from: SocketAddress("203.0.113.66:3478")!)
        #expect(bench.agent.localCandidates.count == 1)
        bench.deliver(answer, from: Self.server)
        bench.deliver(answer, from: Self.server)
        let candidate = try #require(bench.agent.localCandidates.last)
        #expect(candidate.kind == .srflx && candidate.address == mapped)
        #expect(candidate.relatedAddress == ICEBench.base)
        #expect(candidate.priority == 1_694_498_815)
        #expect(bench.outputs.filter { $0 == .localCandidate(candidate) }.count == 1)
        #expect(bench.outputs.last == .gatheringCompleted)
    }

    @Test func aServerThatSeesOurOwnAddressAddsNothing() {
        var bench = ICEBench(role: .controlling, remotes: [])
        bench.agent.setSTUNServers([Self.server])
        bench.tick()
        bench.deliver(
            bench.answer(to: bench.requests[0].message).encoded(), from: Self.server)
        #expect(bench.agent.localCandidates.count == 1)
    }

    @Test func silentServersAreAskedABoundedNumberOfTimesAndDelayNothing() {
        var bench = ICEBench(role: .controlling)
        bench.agent.setSTUNServers(
            (1...9).map { SocketAddress("203.0.113.\($0):3478")! })
        bench.agent.endLocalCandidates()
        bench.connect()
        #expect(bench.agent.state == .connected)
        bench.agent.endRemoteCandidates()
        bench.advance(.seconds(25))
        let queries = bench.requests.filter { $0.to.port == 3478 }
        #expect(queries.count == 4 * 9)
        #expect(bench.outputs.contains(.gatheringCompleted))
    }
}

@Suite struct ICEAgentLifeTests {
    /// Answers every request that waits, for a while.
    private func live(_ bench: inout ICEBench, for duration: Duration, step: Duration) {
        let end = bench.now + duration
        var answered = bench.sent.count
        while bench.now < end {
            bench.advance(step)
            for request in bench.sent[answered...] where request.message.kind == .request {
                bench.receiveAnswer(to: request)
            }
            answered = bench.sent.count
        }
    }

    @Test func consentIsCheckedEveryFourToSixSeconds() {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        let before = bench.requests.count
        live(&bench, for: .seconds(600), step: .milliseconds(10))
        let checks = bench.requests[before...]
        let waits = zip(checks.dropFirst(), checks).map { ($0.at - $1.at).seconds }
        #expect(waits.allSatisfy { (4.0...6.0).contains($0) })
        #expect(Set(waits).count > 50)
        #expect(Set(checks.map(\.message.transactionID)).count == checks.count)
        #expect(bench.states == [.checking, .connected])
    }

    @Test func controllingConsentChecksNominateAgain() throws {
        var bench = ICEBench(role: .controlling)
        bench.connect()
        bench.advance(.seconds(6))
        #expect(try #require(bench.requests.last).message.useCandidate)
    }

    @Test func silenceDisconnectsAndFailureFollows() throws {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        bench.advance(.milliseconds(6900))
        #expect(bench.agent.state == .connected)
        bench.advance(.milliseconds(200))
        #expect(bench.agent.state == .disconnected)
        #expect(bench.agent.statistics.reason == .silence)
        #expect(bench.agent.selectedPair != nil)
        bench.receiveCheck()
        #expect(bench.agent.state == .connected)
        bench.advance(.seconds(24))
        #expect(bench.agent.state == .failed)
        #expect(bench.outputs.contains(.selectedPair(nil)))
    }

    @Test func mediaCountsAsLifeButNotAsConsent() {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        let connected = bench.now
        while bench.agent.state != .failed, bench.now - connected < .seconds(60) {
            bench.advance(.milliseconds(100))
            bench.agent.dataReceived(at: bench.now)
        }
        #expect(!bench.states.contains(.disconnected))
        #expect((.seconds(29)...(.seconds(31))).contains(bench.now - connected))
    }

    /// An agent that restarted, got no answer, and lost the path that it had.
    private func stranded() -> (bench: ICEBench, lostAt: Instant) {
        var bench = ICEBench(role: .controlling)
        bench.connect()
        var random = SeededRandom(seed: 5)
        bench.agent.restart(credentials: ICECredentials(using: &random))
        bench.drain()
        while bench.agent.selectedPair != nil, let deadline = bench.agent.deadline {
            bench.now = max(bench.now, deadline)
            bench.tick()
        }
        return (bench, bench.now)
    }

    @Test func aRestartThatIsNeverAnsweredFailsOnceThePathIsLost() throws {
        var (bench, lostAt) = stranded()
        #expect(bench.agent.state == .disconnected)
        while bench.agent.state != .failed, bench.now - lostAt < .seconds(60) {
            bench.now = max(bench.now, try #require(bench.agent.deadline))
            bench.tick()
        }
        #expect(bench.agent.state == .failed)
        #expect(bench.now - lostAt == .seconds(30))
        #expect(bench.agent.statistics.reason == .noAnswer)
        #expect(bench.agent.deadline == nil)
    }

    @Test func aLateAnswerToARestartHasTheWholeSearchBeforeIt() throws {
        var (bench, lostAt) = stranded()
        bench.advance(.seconds(25))
        var random = SeededRandom(seed: 6)
        bench.agent.setRemote(credentials: ICECredentials(using: &random), isLite: false)
        bench.agent.addRemoteCandidate(ICEBench.host(ICEBench.remote))
        bench.tick()
        bench.advance(.seconds(29))
        #expect(bench.agent.state == .disconnected)
        bench.advance(.seconds(2))
        #expect(bench.agent.state == .failed)
        #expect(bench.now - lostAt == .seconds(56))
    }

    @Test func aFirstOfferWaitsForItsAnswerWithoutEnd() {
        var bench = ICEBench(role: .controlling, knowsRemote: false, remotes: [])
        bench.advance(.seconds(3_600))
        #expect(bench.agent.state == .new)
        #expect(bench.agent.deadline == nil)
    }

    @Test func restartKeepsTheOldPathUntilANewOneIsNominated() throws {
        var bench = ICEBench(role: .controlling)
        bench.connect()
        var random = SeededRandom(seed: 5)
        let fresh = ICECredentials(using: &random)
        let freshTheirs = ICECredentials(using: &random)
        let before = bench.sent.count
        bench.agent.restart(credentials: fresh)
        bench.drain()
        #expect(bench.agent.state == .connected)
        #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        #expect(bench.agent.remoteCredentials == nil)
        #expect(bench.agent.localCandidates.allSatisfy { $0.ufrag == fresh.ufrag })
        // Old checks are answered, consent of the old path goes on, nothing new is sent.
        bench.receiveCheck()
        #expect(bench.answers.last?.message.kind == .success)
        bench.advance(.seconds(6))
        let old = Array("\(bench.theirs.ufrag):\(bench.mine.ufrag)".utf8)
        #expect(bench.sent[before...].allSatisfy { ($0.message.username ?? old) == old })
        #expect(bench.requests.last!.at > bench.requests[1].at)
        // New ones are not: the peer cannot know them, whatever it claims.
        bench.agent.setRemote(credentials: freshTheirs, isLite: false)
        bench.agent.addRemoteCandidate(ICEBench.host(SocketAddress("198.51.100.7:1")!))
        bench.advance(.milliseconds(300))
        let check = try #require(bench.requests.last { $0.to.port == 1 })
        #expect(check.message.username == Array("\(freshTheirs.ufrag):\(fresh.ufrag)".utf8))
        for _ in 0..<2 {
            let request = try #require(bench.requests.last { $0.to.port == 1 })
            bench.deliver(
                bench.answer(to: request.message).encoded(
                    key: Array(freshTheirs.password.utf8)), from: request.to)
            bench.advance(.milliseconds(60))
        }
        #expect(bench.agent.selectedPair?.remote.address.port == 1)
        #expect(!bench.outputs.contains(.selectedPair(nil)))
        #expect(!bench.states.contains(.disconnected))
    }

    @Test func otherCredentialsWithoutARestartAreRefused() {
        var bench = ICEBench(role: .controlling)
        var random = SeededRandom(seed: 5)
        let other = ICECredentials(using: &random)
        for (credentials, isTaken) in [(bench.theirs, true), (other, false)] {
            let wasTaken = bench.agent.setRemote(credentials: credentials, isLite: false)
            #expect(wasTaken == isTaken)
        }
        #expect(bench.agent.remoteCredentials == bench.theirs)
    }

    @Test func heldChecksWaitForThePeersFirst() throws {
        for isChecked in [true, false] {
            var bench = ICEBench(role: .controlled, knowsRemote: false)
            bench.agent.setRemote(
                credentials: bench.theirs, isLite: false, holdingChecks: true)
            bench.agent.addRemoteCandidate(ICEBench.host(ICEBench.remote))
            bench.advance(.milliseconds(900))
            #expect(bench.requests.isEmpty)
            if isChecked { bench.receiveCheck() } else { bench.advance(.milliseconds(200)) }
            #expect(bench.requests.count == 1)
        }
    }

    @Test func aLostBaseIsReplacedByAnother() throws {
        var bench = ICEBench(role: .controlling)
        let second = try #require(SocketAddress("192.0.2.200:5001"))
        bench.connect()
        bench.agent.addLocalCandidate(base: second)
        bench.agent.removeLocalBase(ICEBench.base)
        bench.drain()
        #expect(bench.agent.selectedPair == nil)
        #expect(bench.agent.state == .disconnected)
        #expect(bench.agent.localCandidates.map(\.address) == [second])
        for _ in 0..<2 {
            bench.advance(.milliseconds(60))
            let request = try #require(bench.requests.last)
            #expect(request.from == second)
            bench.receiveAnswer(to: request)
        }
        #expect(bench.agent.selectedPair?.base == second)
        #expect(bench.agent.state == .connected)
        bench.receiveCheck(on: ICEBench.base)
        #expect(bench.agent.statistics.malformed == 1)
    }

    @Test func aClosedAgentIsSilent() {
        var bench = ICEBench(role: .controlling)
        bench.connect()
        bench.agent.close()
        bench.drain()
        #expect(bench.states.last == .closed)
        let count = bench.outputs.count
        bench.receiveCheck()
        bench.agent.restart(credentials: bench.theirs)
        bench.agent.addLocalCandidate(base: SocketAddress("192.0.2.9:9")!)
        bench.agent.close()
        bench.advance(.seconds(60))
        #expect(bench.outputs.count == count)
        #expect(bench.agent.deadline == nil)
    }

    @Test func roundTripTimeIsMeasuredOnUnrepeatedRequests() throws {
        var bench = ICEBench(role: .controlled)
        bench.tick()
        bench.now += .milliseconds(40)
        bench.receiveAnswer(to: bench.requests[0])
        bench.receiveCheck(nominating: true)
        #expect(bench.agent.statistics.roundTripTime == .milliseconds(40))
    }

    @Test func roundTripTimeIsNotTakenFromRepeatedRequests() throws {
        var bench = ICEBench(role: .controlled)
        bench.advance(.milliseconds(300))
        #expect(bench.agent.statistics.retransmissions == 1)
        bench.receiveAnswer(to: bench.requests[0])
        bench.receiveCheck(nominating: true)
        #expect(bench.agent.selectedPair != nil)
        #expect(bench.agent.roundTripTime == nil)
    }

    @Test func consentAnswersFromElsewhereAreNoConsent() throws {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        let before = bench.requests.count
        bench.advance(.milliseconds(6100))
        let check = try #require(bench.requests[before...].first)
        let counted = bench.agent.statistics.responsesReceived
        bench.receiveAnswer(to: check, from: SocketAddress("198.51.100.99:6000")!)
        #expect(bench.agent.statistics.responsesReceived == counted)
        // The true one still counts.
        bench.receiveAnswer(to: check)
        #expect(bench.agent.statistics.responsesReceived == counted + 1)
    }

    @Test func aPeerThatLiesAboutOurAddressCostsLittle() throws {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        let known = bench.agent.localCandidates
        for port in 1...100 as ClosedRange<UInt16> {
            let before = bench.requests.count
            bench.advance(.seconds(6))
            let check = try #require(bench.requests[before...].last)
            bench.receiveAnswer(
                to: check, mapped: SocketAddress(IPAddress("203.0.113.1")!, port: port))
        }
        #expect(bench.agent.localCandidates == known)
        // Some windows of 6 s have no new check to lie to.
        #expect((16...40).contains(try #require(bench.agent.selectedPair).local.address.port))
        let isTaken = bench.agent.addLocalCandidate(base: SocketAddress("192.0.2.3:3")!)
        #expect(isTaken)
    }

    /// 30,000 datagrams, half of them signed after they were mutated, at any moment of a life:
    /// nothing traps, nothing spins, no answer is longer than twice its question.
    @Test func mutatedDatagramsNeverTrap() throws {
        var random = SeededRandom(seed: 0xF022)
        for life in 0..<30 {
            var bench = ICEBench(role: life % 2 == 0 ? .controlling : .controlled)
            let keys = [Array(bench.mine.password.utf8), Array(bench.theirs.password.utf8)]
            for round in 0..<1000 {
                var bytes: [UInt8]
                if round % 3 == 0, let request = bench.requests.last {
                    let error: STUNErrorCode? =
                        round % 2 == 0 ? nil : STUNErrorCode(code: 487, reason: "")
                    bytes = bench.answer(to: request.message, error: error).encoded()
                } else {
                    bytes =
                        bench.check(
                            nominating: round % 5 == 0, controlling: round % 7 == 0 ? 1 : nil
                        ).encoded()
                }
                bytes.removeLast(8)
                bytes[3] -= 8
                if round % 4 != 0 { STUNBytes.mutate(&bytes, using: &random) }
                if round % 2 == 0, bytes.count >= 20, bytes.count < 1500 {
                    let length = bytes.count - 20 + 24
                    bytes[2] = UInt8(length >> 8)
                    bytes[3] = UInt8(length & 0xFF)
                    bytes += [0, 8, 0, 20] + testHMAC(keys[round % 3 == 0 ? 1 : 0], bytes)
                }
                let before = bench.answers.count
                bench.deliver(
                    bytes,
                    from: SocketAddress(
                        .v4(0xC633_6401 &+ UInt32(round % 7)), port: UInt16(6000 + round % 3)))
                for answer in bench.answers[before...] {
                    #expect(answer.datagram.bytes.count <= 2 * bytes.count)
                }
                if round % 10 == 0 { bench.advance(.milliseconds(30)) }
                if bench.agent.state == .failed { bench.agent.restart(credentials: bench.theirs) }
            }
            bench.sent = []
            bench.outputs = []
        }
    }
}
