// SPDX-License-Identifier: Apache-2.0

/// What the mouth does for every sound of a language.
///
/// Read from a text that a person can edit: the files beside this one, and a user's own. A sound that
/// a table does not have is taken from the table that it extends, then from the table of the whole
/// IPA; what is unknown even there leaves the lips to its neighbours.
public struct ArticulationTable: Sendable {
    /// One sound, for all mouth systems.
    struct Sound: Sendable {
        var mouth: Articulation
        /// The same shapes in Oculus's fifteen: share and weights.
        var oculus: [(share: Double, shape: OculusShape)]
        /// Azure's ids, one or two: share and id.
        var azure: [(share: Double, id: Int)]
        var rhubarb: RhubarbRule
    }

    /// Dominance and spread, by name.
    struct Kind: Sendable {
        var strength: Double
        var onset: Double
        var offset: Double
        var shortest = 0.0
        /// Peak of the lips' contact, where such sounds touch; 0 where not.
        var lips = 0.0
        /// Peak of the contact of lip and teeth.
        var teeth = 0.0
    }

    /// The language it is for: a tag's first part in lower case (`en`), `world` for all.
    public internal(set) var language = "world"
    var sounds: [String: Sound] = [:]
    var kinds: [String: Kind] = [:]

    init() {}

    // MARK: The tables that are built in

    /// The languages that have a table of their own.
    public static let languages = ["en", "de", "es", "fr", "it"]
    /// English.
    public static let english = embedded(PackageResources.en_mouth, "en.mouth")
    /// German.
    public static let german = embedded(PackageResources.de_mouth, "de.mouth")
    /// Spanish.
    public static let spanish = embedded(PackageResources.es_mouth, "es.mouth")
    /// French.
    public static let french = embedded(PackageResources.fr_mouth, "fr.mouth")
    /// Italian.
    public static let italian = embedded(PackageResources.it_mouth, "it.mouth")
    /// Every sound of the IPA, for all other languages.
    public static let world: ArticulationTable = {
        let bytes = PackageResources.world_mouth
        return (try? ArticulationTable(reading: bytes, file: "world.mouth", base: { _ in nil }))
            ?? ArticulationTable()
    }()

    /// The table of a language.
    ///
    /// - Parameter tag: `de`, `de-AT`, `de_DE`, in any case.
    /// - Returns: the language's own table, or that of the whole IPA.
    public static func builtIn(for tag: String) -> ArticulationTable {
        named(primary(tag)) ?? world
    }

    /// A user's own table for its language, or for all if it is for the world; else the one that is
    /// built in.
    public static func chosen(for tag: String, own: ArticulationTable?) -> ArticulationTable {
        guard let own, own.language == primary(tag) || own.language == "world" else {
            return builtIn(for: tag)
        }
        return own
    }

    static func named(_ name: String) -> ArticulationTable? {
        switch name {
        case "en": english
        case "de": german
        case "es": spanish
        case "fr": french
        case "it": italian
        case "world": world
        default: nil
        }
    }

    /// The first part of a language tag, in lower case: what comes before "-" or "_".
    public static func primary(_ tag: String) -> String {
        String(tag.prefix { $0 != "-" && $0 != "_" }).lowercased()
    }

    private static func embedded(_ bytes: [UInt8], _ file: String) -> ArticulationTable {
        // A table that is built in and cannot be read is found by the tests; a mouth that follows
        // the whole IPA is what is left then.
        (try? ArticulationTable(
            reading: bytes, file: file, base: { $0 == "world" ? world : nil })) ?? world
    }

    // MARK: A user's own

    /// Reads a table of the user's.
    ///
    /// It extends the one that is built in for its language, unless it says otherwise.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text, at most 256 KiB.
    ///   - file: the name for messages.
    /// - Throws: what is wrong first, with file and line.
    public init(parsing bytes: [UInt8], file: String) throws(ArticulationTableError) {
        try self.init(reading: bytes, file: file, base: Self.named)
    }

    private init(
        reading bytes: [UInt8], file: String, base: @escaping (String) -> ArticulationTable?
    ) throws(ArticulationTableError) {
        var reader = ArticulationTableReader(file: file, base: base)
        self = try reader.read(bytes)
    }

    // MARK: Looking up

    /// What the mouth does for a sound.
    public func articulation(of phone: Phone) -> Articulation { sound(of: phone).mouth }

    /// Whether the symbol stands in this table or the one of the whole IPA.
    public func knows(_ symbol: String) -> Bool { sounds[symbol] != nil }

    func sound(of phone: Phone) -> Sound {
        let symbol = phone.symbol
        // Only English tells stress apart, and only where it writes the digit.
        if let sound = sounds["\(symbol)\(phone.stress)"] ?? sounds[symbol] { return sound }
        if let sound = Self.english.sounds[symbol] { return sound }
        return composed(symbol) ?? Self.free
    }

    /// A cluster that no table has: the sounds of its first and last letter, after each other.
    private func composed(_ symbol: String) -> Sound? {
        let letters = symbol.unicodeScalars.filter { $0 != "\u{303}" }.map { String($0) }
        guard let first = letters.first.flatMap({ sounds[$0] }) else {
            return letters.last.flatMap { sounds[$0] }
        }
        guard letters.count > 1, let last = letters.last.flatMap({ sounds[$0] }) else {
            return first
        }
        var sound = first
        sound.mouth.parts = Self.joined(first.mouth.parts, last.mouth.parts) {
            var part = $0
            part.share /= 2
            return part
        }
        sound.mouth.strength = max(first.mouth.strength, last.mouth.strength)
        sound.oculus = Self.joined(first.oculus, last.oculus) { ($0.share / 2, $0.shape) }
        sound.azure = Self.joined(first.azure, last.azure) { ($0.share / 2, $0.id) }
        sound.rhubarb = RhubarbRule(first.rhubarb, then: last.rhubarb)
        return sound
    }

    private static func joined<Part>(
        _ first: [Part], _ second: [Part], _ half: (Part) -> Part
    ) -> [Part] {
        (first + second).map(half)
    }

    /// A sound without a target of its own: the neighbours win.
    private static let free: Sound = {
        let shape = MouthShape([(.e, 0.4), (.rest, 0.3), (.ai, 0.3)])
        return Sound(
            mouth: Articulation(
                parts: [.init(share: 1, shape: shape)], strength: 0.12, onset: 30, offset: 30,
                shortest: 0),
            oculus: [(1, OculusShape(.kk))], azure: [(1, 20)], rhubarb: .any)
    }()
}

/// What is wrong with a table, and where.
public struct ArticulationTableError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file's name as given.
    public let file: String
    /// Counted from 1; 0 for the file as a whole.
    public let line: Int
    /// What is wrong.
    public let message: String

    /// `my.mouth:12: there is no kind rond`
    public var description: String {
        line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
    }
}
