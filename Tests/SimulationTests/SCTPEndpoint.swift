// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

@testable import WebRTC

/// An association with an application on it that talks by a plan, keeps account of every message,
/// and checks the association's invariants whenever it is drained.
final class SCTPEndpoint: SimulatedEndpoint {
    /// What the application does at its next turn.
    struct Plan {
        var openings: [(at: Instant, ordered: Bool, reliability: SCTPReliability)] = []
        var messages: [(at: Instant, size: Int)] = []
        var closings: [Instant] = []
    }

    /// One direction of one channel, as its end saw it.
    struct Account {
        var numbers: [UInt32] = []
        var isOrdered = true
        var isReliable = true
    }

    private(set) var association: SCTPAssociation
    private let configuration: SCTPConfiguration
    private let name: String
    private let address: SocketAddress
    private let peer: SocketAddress
    private var plan: Plan
    private var random: SeededRandom
    /// Whether packets are read again on their way in and out.
    private let isAudited: Bool

    /// Messages given to `send`, by channel label.
    private(set) var sent: [String: Account] = [:]
    /// Messages that came, by channel label.
    private(set) var received: [String: Account] = [:]
    /// Labels of channels that somebody began to close.
    private(set) var closedHere: Set<String> = []
    private(set) var failures: [String] = []
    private(set) var isClosed = false
    private var labels: [UInt16: String] = [:]
    private var opened = 0
    private var numbers: [String: UInt32] = [:]
    private var startAt: Instant?

    private var lastCumulative: SCTPTSN?
    private var lastAcknowledged: SCTPTSN?
    private var seen: Set<UInt32> = []
    private var forwardedTo: SCTPTSN?

    init(
        _ name: String, role: SCTPAssociation.Role, seed: UInt64,
        configuration: SCTPConfiguration, at address: SocketAddress, peer: SocketAddress,
        start: Instant, plan: Plan, isAudited: Bool
    ) {
        self.name = name
        self.configuration = configuration
        association = SCTPAssociation(dtlsRole: role, seed: seed, configuration: configuration)
        self.address = address
        self.peer = peer
        self.plan = plan
        self.isAudited = isAudited
        random = SeededRandom(seed: seed ^ 0xABCD)
        startAt = start
    }

    var deadline: Instant? {
        var next = soonest(association.deadline, startAt)
        next = soonest(next, plan.openings.first?.at)
        next = soonest(next, plan.messages.first?.at)
        return soonest(next, plan.closings.first)
    }

    /// Whether the plan is done and nothing is awaited.
    var isQuiet: Bool { deadline == nil }

    func isReachable(at address: SocketAddress) -> Bool { address == self.address }

    func receive(_ datagram: SimulatedDatagram, at now: Instant) {
        if isAudited { audit(incoming: datagram.bytes) }
        association.receive(datagram.bytes, at: now)
    }

    func tick(at now: Instant) {
        association.tick(at: now)
        if let start = startAt, start <= now {
            startAt = nil
            association.start(at: now)
        }
        while let opening = plan.openings.first, opening.at <= now {
            plan.openings.removeFirst()
            open(opening.ordered, opening.reliability, id: nil, at: now)
        }
        while let message = plan.messages.first, message.at <= now {
            plan.messages.removeFirst()
            send(message.size, at: now)
        }
        while let closing = plan.closings.first, closing <= now {
            plan.closings.removeFirst()
            close(at: now)
        }
    }

    func drain(at now: Instant) -> [SimulatedDatagram] {
        var datagrams: [SimulatedDatagram] = []
        while let output = association.poll() {
            if case .transmit(let bytes) = output {
                if bytes.count > 1188 { fail("packet of \(bytes.count) bytes") }
                if isAudited { audit(outgoing: bytes) }
                datagrams.append(SimulatedDatagram(bytes, from: address, to: peer))
            } else {
                took(output, at: now)
            }
        }
        checkInvariants()
        return datagrams
    }

    func pathRestored(at now: Instant) { association.pathRestored(at: now) }

    // MARK: Application

    private func open(
        _ ordered: Bool, _ reliability: SCTPReliability, id: UInt16?, at now: Instant
    ) {
        let label = "\(name)\(opened)"
        opened += 1
        guard
            let given = try? association.openChannel(
                label: label, ordered: ordered, reliability: reliability, id: id, at: now)
        else { return fail("no channel for \(label)") }
        labels[given] = label
        received[label] = Account(isOrdered: ordered, isReliable: reliability == .reliable)
        sent[label] = Account(isOrdered: ordered, isReliable: reliability == .reliable)
    }

    private func send(_ size: Int, at now: Instant) {
        let channels = association.openChannels.filter { !closedHere.contains($0.label) }
        guard let channel = channels.randomElement(using: &random) else { return }
        let number = numbers[channel.label, default: 0]
        let bytes = Self.payload(channel.label, number, size)
        do {
            try association.send(bytes, on: channel.id, at: now)
            numbers[channel.label] = number + 1
            sent[channel.label]?.numbers.append(number)
        } catch .queueFull, .channelNotOpen {
            return
        } catch {
            fail("send: \(error)")
        }
    }

    private func close(at now: Instant) {
        let channels = association.openChannels.filter { !closedHere.contains($0.label) }
        guard let channel = channels.randomElement(using: &random) else { return }
        closedHere.insert(channel.label)
        association.close(channel.id, at: now)
    }

    private func took(_ output: SCTPAssociation.Output, at now: Instant) {
        switch output {
        case .channelOpened(let channel):
            labels[channel.id] = channel.label
            guard channel.isRemote else { return }
            let isReliable = channel.reliability == .reliable
            received[channel.label] = Account(
                isOrdered: channel.isOrdered, isReliable: isReliable)
            sent[channel.label] = Account(isOrdered: channel.isOrdered, isReliable: isReliable)
        case .message(let id, _, let bytes):
            guard let label = labels[id], bytes.count >= 4 else {
                return fail("message of \(bytes.count) bytes on \(id)")
            }
            let number = bytes.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            if bytes != Self.payload(label, number, bytes.count) {
                fail("message \(number) on \(label) is not what was sent")
            }
            received[label]?.numbers.append(number)
        case .channelClosing(let id):
            if let label = labels[id] { closedHere.insert(label) }
        case .channelClosed(let id):
            if let label = labels.removeValue(forKey: id) { closedHere.insert(label) }
            let isOurs = id & 1 == (association.role == .client ? 0 : 1)
            if isOurs, opened < 6, Bool.random(using: &random) {
                open(true, .reliable, id: id, at: now)
                send(20, at: now)
            }
        case .closed(let reason):
            isClosed = true
            fail("closed: \(reason)")
        case .stateChanged, .bufferedAmountLow, .transmit:
            break
        }
    }

    /// A message that tells its number, and of which no two are alike.
    static func payload(_ label: String, _ number: UInt32, _ size: Int) -> [UInt8] {
        var bytes: [UInt8] = [
            UInt8(truncatingIfNeeded: number >> 24), UInt8(truncatingIfNeeded: number >> 16),
            UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number),
        ]
        bytes.reserveCapacity(size)
        var value = UInt8(truncatingIfNeeded: number &* 31 &+ UInt32(size) &* 7)
        for byte in label.utf8 { value = value &* 3 &+ byte }
        while bytes.count < size {
            bytes.append(value)
            value = value &* 5 &+ 1
        }
        return bytes
    }

    private func fail(_ text: String) {
        if failures.count < 5 { failures.append("\(name): \(text)") }
    }

    // MARK: Invariants

    private func checkInvariants() {
        let transmission = association.transmission
        var flight = 0
        var payload = 0
        var lost = 0
        for index in 0..<transmission.outstanding.count {
            let chunk = transmission.outstanding[index]
            if chunk.state == .inFlight { flight += chunk.wireSize }
            if chunk.state == .lost { lost += 1 }
            if chunk.state == .inFlight || chunk.state == .lost {
                payload += chunk.fragment.range.count
            }
        }
        if flight != transmission.flight { fail("flight \(transmission.flight), not \(flight)") }
        if payload != transmission.outstandingPayload { fail("payload miscounted") }
        if lost != transmission.lostCount { fail("lost chunks miscounted") }
        if transmission.congestion.window < SCTPSize.segment { fail("window below a packet") }
        let hasWork = !transmission.outstanding.isEmpty || !transmission.queue.isEmpty
        if hasWork, association.state == .connected, association.deadline == nil {
            fail("work without a deadline")
        }
        let held = association.reassembly.heldBytes
        if held < 0 || held > configuration.receiveWindow + SCTPReassembly.slack {
            fail("holds \(held) bytes")
        }
        if association.reassembly.receiveWindow + held > max(held, configuration.receiveWindow) {
            fail("announces more than there is")
        }
        if let cumulative = association.tracker?.cumulative {
            if let last = lastCumulative, cumulative < last { fail("cumulative TSN went back") }
            lastCumulative = cumulative
        }
        if let last = lastAcknowledged, transmission.cumulative < last, association.state != .closed
        {
            fail("acknowledged TSN went back")
        }
        lastAcknowledged = transmission.cumulative
    }

    /// Notes which TSNs came.
    private func audit(incoming bytes: [UInt8]) {
        guard let packet = try? SCTPPacket(parsing: bytes), let tracker = association.tracker
        else { return }
        for chunk in packet.chunks {
            switch chunk {
            case .data(let data): seen.insert(data.tsn)
            case .forwardTSN(let forward):
                let tsn = SCTPTSN(
                    unwrapping: forward.newCumulativeTSN, near: tracker.cumulative)
                forwardedTo = max(forwardedTo ?? tsn, tsn)
            default: break
            }
        }
    }

    /// Checks that nothing is acknowledged that did not come, and that FORWARD-TSN points at the
    /// end of a message.
    private func audit(outgoing bytes: [UInt8]) {
        guard let packet = try? SCTPPacket(parsing: bytes) else {
            return fail("sent what it cannot read")
        }
        for chunk in packet.chunks {
            switch chunk {
            case .sack(let sack):
                guard let tracker = association.tracker else { return fail("SACK too early") }
                let cumulative = SCTPTSN(unwrapping: sack.cumulativeTSN, near: tracker.cumulative)
                if cumulative > forwardedTo ?? .min, cumulative > initialCumulative,
                    !seen.contains(sack.cumulativeTSN)
                {
                    fail("acknowledged \(sack.cumulativeTSN), which never came")
                }
                for gap in sack.gaps {
                    for offset in gap.start...gap.end
                    where !seen.contains(sack.cumulativeTSN &+ UInt32(offset)) {
                        fail("reported a TSN that never came")
                    }
                }
            case .forwardTSN(let forward):
                let outstanding = association.transmission.outstanding
                let isEnd = (0..<outstanding.count).contains {
                    outstanding[$0].tsn.wire == forward.newCumulativeTSN
                        && outstanding[$0].fragment.flags.contains(.end)
                }
                if !isEnd { fail("FORWARD-TSN points into a message") }
            default: break
            }
        }
    }

    private var initialCumulative: SCTPTSN {
        association.handshake.peer.map { SCTPTSN($0.initialTSN) - 1 } ?? 0
    }
}
