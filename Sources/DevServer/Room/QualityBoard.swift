// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import LiveKit

/// How good each participant's connection is, by what its tracks lose on their ways and by how
/// late they come.
///
/// After the simplified E-model (ITU-T G.107) that livekit-server uses: a way is worth 100, losses
/// and delays of five seconds take from it, what is worse counts at once, what is better slowly.
/// A participant is as good as the worst of its ways.
struct QualityBoard {
    /// Between two looks.
    static let interval = Duration.seconds(5)
    /// What a percent of loss takes: Opus with its in-band repair is good below 3.75 %, poor from
    /// 11.25 % on.
    static let lossCost = 16.0 / 3
    /// A way on which nothing comes although it should.
    static let dryScore = 30.0
    /// A score never falls below, or it would take minutes to climb again.
    static let leastScore = 20.0
    /// How much of a new score counts when it is better, and when it is worse.
    static let rise = 0.4
    static let fall = 0.7
    /// Scores above are excellent, and good.
    static let excellentAbove = 80.0
    static let goodAbove = 40.0

    /// One track between a participant and the server.
    struct Way: Hashable {
        var participant: String
        var track: String
        /// From the participant to the server.
        var isUp: Bool
    }

    /// What is known of a way since its begin.
    struct Totals: Equatable {
        /// Packets that should have come, and those that did not.
        var expected: Int64 = 0
        var lost: Int64 = 0
        var jitter = Duration.zero
        /// Nil where it is not measured.
        var roundTrip: Duration?
        /// It is not meant to carry anything.
        var isMuted = false
    }

    /// A participant's connection in a word and as a mean opinion score.
    struct Grade: Equatable {
        var quality = ConnectionQuality.excellent
        var score: Float = 4.5

        static let lost = Grade(quality: .lost, score: 1)

        init() {}

        private init(quality: ConnectionQuality, score: Float) {
            self.quality = quality
            self.score = score
        }

        /// By a score of 0 to 100.
        init(_ score: Double) {
            quality =
                score > QualityBoard.excellentAbove
                ? .excellent : score > QualityBoard.goodAbove ? .good : .poor
            // G.107 annex B: from a transmission rating to an opinion.
            let opinion =
                1 + 0.035 * score + 7e-6 * score * (score - 60) * (100 - score)
            self.score = Float(min(max(opinion, 1), 4.5))
        }
    }

    private struct Record {
        var score = 100.0
        var last: Totals
        /// The most packets a second that it has had: at a lower pace a loss counts less.
        var pace = 0.0
        var lastAt: Instant
        /// What its source had lost on its own way up when it was last looked at, and how much of
        /// that the receiver has not reported yet.
        var lostBefore: Int64 = 0
        var excused: Int64 = 0
    }

    private var records: [Way: Record] = [:]
    private var grades: [String: Grade] = [:]
    /// When the next look is due; nil while nobody is there.
    private(set) var deadline: Instant?

    /// Somebody is there.
    mutating func begin(at now: Instant) { deadline = deadline ?? now + Self.interval }

    /// The next look is due after one interval, or never.
    mutating func rearm(isNeeded: Bool, at now: Instant) {
        deadline = isNeeded ? now + Self.interval : nil
    }

    /// How somebody's connection is as far as is known.
    func grade(of participant: String) -> Grade { grades[participant] ?? Grade() }

    /// Takes what all ways show at a time.
    ///
    /// - Parameters:
    ///   - ways: all there are; those that are not named are forgotten.
    ///   - cutOff: participants without a media connection.
    ///   - participants: all there are, in the order in which changes are told.
    ///   - now: the time.
    /// - Returns: those whose quality has changed.
    mutating func measured(
        _ ways: [(way: Way, totals: Totals)], cutOff: Set<String>, of participants: [String],
        at now: Instant
    ) -> [String] {
        var sources: [String: Int64] = [:]
        for (way, totals) in ways where way.isUp { sources[way.track] = totals.lost }
        var renewed: [Way: Record] = [:]
        var worst: [String: Double] = [:]
        for (way, totals) in ways {
            // What did not come up cannot go down: that is no fault of the way down.
            let lostBefore = way.isUp ? 0 : sources[way.track] ?? 0
            var record =
                records[way] ?? Record(last: totals, lastAt: now, lostBefore: lostBefore)
            if records[way] != nil {
                Self.look(&record, totals, isUp: way.isUp, lostBefore: lostBefore, at: now)
            }
            renewed[way] = record
            worst[way.participant] = min(worst[way.participant] ?? 100, record.score)
        }
        records = renewed
        var changed: [String] = []
        var graded: [String: Grade] = [:]
        for participant in participants {
            let grade =
                cutOff.contains(participant) ? .lost : Grade(worst[participant] ?? 100)
            if grade.quality != self.grade(of: participant).quality { changed.append(participant) }
            graded[participant] = grade
        }
        grades = graded
        return changed
    }

    /// Scores one window of one way.
    private static func look(
        _ record: inout Record, _ totals: Totals, isUp: Bool, lostBefore: Int64, at now: Instant
    ) {
        let last = record.last
        let expected = totals.expected - last.expected
        // A receiver reports every few seconds: what it has not told yet is told next time. What
        // began anew has no window yet.
        if expected == 0, !isUp, !totals.isMuted { return }
        defer {
            record.last = totals
            record.lastAt = now
            record.lostBefore = lostBefore
        }
        guard !totals.isMuted, !last.isMuted else {
            record.score = 100
            return
        }
        guard expected >= 0 else { return }
        guard expected > 0 else {
            record.score = dryScore
            return
        }
        let seconds = (now - record.lastAt).milliseconds / 1000
        let pace = seconds > 0 ? Double(expected) / seconds : 0
        record.pace = max(record.pace, pace)
        let share = record.pace > 0 ? pace / record.pace : 1
        // The receiver reports a hole that was passed on later than we know of it, and at its own
        // pace: of what is excused, two of its windows are kept.
        record.excused = min(
            2 * expected, record.excused + max(0, lostBefore - record.lostBefore))
        let missed = max(0, totals.lost - last.lost)
        let excused = min(record.excused, missed)
        record.excused -= excused
        let lost = missed - excused
        let lossEffect = 100 * Double(lost) / Double(expected) * lossCost * share * share
        // Up, the round trip is that of another way; down, the jitter is partly the source's.
        let delay =
            isUp ? 2 * totals.jitter.milliseconds : (totals.roundTrip?.milliseconds ?? 0) / 2
        let delayEffect = delay > 160 ? (delay - 120) / 10 : delay / 40
        let score = max(0, 100 - lossEffect - delayEffect)
        let weight = score < record.score ? fall : rise
        record.score = max(leastScore, weight * score + (1 - weight) * record.score)
    }
}

extension RoomState {
    /// Takes what all ways of the room's tracks show, and tells whose connection has changed.
    mutating func measured(
        _ ways: [(way: QualityBoard.Way, totals: QualityBoard.Totals)], cutOff: Set<String>,
        now: RoomTime
    ) {
        let there = members.filter(\.isAnnounced).map(\.sid)
        let changed = quality.measured(ways, cutOff: cutOff, of: there, at: now.instant)
        for sid in changed where self[sid]?.hasQuality == true { tellQuality(of: sid) }
    }

    /// Tells of newcomers how good their connections are.
    mutating func tellNewQualities() {
        for index in members.indices where members[index].isAnnounced && !members[index].hasQuality
        {
            members[index].hasQuality = true
            tellQuality(of: members[index].sid)
        }
    }

    /// Tells the one, and those who receive its tracks.
    private mutating func tellQuality(of sid: String) {
        guard let tracks = self[sid]?.tracks.map(\.info.sid) else { return }
        let grade = quality.grade(of: sid)
        var info = ConnectionQualityInfo()
        info.participantSID = sid
        info.score = grade.score
        for member in members
        where member.sid == sid || tracks.contains(where: member.subscriptions.contains) {
            // Older clients know no word for it.
            let isKnown = grade.quality != .lost || member.client.signalProtocol >= 11
            info.quality = isKnown ? grade.quality : .poor
            send(.connectionQuality([info]), to: member.sid)
        }
    }
}
