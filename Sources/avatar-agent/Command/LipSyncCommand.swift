// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc
internal import LipSync
internal import Speech

/// `avatar-agent lipsync`: timed text or sound in, mouth shapes out.
struct LipSyncCommand {
    /// Largest file of sound, bytes: an hour of stereo at 48 kHz with 16 bits has 691 MB.
    private static let maxSound = 1 << 30

    private let options: LipSyncOptions
    private let timing: String?
    private let wav: String?
    private let isBatch: Bool
    private let table: ArticulationTable?
    private let languages = LanguageEngines()

    init(_ arguments: Arguments, _ configuration: Configuration) throws {
        options = try LipSyncOptions(arguments)
        guard arguments["--timing"] == nil || arguments.operands.isEmpty else {
            throw LipSyncOptions.usage("--timing and FILE are the same, give one")
        }
        isBatch = arguments.has("--batch")
        timing = arguments["--timing"] ?? arguments.operands.first ?? (isBatch ? "-" : nil)
        wav = arguments["--wav"]
        guard timing != nil || wav != nil else {
            throw LipSyncOptions.usage("--timing or --wav is missing")
        }
        guard wav == nil || !isBatch else {
            throw LipSyncOptions.usage("with --batch every line names its own wav")
        }
        guard timing != "-" || wav != "-" else {
            throw LipSyncOptions.usage("only one of --timing and --wav can be standard input")
        }
        table = try Self.table(arguments["--table"]) ?? configuration.articulations
    }

    private static func table(_ path: String?) throws -> ArticulationTable? {
        guard let path else { return nil }
        do {
            return try ArticulationTable(
                parsing: try InputFile.all(path, limit: 1 << 20), file: path)
        } catch let error as InputFile.Failure {
            throw Stop(.data, "\(error.message).")
        } catch let error as ArticulationTableError {
            throw Stop(.data, "\(error.description).")
        }
    }

    func run() async throws -> ExitCode {
        do {
            let code = try await isBatch ? runBatch() : runOne()
            await languages.stop()
            return code
        } catch {
            await languages.stop()
            throw error
        }
    }

    private func runOne() async throws -> ExitCode {
        do {
            let document = try timing.map(Self.document)
            let report = try await report(document)
            var text: [UInt8] = []
            for line in report.lines() {
                text += line.utf8
                text.append(UInt8(ascii: "\n"))
            }
            write(text, to: STDOUT_FILENO)
            return .ok
        } catch {
            throw Stop(.data, "\(Self.sentence(error)).")
        }
    }

    private static func document(_ path: String) throws -> TimingDocument {
        let bytes = try InputFile.all(path, limit: TimingDocument.maxBytes)
        do {
            return try TimingDocument(parsing: Array(unmarked(bytes[...])))
        } catch {
            let name = path == "-" ? "standard input" : path
            throw InputFile.Failure(message: "\(name): \(error.description)")
        }
    }

    /// Without the byte order mark that some editors begin a file with.
    private static func unmarked(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes
    }

    // MARK: Batch

    private func runBatch() async throws -> ExitCode {
        var cutter = LineCutter(limit: TimingDocument.maxBytes)
        var number = 0
        do {
            let input = try InputFile(timing ?? "-")
            while true {
                let bytes = try input.next()
                for line in bytes.isEmpty ? cutter.last() : cutter.add(bytes) {
                    number += 1
                    let line = number == 1 ? line.map { Array(Self.unmarked($0[...])) } : line
                    guard let answer = await answer(line, number) else { continue }
                    write(answer + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
                }
                if bytes.isEmpty { return .ok }
            }
        } catch {
            throw Stop(.data, "\(error.message).")
        }
    }

    /// The answer to one line; nothing to an empty one.
    private func answer(_ line: [UInt8]?, _ number: Int) async -> [UInt8]? {
        if let line, line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
        var id = JSONValue.null
        var json = JSONWriter()
        do {
            guard let line else {
                throw InputFile.Failure(
                    message: "it is longer than \(TimingDocument.maxBytes >> 20) MiB")
            }
            let value = try Self.parsed(line)
            id = try Self.id(of: value)
            let document = try TimingDocument(value)
            let report = try await report(document)
            let lines = report.lines()
            json.object {
                $0.member("id", id)
                if options.subject == .phones { report.ladder(&$0) }
                $0.member(LipSyncReport.name(options)) {
                    $0.array { for line in lines { $0.raw(line) } }
                }
            }
        } catch {
            json.object {
                $0.member("id", id)
                $0.member("error", "Line \(number): \(Self.sentence(error)).")
            }
        }
        return json.bytes
    }

    /// What the caller calls a line: it comes back as it was, or not at all.
    private static func id(of value: JSONValue) throws -> JSONValue {
        let id = value["id"] ?? .null
        // A whole number of more digits has lost its last ones.
        if case .double(let number) = id, abs(number) >= 0x1p53 {
            throw InputFile.Failure(message: "id must be text, or a number of 64 bits at most")
        }
        return id
    }

    private static func parsed(_ line: [UInt8]) throws -> JSONValue {
        do {
            return try JSONValue(parsing: line, maxBytes: TimingDocument.maxBytes)
        } catch {
            throw InputFile.Failure(message: "it is no JSON: \(error.description)")
        }
    }

    // MARK: One utterance

    /// The sound that the command line names, else the document.
    private func sound(of document: TimingDocument?) throws -> WAVFile? {
        guard let path = wav ?? document?.wav else { return nil }
        // Standard input is the documents' own: one that took it would swallow those behind it.
        guard wav != nil || path != "-" else {
            throw InputFile.Failure(message: "wav must name a file")
        }
        let bytes =
            wav == nil
            ? try InputFile(regular: path).all(limit: Self.maxSound)
            : try InputFile.all(path, limit: Self.maxSound)
        do {
            return try WAVFile(bytes)
        } catch {
            throw InputFile.Failure(
                message: "\(path == "-" ? "standard input" : path) \(error.description)")
        }
    }

    private func report(_ document: TimingDocument?) async throws -> LipSyncReport {
        let sound = try sound(of: document)
        let language = document?.language ?? options.language
        if options.subject == .prosody {
            guard sound != nil else {
                throw InputFile.Failure(message: "there is no wav to listen to")
            }
            return LipSyncReport(options: options, timed: nil, table: .world, sound: sound)
        }
        let mono = sound.map { MonoSound($0.samples, rate: Double($0.rate)) }
        let timing = try await timing(document?.content ?? .nothing, language, sound)
        let phones = try TimedPhones.resolve(timing, sound: mono, language: language)
        return LipSyncReport(
            options: options, timed: phones, table: .chosen(for: language, own: table), sound: sound
        )
    }

    private func timing(
        _ content: TimingDocument.Content, _ language: String, _ sound: WAVFile?
    ) async throws -> SpeechTiming {
        switch content {
        case .phones(let phones): return .phones(phones)
        case .words(var words):
            let lists = try await languages.phones(
                of: words.map(\.text), language: language, hasSound: sound != nil)
            for (index, list) in lists.enumerated() where index < words.count {
                words[index].phones = list
            }
            return .words(words)
        case .text(let words, let start, let end):
            guard let end = end ?? sound?.duration else {
                throw InputFile.Failure(
                    message: "a text without times needs its sound: give a wav, or end_ms")
            }
            let lists = try await languages.phones(
                of: words, language: language, hasSound: sound != nil)
            let spoken = zip(words, lists).map { SpokenWord($0, phones: $1) }
            return .span(spoken, start: start ?? 0, end: end)
        case .nothing:
            guard sound != nil else {
                throw InputFile.Failure(
                    message:
                        "it has neither phones, words, characters nor text, and there is no wav")
            }
            return .audio
        }
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as InputFile.Failure: return error.message
        case let error as TimingDocument.Failure: return error.description
        case let error as TimingError: return unended(error.description)
        case let error as VoiceError: return unended(error.description)
        default: return "\(error)"
        }
    }

    private static func unended(_ sentence: String) -> String {
        sentence.last == "." ? String(sentence.dropLast()) : sentence
    }
}
