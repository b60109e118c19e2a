// SPDX-License-Identifier: Apache-2.0
import Base
import WebRTC

/// One agent on a bench, with a scripted peer on the other side.
struct ICEBench {
    struct Sent {
        var message: STUNMessage
        var datagram: STUNDatagram
        var to: SocketAddress
        var from: SocketAddress
        var at: Instant
    }

    static let base = SocketAddress("192.0.2.1:5000")!
    static let remote = SocketAddress("198.51.100.1:6000")!

    var agent: ICEAgent
    var now = Instant(nanoseconds: 5_000_000_000)
    let mine: ICECredentials
    let theirs: ICECredentials
    /// Everything that came out, in order.
    var outputs: [ICEAgent.Output] = []
    /// Every STUN message among it.
    var sent: [Sent] = []
    private var random = SeededRandom(seed: 99)

    init(
        role: ICERole, configuration: ICEConfiguration = ICEConfiguration(),
        isRemoteLite: Bool = false, base: SocketAddress? = base, knowsRemote: Bool = true,
        remotes: [SocketAddress] = [remote]
    ) {
        mine = ICECredentials(using: &random)
        theirs = ICECredentials(using: &random)
        agent = ICEAgent(role: role, credentials: mine, seed: 1, configuration: configuration)
        if let base { agent.addLocalCandidate(base: base) }
        if knowsRemote { agent.setRemote(credentials: theirs, isLite: isRemoteLite) }
        for (index, address) in remotes.enumerated() {
            agent.addRemoteCandidate(Self.host(address, rank: UInt16(index)))
        }
        drain()
    }

    static func host(
        _ address: SocketAddress, rank: UInt16 = 0, foundation: String? = nil
    ) -> ICECandidate {
        ICECandidate(
            foundation: foundation ?? "f\(address.ip)",
            priority: ICEPriority.candidate(.host, localPreference: 65535 - rank),
            address: address, kind: .host)
    }

    mutating func drain() {
        while let output = agent.poll() {
            outputs.append(output)
            if case .transmit(let bytes, let to, let from) = output,
                let datagram = try? STUNDatagram(parsing: bytes)
            {
                sent.append(
                    Sent(
                        message: datagram.message, datagram: datagram, to: to, from: from,
                        at: now))
            }
        }
    }

    var requests: [Sent] { sent.filter { $0.message.kind == .request } }
    var checks: [Sent] { requests.filter { $0.to == Self.remote } }
    var answers: [Sent] { sent.filter { $0.message.kind != .request } }
    var states: [ICEState] {
        outputs.compactMap { if case .stateChanged(let state) = $0 { state } else { nil } }
    }

    mutating func tick() {
        agent.tick(at: now)
        drain()
    }

    /// Lets time pass, ticking whenever the agent asks.
    mutating func advance(_ duration: Duration) {
        let end = now + duration
        var ticks = 0
        while let deadline = agent.deadline, deadline <= end {
            now = max(now, deadline)
            tick()
            ticks += 1
            precondition(ticks < 100_000, "the agent spins")
        }
        now = end
    }

    mutating func deliver(
        _ bytes: [UInt8], from: SocketAddress = remote, on: SocketAddress = base
    ) {
        agent.receive(bytes, from: from, on: on, at: now)
        drain()
    }

    /// A check from the peer.
    func check(
        nominating: Bool = false, controlling: UInt64? = nil, controlled: UInt64? = nil,
        priority: UInt32? = 1_862_270_975, id: UInt64 = 1
    ) -> STUNMessage {
        var message = STUNMessage(
            kind: .request, transactionID: STUNTransactionID(high: 7, low: id))
        message.username = Array("\(mine.ufrag):\(theirs.ufrag)".utf8)
        message.priority = priority
        message.useCandidate = nominating
        let isControlling = agent.role == .controlled
        message.iceControlling = controlling ?? (isControlling && controlled == nil ? 5 : nil)
        message.iceControlled = controlled ?? (isControlling || controlling != nil ? nil : 5)
        return message
    }

    /// Signs with the agent's password, as the peer does for requests.
    func signed(_ message: STUNMessage) -> [UInt8] {
        message.encoded(key: Array(mine.password.utf8))
    }

    mutating func receiveCheck(
        nominating: Bool = false, from: SocketAddress = remote, on: SocketAddress = base
    ) {
        deliver(signed(check(nominating: nominating)), from: from, on: on)
    }

    /// The peer's answer to a request.
    func answer(
        to request: STUNMessage, mapped: SocketAddress = base, error: STUNErrorCode? = nil
    ) -> STUNMessage {
        var message = STUNMessage(
            kind: error == nil ? .success : .failure, transactionID: request.transactionID)
        message.errorCode = error
        if error == nil { message.xorMappedAddress = mapped }
        return message
    }

    mutating func receiveAnswer(
        to request: Sent, mapped: SocketAddress? = nil, error: STUNErrorCode? = nil,
        from: SocketAddress? = nil, on: SocketAddress? = nil
    ) {
        let message = answer(to: request.message, mapped: mapped ?? request.from, error: error)
        deliver(
            message.encoded(key: Array(theirs.password.utf8)), from: from ?? request.to,
            on: on ?? request.from)
    }

    /// Brings the pair of `base` and `remote` into use, with the peer in the other role.
    mutating func connect() {
        advance(.milliseconds(1))
        if agent.role == .controlling {
            receiveAnswer(to: checks[0])
            advance(.milliseconds(60))
            receiveAnswer(to: checks.last!)
        } else {
            receiveCheck()
            advance(.milliseconds(60))
            receiveAnswer(to: checks.last!)
            receiveCheck(nominating: true)
        }
    }
}
