// SPDX-License-Identifier: Apache-2.0
import Base
import Testing

@testable import LipSync

@Suite struct SystemTests {
    /// Sounds of equal length behind 300 ms of silence.
    static func phones(_ symbols: String, each duration: Double = 90) -> [Phone] {
        var time = 300.0
        var phones = [Phone("sil", start: 0, end: time)]
        for symbol in symbols.split(separator: " ") {
            phones.append(Phone(String(symbol), start: time, end: time + duration))
            time += duration
        }
        return phones + [Phone("sil", start: time, end: time + 400)]
    }

    // MARK: Curves

    @Test func aCurveStartsInMotionAndEndsAtRest() {
        let curve = MouthCurve([Phone("M", start: 0, end: 80), Phone("AA", start: 80, end: 250)])
        // The lips were closing before the recording began.
        #expect(curve.shape(at: 0)[.mbp] > 0.9)
        #expect(curve.keyframes.last?.shape == .rest)
        #expect(curve.samples.allSatisfy { abs($0.shape.sum - 1) < 1e-9 })
        #expect(curve.end > 250 && curve.end < 600)
        #expect(MouthCurve([], until: 1000).samples.allSatisfy { $0.shape == .rest })
    }

    @Test func aCurveFollowsAStreamedMouth() {
        var mouth = Mouth()
        mouth.append(MouthTests.maybe)
        let streamed = mouth.finish()
        let curve = MouthCurve(MouthTests.maybe)
        // The streamed one starts at rest, this one in motion: 100 ms later they agree.
        for time in stride(from: 100.0, to: 1000, by: 10) {
            #expect(curve.shape(at: time).distance(to: interpolate(streamed, at: time)) < 0.05)
        }
    }

    @Test func silenceBeforeTheFirstSoundIsRest() {
        let curve = MouthCurve([Phone("UW", start: 1000, end: 1200)])
        #expect(curve.shape(at: 500)[.rest] > 0.99)
    }

    @Test func softContactsComeNearAndDoNotClose() {
        let soft = MouthCurve(Self.phones("a β a"), table: .spanish)
        let hard = MouthCurve(Self.phones("a b a"), table: .spanish)
        let peak = { (curve: MouthCurve) in
            stride(from: 350.0, to: 520, by: 5).map { curve.shape(at: $0)[.mbp] }.max() ?? 0
        }
        #expect((0.5...0.7).contains(peak(soft)))
        #expect(peak(hard) >= 0.9)
    }

    @Test func affricateOfLipsAndTeethDoesBoth() {
        let phones = Self.phones("ɛ pf ɛ", each: 130)
        let curve = MouthCurve(phones, table: .german)
        let times = stride(from: phones[2].start - 40, to: phones[2].end + 40, by: 5)
        let lips = times.max { curve.shape(at: $0)[.mbp] < curve.shape(at: $1)[.mbp] } ?? 0
        let teeth = times.max { curve.shape(at: $0)[.fv] < curve.shape(at: $1)[.fv] } ?? 0
        #expect(curve.shape(at: lips)[.mbp] >= 0.9)
        #expect(curve.shape(at: teeth)[.fv] >= 0.9)
        #expect(lips < teeth)
    }

    @Test func geminatesAreHeld() {
        func hold(_ symbol: String, _ duration: Double) -> Double {
            let phones = [
                Phone("sil", start: 0, end: 300), Phone("a", start: 300, end: 450),
                Phone(symbol, start: 450, end: 450 + duration),
                Phone("a", start: 450 + duration, end: 600 + duration),
            ]
            let curve = MouthCurve(phones, table: .italian)
            return Double(
                stride(from: 300.0, to: 1000, by: 1).filter { curve.shape(at: $0)[.mbp] >= 0.85 }
                    .count)
        }
        let single = hold("m", 80)
        #expect(single >= 50)
        #expect(hold("mː", 160) >= 1.8 * single)
        #expect(hold("mm", 160) >= 1.8 * single)
    }

    @Test func theFrenchMuteEIsMuteWhenItIsShort() {
        func e(_ duration: Double) -> Double {
            let phones = [
                Phone("u", start: 0, end: 200), Phone("ə", start: 200, end: 200 + duration),
                Phone("u", start: 200 + duration, end: 500),
            ]
            return MouthCurve(phones, table: .french).shape(at: 210)[.e]
        }
        #expect(e(25) == 0)
        #expect(e(120) > 0.02)
    }

    // MARK: Oculus

    @Test func oculusNamesAreMetas() {
        #expect(
            OculusViseme.allCases.map(\.name) == [
                "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O",
                "U",
            ])
    }

    @Test func oculusClosesAndStaysOnTheSimplex() {
        let curve = OculusCurve(Self.phones("M AA1 S F IY1 K UW1 P"))
        let rows = stride(from: 0.0, to: curve.end, by: 5).map { curve.shape(at: $0) }
        #expect(rows.allSatisfy { abs($0.lanes.sum() - 1) < 1e-9 && $0.lanes.min() >= 0 })
        for (index, viseme) in [(1, OculusViseme.pp), (4, .ff), (8, .pp)] {
            let start = 300 + 90 * Double(index - 1)
            let peak =
                stride(from: start - 40, to: start + 130, by: 5)
                .map { curve.shape(at: $0)[viseme] }.max() ?? 0
            #expect(peak >= 0.9, "\(viseme)")
        }
        #expect(rows.map { $0[.u] }.max() ?? 0 > 0.4)
        #expect(rows.map { $0[.ss] }.max() ?? 0 > 0.4)
    }

    @Test func oculusAndTheClassesConvertBothWays() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<500 {
            let a = Double.random(in: 0...1, using: &random)
            let shape = MouthShape([
                (Viseme.allCases[Int.random(in: 0..<12, using: &random)], a),
                (Viseme.allCases[Int.random(in: 0..<12, using: &random)], 1 - a),
            ])
            let oculus = OculusShape(shape)
            #expect(abs(oculus.lanes.sum() - 1) < 1e-12)
            #expect(abs(MouthShape(oculus).sum - 1) < 1e-12)
        }
        #expect(OculusShape(MouthShape(.mbp))[.pp] == 1)
        #expect(MouthShape(OculusShape(MouthShape(.mbp)))[.mbp] == 1)
        #expect(MouthShape(OculusShape(MouthShape(.fv)))[.fv] == 1)
    }

    // MARK: Azure

    @Test func azureTellsOneIdForEachSound() {
        let events = AzureViseme.sequence(of: Self.phones("HH AX L OW1 W ER1 L D"))
        #expect(events.map(\.id) == [0, 12, 1, 14, 8, 4, 7, 5, 14, 19, 0])
        #expect(events[1].time == 300 && events.last?.time == 300 + 8 * 90)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.time < $1.time })
        let german = AzureViseme.sequence(of: Self.phones("ʃ øː n yː b ɐ"), table: .german)
        #expect(german.map(\.id) == [0, 16, 8, 19, 7, 21, 1, 0])
        #expect(AzureViseme.sequence(of: []).map(\.id) == [0])
    }

    // MARK: Rhubarb

    @Test func rhubarbDrawsClosuresTeethAndLongTongues() {
        let phones = Self.phones("M AA1 F IY1 B UW1", each: 120)
        let cues = RhubarbCue.sequence(of: phones)
        #expect(cues.map(\.shape.rawValue).joined() == "XADGBAFX")
        #expect(cues.first?.time == 0)
        #expect(zip(cues, cues.dropFirst()).allSatisfy { $0.time < $1.time })
        let long = RhubarbCue.sequence(of: Self.phones("L", each: 220))
        #expect(long.map(\.shape).contains(.h))
        let sets = ArticulationTable.english.sound(of: Phone("AH1", start: 0, end: 1)).rhubarb
        #expect(sets.sets(150) == [[.c]] && sets.sets(250) == [[.d]])
    }

    @Test func rhubarbDrawingsLastLongEnoughToBeSeen() {
        let cues = RhubarbCue.sequence(of: Self.phones("P L AE1 N K S B R IH1 V F T", each: 55))
        for (left, right) in zip(cues.dropFirst(), cues.dropFirst(2)) {
            let isClosure = left.shape == .a || left.shape == .g
            #expect(right.time - left.time >= (isClosure ? 50 : 35))
        }
        #expect(cues.contains { $0.shape == .a } && cues.contains { $0.shape == .g })
    }
}

@Suite struct ARKitTests {
    @Test func namesAreApples() {
        #expect(ARKitFace.names.count == 52)
        #expect(Set(ARKitFace.names).count == 52)
        #expect(ARKitFace.names == ARKitFace.names.sorted())
        #expect(ARKitFace.names.filter { $0.hasPrefix("mouth") }.count == 23)
        #expect(ARKitFace.names.filter { $0.hasPrefix("eye") }.count == 14)
    }

    @Test func ourTableDrawsEveryClass() {
        let ai = ARKitFace(MouthShape(.ai))
        #expect(abs(ai["jawOpen"] - 0.62) < 1e-12)
        #expect(ai["mouthLowerDownLeft"] == 0.25 && ai["mouthLowerDownRight"] == 0.25)
        let u = ARKitFace(MouthShape(.u))
        #expect(u["mouthPucker"] == 0.7 && u["mouthFunnel"] == 0.35)
        let closed = ARKitFace(MouthShape(.mbp))
        #expect(closed["mouthPressLeft"] == 0.45 && closed["jawOpen"] == 0)
        #expect(closed["mouthClose"] == 0)
        #expect(ARKitFace(.rest).weights.allSatisfy { $0 == 0 })
        #expect(ARKitFace(MouthShape(.th))["tongueOut"] == 0.25)
        for viseme in Viseme.allCases where viseme != .rest {
            #expect(ARKitFace(MouthShape(viseme)).weights.reduce(0, +) > 0.3, "\(viseme)")
        }
    }

    @Test func closedLipsKeepTheJawShutInEveryTable() {
        for step in 0...100 {
            let closed = Double(step) / 100
            let shape = MouthShape([(.mbp, closed), (.ai, 1 - closed)])
            let faces = [
                ARKitFace(shape), ARKitFace(shape, energy: 1),
                ARKitFace(OculusShape(shape), table: .talkingHead),
                ARKitFace(OculusShape(shape), table: .faceLink),
            ]
            for face in faces {
                if closed > 0.5 { #expect(face["jawOpen"] <= 0.08) }
                #expect(face["mouthClose"] <= face["jawOpen"])
                #expect(face.weights.allSatisfy { (0...1).contains($0) })
            }
        }
    }

    @Test func theJawGuardMakesNoStep() {
        var last = ARKitFace(MouthShape(.ai), energy: 1)["jawOpen"]
        for step in 1...1000 {
            let closed = Double(step) / 1000
            let jaw = ARKitFace(MouthShape([(.mbp, closed), (.ai, 1 - closed)]), energy: 1)[
                "jawOpen"]
            #expect(abs(jaw - last) < 0.002)
            last = jaw
        }
    }

    @Test func loudnessOpensTheJawOfVowelsAlone() {
        let loud = ARKitFace(MouthShape(.ai), energy: 1)["jawOpen"]
        let soft = ARKitFace(MouthShape(.ai), energy: 0)["jawOpen"]
        #expect(abs(loud - 0.62 * 1.15) < 1e-12 && abs(soft - 0.62 * 0.7) < 1e-12)
        #expect(
            ARKitFace(MouthShape(.fv), energy: 1) == ARKitFace(MouthShape(.fv), energy: 0))
        #expect(ARKitFace(MouthShape(.u), energy: .nan) == ARKitFace(MouthShape(.u)))
    }

    @Test func publishedTablesAreAsPublished() {
        let pucker = ARKitFace(OculusShape(.o), table: .talkingHead)
        #expect(pucker["mouthPucker"] == 1 && pucker["jawForward"] == 0.6)
        #expect(pucker["jawOpen"] == 0.2)
        let smile = ARKitFace(OculusShape(.i), table: .faceLink)
        #expect(smile["mouthSmileLeft"] == 0.4 && smile["mouthStretchRight"] == 0.3)
        let kk = ARKitFace(OculusShape(.kk), table: .talkingHead)
        let nn = ARKitFace(OculusShape(.nn), table: .talkingHead)
        #expect(kk["tongueOut"] == 0 && nn["tongueOut"] == 0.2)
        #expect(ARKitFace(OculusShape(.pp), table: .faceLink)["mouthPressLeft"] == 0.5)
    }
}
