// SPDX-License-Identifier: Apache-2.0
public import Base
public import LipSync

/// What somebody knows about the times of an utterance, as JSON.
///
/// One object with the best of these that is known:
///
/// - `phones`: `[{"phone","start_ms","end_ms"}]`, ARPABET or IPA;
/// - `words`: `[{"text","start_ms","end_ms"}]`;
/// - `characters` with `character_start_times_seconds` and `character_end_times_seconds`, or
///   `chars` with `charStartTimesMs` and `charDurationsMs`, at the top or in an `alignment`, as
///   ElevenLabs sends them; a normalised alignment is preferred, since it is what was spoken;
/// - `text`, with `start_ms` and `end_ms` if they are known;
///
/// and with `language`, `id`, `wav`. Other members are passed over.
public struct TimingDocument: Sendable {
    /// What is known, without pronunciation.
    public enum Content: Sendable {
        /// Every sound.
        case phones([Phone])
        /// Words, whose `phones` are still empty.
        case words([WordTiming])
        /// Words in order, and between which milliseconds they are spoken.
        case text([String], start: Double?, end: Double?)
        /// Nothing: the sound must do.
        case nothing
    }

    /// Why a document is not taken: one sentence.
    public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// The sentence, without a full stop.
        public let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// What the caller calls it.
    public let id: JSONValue?
    /// BCP 47.
    public let language: String?
    /// A file with its sound.
    public let wav: String?
    /// What is known.
    public let content: Content

    /// Largest document, bytes: an hour of words has 4 MB.
    public static let maxBytes = 16 << 20
    /// Longest name of a sound, bytes.
    static let maxSymbol = 32
    /// What stands for a pause in a tier of words, in lower case.
    private static let pauses: Set<String> = ["sp", "sil", "<sil>", "<eps>", "<s>", "</s>"]
    /// Longest word, bytes.
    static let maxWord = 1000

    /// Parses the text of a document.
    public init(parsing bytes: [UInt8]) throws(Failure) {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes, maxBytes: Self.maxBytes)
        } catch {
            throw Failure("it is no JSON: \(error.description)")
        }
        try self.init(json)
    }

    /// Reads a document.
    public init(_ json: JSONValue) throws(Failure) {
        guard json.members != nil else { throw Failure("it is no JSON object") }
        id = json["id"]
        language = try Self.text(json, "language")
        if let language, language.isEmpty || language.utf8.count > 35 {
            throw Failure("language must be a tag like en or de-AT")
        }
        wav = try Self.text(json, "wav")
        content = try Self.content(json)
    }

    private static func content(_ json: JSONValue) throws(Failure) -> Content {
        // An empty list tells nothing that another form might not tell.
        if let list = try array(json, "phones"), !list.isEmpty {
            return .phones(try phones(list))
        }
        if let list = try array(json, "words"), !list.isEmpty { return .words(try words(list)) }
        for name in ["normalized_alignment", "normalizedAlignment", "alignment"] {
            if let inner = json[name], !inner.isNull, let found = try characters(inner),
                !found.isEmpty
            {
                return .words(WordTiming.words(of: found))
            }
        }
        if let found = try characters(json), !found.isEmpty {
            return .words(WordTiming.words(of: found))
        }
        guard let text = try text(json, "text") else { return .nothing }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        return .text(
            words, start: try number(json, "start_ms", "text"),
            end: try number(json, "end_ms", "text"))
    }

    // MARK: Forms

    private static func phones(_ list: [JSONValue]) throws(Failure) -> [Phone] {
        var phones: [Phone] = []
        phones.reserveCapacity(list.count)
        for (index, entry) in list.enumerated() {
            let place = "phones[\(index)]"
            guard let symbol = (entry["phone"] ?? entry["text"])?.string,
                symbol.utf8.count <= maxSymbol
            else { throw Failure("\(place).phone must be the name of a sound") }
            let (start, end) = try times(entry, place)
            // A time that runs backwards is for whoever orders the sounds to refuse.
            var phone = Phone(symbol, start: start, end: end)
            phone.end = end
            phones.append(phone)
        }
        return phones
    }

    private static func words(_ list: [JSONValue]) throws(Failure) -> [WordTiming] {
        var words: [WordTiming] = []
        words.reserveCapacity(list.count)
        for (index, entry) in list.enumerated() {
            let place = "words[\(index)]"
            guard let text = (entry["text"] ?? entry["word"])?.string, text.utf8.count <= maxWord
            else { throw Failure("\(place).text must be a word") }
            let (start, end) = try times(entry, place)
            // What aligners write between words.
            if pauses.contains(text.lowercased()) { continue }
            words.append(WordTiming(text, phones: [], start: start, end: end))
        }
        return words
    }

    private static func times(
        _ entry: JSONValue, _ place: String
    ) throws(Failure) -> (start: Double, end: Double) {
        guard let start = try number(entry, "start_ms", place) else {
            throw Failure("\(place).start_ms is missing")
        }
        guard let end = try number(entry, "end_ms", place) else {
            throw Failure("\(place).end_ms is missing")
        }
        return (start, end)
    }

    private static func characters(_ json: JSONValue) throws(Failure) -> [CharacterTiming]? {
        if let texts = try array(json, "characters") {
            return try characters(
                texts, json, starts: ["character_start_times_seconds"],
                ends: ["character_end_times_seconds"], scale: 1000, areDurations: false)
        }
        if let texts = try array(json, "chars") {
            return try characters(
                texts, json, starts: ["charStartTimesMs", "charsStartTimesMs"],
                ends: ["charDurationsMs", "charsDurationsMs"], scale: 1, areDurations: true)
        }
        return nil
    }

    private static func characters(
        _ texts: [JSONValue], _ json: JSONValue, starts: [String], ends: [String], scale: Double,
        areDurations: Bool
    ) throws(Failure) -> [CharacterTiming] {
        let from = try numbers(json, starts, texts.count)
        let to = try numbers(json, ends, texts.count)
        var characters: [CharacterTiming] = []
        characters.reserveCapacity(texts.count)
        for (index, text) in texts.enumerated() {
            guard let text = text.string, text.utf8.count <= maxWord else {
                throw Failure("characters[\(index)] must be a text")
            }
            let start = from[index] * scale
            let end = to[index] * scale + (areDurations ? start : 0)
            characters.append(CharacterTiming(text, start: start, end: end))
        }
        return characters
    }

    private static func numbers(
        _ json: JSONValue, _ names: [String], _ count: Int
    ) throws(Failure) -> [Double] {
        for name in names {
            guard let list = try array(json, name) else { continue }
            guard list.count == count else {
                throw Failure("\(name) has \(list.count) times for \(count) characters")
            }
            var numbers: [Double] = []
            numbers.reserveCapacity(count)
            for (index, entry) in list.enumerated() {
                guard let number = entry.number, number.isFinite else {
                    throw Failure("\(name)[\(index)] must be a number")
                }
                numbers.append(number)
            }
            return numbers
        }
        throw Failure("\(names[0]) is missing")
    }

    // MARK: Members

    private static func array(_ json: JSONValue, _ name: String) throws(Failure) -> [JSONValue]? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let array = value.array else { throw Failure("\(name) must be a list") }
        return array
    }

    private static func text(_ json: JSONValue, _ name: String) throws(Failure) -> String? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Failure("\(name) must be a text") }
        return text
    }

    private static func number(
        _ json: JSONValue, _ name: String, _ place: String
    ) throws(Failure) -> Double? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.number, number.isFinite else {
            throw Failure("\(place).\(name) must be a number")
        }
        return number
    }
}
