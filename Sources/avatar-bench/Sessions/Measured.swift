// SPDX-License-Identifier: Apache-2.0

/// What one run showed, over all sessions.
struct Measured {
    /// When each session was told to speak, and to stop; ms.
    var spoken: [String: Double] = [:]
    var stopped: [String: Double] = [:]
    /// Percent of a core that a session cost the agent.
    var share = Double.nan
    /// Percent of a core that a session's room cost the room server.
    var serverShare = Double.nan
    private(set) var lateness: [Double] = []
    private var firstSounds: [Double] = []
    private var lastSounds: [Double] = []
    private var leads: [Double] = []
    private var earlyLeads: [Double] = []

    /// An utterance's first events have as much lead as there is.
    private static let startSpan = 250.0

    mutating func add(_ seat: Seat) async {
        let packets = await seat.viewer.packets
        let events = await seat.viewer.events
        guard let asked = spoken[seat.id], let stop = stopped[seat.id] else { return }
        let delays = packets.map { $0.arrival - $0.time }
        guard let least = delays.min() else { return }
        let speech = packets.filter(\.isSpeech)
        lateness += speech.map { $0.arrival - $0.time - least }
        if let first = speech.first(where: { $0.arrival >= asked }) {
            firstSounds.append(first.arrival - asked)
        }
        if let last = speech.last(where: { $0.arrival >= stop }) {
            lastSounds.append(last.arrival - stop)
        }
        guard let origin = await seat.viewer.origin else { return }
        let start = events.first { $0.type == "start" }?.time ?? 0
        for event in events where event.topic == "viseme" && event.arrival < stop {
            // The moment at which its sample could play, had the network no jitter.
            let lead = least + origin + event.time - event.arrival
            if event.time < start + Self.startSpan {
                earlyLeads.append(lead)
            } else {
                leads.append(lead)
            }
        }
    }

    func report(in table: inout Table, _ mark: String) {
        table.add("\(mark)speak → first sound at the listener, ms", firstSounds)
        table.add("\(mark)stop → last sound at the listener, ms", lastSounds)
        table.add("\(mark)lateness of packets, ms", lateness)
        table.add("\(mark)visemes come late by, ms (below 0: ahead)", leads.map { -$0 })
        table.add("\(mark)the same, first 250 ms of an utterance", earlyLeads.map { -$0 })
        table.add("\(mark)the agent's share of a core, % a session", [share])
        table.add("\(mark)the room server's, % a room", [serverShare])
    }
}
