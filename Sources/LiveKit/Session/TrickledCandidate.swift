// SPDX-License-Identifier: Apache-2.0
internal import Base

/// A candidate as browsers write it in JSON (W3C `RTCIceCandidateInit`).
public struct TrickledCandidate: Hashable, Sendable {
    /// The candidate's line, `candidate:…`; empty for "no more".
    public var candidate: String
    /// The section's name.
    public var mid: String?
    /// The section's place.
    public var sectionIndex: UInt16?
    /// The user name that it belongs to.
    public var usernameFragment: String?

    /// The longest JSON text that is read, in bytes; real ones have 200.
    public static let maxLength = 4096

    /// A candidate for the first section, which with BUNDLE is for all of them.
    ///
    /// The name and the place are both written: the Rust SDK insists on both.
    public init(candidate: String, usernameFragment: String? = nil) {
        self.candidate = candidate
        mid = "0"
        sectionIndex = 0
        self.usernameFragment = usernameFragment
    }

    /// Reads `candidateInit`; nil for anything that holds no candidate.
    public init?(json text: String) {
        guard text.utf8.count <= Self.maxLength,
            let json = try? JSONValue(parsing: text, maxDepth: 4),
            let candidate = json["candidate"]?.string
        else { return nil }
        self.candidate = candidate
        mid = json["sdpMid"]?.string
        sectionIndex = json["sdpMLineIndex"]?.int.flatMap { UInt16(exactly: $0) }
        usernameFragment = json["usernameFragment"]?.string
    }

    /// The text of `candidateInit`.
    public var json: String {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            json.member("candidate", candidate)
            if let mid { json.member("sdpMid", mid) } else { json.member("sdpMid", .null) }
            if let sectionIndex {
                json.member("sdpMLineIndex", sectionIndex)
            } else {
                json.member("sdpMLineIndex", .null)
            }
            if let usernameFragment {
                json.member("usernameFragment", usernameFragment)
            } else {
                json.member("usernameFragment", .null)
            }
        }
        return json.text
    }
}
