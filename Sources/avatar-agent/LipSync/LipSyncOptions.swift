// SPDX-License-Identifier: Apache-2.0
internal import LipSync

/// What `avatar-agent lipsync` is asked to print.
struct LipSyncOptions {
    enum Format: String {
        case keyframes, frames
    }

    enum Target: String, CaseIterable {
        case classes, arkit, oculus, azure, rhubarb
    }

    enum Subject {
        case mouth, phones, prosody
    }

    var format = Format.keyframes
    var target = Target.classes
    var subject = Subject.mouth
    /// Frames a second.
    var rate = 60.0
    /// The face that ARKit's blend shapes make; nil is ours.
    var arkit: ARKitFace.Published?
    /// Whether soft vowels open the mouth less; ARKit's jaw always does so.
    var followsEnergy = false
    /// What a language that none is told of is.
    var language = "en"

    init() {}

    init(_ arguments: Arguments) throws(Arguments.Outcome) {
        if let rate = arguments["--rate"] {
            guard let value = Double(rate), (1...1000).contains(value) else {
                throw Self.usage("--rate must be a number from 1 to 1000")
            }
            self.rate = value
            // Who asks for a rate asks for frames.
            format = .frames
        }
        format = try Self.choice(arguments, "--format", Format.init) ?? format
        target = try Self.choice(arguments, "--target", Target.init) ?? target
        if let name = arguments["--arkit-table"], name != "ours" {
            guard let table = ARKitFace.Published(rawValue: name) else {
                throw Self.usage("--arkit-table must be ours, talkinghead or facelink")
            }
            arkit = table
        }
        language = arguments["--language"] ?? language
        guard !arguments.has("--phones") || !arguments.has("--prosody") else {
            throw Self.usage("--phones and --prosody are asked for one at a time")
        }
        followsEnergy = arguments.has("--energy")
        if arguments.has("--phones") { subject = .phones }
        if arguments.has("--prosody") { subject = .prosody }
    }

    static func usage(_ message: String) -> Arguments.Outcome {
        .usage("avatar-agent lipsync: \(message).")
    }

    private static func choice<Value>(
        _ arguments: Arguments, _ option: String, _ value: (String) -> Value?
    ) throws(Arguments.Outcome) -> Value? {
        guard let text = arguments[option] else { return nil }
        guard let value = value(text) else {
            let known =
                option == "--format"
                ? "keyframes or frames" : "classes, arkit, oculus, azure or rhubarb"
            throw usage("\(option) must be \(known)")
        }
        return value
    }

    static let spec = CommandSpec(
        name: "lipsync", summary: "turn timed text or sound into mouth shapes, as JSON lines",
        operands: ["FILE"],
        options: [
            .init(
                name: "--timing", value: "FILE",
                help: "words, characters or phones with times, as JSON; FILE does the same"),
            .init(name: "--wav", value: "FILE", help: "the sound: any rate, mono or stereo"),
            .init(name: "--format", value: "FORMAT", help: "keyframes (default) or frames"),
            .init(name: "--rate", value: "HZ", help: "frames a second (60)"),
            .init(
                name: "--target", value: "MOUTH",
                help: "classes (default), arkit, oculus, azure or rhubarb"),
            .init(
                name: "--arkit-table", value: "TABLE", help: "ours (default), talkinghead, facelink"
            ),
            .init(
                name: "--energy", value: nil,
                help: "with a wav: soft vowels open less, loud ones more (classes)"),
            .init(name: "--phones", value: nil, help: "print the phones and how they were found"),
            .init(name: "--prosody", value: nil, help: "print pitch and energy of the sound"),
            .init(name: "--language", value: "TAG", help: "where the input tells none (en)"),
            .init(name: "--table", value: "FILE", help: "a table of articulations of your own"),
            .init(name: "--batch", value: nil, help: "one input object in every line"),
        ])
}
