// SPDX-License-Identifier: Apache-2.0

/// What must not stand in a log.
public enum Redaction {
    /// Stands for a value that is not shown.
    public static let mark = "<redacted>"

    /// Begins the keys of personal data.
    static let personalPrefix = "pii."

    /// Words of keys whose values are never shown, whoever logs them: the second line of defence.
    private static let secretWords: Set<Substring> = [
        "secret", "password", "passwd", "token", "jwt", "authorization", "credential",
        "credentials", "cookie", "apikey", "pwd",
    ]

    /// Whether a key's value is shown on a level.
    static func isShown(key: String, level: LogLevel) -> Bool {
        if key.hasPrefix(personalPrefix), level > .debug { return false }
        let words = key.lowercased().split { "._-".contains($0) }
        if words.contains(where: secretWords.contains) { return false }
        return
            !(words.last == "key" && words.dropLast().contains { ["api", "private"].contains($0) })
    }

    /// A URL without user information, query and fragment, each of which may carry a token.
    ///
    /// Text that is not a URL is cut at the first `?` or `#` all the same.
    public static func url(_ url: String) -> String {
        var rest = url[...]
        if let end = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        guard let scheme = rest.range(of: "://") else {
            // `user:password@host` without a scheme.
            let authority = rest.prefix { $0 != "/" }
            guard let at = authority.lastIndex(of: "@") else { return String(rest) }
            return String(rest[rest.index(after: at)...])
        }
        let authority = rest[scheme.upperBound...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return String(rest) }
        return String(rest[..<scheme.upperBound]) + rest[rest.index(after: at)...]
    }
}

extension Substring {
    /// Where a short ASCII pattern stands first.
    fileprivate func range(of pattern: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(pattern) {
                return start..<index(start, offsetBy: pattern.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
