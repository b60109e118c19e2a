// SPDX-License-Identifier: Apache-2.0
public import Base

/// One HTTP request, as the routes look at it.
public struct APICall: Sendable {
    /// The method, upper case.
    public var method: String
    /// The path without query, as it was sent.
    public var path: String
    /// Header fields in their order.
    public var headers: [(name: String, value: String)]
    /// The body, whole and bounded by the server.
    public var body: [UInt8]
    /// Whose requests are counted together, as far as that can be believed; nil: nobody's.
    public var client: IPAddress?

    /// Joins the parts of a request.
    public init(
        method: String, path: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], client: IPAddress? = nil
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.client = client
    }

    /// The first value of a header; names compare without case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }

    /// The body as an object; an empty one counts as `{}`.
    func fields() throws(APIError) -> Fields {
        guard body.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            return Fields(.object([]))
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body, maxBytes: Issuer.bodyMax, maxDepth: 16)
        } catch {
            throw APIError.badJSON(error.description)
        }
        guard value.members != nil else { throw APIError.notAnObject }
        return Fields(value)
    }
}

/// One HTTP answer.
public struct APIAnswer: Sendable {
    /// The HTTP status.
    public var status: Int
    /// Header fields in their order.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    init(status: Int, json: [UInt8]) {
        self.status = status
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        body = json
    }

    init(status: Int) {
        self.status = status
        headers = []
        body = []
    }

    init(status: Int = 200, _ body: (inout JSONWriter) -> Void) {
        var json = JSONWriter(capacity: 512)
        json.object(body)
        self.init(status: status, json: json.bytes)
    }
}

/// The members of a request's body, each read with its rule. Unknown ones are ignored; null counts as
/// absent.
struct Fields {
    private let object: JSONValue

    init(_ object: JSONValue) {
        self.object = object
    }

    private func value(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    func string(_ name: String, maxCharacters: Int) throws(APIError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw .invalidField(name, "must be text") }
        guard text.count <= maxCharacters, text.utf8.count <= 4 * maxCharacters else {
            throw .invalidField(name, "must have at most \(maxCharacters) characters")
        }
        return text
    }

    /// A field that has two names, in the order of preference.
    func string(
        oneOf first: String, _ second: String, maxCharacters: Int
    ) throws(APIError) -> String? {
        if let text = try string(first, maxCharacters: maxCharacters) { return text }
        return try string(second, maxCharacters: maxCharacters)
    }

    func bool(_ name: String) throws(APIError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.bool else { throw .invalidField(name, "must be true or false") }
        return flag
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(APIError) -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw .invalidField(
                name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return Int(number)
    }

    /// Text as it is, or any other JSON written out.
    func metadata(_ name: String, maxBytes: Int) throws(APIError) -> String? {
        guard let value = value(name) else { return nil }
        var text = value.string
        if text == nil {
            var json = JSONWriter()
            json.value(value)
            text = json.text
        }
        guard let text, text.utf8.count <= maxBytes else {
            throw .invalidField(name, "must have at most \(maxBytes) bytes")
        }
        return text
    }

    func stringMap(_ name: String, maxBytes: Int) throws(APIError) -> [String: String]? {
        guard let value = value(name) else { return nil }
        guard let members = value.members else { throw .invalidField(name, "must be an object") }
        var map: [String: String] = [:]
        var bytes = 0
        for member in members {
            guard let text = member.value.string else {
                throw .invalidField(name, "must hold text only")
            }
            bytes += member.name.utf8.count + text.utf8.count
            map[member.name] = text
        }
        guard bytes <= maxBytes else {
            throw .invalidField(name, "must have at most \(maxBytes) bytes")
        }
        return map
    }

    func object(_ name: String) throws(APIError) -> JSONValue? {
        guard let value = value(name) else { return nil }
        guard value.members != nil else { throw .invalidField(name, "must be an object") }
        return value
    }

    /// What to say: 1…5,000 characters, at most 20 kB, not blank.
    func text() throws(APIError) -> String {
        guard let value = value("text") else { throw .invalidField("text", "is missing") }
        guard let text = value.string else { throw .invalidField("text", "must be a string") }
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw .invalidField("text", "must not be empty")
        }
        guard text.count <= Issuer.textCharactersMax, text.utf8.count <= Issuer.textBytesMax else {
            throw .invalidField("text", "must have at most 5,000 characters and 20,000 bytes")
        }
        return text
    }
}
