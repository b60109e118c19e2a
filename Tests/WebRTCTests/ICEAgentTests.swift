// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing
import WebRTC

@Suite struct ICEAgentCheckTests {
    @Test func firstCheckSaysWhoWeAre() throws {
        var bench = ICEBench(role: .controlling)
        bench.tick()
        let check = try #require(bench.requests.first)
        #expect(check.to == ICEBench.remote && check.from == ICEBench.base)
        #expect(
            check.message.username == Array("\(bench.theirs.ufrag):\(bench.mine.ufrag)".utf8))
        #expect(check.message.priority == 1_862_270_975)
        #expect(check.message.iceControlling != nil && check.message.iceControlled == nil)
        #expect(!check.message.useCandidate)
        #expect(check.datagram.isAuthentic(key: Array(bench.theirs.password.utf8)))
        #expect(check.datagram.hasFingerprint)
    }

    @Test func controlledAgentsClaimToBe() throws {
        var bench = ICEBench(role: .controlled)
        bench.tick()
        let check = try #require(bench.requests.first)
        #expect(check.message.iceControlling == nil && check.message.iceControlled != nil)
    }

    @Test func nothingIsSentBeforeThePeersCredentialsAreKnown() {
        var bench = ICEBench(role: .controlling, knowsRemote: false)
        bench.receiveCheck()
        bench.advance(.seconds(10))
        #expect(bench.requests.isEmpty)
        #expect(bench.answers.count == 1)
        #expect(bench.agent.state == .new)
        bench.agent.setRemote(credentials: bench.theirs, isLite: false)
        bench.tick()
        #expect(bench.requests.count == 1)
        #expect(bench.agent.state == .checking)
    }

    @Test func checksArePacedAndRepeatedWithGrowingWaits() {
        let remotes = (1...5).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlling, remotes: remotes)
        bench.advance(.milliseconds(220))
        let times = bench.requests.map { ($0.at - bench.requests[0].at).milliseconds }
        #expect(times == [0, 50, 100, 150, 200])
        // Best first.
        #expect(bench.requests.map(\.to) == remotes)
        var single = ICEBench(role: .controlling)
        single.advance(.seconds(9))
        let repeats = single.requests.map { ($0.at - single.requests[0].at).milliseconds }
        #expect(repeats == [0, 250, 750, 1750, 3750, 5750, 7750])
        #expect(Set(single.requests.map(\.message.transactionID)).count == 1)
    }

    @Test func manyPairsSlowTheRepetitionsDown() {
        let remotes = (1...20).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlling, remotes: remotes)
        bench.advance(.milliseconds(990))
        // Ta × 20 pairs = 1 s is the first wait (RFC 8445 section 14.3).
        #expect(bench.requests.count == 20)
        #expect(bench.agent.statistics.retransmissions == 0)
    }

    @Test func listIsBoundedAndKeepsTheBest() {
        var bench = ICEBench(role: .controlling, remotes: [])
        for number in 1...3 {
            bench.agent.addLocalCandidate(base: SocketAddress("192.0.2.9:\(5000 + number)")!)
        }
        for number in 1...60 as ClosedRange<UInt16> {
            bench.agent.addRemoteCandidate(
                ICEBench.host(
                    SocketAddress(IPAddress("198.51.100.1")!, port: number), rank: number,
                    foundation: "\(number)"))
        }
        let pairs = bench.agent.statistics.pairs
        #expect(pairs.total == 100)
        #expect(bench.agent.statistics.candidatesDropped == 12)
        bench.advance(.seconds(6))
        #expect(bench.requests.allSatisfy { $0.to.port <= 48 })
        #expect(Set(bench.requests.map(\.to.port)).isSuperset(of: 1...20))
    }

    @Test func equalFoundationsAreFrozenUntilOneIsProven() throws {
        let remotes = (1...3).map { SocketAddress("198.51.100.1:600\($0)")! }
        var bench = ICEBench(role: .controlling, remotes: [])
        for (index, remote) in remotes.enumerated() {
            bench.agent.addRemoteCandidate(
                ICEBench.host(remote, rank: UInt16(index), foundation: "same"))
        }
        #expect(bench.agent.statistics.pairs.waiting == 1)
        #expect(bench.agent.statistics.pairs.frozen == 2)
        bench.advance(.milliseconds(200))
        #expect(bench.requests.count == 1)
        // The first repetition shows that the foundation is no good sign.
        bench.advance(.milliseconds(150))
        #expect(Set(bench.requests.map(\.to)).count >= 2)
        var proven = ICEBench(role: .controlled, remotes: [])
        for (index, remote) in remotes.enumerated() {
            proven.agent.addRemoteCandidate(
                ICEBench.host(remote, rank: UInt16(index), foundation: "same"))
        }
        proven.tick()
        proven.receiveAnswer(to: try #require(proven.requests.first))
        #expect(proven.agent.statistics.pairs.frozen == 0)
    }

    @Test func answersMustBeAuthenticAndTakeTheWayBack() throws {
        var bench = ICEBench(role: .controlled)
        bench.tick()
        let check = try #require(bench.requests.first)
        let answer = bench.answer(to: check.message)
        bench.deliver(answer.encoded())
        bench.deliver(answer.encoded(key: Array(bench.mine.password.utf8)))
        #expect(bench.agent.statistics.pairs.succeeded == 0)
        #expect(bench.agent.statistics.unauthenticated == 2)
        bench.receiveAnswer(to: check, from: SocketAddress("198.51.100.9:6000")!)
        #expect(bench.agent.statistics.pairs.failed + bench.agent.statistics.pairs.waiting == 1)
        bench.receiveAnswer(to: check)
        #expect(bench.agent.statistics.pairs.succeeded == 0)
    }

    @Test func unauthenticErrorsChangeNothing() throws {
        var bench = ICEBench(role: .controlling)
        bench.tick()
        let check = try #require(bench.requests.first)
        for error in [STUNErrorCode.roleConflict, .unauthorized, .badRequest] {
            bench.deliver(bench.answer(to: check.message, error: error).encoded())
        }
        #expect(bench.agent.role == .controlling)
        #expect(bench.agent.statistics.pairs.inProgress == 1)
    }

    @Test func mappedAddressBecomesAPeerReflexiveCandidate() throws {
        var bench = ICEBench(role: .controlling)
        bench.tick()
        let mapped = try #require(SocketAddress("203.0.113.5:40000"))
        bench.receiveAnswer(to: bench.requests[0], mapped: mapped)
        bench.advance(.milliseconds(60))
        bench.receiveAnswer(to: try #require(bench.requests.last), mapped: mapped)
        let pair = try #require(bench.agent.selectedPair)
        #expect(pair.local.kind == .prflx && pair.local.address == mapped)
        #expect(pair.local.relatedAddress == ICEBench.base)
        #expect(pair.base == ICEBench.base)
        #expect(!bench.agent.localCandidates.contains { $0.kind == .prflx })
    }
}

@Suite struct ICEAgentRequestTests {
    @Test func authenticChecksAreAnsweredWithTheirSource() throws {
        var bench = ICEBench(role: .controlled)
        bench.receiveCheck()
        let answer = try #require(bench.answers.first)
        #expect(answer.message.kind == .success)
        #expect(answer.message.xorMappedAddress == ICEBench.remote)
        #expect(answer.to == ICEBench.remote && answer.from == ICEBench.base)
        #expect(answer.datagram.isAuthentic(key: Array(bench.mine.password.utf8)))
    }

    /// As Chromium 156 and the Python SDK send them: network cost, 0xC071, and a DTLS hello.
    @Test func unknownOptionalAttributesAreNoObstacle() throws {
        var bench = ICEBench(role: .controlled)
        let key = Array(bench.mine.password.utf8)
        let plain = bench.check().encoded(key: key)
        // The attributes stand before the integrity, which must cover them.
        let body = plain[20..<plain.count - 32]
        var bytes = Array(plain[..<20]) + body
        bytes += [0xC0, 0x57, 0, 4, 0, 0, 0, 10, 0xC0, 0x71, 0, 0]
        bytes += [0xC0, 0x70, 4, 0] + Array(repeating: 22, count: 1024)
        bytes[2] = UInt8((bytes.count + 4) >> 8)
        bytes[3] = UInt8((bytes.count + 4) & 0xFF)
        bytes += [0, 8, 0, 20] + testHMAC(key, bytes)
        bench.deliver(bytes)
        #expect(bench.answers.first?.message.kind == .success)
    }

    @Test func unknownRequiredAttributesAreRefused() throws {
        var bench = ICEBench(role: .controlled)
        let key = Array(bench.mine.password.utf8)
        let plain = bench.check(nominating: true).encoded(key: key)
        var bytes = Array(plain[..<(plain.count - 32)]) + [0x00, 0x31, 0, 0]
        bytes[3] = UInt8(bytes.count - 20 + 24)
        bytes += [0, 8, 0, 20] + testHMAC(key, bytes)
        bench.deliver(bytes)
        let answer = try #require(bench.answers.first)
        #expect(answer.message.errorCode?.code == 420)
        #expect(answer.message.unknownAttributes == [0x0031])
        #expect(answer.datagram.isAuthentic(key: key))
        #expect(bench.agent.statistics.requestsReceived == 1)
    }

    @Test(arguments: ["ufrag", "caller", "password", "unsigned", "nameless"])
    func falseChecksChangeNothingAndAreRefusedRarely(fault: String) throws {
        var bench = ICEBench(role: .controlled, remotes: [])
        let stranger = try #require(SocketAddress("203.0.113.66:1"))
        for id in 1...200 as ClosedRange<UInt64> {
            var check = bench.check(nominating: true, id: id)
            var key: [UInt8]? = Array(bench.mine.password.utf8)
            switch fault {
            case "ufrag": check.username = Array("\(bench.mine.ufrag)x:\(bench.theirs.ufrag)".utf8)
            case "caller": check.username = Array("\(bench.mine.ufrag):other".utf8)
            case "password": key = Array(bench.theirs.password.utf8)
            case "unsigned": key = nil
            default: check.username = nil
            }
            let bytes = check.encoded(key: key)
            bench.deliver(bytes, from: stranger)
            bench.now += .milliseconds(1)
        }
        #expect(bench.agent.statistics.pairs.total == 0)
        #expect((1...9).contains(bench.answers.count))
        for answer in bench.answers {
            #expect([400, 401].contains(answer.message.errorCode?.code))
            #expect(answer.datagram.bytes.count <= bench.check().encoded().count)
        }
        bench.advance(.seconds(5))
        #expect(bench.requests.isEmpty)
    }

    @Test func unknownSourceBecomesAPeerReflexiveCandidateAndIsChecked() throws {
        var bench = ICEBench(role: .controlling, remotes: [])
        let source = try #require(SocketAddress("203.0.113.8:700"))
        bench.deliver(bench.signed(bench.check(priority: 12345)), from: source)
        bench.advance(.milliseconds(60))
        let check = try #require(bench.requests.first)
        #expect(check.to == source)
        bench.receiveAnswer(to: check)
        bench.advance(.milliseconds(60))
        bench.receiveAnswer(to: try #require(bench.requests.last))
        let pair = try #require(bench.agent.selectedPair)
        #expect(pair.remote.kind == .prflx && pair.remote.priority == 12345)
        // The signal comes late: now it is known what it is.
        bench.agent.addRemoteCandidate(ICEBench.host(source))
        #expect(bench.agent.selectedPair?.remote.kind == .host)
        #expect(bench.agent.statistics.pairs.succeeded == 1)
    }

    @Test func aPeerThatWandersIsStillFollowedAfterAHundredAddresses() throws {
        var bench = ICEBench(role: .controlled)
        bench.connect()
        for port in 1...100 as ClosedRange<UInt16> {
            bench.receiveCheck(from: SocketAddress(ICEBench.remote.ip, port: port))
        }
        bench.advance(.milliseconds(60))
        #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        let pairs = bench.agent.statistics.pairs
        #expect(pairs.total <= 18)
        #expect(bench.requests.contains { $0.to.port == 100 } || bench.agent.deadline != nil)
    }

    @Test func aPeerIsHeardThoughTheListIsFullOfBetterPairs() throws {
        var bench = ICEBench(role: .controlling, remotes: [])
        for number in 1...3 {
            bench.agent.addLocalCandidate(base: SocketAddress("192.0.2.9:\(5000 + number)")!)
        }
        for number in 1...48 as ClosedRange<UInt16> {
            bench.agent.addRemoteCandidate(
                ICEBench.host(SocketAddress(IPAddress("198.51.100.1")!, port: number)))
        }
        let source = try #require(SocketAddress("203.0.113.8:700"))
        bench.deliver(bench.signed(bench.check(priority: 1)), from: source)
        #expect(bench.agent.statistics.pairs.total == 100)
        bench.advance(.milliseconds(60))
        #expect(bench.requests.contains { $0.to == source })
    }

    @Test func linkLocalAddressesWorkWithTheScopeOfTheirBase() throws {
        let base = SocketAddress(.v6(high: 0xFE80 << 48, low: 1, scope: 3), port: 5000)
        let plain = SocketAddress(.v6(high: 0xFE80 << 48, low: 2), port: 6000)
        let scoped = SocketAddress(.v6(high: 0xFE80 << 48, low: 2, scope: 3), port: 6000)
        var bench = ICEBench(role: .controlling, base: base, remotes: [plain])
        #expect(bench.agent.localCandidates[0].line.contains(" fe80::1 5000 "))
        for number in 0..<2 {
            bench.advance(.milliseconds(60))
            let request = bench.requests[number]
            #expect(request.to == scoped && request.from == base)
            bench.receiveAnswer(to: request)
        }
        let pair = try #require(bench.agent.selectedPair)
        #expect(pair.base == base && pair.remote.address == scoped)
        #expect(pair.local.kind == .host)
    }

    @Test func checkFromThePeerTriggersOursAheadOfTheOthers() throws {
        let remotes = (1...5).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlling, remotes: remotes)
        bench.tick()
        bench.receiveCheck(from: remotes[4])
        bench.advance(.milliseconds(60))
        #expect(bench.requests[1].to == remotes[4])
    }

    // MARK: Roles

    @Test(arguments: [
        (ICERole.controlling, UInt64.max, ICERole.controlled, false),
        (.controlling, 0, .controlling, true),
        (.controlled, UInt64.max, .controlled, true),
        (.controlled, 0, .controlling, false),
    ])
    func conflictsAreDecidedByTheTieBreaker(
        role: ICERole, theirs: UInt64, after: ICERole, isRefused: Bool
    ) throws {
        var bench = ICEBench(role: role)
        bench.deliver(
            bench.signed(
                role == .controlling
                    ? bench.check(controlling: theirs) : bench.check(controlled: theirs)))
        #expect(bench.agent.role == after)
        let answer = try #require(bench.answers.first)
        #expect(answer.message.errorCode?.code == (isRefused ? 487 : nil))
        #expect(answer.datagram.isAuthentic(key: Array(bench.mine.password.utf8)))
        #expect(bench.agent.statistics.roleConflicts == 1)
    }

    @Test func toldOfAConflictWeTakeTheOtherRoleAndAskAgain() throws {
        var bench = ICEBench(role: .controlling)
        bench.tick()
        let first = try #require(bench.requests.first)
        bench.receiveAnswer(to: first, error: .roleConflict)
        #expect(bench.agent.role == .controlled)
        bench.advance(.milliseconds(60))
        let second = try #require(bench.requests.last)
        #expect(second.message.iceControlled != nil)
        #expect(second.message.iceControlled != first.message.iceControlling)
        #expect(second.message.transactionID != first.message.transactionID)
    }
}

@Suite struct ICEAgentNominationTests {
    @Test func controllingAgentNominatesThePairThatItProved() throws {
        var bench = ICEBench(role: .controlling)
        bench.tick()
        bench.receiveAnswer(to: bench.requests[0])
        #expect(bench.agent.selectedPair == nil)
        bench.advance(.milliseconds(60))
        #expect(bench.requests.count == 2)
        #expect(bench.requests[1].message.useCandidate)
        #expect(bench.requests[1].message.transactionID != bench.requests[0].message.transactionID)
        bench.receiveAnswer(to: bench.requests[1])
        #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        #expect(bench.states == [.checking, .connected])
    }

    @Test func lostNominationIsRepeated() throws {
        var bench = ICEBench(role: .controlling, isRemoteLite: true)
        bench.tick()
        bench.receiveAnswer(to: bench.requests[0])
        bench.advance(.seconds(1))
        let nominations = bench.requests.filter(\.message.useCandidate)
        #expect(nominations.count >= 2)
        #expect(bench.agent.selectedPair == nil)
        bench.receiveAnswer(to: try #require(nominations.last))
        #expect(bench.agent.selectedPair != nil)
    }

    @Test func refusedNominationGoesToTheNextPair() throws {
        let remotes = (1...2).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlling, remotes: remotes)
        bench.advance(.milliseconds(60))
        for request in bench.requests { bench.receiveAnswer(to: request) }
        bench.advance(.milliseconds(60))
        let first = try #require(bench.requests.last)
        #expect(first.to == remotes[0] && first.message.useCandidate)
        bench.receiveAnswer(to: first, error: STUNErrorCode(code: 500, reason: "No"))
        bench.advance(.milliseconds(60))
        let second = try #require(bench.requests.last)
        #expect(second.to == remotes[1] && second.message.useCandidate)
        bench.receiveAnswer(to: second)
        #expect(bench.agent.selectedPair?.remote.address == remotes[1])
    }

    @Test func aLitePeerThatComplainsOfTheRoleIsAskedAgainInVain() throws {
        var bench = ICEBench(role: .controlling, isRemoteLite: true)
        bench.tick()
        bench.receiveAnswer(to: bench.requests[0])
        bench.advance(.milliseconds(60))
        let first = try #require(bench.requests.last)
        bench.receiveAnswer(to: first, error: .roleConflict)
        #expect(bench.agent.role == .controlling)
        bench.advance(.milliseconds(60))
        let second = try #require(bench.requests.last)
        #expect(second.message.transactionID != first.message.transactionID)
        #expect(second.message.useCandidate)
    }

    @Test func nominationWaitsAWhileForABetterPair() throws {
        let remotes = (1...2).map { SocketAddress("198.51.100.\($0):6000")! }
        for isBetterAnswered in [true, false] {
            var bench = ICEBench(role: .controlling, remotes: remotes)
            bench.advance(.milliseconds(60))
            bench.receiveAnswer(to: bench.requests[1])
            bench.advance(.milliseconds(100))
            #expect(!bench.requests.contains { $0.message.useCandidate })
            if isBetterAnswered { bench.receiveAnswer(to: bench.requests[0]) }
            bench.advance(.milliseconds(150))
            let nomination = try #require(bench.requests.first { $0.message.useCandidate })
            #expect(nomination.to == (isBetterAnswered ? remotes[0] : remotes[1]))
        }
    }

    @Test func aLitePeerMakesUsControlling() {
        var bench = ICEBench(role: .controlled, isRemoteLite: true)
        #expect(bench.agent.role == .controlling)
        bench.connect()
        #expect(bench.agent.state == .connected)
    }

    @Test func liteAgentAnswersFollowsAndNeverAsks() throws {
        var configuration = ICEConfiguration()
        configuration.isLite = true
        var bench = ICEBench(role: .controlling, configuration: configuration)
        #expect(bench.agent.role == .controlled)
        bench.receiveCheck()
        #expect(bench.agent.selectedPair == nil)
        bench.receiveCheck(nominating: true)
        #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        for _ in 0..<20 {
            bench.advance(.seconds(5))
            bench.receiveCheck()
        }
        #expect(bench.agent.state == .connected)
        #expect(bench.requests.isEmpty)
        bench.deliver(bench.signed(bench.check(controlled: 1)))
        #expect(bench.answers.last?.message.errorCode?.code == 487)
        bench.advance(.seconds(31))
        #expect(bench.agent.state == .failed)
    }

    /// Whether the peer's checks still come from its old address too.
    @Test(arguments: [false, true])
    func liteAgentFollowsAPeerThatMovedThoughMediaComes(isOldAlive: Bool) throws {
        var configuration = ICEConfiguration()
        configuration.isLite = true
        var bench = ICEBench(role: .controlling, configuration: configuration)
        bench.receiveCheck(nominating: true)
        #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        bench.advance(.seconds(1))
        let moved = try #require(SocketAddress("198.51.100.1:7777"))
        for step in 0..<150 {
            if step % 25 == 0 { bench.receiveCheck(nominating: true, from: moved) }
            if step % 25 == 10, isOldAlive { bench.receiveCheck(nominating: true) }
            bench.agent.dataReceived(at: bench.now)
            bench.advance(.milliseconds(20))
        }
        let expected = isOldAlive ? ICEBench.remote : moved
        #expect(bench.agent.selectedPair?.remote.address == expected)
        #expect(bench.agent.statistics.selections == (isOldAlive ? 1 : 2))
    }

    @Test func controlledAgentSelectsWhenTheNominatedPairIsProven() throws {
        var bench = ICEBench(role: .controlled)
        bench.receiveCheck(nominating: true)
        #expect(bench.agent.selectedPair == nil)
        bench.advance(.milliseconds(60))
        bench.receiveAnswer(to: try #require(bench.requests.first))
        #expect(bench.agent.selectedPair != nil)
    }

    /// Firefox of old nominates every pair at once (RFC 5245 section 8.1.1.2).
    @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    func ofAggressiveNominationsTheBestCounts(order: [Int]) throws {
        let remotes = (1...3).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlled, remotes: remotes)
        for index in order { bench.receiveCheck(nominating: true, from: remotes[index]) }
        bench.advance(.milliseconds(200))
        for index in order {
            bench.receiveAnswer(
                to: try #require(bench.requests.last { $0.to == remotes[index] }))
        }
        for index in order { bench.receiveCheck(nominating: true, from: remotes[index]) }
        #expect(bench.agent.selectedPair?.remote.address == remotes[0])
    }

    @Test func aChoiceOfThePeerIsFollowedToAWorsePair() throws {
        let remotes = (1...2).map { SocketAddress("198.51.100.\($0):6000")! }
        var bench = ICEBench(role: .controlled, remotes: remotes)
        for remote in remotes { bench.receiveCheck(from: remote) }
        bench.advance(.milliseconds(120))
        for request in bench.requests { bench.receiveAnswer(to: request) }
        bench.receiveCheck(nominating: true, from: remotes[0])
        #expect(bench.agent.selectedPair?.remote.address == remotes[0])
        bench.receiveCheck(nominating: true, from: remotes[1])
        #expect(bench.agent.selectedPair?.remote.address == remotes[1])
        // A straggler from before is no new choice.
        bench.receiveCheck(nominating: true, from: remotes[0])
        #expect(bench.agent.selectedPair?.remote.address == remotes[1])
    }

    @Test func aMovedPeerIsFollowedOnceTheOldWayIsSilent() throws {
        for role in [ICERole.controlling, .controlled] {
            var bench = ICEBench(role: role)
            bench.connect()
            let moved = try #require(SocketAddress("203.0.113.77:1234"))
            bench.advance(.seconds(1))
            bench.receiveCheck(nominating: role == .controlled, from: moved)
            bench.advance(.milliseconds(60))
            bench.receiveAnswer(to: try #require(bench.requests.last { $0.to == moved }))
            #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
            bench.advance(.milliseconds(1100))
            if role == .controlling {
                let nomination = try #require(bench.requests.last { $0.to == moved })
                #expect(nomination.message.useCandidate)
                bench.receiveAnswer(to: nomination)
            }
            #expect(bench.agent.selectedPair?.remote.address == moved)
            #expect(bench.agent.state == .connected)
        }
    }

    @Test func aSecondWayDoesNotReplaceALivingOne() throws {
        for role in [ICERole.controlling, .controlled] {
            var bench = ICEBench(role: role)
            bench.connect()
            let other = try #require(SocketAddress("203.0.113.77:1234"))
            bench.receiveCheck(nominating: role == .controlled, from: other)
            bench.advance(.milliseconds(60))
            bench.receiveAnswer(to: try #require(bench.requests.last { $0.to == other }))
            let probe = try #require(bench.requests.last { $0.to == ICEBench.remote })
            bench.receiveAnswer(to: probe)
            bench.advance(.seconds(3))
            #expect(bench.agent.selectedPair?.remote.address == ICEBench.remote)
        }
    }
}
